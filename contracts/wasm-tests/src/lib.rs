//! The built wasm of every contract in the production VM
