//! What is stored of the seals. A seal and the template it freezes are one row, plain bytes: a write costs 2,000 gas
//! and 30 a byte.

use cosmwasm_std::{Addr, Order, Storage};
use cw_storage_plus::Map;
use medrec_api::authlog::{Error, SEAL_COUNT_KEY, sealed_by_key};
use medrec_merkle::{Hash, heads::Node};
use medrec_pow::{Header, Target, U256};
use medrec_seals::{Retarget, Rules, Watched, sealed_root};

use crate::rows::{Row, push_text};

/// What the consortium set last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub rules: Rules,
    pub challenge_seconds: u64,
    /// Number of the first template under these rules.
    pub from: u64,
    pub watched: Vec<String>,
}

const SETTINGS: &[u8] = b"sealing";

impl Settings {
    fn to_bytes(&self) -> Vec<u8> {
        let Self { rules: Rules { interval, half_life, anchor, easiest, hardest }, .. } = self;
        let mut row: Vec<u8> = [anchor, easiest, hardest].map(|target| target.to_be_bytes()).concat();
        row.extend(
            [interval, half_life, &self.challenge_seconds, &self.from].map(|n| n.to_be_bytes()).concat(),
        );
        self.watched.iter().for_each(|contract| push_text(&mut row, contract));
        row
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = Row::new(bytes);
        let (anchor, easiest, hardest) = (target(&mut row)?, target(&mut row)?, target(&mut row)?);
        let (interval, half_life) = (row.u64()?, row.u64()?);
        let (challenge_seconds, from) = (row.u64()?, row.u64()?);
        let mut watched = Vec::new();
        while !row.ended() {
            watched.push(row.text()?);
        }
        let rules = Rules { interval, half_life, anchor, easiest, hardest };
        Some(Self { rules, challenge_seconds, from, watched })
    }
}

fn target(row: &mut Row) -> Option<Target> {
    Target::from_be_bytes(&row.hash()?).ok()
}

/// None before the first `set_sealing`.
pub fn settings(storage: &dyn Storage) -> Result<Option<Settings>, Error> {
    match storage.get(SETTINGS) {
        None => Ok(None),
        Some(row) => Settings::from_bytes(&row).map(Some).ok_or(Error::Damaged { item: "sealing" }),
    }
}

pub fn settings_for(storage: &dyn Storage, operation: &'static str) -> Result<Settings, Error> {
    settings(storage)?.ok_or(Error::NoSealing { operation })
}

/// Settings of all time, by the number of the first template under them: who checks a chain of seals needs them all.
const HISTORY: Map<u64, Vec<u8>> = Map::new("sealings");

pub fn save_settings(storage: &mut dyn Storage, settings: &Settings) {
    let row = settings.to_bytes();
    storage.set(SETTINGS, &row);
    storage.set(&HISTORY.key(settings.from), &row);
}

/// In order of `from`, those after `start_after`. For queries.
pub fn history(storage: &dyn Storage, start_after: u64, limit: usize) -> Result<Vec<Settings>, Error> {
    let from = HISTORY.key(start_after.saturating_add(1));
    // Right behind the last possible row.
    let until = [&HISTORY.key(u64::MAX)[..], &[0]].concat();
    let rows = storage.range(Some(&from), Some(&until), Order::Ascending).take(limit);
    let damaged = || Error::Damaged { item: "settings of the seals" };
    rows.map(|(_, row)| Settings::from_bytes(&row).ok_or_else(damaged)).collect()
}

/// Seals so far.
pub fn seals(storage: &dyn Storage) -> Result<u64, Error> {
    let damaged = Error::Damaged { item: "number of seals" };
    match storage.get(SEAL_COUNT_KEY) {
        None => Ok(0),
        Some(row) => row.try_into().map(u64::from_be_bytes).map_err(|_| damaged),
    }
}

/// Number of the template that is frozen next: what changes now counts from it on.
pub fn next_template(storage: &dyn Storage) -> Result<u64, Error> {
    let frozen = u64::from(storage.get(SETTINGS).is_some());
    Ok(seals(storage)?.saturating_add(1).saturating_add(frozen))
}

/// A contract whose log and code are sealed, and the code it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub contract: String,
    pub id: u64,
    pub checksum: Hash,
}

/// Lists of contracts with their codes, numbered: a new one only when a code or the list changes.
const CODES: Map<u32, Vec<u8>> = Map::new("codes");

pub fn codes(storage: &dyn Storage, list: u32) -> Result<Vec<Code>, Error> {
    let damaged = || Error::Damaged { item: "watched codes" };
    let bytes = storage.get(&CODES.key(list)).ok_or_else(damaged)?;
    let (mut row, mut codes) = (Row::new(&bytes), Vec::new());
    let count = row.byte().ok_or_else(damaged)?;
    for _ in 0..count {
        let read =
            |row: &mut Row| Some(Code { contract: row.text()?, id: row.u64()?, checksum: row.hash()? });
        codes.push(read(&mut row).ok_or_else(damaged)?);
    }
    row.end(codes).ok_or_else(damaged)
}

pub fn save_codes(storage: &mut dyn Storage, list: u32, codes: &[Code]) {
    // A row is never empty: the chain's storage refuses that. There are at most 8.
    let mut row = vec![u8::try_from(codes.len()).unwrap_or(u8::MAX)];
    for Code { contract, id, checksum } in codes {
        push_text(&mut row, contract);
        row.extend(id.to_be_bytes());
        row.extend(checksum);
    }
    storage.set(&CODES.key(list), &row);
}

/// What a seal vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub number: u64,
    pub previous: Hash,
    /// Block time in seconds.
    pub frozen_at: u64,
    pub heads: Node,
    pub retarget: Retarget,
    /// Of all seals before.
    pub work: U256,
    /// Which list of [`codes`] is watched.
    pub list: u32,
    /// Size and root of each watched contract's own log.
    pub logs: Vec<(u64, Hash)>,
    pub codes: Vec<Code>,
}

impl Template {
    pub fn watched(&self) -> impl Iterator<Item = Watched<'_>> {
        self.codes.iter().zip(&self.logs).map(|(code, (size, root))| Watched {
            contract: &code.contract,
            size: *size,
            root: *root,
            checksum: code.checksum,
        })
    }

    pub fn sealed(&self) -> Hash {
        sealed_root(&self.heads, self.watched())
    }

    pub fn header<'a>(&'a self, chain_id: &'a str, contract: &'a Addr, miner: &'a str) -> Header<'a> {
        Header {
            chain_id,
            contract: contract.as_str(),
            number: self.number,
            previous: self.previous,
            sealed: self.sealed(),
            entries: self.heads.sum,
            target: self.retarget.target,
            frozen_at: self.frozen_at,
            miner,
        }
    }
}

/// What a researcher found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub nonce: u64,
    pub mix: Hash,
    pub signature: [u8; 64],
    pub height: u64,
}

/// By the number of seals found: that seal (zeros in the row of 0) and the template after it.
const ROWS: Map<u64, Vec<u8>> = Map::new("seal");

fn to_bytes(found: &Found, after: &Template) -> Vec<u8> {
    let Found { nonce, mix, signature, height } = found;
    let Template { previous, frozen_at, heads, retarget, work, list, logs, .. } = after;
    let mut row = [nonce.to_be_bytes(), height.to_be_bytes(), frozen_at.to_be_bytes()].concat();
    row.extend(mix);
    row.extend(signature);
    row.extend(previous);
    row.extend(heads.hash);
    row.extend(retarget.target.to_be_bytes());
    row.extend(
        [heads.sum, retarget.seals, retarget.elapsed, retarget.waiting].map(u64::to_be_bytes).concat(),
    );
    push_number(&mut row, &retarget.mean);
    push_number(&mut row, work);
    row.extend(list.to_be_bytes());
    for (size, root) in logs {
        row.extend(size.to_be_bytes());
        if *size > 0 {
            row.extend(root);
        }
    }
    row
}

fn from_bytes(bytes: &[u8], number: u64) -> Option<(Found, Template)> {
    let mut row = Row::new(bytes);
    let (nonce, height, frozen_at) = (row.u64()?, row.u64()?, row.u64()?);
    let found = Found { nonce, height, mix: row.hash()?, signature: row.chunk()? };
    let (previous, hash, target) = (row.hash()?, row.hash()?, target(&mut row)?);
    let (sum, seals) = (row.u64()?, row.u64()?);
    let (elapsed, waiting) = (row.u64()?, row.u64()?);
    let (mean, work) = (number_of(&mut row)?, number_of(&mut row)?);
    let list = row.u32()?;
    let mut logs = Vec::new();
    while !row.ended() {
        let size = row.u64()?;
        logs.push((size, if size > 0 { row.hash()? } else { medrec_merkle::root(&[]) }));
    }
    let retarget = Retarget { target, seals, elapsed, waiting, mean };
    let heads = Node { hash, sum };
    let codes = Vec::new();
    Some((found, Template { number, previous, frozen_at, heads, retarget, work, list, logs, codes }))
}

/// A number without its leading zero bytes, behind their count.
fn push_number(row: &mut Vec<u8>, number: &U256) {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    row.push(u8::try_from(zeros).unwrap_or_default());
    row.extend(bytes.iter().skip(zeros));
}

fn number_of(row: &mut Row) -> Option<U256> {
    let mut bytes = [0; 32];
    for byte in bytes.iter_mut().skip(usize::from(row.byte()?)) {
        *byte = row.byte()?;
    }
    Some(U256::from_be_bytes(&bytes))
}

/// Seal `seals` and the template after it. None if it is not there.
pub fn row(storage: &dyn Storage, seals: u64) -> Result<Option<(Found, Template)>, Error> {
    let Some(bytes) = storage.get(&ROWS.key(seals)) else { return Ok(None) };
    let number = seals.saturating_add(1);
    let damaged = Error::Damaged { item: "seal" };
    let (found, mut template) = from_bytes(&bytes, number).ok_or(damaged)?;
    template.codes = codes(storage, template.list)?;
    if template.codes.len() != template.logs.len() {
        return Err(Error::Damaged { item: "watched contracts" });
    }
    Ok(Some((found, template)))
}

/// What is being sealed now.
pub fn template(storage: &dyn Storage, operation: &'static str) -> Result<Template, Error> {
    let newest = row(storage, seals(storage)?)?;
    newest.map(|(_, template)| template).ok_or(Error::NoSealing { operation })
}

/// Keeps the first template.
pub fn save_first(storage: &mut dyn Storage, first: &Template) {
    let none = Found { nonce: 0, mix: [0; 32], signature: [0; 64], height: 0 };
    storage.set(&ROWS.key(0), &to_bytes(&none, first));
}

/// Keeps a seal, who found it, and the template it freezes.
pub fn save_seal(storage: &mut dyn Storage, number: u64, miner: &Addr, found: &Found, after: &Template) {
    storage.set(&ROWS.key(number), &to_bytes(found, after));
    storage.set(&sealed_by_key(number), miner.as_bytes());
    storage.set(SEAL_COUNT_KEY, &number.to_be_bytes());
}

/// Who found seal `number`.
pub fn miner(storage: &dyn Storage, number: u64) -> Result<String, Error> {
    let damaged = || Error::Damaged { item: "researcher of a seal" };
    let row = storage.get(&sealed_by_key(number)).ok_or_else(damaged)?;
    String::from_utf8(row).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back() {
        let template = Template {
            number: 8,
            previous: [1; 32],
            frozen_at: 1_800_000_000,
            heads: Node { hash: [2; 32], sum: 77 },
            retarget: Retarget {
                target: Target::EASIEST,
                seals: 3,
                elapsed: 180,
                waiting: 7,
                mean: U256::from(1 << 40),
            },
            work: U256::MAX,
            list: 2,
            logs: vec![(5, [3; 32]), (0, medrec_merkle::root(&[]))],
            codes: Vec::new(),
        };
        let found = Found { nonce: 9, mix: [4; 32], signature: [5; 64], height: 1_000 };
        let bytes = to_bytes(&found, &template);
        assert_eq!(from_bytes(&bytes, 8), Some((found, template)));
        // Without its logs a row is whole: their number is held against the list of codes.
        for end in 0..bytes.len() - 48 {
            assert_eq!(from_bytes(&bytes[..end], 8), None, "{end}");
        }
        let rules = Rules {
            interval: 60,
            half_life: 600,
            anchor: Target::EASIEST,
            easiest: Target::EASIEST,
            hardest: Target::HARDEST,
        };
        let watched = vec!["medrec1registrar".to_owned(), "medrec1bounty".to_owned()];
        let settings = Settings { rules, challenge_seconds: 600, from: 1, watched };
        assert_eq!(Settings::from_bytes(&settings.to_bytes()), Some(settings));
    }
}
