/// Why a resource or a disclosure was refused. Errors name places in a resource, never its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a record is one FHIR resource, a JSON object; this is {found}: map the row to an object")]
    NotAnObject { found: &'static str },
    #[error("the context says resource type {context:?}, the resource says {resource:?}: they must agree")]
    ResourceType { context: String, resource: String },
    #[error("the resource nests deeper than {limit} levels: split it")]
    TooDeep { limit: usize },
    #[error("the resource has more than {limit} leaves: split it")]
    TooManyLeaves { limit: usize },
    #[error("pointers and values of the resource exceed {limit} bytes: keep attachments outside the record")]
    TooLarge { limit: usize },
    #[error("the number at {pointer:?} is not written as JSON writes numbers")]
    Number { pointer: String },
    #[error("a number in the JSON to canonicalise is outside the range of RFC 8785 (IEEE 754 double)")]
    NumberRange,
    #[error(
        "field {pointer:?} is at index {index}, but must be between 1 and {last} and come after the one before"
    )]
    FieldIndex { pointer: String, index: u32, last: u32 },
    #[error("field {pointer:?} does not sort after {before:?}: fields are in the order of their pointers")]
    FieldOrder { before: String, pointer: String },
    #[error("the value of field {pointer:?} is not a canonical scalar, empty object or empty array")]
    FieldValue { pointer: String },
    #[error("the disclosure has {actual} fields and hashes together, more than {limit}")]
    TooManyFields { actual: usize, limit: usize },
    #[error("no leaf of the resource is at {pointer:?}")]
    NoSuchField { pointer: String },
    #[error("the tree over the leaves failed: {0}")]
    Tree(#[from] medrec_merkle::Error),
}
