//! A contract's log of its own events, as far as the contracts' errors name it (wire.md section 15).

/// The row under [`LOG_KEY`](crate::registrar::LOG_KEY) is not what the contract writes there.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum OwnLogError {
    #[error(
        "own log: the row has {found} bytes, a log of {size} events has {expected}; the contract's state is damaged"
    )]
    Row { size: u64, found: usize, expected: usize },
    #[error("own log: it holds 2^64 - 1 events and takes no more")]
    Full,
}
