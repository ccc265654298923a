//! What a message does once its sender is known to be allowed: one user action a file.

mod admit_institution;
mod certify_researcher;
mod expel_institution;
mod instantiate;
mod register_person;
mod rekey_institution;
mod rotate_person;
mod set_registration_policy;
mod withdraw_researcher;

pub use admit_institution::admit_institution;
pub use certify_researcher::certify_researcher;
pub use expel_institution::expel_institution;
pub use instantiate::instantiate;
pub use register_person::register_person;
pub use rekey_institution::{Rekey, rekey_institution};
pub use rotate_person::rotate_person;
pub use set_registration_policy::set_registration_policy;
pub use withdraw_researcher::withdraw_researcher;

use cosmwasm_std::Response;
use medrec_events::registrar::Event;

fn telling(event: Event) -> Response {
    Response::new().add_event(event)
}
