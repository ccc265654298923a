//! Suite builder over cw-multi-test and fixtures for the contract suites
