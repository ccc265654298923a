//! What a seal vouches for, and who made it.

use crate::recall::{Hash, tagged};
use crate::target::Target;

/// The header of a seal; `docs/spec/pow.md` section 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    pub chain_id: &'a str,
    /// Address of the authlog.
    pub contract: &'a str,
    /// 1 for the first seal.
    pub number: u64,
    /// Id of the seal before; zero bytes for the first.
    pub previous: Hash,
    /// Root over everything sealed: heads, the contracts' own logs, their code.
    pub sealed: Hash,
    /// Entries of all logs that count.
    pub entries: u64,
    pub target: Target,
    /// Block time at which the template was frozen, seconds since 1970.
    pub frozen_at: u64,
    /// Address of the researcher.
    pub miner: &'a str,
}

impl Header<'_> {
    /// `H("medrec/seal-header/v1"; chain id, contract, u64(number), previous, sealed, u64(entries), target,
    /// u64(frozen at), miner)`.
    pub fn hash(&self) -> Hash {
        tagged(
            "medrec/seal-header/v1",
            &[
                self.chain_id.as_bytes(),
                self.contract.as_bytes(),
                &self.number.to_be_bytes(),
                &self.previous,
                &self.sealed,
                &self.entries.to_be_bytes(),
                &self.target.to_be_bytes(),
                &self.frozen_at.to_be_bytes(),
                self.miner.as_bytes(),
            ],
        )
    }
}
