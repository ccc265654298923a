//! The registrar contract
