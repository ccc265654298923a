/// What can be wrong with a question's price or an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("ε of {micro} millionths is below the least, {min}: every released number needs a share of it")]
    Epsilon { micro: u64, min: u64 },
    #[error("{found} numbers were released for a question that has {expected}")]
    Numbers { expected: usize, found: usize },
    #[error("an answer of {found} bytes, at most {max} fit")]
    TooLong { found: usize, max: usize },
    #[error("an answer has {expected} bytes, this one {found}")]
    Length { expected: usize, found: usize },
    #[error("the answer cannot be read: {0}")]
    Malformed(String),
    #[error("the answer is not signed by the key of institution {institution}")]
    Signature { institution: u32 },
    #[error("answers of {first} and {other} cannot be combined: they are not of one question")]
    Questions { first: String, other: String },
    #[error("no answer to combine")]
    None,
}
