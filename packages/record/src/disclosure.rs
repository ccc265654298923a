use medrec_merkle::{Hash, leaf_hash, root};
use serde_json::Value;

use crate::{
    Commitment, Context, Error, MAX_LEAVES, VersionKey, canonical_value,
    commit::{leaf_count, leaf_hashes, leaves_of},
    commit_version,
    keys::Salt,
    leaves::leaf_bytes,
};

/// What a viewer is given of a record beside its context; [`Disclosure::verify`] recomputes the commitment.
#[derive(Debug, Clone)]
pub enum Disclosure {
    Whole {
        version_key: VersionKey,
        resource: Value,
    },
    Partial {
        /// Salt of leaf 0.
        context_salt: Salt,
        /// Disclosed leaves in ascending order.
        fields: Vec<Field>,
        /// Hashes of all other leaves, in their order.
        hashes: Vec<Hash>,
    },
}

/// A disclosed leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Place of the leaf in the tree, from 1: leaf 0 is the context.
    pub index: u32,
    /// RFC 6901.
    pub pointer: String,
    /// Canonical value.
    pub value: String,
    pub salt: Salt,
}

impl Disclosure {
    /// Discloses the leaves at `pointers` and everything below them; each must have one.
    pub fn partial(
        version_key: &VersionKey,
        context: &Context,
        resource: &Value,
        pointers: &[&str],
    ) -> Result<Self, Error> {
        let leaves = leaves_of(context, resource)?;
        if let Some(missing) =
            pointers.iter().find(|asked| !leaves.iter().any(|leaf| is_within(&leaf.pointer, asked)))
        {
            return Err(Error::NoSuchField { pointer: (*missing).to_owned() });
        }
        let tree = leaf_hashes(version_key, context, &leaves)?;
        let (mut fields, mut hashes) = (Vec::new(), Vec::new());
        for ((leaf, hash), index) in leaves.iter().zip(tree.iter().skip(1)).zip(1u32..) {
            if pointers.iter().any(|asked| is_within(&leaf.pointer, asked)) {
                let (pointer, value) = (leaf.pointer.clone(), leaf.value.clone());
                fields.push(Field { index, salt: version_key.salt(&pointer), pointer, value });
            } else {
                hashes.push(*hash);
            }
        }
        Ok(Self::Partial { context_salt: version_key.salt(""), fields, hashes })
    }

    /// The commitment this disclosure and context give: the record is genuine if the log's entry carries it.
    pub fn verify(&self, context: &Context) -> Result<Commitment, Error> {
        match self {
            Self::Whole { version_key, resource } => commit_version(version_key, context, resource),
            Self::Partial { context_salt, fields, hashes } => rebuild(context, context_salt, fields, hashes),
        }
    }
}

fn rebuild(
    context: &Context,
    context_salt: &Salt,
    fields: &[Field],
    hashes: &[Hash],
) -> Result<Commitment, Error> {
    let leaves = fields.len().saturating_add(hashes.len());
    if leaves > MAX_LEAVES {
        return Err(Error::TooManyFields { actual: leaves, limit: MAX_LEAVES });
    }
    check_fields(context, fields, leaf_count(leaves)?.saturating_sub(1))?;
    let mut shown = fields.iter().peekable();
    let mut hidden = hashes.iter();
    let mut tree = vec![leaf_hash(&context.leaf(context_salt, leaf_count(leaves)?))];
    for index in (1u32..).take(leaves) {
        match shown.next_if(|field| field.index == index) {
            Some(field) => tree.push(leaf_hash(&leaf_bytes(&field.salt, &field.pointer, &field.value))),
            None => tree.extend(hidden.next()),
        }
    }
    Ok(root(&tree))
}

/// Indices and pointers strictly ascend, values are canonical, the type is the context's.
fn check_fields(context: &Context, fields: &[Field], last: u32) -> Result<(), Error> {
    let mut before: Option<&Field> = None;
    for field in fields {
        let pointer = || field.pointer.clone();
        if field.index <= before.map_or(0, |field| field.index) || field.index > last {
            return Err(Error::FieldIndex { pointer: pointer(), index: field.index, last });
        }
        if let Some(before) = before.filter(|before| before.pointer >= field.pointer) {
            return Err(Error::FieldOrder { before: before.pointer.clone(), pointer: pointer() });
        }
        let parsed = serde_json::from_str::<Value>(&field.value).ok();
        if parsed.as_ref().and_then(canonical_value).as_deref() != Some(field.value.as_str()) {
            return Err(Error::FieldValue { pointer: pointer() });
        }
        if field.pointer == "/resourceType" {
            context.check_type(parsed.as_ref().and_then(Value::as_str).unwrap_or_default())?;
        }
        before = Some(field);
    }
    Ok(())
}

/// Is `pointer` the place `asked`, or below it?
fn is_within(pointer: &str, asked: &str) -> bool {
    pointer.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
