use alloc::string::String;

use medrec_merkle::Hash;

/// Why a submission, a chain of seals or evidence was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Merkle(#[from] medrec_merkle::Error),
    #[error(transparent)]
    Pow(#[from] medrec_pow::Error),

    #[error("recalls: {found} bytes, there are at most {max}")]
    TooLong { found: usize, max: usize },
    #[error("recalls: {found} bytes where no log has an entry, send none")]
    NotEmpty { found: usize },
    #[error("recalls: end within {part}; docs/spec/pow.md section 8 has the format")]
    Truncated { part: &'static str },
    #[error("recalls: {found} bytes too many behind the last recall")]
    Trailing { found: usize },
    #[error("recalls: {found} heads, 1 to {max} are possible")]
    Heads { found: usize, max: usize },
    #[error(
        "recalls: slot {slot} does not come behind the slots before; heads are in order of slot, each once"
    )]
    Order { slot: u32 },
    #[error("recalls: the head of slot {slot} is not named by any recall; leave it out")]
    Unnamed { slot: u32 },
    #[error("recalls: recall {step} names head {head}, there are {heads} from 0")]
    NoHead { step: usize, head: u8, heads: usize },
    #[error("recalls: the origin of slot {slot} is no text of 1 to {max} bytes")]
    Origin { slot: u32, max: usize },
    #[error("recalls: {found} recalls, it takes exactly {expected}")]
    Recalls { found: usize, expected: usize },
    #[error("recalls: two recalls give slot {slot} another head")]
    TwoHeads { slot: u32 },
    #[error("heads: {found} siblings, these slots need exactly {expected}")]
    Siblings { found: usize, expected: usize },
    #[error(
        "heads: the slots and siblings given are not those of the sealed root ({expected} entries): {reason}"
    )]
    NotSealed { expected: u64, reason: medrec_merkle::Error },
    #[error(
        "seal {number}: recall {step} of this nonce is entry {expected}, entry {found} was sent; the nonce is for \
         another seal, chain or researcher: take the newest template"
    )]
    OtherEntry { number: u64, step: usize, expected: u64, found: u64 },
    #[error("seal {number}: the entry of recall {step} is not in the log of slot {slot}: {reason}")]
    NotInLog { number: u64, step: usize, slot: u32, reason: medrec_merkle::Error },
    #[error("seal {number}: the template counts {template} entries, the heads {heads}")]
    Entries { number: u64, template: u64, heads: u64 },

    #[error("chain: seal {found} where {expected} follows")]
    Number { expected: u64, found: u64 },
    #[error("chain: seal {number} follows another seal than the one before it")]
    Previous { number: u64, expected: Hash, found: Hash },
    #[error("chain: seal {number} has another target than the schedule gives")]
    Target { number: u64, expected: Hash, found: Hash },
    #[error("chain: seal {number} was frozen at {found}, the one before at {previous}")]
    Time { number: u64, previous: u64, found: u64 },
    #[error("chain: seal {number}: {reason}")]
    Mix { number: u64, reason: medrec_pow::Error },
    #[error("chain: seal {number} has another id than its header, nonce and mix give")]
    Id { number: u64, expected: Hash, found: Hash },
    #[error("chain: no more seals can be counted")]
    Overflow,

    #[error("rules: {field} must be {must}, not {found}")]
    Rules { field: &'static str, must: &'static str, found: String },
    #[error(
        "log: the row of a contract's own log is {found} bytes; it is u64(size), then a hash a complete subtree"
    )]
    OwnLog { found: usize },

    #[error("conflict {kind}: both sides say the same, that is no conflict")]
    Same { kind: &'static str },
    #[error("conflict {kind}: {side} does not hold: {reason}")]
    Side { kind: &'static str, side: &'static str, reason: medrec_merkle::Error },
    #[error("conflict overdue: the entry was promised by {by}, it is {now}")]
    NotOver { by: u64, now: u64 },
    #[error("conflict overdue: entry {index} is anchored, the log has {anchored} entries on chain")]
    Kept { index: u64, anchored: u64 },
}
