//! Async clients over RPC: queries, transactions, blocks
