//! The mapping file: which rows are which records (TOML, documented in `mappings/synthea.toml`).

use std::{collections::BTreeMap, path::Path};

use medrec_merkle::Hash;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{Error, fhir};

/// A scope of the mapping, checked.
#[derive(Clone, Debug)]
pub struct Scope {
    pub id: String,
    pub resource_type: String,
    /// With `?1` where the file says `:patient`.
    pub(super) sql: String,
    pub(super) key: String,
    pub(super) changed_at: Option<String>,
    pub(super) constants: Vec<(Vec<String>, Value)>,
    pub(super) fields: Vec<Field>,
    /// Hash of the definition (wire.md section 6).
    pub hash: Hash,
}

/// One column that becomes one place of the resource.
#[derive(Clone, Debug)]
pub struct Field {
    pub column: String,
    /// JSON pointer, split into unescaped tokens.
    pub(super) to: Vec<String>,
    pub kind: FieldType,
    pub prefix: String,
}

/// FHIR primitive types a column may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldType {
    String,
    Code,
    Uri,
    Id,
    Boolean,
    Integer,
    /// Keeps its digits: 7.10 stays 7.10.
    Decimal,
    Date,
    DateTime,
    Instant,
}

/// All scopes of a file.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub scopes: Vec<Scope>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    scopes: BTreeMap<Spanned<String>, ScopeSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeSection {
    resource: Spanned<String>,
    sql: Spanned<String>,
    key: Spanned<String>,
    changed_at: Option<String>,
    #[serde(default)]
    constants: BTreeMap<Spanned<String>, toml::Value>,
    #[serde(default)]
    fields: Vec<Spanned<FieldSection>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldSection {
    column: String,
    to: String,
    #[serde(rename = "type")]
    kind: FieldType,
    #[serde(default)]
    prefix: String,
}

impl Mapping {
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|reason| Error::Read { path: path.to_owned(), reason })?;
        Self::parse(&text, path)
    }

    /// `path` is named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let parse =
            |reason: toml::de::Error| Error::Parse { path: path.to_owned(), reason: reason.to_string() };
        let file: File = toml::from_str(text).map_err(parse)?;
        let raw: toml::Table = toml::from_str(text).map_err(parse)?;
        let source = Source { text, path };
        if file.scopes.is_empty() {
            let reason = "it defines no scope: add a [scopes.<id>] section".to_owned();
            return Err(Error::Parse { path: path.to_owned(), reason });
        }
        let scopes = file.scopes.into_iter().map(|(id, section)| {
            let definition = raw.get("scopes").and_then(|scopes| scopes.get(id.get_ref()));
            source.scope(id, section, definition)
        });
        Ok(Self { scopes: scopes.collect::<Result<_, _>>()? })
    }
}

struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    /// An error at a byte of the file.
    fn at(&self, offset: usize, scope: &str, what: String) -> Error {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        Error::Mapping { path: self.path.to_owned(), line, scope: scope.to_owned(), what }
    }

    fn scope(
        &self,
        id: Spanned<String>,
        section: ScopeSection,
        definition: Option<&toml::Value>,
    ) -> Result<Scope, Error> {
        let start = id.span().start;
        let id = id.into_inner();
        let refuse = |offset: usize, what: String| self.at(offset, &id, what);
        medrec_rules::check_scope(&id).map_err(|e| refuse(start, e.to_string()))?;
        if id == medrec_rules::ANY {
            return Err(refuse(start, "'*' stands for every scope and cannot be one".into()));
        }
        let resource_type = section.resource.get_ref();
        if !is_type_name(resource_type) {
            let what = format!("resource {resource_type:?} is not a FHIR resource type");
            return Err(refuse(section.resource.span().start, what));
        }
        let sql =
            with_parameter(section.sql.get_ref()).map_err(|what| refuse(section.sql.span().start, what))?;
        if section.key.get_ref().is_empty() {
            return Err(refuse(section.key.span().start, "key names no column".into()));
        }
        let mut constants = Vec::with_capacity(section.constants.len());
        for (pointer, value) in &section.constants {
            let offset = pointer.span().start;
            let tokens = tokens(pointer.get_ref()).map_err(|what| refuse(offset, what))?;
            constants.push((tokens, constant(value).map_err(|what| refuse(offset, what))?));
        }
        let mut fields = Vec::with_capacity(section.fields.len());
        for field in section.fields {
            let offset = field.span().start;
            let FieldSection { column, to, kind, prefix } = field.into_inner();
            if !prefix.is_empty() && kind != FieldType::String && kind != FieldType::Uri {
                return Err(refuse(offset, "a prefix goes with type string or uri only".into()));
            }
            fields.push(Field {
                column,
                to: tokens(&to).map_err(|what| refuse(offset, what))?,
                kind,
                prefix,
            });
        }
        // Places clash or leave holes in arrays: seen here, with a row that has everything.
        fhir::dry_run(resource_type, &constants, &fields).map_err(|what| refuse(start, what))?;
        let definition = definition.map(json).transpose().map_err(|what| refuse(start, what))?;
        let hash = medrec_record::scope_hash(&id, resource_type, &definition.unwrap_or(Value::Null))
            .map_err(|e| refuse(start, e.to_string()))?;
        let resource_type = section.resource.into_inner();
        let (key, changed_at) = (section.key.into_inner(), section.changed_at);
        Ok(Scope { id, resource_type, sql, key, changed_at, constants, fields, hash })
    }
}

fn is_type_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Tokens of a JSON pointer below the root (RFC 6901).
fn tokens(pointer: &str) -> Result<Vec<String>, String> {
    let Some(rest) = pointer.strip_prefix('/') else {
        return Err(format!(
            "{pointer:?} is not a JSON pointer: it begins with '/', like /code/coding/0/code"
        ));
    };
    rest.split('/')
        .map(|token| {
            if token.is_empty() || token.replace("~0", "").replace("~1", "").contains('~') {
                return Err(format!("JSON pointer {pointer:?} has an empty or ill-escaped part"));
            }
            Ok(token.replace("~1", "/").replace("~0", "~"))
        })
        .collect()
}

fn constant(value: &toml::Value) -> Result<Value, String> {
    match value {
        toml::Value::String(text) if !text.is_empty() => Ok(Value::String(text.clone())),
        toml::Value::Boolean(flag) => Ok(Value::Bool(*flag)),
        toml::Value::Integer(number) => Ok(Value::from(*number)),
        _ => Err("a constant is a text, an integer, true or false".into()),
    }
}

/// A TOML value as JSON, for the hash of a definition. Floats and dates do not occur in a checked section.
fn json(value: &toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::Array(items) => Value::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(members) => {
            let members = members.iter().map(|(name, value)| Ok((name.clone(), json(value)?)));
            Value::Object(members.collect::<Result<_, String>>()?)
        }
        toml::Value::String(text) => Value::String(text.clone()),
        toml::Value::Boolean(flag) => Value::Bool(*flag),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(_) | toml::Value::Datetime(_) => {
            return Err("floats and dates are not used in a mapping: write them as text".into());
        }
    })
}

/// Puts the statement's one parameter, `:patient`, as `?1`: the driver knows numbered parameters only. Quoted
/// text and comments are left alone; any other parameter, and a second statement, are refused.
fn with_parameter(sql: &str) -> Result<String, String> {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    let mut found = false;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\'' | '"' | '`' => quoted(rest, c)?,
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                rest.find("*/").map(|end| end.saturating_add(2)).ok_or("a comment in the SQL does not end")?
            }
            ';' if !rest[1..].trim().is_empty() => return Err("the SQL is more than one statement".into()),
            '?' | '$' | '@' | ':' => {
                let name: String =
                    rest.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if c != ':' || name != "patient" {
                    return Err(format!("the SQL has a parameter {c}{name}: the only one is :patient"));
                }
                found = true;
                out.push_str("?1");
                rest = rest.get(":patient".len()..).unwrap_or_default();
                continue;
            }
            _ => c.len_utf8(),
        };
        let (head, tail) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        out.push_str(head);
        rest = tail;
    }
    if found { Ok(out) } else { Err("the SQL does not use :patient: it would read everybody's rows".into()) }
}

/// Length of a quoted token; a doubled quote inside reads as a new token right after, which comes to the same.
fn quoted(text: &str, quote: char) -> Result<usize, String> {
    let end = text.get(1..).and_then(|inside| inside.find(quote));
    end.map(|at| at.saturating_add(2)).ok_or_else(|| format!("a {quote} in the SQL is not closed"))
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
