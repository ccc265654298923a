//! The relationship contract
