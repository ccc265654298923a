//! An answer is made inside the transaction that writes its entry: entry, proofs and stored response are one.

use medrec_accesslog::Body;
use medrec_gate::{
    Answer, Entries, Header, Proven, ReadProof, Record, VerifiedRequest,
    answer::{self, CONTENT_TYPE},
};
use medrec_merkle::Hash;
use medrec_wallet::ContractRef;
use rand_core::OsRng;
use sqlx::SqliteConnection;

use super::{Keys, decide::Viewer, stored::Stored};
use crate::{
    filing::{self, Current, sealer::Sealed},
    log::{self, Head, append, tree},
    store::{from_db, to_db},
};

/// Entries in one answer; the next request goes on behind the last.
const ENTRIES: u32 = 500;

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
    #[error("encode the entry of a read: {0}")]
    Body(#[from] medrec_accesslog::BodyError),
    #[error("make an answer: {0}")]
    Gate(#[from] medrec_gate::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A read that was permitted, with its records as filed.
pub struct Read {
    pub scope: String,
    pub scope_hash: Hash,
    pub viewer: Viewer,
    pub grant: Option<u32>,
    /// Height the permission was decided at.
    pub height: u64,
    pub at: u64,
    pub records: Vec<Current>,
}

impl Read {
    fn manifest(&self) -> Hash {
        answer::manifest(self.records.iter().map(|record| (&record.id, record.version, &record.commitment)))
    }

    fn count(&self) -> Result<u32, Error> {
        u32::try_from(self.records.len()).map_err(|_| Error::TooMany)
    }

    /// What the log says of this read.
    pub fn body(&self, request: &VerifiedRequest) -> Result<Body, Error> {
        let body = medrec_accesslog::Read {
            at: self.at,
            height: self.height,
            request: request.hash,
            grant: self.grant,
            requester: request.address.clone(),
            scope: self.scope.clone(),
            purpose: request.purpose.as_str().to_owned(),
            card: None,
            viewer_name: String::new(),
            viewer_role: String::new(),
            viewer_institution: 0,
            record_count: self.count()?,
            manifest: self.manifest(),
        };
        Ok(Body::Read(self.viewer.clone().into_body(body)))
    }
}

/// A read whose entry stands in the log.
pub struct Written {
    pub sealed: Sealed,
    /// CBOR of the entry's body.
    pub body: Vec<u8>,
    /// Next entry of the relationship.
    pub counter: u64,
}

/// The sealed answer to a read, proven against `head`, which covers its entry.
pub async fn read(
    connection: &mut SqliteConnection,
    keys: &Keys,
    contract: &ContractRef,
    request: &VerifiedRequest,
    read: &Read,
    written: &Written,
    head: Head,
) -> Result<Stored, Error> {
    let header = Header {
        request: request.hash,
        relationship: request.relationship,
        scope: read.scope.clone(),
        scope_hash: read.scope_hash,
        purpose: request.purpose.as_str().to_owned(),
        grant: read.grant,
        height: read.height,
        at: read.at,
        count: read.count()?,
        complete: true,
        manifest: read.manifest(),
        counter: written.counter,
    };
    let Sealed { index, entry, blind } = &written.sealed;
    let mut indices: Vec<u64> = read.records.iter().map(|record| record.entry).collect();
    indices.push(*index);
    let mut proofs = tree::inclusion_proofs(connection, &indices, head.size).await?;
    let read_proof = proofs.pop().unwrap_or_default();
    let mut records = Vec::with_capacity(read.records.len());
    for (record, proof) in read.records.iter().zip(proofs) {
        let filed = append::entry(connection, record.entry).await?;
        records.push(Record {
            id: record.id,
            version: record.version,
            resource: record.resource.clone(),
            version_key: *record.key.version_key(record.version).as_bytes(),
            filed: Proven { index: record.entry, entry: *filed.as_bytes(), proof },
        });
    }
    let answer = Answer {
        signature: header.sign(contract, &keys.signing)?,
        header,
        records,
        read: ReadProof {
            index: *index,
            entry: *entry.as_bytes(),
            proof: read_proof,
            blind: *blind,
            body: written.body.clone(),
        },
        checkpoint: log::checkpoint(&keys.log, head).note(),
    };
    seal(request, &answer)
}

/// The sealed answer to a look at the relationship's entries behind log index `start_after`.
pub async fn entries(
    connection: &mut SqliteConnection,
    keys: &Keys,
    request: &VerifiedRequest,
    start_after: Option<u64>,
    head: Head,
) -> Result<Stored, Error> {
    let indices: Vec<i64> =
        sqlx::query_scalar("SELECT idx FROM entries WHERE relationship = ? AND idx > ? ORDER BY idx LIMIT ?")
            .bind(to_db(request.relationship))
            .bind(start_after.map_or(-1, to_db))
            .bind(ENTRIES)
            .fetch_all(&mut *connection)
            .await?;
    let indices: Vec<u64> = indices.into_iter().map(from_db).collect();
    let proofs = tree::inclusion_proofs(connection, &indices, head.size).await?;
    let mut entries = Vec::with_capacity(indices.len());
    for (index, proof) in indices.into_iter().zip(proofs) {
        let entry = append::entry(connection, index).await?;
        entries.push(Proven { index, entry: *entry.as_bytes(), proof });
    }
    let checkpoint = log::checkpoint(&keys.log, head).note();
    seal(request, &Entries { entries, checkpoint })
}

fn seal<T: serde::Serialize>(request: &VerifiedRequest, answer: &T) -> Result<Stored, Error> {
    let body = answer::seal(&mut OsRng, &request.reply_key, &request.hash, answer)?;
    Ok(Stored { status: 200, content_type: CONTENT_TYPE.to_owned(), body })
}
