use std::path::PathBuf;

use super::*;

const GOOD: &str = "[scopes.labs]\nresource = 'Observation'\nkey = 'k'\n\
    sql = \"SELECT id AS k, v FROM t WHERE p = :patient -- :patient?\"\n\
    constants = { '/status' = 'final' }\n\
    [[scopes.labs.fields]]\ncolumn = 'v'\nto = '/valueString'\ntype = 'string'\n";

fn parse(text: &str) -> Result<Mapping, Error> {
    Mapping::parse(text, &PathBuf::from("mapping.toml"))
}

#[test]
fn the_shipped_mapping_is_valid() {
    let text = include_str!("../../mappings/synthea.toml");
    let ids: Vec<_> = parse(text).unwrap().scopes.into_iter().map(|scope| scope.id).collect();
    let expected = [
        "allergies",
        "conditions",
        "encounters",
        "immunizations",
        "medications",
        "observations",
        "patient",
        "procedures",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn a_scope_has_one_hash_and_any_change_of_meaning_another() {
    let hash = |text: &str| parse(text).unwrap().scopes[0].hash;
    assert_eq!(hash(GOOD), hash(&format!("# a comment\n\n{GOOD}")));
    assert_ne!(hash(GOOD), hash(&GOOD.replace("'final'", "'amended'")));
    assert_ne!(hash(GOOD), hash(&GOOD.replace("WHERE p", "WHERE q")));
}

#[test]
fn errors_name_file_line_and_scope() {
    let refused = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        parse(&GOOD.replace(from, to)).unwrap_err().to_string()
    };
    for (from, to, says) in [
        (":patient --", "1 --", "does not use :patient"),
        (":patient --", ":patient AND x = :other --", ":other"),
        (":patient --", ":patient AND x = ? --", "parameter ?"),
        (":patient --", ":patient; DELETE FROM t --", "more than one statement"),
        (":patient --", ":patient AND x = 'open --", "not closed"),
        ("'Observation'", "'observation!'", "resource type"),
        ("'/status'", "'status'", "JSON pointer"),
        ("'/valueString'", "'/status'", "set twice"),
        ("'/valueString'", "'/a/1'", "hole"),
    ] {
        let error = refused(from, to);
        assert!(
            error.starts_with("mapping.toml:") && error.contains("\"labs\"") && error.contains(says),
            "{error}"
        );
    }
    assert!(refused("[scopes.labs]", "[scopes.LABS]").contains("scope"));
    assert!(refused("key = 'k'", "kee = 'k'").contains("kee"));
    assert!(refused("type = 'string'", "type = 'text'").contains("text"));
}

#[test]
fn lines_are_counted() {
    let error = parse(&GOOD.replace("'/valueString'", "'valueString'")).unwrap_err();
    assert!(matches!(error, Error::Mapping { line: 6 | 7, .. }), "{error}");
}
