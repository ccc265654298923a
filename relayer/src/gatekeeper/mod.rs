//! The gatekeeper: signed requests in, sealed answers out, nothing without an entry in the log.
//!
//! A request is verified (`medrec-gate`), looked up among those answered before, decided on the projection alone,
//! and answered by the commit task, which writes the entry before the answer leaves.

mod answer;
mod budget;
mod commit;
mod decide;
mod router;
pub mod stored;

use std::{sync::Arc, time::Duration};

use ed25519_dalek::SigningKey;
use medrec_accesslog::LogSigner;
use medrec_gate::{Audience, Endpoint, Incoming, Reason, Refusal, VerifiedRequest, request::ReadBody};
use tokio::sync::Semaphore;

pub use budget::Budget;
pub use commit::{Committer, Handle, channel};
pub use router::router;

use crate::{
    clock::Clock,
    filing::{Filer, openings, sealer},
    ops::health::{ChainView, Health},
    projection,
};
use commit::{Job, Work};
use stored::Stored;

/// Everything a request may need.
pub struct Gatekeeper {
    pub filer: Filer,
    pub audience: Audience,
    pub health: Health,
    pub clock: Arc<dyn Clock>,
    pub commit: Handle,
    pub permits: Semaphore,
    /// One request may take this long.
    pub timeout: Duration,
    /// Refusals leave no sooner than this after their request.
    pub refusal_floor: Duration,
}

/// The keys answers and checkpoints are signed with.
#[derive(Clone)]
pub struct Keys {
    pub signing: SigningKey,
    pub log: Arc<LogSigner>,
}

impl Gatekeeper {
    /// The response to a request; a refusal says what the requester may know.
    pub async fn handle(&self, incoming: &Incoming<'_>) -> Result<Stored, Refusal> {
        let _permit =
            self.permits.try_acquire().map_err(|_| Refusal::new(Reason::RateLimited, "all places taken"))?;
        let handled = tokio::time::timeout(self.timeout, self.handle_in_time(incoming)).await;
        handled.unwrap_or_else(|_| Err(Refusal::new(Reason::Unavailable, "the time limit for a request")))
    }

    async fn handle_in_time(&self, incoming: &Incoming<'_>) -> Result<Stored, Refusal> {
        let request = medrec_gate::verify::verify(incoming, &self.audience, self.clock.now())?;
        let mut connection = self.filer.store.read().acquire().await.map_err(unavailable)?;
        if let Some(before) = stored::find(&mut connection, &request).await.map_err(unavailable)? {
            return before.for_request(&request);
        }
        drop(connection);
        let view = self.health.fresh().ok_or_else(|| Refusal::new(Reason::ChainStale, "no fresh view"))?;
        match request.endpoint {
            Endpoint::Read { .. } => {
                let body = ReadBody::parse(incoming.body)?;
                self.read(request, body, view).await
            }
            Endpoint::Entries { start_after, .. } => self.entries(request, start_after, view).await,
        }
    }

    async fn read(
        &self,
        request: VerifiedRequest,
        body: ReadBody,
        view: ChainView,
    ) -> Result<Stored, Refusal> {
        let ground = self.ground(&request).await?;
        let asked = decide::Asked {
            request: &request,
            scope: &body.scope,
            card: body.card.as_deref(),
            now: view.time,
        };
        let decided = decide::read(&ground, &asked, &self.audience.contract.chain_id);
        let decided = decided.and_then(|decided| match self.filer.adapter.scope(&body.scope) {
            Some(scope) => Ok((decided, scope)),
            None => Err(Refusal::new(Reason::UnknownScope, "no such scope in the mapping")),
        });
        let (decided, scope) = match decided {
            Ok(found) => found,
            Err(refusal) => return self.refuse(request, &ground, body.scope, refusal, view).await,
        };
        let patient_id = ground.patient_id.as_deref();
        let patient_id = patient_id.ok_or_else(|| Refusal::new(Reason::Unavailable, "no patient id"))?;
        let filed = self.filer.bring_up_to_date(request.relationship, scope, patient_id).await;
        let records = filed.map_err(|error| {
            tracing::error!(relationship = request.relationship, %error, "records cannot be read or filed");
            Refusal::new(Reason::Unavailable, "records cannot be read or filed")
        })?;
        let read = answer::Read {
            scope: scope.id.clone(),
            scope_hash: scope.hash,
            viewer: decided.viewer,
            grant: decided.permit.grant(),
            height: view.height,
            at: self.clock.now(),
            records,
        };
        self.commit.run(Job { request, work: Work::Read(Box::new(read)) }).await
    }

    async fn entries(
        &self,
        request: VerifiedRequest,
        start_after: Option<u64>,
        view: ChainView,
    ) -> Result<Stored, Refusal> {
        let ground = self.ground(&request).await?;
        decide::entries(&ground, &request, view.time)?;
        self.commit.run(Job { request, work: Work::Entries { start_after } }).await
    }

    /// A refusal of somebody who once had a grant goes into the patient's log; strangers leave no trace.
    async fn refuse(
        &self,
        request: VerifiedRequest,
        ground: &decide::Ground,
        scope: String,
        refusal: Refusal,
        view: ChainView,
    ) -> Result<Stored, Refusal> {
        let logged = ground.relationship.as_ref().is_some_and(|found| found.had_grant(&request.address));
        if !logged || !ground.accepted || refusal.reason.status() >= 500 {
            return Err(refusal);
        }
        let body = medrec_accesslog::Refused {
            at: self.clock.now(),
            height: view.height,
            request: request.hash,
            requester: request.address.clone(),
            scope,
            purpose: request.purpose.as_str().to_owned(),
            reason: refusal.reason.code().to_owned(),
        };
        self.commit.run(Job { request, work: Work::Refused(Box::new(body), refusal) }).await
    }

    /// What a decision is made from: the projection, and the keys that give its tags a meaning.
    async fn ground(&self, request: &VerifiedRequest) -> Result<decide::Ground, Refusal> {
        let gather = async {
            let mut snapshot = self.filer.store.read().begin().await.map_err(crate::store::Error::from)?;
            let relationship = projection::relationship(&mut snapshot, request.relationship).await?;
            let vault = self.filer.store.vault();
            let tag_key = sealer::tag_key(&mut snapshot, vault, request.relationship).await?;
            let patient_id = openings::patient_id(&mut snapshot, request.relationship).await?;
            let institutions = projection::signing_keys(&mut snapshot).await?;
            let accepted = tag_key.is_some();
            Ok::<_, crate::filing::Error>(decide::Ground {
                relationship,
                accepted,
                tag_key,
                patient_id,
                institutions,
            })
        };
        gather.await.map_err(unavailable)
    }
}

/// Whatever failed inside is nobody's business outside; the server's log has it.
fn unavailable(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a request cannot be answered");
    Refusal::new(Reason::Unavailable, "internal")
}
