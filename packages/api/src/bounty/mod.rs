//! The bounty: aggregate questions offered by institutions, owned by the researchers who win seals, and the ledger of
//! every institution's privacy budget. ε is a whole number of *micro-ε*: 1,000,000 is ε = 1.

use cosmwasm_schema::{QueryResponses, cw_serde};
use cosmwasm_std::Binary;

mod catalogue;
mod error;
mod question;
mod role;
mod state;

pub use catalogue::{CatalogueEntry, MAX_CATALOGUE, MeasureKind, permits, validate_catalogue};
pub use error::Error;
pub use question::{
    AgeBand, Bounds, Category, Cohort, MAX_AGE, MAX_BINS, MAX_BOUND, MAX_CONTRIBUTIONS, MAX_SCALE, MAX_TIME,
    Measure, Question, Sex, WEEK,
};
pub use role::{Role, role};
pub use state::{
    Action, Budget, BudgetError, Charge, Deadline, Moment, OfferState, Refusal, Step, is_late, owning_seals,
    step,
};

/// The owner of an offer made after `s` seals is the miner of seal `s + 2`: the first whose template froze after the
/// offer (security H20).
pub const SEALS_TO_OWNER: u64 = 2;
/// Seals that are looked at for an owner: one whose miner is no certified researcher any more passes on to the next.
pub const OWNING_SEALS: u64 = 8;
/// Deadlines that are counted in seals.
pub const MIN_DEADLINE_SEALS: u32 = 3;
pub const MAX_DEADLINE_SEALS: u32 = 10_000;
/// Seconds an institution may take for an answer, at most: 30 days.
pub const MAX_ANSWER_SECONDS: u64 = 2_592_000;
/// Price of one offer, at most: ε = 10, where noise hides little.
pub const MAX_PRICE: u64 = 10_000_000;
/// Bytes of a sealed answer: HPKE adds 48 to what is in it.
pub const MIN_ANSWER: usize = 49;
pub const MAX_ANSWER: usize = 2_048;

#[cw_serde]
pub struct InstantiateMsg {
    /// The consortium's group policy account.
    pub consortium: String,
    /// Address of the registrar: who is an active institution, who a certified researcher.
    pub registrar: String,
    /// Address of the authlog: who won which seal.
    pub authlog: String,
}

#[cw_serde]
pub enum ExecuteMsg {
    /// Consortium. ε of an institution's data set, micro-ε, for good: not below what is spent and reserved.
    SetBudget { institution: u32, total: u64 },
    /// The institution's account. What its open offers from now on may be asked; at most 30 entries.
    SetCatalogue { institution: u32, entries: Vec<CatalogueEntry> },
    /// The institution's account. `id` [32]: random, chosen by the sender; the same offer again changes nothing.
    Offer { institution: u32, id: Binary, terms: Terms },
    /// The miner of the offer's seal. `encryption_key`: X25519 [32], made for this offer; answers are sealed to it. A
    /// fixed offer is asked by this.
    Claim { offer: Binary, encryption_key: Binary },
    /// The owner of an open offer.
    Ask { offer: Binary, question: Question },
    /// The institution's account. `answer`: sealed to the owner's key, at most 2,048 bytes; the same again changes
    /// nothing.
    Deliver { offer: Binary, answer: Binary },
    /// Anybody, after the deadline of the state the offer is in.
    Expire { offer: Binary },
}

/// What an institution offers.
#[cw_serde]
#[derive(Eq)]
pub struct Terms {
    pub kind: OfferKind,
    /// micro-ε, reserved at once: 1 to 10,000,000, or 0 with `reuses`. The whole of it is spent when asked.
    pub price: u64,
    /// `H("medrec/noise-commitment/v1"; secret [32])` of the noise (security H21, wire.md section 18).
    pub commitment: Binary,
    /// Seals after the owner's within which he claims, 3 to 10,000.
    pub claim_seals: u32,
    /// Seals after the claim within which the owner of an open offer asks, 3 to 10,000.
    pub ask_seals: u32,
    /// Seconds after the question within which the institution delivers, 1 to 2,592,000.
    pub answer_seconds: u64,
    /// An offer of this institution that was delivered for the same question: its answer is sealed anew, nothing is
    /// drawn again and nothing spent. Only for a fixed offer at price 0 under the same commitment.
    pub reuses: Option<Binary>,
}

#[cw_serde]
#[derive(Eq)]
pub enum OfferKind {
    /// The question stands.
    Fixed { question: Question },
    /// The owner asks, within the catalogue in force at the offer.
    Open {},
}

#[cw_serde]
#[derive(QueryResponses)]
pub enum QueryMsg {
    #[returns(ConfigResponse)]
    Config {},
    #[returns(BudgetResponse)]
    Budget { institution: u32 },
    /// The newest, or the one an offer names.
    #[returns(CatalogueResponse)]
    Catalogue { institution: u32, version: Option<u32> },
    #[returns(OfferResponse)]
    OfferById { id: Binary },
    /// In order of number; `start_after` is a number.
    #[returns(OffersResponse)]
    Offers {
        institution: Option<u32>,
        state: Option<OfferState>,
        start_after: Option<u64>,
        limit: Option<u32>,
    },
    /// Offers a researcher owns or owned, in order of number.
    #[returns(OffersResponse)]
    OwnedBy { researcher: String, start_after: Option<u64>, limit: Option<u32> },
    /// How an institution kept its word.
    #[returns(RecordResponse)]
    Record { institution: u32 },
    /// In order of institution.
    #[returns(RecordsResponse)]
    Records { start_after: Option<u32>, limit: Option<u32> },
}

#[cw_serde]
pub enum MigrateMsg {
    Same {},
}

#[cw_serde]
pub struct ConfigResponse {
    pub consortium: String,
    pub registrar: String,
    pub authlog: String,
}

/// All zero while the consortium has set none.
#[cw_serde]
pub struct BudgetResponse {
    pub institution: u32,
    pub budget: Budget,
}

#[cw_serde]
pub struct CatalogueResponse {
    pub institution: u32,
    /// 1 for the first; 0 and no entries before.
    pub version: u32,
    pub entries: Vec<CatalogueEntry>,
}

#[cw_serde]
pub struct OfferResponse {
    /// 1 for the first offer of all.
    pub number: u64,
    pub id: Binary,
    pub institution: u32,
    pub terms: Terms,
    /// Version of the catalogue of an open offer.
    pub catalogue: Option<u32>,
    /// Seals there were at the offer: the miner of seal `seals + 2` owns it.
    pub seals: u64,
    /// Height and block time in seconds.
    pub offered_height: u64,
    pub offered_at: u64,
    pub state: OfferState,
    pub owner: Option<Owner>,
    /// What was asked, fixed or open.
    pub asked: Option<Asked>,
    pub delivered: Option<Delivered>,
    /// The last moment of the state it is in; none once it ended.
    pub deadline: Option<Deadline>,
}

#[cw_serde]
pub struct Owner {
    pub researcher: String,
    pub encryption_key: Binary,
    /// The seal that made him owner.
    pub seal: u64,
    /// Seals there were at the claim.
    pub claimed_seals: u64,
    pub claimed_height: u64,
}

#[cw_serde]
pub struct Asked {
    pub question: Question,
    /// Height and block time in seconds.
    pub height: u64,
    pub at: u64,
    /// Block time in seconds: no answer is taken after it.
    pub answer_by: u64,
}

#[cw_serde]
pub struct Delivered {
    /// SHA-256 of the sealed answer, which is in the block and its event.
    pub hash: Binary,
    pub height: u64,
    pub at: u64,
}

#[cw_serde]
pub struct OffersResponse {
    pub offers: Vec<OfferResponse>,
    /// Where the next page starts after; none: there is nothing more.
    pub next: Option<u64>,
}

/// offered = delivered + missed + released + those under way.
#[cw_serde]
#[derive(Copy, Eq, Default)]
pub struct Record {
    pub offered: u64,
    pub delivered: u64,
    /// Asked, and not answered in time.
    pub missed: u64,
    /// Never claimed or never asked; nothing was spent.
    pub released: u64,
}

#[cw_serde]
pub struct RecordResponse {
    pub institution: u32,
    pub record: Record,
}

#[cw_serde]
pub struct RecordsResponse {
    pub records: Vec<RecordResponse>,
}
