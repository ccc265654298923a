//! One user action a file.

pub mod admit_log;
pub mod anchor;
pub mod set_growth_cap;
