//! The built wasm of every contract in the production VM: `tests/vm`.
//!
//! The only crate that links wasmer. `cargo xtask wasm` builds what it reads, from `artifacts/` or the folder that
//! `MEDREC_ARTIFACTS` names. `MEDREC_BLESS=1` rewrites `testdata/gas.json`.
