//! The one rule for research: whose observations an aggregate may count.

use crate::model::Status;

/// Does a relationship's research choice let an aggregate of this category count it at this height?
///
/// `categories`: the patient's choice, a mask; `category`: the bit asked for (`medrec_api::bounty::Category::bit`).
/// The choice counts from the block after the one it was made in (`since_height`). Nobody is counted before accepting or
/// after a close, nor by an earlier choice: while a new one does not count yet, none does.
#[must_use]
pub const fn counts_for_research(
    categories: u8,
    category: u8,
    status: Status,
    since_height: u64,
    height: u64,
) -> bool {
    matches!(status, Status::Active)
        && category.is_power_of_two()
        && categories & category != 0
        && since_height <= height
}
