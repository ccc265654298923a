use medrec_merkle::Hash;
use medrec_seals::{Certified, certificate_hash};

use super::NewResearcher;

/// What an institution signs to certify a researcher (wire.md section 11).
#[must_use]
pub fn certificate(chain_id: &str, registrar: &str, institution: u32, researcher: &NewResearcher) -> Hash {
    let NewResearcher { account, name, key, encryption_key, certificate: _ } = researcher;
    certificate_hash(&Certified { chain_id, registrar, institution, account, name, key, encryption_key })
}
