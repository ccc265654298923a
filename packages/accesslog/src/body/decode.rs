use minicbor::{Decoder, data::Type, decode::Error};

use super::{
    Body, BodyError, COUNTERS, Counted, Counters, Explained, Filed, Marking, Read, Refused, Removed,
    RevokeReceived, SCOPES, Scope, fields_of,
};

impl Body {
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
}

fn read_fields(kind: u64, decoder: &mut Decoder<'_>) -> Result<Body, BodyError> {
    let at = decoder.u64().map_err(malformed)?;
    match kind {
        0 => Ok(Body::Filed(read_filed(at, decoder)?)),
        7 => Ok(Body::Removed(read_removed(at, decoder)?)),
        SCOPES => read_scopes(at, decoder),
        COUNTERS => Ok(Body::Counters(read_counters(at, decoder)?)),
        _ => {
            let height = decoder.u64().map_err(malformed)?;
            match kind {
                1 => Ok(Body::Read(read_read(at, height, decoder)?)),
                2 => Ok(Body::Refused(read_refused(at, height, decoder)?)),
                3 => Ok(Body::Opened { at, height }),
                4 => Ok(Body::GrantSeen { at, height, grant: decoder.u32().map_err(malformed)? }),
                5 => Ok(Body::RevokeSeen { at, height, grant: decoder.u32().map_err(malformed)? }),
                8 => Ok(Body::RevokeReceived(read_revoke_received(at, height, decoder)?)),
                9 => Ok(Body::Acknowledged(read_marking(at, height, decoder)?)),
                10 => {
                    Ok(Body::Disputed { marking: read_marking(at, height, decoder)?, note: text(decoder)? })
                }
                11 => {
                    let question = fixed("question", decoder)?;
                    Ok(Body::Counted(Counted { at, height, question, category: text(decoder)? }))
                }
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

fn read_removed(at: u64, decoder: &mut Decoder<'_>) -> Result<Removed, BodyError> {
    Ok(Removed {
        at,
        record_id: fixed("record id", decoder)?,
        version: decoder.u32().map_err(malformed)?,
        scope: text(decoder)?,
        scope_hash: fixed("scope hash", decoder)?,
        explained: match decoder.u8().map_err(malformed)? {
            1 => true,
            2 => false,
            found => return Err(BodyError::Removed { found }),
        },
    })
}

fn read_revoke_received(
    at: u64,
    height: u64,
    decoder: &mut Decoder<'_>,
) -> Result<RevokeReceived, BodyError> {
    Ok(RevokeReceived {
        at,
        height,
        request: fixed("request", decoder)?,
        requester: text(decoder)?,
        grant: decoder.u32().map_err(malformed)?,
    })
}

fn read_marking(at: u64, height: u64, decoder: &mut Decoder<'_>) -> Result<Marking, BodyError> {
    Ok(Marking {
        at,
        height,
        request: fixed("request", decoder)?,
        requester: text(decoder)?,
        record_id: fixed("record id", decoder)?,
        version: decoder.u32().map_err(malformed)?,
    })
}

fn read_counters(at: u64, decoder: &mut Decoder<'_>) -> Result<Counters, BodyError> {
    Ok(Counters {
        at,
        day: decoder.u32().map_err(malformed)?,
        size: decoder.u64().map_err(malformed)?,
        leaves: decoder.u32().map_err(malformed)?,
        root: fixed("root", decoder)?,
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
    if decoder.datatype().map_err(malformed)? == Type::Null {
        decoder.null().map_err(malformed)?;
        return Ok(None);
    }
    read(decoder).map(Some)
}

fn malformed(error: Error) -> BodyError {
    BodyError::Cbor(error.to_string())
}
