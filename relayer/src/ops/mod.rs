//! Running it: health, the staff's listener, logs.

pub mod backup;
pub mod health;
pub mod logging;
pub mod metered;
pub mod metrics;
pub mod staff;
pub mod status;
