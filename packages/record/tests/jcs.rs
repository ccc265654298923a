//! Published vectors of RFC 8785 and its reference test suite, and the canonical value of a leaf.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use medrec_record::{canonical_value, jcs};
use proptest::prelude::*;
use serde_json::Value;

fn canonical(input: &str) -> String {
    jcs(&serde_json::from_str(input).unwrap()).unwrap()
}

/// RFC 8785 sections 3.2.2 to 3.2.4.
#[test]
fn rfc8785_example() {
    let input = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let expected = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
                    \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert_eq!(canonical(input), expected);
}

/// RFC 8785 section 3.2.3: members sort by UTF-16 code units, so U+1F602 comes before U+FB33.
#[test]
fn rfc8785_sorting() {
    let input = r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"}"#;
    let canonical = canonical(input);
    let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
    let places: Vec<_> = order.iter().map(|value| canonical.find(value).unwrap()).collect();
    assert!(places.is_sorted(), "{canonical}");
}

/// From the test suite that RFC 8785 appendix I refers to.
#[test]
fn reference_suite() {
    let cases = [
        (r#"[ 56, { "d": true, "10": null, "1": [ ] } ]"#, r#"[56,{"1":[],"10":null,"d":true}]"#),
        (
            r#"{ "1": {"f": {"f": "hi","F": 5} ,"\n": 56.0}, "10": { }, "": "empty", "a": { }, "111": [ { } ], "A": { } }"#,
            r#"{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}"#,
        ),
        (r#"{"Unnormalized Unicode":"A\u030a"}"#, "{\"Unnormalized Unicode\":\"A\u{30a}\"}"),
        (r#"{"peach": 1, "péché": 2, "pêche": 3, "sin": 4}"#, r#"{"peach":1,"péché":2,"pêche":3,"sin":4}"#),
    ];
    for (input, expected) in cases {
        assert_eq!(canonical(input), expected);
    }
}

#[test]
fn leaves_keep_their_digits_where_jcs_does_not() {
    let value: Value = serde_json::from_str("7.10").unwrap();
    assert_eq!(canonical_value(&value).unwrap(), "7.10");
    assert_eq!(jcs(&value).unwrap(), "7.1");
    for literal in ["-0.0", "1e+03", "2.50e-7", "12345678901234567890123", "0.10000000000000000000001"] {
        let value: Value = serde_json::from_str(literal).unwrap();
        assert_eq!(canonical_value(&value).unwrap(), literal);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Canonical JSON is JSON, of the same value, and canonical already.
    #[test]
    fn jcs_is_stable(value in common::any_value()) {
        let text = jcs(&value).unwrap();
        let parsed: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(jcs(&parsed).unwrap(), text);
    }

    /// `Number::toString` gives the same double back.
    #[test]
    fn numbers_survive(bits in any::<u64>()) {
        let double = f64::from_bits(bits);
        prop_assume!(double.is_finite());
        let text = jcs(&serde_json::from_str(&format!("{double:e}")).unwrap()).unwrap();
        prop_assert_eq!(text.parse::<f64>().unwrap(), double);
    }
}
