//! What operators are told: metrics, dashboard, documents.

use std::collections::{BTreeMap, BTreeSet};

use medrec_relayer::{
    log::{pacing::Pace, scopes},
    ops::{metrics::Metrics, staff, status::Status},
};
use serde_json::Value;

use crate::world::{ALICE, World, key};

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

#[tokio::test]
async fn entries_of_every_origin_are_counted_by_kind() {
    let world = World::new().await;
    world.relationship(ALICE, &key(0), 1).await;
    scopes::publish(&world.store, "log", 1, &[("labs".into(), [1; 32])]).await.unwrap();
    Pace::new(0, 20).tick(&world.store, 0).await.unwrap();
    for _ in 0..2 {
        let status = Status::load(&world.store, &world.health).await.unwrap();
        let text = world.health.metrics.text(&status).unwrap();
        let counted = text.lines().filter_map(|line| {
            let (kind, count) = line.strip_prefix("medrec_entries_total{kind=\"")?.split_once("\"} ")?;
            Some((kind.to_owned(), count.parse::<u64>().unwrap()))
        });
        let counted: BTreeMap<String, u64> = counted.collect();
        assert_eq!(counted.values().sum::<u64>(), status.log_size, "{counted:?}");
        assert_eq!((counted["opened"], counted["filed"], counted["scopes"]), (1, 3, 1));
        assert!(counted["cover"] > 0);
    }
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
