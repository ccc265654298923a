//! Domain-separated hashes, RFC 6962 trees and proofs, the sum tree of heads
