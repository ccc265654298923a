//! Addresses, keys and sealed texts, each from a name or a number, the same in every run.

use cosmwasm_std::{Addr, Api, Binary, CanonicalAddr};
use cw_multi_test::MockApiBech32;
use medrec_api::registrar::NewInstitution;
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

/// Institution `n`: names, account `institution-n`, keys `4n` to `4n + 2`.
#[must_use]
pub fn institution(n: u8) -> NewInstitution {
    let keys = n.wrapping_mul(4).wrapping_add(2);
    NewInstitution {
        name: format!("Hospital {n}"),
        url: format!("https://hospital-{n}.example"),
        account: address(&format!("institution-{n}")).into_string(),
        signing_key: key(keys),
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
