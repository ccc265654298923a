//! Where a value goes: a JSON pointer of the mapping, in steps, and the building of a resource from them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A JSON pointer below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Member(String),
    /// A number: an item of an array.
    Item(usize),
    /// `*`: an item for each of the column's.
    Each,
}

impl Place {
    /// RFC 6901, with `*` for every item of an array, once at most.
    pub(super) fn parse(pointer: &str) -> Result<Self, String> {
        let Some(rest) = pointer.strip_prefix('/') else {
            return Err(format!(
                "{pointer:?} is not a JSON pointer: it begins with '/', like /code/coding/0/code"
            ));
        };
        let step = |token: &str| {
            if token.is_empty() || token.replace("~0", "").replace("~1", "").contains('~') {
                return Err(format!("JSON pointer {pointer:?} has an empty or ill-escaped part"));
            }
            Ok(match token.parse() {
                Ok(index) => Step::Item(index),
                Err(_) if token == "*" => Step::Each,
                Err(_) => Step::Member(token.replace("~1", "/").replace("~0", "~")),
            })
        };
        let steps: Vec<Step> = rest.split('/').map(step).collect::<Result<_, String>>()?;
        match steps.iter().filter(|step| **step == Step::Each).count() {
            0 | 1 => Ok(Self(steps)),
            _ => Err(format!("JSON pointer {pointer:?} has more than one '*'")),
        }
    }

    /// Whether it has a `*`.
    pub(super) fn is_list(&self) -> bool {
        self.0.contains(&Step::Each)
    }

    /// Whether a place of a resource, given as its pointer's tokens, is this one, above it or below it.
    pub(super) fn touches(&self, tokens: &[String]) -> bool {
        self.0.iter().zip(tokens).all(|(step, token)| match step {
            Step::Member(name) => name == token,
            // Items that are missing let those behind them move up: any may be this one.
            Step::Item(_) | Step::Each => token.parse::<usize>().is_ok(),
        })
    }

    /// Name of the element of the first level it is in.
    pub(super) fn first(&self) -> Option<&str> {
        match self.0.first() {
            Some(Step::Member(name)) => Some(name),
            _ => None,
        }
    }

    /// Steps in it.
    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Member(name) => write!(f, "/{name}"),
            Step::Item(index) => write!(f, "/{index}"),
            Step::Each => write!(f, "/*"),
        })
    }
}

/// A resource being built. Array items that got no value are left out in the end, and those behind them move up.
pub(super) struct Builder {
    root: Value,
    gaps: bool,
}

impl Builder {
    pub(super) fn new(resource_type: &str) -> Self {
        let members = Map::from_iter([("resourceType".to_owned(), Value::from(resource_type))]);
        Self { root: Value::Object(members), gaps: false }
    }

    /// Puts `value` at a place, making objects and arrays on the way; `each` is the item that `*` stands for.
    pub(super) fn put(&mut self, place: &Place, each: usize, value: Value) -> Result<(), String> {
        let mut at = &mut self.root;
        for step in &place.0 {
            let index = match step {
                Step::Member(name) => {
                    if at.is_null() {
                        *at = Value::Object(Map::new());
                    }
                    at = match at {
                        Value::Object(members) => members.entry(name.as_str()).or_insert(Value::Null),
                        Value::Array(_) => return Err(format!("{place} goes through an array by a name")),
                        _ => return Err(format!("{place} goes through a value that stands there already")),
                    };
                    continue;
                }
                Step::Item(index) => *index,
                Step::Each => each,
            };
            if at.is_null() {
                *at = Value::Array(Vec::new());
            }
            at = match at {
                Value::Array(items) => {
                    while items.len() < index {
                        items.push(Value::Null);
                        self.gaps = true;
                    }
                    if items.len() == index {
                        items.push(Value::Null);
                    }
                    items.get_mut(index).ok_or_else(|| format!("{place} has no item {index}"))?
                }
                Value::Object(_) => return Err(format!("{place} goes through an object by a number")),
                _ => return Err(format!("{place} goes through a value that stands there already")),
            };
        }
        if !at.is_null() {
            return Err(format!("{place} is set twice"));
        }
        *at = value;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Value {
        if self.gaps {
            close_gaps(&mut self.root);
        }
        self.root
    }
}

fn close_gaps(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(close_gaps);
        }
        Value::Object(members) => members.values_mut().for_each(close_gaps),
        _ => {}
    }
}

/// Tries a mapping's places together: clashes, holes that no row can fill, arrays used in two ways. The error comes
/// with the number of the place.
pub(super) fn dry_run(resource_type: &str, places: &[&Place]) -> Result<(), (usize, String)> {
    let mut builder = Builder::new(resource_type);
    // Whether an array is a list, and which place has each of its items.
    let mut arrays: BTreeMap<&[Step], (bool, BTreeMap<usize, usize>)> = BTreeMap::new();
    for (number, place) in places.iter().enumerate() {
        let refuse = |what| (number, what);
        for (depth, step) in place.0.iter().enumerate() {
            let before = place.0.get(..depth).unwrap_or_default();
            let (listed, index) = match step {
                Step::Member(_) => continue,
                Step::Item(index) => (false, *index),
                Step::Each => (true, 0),
            };
            if before.is_empty() {
                return Err(refuse(format!("{place} begins with an item: a resource is an object")));
            }
            let (as_list, items) = arrays.entry(before).or_insert((listed, BTreeMap::new()));
            if *as_list != listed {
                return Err(refuse(format!(
                    "{place} uses '*' where another place has a number, or the reverse"
                )));
            }
            items.entry(index).or_insert(number);
        }
    }
    for (_, items) in arrays.values() {
        if let Some((_, (index, number))) = items.iter().enumerate().find(|(rank, (index, _))| rank != *index)
        {
            let place = places.get(*number).map_or_else(String::new, |place| place.to_string());
            return Err((
                *number,
                format!("{place} leaves a hole in an array: there is no item before {index}"),
            ));
        }
    }
    let put =
        |(number, place): (usize, &&Place)| builder.put(place, 0, Value::Bool(true)).map_err(|e| (number, e));
    places.iter().enumerate().try_for_each(put)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(places: &[&str]) -> Result<(), String> {
        let places: Vec<Place> = places.iter().map(|place| Place::parse(place).unwrap()).collect();
        dry_run("Patient", &places.iter().collect::<Vec<_>>()).map_err(|(_, what)| what)
    }

    #[test]
    fn places_clash_and_leave_no_holes() {
        assert!(run(&["/name/0/given/0", "/name/0/given/1", "/name/0/family"]).is_ok());
        assert!(run(&["/component/*/a", "/component/*/b", "/c/0"]).is_ok());
        for (places, says) in [
            (&["/name/1"][..], "hole"),
            (&["/a", "/a"], "twice"),
            (&["/a", "/a/b"], "stands there"),
            (&["/a/0", "/a/b"], "by a name"),
            (&["/a/b", "/a/0"], "by a number"),
            (&["/resourceType"], "twice"),
            (&["/a/0/b", "/a/*/c"], "the reverse"),
            (&["/0/a"], "object"),
        ] {
            let error = run(places).unwrap_err();
            assert!(error.contains(says), "{places:?}: {error}");
        }
    }

    #[test]
    fn pointers_are_checked() {
        for pointer in ["", "a", "/", "/a//b", "/~2", "/a/*/b/*"] {
            assert!(Place::parse(pointer).is_err(), "{pointer}");
        }
        assert_eq!(Place::parse("/a~1b/0/*").unwrap().to_string(), "/a/b/0/*");
    }

    #[test]
    fn missing_items_let_the_next_move_up() {
        let mut builder = Builder::new("Patient");
        let place = |text| Place::parse(text).unwrap();
        builder.put(&place("/name/0/given/1"), 0, Value::from("B")).unwrap();
        builder.put(&place("/contact/2/x/0"), 0, Value::from("C")).unwrap();
        let expected = serde_json::json!({"resourceType": "Patient", "name": [{"given": ["B"]}],
            "contact": [{"x": ["C"]}]});
        assert_eq!(builder.finish(), expected);
    }
}
