//! End-to-end tests on real wasmd
