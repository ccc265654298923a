//! Canonical values and salted commitments of FHIR records: `docs/spec/wire.md` section 6.
//!
//! A record is one FHIR R4 resource. Its [`Commitment`] is the root of a tree over salted leaves: a viewer of the
//! whole record recomputes it from resource and [`VersionKey`], a viewer of some fields from those fields, their
//! salts and the hashes of the rest ([`Disclosure`]). Destroying the [`RecordKey`] erases; every proof stands.
//!
//! [`merge`] says which records of several institutions are one fact.

mod canonical;
mod commit;
mod context;
mod disclosure;
mod error;
mod keys;
mod leaves;
pub mod merge;
mod scope;

pub use canonical::{canonical_value, jcs};
pub use commit::{Commitment, commit, commit_version};
pub use context::{Context, RecordId, relationship_ref};
pub use disclosure::{Disclosure, Field};
pub use error::Error;
pub use keys::{RecordKey, Salt, VersionKey};
pub use leaves::{Leaf, MAX_BYTES, MAX_DEPTH, MAX_LEAVES, leaves};
pub use scope::scope_hash;
