//! Checks of message fields that several contracts and tools share. Each refusal names the field, what it found
//! and what is allowed.

use cosmwasm_std::{Addr, Api, Binary};

/// Bytes of every key and hash.
pub const KEY_LEN: usize = 32;
/// An institution's or a researcher's name, bytes.
pub const MAX_NAME: usize = 64;
/// A gatekeeper's base URL, bytes.
pub const MAX_URL: usize = 128;
/// A log's origin, bytes.
pub const MAX_ORIGIN: usize = 128;

#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum Invalid {
    #[error("{field}: {found} bytes, must be {min} to {max}")]
    Length { field: &'static str, found: usize, min: usize, max: usize },
    #[error("{field}: {found:?} is no bech32 address of this chain ({reason})")]
    Address { field: &'static str, found: String, reason: String },
    #[error("{field}: this key is a point of small order, which anybody can forge for; make a new key pair")]
    SmallOrder { field: &'static str },
    #[error(
        "{field}: {found:?} must start with https:// (or http://127.0.0.1 on one machine) and hold no spaces"
    )]
    Url { field: &'static str, found: String },
    #[error(
        "{field}: {found:?} must be printable ASCII without spaces and without '+' (C2SP signed-note key name)"
    )]
    Origin { field: &'static str, found: String },
    #[error("{field}: {found:?} must hold no control characters and no spaces around it")]
    Name { field: &'static str, found: String },
    #[error("{field}: {found} must be {min} to {max}")]
    Range { field: &'static str, found: u128, min: u128, max: u128 },
    #[error("{field}: {found} items, must be {min} to {max}")]
    Count { field: &'static str, found: usize, min: usize, max: usize },
}

/// A length within `min..=max`.
pub fn length(field: &'static str, found: usize, min: usize, max: usize) -> Result<(), Invalid> {
    if (min..=max).contains(&found) { Ok(()) } else { Err(Invalid::Length { field, found, min, max }) }
}

/// A number of items within `min..=max`.
pub fn count(field: &'static str, found: usize, min: usize, max: usize) -> Result<(), Invalid> {
    if (min..=max).contains(&found) { Ok(()) } else { Err(Invalid::Count { field, found, min, max }) }
}

/// A number within `min..=max`.
pub fn range(field: &'static str, found: u128, min: u128, max: u128) -> Result<(), Invalid> {
    if (min..=max).contains(&found) { Ok(()) } else { Err(Invalid::Range { field, found, min, max }) }
}

/// Shown to people as it stands: 1 to [`MAX_NAME`] bytes, no control characters, no spaces around it.
pub fn name(field: &'static str, found: &str) -> Result<(), Invalid> {
    length(field, found.len(), 1, MAX_NAME)?;
    if found.trim() == found && !found.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Invalid::Name { field, found: found.to_owned() })
    }
}

/// An address of this chain as the chain itself writes it: small letters only.
pub fn address(api: &dyn Api, field: &'static str, found: &str) -> Result<Addr, Invalid> {
    let refused = |reason| Invalid::Address { field, found: found.to_owned(), reason };
    let address = api.addr_validate(found).map_err(|error| refused(error.to_string()))?;
    if address.as_str() == found { Ok(address) } else { Err(refused(format!("write it {address}"))) }
}

/// Exactly 32 bytes.
pub fn bytes32(field: &'static str, bytes: &Binary) -> Result<[u8; KEY_LEN], Invalid> {
    <[u8; KEY_LEN]>::try_from(bytes.as_slice()).map_err(|_| Invalid::Length {
        field,
        found: bytes.len(),
        min: KEY_LEN,
        max: KEY_LEN,
    })
}

/// An Ed25519 public key that is not of small order.
pub fn ed25519_key(field: &'static str, bytes: &Binary) -> Result<[u8; KEY_LEN], Invalid> {
    let key = bytes32(field, bytes)?;
    if is_small_order(&key) { Err(Invalid::SmallOrder { field }) } else { Ok(key) }
}

/// An X25519 public key whose shared secrets are not all zero.
pub fn x25519_key(field: &'static str, bytes: &Binary) -> Result<[u8; KEY_LEN], Invalid> {
    let key = bytes32(field, bytes)?;
    if is_small_order_x25519(&key) { Err(Invalid::SmallOrder { field }) } else { Ok(key) }
}

/// `https://host…`, or `http://127.0.0.1…` where everything runs on one machine.
pub fn url(field: &'static str, found: &str) -> Result<(), Invalid> {
    length(field, found.len(), 1, MAX_URL)?;
    let host = found.strip_prefix("https://").or_else(|| {
        let local = found.strip_prefix("http://127.0.0.1")?;
        (local.is_empty() || local.starts_with([':', '/'])).then_some("127.0.0.1")
    });
    let whole = host.is_some_and(|host| !host.is_empty() && !host.starts_with([':', '/', '?', '#']));
    if whole && found.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(Invalid::Url { field, found: found.to_owned() })
    }
}

/// A log's origin, which is also the key name of its signed notes.
pub fn origin(field: &'static str, found: &str) -> Result<(), Invalid> {
    length(field, found.len(), 1, MAX_ORIGIN)?;
    if found.bytes().all(|b| b.is_ascii_graphic() && b != b'+') {
        Ok(())
    } else {
        Err(Invalid::Origin { field, found: found.to_owned() })
    }
}

/// y coordinates (little endian) of the Ed25519 points whose order divides 8, with the non-canonical spellings of
/// 0 and 1. With either sign bit these are all encodings of the eight small-order points.
const ED25519_SMALL_ORDER: [[u8; KEY_LEN]; 7] = [
    spread(0x00, 0x00, 0x00),
    spread(0x01, 0x00, 0x00),
    spread(0xec, 0xff, 0x7f),
    spread(0xed, 0xff, 0x7f),
    spread(0xee, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// u coordinates (little endian) of the Curve25519 points whose order divides 8, on the curve or its twist
/// (RFC 7748 section 6.1), with the non-canonical spellings of 0 and 1.
const X25519_SMALL_ORDER: [[u8; KEY_LEN]; 7] = [
    spread(0x00, 0x00, 0x00),
    spread(0x01, 0x00, 0x00),
    spread(0xec, 0xff, 0x7f),
    spread(0xed, 0xff, 0x7f),
    spread(0xee, 0xff, 0x7f),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
];

const fn spread(first: u8, middle: u8, last: u8) -> [u8; KEY_LEN] {
    let mut bytes = [middle; KEY_LEN];
    bytes[0] = first;
    bytes[KEY_LEN - 1] = last;
    bytes
}

/// Is this Ed25519 public key of small order? Such keys are refused wherever one is learnt (wire.md section 1).
#[must_use]
pub fn is_small_order(key: &[u8; KEY_LEN]) -> bool {
    ED25519_SMALL_ORDER.contains(&without_top_bit(key))
}

/// Does this X25519 public key give an all-zero shared secret?
#[must_use]
pub fn is_small_order_x25519(key: &[u8; KEY_LEN]) -> bool {
    X25519_SMALL_ORDER.contains(&without_top_bit(key))
}

fn without_top_bit(key: &[u8; KEY_LEN]) -> [u8; KEY_LEN] {
    let mut key = *key;
    key[KEY_LEN - 1] &= 0x7f;
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::VerifyingKey;

    #[test]
    fn the_list_of_small_orders_agrees_with_ed25519_dalek() {
        for y in ED25519_SMALL_ORDER {
            for sign in [0x00, 0x80] {
                let mut key = y;
                key[31] |= sign;
                assert!(is_small_order(&key));
                // x = 0 has no negative: those spellings decode to nothing or to a weak point.
                if let Ok(point) = VerifyingKey::from_bytes(&key) {
                    assert!(point.is_weak(), "{key:?}");
                }
            }
        }
        let weak = ED25519_SMALL_ORDER.iter().filter(|y| VerifyingKey::from_bytes(y).is_ok()).count();
        assert_eq!(weak, 7);
        let sound = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
        assert!(!sound.is_weak() && !is_small_order(&sound.to_bytes()));
    }

    #[test]
    fn urls() {
        for good in
            ["https://h.example", "https://h.example:8443/x", "http://127.0.0.1:80", "http://127.0.0.1/"]
        {
            assert_eq!(url("url", good), Ok(()), "{good}");
        }
        for bad in [
            "http://h.example",
            "https://",
            "https:///x",
            "http://127.0.0.1.evil.example",
            "ftp://h",
            "https://a b",
            "https://ä.example",
        ] {
            assert!(matches!(url("url", bad), Err(Invalid::Url { .. })), "{bad}");
        }
        assert!(matches!(url("url", ""), Err(Invalid::Length { found: 0, .. })));
        assert!(matches!(
            url("url", &format!("https://{}", "a".repeat(121))),
            Err(Invalid::Length { found: 129, max: 128, .. })
        ));
    }

    #[test]
    fn origins() {
        assert_eq!(origin("log_origin", "log.hospital.example/2026"), Ok(()));
        for bad in ["a b", "a+b", "a\nb", "ä"] {
            assert!(matches!(origin("log_origin", bad), Err(Invalid::Origin { .. })), "{bad}");
        }
        assert!(matches!(origin("log_origin", ""), Err(Invalid::Length { .. })));
    }

    #[test]
    fn lengths_carry_both_sides() {
        assert_eq!(
            bytes32("handle", &Binary::new(vec![1; 31])),
            Err(Invalid::Length { field: "handle", found: 31, min: 32, max: 32 })
        );
        assert_eq!(
            x25519_key("encryption_key", &Binary::new(vec![0; 32])),
            Err(Invalid::SmallOrder { field: "encryption_key" })
        );
        assert_eq!(
            ed25519_key("log_key", &Binary::new(vec![0; 32])),
            Err(Invalid::SmallOrder { field: "log_key" })
        );
    }
}
