use medrec_merkle::push_lp;
use serde_json::Value;

use crate::{Error, canonical::canonical_value, keys::Salt};

/// Levels of objects and arrays in a resource.
pub const MAX_DEPTH: usize = 64;
/// Leaves of a resource.
pub const MAX_LEAVES: usize = 65_536;
/// Pointers and canonical values of a resource together.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

const LEAF: &str = "medrec/record/leaf/v1";

/// A scalar, empty object or empty array of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// RFC 6901.
    pub pointer: String,
    /// [`canonical_value`].
    pub value: String,
}

/// Leaves of a resource, sorted by the bytes of their pointers.
pub fn leaves(resource: &Value) -> Result<Vec<Leaf>, Error> {
    if !resource.is_object() {
        return Err(Error::NotAnObject { found: kind(resource) });
    }
    let mut walk = Walk { pointer: String::new(), bytes: 0, leaves: Vec::new() };
    walk.visit(resource, 0)?;
    walk.leaves.sort_unstable_by(|left, right| left.pointer.cmp(&right.pointer));
    Ok(walk.leaves)
}

/// Bytes of one leaf of the tree, other than leaf 0.
pub(crate) fn leaf_bytes(salt: &Salt, pointer: &str, value: &str) -> Vec<u8> {
    let mut leaf = Vec::with_capacity(pointer.len().saturating_add(value.len()).saturating_add(96));
    push_lp(&mut leaf, LEAF.as_bytes());
    leaf.extend_from_slice(salt);
    push_lp(&mut leaf, pointer.as_bytes());
    push_lp(&mut leaf, value.as_bytes());
    leaf
}

struct Walk {
    pointer: String,
    bytes: usize,
    leaves: Vec<Leaf>,
}

impl Walk {
    fn visit(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep { limit: MAX_DEPTH });
        }
        let below = depth.saturating_add(1);
        match value {
            Value::Object(members) if !members.is_empty() => {
                for (name, member) in members {
                    // RFC 6901 section 3: "~" first, so that "/" does not become "~01".
                    let token = name.replace('~', "~0").replace('/', "~1");
                    self.descend(&token, member, below)?;
                }
                Ok(())
            }
            Value::Array(items) if !items.is_empty() => {
                for (position, item) in items.iter().enumerate() {
                    self.descend(&position.to_string(), item, below)?;
                }
                Ok(())
            }
            leaf => self.keep(leaf),
        }
    }

    fn descend(&mut self, token: &str, value: &Value, depth: usize) -> Result<(), Error> {
        let parent = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(token);
        self.visit(value, depth)?;
        self.pointer.truncate(parent);
        Ok(())
    }

    fn keep(&mut self, value: &Value) -> Result<(), Error> {
        let value = canonical_value(value).ok_or_else(|| Error::Number { pointer: self.pointer.clone() })?;
        self.bytes = self.bytes.saturating_add(self.pointer.len()).saturating_add(value.len());
        if self.bytes > MAX_BYTES {
            return Err(Error::TooLarge { limit: MAX_BYTES });
        }
        if self.leaves.len() >= MAX_LEAVES {
            return Err(Error::TooManyLeaves { limit: MAX_LEAVES });
        }
        self.leaves.push(Leaf { pointer: self.pointer.clone(), value });
        Ok(())
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
