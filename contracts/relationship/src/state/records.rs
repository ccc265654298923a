//! The bytes of a relationship's head and of a grant.

use cosmwasm_std::CanonicalAddr;
use medrec_api::relationship::{Error, GrantKind, Research, Status};
use medrec_rules::{GRANT_TAGS_LEN, GrantTags};

/// A relationship without its sealed parts, which never change and are kept beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub patient: CanonicalAddr,
    pub steward: CanonicalAddr,
    pub status: Status,
    /// Block time in seconds and height of `open`.
    pub opened_at: u64,
    pub opened_height: u64,
    /// Grants made so far: the next one's number.
    pub grants: u32,
    /// Fee allowances given beside that of `open`.
    pub allowances: u8,
    /// The addresses `open` named, once they have changed.
    pub first_patient: Option<CanonicalAddr>,
    pub first_steward: Option<CanonicalAddr>,
    pub research: Research,
}

/// A grant as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    pub viewer: CanonicalAddr,
    pub kind: GrantKind,
    pub tags: [u8; GRANT_TAGS_LEN],
    pub from: u64,
    pub until: u64,
    /// Block time of the revoke.
    pub revoked_at: Option<u64>,
    pub sealed: Vec<u8>,
}

impl Head {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![status_byte(self.status), self.allowances];
        bytes.extend_from_slice(&self.grants.to_be_bytes());
        bytes.extend_from_slice(&self.opened_at.to_be_bytes());
        bytes.extend_from_slice(&self.opened_height.to_be_bytes());
        bytes.extend_from_slice(&super::sized(&self.patient));
        bytes.extend_from_slice(&super::sized(&self.steward));
        for first in [&self.first_patient, &self.first_steward] {
            match first {
                Some(address) => bytes.extend_from_slice(&super::sized(address)),
                None => bytes.push(0),
            }
        }
        // Rows of before there was a choice end here; so does one that was never made.
        if self.research != Research::default() {
            bytes.push(self.research.categories);
            bytes.extend_from_slice(&self.research.since_height.to_be_bytes());
        }
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = || Error::Damaged { item: "relationship" };
        let mut reader = Reader(bytes);
        let mut read = || {
            let [status, allowances] = reader.take::<2>()?;
            Some(Self {
                status: status_from(status)?,
                allowances,
                grants: u32::from_be_bytes(reader.take()?),
                opened_at: u64::from_be_bytes(reader.take()?),
                opened_height: u64::from_be_bytes(reader.take()?),
                patient: reader.address()?.into(),
                steward: reader.address()?.into(),
                first_patient: optional(reader.address()?),
                first_steward: optional(reader.address()?),
                research: reader.research()?,
            })
        };
        read().ok_or_else(damaged)
    }
}

impl Grant {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![kind_byte(self.kind)];
        bytes.extend_from_slice(&self.from.to_be_bytes());
        bytes.extend_from_slice(&self.until.to_be_bytes());
        bytes.extend_from_slice(&self.revoked_at.unwrap_or_default().to_be_bytes());
        bytes.extend_from_slice(&self.tags);
        bytes.extend_from_slice(&super::sized(&self.viewer));
        bytes.extend_from_slice(&self.sealed);
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = || Error::Damaged { item: "grant" };
        let mut reader = Reader(bytes);
        let mut read = || {
            let [kind] = reader.take::<1>()?;
            Some(Self {
                kind: kind_from(kind)?,
                from: u64::from_be_bytes(reader.take()?),
                until: u64::from_be_bytes(reader.take()?),
                revoked_at: Some(u64::from_be_bytes(reader.take()?)).filter(|at| *at != 0),
                tags: reader.take()?,
                viewer: reader.address()?.into(),
                sealed: reader.0.to_vec(),
            })
        };
        read().ok_or_else(damaged)
    }

    /// As `medrec_rules` wants it.
    pub fn for_rules<'a>(&self, number: u32, viewer: &'a str) -> Result<medrec_rules::Grant<'a>, Error> {
        Ok(medrec_rules::Grant {
            number,
            viewer,
            kind: self.kind,
            tags: GrantTags::parse(&self.tags)?,
            from: self.from,
            until: self.until,
            revoked: self.revoked_at.is_some(),
        })
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn research(&mut self) -> Option<Research> {
        if self.0.is_empty() {
            return Some(Research::default());
        }
        let [categories] = self.take::<1>()?;
        let since_height = u64::from_be_bytes(self.take()?);
        self.0.is_empty().then_some(Research { categories, since_height })
    }

    fn address(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first()?;
        let (address, rest) = rest.split_at_checked(usize::from(*len))?;
        self.0 = rest;
        Some(address)
    }
}

fn optional(address: &[u8]) -> Option<CanonicalAddr> {
    (!address.is_empty()).then(|| address.into())
}

const fn status_byte(status: Status) -> u8 {
    match status {
        Status::Offered => 0,
        Status::Active => 1,
        Status::Rejected => 2,
        Status::Closed => 3,
    }
}

fn status_from(byte: u8) -> Option<Status> {
    [Status::Offered, Status::Active, Status::Rejected, Status::Closed]
        .into_iter()
        .find(|status| status_byte(*status) == byte)
}

const fn kind_byte(kind: GrantKind) -> u8 {
    match kind {
        GrantKind::Read => 0,
        GrantKind::Act => 1,
    }
}

fn kind_from(byte: u8) -> Option<GrantKind> {
    [GrantKind::Read, GrantKind::Act].into_iter().find(|kind| kind_byte(*kind) == byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(research: Research) -> Head {
        Head {
            patient: CanonicalAddr::from([1; 20].as_slice()),
            steward: CanonicalAddr::from([2; 32].as_slice()),
            status: Status::Active,
            opened_at: 3,
            opened_height: 4,
            grants: 5,
            allowances: 6,
            first_patient: None,
            first_steward: Some(CanonicalAddr::from([7; 20].as_slice())),
            research,
        }
    }

    /// Rows of before the research choice end behind the addresses.
    #[test]
    fn an_old_row_reads_as_no_choice() {
        let default = head(Research::default());
        let old = default.encode();
        assert_eq!(old.len(), 2 + 4 + 8 + 8 + 21 + 33 + 1 + 21);
        assert_eq!(Head::decode(&old).ok(), Some(default));
        for research in [
            Research { categories: 0b1010, since_height: 9 },
            Research { categories: 0, since_height: u64::MAX },
        ] {
            let head = head(research);
            let bytes = head.encode();
            assert_eq!(bytes.len(), old.len() + 9);
            assert_eq!(bytes.get(..old.len()), Some(old.as_slice()));
            assert_eq!(Head::decode(&bytes).ok(), Some(head));
            for wrong in
                [&bytes[..old.len() + 1], &bytes[..old.len() + 8], &[bytes.as_slice(), &[0]].concat()]
            {
                assert!(matches!(Head::decode(wrong), Err(Error::Damaged { item: "relationship" })));
            }
        }
    }
}
