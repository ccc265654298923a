//! Aggregates over observations, as a research desk answers them and a researcher reads them. Pure: no clock, no
//! randomness, no float in what is computed over data.
//!
//! - [`fixed`]: decimal text as an integer, exact; [`Contribution`], [`newest`]: what of one patient counts
//! - [`Tally`]: what is counted, summed and binned before noise; [`plan`]: which of it is released, with which
//!   sensitivity and share of ε; [`conclude`]: what the noisy numbers say, or that they are too few
//! - [`Answer`]: the signed form, padded to one size (wire.md section 17); [`Combined`]: answers of several hospitals

mod answer;
mod combine;
mod contributions;
mod decimal;
mod error;
mod outcome;
mod plan;
mod seal;
mod tally;

pub use answer::{Answer, Noise, citable_id};
pub use combine::{Combined, Interval, Reading, interval, rational_interval};
pub use contributions::{Contribution, newest};
pub use decimal::{fixed, show};
pub use error::Error;
pub use outcome::{Cell, MEAN_DIGITS, Outcome, conclude};
pub use plan::{MIN_EPSILON, Part, Quantity, plan};
pub use seal::{ANSWER_DOMAIN, PLAIN_LEN, SEAL_DOMAIN, pad, sign, unpad};
pub use tally::{Tally, bin_edge, bins_of, bounds_of};

/// The least number of patients of an answer: ten or fewer are refused (CMS cell size policy, "no cell less than 11").
pub const FLOOR: u32 = 11;
