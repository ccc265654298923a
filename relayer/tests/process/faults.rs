//! The world around it breaks and heals; it refuses meanwhile and needs no restart.

use std::{fs, time::Duration};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use sqlx::SqliteConnection;

use crate::{
    home::{Home, pause, until},
    people::{Patient, Reader, Reply, key},
};

async fn reason(home: &Home, patient: &Patient) -> Option<&'static str> {
    match home.read(&patient.key, patient.id, "labs").await.unwrap() {
        Reply::Answer(_) => None,
        Reply::Refused(problem) => Some(problem.reason.code()),
    }
}

/// A fault, what must be seen while it lasts, and its end.
async fn sql(hospital: &mut SqliteConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(hospital).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hospitals_database_breaks_and_comes_back() {
    let home = Home::new().await;
    // A statement that waits longer than this is given up.
    let config = fs::read_to_string(home.path("relayer.toml")).unwrap();
    fs::write(
        home.path("relayer.toml"),
        config.replace("poll_seconds = 1", "poll_seconds = 1, timeout_ms = 300"),
    )
    .unwrap();
    home.patient("MRN-1", 3).await;
    let relayer = home.ready().await;
    let patient = home.relationship("MRN-1", &key(0)).await;
    let mut hospital = home.hospital().await;
    let (file, aside) = (home.path("hospital.sqlite"), home.path("aside.sqlite"));

    // Locked: in rollback mode a writer shuts readers out.
    sql(&mut hospital, "BEGIN EXCLUSIVE").await;
    assert_eq!(reason(&home, &patient).await, Some("unavailable"), "locked");
    sql(&mut hospital, "ROLLBACK").await;
    assert_eq!(reason(&home, &patient).await, None, "unlocked");

    // Of another schema.
    sql(&mut hospital, "ALTER TABLE labs RENAME COLUMN unit TO units").await;
    assert_eq!(reason(&home, &patient).await, Some("unavailable"), "schema changed");
    sql(&mut hospital, "ALTER TABLE labs RENAME COLUMN units TO unit").await;
    assert_eq!(reason(&home, &patient).await, None, "schema as it was");

    // Slow: a view that never ends.
    sql(
        &mut hospital,
        "ALTER TABLE labs RENAME TO labs_table;
         CREATE VIEW labs AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
           SELECT l.* FROM labs_table l, n WHERE i < 0;",
    )
    .await;
    assert_eq!(reason(&home, &patient).await, Some("unavailable"), "slow");
    sql(&mut hospital, "DROP VIEW labs; ALTER TABLE labs_table RENAME TO labs").await;
    until("fast again", async || reason(&home, &patient).await.is_none().then_some(())).await;

    // Gone, and another file in its place for a moment.
    drop(hospital);
    fs::rename(&file, &aside).unwrap();
    fs::write(&file, "not a database").unwrap();
    until("gone", async || (reason(&home, &patient).await == Some("unavailable")).then_some(())).await;
    fs::rename(&aside, &file).unwrap();
    until("back", async || reason(&home, &patient).await.is_none().then_some(())).await;
    // Read-only files are all it needs.
    let mut read_only = fs::metadata(&file).unwrap().permissions();
    read_only.set_readonly(true);
    fs::set_permissions(&file, read_only).unwrap();
    assert_eq!(reason(&home, &patient).await, None, "read-only");

    let mut reader = Reader::default();
    reader.read(&home).await.unwrap();
    assert!(home.scan(&patient, &reader.entries).is_complete(None));
    relayer.stop().await;
}

/// A folder on a small file system of its own; unmounted when dropped.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(path: std::path::PathBuf) -> Option<Self> {
        fs::create_dir(&path).unwrap();
        match mount(Some("tmpfs"), &path, Some("tmpfs"), MsFlags::empty(), Some("size=4m")) {
            Ok(()) => Some(Self(path)),
            Err(error) => {
                eprintln!(
                    "\n*** SKIPPED: a full disk can't be tested: mounting a tmpfs is refused: {error} ***\n"
                );
                None
            }
        }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_gives_no_answer_without_an_entry() {
    let home = Home::new().await;
    let Some(small) = Small::mount(home.path("small")) else { return };
    let config = fs::read_to_string(home.path("relayer.toml")).unwrap();
    fs::write(home.path("relayer.toml"), format!("store = 'small/store.sqlite'\n{config}")).unwrap();
    home.patient("MRN-1", 3).await;
    let mut relayer = home.ready().await;
    let patient = home.relationship("MRN-1", &key(0)).await;

    fill(&small);
    let mut answered = vec![];
    // What still fits is answered, then nothing is: refused, or the relayer has ended.
    loop {
        let request = home.request(&patient.key, patient.id, "labs");
        match home.ask(&request).await {
            Ok(Reply::Answer(answer)) => answered.push((request, answer)),
            Ok(Reply::Refused(problem)) => {
                assert_eq!(problem.status, 503, "{problem:?}");
                break;
            }
            Err(_) => break,
        }
        fill(&small);
    }
    fs::remove_file(small.0.join("filler")).unwrap();
    // systemd would start it again; it may also have held out.
    let back = async {
        loop {
            if relayer.ended().is_some() {
                relayer = home.start(None);
            }
            let ready = tokio::time::timeout(Duration::from_secs(5), relayer.wait_ready()).await;
            if ready == Ok(true)
                && let Ok(Reply::Answer(_)) = home.read(&patient.key, patient.id, "labs").await
            {
                break;
            }
            pause().await;
        }
    };
    tokio::time::timeout(crate::home::DEADLINE, back).await.expect("answers again");
    let mut reader = Reader::default();
    reader.read(&home).await.unwrap();
    assert!(home.scan(&patient, &reader.entries).is_complete(None));
    for (request, answer) in &answered {
        assert_eq!(reader.entries[answer.read.index as usize].as_bytes(), &answer.read.entry);
        assert_eq!(home.findings(request, answer), []);
    }
    let intact: String = {
        use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
        let store = SqliteConnectOptions::new().filename(small.0.join("store.sqlite"));
        let mut store = store.connect().await.unwrap();
        sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut store).await.unwrap()
    };
    assert_eq!(intact, "ok");
    relayer.stop().await;
}

/// Takes what is left of the file system.
fn fill(small: &Small) {
    use std::io::Write;
    let mut filler = fs::OpenOptions::new().create(true).append(true).open(small.0.join("filler")).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        while filler.write_all(&vec![0; size]).is_ok() {}
    }
}
