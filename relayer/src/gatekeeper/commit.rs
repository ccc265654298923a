//! The task that writes the entries of reads and refusals: what waits is committed together, and no response
//! leaves before its entry is durable.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use medrec_accesslog::{Body, Refused};
use medrec_gate::{Reason, Refusal, VerifiedRequest};
use medrec_wallet::ContractRef;
use tokio::sync::{mpsc, oneshot};

use super::{
    Budget, Keys,
    answer::{self, Error, Read, Written},
    stored::{self, Stored},
};
use crate::{
    clock::Clock,
    filing::{
        self,
        sealer::{self, Sealer},
    },
    log::{self, append::Appender},
    store::{Store, Tx},
};

/// Requests in one commit.
const BATCH: usize = 32;
/// Requests that may wait for theirs.
const QUEUE: usize = 256;

/// A decided request.
pub struct Job {
    pub request: VerifiedRequest,
    pub work: Work,
}

/// What is to be written and answered.
pub enum Work {
    Read(Box<Read>),
    Refused(Box<Refused>, Refusal),
    Entries { start_after: Option<u64> },
}

type Reply = oneshot::Sender<Result<Stored, Refusal>>;

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
    /// The response, durable.
    pub async fn run(&self, job: Job) -> Result<Stored, Refusal> {
        let gone = || Refusal::new(Reason::Unavailable, "the commit task has ended");
        let (reply, response) = oneshot::channel();
        self.0.send((job, reply)).await.map_err(|_| gone())?;
        response.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// What the task works with.
pub struct Committer {
    pub store: Arc<Store>,
    pub contract: ContractRef,
    pub keys: Keys,
    pub clock: Arc<dyn Clock>,
    pub budget: Budget,
}

impl Committer {
    /// Works until every [`Handle`] is gone: the last request is answered before it ends.
    pub async fn run(mut self, mut jobs: Jobs) -> Result<(), Error> {
        let mut batch = Vec::with_capacity(BATCH);
        while jobs.0.recv_many(&mut batch, BATCH).await > 0 {
            let (batch, replies): (Vec<Job>, Vec<Reply>) = batch.drain(..).unzip();
            match self.commit(batch).await {
                Ok(responses) => {
                    for (reply, response) in replies.into_iter().zip(responses) {
                        // Whoever asked may have gone; his response is stored for when he comes back.
                        let _ = reply.send(response);
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

    /// Writes the entries of all jobs, then their responses, in one transaction.
    pub async fn commit(&mut self, jobs: Vec<Job>) -> Result<Vec<Result<Stored, Refusal>>, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        stored::forget(&mut tx, now).await?;
        let mut ratchets = Ratchets::default();
        let mut appender = Appender::open(&mut tx).await?;
        let mut steps = Vec::with_capacity(jobs.len());
        let mut seen = BTreeMap::new();
        for (job, number) in jobs.iter().zip(0usize..) {
            // The same request twice in a batch: the second gets what the first got.
            let key = (job.request.address.clone(), job.request.nonce);
            let first = *seen.entry(key).or_insert(number);
            steps.push(if first == number {
                self.write(&mut tx, &mut ratchets, &mut appender, job, now).await?
            } else {
                Step::Same(first)
            });
        }
        ratchets.save(&mut tx, &self.store).await?;
        appender.close(&mut tx).await?;
        let head = log::head(&mut tx).await?;
        let mut responses = Vec::with_capacity(jobs.len());
        for (job, step) in jobs.iter().zip(steps) {
            let response = match step {
                Step::Same(first) => same(&jobs, &responses, job, first),
                Step::Done(response) => response,
                step => self.respond(&mut tx, job, step, head).await.map(Ok)?,
            };
            responses.push(response);
        }
        tx.commit().await?;
        Ok(responses)
    }

    /// Appends the entry of one job.
    async fn write(
        &mut self,
        tx: &mut Tx,
        ratchets: &mut Ratchets,
        appender: &mut Appender,
        job: &Job,
        now: u64,
    ) -> Result<Step, Error> {
        if let Some(before) = stored::find(tx, &job.request).await? {
            return Ok(Step::Done(before.for_request(&job.request)));
        }
        let id = job.request.relationship;
        match &job.work {
            Work::Entries { .. } => Ok(Step::Look),
            Work::Refused(body, refusal) => {
                if !self.budget.take(id, now) {
                    return Ok(Step::Done(Err(refusal.clone())));
                }
                let sealer = ratchets.of(tx, &self.store, id).await?;
                sealer.seal(tx, appender, &Body::Refused((**body).clone())).await?;
                Ok(Step::Refused)
            }
            Work::Read(read) => {
                let body = read.body(&job.request)?;
                let sealer = ratchets.of(tx, &self.store, id).await?;
                let sealed = sealer.seal(tx, appender, &body).await?;
                Ok(Step::Read(Box::new(Written { sealed, body: body.encode()?, counter: sealer.counter() })))
            }
        }
    }

    /// Makes and keeps the response of one job.
    async fn respond(&self, tx: &mut Tx, job: &Job, step: Step, head: log::Head) -> Result<Stored, Error> {
        let stored = match (&job.work, &step) {
            (Work::Read(read), Step::Read(written)) => {
                answer::read(tx, &self.keys, &self.contract, &job.request, read, written, head).await?
            }
            (Work::Entries { start_after }, _) => {
                answer::entries(tx, &self.keys, &job.request, *start_after, head).await?
            }
            (Work::Refused(_, refusal), _) => Stored::refusal(refusal),
            (Work::Read(_), _) => Stored::refusal(&Refusal::new(Reason::Unavailable, "no entry")),
        };
        stored::keep(tx, &job.request, &stored).await?;
        Ok(stored)
    }
}

/// How far a job is after its entry.
enum Step {
    Read(Box<Written>),
    Refused,
    Look,
    Done(Result<Stored, Refusal>),
    /// As the job of this number.
    Same(usize),
}

fn same(
    jobs: &[Job],
    responses: &[Result<Stored, Refusal>],
    job: &Job,
    first: usize,
) -> Result<Stored, Refusal> {
    match (jobs.get(first), responses.get(first)) {
        (Some(other), Some(response)) if other.request.hash == job.request.hash => response.clone(),
        _ => Err(Refusal::new(Reason::Replayed, "nonce used with another request")),
    }
}

/// The ratchets a batch moves, each loaded once.
#[derive(Default)]
struct Ratchets(BTreeMap<u64, Sealer>);

impl Ratchets {
    async fn of(&mut self, tx: &mut Tx, store: &Store, id: u64) -> Result<&mut Sealer, Error> {
        match self.0.entry(id) {
            Entry::Occupied(loaded) => Ok(loaded.into_mut()),
            Entry::Vacant(place) => {
                let loaded = sealer::load(tx, store.vault(), id).await?;
                Ok(place.insert(loaded.ok_or(filing::Error::NoRatchet)?))
            }
        }
    }

    async fn save(self, tx: &mut Tx, store: &Store) -> Result<(), Error> {
        for (_, sealer) in self.0 {
            sealer.save(tx, store.vault()).await?;
        }
        Ok(())
    }
}
