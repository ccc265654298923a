//! The access log: `docs/spec/wire.md` sections 4 (ratchet) and 7, on C2SP `tlog-tiles`, `tlog-checkpoint` and
//! `signed-note`.
//!
//! One log per institution, append-only, 512 bytes an entry. The relayer seals ([`Ratchet`], [`Entry`]), builds
//! tiles ([`LogWriter`]) and signs ([`LogSigner`]); patients, viewers, miners and mirrors check
//! ([`verify_entry`], [`check_anchor`], [`scan`], [`mirror`]). No network and no files in here: only the traits
//! [`TileReader`] and [`mirror::Fetch`].

mod body;
mod checkpoint;
mod counters;
mod entry;
mod label;
mod log;
pub mod mirror;
mod note;
mod promise;
mod public;
mod ratchet;
mod scan;
mod tile;
mod verify;

pub use body::{
    Body, BodyError, Counted, Counters, Explained, Filed, MAX_BODY, Marking, Read, Refused, Removed,
    RevokeReceived, Scope,
};
pub use checkpoint::{Checkpoint, CheckpointError, LogKey, LogSigner, SignedCheckpoint};
pub use counters::{CounterMap, CountersError, SignedCounter, counter_leaf};
pub use entry::{ENTRY_LEN, Entry, EntryError, Opened, body_commitment};
pub use label::{Label, LabelError};
pub use log::{
    LogWriter, TileHashes, TileMap, TileReader, consistency_proof, inclusion_proof, tiles_for_consistency,
    tiles_for_entry,
};
pub use note::{Note, NoteError, NoteSignature, key_id};
pub use promise::{Promise, PromiseError};
pub use public::{public_label, seal_counters, seal_scopes};
pub use ratchet::{EntryKey, Place, Ratchet, Root, Step, TagKey};
pub use scan::{Found, Scan, Scanner, scan};
pub use tile::{
    BUNDLE, TILE_WIDTH, TileContent, TileError, TilePath, bundle_paths, decode_bundle, decode_tile,
    encode_bundle, encode_tile,
};
pub use verify::{Anchor, VerifyError, check_anchor, check_disclosed, verify_entry};
