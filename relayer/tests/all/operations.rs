//! What operators are told: metrics, dashboard, documents.

use std::collections::BTreeSet;

use medrec_relayer::ops::{metrics::Metrics, staff};
use serde_json::Value;

const GRAFANA: &str = include_str!("../../packaging/grafana.json");
const OPERATING: &str = include_str!("../../../docs/operating.md");

/// Names that begin with `medrec_` in a text, a histogram's endings left off.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let named = text.split(word).filter(|word| word.starts_with("medrec_"));
    named.map(|name| name.trim_end_matches("_bucket").to_owned()).collect()
}

#[test]
fn every_metric_is_documented_and_every_panel_has_its_metric() {
    let made: BTreeSet<String> = Metrics::new().names().iter().cloned().collect();
    assert_eq!(names(OPERATING), made, "docs/operating.md on the left, the registry on the right");
    let dashboard: Value = serde_json::from_str(GRAFANA).unwrap();
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            asked.append(&mut names(target["expr"].as_str().unwrap()));
        }
    }
    assert_eq!(asked, made, "the dashboard on the left, the registry on the right");
}

/// `schema/staff.openapi.json`; MEDREC_BLESS=1 writes it.
#[test]
fn the_staffs_api_is_as_checked_in() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/staff.openapi.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&staff::openapi()).unwrap());
    if std::env::var_os("MEDREC_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, made, "run MEDREC_BLESS=1 cargo test -p medrec-relayer, and read the diff");
}
