//! Answers, from what is kept of them and their place in the log: entry, proofs, signatures, sealing.

use std::sync::{Arc, Mutex, PoisonError};

use medrec_gate::{
    Answer, Disclosed, Entries, Header, Listed, Promised, Proven, Receipt, Record, Refusal, VerifiedRequest,
    answer::{self, CONTENT_TYPE},
};
use medrec_merkle::Hash;
use medrec_record::relationship_ref;
use medrec_wallet::ContractRef;
use rand_core::OsRng;

use super::{
    Keys,
    kept::{self, Kept, Marked},
    proofs::Proofs,
    response::Response,
};
use crate::{
    filing,
    log::{self, Head, tree},
    store::{Store, from_db, to_db},
};

/// Entries in one answer; the next request goes on behind the last.
const ENTRIES: u32 = 500;
/// Signed notes of heads that are kept: each is used by the answers of one commit.
const NOTES: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error(transparent)]
    Log(#[from] log::Error),
    #[error(transparent)]
    Filing(#[from] filing::Error),
    #[error("more than {} records in one answer", u32::MAX)]
    TooMany,
    #[error("encode an entry: {0}")]
    Body(#[from] medrec_accesslog::BodyError),
    #[error("make an answer: {0}")]
    Gate(#[from] medrec_gate::Error),
    #[error("keep a response: {0}")]
    Kept(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Where in the log a response was answered from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Entry the request led to.
    pub index: Option<u64>,
    /// Entries of the relationship, this one included.
    pub counter: u64,
    /// Entries of the log.
    pub size: u64,
    /// Time of the commit.
    pub at: u64,
    /// The entry is under an anchor by then.
    pub due: u64,
}

/// Makes answers.
pub struct Builder {
    pub store: Arc<Store>,
    pub contract: ContractRef,
    pub keys: Keys,
    pub proofs: Proofs,
    notes: Mutex<Vec<(u64, Arc<str>)>>,
}

/// Root over the records of an answer, and how many they are.
pub fn manifest(records: &[(kept::Record, Hash)]) -> Result<(Hash, u32), Error> {
    let listed = records.iter().map(|(record, commitment)| Listed {
        id: &record.id,
        version: record.version,
        commitment,
        mark: record.marked.as_ref().map(|marked| marked.mark),
    });
    Ok((answer::manifest(listed), u32::try_from(records.len()).map_err(|_| Error::TooMany)?))
}

impl Builder {
    pub fn new(store: Arc<Store>, contract: ContractRef, keys: Keys) -> Self {
        let proofs = Proofs::new(store.clone());
        Self { store, contract, keys, proofs, notes: Mutex::default() }
    }

    /// Signs a head that is committed, for the answers of its commit.
    pub fn sign(&self, head: Head) -> Arc<str> {
        let note: Arc<str> = log::checkpoint(&self.keys.log, head).note().into();
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() >= NOTES {
            notes.remove(0);
        }
        notes.push((head.size, note.clone()));
        note
    }

    /// The response, the same for the same parts but for the sealing's randomness.
    pub async fn build(
        &self,
        request: &VerifiedRequest,
        kept: &Kept,
        position: &Position,
    ) -> Result<Response, Error> {
        match kept {
            Kept::Read(read) => self.read(request, read, position).await,
            Kept::Entries { start_after } => self.entries(request, *start_after, position).await,
            Kept::Deed { blind, body } => self.receipt(request, *blind, body, position).await,
            Kept::Refused { reason } => Ok(Response::refusal(&Refusal::new(*reason, "kept"))),
            // A stream was begun under this nonce; there is nothing to give again.
            Kept::Notices => {
                Ok(Response::refusal(&Refusal::new(medrec_gate::Reason::Replayed, "a stream is given once")))
            }
        }
    }

    async fn read(
        &self,
        request: &VerifiedRequest,
        read: &kept::Read,
        position: &Position,
    ) -> Result<Response, Error> {
        let header = Header {
            request: request.hash,
            relationship: request.relationship,
            scope: read.scope.clone(),
            scope_hash: read.scope_hash,
            purpose: request.purpose.as_str().to_owned(),
            grant: read.grant,
            height: read.height,
            at: read.at,
            count: u32::try_from(read.records.len()).map_err(|_| Error::TooMany)?,
            complete: true,
            manifest: read.manifest,
            counter: position.counter,
        };
        // Two for each record, the second only where there is a mark.
        let filed = read.records.iter().map(|record| record.filed);
        let marks =
            read.records.iter().filter_map(|record| record.marked.as_ref().map(|marked| marked.index));
        let indices: Vec<u64> = filed.chain(marks).chain(position.index).collect();
        let mut proven = self.proven(&indices, position.size).await?;
        let own = proven.pop().ok_or_else(no_entry)?;
        let mut marks = proven.split_off(read.records.len()).into_iter();
        let mut records = Vec::with_capacity(read.records.len());
        for (record, filed) in read.records.iter().zip(proven) {
            records.push(Record {
                id: record.id,
                version: record.version,
                resource: record.resource.clone(),
                version_key: record.version_key,
                mark: record.marked.as_ref().map(|marked| marked.mark),
                marked: record.marked.as_ref().and_then(|marked| Some(disclosed(marks.next()?, marked))),
                filed,
            });
        }
        let answer = Answer {
            signature: header.sign(&self.contract, &self.keys.signing)?,
            header,
            records,
            read: self.promised(own, read.blind, read.body.clone(), position),
            checkpoint: self.note(position.size).await?,
        };
        seal(request, &answer)
    }

    /// The relationship's entries behind log index `start_after`.
    async fn entries(
        &self,
        request: &VerifiedRequest,
        start_after: Option<u64>,
        position: &Position,
    ) -> Result<Response, Error> {
        let indices: Vec<i64> = sqlx::query_scalar(
            "SELECT idx FROM entries WHERE relationship = ? AND idx > ? AND idx < ? ORDER BY idx LIMIT ?",
        )
        .bind(to_db(request.relationship))
        .bind(start_after.map_or(-1, to_db))
        .bind(to_db(position.size))
        .bind(ENTRIES)
        .fetch_all(self.store.read())
        .await?;
        let indices: Vec<u64> = indices.into_iter().map(from_db).collect();
        let entries = self.proven(&indices, position.size).await?;
        let reference =
            relationship_ref(&self.contract.chain_id, &self.contract.address, request.relationship);
        let counter = self.keys.log.sign_counter(&reference, position.counter, position.size, position.at);
        seal(request, &Entries { entries, counter, checkpoint: self.note(position.size).await? })
    }

    async fn receipt(
        &self,
        request: &VerifiedRequest,
        blind: [u8; 32],
        body: &[u8],
        position: &Position,
    ) -> Result<Response, Error> {
        let indices: Vec<u64> = position.index.into_iter().collect();
        let own = self.proven(&indices, position.size).await?.pop().ok_or_else(no_entry)?;
        let entry = self.promised(own, blind, body.to_vec(), position);
        seal(request, &Receipt { entry, checkpoint: self.note(position.size).await? })
    }

    async fn proven(&self, indices: &[u64], size: u64) -> Result<Vec<Proven>, Error> {
        let entries = self.proofs.entries(indices).await?;
        let proofs = self.proofs.inclusion(indices, size).await?;
        let parts = indices.iter().zip(entries).zip(proofs);
        Ok(parts
            .map(|((index, entry), proof)| Proven { index: *index, entry: *entry.as_bytes(), proof })
            .collect())
    }

    fn promised(&self, own: Proven, blind: [u8; 32], body: Vec<u8>, position: &Position) -> Promised {
        let leaf = own.entry().leaf_hash();
        let promise = self.keys.log.promise(own.index, leaf, position.at, position.due);
        Promised { index: own.index, entry: own.entry, proof: own.proof, blind, body, promise }
    }

    /// The signed note of the log's first `size` entries.
    async fn note(&self, size: u64) -> Result<String, Error> {
        let known = {
            let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            notes.iter().find(|(of, _)| *of == size).map(|(_, note)| note.clone())
        };
        if let Some(note) = known {
            return Ok(note.as_ref().to_owned());
        }
        let mut connection = self.store.read().acquire().await?;
        let root = tree::root_at(&mut connection, size).await?;
        Ok(log::checkpoint(&self.keys.log, Head { size, root }).note())
    }
}

fn disclosed(proven: Proven, marked: &Marked) -> Disclosed {
    let Proven { index, entry, proof } = proven;
    Disclosed { index, entry, proof, blind: marked.blind, body: marked.body.clone() }
}

fn no_entry() -> Error {
    Error::Kept("no entry stands behind a response that must have one".into())
}

fn seal<T: serde::Serialize>(request: &VerifiedRequest, answer: &T) -> Result<Response, Error> {
    let body = answer::seal(&mut OsRng, &request.reply_key, &request.hash, answer)?;
    Ok(Response { status: 200, content_type: CONTENT_TYPE, body })
}
