//! Events of the registrar. Institutions and researchers are public; of a person only handle, address and key appear.

use cosmwasm_std::Binary;
use medrec_api::registrar::RegistrationPolicy;

use crate::codec::events;

events! {
    /// What happened in the registrar. Keys are 32 bytes.
    pub enum Event {
        InstitutionAdmitted = "institution_admitted" {
            id: u32,
            name: String,
            url: String,
            account: String,
            signing_key: Binary,
            log_origin: String,
            log_key: Binary,
            encryption_key: Binary,
        },
        InstitutionExpelled = "institution_expelled" { id: u32 },
        /// The values in force now, changed or not.
        InstitutionRekeyed = "institution_rekeyed" {
            id: u32,
            url: String,
            account: String,
            signing_key: Binary,
            encryption_key: Binary,
        },
        /// `certified_by`: the institution's id; absent: the consortium.
        PersonRegistered = "person_registered" {
            handle: Binary,
            address: String,
            encryption_key: Binary,
            certified_by: Option<u32>,
        },
        PersonRotated = "person_rotated" { handle: Binary, address: String, encryption_key: Binary },
        /// `certified_by`: the institution's id; `certificate`: its signature (wire.md section 11).
        ResearcherCertified = "researcher_certified" {
            account: String,
            certified_by: u32,
            name: String,
            key: Binary,
            encryption_key: Binary,
            certificate: Binary,
        },
        /// For good.
        ResearcherWithdrawn = "researcher_withdrawn" { account: String },
        PolicyChanged = "policy_changed" { registration: RegistrationPolicy },
    }
}
