//! Keyed tags: what stands on chain for a scope or a purpose (docs/spec/wire.md section 5).

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::scope::ANY;

/// Bytes of one tag.
pub const TAG_LEN: usize = 8;
/// Scope places in a grant.
pub const MAX_SCOPES: usize = 8;
/// Purpose places in a grant.
pub const MAX_PURPOSES: usize = 4;
/// Bytes of `grant.tags`.
pub const GRANT_TAGS_LEN: usize = 96;

const SCOPE_DOMAIN: &[u8] = b"medrec/tag/scope/v1";
const PURPOSE_DOMAIN: &[u8] = b"medrec/tag/purpose/v1";
const SCOPES_LEN: usize = 64;

/// A scope or a purpose as one relationship's chain state shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub [u8; TAG_LEN]);

/// `grant.tags`: 8 scope tags, then 4 purpose tags, each group strictly ascending, so that the order says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrantTags {
    scopes: [Tag; MAX_SCOPES],
    purposes: [Tag; MAX_PURPOSES],
}

#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum TagsError {
    #[error("grant tags: {found} bytes, must be {GRANT_TAGS_LEN} (8 scope tags, then 4 purpose tags)")]
    Length { found: usize },
    #[error(
        "grant tags: {group} tag {place} is not greater than the one before it; sort each group, no tag twice"
    )]
    Order { group: &'static str, place: usize },
    #[error("grant tags: {found} different {group} tags asked for, a grant holds 1 to {max}")]
    Count { group: &'static str, found: usize, max: usize },
    #[error("grant tags: the random filler repeats a tag; draw new random bytes")]
    Filler,
}

/// Tag of a scope id (`*` included) under a relationship's tag key.
#[must_use]
pub fn scope_tag(tag_key: &[u8; 32], scope: &str) -> Tag {
    keyed(tag_key, SCOPE_DOMAIN, scope)
}

/// Tag of a purpose (`*` included) under a relationship's tag key.
#[must_use]
pub fn purpose_tag(tag_key: &[u8; 32], purpose: &str) -> Tag {
    keyed(tag_key, PURPOSE_DOMAIN, purpose)
}

/// The tags a grant may carry to cover `scope`: its own and that of `*`.
#[must_use]
pub fn asked_scope_tags(tag_key: &[u8; 32], scope: &str) -> [Tag; 2] {
    [scope_tag(tag_key, scope), scope_tag(tag_key, ANY)]
}

/// The tags a grant may carry to cover `purpose`: its own and that of `*`.
#[must_use]
pub fn asked_purpose_tags(tag_key: &[u8; 32], purpose: &str) -> [Tag; 2] {
    [purpose_tag(tag_key, purpose), purpose_tag(tag_key, ANY)]
}

/// First 8 bytes of HMAC-SHA256(tag_key, lp(domain) ‖ lp(word)).
fn keyed(tag_key: &[u8; 32], domain: &[u8], word: &str) -> Tag {
    // HMAC pads its key with zeros to a block, so the padded key is the same key, with no length to get wrong.
    let mut block = [0; 64];
    block[..tag_key.len()].copy_from_slice(tag_key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in [domain, word.as_bytes()] {
        let len = u32::try_from(part.len()).unwrap_or(u32::MAX);
        mac.update(&len.to_be_bytes());
        mac.update(part);
    }
    let full = mac.finalize().into_bytes();
    let mut tag = [0; TAG_LEN];
    tag.copy_from_slice(&full[..TAG_LEN]);
    Tag(tag)
}

/// Builds `grant.tags`: the tags given, random filler in the places left, each group sorted.
///
/// `filler` is fresh random bytes; as many as needed are used.
pub fn new_tags(
    scopes: &[Tag],
    purposes: &[Tag],
    filler: &[u8; GRANT_TAGS_LEN],
) -> Result<GrantTags, TagsError> {
    let (scope_filler, purpose_filler) = filler.split_at(SCOPES_LEN);
    Ok(GrantTags {
        scopes: filled("scope", scopes, scope_filler)?,
        purposes: filled("purpose", purposes, purpose_filler)?,
    })
}

fn filled<const N: usize>(group: &'static str, given: &[Tag], filler: &[u8]) -> Result<[Tag; N], TagsError> {
    let mut tags = given.to_vec();
    tags.sort_unstable();
    tags.dedup();
    if tags.is_empty() || tags.len() > N {
        return Err(TagsError::Count { group, found: tags.len(), max: N });
    }
    let places = filler.chunks_exact(TAG_LEN).skip(tags.len()).map(tag_from);
    tags.extend(places.collect::<Vec<_>>());
    tags.sort_unstable();
    tags.dedup();
    <[Tag; N]>::try_from(tags).map_err(|_| TagsError::Filler)
}

fn tag_from(chunk: &[u8]) -> Tag {
    let mut tag = [0; TAG_LEN];
    tag.copy_from_slice(chunk);
    Tag(tag)
}

fn read_group<const N: usize>(group: &'static str, bytes: &[u8]) -> Result<[Tag; N], TagsError> {
    let mut tags = [Tag([0; TAG_LEN]); N];
    for (tag, chunk) in tags.iter_mut().zip(bytes.chunks_exact(TAG_LEN)) {
        *tag = tag_from(chunk);
    }
    match tags.windows(2).position(|pair| pair[0] >= pair[1]) {
        Some(at) => Err(TagsError::Order { group, place: at.saturating_add(1) }),
        None => Ok(tags),
    }
}

impl GrantTags {
    /// Reads `grant.tags`; refuses any other length and unsorted groups.
    pub fn parse(bytes: &[u8]) -> Result<Self, TagsError> {
        if bytes.len() != GRANT_TAGS_LEN {
            return Err(TagsError::Length { found: bytes.len() });
        }
        let (scopes, purposes) = bytes.split_at(SCOPES_LEN);
        Ok(Self { scopes: read_group("scope", scopes)?, purposes: read_group("purpose", purposes)? })
    }

    /// The 96 bytes of `grant.tags`.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; GRANT_TAGS_LEN] {
        let mut bytes = [0; GRANT_TAGS_LEN];
        let tags = self.scopes.iter().chain(&self.purposes);
        for (place, tag) in bytes.chunks_exact_mut(TAG_LEN).zip(tags) {
            place.copy_from_slice(&tag.0);
        }
        bytes
    }

    /// Does the grant cover a scope that any of these tags stands for?
    #[must_use]
    pub fn covers_scope(&self, asked: &[Tag]) -> bool {
        asked.iter().any(|tag| self.scopes.contains(tag))
    }

    /// Does the grant cover a purpose that any of these tags stands for?
    #[must_use]
    pub fn covers_purpose(&self, asked: &[Tag]) -> bool {
        asked.iter().any(|tag| self.purposes.contains(tag))
    }
}
