//! The merge of `medrec record` over what the three hospitals show, against the truth that none of their tables has.

use std::collections::{BTreeMap, BTreeSet};

use medrec_pilot::RecordKey;
use medrec_record::merge::{Sourced, merge};
use serde_json::Value;

use super::{Written, read};

/// One record as a hospital shows it.
struct Shown {
    key: RecordKey,
    source: u64,
    resource: Value,
}

async fn shown(written: &Written, patient: &str) -> Vec<Shown> {
    let mut all = Vec::new();
    for (source, hospital) in (1u64..).zip(&written.hospitals.all) {
        let Some(local_id) = hospital.local_id(patient) else { continue };
        let adapter = written.adapter(hospital).await;
        for (scope, records) in read(&adapter, &local_id).await {
            for record in records {
                let id = record.resource.pointer("/identifier/0/value").and_then(Value::as_str).unwrap();
                let (hospital, scope) = (hospital.slug.clone(), scope.clone());
                let key = RecordKey { hospital, scope, id: id.to_owned() };
                all.push(Shown { key, source, resource: record.resource });
            }
        }
    }
    all
}

/// Every two of them, in the order of keys.
fn pairs<'a>(of: impl IntoIterator<Item = &'a RecordKey>) -> Vec<(RecordKey, RecordKey)> {
    let mut keys: Vec<RecordKey> = of.into_iter().cloned().collect();
    keys.sort();
    let mut pairs = Vec::new();
    for (place, one) in keys.iter().enumerate() {
        pairs.extend(keys[place + 1..].iter().map(|other| (one.clone(), other.clone())));
    }
    pairs
}

#[tokio::test]
async fn the_merge_finds_the_truth() {
    let written = Written::new().await;
    let everybody: BTreeSet<String> =
        written.hospitals.all.iter().flat_map(|hospital| hospital.richest(usize::MAX)).collect();
    let (mut right, mut made, mut wanted) = (0usize, 0usize, 0usize);
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    for patient in &everybody {
        let shown = shown(&written, patient).await;
        let ids: Vec<String> = shown.iter().map(|shown| format!("{:?}", shown.key)).collect();
        let sourced: Vec<Sourced<'_>> = shown
            .iter()
            .zip(&ids)
            .map(|(shown, id)| Sourced { source: shown.source, id: id.as_bytes(), resource: &shown.resource })
            .collect();
        let found: BTreeSet<(RecordKey, RecordKey)> = merge(&sourced)
            .iter()
            .flat_map(|group| pairs(group.iter().map(|index| &shown[*index].key)))
            // A person is one by rule, not by what the hospitals wrote.
            .filter(|(one, _)| one.scope != "patient")
            .collect();
        let truth: BTreeSet<(RecordKey, RecordKey)> =
            written.hospitals.truth(patient).same.iter().flat_map(pairs).collect();
        made += found.len();
        wanted += truth.len();
        right += found.intersection(&truth).count();
        for (what, pair) in found
            .difference(&truth)
            .map(|p| ("made", p))
            .chain(truth.difference(&found).map(|p| ("missed", p)))
        {
            let (one, other) = pair;
            let what = format!("{what} {} of {} and {}", one.scope, one.hospital, other.hospital);
            *wrong.entry(what).or_default() += 1;
        }
    }
    let (precision, recall) = (right as f64 / made as f64, right as f64 / wanted as f64);
    println!(
        "{wanted} pairs, {made} made, {right} right: precision {precision:.4}, recall {recall:.4}; wrong: {wrong:#?}"
    );
    assert!(precision >= 0.99 && recall >= 0.99, "precision {precision}, recall {recall}: {wrong:#?}");
}
