//! The mapping file: which rows are which records (TOML, documented in `mappings/synthea.toml`).

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use medrec_merkle::Hash;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{
    Error, FieldType,
    place::{Place, dry_run},
    statement,
};

/// A scope of the mapping, checked.
#[derive(Clone, Debug)]
pub struct Scope {
    pub id: String,
    pub resource_type: String,
    /// With `?1` where the file says `:patient`.
    pub(super) sql: String,
    pub(super) key: Named,
    pub(super) changed_at: Option<Named>,
    pub(super) removed_when: Option<Named>,
    pub(super) constants: Vec<(Place, Value)>,
    pub(super) fields: Vec<Field>,
    /// Hash of the definition (wire.md section 6).
    pub hash: Hash,
    /// Where its `sql` stands.
    pub at: Position,
}

/// A column of the statement, and where the mapping names it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub name: String,
    pub at: Position,
}

/// One column that becomes one place of the resource.
#[derive(Clone, Debug)]
pub struct Field {
    pub column: String,
    pub(super) to: Place,
    pub kind: FieldType,
    pub(super) prefix: String,
    /// Placed when the column has something to place.
    pub(super) with: Vec<(Place, Value)>,
    /// Where its column is named.
    pub at: Position,
}

/// A place in the mapping file: lines and columns (characters) count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub path: Arc<Path>,
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// All of a file.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub scopes: Vec<Scope>,
    /// Lists patients for `scope check`, with its place.
    pub(super) patients: Option<(String, Position)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    patients: Option<Spanned<String>>,
    scopes: BTreeMap<Spanned<String>, ScopeSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeSection {
    resource: Spanned<String>,
    sql: Spanned<String>,
    key: Spanned<String>,
    changed_at: Option<Spanned<String>>,
    removed_when: Option<Spanned<String>>,
    #[serde(default)]
    constants: Constants,
    #[serde(default)]
    fields: Vec<FieldSection>,
}

type Constants = BTreeMap<Spanned<String>, toml::Value>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldSection {
    column: Spanned<String>,
    to: Spanned<String>,
    #[serde(rename = "type")]
    kind: FieldType,
    prefix: Option<Spanned<String>>,
    #[serde(default)]
    with: Constants,
}

impl Mapping {
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|reason| Error::Read { path: path.to_owned(), reason })?;
        Self::parse(&text, path)
    }

    /// `path` is named in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let source = Source { text, path: path.into() };
        let parse = |error: toml::de::Error| {
            let at = source.position(error.span().map_or(0, |span| span.start));
            Error::Parse { at, reason: error.message().to_owned() }
        };
        let file: File = toml::from_str(text).map_err(parse)?;
        let raw: toml::Table = toml::from_str(text).map_err(parse)?;
        if file.scopes.is_empty() {
            let reason = "it defines no scope: add a [scopes.<id>] section".to_owned();
            return Err(Error::Parse { at: source.position(0), reason });
        }
        let patients = file.patients.map(|sql| {
            let at = source.position(sql.span().start);
            match statement::of_everybody(sql.get_ref()) {
                Ok(sql) => Ok((sql, at)),
                Err(reason) => Err(Error::Parse { at, reason }),
            }
        });
        let scopes = file.scopes.into_iter().map(|(id, section)| {
            let definition = raw.get("scopes").and_then(|scopes| scopes.get(id.get_ref()));
            source.scope(id, section, definition)
        });
        Ok(Self { patients: patients.transpose()?, scopes: scopes.collect::<Result<_, _>>()? })
    }
}

struct Source<'a> {
    text: &'a str,
    path: Arc<Path>,
}

impl Source<'_> {
    /// A byte of the file.
    fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
        Position { path: self.path.clone(), line, column }
    }

    fn scope(
        &self,
        id: Spanned<String>,
        section: ScopeSection,
        definition: Option<&toml::Value>,
    ) -> Result<Scope, Error> {
        let start = id.span().start;
        let id = id.into_inner();
        let refuse = |offset: usize, what: String| Error::Mapping {
            at: self.position(offset),
            scope: id.clone(),
            what,
        };
        medrec_rules::check_scope(&id).map_err(|e| refuse(start, e.to_string()))?;
        if id == medrec_rules::ANY {
            return Err(refuse(start, "'*' stands for every scope and cannot be one".into()));
        }
        let resource_type = section.resource.get_ref();
        if !is_type_name(resource_type) {
            let what = format!("resource {resource_type:?} is not a FHIR resource type");
            return Err(refuse(section.resource.span().start, what));
        }
        let sql = statement::of_a_patient(section.sql.get_ref())
            .map_err(|what| refuse(section.sql.span().start, what))?;
        for (name, column) in [
            ("key", Some(&section.key)),
            ("changed_at", section.changed_at.as_ref()),
            ("removed_when", section.removed_when.as_ref()),
        ] {
            if let Some(column) = column.filter(|column| column.get_ref().is_empty()) {
                return Err(refuse(column.span().start, format!("{name} names no column")));
            }
        }
        // Where each place stands in the file, for clashes.
        let mut offsets = Vec::new();
        let constants = constants(section.constants, &mut offsets).map_err(|(at, what)| refuse(at, what))?;
        let mut fields = Vec::with_capacity(section.fields.len());
        for section in section.fields {
            fields.push(self.field(section, &mut offsets).map_err(|(at, what)| refuse(at, what))?);
        }
        let places = constants.iter().map(|(place, _)| place);
        let of_fields = fields.iter().flat_map(|field: &Field| {
            std::iter::once(&field.to).chain(field.with.iter().map(|(place, _)| place))
        });
        dry_run(resource_type, &places.chain(of_fields).collect::<Vec<_>>())
            .map_err(|(number, what)| refuse(offsets.get(number).copied().unwrap_or(start), what))?;
        let definition = definition.map(json).transpose().map_err(|what| refuse(start, what))?;
        let hash = medrec_record::scope_hash(&id, resource_type, &definition.unwrap_or(Value::Null))
            .map_err(|e| refuse(start, e.to_string()))?;
        Ok(Scope {
            resource_type: section.resource.into_inner(),
            sql,
            at: self.position(section.sql.span().start),
            key: self.named(section.key),
            changed_at: section.changed_at.map(|column| self.named(column)),
            removed_when: section.removed_when.map(|column| self.named(column)),
            constants,
            fields,
            hash,
            id,
        })
    }

    fn named(&self, column: Spanned<String>) -> Named {
        Named { at: self.position(column.span().start), name: column.into_inner() }
    }

    fn field(&self, section: FieldSection, offsets: &mut Vec<usize>) -> Result<Field, (usize, String)> {
        let FieldSection { column, to, kind, prefix, with } = section;
        if let Some(prefix) = prefix.as_ref().filter(|_| !kind.takes_prefix()) {
            let what = format!("a prefix does not go with type {}", kind.name());
            return Err((prefix.span().start, what));
        }
        let offset = to.span().start;
        offsets.push(offset);
        let to = Place::parse(to.get_ref()).map_err(|what| (offset, what))?;
        let with = constants(with, offsets)?;
        if let Some((place, _)) = with.iter().find(|(place, _)| place.is_list() && !to.is_list()) {
            return Err((offset, format!("{place} has a '*' and {to} has none")));
        }
        Ok(Field {
            at: self.position(column.span().start),
            column: column.into_inner(),
            to,
            kind,
            prefix: prefix.map(Spanned::into_inner).unwrap_or_default(),
            with,
        })
    }
}

impl Scope {
    /// The same rows with no more of a resource than these elements of its first level: what an aggregate reads. Nobody
    /// is shown it, so its hash stays that of the whole definition.
    #[must_use]
    pub fn narrowed(&self, elements: &[&str]) -> Self {
        let wanted = |place: &Place| place.first().is_some_and(|first| elements.contains(&first));
        let mut narrowed = self.clone();
        narrowed.constants.retain(|(place, _)| wanted(place));
        narrowed
            .fields
            .retain(|field| wanted(&field.to) || field.with.iter().any(|(place, _)| wanted(place)));
        narrowed
    }

    /// Every column that the statement must give, with the place where it is named.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, &Position)> {
        let fields = self.fields.iter().map(|field| (field.column.as_str(), &field.at));
        let own = [Some(&self.key), self.changed_at.as_ref(), self.removed_when.as_ref()];
        fields.chain(own.into_iter().flatten().map(|column| (column.name.as_str(), &column.at)))
    }

    /// The field that a place of a resource comes from: the nearest one, the first of several. None for the root.
    pub(super) fn origin(&self, tokens: &[String]) -> Option<&Field> {
        let near = self.fields.iter().rev().filter(|field| !tokens.is_empty() && field.to.touches(tokens));
        near.max_by_key(|field| field.to.depth().min(tokens.len()))
    }
}

fn is_type_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphabetic())
}

fn constants(from: Constants, offsets: &mut Vec<usize>) -> Result<Vec<(Place, Value)>, (usize, String)> {
    let constant = |(pointer, value): (Spanned<String>, toml::Value)| {
        let offset = pointer.span().start;
        offsets.push(offset);
        let place = Place::parse(pointer.get_ref()).map_err(|what| (offset, what))?;
        let value = match value {
            toml::Value::String(text) if !text.is_empty() => Value::String(text),
            toml::Value::Boolean(flag) => Value::Bool(flag),
            toml::Value::Integer(number) => Value::from(number),
            _ => return Err((offset, "a constant is a text, an integer, true or false".into())),
        };
        Ok((place, value))
    };
    from.into_iter().map(constant).collect()
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

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
