//! The pilot scenario as named steps
