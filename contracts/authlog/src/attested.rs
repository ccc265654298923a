//! Which heads count (docs/spec/pow.md section 6): who vouches for what, the sum tree's leaves and what they were for
//! each template.

use cosmwasm_std::{Order, Storage};
use cw_storage_plus::Map;
use medrec_api::authlog::Error;
use medrec_merkle::{self as merkle, Hash, heads::EMPTY};

use crate::{
    heads,
    rows::{Row, push_text},
};

/// What is vouched for of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// Challenges that were not answered in time; with any the slot is empty.
    pub withheld: u32,
    /// The largest head that two institutions vouch for; 0 before.
    pub size: u64,
    pub root: Hash,
    /// The largest head that anybody vouches for.
    pub newest: Option<Vouched>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Of the cosigner, or that certified him.
    pub institution: u32,
    pub size: u64,
    pub root: Hash,
    /// None: the institution itself.
    pub researcher: Option<String>,
}

impl Default for Attested {
    fn default() -> Self {
        Self { withheld: 0, size: 0, root: merkle::root(&[]), newest: None }
    }
}

impl Attested {
    /// Somebody vouches for a head of the one anchored line. True if the attested head grew.
    pub fn vouch(&mut self, by: Vouched) -> bool {
        let mut grew = false;
        if let Some(newest) = &self.newest
            && newest.institution != by.institution
        {
            // Both hold the smaller one, since anchored heads are one line.
            let common = if newest.size < by.size { newest } else { &by };
            if common.size > self.size {
                (self.size, self.root, grew) = (common.size, common.root, true);
            }
        }
        if self.newest.as_ref().is_none_or(|newest| newest.size < by.size) {
            self.newest = Some(by);
        }
        grew
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut row = self.withheld.to_be_bytes().to_vec();
        row.extend(self.size.to_be_bytes());
        row.extend(self.root);
        if let Some(Vouched { institution, size, root, researcher }) = &self.newest {
            row.extend(institution.to_be_bytes());
            row.extend(size.to_be_bytes());
            row.extend(root);
            push_text(&mut row, researcher.as_deref().unwrap_or_default());
        }
        row
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = Row::new(bytes);
        let withheld = row.u32()?;
        let (size, root) = (row.u64()?, row.hash()?);
        let newest = if row.ended() {
            None
        } else {
            let (institution, size, root) = (row.u32()?, row.u64()?, row.hash()?);
            let researcher = row.text()?;
            Some(Vouched {
                institution,
                size,
                root,
                researcher: (!researcher.is_empty()).then_some(researcher),
            })
        };
        row.end(Self { withheld, size, root, newest })
    }
}

/// By slot; rows in the layout of [`Attested::to_bytes`].
const ATTESTED: Map<u32, Vec<u8>> = Map::new("attested");

pub fn attested(storage: &dyn Storage, slot: u32) -> Result<Attested, Error> {
    match storage.get(&ATTESTED.key(slot)) {
        None => Ok(Attested::default()),
        Some(row) => Attested::from_bytes(&row).ok_or(Error::Damaged { item: "attested head" }),
    }
}

pub fn save(storage: &mut dyn Storage, slot: u32, attested: &Attested) {
    storage.set(&ATTESTED.key(slot), &attested.to_bytes());
}

/// What a slot counts from a template on: size and root. By slot and the number of that template.
const COUNTED: Map<(u32, u64), Vec<u8>> = Map::new("counted");

/// Puts a head into its slot of the sum tree, from template `template` on; size 0 empties the slot.
pub fn count(
    storage: &mut dyn Storage,
    slot: u32,
    origin: &str,
    (size, root): (u64, &Hash),
    template: u64,
) -> Result<(), Error> {
    let leaf = if size == 0 { EMPTY } else { merkle::heads::leaf(slot, origin, size, root) };
    heads::update(storage, slot, leaf)?;
    let row = [&size.to_be_bytes()[..], root].concat();
    storage.set(&COUNTED.key((slot, template)), &row);
    Ok(())
}

/// What the slot counts in a template: None if it is empty there. For queries.
pub fn counted(storage: &dyn Storage, slot: u32, template: u64) -> Result<Option<(u64, Hash)>, Error> {
    let from = COUNTED.key((slot, 0));
    // Right behind the row of `template`.
    let until = [&COUNTED.key((slot, template))[..], &[0]].concat();
    let newest = storage.range(Some(&from), Some(&until), Order::Descending).next();
    let Some((_, row)) = newest else { return Ok(None) };
    let mut row = Row::new(&row);
    let counted = row.u64().zip(row.hash()).filter(|_| row.ended());
    let (size, root) = counted.ok_or(Error::Damaged { item: "counted head" })?;
    Ok((size > 0).then_some((size, root)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by(institution: u32, size: u64) -> Vouched {
        let root = [u8::try_from(size % 251).unwrap(); 32];
        Vouched { institution, size, root, researcher: Some(format!("researcher {institution}")) }
    }

    #[test]
    fn the_smaller_of_two_institutions_heads_counts() {
        let mut log = Attested::default();
        assert!(!log.vouch(by(1, 100)));
        assert!(!log.vouch(by(1, 200)), "one institution twice is one");
        assert!(log.vouch(by(2, 150)));
        assert_eq!(log.size, 150);
        assert!(!log.vouch(by(3, 120)), "never shrinks");
        assert!(log.vouch(by(3, 900)));
        assert_eq!((log.size, log.newest.as_ref().unwrap().size), (200, 900));
        assert!(log.vouch(by(2, 900)));
        assert_eq!(log.size, 900);
    }

    proptest! {
        #[test]
        fn two_institutions_hold_what_is_attested(vouched in prop::collection::vec((1u32..4, 1u64..60), 1..40)) {
            let mut log = Attested::default();
            let mut largest = std::collections::BTreeMap::<u32, u64>::new();
            for (institution, size) in vouched {
                let before = log.clone();
                let grew = log.vouch(by(institution, size));
                let most = largest.entry(institution).or_default();
                *most = size.max(*most);
                prop_assert!(log.size >= before.size);
                prop_assert_eq!(grew, log.size > before.size);
                prop_assert!(log.size == 0 || largest.values().filter(|most| **most >= log.size).count() >= 2);
                prop_assert_eq!(log.newest.as_ref().map(|newest| newest.size), largest.values().max().copied());
                prop_assert_eq!(Attested::from_bytes(&log.to_bytes()), Some(log.clone()));
            }
        }
    }
}
