//! Keys from words, cards, sealing, the wallet's side of a relationship
