//! The access log: entries, ratchet, labels, tiles, checkpoints, verification
