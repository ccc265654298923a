//! What the grants of a relationship allow, in words: on the chain scopes and purposes are tags.

use medrec_accesslog::{Body, TagKey};
use medrec_api::registrar::InstitutionResponse;
use medrec_api::relationship::GrantResponse;
use medrec_rules::{ANY, GrantTags, Purpose, purpose_tag, scope_tag};

use crate::chain::Chain;
use crate::gatekeeper::Gatekeeper;
use crate::logread::LogRead;

/// Scope ids whose tags can be recognised: those in force, if the institution says them now.
pub async fn known_scopes(chain: &Chain, institution: Option<&InstitutionResponse>) -> Vec<String> {
    let mut known = vec![ANY.to_owned()];
    let gatekeeper = institution.and_then(|i| Gatekeeper::new(i, &chain.contract).ok());
    if let Some(gatekeeper) = gatekeeper {
        known.extend(gatekeeper.log.scopes().await.unwrap_or_default().into_iter().map(|s| s.scope));
    }
    known
}

/// Scopes that a log speaks of: what a hospital that does not answer cannot be asked.
pub fn logged_scopes(log: &LogRead) -> Vec<String> {
    let opened = log.scan.found.iter().filter_map(|found| found.opened.as_ref().ok());
    let mut scopes: Vec<String> = opened
        .filter_map(|opened| match &opened.body {
            Body::Filed(filed) => Some(filed.scope.clone()),
            Body::Read(read) => Some(read.scope.clone()),
            Body::Refused(refused) => Some(refused.scope.clone()),
            _ => None,
        })
        .collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

pub fn state(grant: &GrantResponse, now: u64) -> &'static str {
    match grant {
        GrantResponse { revoked_at: Some(_), .. } => "revoked",
        GrantResponse { until, .. } if *until <= now => "ended",
        GrantResponse { from, .. } if *from > now => "not yet",
        _ => "in force",
    }
}

/// Scopes and purposes of a grant, of those known here; tags of others stay tags.
pub fn meaning(
    tag_key: &TagKey,
    scopes: &[String],
    grant: &GrantResponse,
) -> Option<(Vec<String>, Vec<String>)> {
    let (tag_key, tags) = (tag_key.as_bytes(), GrantTags::parse(&grant.tags).ok()?);
    let purposes = Purpose::ALL.iter().map(|p| p.as_str()).chain([ANY]);
    let purposes = purposes.filter(|word| tags.covers_purpose(&[purpose_tag(tag_key, word)]));
    let scopes = scopes.iter().filter(|word| tags.covers_scope(&[scope_tag(tag_key, word)]));
    Some((scopes.cloned().collect(), purposes.map(str::to_owned).collect()))
}
