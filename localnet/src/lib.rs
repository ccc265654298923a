//! A permissioned local chain of real wasmd validators
