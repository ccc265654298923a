//! Public entries: in the clear, for everybody, found by a label everybody can compute.

use medrec_merkle::tagged_hash;

use crate::{
    Body, Counters, Entry, EntryError, Label, Scope,
    body::{COUNTERS, SCOPES},
};

const DOMAIN: &str = "medrec/public-entry/v1";
/// A public entry has no blind and no tag: 48 bytes more than a sealed one.
pub(crate) const MAX_CLEAR: usize = 446;

/// Label of the `version`th public entry of a kind, from 1.
pub fn public_label(log_origin: &str, kind: u32, version: u32) -> Label {
    Label(tagged_hash(DOMAIN, &[log_origin.as_bytes(), &kind.to_be_bytes(), &version.to_be_bytes()]))
}

/// Entries that say which scope definitions are in force from `at` on, as many as it takes. They take the versions
/// `first_version`, `first_version + 1`, …
pub fn seal_scopes(
    log_origin: &str,
    first_version: u32,
    at: u64,
    scopes: &[Scope],
) -> Result<Vec<Entry>, EntryError> {
    let groups = split(at, scopes)?;
    let parts = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    let numbered = groups.into_iter().zip(1u32..);
    let entry = |(scopes, part): (Vec<Scope>, u32)| {
        let version = first_version.saturating_add(part).saturating_sub(1);
        clear(log_origin, SCOPES, version, &Body::Scopes { at, part, parts, scopes })
    };
    numbered.map(entry).collect()
}

/// The entry of the `version`th daily counter map.
pub fn seal_counters(log_origin: &str, version: u32, counters: &Counters) -> Result<Entry, EntryError> {
    clear(log_origin, COUNTERS, version, &Body::Counters(counters.clone()))
}

fn clear(log_origin: &str, kind: u64, version: u32, body: &Body) -> Result<Entry, EntryError> {
    let number = u32::try_from(kind).map_err(|_| EntryError::Kind { kind })?;
    Entry::clear(public_label(log_origin, number, version), &body.encode_any_size()?)
}

/// Groups whose bodies fit an entry; one empty group for no scopes at all.
fn split(at: u64, scopes: &[Scope]) -> Result<Vec<Vec<Scope>>, EntryError> {
    let mut groups: Vec<Vec<Scope>> = vec![Vec::new()];
    for scope in scopes {
        let Some(group) = groups.last_mut() else { break };
        group.push(scope.clone());
        // The largest numbers there are: the real ones are not known yet and only shorter.
        let body = Body::Scopes { at, part: u32::MAX, parts: u32::MAX, scopes: group.clone() };
        if body.encode_any_size()?.len() > MAX_CLEAR {
            group.pop();
            groups.push(vec![scope.clone()]);
        }
    }
    Ok(groups)
}

impl Entry {
    /// Body of the `version`th public entry of `kind`; `None` if this entry is not that one.
    pub fn open_public(&self, log_origin: &str, kind: u32, version: u32) -> Option<Result<Body, EntryError>> {
        if self.label() != public_label(log_origin, kind, version) {
            return None;
        }
        let body = self.clear_body().ok_or(EntryError::Commitment);
        Some(body.and_then(|cbor| {
            let body = Body::decode(&cbor)?;
            if body.kind() == u64::from(kind) {
                Ok(body)
            } else {
                Err(EntryError::Kind { kind: body.kind() })
            }
        }))
    }
}
