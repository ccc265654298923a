//! What cosigners and logs sign.

use alloc::{format, string::String};

use base64::{Engine, engine::general_purpose::STANDARD};
use medrec_merkle::{Hash, tagged_hash};

/// C2SP tlog-checkpoint without extension lines: what a log signs (wire.md section 10).
pub fn checkpoint_text(origin: &str, size: u64, root: &Hash) -> String {
    format!("{origin}\n{size}\n{}\n", STANDARD.encode(root))
}

/// C2SP tlog-cosignature: what a cosigner signs; `time` in seconds since 1970 (pow.md section 6).
pub fn cosignature_text(time: u64, origin: &str, size: u64, root: &Hash) -> String {
    format!("cosignature/v1\ntime {time}\n{}", checkpoint_text(origin, size, root))
}

/// What a log signs of an entry before its anchor (wire.md section 7).
pub fn promise_hash(origin: &str, index: u64, leaf: &Hash, at: u64, by: u64) -> Hash {
    let (index, at, by) = (index.to_be_bytes(), at.to_be_bytes(), by.to_be_bytes());
    tagged_hash("medrec/promise/v1", &[origin.as_bytes(), &index, leaf, &at, &by])
}
