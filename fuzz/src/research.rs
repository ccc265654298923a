//! What researchers send and are sent.

use medrec_aggregate::Answer;
use medrec_seals::Recalls;

/// Entries and proofs of a seal, as the contract reads them.
pub fn recalls(input: &[u8]) -> bool {
    let Ok(recalls) = Recalls::parse(input) else { return false };
    assert!(recalls.to_bytes().is_ok_and(|again| again == input), "recalls are written as they were read");
    true
}

/// A research desk's answer, once it is opened.
pub fn research_answer(input: &[u8]) -> bool {
    let Ok(answer) = Answer::from_cbor(input) else { return false };
    assert!(answer.to_cbor().is_ok_and(|again| again == input), "an answer has one form");
    true
}
