//! What a research desk answers (wire.md section 17).

use medrec_api::bounty::{Bounds, Question};
use minicbor::{Decode, Encode};

use crate::{Error, Outcome, bounds_of};

/// One answer to one question. A question asked again has this very answer, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Answer {
    /// To cite it by ([`citable_id`]).
    #[n(1)]
    pub id: String,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub question: [u8; 32],
    #[n(3)]
    pub institution: u32,
    /// Whose data sets are in it: 1.
    #[n(4)]
    pub institutions: u32,
    /// Seconds since 1970, by the institution's clock.
    #[n(5)]
    pub at: u64,
    /// Choices counted as of this block.
    #[n(6)]
    pub height: u64,
    /// The same question has the same answer until then.
    #[n(7)]
    pub valid_until: u64,
    /// Blinded hash of what was counted: it tells nothing until the institution opens it.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub data_set: [u8; 32],
    /// UCUM; empty for a count.
    #[n(9)]
    pub unit: String,
    #[n(10)]
    pub lower: i64,
    #[n(11)]
    pub upper: i64,
    /// Digits behind the point of the bounds and everything of their kind.
    #[n(12)]
    pub scale: u8,
    /// Of one patient, the newest so many.
    #[n(13)]
    pub contributions: u8,
    /// Least number of patients.
    #[n(14)]
    pub floor: u32,
    /// What it cost every patient counted, in millionths of ε.
    #[n(15)]
    pub epsilon: u64,
    /// Of each release, in the order of [`crate::plan`].
    #[n(16)]
    pub noise: Vec<Noise>,
    #[n(17)]
    pub outcome: Outcome,
}

/// Discrete Laplace noise of one release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Noise {
    #[n(0)]
    pub sensitivity: u64,
    /// Scale × 1,024: a whole number of 1,024ths is exact in binary.
    #[n(1)]
    pub scale_1024: u64,
    /// In millionths of ε, rounded up.
    #[n(2)]
    pub epsilon: u64,
}

/// Chain, institution, question and height name an answer.
#[must_use]
pub fn citable_id(chain_id: &str, institution: u32, question: &[u8; 32], height: u64) -> String {
    use std::fmt::Write as _;
    let mut short = String::with_capacity(16);
    for byte in question.iter().take(8) {
        // Writing to a String does not fail.
        let _ = write!(short, "{byte:02x}");
    }
    format!("medrec:{chain_id}:{institution}:{short}:{height}")
}

impl Answer {
    /// Bounds as the question had them; of a count both are 0.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds { lower: self.lower, upper: self.upper, scale: self.scale }
    }

    /// Whether it says of itself what the question asked for; the hash is compared elsewhere.
    #[must_use]
    pub fn fits(&self, question: &Question) -> bool {
        let bounds = bounds_of(&question.measure).unwrap_or(Bounds { lower: 0, upper: 0, scale: 0 });
        self.bounds() == bounds && self.unit == question.unit && self.contributions == question.contributions
    }

    /// CBOR map with integer keys in ascending order.
    pub fn to_cbor(&self) -> Result<Vec<u8>, Error> {
        minicbor::to_vec(self).map_err(|e| Error::Malformed(e.to_string()))
    }

    /// Strict: what would not be written like this is refused.
    pub fn from_cbor(cbor: &[u8]) -> Result<Self, Error> {
        let answer: Self = minicbor::decode(cbor).map_err(|e| Error::Malformed(e.to_string()))?;
        if answer.to_cbor()? != cbor {
            return Err(Error::Malformed("it is not in its one form".to_owned()));
        }
        Ok(answer)
    }
}
