//! The gatekeeper: signed requests in, sealed answers out, nothing without an entry in the log.
//!
//! A request is verified (`medrec-gate`), looked up among those answered before, decided on the projection alone,
//! and committed: the commit task writes its entry and what the response is made from. Then the response is made,
//! many at once, and leaves. After a crash the same request gets it made again from what was kept.

mod answer;
mod budget;
mod commit;
mod decide;
mod deeds;
mod ground;
mod kept;
mod limits;
pub mod listen;
mod marks;
mod notices;
mod openapi;
mod places;
mod proofs;
mod read;
mod recent;
mod response;
mod revokes;
mod router;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ed25519_dalek::SigningKey;
use medrec_accesslog::LogSigner;
use medrec_gate::{Audience, Endpoint, Incoming, Reason, Refusal, VerifiedRequest};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use answer::Error;
pub use budget::Budget;
pub use openapi::document as openapi;
pub use router::router;

use crate::{clock::Clock, config, filing::Filer, ops::health::Health};
use answer::Builder;
use commit::{Committer, Handle, Job, Jobs, Outcome, Work};
use ground::Grounds;
use kept::Kept;
use limits::Limiter;
use notices::{Notices, Subscription};
use recent::{Recent, Seen};
use response::Response;

/// Everything a request may need.
pub struct Gatekeeper {
    filer: Filer,
    audience: Audience,
    health: Health,
    clock: Arc<dyn Clock>,
    commit: Handle,
    builder: Arc<Builder>,
    recent: Arc<Recent>,
    grounds: Arc<Grounds>,
    notices: Arc<Notices>,
    limiter: Limiter,
    /// Places of requests worked on at the same time.
    pub permits: Semaphore,
    /// One request may take this long.
    timeout: Duration,
    /// Headers and body of a request arrive within this.
    read_timeout: Duration,
    /// Refusals leave no sooner than this after their request.
    refusal_floor: Duration,
}

/// The keys answers and checkpoints are signed with.
#[derive(Clone)]
pub struct Keys {
    pub signing: SigningKey,
    pub log: Arc<LogSigner>,
}

/// What a gatekeeper is made from.
pub struct Parts<'a> {
    pub filer: Filer,
    pub public_url: String,
    pub keys: Keys,
    pub health: Health,
    pub limits: &'a config::Limits,
    /// Seconds within which an entry is promised to be under an anchor.
    pub promise: u64,
    pub stop: CancellationToken,
}

/// The gatekeeper's two tasks.
pub struct Tasks {
    committer: Committer,
    jobs: Jobs,
    notices: Arc<Notices>,
}

impl Tasks {
    /// Works until the gatekeeper is gone: the last request is answered before it ends.
    pub async fn run(self) -> Result<(), Error> {
        let watching = tokio::spawn(self.notices.run());
        let ended = self.committer.run(self.jobs).await;
        watching.abort();
        ended
    }
}

/// What a request gets.
enum Reply {
    Response(Response),
    Stream(Arc<VerifiedRequest>, Subscription),
}

impl Gatekeeper {
    /// Reads what was answered and revoked before; nothing is written.
    pub async fn open(parts: Parts<'_>) -> Result<(Arc<Self>, Tasks), Error> {
        let Parts { filer, public_url, keys, health, limits, promise, stop } = parts;
        let (store, clock) = (filer.store.clone(), filer.clock.clone());
        let contract = filer.identity.contract.clone();
        let (handle, jobs) = commit::channel();
        let builder = Arc::new(Builder::new(store.clone(), contract.clone(), keys));
        let (recent, grounds) = (Arc::new(Recent::default()), Arc::new(Grounds::default()));
        let notices = Arc::new(Notices::new(store.clone(), limits, stop));
        let committer = Committer::open(commit::Parts {
            store,
            clock: clock.clone(),
            budget: Budget::new(limits.refusals_per_relationship, limits.refusals_total),
            builder: builder.clone(),
            recent: recent.clone(),
            grounds: grounds.clone(),
            promise,
        });
        let tasks = Tasks { committer: committer.await?, jobs, notices: notices.clone() };
        let gatekeeper = Arc::new(Self {
            filer,
            audience: Audience { public_url, contract },
            health,
            limiter: Limiter::new(limits, clock.clone()),
            clock,
            commit: handle,
            builder,
            recent,
            grounds,
            notices,
            permits: Semaphore::new(limits.concurrency),
            timeout: Duration::from_secs(limits.timeout),
            read_timeout: Duration::from_secs(limits.read_timeout),
            refusal_floor: Duration::from_millis(limits.refusal_floor_ms),
        });
        Ok((gatekeeper, tasks))
    }

    /// Whether another request from there is taken; before anything of it is read.
    fn admit(&self, peer: Option<IpAddr>, forwarded: Option<&str>) -> Result<(), Refusal> {
        self.limiter.admit(peer, forwarded)
    }

    /// The response to a request; a refusal says what the requester may know.
    async fn handle(&self, incoming: &Incoming<'_>) -> Result<Reply, Refusal> {
        let _permit =
            self.permits.try_acquire().map_err(|_| Refusal::new(Reason::RateLimited, "all places taken"))?;
        let handled = tokio::time::timeout(self.timeout, self.handle_in_time(incoming)).await;
        handled.unwrap_or_else(|_| Err(Refusal::new(Reason::Unavailable, "the time limit for a request")))
    }

    async fn handle_in_time(&self, incoming: &Incoming<'_>) -> Result<Reply, Refusal> {
        let request = medrec_gate::verify::verify(incoming, &self.audience, self.clock.now())?;
        self.limiter.signer(&request.address)?;
        let request = Arc::new(request);
        if let Some(seen) = self.recent.find(&recent::name(&request)) {
            return self.again(&request, seen).await.map(Reply::Response);
        }
        let body = incoming.body;
        match request.endpoint {
            Endpoint::Read { .. } => self.read(request, body).await.map(Reply::Response),
            Endpoint::Entries { start_after, .. } => {
                self.entries(request, start_after).await.map(Reply::Response)
            }
            Endpoint::Revoke { .. } => self.revoke(request, body).await.map(Reply::Response),
            Endpoint::Acknowledge { .. } => self.acknowledge(request, body).await.map(Reply::Response),
            Endpoint::Dispute { .. } => self.dispute(request, body).await.map(Reply::Response),
            Endpoint::Notices { .. } => {
                let subscription = self.notices(request.clone()).await?;
                Ok(Reply::Stream(request, subscription))
            }
        }
    }

    /// Commits a request that is to be answered, and makes its response.
    async fn settle(
        &self,
        request: Arc<VerifiedRequest>,
        kept: Kept,
        work: Work,
    ) -> Result<Settled, Refusal> {
        match self.commit(&request, &kept, work).await? {
            Outcome::Written(position) => {
                let built = self.builder.build(&request, &kept, &position).await;
                built.map(Settled::Response).map_err(unavailable)
            }
            Outcome::Before(seen) => self.again(&request, seen).await.map(Settled::Response),
            Outcome::Revoked => Ok(Settled::Revoked),
            Outcome::Unfiled => Err(Refusal::new(Reason::Unavailable, "not written")),
        }
    }

    async fn commit(
        &self,
        request: &Arc<VerifiedRequest>,
        kept: &Kept,
        work: Work,
    ) -> Result<Outcome, Refusal> {
        let kept = kept.seal(self.filer.store.vault(), request).map_err(unavailable)?;
        let begun = Instant::now();
        let outcome = self.commit.run(Job { request: request.clone(), kept, work }).await;
        self.health.metrics.committed(begun.elapsed());
        outcome
    }

    /// The response to a request that was answered before.
    async fn again(&self, request: &VerifiedRequest, seen: Seen) -> Result<Response, Refusal> {
        if seen.digest != request.hash {
            return Err(Refusal::new(Reason::Replayed, "nonce used with another request"));
        }
        let mut connection = self.filer.store.read().acquire().await.map_err(unavailable)?;
        let found = recent::kept(&mut connection, seen.id).await.map_err(unavailable)?;
        drop(connection);
        let (position, sealed) = found.ok_or_else(|| Refusal::new(Reason::Expired, "forgotten"))?;
        let kept = Kept::open(self.filer.store.vault(), request, &sealed)?;
        self.builder.build(request, &kept, &position).await.map_err(unavailable)
    }
}

/// What became of a request that was to be answered.
enum Settled {
    Response(Response),
    /// Its grant was revoked by word while it waited.
    Revoked,
}

/// Whatever failed inside is nobody's business outside; the server's log has it.
fn unavailable(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a request cannot be answered");
    Refusal::new(Reason::Unavailable, "internal")
}
