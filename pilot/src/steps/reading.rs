//! Patients read all their records, over all hospitals, and check each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::each;
use crate::hospitals::RecordKey;
use crate::merge::{Merge, Pairs};
use crate::people::Patient;
use crate::seen::{Item, Records, Verdicts};
use crate::stage::Stage;

/// What issue 5 asks of merging.
const GOOD: f64 = 0.99;

/// What came of the patients' reading.
pub struct Read {
    /// Entries of their logs that the patients' tools checked.
    pub verified: u64,
    pub merge: Merge,
}

/// Every patient reads her record over her hospitals: as many records of each as the CSV has, each as it was filed, what
/// several hospitals have shown once. The first one's tool then checks the logs and the anchors as well.
pub async fn merged_read(stage: &Stage, patients: &[Patient]) -> Result<Read> {
    let read = each(patients, async |patient| {
        let record = stage
            .tools
            .again("her record", async || {
                stage
                    .tools
                    .medrec(&patient.home, &["record", "--json"])
                    .await?
                    .json::<Records>("read the record")
            })
            .await?;
        check_counts(patient, &record)?;
        record.all_marked("unchanged")?;
        let shown = shown_together(stage, patient, &record)?;
        let pairs = Pairs::of(&shown, &stage.hospitals.truth(&patient.person).same);
        Ok((pairs, record.records.len(), record.items.len()))
    })
    .await?;
    let (mut pairs, mut records, mut items) = (Pairs::default(), 0u64, 0u64);
    for (found, read, shown) in read {
        pairs = pairs.plus(found);
        records = records.saturating_add(u64::try_from(read)?);
        items = items.saturating_add(u64::try_from(shown)?);
    }
    let merge = Merge { records, items, precision: pairs.precision(), recall: pairs.recall() };
    ensure!(
        merge.precision >= GOOD && merge.recall >= GOOD,
        "{GOOD} of both is wanted: {merge:?}, {pairs:?}"
    );
    let patient = patients.first().context("there are no patients")?;
    let verified =
        stage.tools.again("her check", async || verify(stage, patient, &patient.home).await).await?;
    Ok(Read { verified, merge })
}

/// As many of each hospital as the CSV has.
fn check_counts(patient: &Patient, record: &Records) -> Result<()> {
    let counts = record.by_relationship();
    let expected: BTreeMap<u64, u64> =
        patient.relationships.iter().map(|one| (one.id, one.records)).collect();
    ensure!(counts == expected, "she reads {counts:?} records by relationship, the CSV has {expected:?}");
    Ok(())
}

/// Each item's records, by the hospitals' own names of them.
fn shown_together(stage: &Stage, patient: &Patient, record: &Records) -> Result<Vec<BTreeSet<RecordKey>>> {
    let flat: BTreeMap<(u64, &str), &Item> =
        record.records.iter().map(|item| ((item.relationship, item.id.as_str()), item)).collect();
    let key = |relationship: u64, id: &str| -> Result<RecordKey> {
        let item = flat.get(&(relationship, id)).context("an item names a record that was not read")?;
        let own = patient.relationships.iter().find(|one| one.id == relationship).context("whose is it?")?;
        let name = item.resource.pointer("/identifier/0/value").and_then(serde_json::Value::as_str);
        let Some(name) = name else { bail!("a record of {} has no identifier", item.scope) };
        let hospital = stage.hospital(own.hospital)?.slug.clone();
        Ok(RecordKey { hospital, scope: item.scope.clone(), id: name.to_owned() })
    };
    let together: Vec<BTreeSet<RecordKey>> = record
        .items
        .iter()
        .map(|item| item.sources.iter().map(|source| key(source.relationship, &source.id)).collect())
        .collect::<Result<_>>()?;
    let shown: usize = together.iter().map(BTreeSet::len).sum();
    ensure!(
        shown == record.records.len(),
        "the items have {shown} records, {} were read: each is in one item",
        record.records.len()
    );
    // Whose records they are is not for the merge to find: the truth leaves these out.
    Ok(together.into_iter().filter(|item| item.iter().all(|record| record.scope != "patient")).collect())
}

/// Everything about her checked by her tool, from the wallet in `home`. Returns the entries of her logs.
pub async fn verify(stage: &Stage, patient: &Patient, home: &Path) -> Result<u64> {
    let verdicts: Verdicts = stage.tools.medrec(home, &["verify", "--json"]).await?.json("verify")?;
    let records: u64 = verdicts.relationships.iter().map(|verdict| verdict.records).sum();
    ensure!(records == patient.records(), "verify saw {records} records, the CSV has {}", patient.records());
    Ok(verdicts.relationships.iter().map(|verdict| verdict.entries).sum())
}

/// (relationship, scope, id, version, resource) of everything the wallet in `home` reads, in a fixed order.
pub async fn records(stage: &Stage, home: &Path) -> Result<Vec<String>> {
    let read: Records = stage.tools.medrec(home, &["record", "--json"]).await?.json("read the record")?;
    let mut lines: Vec<String> = read
        .records
        .iter()
        .map(|item| {
            format!("{} {} {} {} {}", item.relationship, item.scope, item.id, item.version, item.resource)
        })
        .collect();
    lines.sort_unstable();
    Ok(lines)
}
