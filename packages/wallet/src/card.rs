//! What one person hands another: fresh address, encryption key, and for staff who they are (wire.md section 3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64URL};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use minicbor::bytes::ByteVec;
use sha2::{Digest, Sha256};

use crate::{Error, PublicKey, adr036};

const TEXT: &str = "medrec-card1";
const DOMAIN: &str = "medrec/card/v1";
/// Longest name and role, in bytes.
pub const MAX_NAME: usize = 48;
pub const MAX_ROLE: usize = 24;
/// No card is longer as CBOR.
const MAX_BYTES: usize = 512;

/// A card. A patient's names nobody; a staff member's or viewer's is signed by his institution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    pub address: String,
    pub encryption_key: PublicKey,
    pub staff: Option<Staff>,
}

/// The part that names a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    pub name: String,
    pub role: String,
    /// Id in the registrar.
    pub institution: u32,
    /// Ed25519 by the institution's `signing_key`.
    pub signature: [u8; 64],
}

impl Card {
    /// A patient's card.
    pub fn of_patient(address: &str, encryption_key: PublicKey) -> Result<Card, Error> {
        adr036::check_address(address)?;
        Ok(Card { address: address.to_owned(), encryption_key, staff: None })
    }

    /// A staff member's card: his patient-like card, named and signed by the institution.
    pub fn sign(
        bare: &Card,
        name: &str,
        role: &str,
        institution: u32,
        chain_id: &str,
        signing_key: &SigningKey,
    ) -> Result<Card, Error> {
        check_text("name", name, MAX_NAME)?;
        check_text("role", role, MAX_ROLE)?;
        let digest = digest(bare, name, role, institution, chain_id);
        let signature = signing_key.sign(&digest).to_bytes();
        let staff = Staff { name: name.to_owned(), role: role.to_owned(), institution, signature };
        Ok(Card { staff: Some(staff), ..bare.clone() })
    }

    /// Checks the institution's signature; `signing_key` is that of `staff.institution` in the registrar.
    /// A patient's card has none and is refused here.
    pub fn verify(&self, chain_id: &str, signing_key: &[u8]) -> Result<&Staff, Error> {
        let what = "the card";
        let staff =
            self.staff.as_ref().ok_or_else(|| Error::Card("it is not signed by an institution".into()))?;
        let key = ed25519_key(signing_key)?;
        let digest = digest(self, &staff.name, &staff.role, staff.institution, chain_id);
        key.verify_strict(&digest, &Signature::from_bytes(&staff.signature))
            .map_err(|_| Error::Signature { what, reason: "the institution it names did not sign it" })?;
        Ok(staff)
    }

    /// Text form: `medrec-card1` and b64url of the CBOR.
    pub fn to_text(&self) -> Result<String, Error> {
        Ok(format!("{TEXT}{}", B64URL.encode(self.to_cbor()?)))
    }

    /// Reads the text form; white space around and inside (a line-wrapped mail) is ignored.
    pub fn parse(text: &str) -> Result<Card, Error> {
        let bare: String =
            text.chars().filter(|c| !c.is_whitespace()).take(MAX_BYTES.saturating_mul(2)).collect();
        let coded =
            bare.strip_prefix(TEXT).ok_or_else(|| Error::Card(format!("it does not begin with {TEXT}")))?;
        let cbor =
            B64URL.decode(coded).map_err(|_| Error::Card("it is cut off or has a typing mistake".into()))?;
        Card::from_cbor(&cbor)
    }

    /// CBOR map with integer keys in order.
    pub fn to_cbor(&self) -> Result<Vec<u8>, Error> {
        let staff = self.staff.as_ref();
        let raw = Raw {
            address: self.address.clone(),
            encryption_key: self.encryption_key.as_bytes().to_vec().into(),
            name: staff.map(|s| s.name.clone()),
            role: staff.map(|s| s.role.clone()),
            institution: staff.map(|s| s.institution),
            signature: staff.map(|s| s.signature.to_vec().into()),
        };
        minicbor::to_vec(&raw).map_err(|e| Error::Card(e.to_string()))
    }

    /// Strict: exactly these keys in this order, canonical encoding, nothing after.
    pub fn from_cbor(bytes: &[u8]) -> Result<Card, Error> {
        if bytes.len() > MAX_BYTES {
            return Err(Error::Card(format!("{} bytes, at most {MAX_BYTES}", bytes.len())));
        }
        let raw: Raw = minicbor::decode(bytes).map_err(|e| Error::Card(format!("unreadable: {e}")))?;
        let card = Card::from_raw(raw)?;
        if card.to_cbor()? != bytes {
            return Err(Error::Card("not in its canonical form".into()));
        }
        Ok(card)
    }

    fn from_raw(raw: Raw) -> Result<Card, Error> {
        adr036::check_address(&raw.address)?;
        let encryption_key = PublicKey::from_slice(&raw.encryption_key)?;
        let staff = match (raw.name, raw.role, raw.institution, raw.signature) {
            (None, None, None, None) => None,
            (Some(name), Some(role), Some(institution), Some(signature)) => {
                check_text("name", &name, MAX_NAME)?;
                check_text("role", &role, MAX_ROLE)?;
                let (what, got) = ("card signature", signature.len());
                let signature =
                    Vec::from(signature).try_into().map_err(|_| Error::Length { what, expected: 64, got })?;
                Some(Staff { name, role, institution, signature })
            }
            _ => return Err(Error::Card("it names a person only in part".into())),
        };
        Ok(Card { address: raw.address, encryption_key, staff })
    }

    /// The hash an access-log entry names this card by: SHA-256 of the CBOR.
    pub fn hash(&self) -> Result<[u8; 32], Error> {
        Ok(Sha256::digest(self.to_cbor()?).into())
    }
}

/// The card as CBOR writes it.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Raw {
    #[n(1)]
    address: String,
    #[n(2)]
    encryption_key: ByteVec,
    #[n(3)]
    name: Option<String>,
    #[n(4)]
    role: Option<String>,
    #[n(5)]
    institution: Option<u32>,
    #[n(6)]
    signature: Option<ByteVec>,
}

fn digest(card: &Card, name: &str, role: &str, institution: u32, chain_id: &str) -> [u8; 32] {
    medrec_merkle::tagged_hash(
        DOMAIN,
        &[
            chain_id.as_bytes(),
            &institution.to_be_bytes(),
            card.address.as_bytes(),
            card.encryption_key.as_bytes(),
            name.as_bytes(),
            role.as_bytes(),
        ],
    )
}

/// Ed25519 key, refused when of small order.
pub fn ed25519_key(bytes: &[u8]) -> Result<VerifyingKey, Error> {
    let what = "Ed25519 key";
    let array = bytes.try_into().map_err(|_| Error::Length { what, expected: 32, got: bytes.len() })?;
    let key = VerifyingKey::from_bytes(array)
        .map_err(|_| Error::PublicKey { what, reason: "not a curve point" })?;
    if key.is_weak() { Err(Error::PublicKey { what, reason: "it has small order" }) } else { Ok(key) }
}

/// Names are shown to people: no control characters that could rewrite a terminal line.
fn check_text(what: &str, text: &str, max: usize) -> Result<(), Error> {
    if text.is_empty() || text.len() > max {
        return Err(Error::Card(format!("its {what} has {} bytes, 1 to {max} are allowed", text.len())));
    }
    if text.chars().any(|c| c.is_control() || is_bidi(c)) {
        return Err(Error::Card(format!("its {what} has control characters")));
    }
    Ok(())
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
