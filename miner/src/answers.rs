//! Answers that our seals won: fetched from the block that delivered them, opened, checked, put together.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use medrec_aggregate::{Answer, Combined, Interval, MEAN_DIGITS, Outcome, SEAL_DOMAIN, show, unpad};
use medrec_api::bounty::OfferResponse;
use medrec_api::registrar::InstitutionResponse;
use medrec_clients::Error as ChainError;
use medrec_events::bounty::Event;
use medrec_wallet::{info, seal};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    chain::Ask,
    identity::{self, Identity},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(
        "block {height} has no answer to offer {offer} with the hash the contract keeps: ask another node"
    )]
    Missing { offer: String, height: u64 },
    #[error("the answer to offer {offer} does not open: {reason}")]
    Sealed { offer: String, reason: medrec_wallet::Error },
    #[error("the answer to offer {offer} is no answer of institution {institution}: {reason}")]
    Answer { offer: String, institution: u32, reason: String },
}

/// One of our offers, with its answer once that is delivered.
#[derive(Debug, Serialize)]
pub struct Owned {
    pub offer: OfferResponse,
    pub answer: Option<Told>,
    /// Why a delivered answer is of no use.
    pub trouble: Option<String>,
}

/// What an answer, or several hospitals' to one question, say: numbers as decimal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// To cite them by.
    pub ids: Vec<String>,
    pub institutions: u32,
    /// Of them with fewer patients than the floor.
    pub too_few: u32,
    pub patients: Number,
    /// Distinct patients: a person of several hospitals is counted by each.
    pub distinct: (i64, i64),
    /// A sum or mean; none for other measures.
    pub value: Option<Number>,
    /// UCUM.
    pub unit: String,
    /// ε that a person who is in all of the data sets paid; it adds up over hospitals.
    pub epsilon: String,
    /// What one answer says, for what is neither sum nor mean.
    pub outcome: Option<String>,
    pub height: u64,
}

/// A noisy number, and where it would be without noise in 95 of 100 cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Number {
    pub value: String,
    pub low: String,
    pub high: String,
}

/// Opens the answer to an offer of ours.
pub async fn open(
    ask: Ask<'_>,
    chain_id: &str,
    identity: &Identity,
    offer: &OfferResponse,
) -> Result<Option<Answer>, Error> {
    let Some(delivered) = &offer.delivered else { return Ok(None) };
    let (id, contract) = (hex::encode(&offer.id), ask.contracts.bounty.address.as_str());
    let events = ask.chain.events(delivered.height).await?;
    let sealed = events.iter().find_map(|event| {
        let attributes: Vec<(&str, &str)> =
            event.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        match Event::decode(contract, &event.kind, &attributes) {
            Ok(Some(Event::Delivered { offer: of, answer, .. }))
                if of == offer.id && Sha256::digest(&answer)[..] == delivered.hash[..] =>
            {
                Some(answer)
            }
            _ => None,
        }
    });
    let missing = || Error::Missing { offer: id.clone(), height: delivered.height };
    let sealed = sealed.ok_or_else(missing)?;
    let account = identity.account()?;
    let bound: [&[u8]; 4] =
        [chain_id.as_bytes(), contract.as_bytes(), &offer.id, account.address().as_bytes()];
    let key = identity.offer_key(&offer.id);
    let opened = seal::open("the answer", &key, &info(SEAL_DOMAIN, &bound), &[], &sealed);
    let plain = opened.map_err(|reason| Error::Sealed { offer: id.clone(), reason })?;
    let institutions = ask.institutions().await?;
    let institution = institutions.iter().find(|one| one.id == offer.institution);
    let institution = institution.ok_or_else(missing)?;
    checked(plain.as_slice(), institution, (chain_id, contract), offer)
        .map(Some)
        .map_err(|reason| Error::Answer { offer: id.clone(), institution: offer.institution, reason })
}

/// Signed by the institution, for this contract, and to the question that was asked.
fn checked(
    plain: &[u8],
    institution: &InstitutionResponse,
    (chain_id, contract): (&str, &str),
    offer: &OfferResponse,
) -> Result<Answer, String> {
    let key: [u8; 32] = institution.signing_key.as_slice().try_into().map_err(|_| "its key is unusable")?;
    let key = VerifyingKey::from_bytes(&key).map_err(|e| e.to_string())?;
    let answer = unpad(plain, &key, chain_id, contract).map_err(|e| e.to_string())?;
    if answer.institution != institution.id {
        return Err(format!("it says it is of institution {}", answer.institution));
    }
    let question = offer.asked.as_ref().map(|asked| &asked.question);
    if !question.is_some_and(|question| answer.fits(question)) {
        return Err("it answers another question".to_owned());
    }
    Ok(answer)
}

/// What one answer says.
pub fn told(answer: &Answer) -> Result<Told, medrec_aggregate::Error> {
    let mut told = together(std::slice::from_ref(answer))?;
    told.outcome = match &answer.outcome {
        Outcome::Histogram { .. } | Outcome::Quantile { .. } => Some(format!("{:?}", answer.outcome)),
        _ => None,
    };
    Ok(told)
}

/// What answers of several hospitals to one question say together.
pub fn together(answers: &[Answer]) -> Result<Told, medrec_aggregate::Error> {
    let combined = Combined::of(answers)?;
    let first = answers.first().ok_or(medrec_aggregate::Error::None)?;
    let digits = match first.outcome {
        Outcome::Mean { .. } => first.scale.saturating_add(MEAN_DIGITS),
        _ => first.scale,
    };
    Ok(Told {
        ids: answers.iter().map(|answer| answer.id.clone()).collect(),
        institutions: combined.institutions,
        too_few: combined.too_few,
        patients: number(combined.patients.value, combined.patients.interval, 0),
        distinct: (combined.distinct.low, combined.distinct.high),
        value: combined.value.map(|reading| number(reading.value, reading.interval, digits)),
        unit: first.unit.clone(),
        epsilon: show(i64::try_from(combined.epsilon).unwrap_or(i64::MAX), 6),
        outcome: None,
        height: answers.iter().map(|answer| answer.height).max().unwrap_or_default(),
    })
}

fn number(value: i64, interval: Interval, scale: u8) -> Number {
    let Interval { low, high } = interval;
    Number { value: show(value, scale), low: show(low, scale), high: show(high, scale) }
}

/// Answers to one question by more than one institution, put together.
pub fn by_question(answers: &[Answer]) -> Vec<Told> {
    let mut questions: BTreeMap<[u8; 32], Vec<Answer>> = BTreeMap::new();
    for answer in answers {
        let of_question = questions.entry(answer.question).or_default();
        // A hospital that answered twice gave the same answer twice.
        if of_question.iter().all(|other| other.institution != answer.institution) {
            of_question.push(answer.clone());
        }
    }
    questions.values().filter(|answers| answers.len() > 1).filter_map(|all| together(all).ok()).collect()
}

impl Told {
    /// For people.
    pub fn text(&self) -> String {
        let patients = &self.patients;
        let what = match (&self.value, &self.outcome, self.institutions) {
            (_, _, 0) => "too few patients: nothing is said".to_owned(),
            (Some(value), ..) => {
                let Number { value, low, high } = value;
                format!("{value} {} (without noise in {low} … {high})", self.unit)
            }
            (None, Some(outcome), _) => outcome.clone(),
            (None, None, _) => format!("{} patients", patients.value),
        };
        let (least, most) = self.distinct;
        format!(
            "{what} · {} patients ({} … {}), {least} to {most} distinct · ε {} a person · as of block {} · cite {}",
            patients.value,
            patients.low,
            patients.high,
            self.epsilon,
            self.height,
            self.ids.join(", ")
        )
    }
}
