//! The wallet's own relationships, found from the words and the chain alone (wire.md section 2).

use std::collections::HashMap;

use medrec_accesslog::Root;
use medrec_api::Status;
use medrec_api::relationship::RelationshipResponse;
use medrec_wallet::{Key, Offer, Recovery, Wallet, opening};

use crate::Error;
use crate::chain::Chain;
use crate::session::Session;

/// A relationship of this wallet.
pub struct Mine {
    pub state: RelationshipResponse,
    /// The key the relationship was opened to: its secrets come from it.
    pub first: Key,
    /// The key that acts now; none when it was rotated to an address of another wallet.
    pub present: Option<Key>,
}

/// All of them, in order of id.
pub struct Found {
    pub mine: Vec<Mine>,
    /// No index from here on is used on the chain.
    pub next_index: u32,
}

impl Found {
    /// Those she reads, or the one asked for. Her own read survives `close`.
    pub fn readable(&self, wanted: Option<u64>) -> Result<Vec<&Mine>, Error> {
        let readable = |m: &&Mine| matches!(m.state.status, Status::Active | Status::Closed);
        let wanted_too = |m: &&Mine| wanted.is_none_or(|id| id == m.state.id);
        let chosen: Vec<&Mine> = self.mine.iter().filter(wanted_too).filter(readable).collect();
        match wanted {
            Some(id) if chosen.is_empty() => Err(Error::NotYours(id)),
            _ => Ok(chosen),
        }
    }
}

/// Asks the chain in order of indices until twenty in a row are unused.
pub async fn discover(chain: &Chain, wallet: &Wallet) -> Result<Found, Error> {
    let mut recovery = Recovery::new();
    let mut keys: HashMap<String, Key> = HashMap::new();
    let mut states: HashMap<u64, RelationshipResponse> = HashMap::new();
    while let Some(range) = recovery.next() {
        let batch: Vec<Key> = range.map(|i| wallet.key(i)).collect::<Result<_, _>>()?;
        let addresses: Vec<String> = batch.iter().map(|key| key.address().to_owned()).collect();
        keys.extend(batch.into_iter().map(|key| (key.address().to_owned(), key)));
        let found = chain.relationships_of(&addresses).await?;
        let parties = found.iter().flat_map(|r| [&r.patient, &r.first_patient]);
        recovery.learn(parties.filter_map(|address| keys.get(address)).map(Key::index));
        states.extend(found.into_iter().map(|r| (r.id, r)));
    }
    let mut mine: Vec<Mine> = states
        .into_values()
        .filter_map(|state| {
            let first = keys.get(&state.first_patient)?.clone();
            let present = keys.get(&state.patient).cloned();
            Some(Mine { state, first, present })
        })
        .collect();
    mine.sort_by_key(|m| m.state.id);
    Ok(Found { mine, next_index: recovery.first_unused() })
}

/// One of them by its number.
pub async fn one(session: &Session, id: u64) -> Result<(Mine, Found), Error> {
    let mut found = discover(&session.chain, &session.wallet).await?;
    let at = found.mine.iter().position(|m| m.state.id == id).ok_or(Error::NotYours(id))?;
    Ok((found.mine.remove(at), found))
}

impl Mine {
    /// What the hospital sealed to this wallet, and the secrets both share.
    pub fn secrets(&self, chain: &Chain) -> Result<(Offer, Root), Error> {
        let RelationshipResponse { first_steward, sealed_open, .. } = &self.state;
        Ok(opening::restore(&chain.contract, first_steward, &self.first, sealed_open.as_slice())?)
    }

    /// The key that signs for the patient now.
    pub fn signer(&self) -> Result<&Key, Error> {
        self.present.as_ref().ok_or_else(|| {
            Error::Failed(format!(
                "relationship {} was moved to the address of another wallet",
                self.state.id
            ))
        })
    }
}
