//! One answer a question: drawn once, and kept before anything leaves.

use std::collections::{BTreeMap, BTreeSet};

use medrec_accesslog::Counted as Note;
use medrec_aggregate::{Answer, Noise, bounds_of, citable_id, conclude, plan, sign};
use medrec_api::bounty::{Bounds, Category, Question};
use medrec_merkle::Hash;
use sqlx::{Row, SqliteConnection};

use super::{Desk, Error, answers, count, noise, notes, observation::category_code};
use crate::{
    failpoint,
    projection::{
        self,
        cursor::{self, Cursor},
    },
    store::{self, from_db},
};

const DAY: u64 = 86_400;

/// A question that was asked.
pub struct Wanted<'a> {
    pub question: &'a Question,
    pub hash: Hash,
    /// Millionths of ε; 0: only an answer that is there already.
    pub price: u64,
    /// Hides the hash of what was counted.
    pub blind: &'a Hash,
}

/// An answer as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    pub id: i64,
    pub valid_until: u64,
    /// Padded and signed.
    pub plain: Vec<u8>,
}

/// Who may be counted, as of a block.
struct Choosers {
    cursor: Cursor,
    relationships: Vec<u64>,
    /// The hospital's own ids, each once.
    patients: Vec<String>,
}

impl Desk {
    /// The answer there is, or a new one; none if the question costs nothing and was never answered.
    pub async fn answer(&self, wanted: &Wanted<'_>) -> Result<Option<Kept>, Error> {
        let mut connection = self.store.read().acquire().await?;
        let kept = answers::newest(&mut connection, self.store.vault(), &wanted.hash).await?;
        drop(connection);
        let now = self.clock.now();
        let kept = kept.filter(|kept| wanted.price == 0 || kept.valid_until > now);
        if kept.is_some() || wanted.price == 0 {
            return Ok(kept);
        }
        self.draw(wanted).await.map(Some)
    }

    /// A crash before the commit leaves nothing, and nobody has seen what was drawn.
    async fn draw(&self, wanted: &Wanted<'_>) -> Result<Kept, Error> {
        let Wanted { question, hash, price, blind } = *wanted;
        let parts = plan(question, price)?;
        let choosers = self.choosers(question.category).await?;
        let counted = count(&*self.adapter, question, &choosers.patients, blind).await?;
        if counted.bad_rows > 0 {
            tracing::warn!(rows = counted.bad_rows, "rows that are no record were not counted");
        }
        let (mut numbers, mut noises): (Vec<Vec<i64>>, Vec<Noise>) = (Vec::new(), Vec::new());
        for part in &parts {
            let released = noise::release(part, counted.tally.exact(part.quantity))?;
            numbers.push(released.numbers);
            noises.push(released.noise);
        }
        failpoint::hit("desk.drawn");
        let now = self.clock.now();
        let height = choosers.cursor.height;
        let bounds = bounds_of(&question.measure).unwrap_or(Bounds { lower: 0, upper: 0, scale: 0 });
        let answer = Answer {
            id: citable_id(&self.chain_id, self.bounty.institution, &hash, height),
            question: hash,
            institution: self.bounty.institution,
            institutions: 1,
            at: now,
            height,
            valid_until: now.saturating_add(self.settings.validity_days.saturating_mul(DAY)),
            data_set: counted.data_set,
            unit: question.unit.clone(),
            lower: bounds.lower,
            upper: bounds.upper,
            scale: bounds.scale,
            contributions: question.contributions,
            floor: self.settings.floor,
            epsilon: noises.iter().fold(0, |sum, noise| sum.saturating_add(noise.epsilon)),
            noise: noises,
            outcome: conclude(question, &numbers, self.settings.floor)?,
        };
        let plain = sign(&answer, &self.signing, &self.chain_id, &self.bounty.address)?;
        let mut tx = self.store.begin().await?;
        let id = answers::keep(&mut tx, self.store.vault(), &answer, &plain).await?;
        if self.settings.notes {
            let category = category_code(question.category).to_owned();
            let note = Note { at: now, height, question: hash, category };
            notes::write(&self.store, &mut tx, &choosers.relationships, &note).await?;
        }
        tx.commit().await?;
        failpoint::hit("desk.kept");
        self.metrics.drawn();
        tracing::info!(height, epsilon = answer.epsilon, "a question of research was answered");
        Ok(Kept { id, valid_until: answer.valid_until, plain })
    }

    async fn choosers(&self, category: Category) -> Result<Choosers, Error> {
        let mut connection = self.store.read().begin().await?;
        let cursor = cursor::read(&mut connection).await?.ok_or(Error::NoProjection)?;
        let relationships = projection::opted_in(&mut connection, category, cursor.height).await?;
        let relationships = relationships.ok_or(Error::NoProjection)?;
        let patients = patients(&mut connection, &relationships).await?;
        Ok(Choosers { cursor, relationships, patients })
    }
}

/// The hospital's ids of those who may be counted. A patient of several active relationships is counted once, and only if
/// all of them say so.
async fn patients(connection: &mut SqliteConnection, chosen: &[u64]) -> Result<Vec<String>, store::Error> {
    let chosen: BTreeSet<u64> = chosen.iter().copied().collect();
    let rows = sqlx::query(
        "SELECT r.id, o.patient_id FROM relationships r JOIN openings o ON o.relationship = r.id \
         WHERE r.status = 'active' ORDER BY r.id",
    )
    .fetch_all(connection)
    .await?;
    let mut people: BTreeMap<String, bool> = BTreeMap::new();
    for row in rows {
        let says_so = chosen.contains(&from_db(row.try_get("id")?));
        people.entry(row.try_get("patient_id")?).and_modify(|all| *all &= says_so).or_insert(says_so);
    }
    Ok(people.into_iter().filter_map(|(patient, says_so)| says_so.then_some(patient)).collect())
}
