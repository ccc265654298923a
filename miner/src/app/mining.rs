//! The loop that hands out work, drops what is stale and sends what was found.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::Miner;
use crate::{
    chain::Error as ChainError,
    events::Event,
    mine::{Crew, Found},
    work::{self, Submission, Work},
};

/// Over which the rate is averaged.
const WINDOW: Duration = Duration::from_secs(30);
/// Certification and copies are looked at again after so long.
const REFRESH: Duration = Duration::from_secs(5);
/// A seal is handed to the chain so often, while it is not stale.
const ATTEMPTS: u32 = 3;
/// Names what stands in the way of work.
const WORK: &str = "no work";
/// Wins that the status lists.
const LISTED: usize = 100;

pub async fn run(
    miner: &Miner,
    crew: &Crew,
    mut found: mpsc::UnboundedReceiver<Found>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut ticks = interval(Duration::from_millis(miner.config.mining.poll_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut mining = Mining { miner, crew, work: None, refreshed: None, rates: VecDeque::new() };
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = ticks.tick() => mining.look().await,
            Some(found) = found.recv() => mining.submit(found).await,
        }
    }
}

struct Mining<'a> {
    miner: &'a Miner,
    crew: &'a Crew,
    work: Option<Work>,
    refreshed: Option<Instant>,
    rates: VecDeque<(Instant, u64)>,
}

impl Mining<'_> {
    /// A new template is new work; so are entries that arrived since.
    async fn look(&mut self) {
        self.measure();
        match self.newest().await {
            Ok(()) => {
                self.miner.recover(WORK);
                self.miner.shared().trouble = None;
            }
            Err(error) => {
                self.miner.stumble(WORK, &error);
                self.miner.shared().trouble = Some(error.to_string());
            }
        }
    }

    async fn newest(&mut self) -> Result<(), Error> {
        let ask = self.miner.ask();
        let is_due = self.refreshed.is_none_or(|last| last.elapsed() >= REFRESH);
        if is_due {
            self.refreshed = Some(Instant::now());
            let status = self.miner.chain.status().await?;
            self.miner.shared().height = status.height;
            self.certified().await?;
        }
        let sealing = ask.sealing().await?;
        if sealing.sealing.is_none() {
            return self.idle(Error::NotStarted);
        }
        let number = sealing.seals.saturating_add(1);
        let is_new = self.work.as_ref().is_none_or(|work| work.number() != number);
        if is_new && self.work.take().is_some() {
            // Stale from this moment on.
            self.crew.set(None);
        }
        if is_new || (is_due && self.has_grown()) {
            let template = ask.template().await?;
            let logs = self.miner.mirrors.by_slot();
            let view = |slot: u32| logs.get(&slot).map(|log| log.view());
            let (chain_id, contract) = (&self.miner.chain_id, &self.miner.contracts.authlog.address);
            self.take(Work::new(template, chain_id, contract, &self.miner.account, view)?);
        }
        Ok(())
    }

    /// Only a certified researcher's seals count: without it no work is done.
    async fn certified(&mut self) -> Result<(), Error> {
        let found = match self.miner.ask().researcher(&self.miner.account).await {
            Ok(found) => found,
            Err(ChainError::Contract { .. }) => {
                self.miner.shared().certified_by = None;
                return self.idle(Error::NotCertified { account: self.miner.account.clone() });
            }
            Err(error) => return Err(error.into()),
        };
        if found.status == medrec_api::registrar::ResearcherStatus::Withdrawn {
            self.miner.shared().certified_by = None;
            return self.idle(Error::Withdrawn { by: found.certified_by });
        }
        self.miner.shared().certified_by = Some(found.certified_by);
        Ok(())
    }

    fn idle(&mut self, why: Error) -> Result<(), Error> {
        if self.work.take().is_some() {
            self.crew.set(None);
        }
        Err(why)
    }

    /// Entries of the template arrived since it was taken up.
    fn has_grown(&self) -> bool {
        let logs = self.miner.mirrors.by_slot();
        self.work.as_ref().is_some_and(|work| {
            work.missing().any(|(slot, have)| logs.get(&slot).is_some_and(|log| log.view().len() > have))
        })
    }

    fn take(&mut self, work: Work) {
        let (entries, held) = work.entries();
        let tries = work.target().work().to_string();
        let is_new = {
            let mut status = self.miner.shared();
            let is_new = status.number != work.number() || status.held != held;
            (status.number, status.work) = (work.number(), tries.clone());
            (status.entries, status.held) = (entries, held);
            is_new
        };
        if is_new {
            self.miner.events.tell(Event::Work { number: work.number(), entries, held, work: tries });
        }
        self.crew.set(Some(work.job()));
        self.work = Some(work);
    }

    /// Sends a seal, unless it is stale already.
    async fn submit(&mut self, found: Found) {
        let Some(work) = self.work.take_if(|work| work.number() == found.number) else { return };
        // Another one of the same number would be worth nothing.
        self.crew.set(None);
        match work.submission(&found, &self.miner.identity) {
            Ok(submission) => self.send(found.number, &submission).await,
            Err(error) => {
                let (number, reason) = (found.number, error.to_string());
                self.miner.events.tell(Event::Unsent { number, reason });
            }
        }
        // The next look takes up the newest template, this one again if it still is.
    }

    async fn send(&self, number: u64, submission: &Submission) {
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            match self.miner.execute(&submission.msg).await {
                Ok(outcome) => return self.won(number, submission, outcome.height),
                Err(error) => reason = error.to_string(),
            }
            match self.miner.ask().sealing().await {
                Ok(sealing) if sealing.seals >= number => {
                    return self.judge(number, submission, reason).await;
                }
                _ => {}
            }
        }
        self.miner.events.tell(Event::Unsent { number, reason });
    }

    /// The number is taken: by us, if the answer to our transaction was lost.
    async fn judge(&self, number: u64, submission: &Submission, reason: String) {
        match self.miner.ask().seal(number).await {
            Ok(seal) if seal.id.as_slice() == submission.seal.id => {
                self.won(number, submission, seal.height);
            }
            _ => {
                let mut status = self.miner.shared();
                status.lost = status.lost.saturating_add(1);
                drop(status);
                self.miner.events.tell(Event::Lost { number, reason });
            }
        }
    }

    fn won(&self, number: u64, submission: &Submission, height: u64) {
        let mut status = self.miner.shared();
        status.wins = status.wins.saturating_add(1);
        status.won.push(number);
        if status.won.len() > LISTED {
            status.won.remove(0);
        }
        drop(status);
        let id = hex::encode(submission.seal.id);
        self.miner.events.tell(Event::Won { number, id, height });
    }

    /// The rate of late, and how long a seal takes at it.
    fn measure(&mut self) {
        let (now, rate) = (Instant::now(), self.crew.rate());
        self.rates.push_back((now, rate.tries));
        while self.rates.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.rates.pop_front();
        }
        let mut status = self.miner.shared();
        (status.tries, status.skipped) = (rate.tries, rate.skipped);
        if let Some((at, tries)) = self.rates.front() {
            let seconds = now.duration_since(*at).as_secs_f64();
            let done = rate.tries.saturating_sub(*tries) as f64;
            status.rate = if seconds > 0.0 { done / seconds } else { 0.0 };
            let work: f64 = status.work.parse().unwrap_or(0.0);
            status.expected_seconds = (status.rate > 0.0 && work > 0.0).then(|| work / status.rate);
        }
    }
}

/// Why there is no work.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Work(#[from] work::Error),
    #[error("the consortium has not started the seals yet")]
    NotStarted,
    #[error("{account} is not certified: hand researcher.json to an institution")]
    NotCertified { account: String },
    #[error("institution {by} withdrew its certificate: a researcher comes back under a new account")]
    Withdrawn { by: u32 },
}
