//! Typed contract events, both directions: attributes and ABCI
