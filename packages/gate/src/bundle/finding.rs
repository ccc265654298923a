/// Something in a bundle that is false, or proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error(
        "the bundle was changed after it was made, or is not signed for relationship {relationship}: {reason}"
    )]
    Signature { relationship: u64, reason: String },
    #[error("the bundle has {signatures} signatures for {parts} relationships")]
    Signatures { signatures: usize, parts: usize },
    #[error("relationship {relationship} is in the bundle twice")]
    PartTwice { relationship: u64 },
    #[error("the bundle says two things of institution {institution}")]
    TwoFacts { institution: u32 },
    #[error("the bundle quotes two anchors of {size} entries of log {origin}: one is false")]
    TwoAnchors { origin: String, size: u64 },
    #[error("entry {index} of a log stands in the bundle twice")]
    EntryTwice { index: u64 },
    #[error("the institution's log key cannot be used: {0}")]
    LogKey(String),
    #[error("the log's checkpoint is not to be believed: {0}")]
    Checkpoint(String),
    #[error("log and anchor are not of one history: {0}")]
    Anchor(String),
    #[error("the seals are not to be believed: {0}")]
    Seals(#[from] crate::seals::SealError),
    #[error("log and seal {seal} are not of one history: {reason}")]
    SealedHistory { seal: u64, reason: String },
    #[error(
        "the entries shown are not those of the log: one was altered, exchanged, added or left out ({0})"
    )]
    NotLogged(String),
    #[error("entry {index} says nothing: {reason}")]
    Unreadable { index: u64, reason: String },
    #[error("entry {index} is not the one that number {counter} of this relationship must be")]
    Label { counter: u64, index: u64 },
    #[error("the entries are said to be all of the relationship, and {what}")]
    NotWhole { what: String },
    #[error("the institution's signed counter is wrong: {0}")]
    Counter(String),
    #[error("the answer on scope {scope} is not signed by the institution: {reason}")]
    HeaderSignature { scope: String, reason: String },
    #[error("the answer on scope {scope}: {field} is {got}, should be {expected}")]
    Header { scope: String, field: &'static str, got: String, expected: String },
    #[error(
        "the records of scope {scope} are not those the institution signed for: one was left out, added or exchanged"
    )]
    Manifest { scope: String },
    #[error("the read that gave scope {scope} is not in the log: {reason}")]
    ReadNotLogged { scope: String, reason: String },
    #[error("record {record} is listed twice")]
    RecordTwice { record: String },
    #[error("record {record} differs from what was filed")]
    RecordChanged { record: String },
    #[error("record {record} cannot be checked: {reason}")]
    RecordUnreadable { record: String, reason: String },
    #[error("the filing of record {record} is not shown: {reason}")]
    RecordNotFiled { record: String, reason: String },
    #[error("what the patient said of record {record} is not proven: {reason}")]
    Mark { record: String, reason: String },
    #[error("record {record} of scope {scope} was filed and is not in the answer")]
    Omitted { record: String, scope: String },
    #[error("record {record} of scope {scope} is shown in version {shown}, the log's last is {last}")]
    RolledBack { record: String, scope: String, shown: u32, last: u32 },
    #[error("record {record} of scope {scope} is shown, and its removal was filed before")]
    Removed { record: String, scope: String },
}
