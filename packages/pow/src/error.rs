use core::fmt;

use crate::recall::Hash;

/// Why a seal or a target was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The last mix is above the target.
    AboveTarget { mix: Hash, target: Hash },
    /// A target of zero: no try could reach it.
    ZeroTarget,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::AboveTarget { mix, target } => {
                write!(f, "the last mix {} is above the target {}: keep trying", Hex(mix), Hex(target))
            }
            Error::ZeroTarget => f.write_str("a target must be at least 1, not 0"),
        }
    }
}

impl core::error::Error for Error {}

struct Hex<'a>(&'a Hash);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
