//! What can go wrong between us and a node, in words a user can act on.

use crate::{TxHash, TxOutcome};

/// Every variant names the operation or the contract, and what the node said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL of a node does not parse or cannot be used.
    #[error("node URL {url:?} cannot be used: {reason}; write it like http://127.0.0.1:26657")]
    Url {
        /// The URL as given, without credentials.
        url: String,
        /// Why.
        reason: &'static str,
    },

    /// No answer: connection refused, timeout, or an answer that is not JSON-RPC.
    #[error("{operation}: no usable answer from the node at {node}: {reason}; check that it runs")]
    Unreachable {
        /// The call that was made.
        operation: &'static str,
        /// `host:port`; never credentials.
        node: String,
        /// What the transport said.
        reason: String,
    },

    /// The node answered with a JSON-RPC error.
    #[error("{operation}: the node at {node} refused: {reason}")]
    Refused {
        /// The call that was made.
        operation: &'static str,
        /// `host:port`; never credentials.
        node: String,
        /// The node's message.
        reason: String,
    },

    /// The node answers, but it is of another chain.
    #[error(
        "the node at {node} is of chain {found:?}, not of {expected:?}: configure a node of the right chain"
    )]
    Foreign {
        /// `host:port`; never credentials.
        node: String,
        /// The chain asked for.
        expected: String,
        /// What the node says.
        found: String,
    },

    /// The node has thrown away what was asked for.
    #[error("{operation}: the node at {node} no longer has that height{}; ask an archive node, or rebuild",
        lowest.map(|lowest| format!(", its lowest is {lowest}")).unwrap_or_default())]
    Pruned {
        /// The call that was made.
        operation: &'static str,
        /// `host:port`; never credentials.
        node: String,
        /// Lowest height it has, if it said so.
        lowest: Option<u64>,
    },

    /// The answer has no end, or none we would wait for.
    #[error(
        "{operation}: the node at {node} answers with more than anything asked for can be; it is not trusted"
    )]
    TooLarge {
        /// The call that was made.
        operation: &'static str,
        /// `host:port`; never credentials.
        node: String,
    },

    /// Nodes contradict each other: one of them is wrong, lies, or is of another history.
    #[error(
        "{operation} at height {height}: the nodes disagree ({nodes}); nothing is taken from any of them"
    )]
    Disagree {
        /// The call that was made.
        operation: &'static str,
        /// The height asked for.
        height: u64,
        /// `host:port` of each, and what it said in short.
        nodes: String,
    },

    /// Fewer nodes answered than must agree.
    #[error("{operation}: {answered} of the {wanted} nodes that must agree gave an answer: {reason}")]
    TooFew {
        /// The call that was made.
        operation: &'static str,
        /// Nodes that must agree.
        wanted: usize,
        /// Nodes that answered.
        answered: usize,
        /// What the others said.
        reason: String,
    },

    /// A module query failed in the application.
    #[error("query {path} failed with code {code} ({codespace}): {log}")]
    Query {
        /// The gRPC path that was asked.
        path: String,
        /// ABCI code.
        code: u32,
        /// ABCI codespace.
        codespace: String,
        /// The node's log.
        log: String,
    },

    /// A smart or raw query to a contract failed.
    #[error("query to contract {contract} failed with code {code}: {log}")]
    Contract {
        /// The contract asked.
        contract: String,
        /// ABCI code.
        code: u32,
        /// The node's log, with the contract's own error text.
        log: String,
    },

    /// A message or answer could not be encoded or decoded.
    #[error("{what}: {reason}")]
    Codec {
        /// What was being encoded or decoded.
        what: String,
        /// Why it failed.
        reason: String,
    },

    /// The secret is not a secp256k1 private key. The secret itself is never shown.
    #[error("the secret is not a valid secp256k1 private key")]
    Secret,

    /// The account does not exist on chain, so it can neither sign nor pay.
    #[error(
        "account {address} does not exist on chain; it needs a fee allowance or funds before it can sign"
    )]
    NoAccount {
        /// The address asked for.
        address: String,
    },

    /// A transaction needs at least one signer.
    #[error("a transaction needs at least one signer, got none")]
    NoSigner,

    /// The messages fail on the chain's present state; nothing was sent.
    #[error("the transaction would fail, so it was not sent: {log}")]
    WouldFail {
        /// What the chain or the contract says against it.
        log: String,
    },

    /// The node has its transaction service off, so it cannot tell what a transaction costs.
    #[error(
        "the node at {node} cannot simulate transactions; set enable = true under [grpc] in its app.toml"
    )]
    NoSimulation {
        /// `host:port`; never credentials.
        node: String,
    },

    /// The node refused a transaction before any block.
    #[error("transaction refused by the node with code {code} ({codespace}): {log}")]
    CheckTx {
        /// ABCI code.
        code: u32,
        /// ABCI codespace.
        codespace: String,
        /// The node's log.
        log: String,
    },

    /// The transaction is in a block, and failed there. State is unchanged but for the fee.
    #[error(
        "transaction {hash} failed in block {} with code {} ({}): {} (gas used {}, wanted {})",
        outcome.height, outcome.code, outcome.codespace, outcome.log, outcome.gas_used, outcome.gas_wanted
    )]
    Failed {
        /// Which transaction.
        hash: TxHash,
        /// What the block says about it.
        outcome: Box<TxOutcome>,
    },

    /// The transaction can no longer enter a block.
    #[error(
        "transaction {hash} was not committed by its timeout height {timeout_height} (chain is at {height})"
    )]
    TimedOut {
        /// Which transaction.
        hash: TxHash,
        /// Last height at which it could have been committed.
        timeout_height: u64,
        /// The chain's height when we gave up.
        height: u64,
    },

    /// Neither committed nor refused within the deadline: its fate is open, ask again by its hash.
    #[error("transaction {hash} was not seen in a block within {seconds} s; it may still be committed")]
    Unconfirmed {
        /// Which transaction.
        hash: TxHash,
        /// Seconds waited.
        seconds: u64,
    },

    /// The chain did not reach a height within the deadline.
    #[error(
        "the chain is at height {height} after {seconds} s of waiting for {wanted}; do the validators run?"
    )]
    Stalled {
        /// Height waited for.
        wanted: u64,
        /// Height reached.
        height: u64,
        /// Seconds waited.
        seconds: u64,
    },

    /// A gas price that is not a plain decimal.
    #[error("gas price {given:?} is not a decimal in ufee per gas with at most 9 places, like 0.001")]
    GasPrice {
        /// The text as given.
        given: String,
    },

    /// A number from the node does not fit its type.
    #[error("{what} is out of range")]
    Range {
        /// Which number.
        what: &'static str,
    },
}

impl Error {
    /// The account's sequence moved between our look and our broadcast: look again and re-sign.
    pub fn is_wrong_sequence(&self) -> bool {
        match self {
            // sdk errors.ErrWrongSequence
            Self::CheckTx { code: 32, codespace, .. } => codespace == "sdk",
            // A simulation wraps the same error in a gRPC status, which keeps only the text.
            Self::WouldFail { log } => log.contains("account sequence mismatch"),
            _ => false,
        }
    }

    /// The thing asked for is not in state, as opposed to the question having failed.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Query { log, .. } | Self::Contract { log, .. } => {
                log.contains("code = NotFound") || log.contains(": not found")
            }
            _ => false,
        }
    }
}
