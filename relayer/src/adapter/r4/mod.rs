//! FHIR R4 (4.0.1) of the resource types that records have: what an element may be called, how often it may be there,
//! of which type it is, and which codes it may have where FHIR prescribes them.
//!
//! The tables beside this file are HL7's definitions, shortened; profiles, invariants and terminology servers are not
//! in them. `scope check` is what they are for: a read doesn't validate.

mod tables;
mod validate;

pub use tables::{Error, Tables};
pub use validate::{Finding, element};
