//! A whole chain of seals in one file, which proves itself offline: JSON lines.
//!
//! 1. [`Start`]: the chain, the rules, keys of institutions, researchers with their certificates.
//! 2. One [`Line`] a seal, in order.
//! 3. [`End`]: how many, the work, SHA-256 of all bytes before.
//!
//! Numbers are decimal, bytes base64. What is checked: `README.md`, "Verify".

mod format;
mod heads;
mod verify;

pub use format::{Certified, End, FORMAT, HeadLine, Institution, Line, Rules, Start, WatchedLine};
pub use heads::Heads;
pub use verify::{Checked, Error, Source, verify};
