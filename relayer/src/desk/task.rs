//! The task: offers that are asked are answered, each once.

use std::{sync::Arc, time::Duration};

use ed25519_dalek::SigningKey;
use medrec_aggregate::SEAL_DOMAIN;
use medrec_api::bounty::{Asked, ExecuteMsg, OfferResponse, OfferState, Owner};
use medrec_merkle::Hash;
use medrec_wallet::{info, seal};
use rand_core::OsRng;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Bounty, Error,
    answering::{Kept, Wanted},
    answers, question_hash,
};
use crate::{
    adapter::Adapter, chain::outbox, clock::Clock, config::Research, failpoint, ops::metrics::Metrics,
    store::Store,
};

/// What hides the hash of what was counted is made of the secret behind an offer's commitment.
const BLIND: &str = "medrec/data-set-blind/v1";

/// What the desk works with.
pub struct Desk {
    pub store: Arc<Store>,
    pub adapter: Arc<dyn Adapter>,
    pub clock: Arc<dyn Clock>,
    pub bounty: Bounty,
    pub chain_id: String,
    /// The institution's: it signs answers.
    pub signing: SigningKey,
    pub settings: Research,
    pub metrics: Metrics,
    /// Rung when a transaction was queued.
    pub sending: Arc<Notify>,
}

/// An offer to answer, checked.
struct Due {
    id: Hash,
    price: u64,
    asked: Asked,
    owner: Owner,
}

impl Desk {
    /// Works until told to stop; `wake` is rung when a block told of an offer. Chain and database out of reach are waited
    /// for; a store out of reach ends the task.
    pub async fn run(self, wake: Arc<Notify>, stop: CancellationToken) -> Result<(), Error> {
        let mut polls = tokio::time::interval(Duration::from_secs(self.settings.poll_seconds.max(1)));
        polls.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = wake.notified() => {}
                _ = polls.tick() => {}
            }
            match self.round().await {
                Ok(_) => {}
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => tracing::warn!(%error, "the research desk waits"),
            }
        }
    }

    /// One look at every offer that is asked; how many deliveries were queued. What is wrong with one offer is in no
    /// other's way.
    pub async fn round(&self) -> Result<usize, Error> {
        let mut queued = 0usize;
        for offer in self.bounty.offers(Some(OfferState::Asked)).await? {
            match self.one(offer).await {
                Ok(true) => queued = queued.saturating_add(1),
                Ok(false) => {}
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    self.metrics.research_trouble();
                    tracing::warn!(%error, "an offer waits");
                }
            }
        }
        Ok(queued)
    }

    /// True if its delivery is on its way by this.
    async fn one(&self, offer: OfferResponse) -> Result<bool, Error> {
        let due = self.check(offer).await?;
        let mut connection = self.store.read().acquire().await?;
        let sealed = answers::delivery(&mut connection, &due.id).await?;
        let secret = answers::secret(&mut connection, self.store.vault(), &due.id).await?;
        let blind = medrec_merkle::tagged_hash(BLIND, &[&secret[..]]);
        drop(connection);
        if let Some(sealed) = sealed {
            return self.queue(&due, &sealed, None).await;
        }
        let hash = question_hash(&due.asked.question)?;
        let wanted = Wanted { question: &due.asked.question, hash, price: due.price, blind: &blind };
        let Some(kept) = self.answer(&wanted).await? else {
            let reason = "it reuses an answer that is not here".to_owned();
            return Err(Error::Unfit { offer: hex::encode(due.id), reason });
        };
        // How long the counting took is nobody's to learn.
        if self.clock.now() < due.asked.at.saturating_add(self.settings.delay_seconds) {
            return Ok(false);
        }
        let sealed = self.seal(&due, &kept)?;
        self.queue(&due, &sealed, Some(kept.id)).await
    }

    /// The contract's word on it is asked for by the id, and everything it says is looked at: what a page said may be
    /// old.
    async fn check(&self, listed: OfferResponse) -> Result<Due, Error> {
        let unfit = |reason: &str| Error::Unfit { offer: hex::encode(&listed.id), reason: reason.to_owned() };
        let id: Hash = listed.id.as_slice().try_into().map_err(|_| unfit("its id is not 32 bytes"))?;
        let offer = self.bounty.offer(&id).await?;
        if offer.id != listed.id || offer.institution != self.bounty.institution {
            return Err(unfit("the contract has another under its id, or of another institution"));
        }
        let (OfferState::Asked, Some(asked), Some(owner)) = (offer.state, offer.asked, offer.owner) else {
            return Err(unfit("nobody asked it"));
        };
        asked.question.validate().map_err(|e| unfit(&e.to_string()))?;
        if self.clock.now() > asked.answer_by {
            return Err(unfit("its time is over"));
        }
        if !self.bounty.is_researcher(&owner.researcher).await? {
            return Err(unfit("its owner is no certified researcher any more"));
        }
        Ok(Due { id, price: offer.terms.price, asked, owner })
    }

    fn seal(&self, due: &Due, kept: &Kept) -> Result<Vec<u8>, Error> {
        let key = seal::PublicKey::from_slice(&due.owner.encryption_key)?;
        let bound: [&[u8]; 4] = [
            self.chain_id.as_bytes(),
            self.bounty.address.as_bytes(),
            &due.id,
            due.owner.researcher.as_bytes(),
        ];
        Ok(seal::seal(&mut OsRng, "answer of the desk", &key, &info(SEAL_DOMAIN, &bound), &[], &kept.plain)?)
    }

    /// Keeps the sealed answer, if it is new, and queues it, both or none. The same bytes again are the same content.
    async fn queue(&self, due: &Due, sealed: &[u8], answer: Option<i64>) -> Result<bool, Error> {
        let msg = ExecuteMsg::Deliver { offer: due.id.to_vec().into(), answer: sealed.to_vec().into() };
        let message = self.bounty.message(format!("deliver/{}", hex::encode(due.id)), &msg)?;
        let mut tx = self.store.begin().await?;
        if let Some(answer) = answer {
            answers::keep_delivery(&mut tx, &due.id, answer, sealed).await?;
        }
        let queued = outbox::queue(&mut tx, &message).await?;
        tx.commit().await?;
        failpoint::hit("desk.queued");
        if queued {
            self.metrics.delivered();
            self.sending.notify_one();
        }
        Ok(queued)
    }
}
