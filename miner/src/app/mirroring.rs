//! Rounds over the logs, and what follows from them: cosignatures, answers, evidence.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use medrec_accesslog::Checkpoint;
use medrec_api::authlog::ExecuteMsg;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Miner;
use crate::{
    chain::{Call, Error as ChainError},
    events::Event,
    logs::Shown,
    report,
    vouch::Vouched,
};

pub async fn run(miner: Arc<Miner>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut ticks = interval(Duration::from_secs(miner.config.mirror.poll_seconds));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let every = Duration::from_secs(miner.config.cosign.seconds);
    let (mut vouched, mut reported, mut last) = (Vouched::default(), BTreeSet::new(), None::<Instant>);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        let is_due = miner.config.cosign.enabled && last.is_none_or(|last| last.elapsed() >= every);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = miner.round(&mut vouched, &mut reported, is_due) => {}
        }
        if is_due {
            last = Some(Instant::now());
        }
    }
}

/// Contradictions that went to the chain: log and checkpoint.
pub type Reported = BTreeSet<(u32, u64, [u8; 32])>;

impl Miner {
    /// One look at all logs; with `vouch` also what is to be sent of them.
    pub async fn round(&self, vouched: &mut Vouched, reported: &mut Reported, vouch: bool) {
        match self.mirrors.round(self.ask(), self.clock.now()).await {
            Ok(contradictions) => {
                self.recover("mirrors");
                for shown in contradictions {
                    self.report(&shown, reported).await;
                }
            }
            Err(error) => self.stumble("mirrors", &error),
        }
        let certified_by = self.shared().certified_by;
        if let Some(certified_by) = certified_by.filter(|_| vouch) {
            match self.vouch(vouched, certified_by).await {
                Ok(()) => self.recover("cosign"),
                Err(error) => self.stumble("cosign", &error),
            }
        }
    }

    async fn vouch(&self, vouched: &mut Vouched, certified_by: u32) -> Result<(), ChainError> {
        let now = self.clock.now();
        let due =
            vouched.due(self.ask(), &self.mirrors, &self.identity, &self.account, certified_by, now).await?;
        for (slot, index, answer) in due.answers {
            self.execute(&answer).await?;
            self.events.tell(Event::Answered { slot, index });
        }
        for cosign in &due.cosign {
            let ExecuteMsg::Cosign { heads, .. } = cosign else { continue };
            let outcome = self.execute(cosign).await?;
            self.events.tell(Event::Cosigned { heads: heads.len(), height: outcome.height });
            let sizes = heads.iter().map(|head| (head.slot, head.size)).collect();
            vouched.done(sizes);
        }
        Ok(())
    }

    async fn report(&self, shown: &Shown, reported: &mut Reported) {
        let Checkpoint { size, root, .. } = shown.checkpoint.checkpoint;
        let key = (shown.log.slot, size, root);
        if shown.log.forked.is_some() || reported.contains(&key) {
            return;
        }
        let Some(copy) = self.mirrors.log(shown.log.institution) else { return };
        let (slot, institution) = (shown.log.slot, shown.log.institution);
        let settings = self.config.mirroring();
        let evidence = match report::evidence(shown, &copy.view(), &settings).await {
            Ok(evidence) => evidence,
            Err(error) => return self.stumble(&format!("evidence against log {slot}"), &error),
        };
        self.keep(shown, &evidence);
        match self.execute(&evidence).await {
            Ok(_) => {
                reported.insert(key);
                let kind = kind(&evidence).to_owned();
                self.events.tell(Event::Reported { institution, slot, kind });
            }
            Err(error) => self.stumble(&format!("report of log {slot}"), &error),
        }
    }

    /// The evidence on disk, whatever the chain says of it.
    fn keep(&self, shown: &Shown, evidence: &ExecuteMsg) {
        let folder = self.home.join("evidence");
        let name = format!("{}-{}.json", shown.log.institution, shown.checkpoint.checkpoint.size);
        let text = serde_json::json!({"checkpoint": shown.checkpoint.note(), "report": evidence}).to_string();
        let kept = std::fs::create_dir_all(&folder).map_err(|error| error.to_string());
        let kept = kept.and_then(|()| {
            crate::logs::replace(&folder, &name, text.as_bytes()).map_err(|error| error.to_string())
        });
        if let Err(error) = kept {
            self.stumble("evidence", &error);
        }
    }

    /// Sends a message to the authlog in our account's name.
    pub async fn execute(&self, msg: &ExecuteMsg) -> Result<medrec_clients::TxOutcome, ChainError> {
        let msg = serde_json::to_value(msg)
            .map_err(|e| ChainError::Codec { what: msg.name().to_owned(), reason: e.to_string() })?;
        let contract = self.contracts.authlog.address.clone();
        self.chain.send(vec![Call { contract, msg }]).await
    }
}

fn kind(evidence: &ExecuteMsg) -> &'static str {
    use medrec_api::authlog::Conflict;
    match evidence {
        ExecuteMsg::Report { conflict: Conflict::Roots { .. }, .. } => "roots",
        ExecuteMsg::Report { conflict: Conflict::Leaves { .. }, .. } => "leaves",
        _ => "other",
    }
}
