//! The task that writes the entries of requests: what waits is committed together. What a response is made from is
//! durable with its entry; the response is made afterwards, by whoever asked for the commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use medrec_accesslog::{Body, Entry};
use medrec_gate::{Mark, Reason, Refusal, VerifiedRequest};
use medrec_merkle::Hash;
use medrec_record::RecordId;
use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot};

use super::{
    Budget,
    answer::{Builder, Error, Position},
    ground::Grounds,
    kept::Marked,
    marks,
    recent::{self, Answered, Recent, Seen},
    revokes,
};
use crate::{
    clock::Clock,
    failpoint,
    filing::{
        self,
        sealer::{self, Sealer},
    },
    log::{
        append::{Appender, Written},
        promises,
    },
    store::{Store, Tx},
};

/// Requests in one commit: with a million entries in the log twice as many made one of a hundred commits take 20 ms.
const BATCH: usize = 64;
/// Requests that may wait for theirs.
const QUEUE: usize = 256;

/// A decided request.
pub struct Job {
    pub request: Arc<VerifiedRequest>,
    /// What its response is made from, sealed.
    pub kept: Vec<u8>,
    pub work: Work,
}

/// What is to be written.
pub enum Work {
    /// Nothing: a look at the log, or a stream. The nonce is spent.
    Look,
    Read {
        body: Body,
        blind: [u8; 32],
        grant: Option<u32>,
    },
    /// While the budget lasts.
    Refused {
        body: Body,
    },
    Revoke {
        body: Body,
        blind: [u8; 32],
        grant: u32,
    },
    Mark {
        body: Body,
        blind: [u8; 32],
        mark: Mark,
        record: RecordId,
        version: u32,
    },
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable.
    Written(Position),
    /// The same request was answered before, or is in this commit.
    Before(Seen),
    /// The budget for refusals is used up: answered as any, only not filed.
    Unfiled,
    /// The read's grant was revoked by word meanwhile: nothing was written.
    Revoked,
}

type Reply = oneshot::Sender<Result<Outcome, Refusal>>;

/// Hands jobs to the task.
#[derive(Clone)]
pub struct Handle(mpsc::Sender<(Job, Reply)>);

/// The end the task works from.
pub struct Jobs(mpsc::Receiver<(Job, Reply)>);

pub fn channel() -> (Handle, Jobs) {
    let (send, receive) = mpsc::channel(QUEUE);
    (Handle(send), Jobs(receive))
}

impl Handle {
    /// What became of it, durable.
    pub async fn run(&self, job: Job) -> Result<Outcome, Refusal> {
        let gone = || Refusal::new(Reason::Unavailable, "the commit task has ended");
        let (reply, outcome) = oneshot::channel();
        self.0.send((job, reply)).await.map_err(|_| gone())?;
        outcome.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// What the task works with.
pub struct Committer {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    budget: Budget,
    builder: Arc<Builder>,
    recent: Arc<Recent>,
    grounds: Arc<Grounds>,
    /// Seconds within which an entry is promised to be under an anchor.
    promise: u64,
    /// Highest number of a kept response.
    newest: i64,
    /// Grants revoked by word: relationship and number.
    revoked: BTreeSet<(u64, u32)>,
}

/// What a committer is made from.
pub struct Parts {
    pub store: Arc<Store>,
    pub clock: Arc<dyn Clock>,
    pub budget: Budget,
    pub builder: Arc<Builder>,
    pub recent: Arc<Recent>,
    pub grounds: Arc<Grounds>,
    pub promise: u64,
}

impl Committer {
    /// Learns what was answered and revoked before.
    pub async fn open(parts: Parts) -> Result<Self, Error> {
        let Parts { store, clock, budget, builder, recent, grounds, promise } = parts;
        let mut connection = store.read().acquire().await?;
        let newest = recent.load(&mut connection).await?;
        let revoked = revokes::all(&mut connection).await?.into_iter().collect();
        drop(connection);
        Ok(Self { store, clock, budget, builder, recent, grounds, promise, newest, revoked })
    }

    /// Works until every [`Handle`] is gone: the last request is answered before it ends.
    pub async fn run(mut self, mut jobs: Jobs) -> Result<(), Error> {
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.0.recv_many(&mut batch, BATCH).await > 0 {
            let (batch, replies): (Vec<Job>, Vec<Reply>) = batch.drain(..).unzip();
            match self.commit(batch).await {
                Ok(outcomes) => {
                    for (reply, outcome) in replies.into_iter().zip(outcomes) {
                        // Whoever asked may have gone; what was kept waits for when he comes back.
                        let _ = reply.send(outcome);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a commit failed; nothing was answered");
                    for reply in replies {
                        let _ = reply.send(Err(Refusal::new(Reason::Unavailable, "commit failed")));
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the entries of all jobs and what their responses are made from, in one transaction.
    pub async fn commit(&mut self, jobs: Vec<Job>) -> Result<Vec<Result<Outcome, Refusal>>, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        recent::forget(&mut tx, now).await?;
        let mut batch = Batch {
            ratchets: Ratchets::load(&mut tx, &self.store, &jobs).await?,
            appender: Appender::open(&self.store, &mut tx).await?,
            now,
            names: BTreeMap::new(),
            written: Vec::new(),
            revoked: Vec::new(),
            marked: false,
        };
        let mut steps = Vec::with_capacity(jobs.len());
        for (job, number) in jobs.iter().zip(0usize..) {
            steps.push(self.write(&mut tx, &mut batch, job, number).await?);
        }
        let Batch { ratchets, appender, names, written, revoked, marked, .. } = batch;
        let counters = ratchets.save(&mut tx, &self.store).await?;
        let log = appender.close(&mut tx).await?;
        let due = now.saturating_add(self.promise);
        promises::watch(&mut tx, written.iter().map(|(index, _)| (*index, due))).await?;
        let mut answered = Vec::with_capacity(jobs.len());
        let mut places = Vec::with_capacity(jobs.len());
        for (job, step) in jobs.into_iter().zip(&steps) {
            let Step::New { name, index, counter } = *step else { continue };
            let counter = match counter {
                Some(counter) => counter,
                None => counter_of(&mut tx, &counters, job.request.relationship).await?,
            };
            let position = Position { index, counter, size: log.head.size, at: now, due };
            places.push(position);
            let (digest, expires) = (job.request.hash, job.request.expires);
            answered.push(Answered { name, digest, expires, position, kept: job.kept });
        }
        let seen = recent::keep(&mut tx, &answered, self.newest).await?;
        failpoint::hit("gate.entry-written");
        tx.commit().await?;
        failpoint::hit("gate.entry-durable");
        self.newest = self.newest.saturating_add(seen.len().try_into().unwrap_or(i64::MAX));
        self.after(log, &written, revoked, marked, &seen, now).await;
        let mut places = places.into_iter();
        let seen: BTreeMap<Hash, Seen> = seen.into_iter().collect();
        let outcomes = steps.into_iter().map(|step| match step {
            Step::New { .. } => places
                .next()
                .map(Outcome::Written)
                .ok_or_else(|| Refusal::new(Reason::Unavailable, "no place")),
            Step::Same(name) => seen
                .get(&name)
                .map(|seen| Outcome::Before(*seen))
                .ok_or_else(|| Refusal::new(Reason::Unavailable, "the same request was refused")),
            Step::Done(outcome) => Ok(outcome),
        });
        drop(names);
        Ok(outcomes.collect())
    }

    /// What the others are to know once a commit is durable, before anybody is answered.
    async fn after(
        &mut self,
        log: Written,
        written: &[(u64, Entry)],
        revoked: Vec<(u64, u32)>,
        marked: bool,
        seen: &[(Hash, Seen)],
        now: u64,
    ) {
        self.recent.remember(seen.iter().copied(), now);
        if !revoked.is_empty() || marked {
            self.revoked.extend(revoked);
            self.grounds.changed();
        }
        self.builder.sign(log.head);
        self.builder.proofs.keep_nodes(log.nodes);
        for (index, entry) in written {
            self.builder.proofs.keep(*index, entry);
        }
        let indices: Vec<u64> = written.iter().map(|(index, _)| *index).collect();
        // Only saves the answers a look each.
        if let Err(error) = self.builder.proofs.warm(&indices, log.head.size).await {
            tracing::warn!(%error, "hashes for proofs could not be read ahead");
        }
    }

    /// Appends the entry of one job.
    async fn write(
        &mut self,
        tx: &mut Tx,
        batch: &mut Batch,
        job: &Job,
        number: usize,
    ) -> Result<Step, Error> {
        let name = recent::name(&job.request);
        if let Some(seen) = self.recent.find(&name) {
            return Ok(Step::Done(Outcome::Before(seen)));
        }
        if *batch.names.entry(name).or_insert(number) != number {
            return Ok(Step::Same(name));
        }
        let id = job.request.relationship;
        let (body, blind) = match &job.work {
            Work::Look => return Ok(Step::New { name, index: None, counter: None }),
            Work::Refused { .. } if !self.budget.take(id, batch.now) => {
                batch.names.remove(&name);
                return Ok(Step::Done(Outcome::Unfiled));
            }
            Work::Read { grant: Some(grant), .. } if self.is_revoked(batch, id, *grant) => {
                batch.names.remove(&name);
                return Ok(Step::Done(Outcome::Revoked));
            }
            Work::Refused { body } => (body, None),
            Work::Read { body, blind, .. }
            | Work::Revoke { body, blind, .. }
            | Work::Mark { body, blind, .. } => (body, Some(*blind)),
        };
        let sealer = batch.ratchets.of(id)?;
        let sealed = match blind {
            Some(blind) => sealer.seal_blinded(tx, &mut batch.appender, body, blind).await?,
            None => sealer.seal(tx, &mut batch.appender, body).await?,
        };
        let (index, counter) = (sealed.index, sealer.counter());
        match &job.work {
            Work::Revoke { grant, .. } => {
                revokes::write(tx, id, *grant, batch.now, index).await?;
                batch.revoked.push((id, *grant));
            }
            Work::Mark { body, blind, mark, record, version } => {
                let marked = Marked { mark: *mark, index, blind: *blind, body: body.encode()? };
                marks::write(tx, self.store.vault(), id, (*record, *version), &marked).await?;
                batch.marked = true;
            }
            Work::Look | Work::Read { .. } | Work::Refused { .. } => {}
        }
        batch.written.push((index, sealed.entry));
        Ok(Step::New { name, index: Some(index), counter: Some(counter) })
    }

    fn is_revoked(&self, batch: &Batch, relationship: u64, grant: u32) -> bool {
        let revoked = (relationship, grant);
        self.revoked.contains(&revoked) || batch.revoked.contains(&revoked)
    }
}

/// One commit under way.
struct Batch {
    ratchets: Ratchets,
    appender: Appender,
    now: u64,
    /// Requests of this commit, by the number of the first job with them.
    names: BTreeMap<Hash, usize>,
    written: Vec<(u64, Entry)>,
    revoked: Vec<(u64, u32)>,
    marked: bool,
}

/// How far a job is after its entry.
enum Step {
    New {
        name: Hash,
        index: Option<u64>,
        counter: Option<u64>,
    },
    /// As the first job of this commit with this name.
    Same(Hash),
    Done(Outcome),
}

/// Entries of the relationship so far.
async fn counter_of(
    connection: &mut SqliteConnection,
    moved: &BTreeMap<u64, u64>,
    relationship: u64,
) -> Result<u64, Error> {
    if let Some(counter) = moved.get(&relationship) {
        return Ok(*counter);
    }
    let counter: Option<i64> = sqlx::query_scalar("SELECT counter FROM ratchets WHERE relationship = ?")
        .bind(crate::store::to_db(relationship))
        .fetch_optional(connection)
        .await?;
    Ok(counter.map_or(0, crate::store::from_db))
}

/// The ratchets of a commit's relationships, loaded at once and stored at once.
struct Ratchets {
    loaded: BTreeMap<u64, Sealer>,
    moved: BTreeSet<u64>,
}

impl Ratchets {
    async fn load(tx: &mut Tx, store: &Store, jobs: &[Job]) -> Result<Self, Error> {
        let writing = jobs.iter().filter(|job| !matches!(job.work, Work::Look));
        let ids: BTreeSet<u64> = writing.map(|job| job.request.relationship).collect();
        let ids: Vec<u64> = ids.into_iter().collect();
        let loaded = sealer::load_all(tx, store.vault(), &ids).await?;
        Ok(Self { loaded, moved: BTreeSet::new() })
    }

    /// For an entry.
    fn of(&mut self, id: u64) -> Result<&mut Sealer, Error> {
        self.moved.insert(id);
        Ok(self.loaded.get_mut(&id).ok_or(filing::Error::NoRatchet)?)
    }

    /// Stores those that moved; the counters of all.
    async fn save(self, tx: &mut Tx, store: &Store) -> Result<BTreeMap<u64, u64>, Error> {
        let Self { loaded, moved } = self;
        let counters = loaded.iter().map(|(id, sealer)| (*id, sealer.counter())).collect();
        let moved: Vec<Sealer> =
            loaded.into_iter().filter(|(id, _)| moved.contains(id)).map(|(_, sealer)| sealer).collect();
        sealer::save_all(tx, store.vault(), &moved).await?;
        Ok(counters)
    }
}
