//! What changes in the hospital's database is filed: everything once, nothing lost, removals too.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use medrec_accesslog::{Body, Explained};
use medrec_relayer::{
    adapter::{
        Adapter, Affected, BadRow, Changes, Error, Limits, Mapping, Scope, SourceRecord, SqliteAdapter,
    },
    filing::{Current, Filer, FilingTask},
};
use proptest::prelude::*;
use sqlx::AssertSqlSafe;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::world::{ALICE, BOB, Patient, World, key};

const ID: u64 = 1;
const LABS: &str = "labs";

/// `removed_when` beside the world's own mapping of labs.
const WITHDRAWN: &str = "[scopes.labs]\nresource = 'Observation'\nkey = 'id'\nchanged_at = 'changed'\n\
    removed_when = 'gone'\nconstants = { '/status' = 'final' }\n\
    sql = \"SELECT id, value, changed, unit = 'withdrawn' AS gone FROM labs WHERE patient = :patient ORDER BY id\"\n\
    fields = [{ column = 'value', to = '/valueQuantity/value', type = 'decimal' }]\n";

/// Entries that say what became of records: their row's key, what happened, version, explained.
type Story = Vec<(String, &'static str, u32, Explained)>;

impl World {
    async fn hospital(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.hospital).await.unwrap();
    }

    async fn read_labs(&self, relationship: u64, patient_id: &str) -> Vec<Current> {
        read(&self.filer, relationship, patient_id).await
    }

    /// The labs' part of a patient's log, by her own scan of it.
    async fn story(&self, patient: &Patient) -> Story {
        let scan = self.scan(patient).await;
        assert!(scan.is_complete(None), "{scan:?}");
        // After the scan: what it found has its row by now.
        let rows: Vec<(Vec<u8>, String)> = sqlx::query_as(
            "SELECT record_id, source_key FROM records WHERE relationship = ? AND scope = 'labs'",
        )
        .bind(patient.id as i64)
        .fetch_all(self.store.read())
        .await
        .unwrap();
        let keys: BTreeMap<Vec<u8>, String> = rows.into_iter().collect();
        let mut story = Story::new();
        for found in scan.found {
            match found.opened.unwrap().body {
                Body::Filed(filed) if filed.scope == LABS => {
                    story.push((keys[&filed.record_id[..]].clone(), "filed", filed.version, filed.explained));
                }
                Body::Removed(removed) if removed.scope == LABS => {
                    let explained =
                        if removed.explained { Explained::Explained } else { Explained::Unexplained };
                    story.push((keys[&removed.record_id[..]].clone(), "removed", removed.version, explained));
                }
                _ => {}
            }
        }
        story
    }

    fn with_adapter(&self, adapter: impl Adapter + 'static) -> Filer {
        Filer { adapter: Arc::new(adapter), ..self.filer.clone() }
    }

    async fn adapter(&self, mapping: &str) -> SqliteAdapter {
        let mapping = Mapping::parse(mapping, Path::new("mapping.toml")).unwrap();
        let limits = Limits { timeout: Duration::from_secs(30), max_rows: 200_000 };
        SqliteAdapter::open(&self.dir.path().join("hospital.sqlite"), mapping, limits).await.unwrap()
    }

    /// The filing task at work.
    fn start(&self, filer: &Filer) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let task = FilingTask {
            filer: filer.clone(),
            wake: Arc::new(Notify::new()),
            poll: Duration::from_millis(1),
            reread: 3600,
            pace: medrec_relayer::log::pacing::Pace::default(),
            health: self.health.clone(),
        };
        let stop = CancellationToken::new();
        let running = task.run(stop.clone());
        (stop, tokio::spawn(async { running.await.unwrap() }))
    }

    /// Polls until the patient's story has so many parts.
    async fn polled(&self, filer: &Filer, patient: &Patient, parts: usize) -> Story {
        let (stop, running) = self.start(filer);
        let found = async {
            loop {
                let story = self.story(patient).await;
                if story.len() >= parts {
                    return story;
                }
            }
        };
        let story = tokio::time::timeout(Duration::from_secs(20), found).await.expect("filed in time");
        stop.cancel();
        running.await.unwrap();
        story
    }
}

async fn read(filer: &Filer, relationship: u64, patient_id: &str) -> Vec<Current> {
    let scope = filer.adapter.scope(LABS).unwrap();
    filer.bring_up_to_date(relationship, scope, patient_id).await.unwrap()
}

fn part(
    key: &str,
    what: &'static str,
    version: u32,
    explained: Explained,
) -> (String, &'static str, u32, Explained) {
    (key.to_owned(), what, version, explained)
}

fn first() -> Story {
    vec![part("l1", "filed", 1, Explained::New), part("l2", "filed", 1, Explained::New)]
}

#[tokio::test]
async fn a_row_that_is_gone_is_removed_at_the_next_read_and_answered_no_more() {
    let mut world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), ID).await;
    world.hospital("DELETE FROM labs WHERE id = 'l1'").await;
    for _ in 0..2 {
        assert_eq!(world.read_labs(ID, ALICE).await.len(), 1);
    }
    let removed = part("l1", "removed", 2, Explained::Unexplained);
    assert_eq!(world.story(&alice).await, [first(), vec![removed.clone()]].concat());

    // It comes back as it was: a version of its own, which nobody explained.
    world
        .hospital("INSERT INTO labs VALUES ('l1', 'MRN-alice-0001', '718-7', '13.20', 'g/dL', 'monday')")
        .await;
    let read = world.read_labs(ID, ALICE).await;
    assert_eq!((read.len(), read[0].version), (2, 3));
    let back = part("l1", "filed", 3, Explained::Unexplained);
    assert_eq!(world.story(&alice).await, [first(), vec![removed, back]].concat());
}

#[tokio::test]
async fn a_row_that_is_gone_is_removed_at_the_next_poll() {
    let mut world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), ID).await;
    world.hospital("DELETE FROM labs WHERE patient = 'MRN-alice-0001'").await;
    let filer = world.filer.clone();
    let story = world.polled(&filer, &alice, 4).await;
    let gone = |key| part(key, "removed", 2, Explained::Unexplained);
    assert_eq!(story, [first(), vec![gone("l1"), gone("l2")]].concat());
    assert!(world.read_labs(ID, ALICE).await.is_empty());
}

#[tokio::test]
async fn a_removal_is_explained_by_the_row_itself_or_by_another_definition() {
    let mut world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), ID).await;
    let filer = world.with_adapter(world.adapter(WITHDRAWN).await);
    // Another definition: everything in another form, which is explained by it.
    assert_eq!(read(&filer, ID, ALICE).await.len(), 2);
    world.hospital("UPDATE labs SET unit = 'withdrawn' WHERE id = 'l1'").await;
    world.hospital("INSERT INTO labs VALUES ('l0', 'MRN-alice-0001', 'x', '1', 'withdrawn', 'x')").await;
    for _ in 0..2 {
        assert_eq!(read(&filer, ID, ALICE).await.len(), 1);
    }
    let story = world.story(&alice).await;
    let expected = vec![
        part("l1", "filed", 2, Explained::Explained),
        part("l2", "filed", 2, Explained::Explained),
        part("l1", "removed", 3, Explained::Explained),
    ];
    assert_eq!(story, [first(), expected].concat());

    // A definition that leaves a row out.
    let narrower = WITHDRAWN.replace("WHERE patient", "WHERE id <> 'l2' AND patient");
    let filer = world.with_adapter(world.adapter(&narrower).await);
    assert!(read(&filer, ID, ALICE).await.is_empty());
    assert_eq!(world.story(&alice).await.last().unwrap(), &part("l2", "removed", 3, Explained::Explained));
}

#[tokio::test]
async fn a_scope_taken_out_of_the_mapping_stays_filed_and_goes_on_when_it_is_back() {
    let mut world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), ID).await;
    let without = "[scopes.people]\nresource = 'Patient'\nkey = 'id'\n\
                   sql = 'SELECT id, name FROM people WHERE id = :patient'\n\
                   fields = [{ column = 'name', to = '/name/0/text', type = 'string' }]\n";
    let filer = world.with_adapter(world.adapter(without).await);
    // Rows of the scope come, change and go, and the one that is left moves the task: nothing of it is filed.
    world
        .hospital(
            "DELETE FROM labs WHERE id = 'l1';
             UPDATE labs SET value = '9', changed = 'x' WHERE id = 'l2'; UPDATE people SET name = 'Alice Other'",
        )
        .await;
    let (stop, running) = world.start(&filer);
    let filed =
        async { while world.kinds(&alice).await.iter().filter(|kind| **kind == "filed").count() < 4 {} };
    tokio::time::timeout(Duration::from_secs(20), filed).await.expect("filed in time");
    stop.cancel();
    running.await.unwrap();
    assert_eq!(world.story(&alice).await, first());

    // Back: what happened meanwhile is filed then, over what was filed before.
    assert_eq!(world.read_labs(ID, ALICE).await.len(), 1);
    let story: BTreeMap<String, _> =
        world.story(&alice).await[2..].iter().map(|p| (p.0.clone(), p.clone())).collect();
    assert_eq!(story["l1"], part("l1", "removed", 2, Explained::Unexplained));
    assert_eq!(story["l2"], part("l2", "filed", 2, Explained::Explained));
    assert_eq!(story.len(), 2);
}

#[tokio::test]
async fn what_happened_while_the_relayer_was_down_is_found_by_its_first_poll() {
    let mut world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), ID).await;
    world
        .hospital(
            "INSERT INTO labs VALUES ('l0', 'MRN-alice-0001', '718-7', '1', 'g/dL', '1970-01-01');
         UPDATE labs SET value = '14.1', changed = '9999-12-31' WHERE id = 'l1';
         UPDATE labs SET value = '5.8', changed = '0001-01-01' WHERE id = 'l2'",
        )
        .await;
    let world = world.restart().await;
    let filer = world.filer.clone();
    let story = world.polled(&filer, &alice, 5).await;
    // Late with an old date; a change column far in the future, and one that went back: all of them moved.
    let expected = vec![
        part("l0", "filed", 1, Explained::New),
        part("l1", "filed", 2, Explained::Explained),
        part("l2", "filed", 2, Explained::Explained),
    ];
    assert_eq!(story, [first(), expected].concat());
}

#[tokio::test]
async fn a_scope_that_cannot_be_read_does_not_stop_the_others() {
    let mut world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), ID).await;
    world
        .hospital("UPDATE people SET name = 'Alice Other'; ALTER TABLE labs RENAME COLUMN unit TO units")
        .await;
    let filer = world.filer.clone();
    let (stop, running) = world.start(&filer);
    let failed = async {
        loop {
            let error = world.health.snapshot().filing_error;
            let people = world.kinds(&alice).await.iter().filter(|kind| **kind == "filed").count();
            // Two labs and a person, then the person again.
            if people == 4 && error.is_some_and(|e| e.contains("mapping.toml:") && e.contains("labs")) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), failed).await.expect("seen in time");
    // Mended, it goes on by itself; what nobody touched is not filed again.
    world.hospital("ALTER TABLE labs RENAME COLUMN units TO unit").await;
    let mended = async {
        while world.health.snapshot().filing_error.is_some() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(Duration::from_secs(20), mended).await.expect("mended in time");
    stop.cancel();
    running.await.unwrap();
    assert_eq!(world.story(&alice).await, first());
}

/// A database that never tells that anything changed.
struct Silent(SqliteAdapter);

#[async_trait]
impl Adapter for Silent {
    fn scopes(&self) -> &[Scope] {
        self.0.scopes()
    }
    async fn rows(&self, scope: &Scope, id: &str) -> Result<Vec<Result<SourceRecord, BadRow>>, Error> {
        self.0.rows(scope, id).await
    }
    async fn patients(&self, limit: usize) -> Result<Option<Vec<String>>, Error> {
        self.0.patients(limit).await
    }
    async fn changes(&self, cursor: Option<&str>) -> Result<Changes, Error> {
        let affected = if cursor.is_some() { Affected::Nobody } else { Affected::Everybody };
        Ok(Changes { cursor: String::new(), affected })
    }
}

#[tokio::test]
async fn everybody_is_read_again_after_a_while_whatever_the_database_tells() {
    let mut world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), ID).await;
    let filer = world.with_adapter(Silent(world.adapter(WITHDRAWN).await));
    let (stop, running) = world.start(&filer);
    let all = |parts: usize| {
        let (world, alice) = (&world, &alice);
        tokio::time::timeout(Duration::from_secs(20), async move {
            while world.story(alice).await.len() < parts {}
        })
    };
    all(4).await.expect("read at the start");
    sqlx::query("UPDATE labs SET value = '6' WHERE id = 'l2'").execute(&mut world.hospital).await.unwrap();
    world.clock.set(world.filer.clock.now() + 3600);
    let all = async { while world.story(&alice).await.len() < 5 {} };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("read again");
    stop.cancel();
    running.await.unwrap();
    assert_eq!(world.story(&alice).await[4], part("l2", "filed", 3, Explained::Unexplained));
}

/// 100,000 rows with `MEDREC_SOAK`.
#[tokio::test]
async fn a_bulk_change_is_filed_row_by_row_once() {
    let rows = if std::env::var_os("MEDREC_SOAK").is_some() { 100_000 } else { 1_500 };
    let mut world = World::new().await;
    let alice = world.relationship(ALICE, &key(0), ID).await;
    let filer = world.with_adapter(world.adapter(WITHDRAWN).await);
    world
        .hospital(&format!(
            "DELETE FROM labs WHERE patient = 'MRN-alice-0001';
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO labs SELECT printf('b%06d', i), 'MRN-alice-0001', '718-7', i, 'g/dL', 'x' FROM n"
        ))
        .await;
    assert_eq!(read(&filer, ID, ALICE).await.len(), rows);
    world.hospital("UPDATE labs SET value = value + 1 WHERE patient = 'MRN-alice-0001'").await;
    let read = read(&filer, ID, ALICE).await;
    assert!(read.iter().all(|record| record.version == 2));
    let story = world.story(&alice).await;
    assert_eq!(story.len(), 2 + rows + 2 + rows);
    let count = |what, version| story.iter().filter(|part| part.1 == what && part.2 == version).count();
    assert_eq!((count("filed", 1), count("filed", 2), count("removed", 2)), (2 + rows, rows, 2));
}

#[derive(Clone, Debug)]
enum Step {
    Put {
        who: usize,
        row: u8,
        value: u8,
        tell: bool,
    },
    Delete {
        who: usize,
        row: u8,
    },
    Read {
        who: usize,
    },
    /// A change between two reads that run at once.
    Race {
        who: usize,
        row: u8,
        value: u8,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..2, 0u8..4, 0u8..3, any::<bool>())
            .prop_map(|(who, row, value, tell)| Step::Put { who, row, value, tell }),
        2 => (0usize..2, 0u8..4).prop_map(|(who, row)| Step::Delete { who, row }),
        3 => (0usize..2).prop_map(|who| Step::Read { who }),
        1 => (0usize..2, 0u8..4, 0u8..3).prop_map(|(who, row, value)| Step::Race { who, row, value }),
    ]
}

/// What a patient's table says and what must be filed of it, kept beside MedRec.
#[derive(Default)]
struct Model {
    /// Value and change column of each row.
    rows: BTreeMap<String, (String, u32)>,
    /// Version, and value and change column if it is not removed; the last change column in any case.
    filed: BTreeMap<String, (u32, Option<String>, u32)>,
    story: BTreeMap<String, Vec<(&'static str, u32, Explained)>>,
    moves: u32,
}

impl Model {
    fn put(&mut self, row: u8, value: u8, tell: bool) -> (String, String, u32) {
        let key = format!("r{row}");
        let told = self.rows.get(&key).map(|row| row.1).or(self.filed.get(&key).map(|filed| filed.2));
        let changed = match told {
            Some(told) if !tell => told,
            _ => {
                self.moves += 1;
                self.moves
            }
        };
        let row = (value.to_string(), changed);
        self.rows.insert(key.clone(), row.clone());
        (key, row.0, row.1)
    }

    /// Everything that differs becomes a part of the story.
    fn file(&mut self) {
        for (key, (value, changed)) in &self.rows {
            let before = self.filed.get(key);
            let (version, explained) = match before {
                None => (1, Explained::New),
                Some((_, Some(old), _)) if old == value => continue,
                Some((version, _, told)) if told != changed => (version + 1, Explained::Explained),
                Some((version, ..)) => (version + 1, Explained::Unexplained),
            };
            self.filed.insert(key.clone(), (version, Some(value.clone()), *changed));
            self.story.entry(key.clone()).or_default().push(("filed", version, explained));
        }
        for (key, filed) in self.filed.iter_mut().filter(|(key, _)| !self.rows.contains_key(*key)) {
            if filed.1.take().is_some() {
                filed.0 += 1;
                self.story.entry(key.clone()).or_default().push(("removed", filed.0, Explained::Unexplained));
            }
        }
    }
}

const PATIENTS: [(&str, u64); 2] = [(ALICE, 1), (BOB, 2)];

async fn follow(steps: Vec<Step>) {
    let mut world = World::new().await;
    world.hospital("DELETE FROM labs").await;
    let patients = [world.relationship(ALICE, &key(0), 1).await, world.relationship(BOB, &key(1), 2).await];
    let mut models = [Model::default(), Model::default()];
    for step in steps.into_iter().chain([Step::Read { who: 0 }, Step::Read { who: 1 }]) {
        match step {
            Step::Put { who, row, value, tell } => {
                let row = models[who].put(row, value, tell);
                put(&mut world, who, row).await;
            }
            Step::Delete { who, row } => {
                let key = format!("r{row}");
                world
                    .hospital(&format!(
                        "DELETE FROM labs WHERE id = '{key}' AND patient = '{}'",
                        PATIENTS[who].0
                    ))
                    .await;
                models[who].rows.remove(&key);
            }
            Step::Read { who } => check(&world, &patients, &mut models, who).await,
            Step::Race { who, row, value } => {
                check(&world, &patients, &mut models, who).await;
                let row = models[who].put(row, value, true);
                let (filer, (patient_id, id)) = (world.filer.clone(), PATIENTS[who]);
                let reads = || read(&filer, id, patient_id);
                // One change, seen by either: filed once.
                tokio::join!(reads(), put(&mut world, who, row), reads());
                check(&world, &patients, &mut models, who).await;
            }
        }
    }
}

async fn put(world: &mut World, who: usize, (key, value, changed): (String, String, u32)) {
    let patient = PATIENTS[who].0;
    world
        .hospital(&format!(
            "BEGIN; DELETE FROM labs WHERE id = '{key}' AND patient = '{patient}';
         INSERT INTO labs VALUES ('{key}', '{patient}', '718-7', '{value}', 'g/dL', '{changed}'); COMMIT"
        ))
        .await;
}

/// A read: what is answered is the table, what is in both logs is the story.
async fn check(world: &World, patients: &[Patient; 2], models: &mut [Model; 2], who: usize) {
    let current = world.read_labs(PATIENTS[who].1, PATIENTS[who].0).await;
    models[who].file();
    let answered: Vec<(u32, String)> = current
        .iter()
        .map(|record| (record.version, record.resource.pointer("/valueQuantity/value").unwrap().to_string()))
        .collect();
    let model = &models[who];
    let table: Vec<(u32, String)> =
        model.rows.iter().map(|(key, (value, _))| (model.filed[key].0, value.clone())).collect();
    assert_eq!(answered, table);
    for (patient, model) in patients.iter().zip(models) {
        let mut story: BTreeMap<String, Vec<(&'static str, u32, Explained)>> = BTreeMap::new();
        for (key, what, version, explained) in world.story(patient).await {
            story.entry(key).or_default().push((what, version, explained));
        }
        assert_eq!(story, model.story);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("MEDREC_SOAK").is_some() { 200 } else { 6 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// However rows come, change, go and come back: filed is what the table says, versions are dense, each change is
    /// there once, and a read of one patient leaves the other alone.
    #[test]
    fn what_is_filed_is_what_the_table_says(steps in proptest::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(follow(steps));
    }
}
