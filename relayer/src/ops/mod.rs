//! Running it: health, the staff's listener, logs.

pub mod health;
pub mod logging;
pub mod staff;
