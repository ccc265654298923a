//! Messages, responses, errors and role tables of the contracts
