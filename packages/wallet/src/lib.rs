//! Keys from words, cards, sealing, and both ends of a relationship's opening (docs/spec/wire.md sections 1-5).
//!
//! Pure: randomness is handed in, nothing here reads a clock, a file or the network.

pub mod adr036;
pub mod card;
mod error;
pub mod grant;
pub mod key;
pub mod opening;
pub mod recovery;
pub mod seal;
pub mod words;

pub use card::{Card, Staff};
pub use error::Error;
pub use grant::{Access, Terms};
pub use key::{Key, Wallet};
pub use opening::{ContractRef, Offer};
pub use recovery::Recovery;
pub use seal::{PublicKey, SecretKey};
pub use words::Words;

/// Human-readable part of every address.
pub const PREFIX: &str = "medrec";

/// A domain string followed by fields, each length-prefixed: the `info` of every sealing.
pub fn info(domain: &str, fields: &[&[u8]]) -> Vec<u8> {
    let mut out = domain.as_bytes().to_vec();
    for field in fields {
        medrec_merkle::push_lp(&mut out, field);
    }
    out
}
