//! The authlog contract
