//! What can go wrong, and what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{tool} is missing: {help}")]
    MissingTool { tool: &'static str, help: &'static str },
    #[error("{what} failed ({status}): {tail}")]
    Tool { what: String, status: ExitStatus, tail: String },
    #[error("cannot start {what}: {source}")]
    Start { what: String, source: io::Error },
    #[error("no folder for the wasmd cache: set MEDREC_CACHE or HOME")]
    NoCacheFolder,
    #[error("no VM library for this machine in {}: wasmd supports x86_64 and aarch64 Linux, and macOS", dir.display())]
    NoVmLibrary { dir: PathBuf },
    #[error("cannot {operation} {}: {source}", path.display())]
    File { operation: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot read {} as {what}: {reason}", path.display())]
    Content { what: &'static str, path: PathBuf, reason: String },
    #[error(transparent)]
    Deployment(#[from] medrec_clients::DeploymentError),
    #[error("{setting} is {got}, {expected} are possible")]
    Setting { setting: &'static str, got: String, expected: &'static str },
    #[error("the chain in {} has {setting} {there}, {asked} was asked for: run `localnet reset` first", home.display())]
    OtherChain { home: PathBuf, setting: &'static str, there: String, asked: String },
    #[error("{} belongs to the running localnet with pid {pid}: run `localnet down` first", home.display())]
    AlreadyUp { home: PathBuf, pid: String },
    #[error("no localnet is running in {}: run `localnet up` first", home.display())]
    NotUp { home: PathBuf },
    #[error("the default genesis of wasmd lacks {path}: is this wasmd v0.61.14?")]
    Genesis { path: String },
    #[error("{address} is no address with prefix `medrec`: {reason}")]
    Address { address: String, reason: String },
    #[error("there is no validator {index}: they are numbered 0 to {}", count.saturating_sub(1))]
    NoValidator { index: usize, count: usize },
    #[error("validator {index} {state}")]
    ValidatorState { index: usize, state: &'static str },
    #[error("validator {index} ended ({status}): {tail} (log: {})", log.display())]
    NodeEnded { index: usize, status: String, tail: String, log: PathBuf },
    #[error("validator {index} found no free port in {tries} tries: close programs that listen on 127.0.0.1")]
    NoPort { index: usize, tries: u32 },
    #[error("{what} not reached within {seconds} s: {last}")]
    Deadline { what: String, seconds: u64, last: String },
    #[error("chain request: {0}")]
    Chain(#[from] medrec_clients::Error),
    #[error("group proposal `{title}` was not executed: {reason}")]
    Proposal { title: String, reason: String },
    #[error("deploying: {0}")]
    Deploy(String),
    /// The owner of a running localnet says why.
    #[error("{0}")]
    Refused(String),
    #[error("control socket {}: {reason}", path.display())]
    Control { path: PathBuf, reason: String },
}

/// Names the operation and the path of a failed file access.
pub(crate) trait FileContext<T> {
    fn doing(self, operation: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> FileContext<T> for io::Result<T> {
    fn doing(self, operation: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::File { operation, path: path.to_owned(), source })
    }
}
