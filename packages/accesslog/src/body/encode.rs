use core::convert::Infallible;

use minicbor::{Encoder, encode::Error};

use super::{Body, BodyError, Explained, Filed, MAX_BODY, Marking, Read, Refused, fields_of};

const SCOPE_MAX: usize = 24;
const PURPOSE_MAX: usize = 24;
const ADDRESS_MAX: usize = 90;
const TYPE_MAX: usize = 64;
const NAME_MAX: usize = 48;
const ROLE_MAX: usize = 24;
const REASON_MAX: usize = 32;
const NOTE_MAX: usize = 120;
const CATEGORY_MAX: usize = 24;

type Written = Result<(), Error<Infallible>>;

impl Body {
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
            Self::Removed(removed) => at_most("scope", &removed.scope, SCOPE_MAX),
            Self::RevokeReceived(received) => at_most("requester", &received.requester, ADDRESS_MAX),
            Self::Acknowledged(marking) => at_most("requester", &marking.requester, ADDRESS_MAX),
            Self::Disputed { marking, note } => {
                at_most("requester", &marking.requester, ADDRESS_MAX)?;
                at_most("note", note, NOTE_MAX)
            }
            Self::Counted(counted) => at_most("category", &counted.category, CATEGORY_MAX),
            Self::Scopes { part, parts, scopes, .. } => {
                if *part == 0 || part > parts {
                    return Err(BodyError::Part { part: *part, parts: *parts });
                }
                scopes.iter().try_for_each(|scope| at_most("scope", &scope.scope, SCOPE_MAX))
            }
            _ => Ok(()),
        }
    }

    fn write(&self, encoder: &mut Encoder<Vec<u8>>) -> Written {
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
            Self::Removed(removed) => {
                encoder.u64(removed.at)?.bytes(&removed.record_id)?.u32(removed.version)?;
                encoder.str(&removed.scope)?.bytes(&removed.scope_hash)?;
                encoder.u8(if removed.explained { 1 } else { 2 })?.ok()
            }
            Self::RevokeReceived(received) => {
                encoder.u64(received.at)?.u64(received.height)?.bytes(&received.request)?;
                encoder.str(&received.requester)?.u32(received.grant)?.ok()
            }
            Self::Acknowledged(marking) => write_marking(marking, encoder),
            Self::Disputed { marking, note } => {
                write_marking(marking, encoder)?;
                encoder.str(note)?.ok()
            }
            Self::Counted(counted) => {
                encoder.u64(counted.at)?.u64(counted.height)?.bytes(&counted.question)?;
                encoder.str(&counted.category)?.ok()
            }
            Self::Counters(counters) => {
                encoder.u64(counters.at)?.u32(counters.day)?.u64(counters.size)?;
                encoder.u32(counters.leaves)?.bytes(&counters.root)?.ok()
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

fn write_filed(filed: &Filed, encoder: &mut Encoder<Vec<u8>>) -> Written {
    let explained = match filed.explained {
        Explained::New => 0,
        Explained::Explained => 1,
        Explained::Unexplained => 2,
    };
    encoder.u64(filed.at)?.bytes(&filed.record_id)?.u32(filed.version)?.str(&filed.resource_type)?;
    encoder.str(&filed.scope)?.bytes(&filed.scope_hash)?.u8(explained)?.ok()
}

fn write_read(read: &Read, encoder: &mut Encoder<Vec<u8>>) -> Written {
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

fn write_refused(refused: &Refused, encoder: &mut Encoder<Vec<u8>>) -> Written {
    encoder.u64(refused.at)?.u64(refused.height)?.bytes(&refused.request)?;
    encoder.str(&refused.requester)?.str(&refused.scope)?.str(&refused.purpose)?.str(&refused.reason)?.ok()
}

fn write_marking(marking: &Marking, encoder: &mut Encoder<Vec<u8>>) -> Written {
    encoder.u64(marking.at)?.u64(marking.height)?.bytes(&marking.request)?;
    encoder.str(&marking.requester)?.bytes(&marking.record_id)?.u32(marking.version)?.ok()
}

fn at_most(field: &'static str, text: &str, max: usize) -> Result<(), BodyError> {
    if text.len() <= max { Ok(()) } else { Err(BodyError::FieldTooLong { field, actual: text.len(), max }) }
}
