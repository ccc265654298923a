//! Reads of a scope, and looks at the relationship's entries.

use std::sync::Arc;

use medrec_accesslog::{Body, Read as ReadEntry, Refused};
use medrec_gate::{ReadBody, Reason, Refusal, VerifiedRequest};
use rand_core::{OsRng, RngCore};

use super::{
    Gatekeeper, Settled,
    answer::manifest,
    commit::{Outcome, Work},
    decide::{self, Decided},
    ground::Ground,
    kept::{self, Kept},
    response::Response,
    unavailable,
};
use crate::{adapter::Scope, filing::Current, ops::health::ChainView};

impl Gatekeeper {
    /// The view permissions are decided on.
    pub(super) fn view(&self) -> Result<ChainView, Refusal> {
        self.health.fresh().ok_or_else(|| Refusal::new(Reason::ChainStale, "no fresh view"))
    }

    pub(super) async fn ground(
        &self,
        request: &VerifiedRequest,
        view: ChainView,
    ) -> Result<Arc<Ground>, Refusal> {
        let ground = self.grounds.at(&self.filer.store, request.relationship, view.height).await;
        ground.map_err(unavailable)
    }

    pub(super) async fn read(&self, request: Arc<VerifiedRequest>, body: &[u8]) -> Result<Response, Refusal> {
        let view = self.view()?;
        let asks = ReadBody::parse(body)?;
        let ground = self.ground(&request, view).await?;
        let asked = decide::Asked {
            request: &request,
            scope: &asks.scope,
            card: asks.card.as_deref(),
            now: view.time,
        };
        let decided = decide::read(&ground, &asked, &self.audience.contract.chain_id);
        let decided = decided.and_then(|decided| match self.filer.adapter.scope(&asks.scope) {
            Some(scope) => Ok((decided, scope)),
            None => Err(Refusal::new(Reason::UnknownScope, "no such scope in the mapping")),
        });
        let (decided, scope) = match decided {
            Ok(found) => found,
            Err(refusal) => return self.refuse(request, &ground, asks.scope, refusal, view).await,
        };
        let patient_id = ground.patient_id.as_deref();
        let patient_id = patient_id.ok_or_else(|| Refusal::new(Reason::Unavailable, "no patient id"))?;
        let filed = self.filer.bring_up_to_date(request.relationship, scope, patient_id).await;
        let records = filed.map_err(|error| {
            tracing::error!(relationship = request.relationship, %error, "records cannot be read or filed");
            Refusal::new(Reason::Unavailable, "records cannot be read or filed")
        })?;
        let (kept, work) = self.permitted(&request, scope, decided, view, &ground, records)?;
        match self.settle(request.clone(), kept, work).await? {
            Settled::Response(response) => Ok(response),
            Settled::Revoked => {
                let refusal = Refusal::new(Reason::Revoked, "revoked by word meanwhile");
                self.refuse(request, &ground, asks.scope, refusal, view).await
            }
        }
    }

    /// What a permitted read leaves in the log, and what its answer is made from.
    fn permitted(
        &self,
        request: &VerifiedRequest,
        scope: &Scope,
        decided: Decided,
        view: ChainView,
        ground: &Ground,
        records: Vec<Current>,
    ) -> Result<(Kept, Work), Refusal> {
        let records: Vec<_> = records.into_iter().map(|record| shown(record, ground)).collect();
        let (manifest, record_count) = manifest(&records).map_err(unavailable)?;
        let (at, grant) = (self.clock.now(), decided.permit.grant());
        let entry = ReadEntry {
            at,
            height: view.height,
            request: request.hash,
            grant,
            requester: request.address.clone(),
            scope: scope.id.clone(),
            purpose: request.purpose.as_str().to_owned(),
            card: None,
            viewer_name: String::new(),
            viewer_role: String::new(),
            viewer_institution: 0,
            record_count,
            manifest,
        };
        let body = Body::Read(decided.viewer.into_body(entry));
        let blind = blind();
        let kept = kept::Read {
            scope: scope.id.clone(),
            scope_hash: scope.hash,
            grant,
            height: view.height,
            at,
            manifest,
            records: records.into_iter().map(|(record, _)| record).collect(),
            blind,
            body: body.encode().map_err(unavailable)?,
        };
        Ok((Kept::Read(Box::new(kept)), Work::Read { body, blind, grant }))
    }

    pub(super) async fn entries(
        &self,
        request: Arc<VerifiedRequest>,
        start_after: Option<u64>,
    ) -> Result<Response, Refusal> {
        let view = self.view()?;
        let ground = self.ground(&request, view).await?;
        decide::in_her_name(&ground, &request, view.time)?;
        match self.settle(request, Kept::Entries { start_after }, Work::Look).await? {
            Settled::Response(response) => Ok(response),
            Settled::Revoked => Err(Refusal::new(Reason::Unavailable, "no grant was asked of")),
        }
    }

    /// A refusal of somebody who once had a grant goes into the patient's log; strangers leave no trace.
    async fn refuse(
        &self,
        request: Arc<VerifiedRequest>,
        ground: &Ground,
        scope: String,
        refusal: Refusal,
        view: ChainView,
    ) -> Result<Response, Refusal> {
        let logged = ground.relationship.as_ref().is_some_and(|found| found.had_grant(&request.address));
        if !logged || !ground.accepted || refusal.reason.status() >= 500 {
            return Err(refusal);
        }
        let body = Body::Refused(Refused {
            at: self.clock.now(),
            height: view.height,
            request: request.hash,
            requester: request.address.clone(),
            scope,
            purpose: request.purpose.as_str().to_owned(),
            reason: refusal.reason.code().to_owned(),
        });
        let kept = Kept::Refused { reason: refusal.reason };
        match self.commit(&request, &kept, Work::Refused { body }).await? {
            Outcome::Before(seen) => self.again(&request, seen).await,
            Outcome::Written(_) | Outcome::Unfiled | Outcome::Revoked => Err(refusal),
        }
    }
}

/// A record as its viewer is shown it, with its commitment.
fn shown(record: Current, ground: &Ground) -> (kept::Record, medrec_merkle::Hash) {
    let Current { id, key, version, commitment, entry, resource } = record;
    let version_key = *key.version_key(version).as_bytes();
    let marked = ground.marks.get(&(id, version)).cloned();
    (kept::Record { id, version, version_key, resource, filed: entry, marked }, commitment)
}

/// For one entry.
pub(super) fn blind() -> [u8; 32] {
    let mut blind = [0; 32];
    OsRng.fill_bytes(&mut blind);
    blind
}
