//! A permissioned local chain of real wasmd validators, for tests, measurements and the pilot.
//!
//! ```no_run
//! # async fn example() -> Result<(), medrec_localnet::Error> {
//! let net = medrec_localnet::Localnet::builder("target/localnet")?.validators(4).up().await?;
//! println!("{}", net.rpc_url(0)?);
//! net.down().await;
//! # Ok(())
//! # }
//! ```

mod admit;
mod builder;
mod consortium;
pub mod control;
mod create;
mod deploy;
mod error;
pub mod genesis;
mod home;
mod keys;
mod network;
mod node;
mod ports;
mod process;
mod progress;
pub mod proto;
mod wasmd;

pub use admit::admit;
pub use builder::{Builder, MAX_VALIDATORS};
pub use control::{Action, Control};
pub use create::load_sponsor;
pub use deploy::{Plan, Seals};
pub use error::Error;
pub use home::{Home, reset};
pub use network::{Localnet, Status, ValidatorStatus};
pub use progress::Progress;
pub use wasmd::{WASMD_VERSION, Wasmd};
