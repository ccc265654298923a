//! The contracts' state at one height, by paginated queries: the chain's truth, of which events are hints.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt};
use medrec_api::{MAX_LIMIT, registrar::InstitutionStatus, relationship as api};
use medrec_rules::GrantTags;

use super::Error;
use crate::{
    chain::{self, Contracts},
    projection::{Grant, Institution, Relationship, Snapshot},
    store::{fixed, from_db, to_db},
};

/// Questions under way at the same time: enough to hide the way to the node, too few to be in its way.
const CONCURRENCY: usize = 8;

/// Which relationships are ours: addresses of a delegate and of a card's patient that staff brought together.
pub type Openings = [(String, String)];

/// Everything that is projected, as it was after the block at `height`.
///
/// Relationships are asked for by their patients' addresses, grants by relationships, 30 at a time: it costs what is ours, however many the
/// chain has. The node learns which addresses those are, as it does from our transactions; it should be ours.
pub async fn read(contracts: Contracts<'_>, openings: &Openings, height: u64) -> Result<Snapshot, Error> {
    let mut snapshot = Snapshot::default();
    for found in contracts.institutions(height).await? {
        let signing_key = fixed("signing key of an institution", &found.signing_key)?;
        let active = found.status == InstitutionStatus::Active;
        snapshot.institutions.insert(found.id, Institution { active, signing_key });
    }
    let ours: BTreeSet<(&str, &str)> =
        openings.iter().map(|(steward, patient)| (steward.as_str(), patient.as_str())).collect();
    let patients: BTreeSet<&str> = ours.iter().map(|(_, patient)| *patient).collect();
    let patients: Vec<String> = patients.into_iter().map(str::to_owned).collect();
    let pages: Vec<Vec<String>> = patients.chunks(api::MAX_ADDRESSES).map(<[String]>::to_vec).collect();
    let pages = pages.into_iter().map(|addresses| of_patients(contracts, addresses, height));
    let found: Vec<Vec<api::RelationshipResponse>> =
        futures::stream::iter(pages).buffer_unordered(CONCURRENCY).try_collect().await?;
    let mut mine: Vec<api::RelationshipResponse> = found.into_iter().flatten().collect();
    mine.retain(|found| ours.contains(&(found.first_steward.as_str(), found.first_patient.as_str())));
    mine.sort_by_key(|found| found.id);
    let groups: Vec<_> = mine.chunks(api::MAX_IDS).map(<[_]>::to_vec).collect();
    let groups = groups.into_iter().map(|group| whole(contracts, group, height));
    let found: Vec<Vec<Relationship>> =
        futures::stream::iter(groups).buffer_unordered(CONCURRENCY).try_collect().await?;
    snapshot.relationships = found.into_iter().flatten().map(|found| (found.id, found)).collect();
    Ok(snapshot)
}

/// Every relationship whose patient is or was one of these addresses.
async fn of_patients(
    contracts: Contracts<'_>,
    addresses: Vec<String>,
    height: u64,
) -> Result<Vec<api::RelationshipResponse>, Error> {
    let mut all: Vec<api::RelationshipResponse> = Vec::new();
    loop {
        let start_after = all.last().map(|last| last.id);
        let page = contracts.relationships(&addresses, start_after, height).await?;
        if page.iter().zip(page.iter().skip(1)).any(|(one, next)| one.id >= next.id)
            || page.first().is_some_and(|first| start_after.is_some_and(|after| first.id <= after))
        {
            return Err(disordered("relationships"));
        }
        let last = page.len() < MAX_LIMIT as usize;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}

/// Relationships in order of id, with their grants.
async fn whole(
    contracts: Contracts<'_>,
    group: Vec<api::RelationshipResponse>,
    height: u64,
) -> Result<Vec<Relationship>, Error> {
    let wanted: Vec<(u64, u32)> =
        group.iter().flat_map(|found| (0..found.grants).map(|number| (found.id, number))).collect();
    let ids: Vec<u64> = group.iter().filter(|found| found.grants > 0).map(|found| found.id).collect();
    let mut grants: BTreeMap<u64, Vec<Grant>> = BTreeMap::new();
    let (mut rest, mut start_after) = (wanted.as_slice(), None);
    while !rest.is_empty() {
        let page = contracts.grants(ids.clone(), start_after, height).await?;
        // A node that leaves one out or repeats itself would be asked without end.
        let follows =
            page.iter().map(|grant| (grant.id, grant.grant)).eq(rest.iter().copied().take(page.len()));
        if page.is_empty() || !follows {
            return Err(disordered("grants"));
        }
        rest = rest.get(page.len()..).unwrap_or_default();
        start_after = page.last().map(|last| (last.id, last.grant));
        for grant in page {
            grants.entry(grant.id).or_default().extend(projected(grant));
        }
    }
    let with_grants = |found: api::RelationshipResponse| Relationship {
        id: found.id,
        patient: found.patient,
        steward: found.steward,
        status: found.status,
        opened_by: found.first_steward,
        opened_height: found.opened_height,
        sealed_accept: found.sealed_accept.map(|sealed| sealed.to_vec()),
        research: found.research,
        grants: grants.remove(&found.id).unwrap_or_default(),
    };
    Ok(group.into_iter().map(with_grants).collect())
}

/// None if its tags cannot be read: its event is skipped too (security H24).
fn projected(grant: api::GrantResponse) -> Option<Grant> {
    let tags = GrantTags::parse(&grant.tags).ok()?;
    let as_stored = |time| from_db(to_db(time));
    Some(Grant {
        number: grant.grant,
        viewer: grant.viewer,
        kind: grant.kind,
        tags,
        from: as_stored(grant.from),
        until: as_stored(grant.until),
        revoked_at: grant.revoked_at.map(as_stored),
    })
}

fn disordered(what: &str) -> Error {
    chain::Error::Codec {
        what: format!("pages of {what}"),
        reason: "they do not follow each other: the node is not to be trusted".to_owned(),
    }
    .into()
}
