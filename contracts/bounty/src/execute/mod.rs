//! One user action a file.

pub mod ask;
pub mod claim;
pub mod deliver;
pub mod expire;
pub mod offer;
pub mod set_budget;
pub mod set_catalogue;
