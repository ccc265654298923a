//! Addresses, keys and sealed texts, each from a name or a number, the same in every run.

use cosmwasm_std::{Addr, Api, Binary, CanonicalAddr};
use cw_multi_test::MockApiBech32;
use ed25519_dalek::{Signer, SigningKey};
use medrec_api::registrar::{NewInstitution, NewResearcher, certificate};
use medrec_rules::{GRANT_TAGS_LEN, GrantTags, new_tags, purpose_tag, scope_tag};

/// The chain's bech32 prefix.
pub const PREFIX: &str = "medrec";
/// A relationship's tag key.
pub const TAG_KEY: [u8; 32] = [0x42; 32];

#[must_use]
pub fn api() -> MockApiBech32 {
    MockApiBech32::new(PREFIX)
}

/// A wallet's address: 20 bytes, as RIPEMD-160 gives.
#[must_use]
pub fn address(name: &str) -> Addr {
    let long = api().addr_canonicalize(api().addr_make(name).as_str()).unwrap();
    api().addr_humanize(&CanonicalAddr::from(&long.as_slice()[..20])).unwrap()
}

/// 32 bytes that pass for any public key.
#[must_use]
pub fn key(number: u8) -> Binary {
    let mut bytes = vec![number; 32];
    bytes[31] = 0x33;
    Binary::new(bytes)
}

/// The Ed25519 key that institution `n` signs with.
#[must_use]
pub fn signing_key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

/// The Ed25519 key of the researcher of this name.
#[must_use]
pub fn researcher_key(name: &str) -> SigningKey {
    let mut seed = [0xee; 32];
    seed.iter_mut().zip(name.bytes()).for_each(|(byte, of_name)| *byte = of_name);
    SigningKey::from_bytes(&seed)
}

/// A researcher of this name (and account), certified by institution `n` on this chain.
#[must_use]
pub fn researcher(name: &str, n: u8, chain_id: &str, registrar: &Addr) -> NewResearcher {
    let facts = NewResearcher {
        account: address(name).into_string(),
        name: name.to_owned(),
        key: Binary::new(researcher_key(name).verifying_key().to_bytes().to_vec()),
        encryption_key: key(n),
        certificate: Binary::default(),
    };
    certified(facts, n, chain_id, registrar)
}

/// The same facts with a certificate of institution `n`.
#[must_use]
pub fn certified(facts: NewResearcher, n: u8, chain_id: &str, registrar: &Addr) -> NewResearcher {
    let signed = certificate(chain_id, registrar.as_str(), n.into(), &facts);
    let certificate = Binary::new(signing_key(n).sign(&signed).to_bytes().to_vec());
    NewResearcher { certificate, ..facts }
}

/// Institution `n`: names, account `institution-n`, a signing key of its own, the other keys `4n + 3` and `4n + 4`.
#[must_use]
pub fn institution(n: u8) -> NewInstitution {
    let keys = n.wrapping_mul(4).wrapping_add(2);
    NewInstitution {
        name: format!("Hospital {n}"),
        url: format!("https://hospital-{n}.example"),
        account: address(&format!("institution-{n}")).into_string(),
        signing_key: Binary::new(signing_key(n).verifying_key().to_bytes().to_vec()),
        log_origin: format!("hospital-{n}.example/log"),
        log_key: key(keys.wrapping_add(1)),
        encryption_key: key(keys.wrapping_add(2)),
    }
}

/// A sealed text of `len` bytes; another for every `number`.
#[must_use]
pub fn sealed(number: u64, len: usize) -> Binary {
    let mut bytes = vec![0xa5; len];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Binary::new(bytes)
}

/// As long as `open` seals (wire.md section 4).
#[must_use]
pub fn sealed_open(number: u64) -> Binary {
    sealed(number, 84)
}

/// As long as `accept` seals.
#[must_use]
pub fn sealed_accept(number: u64) -> Binary {
    sealed(number, 80)
}

/// As long as `grant` seals for a few scopes.
#[must_use]
pub fn sealed_grant(number: u64) -> Binary {
    sealed(number, 112)
}

/// Tags of a grant over these scopes and purposes under [`TAG_KEY`].
#[must_use]
pub fn tags(scopes: &[&str], purposes: &[&str]) -> GrantTags {
    let mut filler = [0; GRANT_TAGS_LEN];
    for (place, byte) in filler.iter_mut().enumerate() {
        *byte = (place as u8).wrapping_mul(0x9d).wrapping_add(7);
    }
    let scopes: Vec<_> = scopes.iter().map(|scope| scope_tag(&TAG_KEY, scope)).collect();
    let purposes: Vec<_> = purposes.iter().map(|purpose| purpose_tag(&TAG_KEY, purpose)).collect();
    new_tags(&scopes, &purposes, &filler).unwrap()
}
