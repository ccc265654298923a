//! The daemon beside a provider's database
