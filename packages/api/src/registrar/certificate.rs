use medrec_merkle::{Hash, tagged_hash};

use super::NewResearcher;

const DOMAIN: &str = "medrec/researcher/v1";

/// What an institution signs to certify a researcher (wire.md section 11).
#[must_use]
pub fn certificate(chain_id: &str, registrar: &str, institution: u32, researcher: &NewResearcher) -> Hash {
    // Destructured, so that a new field does not go unsigned.
    let NewResearcher { account, name, key, encryption_key, certificate: _ } = researcher;
    let fields: [&[u8]; 7] = [
        chain_id.as_bytes(),
        registrar.as_bytes(),
        &institution.to_be_bytes(),
        account.as_bytes(),
        name.as_bytes(),
        key,
        encryption_key,
    ];
    tagged_hash(DOMAIN, &fields)
}
