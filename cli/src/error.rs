//! What goes wrong, in words for patients, and how the program then ends.

use std::path::PathBuf;

use medrec_gate::Reason;

/// Ends with 1, 2 or 3 (see [`Error::exit`]).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Wrong(String),
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error("there is no wallet in {home}; make one with `medrec wallet new`, or bring yours back with `medrec wallet restore`", home = home.display())]
    NoWallet { home: PathBuf },
    #[error("there is a wallet in {home} already; choose another folder with --home", home = home.display())]
    WalletExists { home: PathBuf },
    #[error("the passphrase is wrong, or {file} was damaged; with your 24 words you can restore into another folder (--home)", file = file.display())]
    Passphrase { file: PathBuf },
    #[error("relationship {0} is not one of yours; `medrec relationships` lists them")]
    NotYours(u64),
    #[error("{institution} refused: {} ({reason}){}", reason.title(), clock(*ahead))]
    Refused { institution: String, reason: Reason, ahead: Option<u64> },
    #[error("{institution} did not answer: {why}")]
    Silent { institution: String, why: String },
    #[error("the chain: {0}")]
    Chain(#[from] medrec_clients::Error),
    #[error(transparent)]
    Wallet(#[from] medrec_wallet::Error),
    #[error(transparent)]
    Gate(#[from] medrec_gate::Error),
    #[error(transparent)]
    Seals(#[from] medrec_gate::seals::SealError),
    #[error(transparent)]
    Log(#[from] medrec_accesslog::VerifyError),
}

impl Error {
    /// The process's exit code.
    pub fn exit(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Wrong(_) | Error::Seals(_) | Error::Log(_) => 3,
            _ => 1,
        }
    }

    /// The gatekeeper's reason code, if it refused.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Error::Refused { reason, .. } => Some(*reason),
            _ => None,
        }
    }

    /// The chain may be there and do nothing, or not be there: another way may still work.
    pub fn is_silence_of_the_chain(&self) -> bool {
        use medrec_clients::Error::{Stalled, TimedOut, Unconfirmed, Unreachable};
        let Error::Chain(error) = self else { return false };
        matches!(error, Stalled { .. } | TimedOut { .. } | Unconfirmed { .. } | Unreachable { .. })
    }

    pub fn file(doing: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { doing, path, source }
    }
}

fn clock(ahead: Option<u64>) -> String {
    ahead.map_or_else(String::new, |s| format!("; this computer's clock is {s} seconds ahead, set it right"))
}
