//! What a patient, or a carer in her name, does by word to the gatekeeper: direct revokes, marks, notices.

use std::sync::Arc;

use medrec_accesslog::{Body, Marking, RevokeReceived};
use medrec_gate::{AcknowledgeBody, DisputeBody, Mark, Reason, Refusal, RevokeBody, VerifiedRequest};
use medrec_record::RecordId;

use super::{
    Gatekeeper, Settled,
    commit::{Outcome, Work},
    decide, ground,
    kept::Kept,
    marks,
    notices::Subscription,
    read::blind,
    response::Response,
    unavailable,
};
use crate::{ops::health::ChainView, projection::cursor};

impl Gatekeeper {
    /// Obeyed at once and for good, also while the chain's state here is old: it only takes away (security H10). A
    /// grant of that number need not be known yet.
    pub(super) async fn revoke(
        &self,
        request: Arc<VerifiedRequest>,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        let RevokeBody { grant } = RevokeBody::parse(body)?;
        let mut snapshot = self.filer.store.read().begin().await.map_err(unavailable)?;
        let newest = cursor::read(&mut snapshot).await.map_err(unavailable)?;
        let newest = newest.ok_or_else(|| Refusal::new(Reason::ChainStale, "no block was applied yet"))?;
        let ground = ground::gather(&mut snapshot, &self.filer.store, request.relationship).await;
        let ground = ground.map_err(unavailable)?;
        drop(snapshot);
        decide::in_her_name(&ground, &request, newest.time)?;
        let body = Body::RevokeReceived(RevokeReceived {
            at: self.clock.now(),
            height: newest.height,
            request: request.hash,
            requester: request.address.clone(),
            grant,
        });
        self.deed(request, body, |body, blind| Work::Revoke { body, blind, grant }).await
    }

    pub(super) async fn acknowledge(
        &self,
        request: Arc<VerifiedRequest>,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        let view = self.view()?;
        let AcknowledgeBody { record, version } = AcknowledgeBody::parse(body)?;
        let body = Body::Acknowledged(self.marking(&request, record, version, view).await?);
        let mark = Mark::Acknowledged;
        self.deed(request, body, |body, blind| Work::Mark { body, blind, mark, record, version }).await
    }

    pub(super) async fn dispute(
        &self,
        request: Arc<VerifiedRequest>,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        let view = self.view()?;
        let DisputeBody { record, version, note } = DisputeBody::parse(body)?;
        let marking = self.marking(&request, record, version, view).await?;
        let body = Body::Disputed { marking, note };
        let mark = Mark::Disputed;
        self.deed(request, body, |body, blind| Work::Mark { body, blind, mark, record, version }).await
    }

    /// A mark on a version that was filed, by the patient or in her name.
    async fn marking(
        &self,
        request: &VerifiedRequest,
        record_id: RecordId,
        version: u32,
        view: ChainView,
    ) -> Result<Marking, Refusal> {
        let ground = self.ground(request, view).await?;
        decide::in_her_name(&ground, request, view.time)?;
        let mut connection = self.filer.store.read().acquire().await.map_err(unavailable)?;
        let newest = marks::newest_version(&mut connection, request.relationship, &record_id).await;
        let newest = newest.map_err(unavailable)?;
        if !newest.is_some_and(|newest| (1..=newest).contains(&version)) {
            return Err(Refusal::new(Reason::UnknownRecord, "no such version of a record"));
        }
        Ok(Marking {
            at: self.clock.now(),
            height: view.height,
            request: request.hash,
            requester: request.address.clone(),
            record_id,
            version,
        })
    }

    /// Writes the entry of a deed and answers with its receipt.
    async fn deed(
        &self,
        request: Arc<VerifiedRequest>,
        body: Body,
        work: impl FnOnce(Body, [u8; 32]) -> Work,
    ) -> Result<Response, Refusal> {
        let blind = blind();
        let kept = Kept::Deed { blind, body: body.encode().map_err(unavailable)? };
        match self.settle(request, kept, work(body, blind)).await? {
            Settled::Response(response) => Ok(response),
            Settled::Revoked => Err(Refusal::new(Reason::Unavailable, "no grant was asked of")),
        }
    }

    /// A stream of content-free notices.
    pub(super) async fn notices(&self, request: Arc<VerifiedRequest>) -> Result<Subscription, Refusal> {
        let view = self.view()?;
        let ground = self.ground(&request, view).await?;
        decide::in_her_name(&ground, &request, view.time)?;
        let subscription = self.notices.subscribe(request.relationship).await?;
        // Spends the nonce: whoever overheard the request gets no stream of his own.
        match self.commit(&request, &Kept::Notices, Work::Look).await? {
            Outcome::Written(_) => Ok(subscription),
            Outcome::Before(_) | Outcome::Revoked | Outcome::Unfiled => {
                Err(Refusal::new(Reason::Replayed, "a stream is given once"))
            }
        }
    }

    /// Whether a stream may go on: decided anew for every notice.
    pub(super) async fn may_hear(&self, request: &VerifiedRequest) -> bool {
        let decided = async {
            let view = self.view()?;
            let ground = self.ground(request, view).await?;
            decide::in_her_name(&ground, request, view.time)
        };
        decided.await.is_ok()
    }
}
