//! The signed request and the sealed answer
