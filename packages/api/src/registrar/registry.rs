//! The registrar's rows that other contracts read raw (wire.md section 11). A raw read costs a third of a smart query,
//! and as nothing is copied, who is expelled, withdrawn or re-keyed is so from that very block.

use cosmwasm_std::{Addr, QuerierWrapper};

use super::{InstitutionStatus, ResearcherStatus, account_key, researcher_key, status_key};

/// The row under [`researcher_key`]: status ‖ u32(certifying institution) ‖ Ed25519 key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResearcherRow {
    pub status: ResearcherStatus,
    pub certified_by: u32,
    pub key: [u8; 32],
}

impl ResearcherRow {
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[self.status.byte()], self.certified_by.to_be_bytes().as_slice(), &self.key].concat()
    }

    /// None if it is no such row.
    #[must_use]
    pub fn parse(row: &[u8]) -> Option<Self> {
        let (status, row) = row.split_first()?;
        let (certified_by, key) = row.split_first_chunk()?;
        Some(Self {
            status: ResearcherStatus::of_byte(*status)?,
            certified_by: u32::from_be_bytes(*certified_by),
            key: key.try_into().ok()?,
        })
    }
}

/// The registrar, asked by another contract.
#[derive(Clone, Copy)]
pub struct Registry<'a> {
    querier: QuerierWrapper<'a>,
    registrar: &'a Addr,
}

impl<'a> Registry<'a> {
    #[must_use]
    pub fn new(querier: QuerierWrapper<'a>, registrar: &'a Addr) -> Self {
        Self { querier, registrar }
    }

    /// None: no institution of the registrar's.
    #[must_use]
    pub fn status(&self, institution: u32) -> Option<InstitutionStatus> {
        match self.raw(&status_key(institution)).as_deref() {
            Some([byte]) if *byte == InstitutionStatus::Active.byte() => Some(InstitutionStatus::Active),
            Some(_) => Some(InstitutionStatus::Expelled),
            None => None,
        }
    }

    /// Whether an address is the institution's present account; whatever its status.
    #[must_use]
    pub fn is_account(&self, institution: u32, address: &Addr) -> bool {
        self.raw(&account_key(institution)).as_deref() == Some(address.as_bytes())
    }

    /// A researcher who is not withdrawn. He counts if [`Registry::status`] of who certified him is active too.
    #[must_use]
    pub fn researcher(&self, account: &Addr) -> Option<ResearcherRow> {
        let row = ResearcherRow::parse(&self.raw(&researcher_key(account.as_str()))?)?;
        (row.status == ResearcherStatus::Active).then_some(row)
    }

    /// A failing query is as good as an absent key: refused.
    fn raw(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.querier.query_wasm_raw(self.registrar, key).ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_researchers_row_reads_back_and_nothing_near_it_does() {
        let row = ResearcherRow { status: ResearcherStatus::Withdrawn, certified_by: 7, key: [9; 32] };
        let bytes = row.to_bytes();
        assert_eq!(ResearcherRow::parse(&bytes), Some(row));
        assert_eq!(ResearcherRow::parse(&bytes[..36]), None);
        assert_eq!(ResearcherRow::parse(&[bytes.as_slice(), &[0]].concat()), None);
        assert_eq!(ResearcherRow::parse(&[&[3], &bytes[1..]].concat()), None);
    }
}
