//! Who may read and who may act: one set of pure rules for contract, relayer and portal.
//!
//! - [`permits`] decides a read (docs/spec/wire.md sections 5 and 9).
//! - [`counts_for_research`] decides whom an aggregate counts.
//! - [`may_act`] decides a message to the relationship contract: who, and in which state.
//! - [`scope_tag`], [`purpose_tag`], [`new_tags`] make the keyed tags that stand for scopes and purposes on chain.
//!
//! No I/O, no clock, no chain types: the caller brings the facts and the time.

mod act;
mod model;
mod permits;
mod research;
mod scope;
mod tags;

pub use act::{ActRefusal, Action, Actor, may_act};
pub use model::{Grant, GrantKind, Party, Relationship, Status};
pub use permits::{Ask, Permit, Refusal, carer, permits};
pub use research::counts_for_research;
pub use scope::{ANY, Purpose, ScopeError, check_scope};
pub use tags::{
    GRANT_TAGS_LEN, GrantTags, MAX_PURPOSES, MAX_SCOPES, TAG_LEN, Tag, TagsError, asked_purpose_tags,
    asked_scope_tags, new_tags, purpose_tag, scope_tag,
};
