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
        "reports",
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
fn errors_name_file_line_column_and_scope() {
    let refused = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        parse(&GOOD.replace(from, to)).unwrap_err().to_string()
    };
    for (from, to, place, says) in [
        (":patient --", "1 --", "4:7", "does not use :patient"),
        (":patient --", ":patient AND x = :other --", "4:7", ":other"),
        (":patient --", ":patient AND x = ? --", "4:7", "parameter ?"),
        (":patient --", ":patient; DELETE FROM t --", "4:7", "more than one statement"),
        (":patient --", ":patient AND x = 'open --", "4:7", "not closed"),
        ("'Observation'", "'observation!'", "2:12", "resource type"),
        ("key = 'k'", "key = ''", "3:7", "no column"),
        ("'/status'", "'status'", "5:15", "JSON pointer"),
        ("'/status' =", "'/a' = 1.5, '/status' =", "5:15", "a text, an integer"),
        ("'/valueString'", "'/status'", "8:6", "set twice"),
        ("'/valueString'", "'/a/1'", "8:6", "hole"),
        ("type = 'string'", "type = 'code'\nprefix = 'x'", "10:10", "prefix"),
        ("type = 'string'", "type = 'string'\nwith = { '/valueString' = 'x' }", "10:10", "set twice"),
        ("type = 'string'", "type = 'string'\nwith = { '/a/*' = 'x' }", "8:6", "'*'"),
    ] {
        let error = refused(from, to);
        let start = format!("mapping.toml:{place}: scope \"labs\": ");
        assert!(error.starts_with(&start) && error.contains(says), "{start}: {error}");
    }
    for (from, to, place, says) in [
        ("key = 'k'", "kee = 'k'", "3:1", "kee"),
        ("type = 'string'", "type = 'text'", "9:8", "text"),
        ("resource = 'Observation'", "resource = ", "2:12", "string values must be quoted"),
        ("[scopes.labs]", "patients = 'SELECT :patient'\n[scopes.labs]", "1:12", "no :patient"),
    ] {
        let error = refused(from, to);
        let start = format!("mapping.toml:{place}: ");
        assert!(error.starts_with(&start) && error.contains(says), "{start}: {error}");
    }
    let error = refused("scopes.labs", "scopes.LABS");
    assert!(error.starts_with("mapping.toml:1:9: scope \"LABS\""), "{error}");
    assert!(parse("").unwrap_err().to_string().starts_with("mapping.toml:1:1: "));
}

#[test]
fn columns_count_characters() {
    let error = parse(&GOOD.replace("'/status'", "'/ä' = 'ö', 'status'")).unwrap_err();
    assert!(matches!(&error, Error::Mapping { at, .. } if (at.line, at.column) == (5, 27)), "{error}");
}
