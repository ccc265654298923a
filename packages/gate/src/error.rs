//! What can go wrong on the client's side. The server's refusals are in `problem`.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("request: {0}")]
    Request(String),
    #[error("answer: {0}")]
    Answer(String),
    #[error("the bundle: {0}")]
    Bundle(String),
    #[error(transparent)]
    Wallet(#[from] medrec_wallet::Error),
}
