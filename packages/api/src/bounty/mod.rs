//! The bounty: aggregate questions offered by institutions, owned by the researchers who win seals.

mod question;

pub use question::{
    AgeBand, Bounds, Category, Cohort, MAX_AGE, MAX_BINS, MAX_BOUND, MAX_CONTRIBUTIONS, MAX_SCALE, Measure,
    Question, Sex, WEEK,
};
