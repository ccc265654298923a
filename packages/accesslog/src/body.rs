use core::convert::Infallible;

use medrec_merkle::Hash;
use minicbor::{Decoder, Encoder, decode, encode};

/// Bytes an entry has for its body's CBOR.
pub const MAX_BODY: usize = 398;

/// What an entry says: wire.md section 7. `at`: seconds since 1970 by the institution's clock; `height`: of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Filed(Filed),
    Read(Read),
    Refused(Refused),
    /// First entry of a relationship: its ratchet is in use from here.
    Opened {
        at: u64,
        height: u64,
    },
    GrantSeen {
        at: u64,
        height: u64,
        grant: u32,
    },
    RevokeSeen {
        at: u64,
        height: u64,
        grant: u32,
    },
    Closed {
        at: u64,
        height: u64,
    },
    /// Scope definitions in force, part `part` of `parts` (from 1): public, never sealed.
    Scopes {
        at: u64,
        part: u32,
        parts: u32,
        scopes: Vec<Scope>,
    },
    /// Of a later version: to be shown as such, never refused.
    Unknown {
        kind: u64,
        cbor: Vec<u8>,
    },
}

/// A record was filed: the entry carries its commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    pub at: u64,
    pub record_id: [u8; 16],
    /// From 1.
    pub version: u32,
    pub resource_type: String,
    pub scope: String,
    pub scope_hash: Hash,
    pub explained: Explained,
}

/// Whether the institution's own change columns moved with the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explained {
    New,
    Explained,
    Unexplained,
}

/// A read was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub at: u64,
    pub height: u64,
    /// Hash of the signed request.
    pub request: Hash,
    /// `None`: the patient's own read.
    pub grant: Option<u32>,
    /// Bech32.
    pub requester: String,
    pub scope: String,
    pub purpose: String,
    /// SHA-256 of the card's CBOR.
    pub card: Option<Hash>,
    /// As on the card; empty (and institution 0) without one.
    pub viewer_name: String,
    pub viewer_role: String,
    pub viewer_institution: u32,
    pub record_count: u32,
    /// Root over the records of the answer.
    pub manifest: Hash,
}

/// A read was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub at: u64,
    pub height: u64,
    pub request: Hash,
    pub requester: String,
    pub scope: String,
    pub purpose: String,
    /// Reason code of wire.md section 9.
    pub reason: String,
}

/// A scope and the hash of its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub scope: String,
    pub scope_hash: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body does not fit an entry: {actual} bytes of at most {max}; nothing is ever cut off")]
    TooLarge { actual: usize, max: usize },
    #[error("{field} is {actual} bytes long, at most {max} are allowed")]
    FieldTooLong { field: &'static str, actual: usize, max: usize },
    #[error("{field} must be {expected} bytes, not {actual}")]
    FieldLength { field: &'static str, expected: usize, actual: usize },
    #[error("the body is not the CBOR array [kind, …] that wire.md section 7 describes: {0}")]
    Cbor(String),
    #[error("kind {kind} has {expected} fields, this body has {actual}")]
    FieldCount { kind: u64, expected: u64, actual: u64 },
    #[error("a record is new (0), explained (1) or unexplained (2), not {found}")]
    Explained { found: u8 },
    #[error("part {part} of {parts} does not exist: parts count from 1")]
    Part { part: u32, parts: u32 },
    #[error("the body is not in its shortest encoding, or bytes follow it")]
    NotCanonical,
}

const SCOPE_MAX: usize = 24;
const PURPOSE_MAX: usize = 24;
const ADDRESS_MAX: usize = 90;
const TYPE_MAX: usize = 64;
const NAME_MAX: usize = 48;
const ROLE_MAX: usize = 24;
const REASON_MAX: usize = 32;

impl Body {
    /// Number of wire.md section 7.
    pub fn kind(&self) -> u64 {
        match self {
            Self::Filed(_) => 0,
            Self::Read(_) => 1,
            Self::Refused(_) => 2,
            Self::Opened { .. } => 3,
            Self::GrantSeen { .. } => 4,
            Self::RevokeSeen { .. } => 5,
            Self::Closed { .. } => 6,
            Self::Scopes { .. } => 16,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    /// Name of wire.md section 7.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Filed(_) => "filed",
            Self::Read(_) => "read",
            Self::Refused(_) => "refused",
            Self::Opened { .. } => "opened",
            Self::GrantSeen { .. } => "grant-seen",
            Self::RevokeSeen { .. } => "revoke-seen",
            Self::Closed { .. } => "closed",
            Self::Scopes { .. } => "scopes",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// CBOR of at most [`MAX_BODY`] bytes.
    pub fn encode(&self) -> Result<Vec<u8>, BodyError> {
        let cbor = self.encode_any_size()?;
        if cbor.len() > MAX_BODY {
            return Err(BodyError::TooLarge { actual: cbor.len(), max: MAX_BODY });
        }
        Ok(cbor)
    }

    pub(crate) fn encode_any_size(&self) -> Result<Vec<u8>, BodyError> {
        self.check_texts()?;
        let mut encoder = Encoder::new(Vec::with_capacity(MAX_BODY));
        self.write(&mut encoder).map_err(|error| BodyError::Cbor(error.to_string()))?;
        Ok(encoder.into_writer())
    }

    /// Strict for the kinds it knows: exact fields, shortest encoding, nothing behind.
    pub fn decode(cbor: &[u8]) -> Result<Self, BodyError> {
        let mut decoder = Decoder::new(cbor);
        let items = decoder.array().map_err(malformed)?;
        let items = items.ok_or_else(|| BodyError::Cbor("an array of indefinite length".to_owned()))?;
        let kind = decoder.u64().map_err(malformed)?;
        let Some(expected) = fields_of(kind) else {
            return Ok(Self::Unknown { kind, cbor: cbor.to_vec() });
        };
        let actual = items.saturating_sub(1);
        if actual != expected {
            return Err(BodyError::FieldCount { kind, expected, actual });
        }
        let body = read_fields(kind, &mut decoder)?;
        if body.encode_any_size()? != cbor {
            return Err(BodyError::NotCanonical);
        }
        Ok(body)
    }

    fn check_texts(&self) -> Result<(), BodyError> {
        match self {
            Self::Filed(filed) => {
                at_most("resource type", &filed.resource_type, TYPE_MAX)?;
                at_most("scope", &filed.scope, SCOPE_MAX)
            }
            Self::Read(read) => {
                at_most("requester", &read.requester, ADDRESS_MAX)?;
                at_most("scope", &read.scope, SCOPE_MAX)?;
                at_most("purpose", &read.purpose, PURPOSE_MAX)?;
                at_most("viewer name", &read.viewer_name, NAME_MAX)?;
                at_most("viewer role", &read.viewer_role, ROLE_MAX)
            }
            Self::Refused(refused) => {
                at_most("requester", &refused.requester, ADDRESS_MAX)?;
                at_most("scope", &refused.scope, SCOPE_MAX)?;
                at_most("purpose", &refused.purpose, PURPOSE_MAX)?;
                at_most("reason", &refused.reason, REASON_MAX)
            }
            Self::Scopes { part, parts, scopes, .. } => {
                if *part == 0 || part > parts {
                    return Err(BodyError::Part { part: *part, parts: *parts });
                }
                scopes.iter().try_for_each(|scope| at_most("scope", &scope.scope, SCOPE_MAX))
            }
            _ => Ok(()),
        }
    }

    fn write(&self, encoder: &mut Encoder<Vec<u8>>) -> Result<(), encode::Error<Infallible>> {
        if let Self::Unknown { cbor, .. } = self {
            encoder.writer_mut().extend_from_slice(cbor);
            return Ok(());
        }
        let kind = self.kind();
        encoder.array(fields_of(kind).unwrap_or_default().saturating_add(1))?.u64(kind)?;
        match self {
            Self::Filed(filed) => write_filed(filed, encoder),
            Self::Read(read) => write_read(read, encoder),
            Self::Refused(refused) => write_refused(refused, encoder),
            Self::Opened { at, height } | Self::Closed { at, height } => encoder.u64(*at)?.u64(*height)?.ok(),
            Self::GrantSeen { at, height, grant } | Self::RevokeSeen { at, height, grant } => {
                encoder.u64(*at)?.u64(*height)?.u32(*grant)?.ok()
            }
            Self::Scopes { at, part, parts, scopes } => {
                encoder.u64(*at)?.u32(*part)?.u32(*parts)?.array(scopes.len() as u64)?;
                scopes
                    .iter()
                    .try_for_each(|scope| encoder.array(2)?.str(&scope.scope)?.bytes(&scope.scope_hash)?.ok())
            }
            Self::Unknown { .. } => Ok(()),
        }
    }
}

/// Fields after the kind.
fn fields_of(kind: u64) -> Option<u64> {
    match kind {
        0 => Some(7),
        1 => Some(13),
        2 => Some(7),
        3 | 6 => Some(2),
        4 | 5 => Some(3),
        16 => Some(4),
        _ => None,
    }
}

fn write_filed(filed: &Filed, encoder: &mut Encoder<Vec<u8>>) -> Result<(), encode::Error<Infallible>> {
    let explained = match filed.explained {
        Explained::New => 0,
        Explained::Explained => 1,
        Explained::Unexplained => 2,
    };
    encoder.u64(filed.at)?.bytes(&filed.record_id)?.u32(filed.version)?.str(&filed.resource_type)?;
    encoder.str(&filed.scope)?.bytes(&filed.scope_hash)?.u8(explained)?.ok()
}

fn write_read(read: &Read, encoder: &mut Encoder<Vec<u8>>) -> Result<(), encode::Error<Infallible>> {
    encoder.u64(read.at)?.u64(read.height)?.bytes(&read.request)?;
    match read.grant {
        Some(grant) => encoder.u32(grant)?,
        None => encoder.null()?,
    };
    encoder.str(&read.requester)?.str(&read.scope)?.str(&read.purpose)?;
    match &read.card {
        Some(card) => encoder.bytes(card)?,
        None => encoder.null()?,
    };
    encoder.str(&read.viewer_name)?.str(&read.viewer_role)?.u32(read.viewer_institution)?;
    encoder.u32(read.record_count)?.bytes(&read.manifest)?.ok()
}

fn write_refused(refused: &Refused, encoder: &mut Encoder<Vec<u8>>) -> Result<(), encode::Error<Infallible>> {
    encoder.u64(refused.at)?.u64(refused.height)?.bytes(&refused.request)?;
    encoder.str(&refused.requester)?.str(&refused.scope)?.str(&refused.purpose)?.str(&refused.reason)?.ok()
}

fn read_fields(kind: u64, decoder: &mut Decoder<'_>) -> Result<Body, BodyError> {
    let at = decoder.u64().map_err(malformed)?;
    match kind {
        0 => Ok(Body::Filed(read_filed(at, decoder)?)),
        16 => read_scopes(at, decoder),
        _ => {
            let height = decoder.u64().map_err(malformed)?;
            match kind {
                1 => Ok(Body::Read(read_read(at, height, decoder)?)),
                2 => Ok(Body::Refused(read_refused(at, height, decoder)?)),
                3 => Ok(Body::Opened { at, height }),
                4 => Ok(Body::GrantSeen { at, height, grant: decoder.u32().map_err(malformed)? }),
                5 => Ok(Body::RevokeSeen { at, height, grant: decoder.u32().map_err(malformed)? }),
                _ => Ok(Body::Closed { at, height }),
            }
        }
    }
}

fn read_filed(at: u64, decoder: &mut Decoder<'_>) -> Result<Filed, BodyError> {
    Ok(Filed {
        at,
        record_id: fixed("record id", decoder)?,
        version: decoder.u32().map_err(malformed)?,
        resource_type: text(decoder)?,
        scope: text(decoder)?,
        scope_hash: fixed("scope hash", decoder)?,
        explained: match decoder.u8().map_err(malformed)? {
            0 => Explained::New,
            1 => Explained::Explained,
            2 => Explained::Unexplained,
            found => return Err(BodyError::Explained { found }),
        },
    })
}

fn read_read(at: u64, height: u64, decoder: &mut Decoder<'_>) -> Result<Read, BodyError> {
    Ok(Read {
        at,
        height,
        request: fixed("request", decoder)?,
        grant: nullable(decoder, |decoder| decoder.u32().map_err(malformed))?,
        requester: text(decoder)?,
        scope: text(decoder)?,
        purpose: text(decoder)?,
        card: nullable(decoder, |decoder| fixed("card hash", decoder))?,
        viewer_name: text(decoder)?,
        viewer_role: text(decoder)?,
        viewer_institution: decoder.u32().map_err(malformed)?,
        record_count: decoder.u32().map_err(malformed)?,
        manifest: fixed("manifest", decoder)?,
    })
}

fn read_refused(at: u64, height: u64, decoder: &mut Decoder<'_>) -> Result<Refused, BodyError> {
    Ok(Refused {
        at,
        height,
        request: fixed("request", decoder)?,
        requester: text(decoder)?,
        scope: text(decoder)?,
        purpose: text(decoder)?,
        reason: text(decoder)?,
    })
}

fn read_scopes(at: u64, decoder: &mut Decoder<'_>) -> Result<Body, BodyError> {
    let (part, parts) = (decoder.u32().map_err(malformed)?, decoder.u32().map_err(malformed)?);
    let count = array_of(decoder)?;
    let mut scopes = Vec::new();
    for _ in 0..count {
        let members = array_of(decoder)?;
        if members != 2 {
            return Err(BodyError::Cbor(format!("a scope is (id, hash), not {members} items")));
        }
        scopes.push(Scope { scope: text(decoder)?, scope_hash: fixed("scope hash", decoder)? });
    }
    Ok(Body::Scopes { at, part, parts, scopes })
}

fn array_of(decoder: &mut Decoder<'_>) -> Result<u64, BodyError> {
    let length = decoder.array().map_err(malformed)?;
    length.ok_or_else(|| BodyError::Cbor("an array of indefinite length".to_owned()))
}

fn text(decoder: &mut Decoder<'_>) -> Result<String, BodyError> {
    decoder.str().map(str::to_owned).map_err(malformed)
}

fn fixed<const N: usize>(field: &'static str, decoder: &mut Decoder<'_>) -> Result<[u8; N], BodyError> {
    let bytes = decoder.bytes().map_err(malformed)?;
    bytes.try_into().map_err(|_| BodyError::FieldLength { field, expected: N, actual: bytes.len() })
}

fn nullable<'b, T>(
    decoder: &mut Decoder<'b>,
    read: impl FnOnce(&mut Decoder<'b>) -> Result<T, BodyError>,
) -> Result<Option<T>, BodyError> {
    if decoder.datatype().map_err(malformed)? == minicbor::data::Type::Null {
        decoder.null().map_err(malformed)?;
        return Ok(None);
    }
    read(decoder).map(Some)
}

fn at_most(field: &'static str, text: &str, max: usize) -> Result<(), BodyError> {
    if text.len() <= max { Ok(()) } else { Err(BodyError::FieldTooLong { field, actual: text.len(), max }) }
}

fn malformed(error: decode::Error) -> BodyError {
    BodyError::Cbor(error.to_string())
}
