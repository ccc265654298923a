//! SIGKILL at every named point, under load, one after the other in one hospital's life; then everything is there
//! once, and everything that was answered is in the log.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::process::ExitStatusExt,
    time::Instant,
};

use medrec_accesslog::Body;
use medrec_api::relationship as api;
use medrec_gate::{Answer, Endpoint, Receipt};
use medrec_relayer::failpoint;
use medrec_wallet::Key;

/// Everything that has a failpoint is at work.
const CONFIG: &str =
    "pacing = { first_filing = 0, cover = 100 }\nmirror = { poll_seconds = 1, allow_private = true }\n";

use crate::{
    home::{DEADLINE, Home, Relayer, pause, until},
    neighbour::Neighbour,
    people::{Patient, Reader, Reply, Request, Result, key},
};

/// The hospital, its patients, and all they were told.
struct Life {
    home: Home,
    neighbour: Neighbour,
    reader: Reader,
    patients: Vec<Patient>,
    /// Patients that were made, accepted or not; also the next one's number.
    made: u32,
    /// Rows of `labs` there ever were, by patient.
    rows: BTreeMap<String, BTreeSet<String>>,
    answers: Vec<(Request, Answer, Vec<u8>)>,
    /// How many of `patients`, from the first, the hospital has closed.
    closed: usize,
    changes: u32,
    receipts: Vec<Receipt>,
}

fn viewer(n: u32) -> Key {
    key(1000 + n)
}

impl Life {
    async fn begin() -> Self {
        let neighbour = Neighbour::start();
        let home = Home::with(CONFIG, vec![neighbour.institution()]).await;
        Self {
            home,
            neighbour,
            reader: Reader::default(),
            patients: vec![],
            made: 0,
            rows: BTreeMap::new(),
            answers: vec![],
            closed: 0,
            changes: 0,
            receipts: vec![],
        }
    }

    /// Dies at this point while people are at work; `nth`: the how manyth time it is reached.
    async fn die_at(&mut self, point: &str, nth: u32) {
        let armed = format!("{point}:{nth}");
        if point.starts_with("rebuild.") {
            return self.rebuild_dies_at(&armed);
        }
        let mut relayer = self.home.start(Some(&armed));
        let started = Instant::now();
        while relayer.ended().is_none() {
            assert!(started.elapsed() < DEADLINE, "{armed} was never reached:\n{}", relayer.words());
            // Whatever was under way when it died is tried again in its next life.
            if let Err(error) = self.work(&mut relayer).await
                && error.is::<Wrong>()
                && relayer.ended().is_none()
            {
                panic!("{armed}: {error:#}\n{}", relayer.words());
            }
        }
        let status = relayer.end().await;
        assert_eq!(status.signal(), Some(9), "{armed}: {status}\n{}", relayer.words());
    }

    /// The command that works while the relayer is stopped.
    fn rebuild_dies_at(&self, armed: &str) {
        let done = self.home.command(&["rebuild"]).env("MEDREC_FAILPOINT", armed).output().unwrap();
        let words = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.signal(), Some(9), "{armed}: {}: {words}", done.status);
    }

    /// A bit of everything.
    async fn work(&mut self, relayer: &mut Relayer) -> Result<()> {
        anyhow::ensure!(relayer.wait_ready().await, "gone");
        self.reader.read(&self.home).await?;
        self.neighbour.grow(&self.home.node, 5);
        self.newcomer(relayer).await?;
        self.change_a_row().await;
        let last = self.patients.len() - 1;
        for n in [0, last] {
            self.reads(n).await?;
        }
        self.marks(last).await?;
        self.grants(last, relayer).await?;
        self.close(relayer).await?;
        self.home.staff("GET", "/metrics", None).await?;
        Ok(())
    }

    /// The hospital closes its oldest open relationship but the first and the newest.
    async fn close(&mut self, relayer: &mut Relayer) -> Result<()> {
        let Some(patient) =
            self.patients.get(self.closed + 1).filter(|_| self.closed + 2 < self.patients.len())
        else {
            return Ok(());
        };
        let path = format!("/staff/relationships/{}/close", patient.id);
        let (status, words) = self.home.staff("POST", &path, None).await?;
        // 409: it was closed in the life before.
        anyhow::ensure!(matches!(status, 202 | 409), "{status} {words}");
        let closed = || {
            let found = self.home.offered(&patient.key)?;
            (found.status == medrec_rules::Status::Closed).then_some(())
        };
        self.alive(relayer, closed).await?;
        self.closed += 1;
        Ok(())
    }

    /// Desk, acceptance, filing.
    async fn newcomer(&mut self, relayer: &mut Relayer) -> Result<()> {
        let number = self.patients.len() as u32;
        let (patient_id, key) = (format!("MRN-{number}"), key(number));
        if self.made == number {
            self.home.patient(&patient_id, 4).await;
            self.rows.insert(patient_id.clone(), (0..4).map(|n| format!("{patient_id}-{n}")).collect());
            self.made += 1;
        }
        self.home.open(&patient_id, &key).await?;
        let offered = self.alive(relayer, || self.home.offered(&key)).await?;
        let patient = self.home.accept(&patient_id, &key, &offered);
        // A patient reads for the first time when her acceptance has come to the relayer.
        loop {
            match self.home.read(&key, patient.id, "people").await? {
                Reply::Answer(_) => break,
                Reply::Refused(problem) if relayer.ended().is_some() => anyhow::bail!("{problem:?}"),
                Reply::Refused(_) => pause().await,
            }
        }
        self.patients.push(patient);
        Ok(())
    }

    /// Inserts one row and edits another of the first patient.
    async fn change_a_row(&mut self) {
        self.changes += 1;
        let mut hospital = self.home.hospital().await;
        let (id, n) = (format!("late-{}", self.changes), self.changes);
        sqlx::query("INSERT INTO labs VALUES (?, 'MRN-0', '718-7', '1.0', 'g', 'monday')")
            .bind(&id)
            .execute(&mut hospital)
            .await
            .unwrap();
        self.rows.get_mut("MRN-0").unwrap().insert(id);
        sqlx::query("UPDATE labs SET value = ?, changed = ? WHERE id = 'MRN-0-0'")
            .bind(format!("{n}.5"))
            .bind(format!("day {n}"))
            .execute(&mut hospital)
            .await
            .unwrap();
    }

    async fn reads(&mut self, n: usize) -> Result<()> {
        let patient = &self.patients[n];
        let request = self.home.request(&patient.key, patient.id, "labs");
        let (status, body) = self.home.raw(&request).await?;
        if status != 200 {
            return Err(Wrong(format!("refused with {status}")).into());
        }
        let answer = self.home.opened(&request, &body)?;
        let findings = self.home.findings(&request, &answer);
        if !findings.is_empty() {
            return Err(Wrong(format!("{findings:?}")).into());
        }
        self.answers.push((request, answer, body));
        Ok(())
    }

    /// The patient acknowledges a record she was shown.
    async fn marks(&mut self, n: usize) -> Result<()> {
        let patient = &self.patients[n];
        let shown = self.answers.iter().rev().find(|(_, a, _)| a.header.relationship == patient.id);
        let Some(record) = shown.and_then(|(_, answer, _)| answer.records.first()) else { return Ok(()) };
        let body = serde_json::json!({"record": hex::encode(record.id), "version": record.version});
        let endpoint = Endpoint::Acknowledge { relationship: patient.id };
        self.receipts.push(self.home.receipt(&self.home.deed(&patient.key, endpoint, &body)).await?);
        Ok(())
    }

    /// A viewer may, then may not.
    async fn grants(&mut self, n: usize, relayer: &mut Relayer) -> Result<()> {
        let (patient, viewer) = (&self.patients[n], viewer(n as u32));
        self.home.grant(patient, &viewer, &["labs"]);
        let grant = self.home.granted(patient.id).0 - 1;
        self.reach(relayer, &viewer, patient.id, "labs", None).await?;
        self.reach(relayer, &viewer, patient.id, "people", Some("scope")).await?;
        let by_word = Endpoint::Revoke { relationship: patient.id };
        let body = serde_json::json!({"grant": grant});
        let receipt = self.home.receipt(&self.home.deed(&patient.key, by_word, &body)).await?;
        self.receipts.push(receipt);
        // It is obeyed at once, before the chain knows.
        let read = self.home.read(&viewer, patient.id, "labs").await?;
        if !matches!(&read, Reply::Refused(problem) if problem.reason.code() == "revoked") {
            return Err(Wrong(format!("read after a direct revoke: {read:?}")).into());
        }
        self.home.execute(&patient.key, api::ExecuteMsg::Revoke { id: patient.id, grant });
        self.reach(relayer, &viewer, patient.id, "labs", Some("revoked")).await
    }

    /// Asks until the answer is what it must come to.
    async fn reach(
        &self,
        relayer: &mut Relayer,
        viewer: &Key,
        id: u64,
        scope: &str,
        reason: Option<&str>,
    ) -> Result<()> {
        loop {
            let found = match self.home.read(viewer, id, scope).await? {
                Reply::Answer(_) => None,
                Reply::Refused(problem) => Some(problem.reason.code()),
            };
            if found == reason {
                return Ok(());
            }
            anyhow::ensure!(relayer.ended().is_none(), "gone");
            pause().await;
        }
    }

    /// Waits for something on the chain while the relayer lives.
    async fn alive<T>(&self, relayer: &mut Relayer, mut look: impl FnMut() -> Option<T>) -> Result<T> {
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            anyhow::ensure!(relayer.ended().is_none(), "gone");
            pause().await;
        }
    }

    /// After the last life: nothing lost, nothing twice.
    async fn settle(&mut self) {
        let relayer = self.home.ready().await;
        // Answers given before a kill are given again, sealed anew, while their requests are young.
        for (request, answer, _) in self.answers.iter().rev().take(3) {
            let (status, again) = self.home.raw(request).await.unwrap();
            let same = || self.home.opened(request, &again).is_ok_and(|again| again == *answer);
            assert!(status == 401 || same(), "{status}: another answer to the same request");
        }
        let height = self.home.node.with(|chain| chain.height());
        let status = async || self.home.staff("GET", "/status", None).await.unwrap().1;
        let size = until("everything is applied and filed", async || {
            let now = status().await;
            let done = now["applied_height"].as_u64()? >= height && now["filing_backlog"] == 0;
            done.then(|| now["log_size"].as_u64())?
        })
        .await;
        until("all of that is anchored", async || {
            (status().await["anchored_size"].as_u64()? >= size).then_some(())
        })
        .await;
        self.reader.read(&self.home).await.unwrap();
        relayer.stop().await;
        self.check_log();
        self.check_receipts();
        for patient in &self.patients {
            self.check_patient(patient);
        }
        for (request, answer, _) in &self.answers {
            let entry = &self.reader.entries[answer.read.index as usize];
            assert_eq!(entry.as_bytes(), &answer.read.entry, "the entry of an answered read");
            assert_eq!(self.home.findings(request, answer), []);
        }
    }

    /// What the patients have in writing.
    fn check_receipts(&self) {
        for Receipt { entry, .. } in &self.receipts {
            let logged = &self.reader.entries[entry.index as usize];
            assert_eq!(logged.as_bytes(), &entry.entry, "the entry of a receipt");
        }
    }

    /// Every anchor and every checkpoint ever seen is a beginning of the log as it is now.
    fn check_log(&self) {
        let (anchors, violations) =
            self.home.node.with(|chain| (chain.anchors.clone(), chain.violations.clone()));
        assert!(violations.is_empty(), "{violations:?}");
        assert!(anchors.len() > 2);
        // The neighbour's are of another slot.
        let slot = self.home.slot();
        for (_, size, root) in anchors.into_iter().filter(|(found, ..)| *found == slot) {
            assert_eq!(self.reader.roots[size as usize][..], root[..], "the anchor at {size} entries");
        }
        for seen in &self.reader.checkpoints {
            let (size, root) = (seen.checkpoint.size, seen.checkpoint.root);
            assert_eq!(self.reader.roots[size as usize], root, "the checkpoint at {size} entries");
        }
        let labels: BTreeSet<_> = self.reader.entries.iter().map(|entry| entry.label().0).collect();
        assert_eq!(labels.len(), self.reader.entries.len(), "a label stands twice");
    }

    fn check_patient(&self, patient: &Patient) {
        let scan = self.home.scan(patient, &self.reader.entries);
        assert!(scan.is_complete(None), "{}: {scan:?}", patient.patient_id);
        let mut versions: BTreeMap<[u8; 16], Vec<u32>> = BTreeMap::new();
        let (mut requests, mut counts) = (BTreeMap::new(), BTreeMap::new());
        for found in &scan.found {
            let body = &found.opened.as_ref().unwrap().body;
            *counts.entry(body.name()).or_insert(0u32) += 1;
            match body {
                Body::Filed(filed) => versions.entry(filed.record_id).or_default().push(filed.version),
                Body::Read(read) => *requests.entry(read.request).or_insert(0u32) += 1,
                _ => {}
            }
        }
        // One record of `people`, and each row there ever was.
        assert_eq!(versions.len(), self.rows[&patient.patient_id].len() + 1, "{}", patient.patient_id);
        for versions in versions.values() {
            assert!(versions.iter().copied().eq(1..=versions.len() as u32), "{versions:?}");
        }
        assert!(requests.values().all(|times| *times == 1), "a read was logged twice");
        for (request, answer, _) in
            self.answers.iter().filter(|(_, a, _)| a.header.relationship == patient.id)
        {
            assert_eq!(
                requests.get(&request.signed.hash),
                Some(&1),
                "an answered read ({}) is logged",
                answer.read.index
            );
        }
        let (granted, revoked) = self.home.granted(patient.id);
        let closed = self.home.offered(&patient.key).unwrap().status == medrec_rules::Status::Closed;
        assert_eq!(counts.get("opened"), Some(&1));
        assert_eq!(counts.get("closed").copied().unwrap_or_default(), u32::from(closed));
        assert_eq!(counts.get("grant-seen").copied().unwrap_or_default(), granted);
        assert_eq!(counts.get("revoke-seen").copied().unwrap_or_default(), revoked);
    }
}

/// Something a relayer that is alive must not do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Wrong(String);

/// What happens once in a life comes first: nobody can be killed there later.
fn points() -> impl Iterator<Item = &'static str> {
    let once = |point: &&str| point.starts_with("log.counters");
    let mut written: Vec<&str> = failpoint::ALL.iter().copied().filter(once).collect();
    // Written, then committed.
    written.sort_unstable_by(|a, b| b.cmp(a));
    // The desk has a test of its own.
    let others = move |point: &&str| !once(point) && !point.starts_with("desk.");
    written.into_iter().chain(failpoint::ALL.iter().copied().filter(others))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_point_nothing_is_lost_or_done_twice() {
    let lives = if std::env::var_os("MEDREC_SOAK").is_some() { 5 } else { 1 };
    for nth in 1..=lives {
        let mut life = Life::begin().await;
        for point in points() {
            // Later in a longer life, where it can be reached more than once in one run.
            life.die_at(
                point,
                if point.starts_with("log.counters") || point.starts_with("rebuild.") { 1 } else { nth },
            )
            .await;
        }
        life.settle().await;
    }
}
