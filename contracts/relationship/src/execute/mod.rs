//! What a message does once its sender is known to be allowed: one user action a file.

mod accept;
mod admit;
mod close;
mod grant;
mod instantiate;
mod open;
mod reject;
mod revoke;
mod rotate;
mod set_research;
mod set_sponsor;

pub use accept::accept;
pub use admit::admit;
pub use close::close;
pub use grant::{Terms, grant};
pub use instantiate::instantiate;
pub use open::open;
pub use reject::reject;
pub use revoke::revoke;
pub use rotate::rotate;
pub use set_research::set_research;
pub use set_sponsor::set_sponsor;

use cosmwasm_std::{Api, CanonicalAddr, Env};
use medrec_api::relationship::{Error, Research};
use medrec_api::validate::{self, Invalid};

/// Reads an address of a message into its stored form.
pub fn canonical(api: &dyn Api, field: &'static str, found: &str) -> Result<CanonicalAddr, Error> {
    Ok(api.addr_canonicalize(validate::address(api, field, found)?.as_str())?)
}

/// A choice made in this block.
const fn from_next_block(env: &Env, categories: u8) -> Research {
    Research { categories, since_height: env.block.height.saturating_add(1) }
}

/// Checks the length of a sealed text. What is in it, only its reader can tell.
fn sealed(found: &[u8], (min, max): (usize, usize)) -> Result<(), Invalid> {
    validate::length("sealed", found.len(), min, max)
}
