//! One question over everybody who may be counted.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use medrec_aggregate::{Contribution, Tally, bounds_of, newest};
use medrec_api::bounty::Question;
use medrec_merkle::Hash;
use sha2::{Digest, Sha256};

use super::{Error, observation, person};
use crate::adapter::{Adapter, Scope};

/// Blinded hash of what was counted.
const DATA_SET: &str = "medrec/data-set/v1";
/// Patients read at the same time: as many as the adapter reads at once.
const CONCURRENCY: usize = 4;

/// Sums, and what they are of.
pub struct Counted {
    pub tally: Tally,
    /// `H("medrec/data-set/v1"; blind, SHA-256 of every patient's contributions)`.
    pub data_set: Hash,
    /// Rows that are no record and were left out.
    pub bad_rows: u64,
}

/// One patient, read.
#[derive(Default)]
struct Read {
    values: Vec<i64>,
    /// Of the patient and the values that count.
    digest: Option<Hash>,
    bad_rows: u64,
}

/// Reads a question's observations of these patients and adds them up. Everybody's rows are read, whether or not they
/// belong to the cohort: how long it takes tells less.
pub async fn count(
    adapter: &dyn Adapter,
    question: &Question,
    patients: &[String],
    blind: &Hash,
) -> Result<Counted, Error> {
    let of_type = |name: &str, elements: &[&str]| -> Vec<Scope> {
        let scopes = adapter.scopes().iter().filter(|scope| scope.resource_type == name);
        scopes.map(|scope| scope.narrowed(elements)).collect()
    };
    let observations = of_type("Observation", observation::ELEMENTS);
    let people = of_type("Patient", person::ELEMENTS);
    if observations.is_empty() {
        return Err(Error::NoScope { resource: "Observation" });
    }
    if person::asks(&question.cohort) && people.is_empty() {
        return Err(Error::NoScope { resource: "Patient" });
    }
    let reads: Vec<_> =
        patients.iter().map(|patient| one(adapter, question, &people, &observations, patient)).collect();
    let reads: Vec<Read> = futures::stream::iter(reads).buffered(CONCURRENCY).try_collect().await?;
    let mut tally = Tally::new(&question.measure);
    let mut digests: Vec<Hash> = reads.iter().filter_map(|read| read.digest).collect();
    let mut bad_rows = 0u64;
    for read in &reads {
        tally.add(&read.values);
        bad_rows = bad_rows.saturating_add(read.bad_rows);
    }
    // In no order that tells who is who.
    digests.sort_unstable();
    let all = digests.iter().fold(Sha256::new(), |hasher, digest| hasher.chain_update(digest)).finalize();
    Ok(Counted { tally, data_set: medrec_merkle::tagged_hash(DATA_SET, &[&blind[..], &all[..]]), bad_rows })
}

async fn one(
    adapter: &dyn Adapter,
    question: &Question,
    people: &[Scope],
    observations: &[Scope],
    patient: &str,
) -> Result<Read, Error> {
    let mut belongs = !person::asks(&question.cohort);
    if !belongs {
        for scope in people {
            let rows = adapter.rows(scope, patient).await?;
            let mut known = rows.into_iter().filter_map(Result::ok).filter(|row| !row.removed);
            belongs |= known.any(|row| person::belongs(&question.cohort, &row.resource));
        }
    }
    let (mut found, mut bad_rows) = (BTreeMap::new(), 0u64);
    for (scope, place) in observations.iter().zip(0usize..) {
        for row in adapter.rows(scope, patient).await? {
            match row {
                Ok(row) if row.removed => {}
                Ok(row) => {
                    if let Some(contribution) = observation::contribution(question, &row.key, &row.resource) {
                        // A key that comes twice is one row.
                        found.insert((place, row.key), contribution);
                    }
                }
                Err(_) => bad_rows = bad_rows.saturating_add(1),
            }
        }
    }
    if !belongs || found.is_empty() {
        return Ok(Read { bad_rows, ..Read::default() });
    }
    let contributions: Vec<Contribution> = found.into_values().collect();
    let values = newest(contributions, question.contributions, bounds_of(&question.measure).as_ref());
    let mut hasher = Sha256::new().chain_update(medrec_merkle::lp(patient.as_bytes()));
    for value in &values {
        hasher.update(value.to_be_bytes());
    }
    Ok(Read { values, digest: Some(hasher.finalize().into()), bad_rows })
}
