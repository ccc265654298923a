use medrec_relayer::adapter::{Error, FieldType};

use super::{Cell, Fixture, Item, LIMITS, item, read, usual};

fn pairs(expected: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect()
}

pub async fn rows_of_their_patient_in_order<F: Fixture>() {
    let mut fixture = F::new().await;
    fixture
        .put(&[item("c", "p1", "3"), item("a", "p1", "1"), item("x", "p2", "9"), item("b", "p1", "2")])
        .await;
    let adapter = usual(&fixture).await;
    let expected = pairs(&[("a", Some("1")), ("b", Some("2")), ("c", Some("3"))]);
    for _ in 0..3 {
        assert_eq!(read(&*adapter, "p1").await.unwrap(), expected);
    }
    assert_eq!(read(&*adapter, "p2").await.unwrap(), pairs(&[("x", Some("9"))]));
    assert_eq!(read(&*adapter, "nobody").await.unwrap(), []);
}

pub async fn null_and_empty_are_absent<F: Fixture>() {
    let mut fixture = F::new().await;
    let null = Item { value: Cell::Null, ..item("a", "p", "") };
    fixture.put(&[null, item("b", "p", ""), item("c", "p", "  "), item("d", "p", "0")]).await;
    let adapter = usual(&fixture).await;
    let expected = pairs(&[("a", None), ("b", None), ("c", None), ("d", Some("0"))]);
    assert_eq!(read(&*adapter, "p").await.unwrap(), expected);
}

/// Good and bad texts of each type, by the tables of hl7.org/fhir/R4/datatypes.html.
pub async fn every_type_takes_what_is_of_it<F: Fixture>() {
    use FieldType::*;
    let cases: [(FieldType, &str, Option<&str>); 20] = [
        (Base64Binary, "aGVsbG8=", Some("?")),
        (Boolean, "true", Some("maybe")),
        (Canonical, "http://example.org|1", Some("a b")),
        (Code, "final", Some(" a  b")),
        (Date, "2026-02-28", Some("2026-02-30")),
        (DateTime, "2026-02-28T10:00:00Z", Some("2026-02-28T10:00:00")),
        (Decimal, "7.10", Some("7,1")),
        (Id, "a-1.B", Some("a_1")),
        (Instant, "2026-02-28T10:00:00.5+01:00", Some("2026-02-28")),
        (Integer, "-7", Some("7.0")),
        (Markdown, "*so*", None),
        (Oid, "urn:oid:1.2.3", Some("1.2.3")),
        (PositiveInt, "1", Some("0")),
        (String, "any words", None),
        (Time, "10:00:00", Some("10:00")),
        (UnsignedInt, "0", Some("-1")),
        (Uri, "urn:x", Some("a b")),
        (Url, "https://example.org", Some("a b")),
        (Uuid, "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", Some("urn:uuid:x")),
        (Xhtml, "<div>x</div>", Some("x")),
    ];
    assert_eq!(cases.len(), FieldType::ALL.len());
    let mut fixture = F::new().await;
    for (kind, good, bad) in cases {
        let adapter = fixture.open(&fixture.mapping(kind), LIMITS).await.unwrap();
        fixture.put(&[item("a", "p", good)]).await;
        assert_eq!(read(&*adapter, "p").await.unwrap(), pairs(&[("a", Some(good))]), "{kind:?}");
        if let Some(bad) = bad {
            fixture.put(&[item("a", "p", bad)]).await;
            let error = read(&*adapter, "p").await.unwrap_err();
            assert!(matches!(error, Error::Row { row: 1, .. }), "{kind:?} {error}");
        }
    }
}

pub async fn decimals_keep_their_digits<F: Fixture>() {
    let mut fixture = F::new().await;
    let digits =
        ["7.10", "0.000", "-1.50", "100", "0.1000000000000000055511151231257827", "12345678901234567890.1"];
    let items: Vec<Item> =
        digits.iter().zip("abcdef".chars()).map(|(d, k)| item(&k.to_string(), "p", d)).collect();
    fixture.put(&items).await;
    let adapter = fixture.open(&fixture.mapping(FieldType::Decimal), LIMITS).await.unwrap();
    let values: Vec<String> =
        read(&*adapter, "p").await.unwrap().into_iter().filter_map(|pair| pair.1).collect();
    assert_eq!(values, digits);
    // A number of the database's own has the digits that give it back.
    fixture
        .put(&[
            Item { value: Cell::Integer(i64::MAX), ..item("a", "q", "") },
            Item { value: Cell::Real(0.1), ..item("b", "q", "") },
        ])
        .await;
    assert_eq!(
        read(&*adapter, "q").await.unwrap(),
        pairs(&[("a", Some("9223372036854775807")), ("b", Some("0.1"))])
    );
}

pub async fn huge_and_foreign_text_arrives_whole<F: Fixture>() {
    let mut fixture = F::new().await;
    let huge = "Ä\u{1F600}\"\\'%_;--".repeat(100_000);
    fixture.put(&[item("a", "p", &huge), item("ключ", "p", "\u{202e}значение\nzwei")]).await;
    let adapter = usual(&fixture).await;
    let expected = pairs(&[("a", Some(&huge)), ("ключ", Some("\u{202e}значение\nzwei"))]);
    assert!(read(&*adapter, "p").await.unwrap() == expected);
}

pub async fn bytes_that_are_no_text_are_refused<F: Fixture>() {
    let mut fixture = F::new().await;
    let broken = Item { value: Cell::Raw(b"secret \xff\xfe".to_vec()), ..item("b", "p", "") };
    fixture.put(&[item("a", "p", "fine"), broken]).await;
    let adapter = usual(&fixture).await;
    let error = read(&*adapter, "p").await.unwrap_err();
    assert!(matches!(error, Error::Row { row: 2, .. }) && !error.to_string().contains("secret"), "{error}");
    // Each row by itself, for `scope check`.
    let rows = adapter.rows(&adapter.scopes()[0], "p").await.unwrap();
    assert!(rows[0].is_ok() && rows[1].is_err());
}

pub async fn keys_are_there_and_distinct<F: Fixture>() {
    let mut fixture = F::new().await;
    fixture.put(&[Item { key: None, ..item("", "null", "1") }, item("", "empty", "1")]).await;
    let adapter = usual(&fixture).await;
    for patient in ["null", "empty"] {
        let error = read(&*adapter, patient).await.unwrap_err();
        assert!(matches!(error, Error::Row { row: 1, .. }) && error.to_string().contains("key"), "{error}");
    }
    fixture.put(&[item("a", "p", "1"), item("a ", "p", "2")]).await;
    assert_eq!(read(&*adapter, "p").await.unwrap().len(), 2, "a key is the text it is, spaces and all");
}

pub async fn a_patient_id_is_a_value_whatever_is_in_it<F: Fixture>() {
    let mut fixture = F::new().await;
    let evil = [
        "p' OR '1'='1",
        "p\" OR \"1\"=\"1",
        "p'; DELETE FROM items; --",
        "%",
        "_",
        "p%",
        "p\\",
        "p/*",
        ":patient",
        "?1",
        "$1",
        "",
        "1 OR 1=1",
        "p\n",
        "NULL",
        "/valueString",
        "p' UNION SELECT key, patient, value, changed, withdrawn FROM items --",
    ];
    fixture.put(&[item("victim", "p", "1")]).await;
    let adapter = usual(&fixture).await;
    for id in evil {
        assert_eq!(read(&*adapter, id).await.unwrap(), [], "{id:?}");
    }
    for id in evil {
        fixture.put(&[item("mine", id, "2")]).await;
        assert_eq!(read(&*adapter, id).await.unwrap(), pairs(&[("mine", Some("2"))]), "{id:?}");
    }
    assert_eq!(fixture.count().await, 2);
}

pub async fn change_columns_are_told_as_they_are<F: Fixture>() {
    let mut fixture = F::new().await;
    let told = |key, changed: Option<&str>, withdrawn: Option<&str>| Item {
        changed: changed.map(str::to_owned),
        withdrawn: withdrawn.map(str::to_owned),
        ..item(key, "p", "1")
    };
    fixture
        .put(&[
            told("a", Some("9999-12-31T23:59:59Z"), None),
            told("b", Some(" odd "), Some("0")),
            told("c", None, Some("2026-01-01")),
            told("d", Some(""), Some("false")),
            told("e", None, Some("1")),
        ])
        .await;
    let adapter = usual(&fixture).await;
    let records = adapter.read(&adapter.scopes()[0], "p").await.unwrap();
    let found: Vec<_> = records.iter().map(|r| (r.changed_at.as_deref(), r.removed)).collect();
    let expected = [
        (Some("9999-12-31T23:59:59Z"), false),
        (Some(" odd "), false),
        (None, true),
        (Some(""), false),
        (None, true),
    ];
    assert_eq!(found, expected);
}

pub async fn patients_are_listed<F: Fixture>() {
    let mut fixture = F::new().await;
    let items: Vec<Item> = (0..40).map(|n| item(&format!("k{n}"), &format!("p{n:02}"), "1")).collect();
    fixture.put(&items).await;
    let adapter = usual(&fixture).await;
    assert_eq!(adapter.patients(100).await.unwrap().unwrap().len(), 40);
    let some = adapter.patients(4).await.unwrap().unwrap();
    assert_eq!(some, ["p00", "p10", "p20", "p30"]);
    let silent = fixture.mapping(FieldType::String).replace("patients =", "# patients =");
    let adapter = fixture.open(&silent, LIMITS).await.unwrap();
    assert_eq!(adapter.patients(4).await.unwrap(), None);
}

pub async fn errors_show_no_value<F: Fixture>() {
    let mut fixture = F::new().await;
    fixture.put(&[item("secret-key", "secret-patient", "secret-value")]).await;
    for kind in FieldType::ALL {
        let adapter = fixture.open(&fixture.mapping(kind), LIMITS).await.unwrap();
        if let Err(error) = read(&*adapter, "secret-patient").await {
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(error.to_string().contains("mapping.toml:"), "{error}");
        }
    }
}
