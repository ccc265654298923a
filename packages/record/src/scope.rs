use medrec_merkle::{Hash, tagged_hash};
use serde_json::Value;

use crate::{Error, jcs};

const SCOPE: &str = "medrec/scope/v1";

/// Hash of a scope's definition: the scope's section of the mapping file as JSON. Whoever holds a grant sees when
/// what it covers was redefined.
pub fn scope_hash(scope: &str, resource_type: &str, definition: &Value) -> Result<Hash, Error> {
    let definition = jcs(definition)?;
    Ok(tagged_hash(SCOPE, &[scope.as_bytes(), resource_type.as_bytes(), definition.as_bytes()]))
}
