//! Open challenges. Each institution has one a log, with the researchers it certified, so nobody stands in another's way.

use cosmwasm_std::{Order, Storage};
use cw_storage_plus::Map;
use medrec_api::authlog::Error;
use medrec_merkle::Hash;

use crate::rows::Row;

/// An open question: show this entry of this head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The deadline is over, and somebody said so.
    pub withheld: bool,
    pub index: u64,
    pub size: u64,
    pub root: Hash,
    /// Block time, seconds.
    pub deadline: u64,
}

impl Challenge {
    fn to_bytes(&self) -> Vec<u8> {
        let Self { withheld, index, size, root, deadline } = self;
        let mut row = vec![u8::from(*withheld)];
        row.extend([index.to_be_bytes(), size.to_be_bytes()].as_flattened());
        row.extend(root);
        row.extend(deadline.to_be_bytes());
        row
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = Row::new(bytes);
        let withheld = row.byte()? == 1;
        let (index, size, root, deadline) = (row.u64()?, row.u64()?, row.hash()?, row.u64()?);
        row.end(Self { withheld, index, size, root, deadline })
    }
}

/// By slot and the challenger's institution; rows in the layout of [`Challenge::to_bytes`].
const CHALLENGES: Map<(u32, u32), Vec<u8>> = Map::new("challenge");

pub fn challenge(storage: &dyn Storage, slot: u32, challenger: u32) -> Result<Option<Challenge>, Error> {
    storage.get(&CHALLENGES.key((slot, challenger))).map(|row| read(&row)).transpose()
}

/// The challenge `operation` is about.
pub fn open(
    storage: &dyn Storage,
    operation: &'static str,
    slot: u32,
    challenger: u32,
) -> Result<Challenge, Error> {
    challenge(storage, slot, challenger)?.ok_or(Error::NoChallenge { operation, slot, challenger })
}

/// Of one log, in order of challenger, `limit` at most. For queries.
pub fn of_log(storage: &dyn Storage, slot: u32, limit: usize) -> Result<Vec<(u32, Challenge)>, Error> {
    let from = CHALLENGES.key((slot, 0));
    // Right behind the last possible row.
    let until = [&CHALLENGES.key((slot, u32::MAX))[..], &[0]].concat();
    let rows = storage.range(Some(&from), Some(&until), Order::Ascending).take(limit);
    let challenger = |key: &[u8]| key.last_chunk().map(|id| u32::from_be_bytes(*id));
    let damaged = || Error::Damaged { item: "challenger" };
    rows.map(|(key, row)| Ok((challenger(&key).ok_or_else(damaged)?, read(&row)?))).collect()
}

pub fn save(storage: &mut dyn Storage, slot: u32, challenger: u32, open: &Challenge) {
    storage.set(&CHALLENGES.key((slot, challenger)), &open.to_bytes());
}

pub fn remove(storage: &mut dyn Storage, slot: u32, challenger: u32) {
    storage.remove(&CHALLENGES.key((slot, challenger)));
}

fn read(row: &[u8]) -> Result<Challenge, Error> {
    Challenge::from_bytes(row).ok_or(Error::Damaged { item: "challenge" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_comes_back() {
        let open = Challenge { withheld: true, index: 1, size: 2, root: [3; 32], deadline: 4 };
        let bytes = open.to_bytes();
        assert_eq!(Challenge::from_bytes(&bytes), Some(open));
        for end in 0..bytes.len() {
            assert_eq!(Challenge::from_bytes(&bytes[..end]), None);
        }
    }
}
