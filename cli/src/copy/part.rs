//! One relationship brought up to date.

use medrec_gate::bundle::{Content, InstitutionFacts, Part};

use super::answers::{self, Asker};
use super::{Copy, Own, log, part_findings};
use crate::gatekeeper::Gatekeeper;
use crate::mine::Mine;
use crate::session::Session;
use crate::{Error, anchor, moment};

/// What came of it.
pub struct Synced {
    pub institution: String,
    pub part: Part,
    pub own: Own,
    pub findings: Vec<String>,
}

/// Fetches everything of a relationship: answers first, then counter, anchor and log, so that each has all that those
/// before it speak of.
pub async fn sync_part(session: &Session, copy: &Copy, mine: &Mine) -> Result<Synced, Error> {
    let Session { chain, home, .. } = session;
    let (offer, root) = mine.secrets(chain)?;
    let institution = chain.registrar.institution(offer.institution).await?;
    let gatekeeper = Gatekeeper::new(&institution, &chain.contract)?;
    let (relationship, key) = (mine.state.id, mine.signer()?);
    let asker = Asker { chain, home, gatekeeper: &gatekeeper, relationship, key };
    let mut findings = Vec::new();
    let mut answers = Vec::new();
    for scope in gatekeeper.log.scopes().await? {
        answers.push(asker.read(&scope.scope, &mut findings).await?);
    }
    let counter = asker.counter(&mut findings).await?;
    let served = &gatekeeper.log;
    let anchor = anchor::facts(chain, served).await?;
    let ratchet = root.ratchet(&chain.contract.place(relationship, served.origin()));
    // Another log is read from its beginning.
    let before = copy.part(relationship).filter(|(part, _)| part.institution.log_origin == served.origin());
    let before = before.map(|(part, own)| (&own.log, part.entries.as_slice()));
    let read = log::read(served, &anchor, ratchet, before).await?;
    findings.extend(read.state.disorder.iter().cloned().chain(read.gaps.clone()));
    let counters = read.counters();
    let signing_key = institution.signing_key.as_slice().try_into();
    let part = Part {
        relationship,
        patient: key.address().to_owned(),
        institution: InstitutionFacts {
            id: institution.id,
            name: institution.name.clone(),
            url: institution.url.clone(),
            signing_key: signing_key.map_err(|_| {
                Error::Wrong(format!(
                    "the registrar's entry of {} has no usable signing key",
                    institution.name
                ))
            })?,
            log_origin: served.origin().to_owned(),
            log_key: *served.log_key.public_key(),
        },
        checkpoint: read.checkpoint,
        anchor,
        consistency: read.consistency,
        proof: read.proof,
        // Proofs of heads lead to this checkpoint: `sync_seals` fetches them.
        sealed: Vec::new(),
        whole: true,
        counter: Some(counter),
        entries: read.entries,
        answers: answers.into_iter().map(|answer| answers::kept(answer, &counters)).collect(),
    };
    let own = Own {
        relationship,
        index: key.index(),
        root: hex::encode(root.as_bytes()),
        at: moment::now(),
        log: read.state,
        findings: findings.clone(),
        refused: None,
    };
    let content = Content { parts: Vec::new(), ..copy.content.clone() };
    findings.extend(part_findings(&content, &part, &root));
    findings.dedup();
    Ok(Synced { institution: institution.name, part, own, findings })
}
