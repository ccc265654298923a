//! The desk on a scripted chain: who is counted, what leaves, once.

use std::{path::PathBuf, sync::Arc, time::Duration};

use cosmwasm_std::Binary;
use medrec_accesslog::{Body, Root};
use medrec_aggregate::{Answer, Outcome, PLAIN_LEN, SEAL_DOMAIN, unpad};
use medrec_api::{
    bounty::{
        Asked, Bounds, Category, Cohort, ExecuteMsg, Measure, OfferKind, OfferResponse, OfferState,
        OffersResponse, Owner, Question, Terms, WEEK,
    },
    registrar::{ResearcherResponse, ResearcherStatus},
};
use medrec_relayer::{
    adapter::{self, Adapter, Mapping, SqliteAdapter},
    config::Research,
    desk::{Desk, api::OfferRequest, count, question_hash},
    filing::sealer,
};
use medrec_wallet::{SecretKey, info, seal};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::Notify;

use crate::{
    script::{CHAIN_ID, GENESIS},
    world::{BOUNTY, INSTITUTION, REGISTRAR, World},
};

const OWNER: &str = "medrec1researcher";
const MAPPING: &str = r#"
[scopes.people]
resource = "Patient"
key = "id"
sql = "SELECT id, sex, born FROM people WHERE id = :patient"
fields = [
    { column = "sex", to = "/gender", type = "code" },
    { column = "born", to = "/birthDate", type = "date" },
]

[scopes.labs]
resource = "Observation"
key = "id"
sql = "SELECT id, day, code, value, unit FROM labs WHERE patient = :patient ORDER BY id"
constants = { "/status" = "final", "/code/coding/0/system" = "http://loinc.org", "/category/0/coding/0/system" = "http://terminology.hl7.org/CodeSystem/observation-category", "/category/0/coding/0/code" = "laboratory" }
fields = [
    { column = "day", to = "/effectiveDateTime", type = "dateTime" },
    { column = "code", to = "/code/coding/0/code", type = "code" },
    { column = "value", to = "/valueQuantity/value", type = "decimal" },
    { column = "unit", to = "/valueQuantity/code", type = "code", with = { "/valueQuantity/system" = "http://unitsofmeasure.org" } },
]
"#;

/// A hospital with so many patients who all chose laboratory, each with three values of haemoglobin.
struct Hospital {
    world: World,
    adapter: Arc<dyn Adapter>,
    key: SecretKey,
}

fn question() -> Question {
    Question {
        system: "http://loinc.org".into(),
        code: "718-7".into(),
        unit: "g/dL".into(),
        category: Category::Laboratory,
        cohort: Cohort { sex: None, age: None, from: 2600 * WEEK, until: 2610 * WEEK },
        measure: Measure::Mean { bounds: Bounds { lower: 50, upper: 200, scale: 1 } },
        contributions: 2,
    }
}

impl Hospital {
    async fn with(patients: u32) -> Self {
        let world = World::new().await;
        world.chain.block(vec![]);
        world.follow().await;
        let path = world.dir.path().join("research.sqlite");
        let mut database =
            SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE people (id TEXT, sex TEXT, born TEXT);
             CREATE TABLE labs (id TEXT, patient TEXT, day TEXT, code TEXT, value TEXT, unit TEXT);",
        )
        .execute(&mut database)
        .await
        .unwrap();
        let mut tx = world.store.begin().await.unwrap();
        for n in 1..=patients {
            let (id, patient) = (i64::from(n), format!("MRN-{n}"));
            sqlx::query("INSERT INTO people VALUES (?, ?, '1980-01-01')")
                .bind(&patient)
                .bind(if n % 2 == 0 { "female" } else { "male" })
                .execute(&mut database)
                .await
                .unwrap();
            for (day, value) in [("2019-11-01", "13.0"), ("2019-11-02", "14.0"), ("2019-11-03", "99.0")] {
                sqlx::query("INSERT INTO labs VALUES (?, ?, ?, '718-7', ?, 'g/dL')")
                    .bind(format!("{patient}-{day}"))
                    .bind(&patient)
                    .bind(day)
                    .bind(value)
                    .execute(&mut database)
                    .await
                    .unwrap();
            }
            sqlx::query(
                "INSERT INTO relationships (id, patient, steward, status, opened_height, research, research_since) \
                 VALUES (?, ?, ?, 'active', 1, ?, 1)",
            )
            .bind(id)
            .bind(format!("medrec1p{n}"))
            .bind(format!("medrec1s{n}"))
            .bind(i64::from(Category::Laboratory.bit()))
            .execute(&mut *tx)
            .await
            .unwrap();
            sqlx::query(
                "INSERT INTO openings (delegate, steward, patient, patient_id, requested_at, relationship) \
                 VALUES (?, ?, ?, ?, 0, ?)",
            )
            .bind(id)
            .bind(format!("medrec1s{n}"))
            .bind(format!("medrec1p{n}"))
            .bind(&patient)
            .bind(id)
            .execute(&mut *tx)
            .await
            .unwrap();
            let root = Root::from_parts(&[1; 32], &[2; 32]);
            let place = world.identity.place(n.into());
            let (ratchet, tag_key) = (root.ratchet(&place), root.tag_key(&place));
            sealer::start(&mut tx, world.store.vault(), n.into(), ratchet, &tag_key).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mapping = Mapping::parse(MAPPING, &PathBuf::from("mapping.toml")).unwrap();
        let reach = adapter::Limits { timeout: Duration::from_secs(5), max_rows: 1000 };
        let adapter: Arc<dyn Adapter> = Arc::new(SqliteAdapter::open(&path, mapping, reach).await.unwrap());
        let this = Self { world, adapter, key: SecretKey::from_bytes(&[9; 32]) };
        this.researcher(ResearcherStatus::Active);
        this
    }

    fn desk(&self) -> Desk {
        Desk {
            store: self.world.store.clone(),
            adapter: self.adapter.clone(),
            clock: Arc::new(self.world.clock.clone()),
            bounty: self.world.bounty(),
            chain_id: CHAIN_ID.into(),
            signing: self.world.keystore.signing_key(),
            settings: Research { delay_seconds: 0, ..Research::default() },
            metrics: self.world.health.metrics.clone(),
            sending: Arc::new(Notify::new()),
        }
    }

    fn researcher(&self, status: ResearcherStatus) {
        let found = ResearcherResponse {
            account: OWNER.into(),
            status,
            certified_by: 1,
            name: "R".into(),
            key: Binary::from([1; 32]),
            encryption_key: Binary::from([2; 32]),
            certificate: Binary::from([3; 64]),
        };
        self.world.chain.answer(REGISTRAR, "researcher", found);
    }

    /// The contract has one offer that is asked.
    fn asked(&self, id: u8, question: Question, price: u64) -> OfferResponse {
        let now = GENESIS + self.world.chain.height();
        let offer = OfferResponse {
            number: id.into(),
            id: Binary::from([id; 32]),
            institution: INSTITUTION,
            terms: Terms {
                kind: OfferKind::Fixed { question: question.clone() },
                price,
                commitment: Binary::from([0; 32]),
                claim_seals: 3,
                ask_seals: 3,
                answer_seconds: 1000,
                reuses: None,
            },
            catalogue: None,
            seals: 1,
            offered_height: 1,
            offered_at: now,
            state: OfferState::Asked,
            owner: Some(Owner {
                researcher: OWNER.into(),
                encryption_key: Binary::from(*self.key.public().unwrap().as_bytes()),
                seal: 3,
                claimed_seals: 4,
                claimed_height: 2,
            }),
            asked: Some(Asked { question, height: 2, at: now, answer_by: now + 1000 }),
            delivered: None,
            deadline: None,
        };
        self.shows(&offer);
        offer
    }

    fn shows(&self, offer: &OfferResponse) {
        let page = OffersResponse { offers: vec![offer.clone()], next: None };
        self.world.chain.answer(BOUNTY, "offers", page);
        self.world.chain.answer(BOUNTY, "offer_by_id", offer);
    }

    /// What is queued for an offer, opened by its owner.
    async fn delivered(&self, id: u8) -> Vec<u8> {
        let queued = self.queued(id).await;
        let ExecuteMsg::Deliver { answer, .. } = serde_json::from_str(&queued[0]).unwrap() else {
            panic!("no delivery: {queued:?}")
        };
        let bound: [&[u8]; 4] = [CHAIN_ID.as_bytes(), BOUNTY.as_bytes(), &[id; 32], OWNER.as_bytes()];
        let opened = seal::open("answer", &self.key, &info(SEAL_DOMAIN, &bound), &[], &answer).unwrap();
        opened.to_vec()
    }

    async fn queued(&self, id: u8) -> Vec<String> {
        sqlx::query_scalar("SELECT msg FROM outbox WHERE content = ?")
            .bind(format!("deliver/{}", hex::encode([id; 32])))
            .fetch_all(self.world.store.read())
            .await
            .unwrap()
    }

    fn read(&self, plain: &[u8]) -> Answer {
        unpad(plain, &self.world.keystore.signing_key().verifying_key(), CHAIN_ID, BOUNTY).unwrap()
    }

    async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.world.store.read()).await.unwrap()
    }

    async fn chooses(&self, relationship: i64, mask: u8, since: i64) {
        let mut tx = self.world.store.begin().await.unwrap();
        sqlx::query("UPDATE relationships SET research = ?, research_since = ? WHERE id = ?")
            .bind(i64::from(mask))
            .bind(since)
            .bind(relationship)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

/// Price at which noise is of no matter.
const DEAR: u64 = 10_000_000;

#[tokio::test]
async fn an_owner_gets_one_signed_answer_sealed_to_him() {
    let hospital = Hospital::with(60).await;
    hospital.asked(1, question(), DEAR);
    let desk = hospital.desk();
    assert_eq!(desk.round().await.unwrap(), 1);
    let plain = hospital.delivered(1).await;
    assert_eq!(plain.len(), PLAIN_LEN);
    let answer = hospital.read(&plain);
    assert_eq!(answer.question, question_hash(&question()).unwrap());
    assert!(answer.fits(&question()) && answer.epsilon <= DEAR && answer.institution == INSTITUTION);
    let Outcome::Mean { patients, mean, .. } = answer.outcome else { panic!("{:?}", answer.outcome) };
    // The newest two of each: 14.0, and 99.0 clamped to 20.0.
    assert!((50..70).contains(&patients) && (16_700..17_300).contains(&mean), "{patients} {mean}");
    // Again, and after a restart: nothing more.
    assert_eq!(desk.round().await.unwrap(), 0);
    assert_eq!(hospital.desk().round().await.unwrap(), 0);
    assert_eq!(hospital.queued(1).await.len(), 1);
    assert_eq!(hospital.number("SELECT count(*) FROM desk_answers").await, 1);
}

#[tokio::test]
async fn a_question_again_has_the_same_bytes_whatever_it_costs() {
    let hospital = Hospital::with(30).await;
    hospital.asked(1, question(), 400_000);
    hospital.desk().round().await.unwrap();
    hospital.asked(2, question(), 900_000);
    hospital.desk().round().await.unwrap();
    assert_eq!(hospital.delivered(1).await, hospital.delivered(2).await);
    // Free of charge only what is there.
    hospital.asked(3, question(), 0);
    assert_eq!(hospital.desk().round().await.unwrap(), 1);
    assert_eq!(hospital.delivered(1).await, hospital.delivered(3).await);
    let other = Question { contributions: 3, ..question() };
    hospital.asked(4, other, 0);
    assert_eq!(hospital.desk().round().await.unwrap(), 0);
    assert!(hospital.queued(4).await.is_empty());
    assert_eq!(hospital.number("SELECT count(*) FROM desk_answers").await, 1);
    // Past its validity it is drawn, and paid for, again.
    let later = hospital.world.clock.clone();
    hospital.asked(5, question(), 400_000);
    let mut offer = hospital.asked(5, question(), 400_000);
    if let Some(asked) = &mut offer.asked {
        asked.answer_by = u64::MAX;
    }
    hospital.shows(&offer);
    later.set(GENESIS + 366 * 86_400);
    assert_eq!(hospital.desk().round().await.unwrap(), 1);
    assert_ne!(hospital.delivered(1).await, hospital.delivered(5).await);
}

#[tokio::test]
async fn too_few_are_refused_in_the_same_form_at_the_same_price_and_everybody_is_told_the_same() {
    let (few, many) = (Hospital::with(1).await, Hospital::with(60).await);
    for hospital in [&few, &many] {
        hospital.asked(1, question(), DEAR);
        assert_eq!(hospital.desk().round().await.unwrap(), 1);
    }
    let (refused, answered) = (few.delivered(1).await, many.delivered(1).await);
    assert_eq!(few.queued(1).await[0].len(), many.queued(1).await[0].len(), "the delivery itself");
    let (refused, answered) = (few.read(&refused), many.read(&answered));
    assert_eq!(refused.outcome, Outcome::TooFew);
    assert_ne!(answered.outcome, Outcome::TooFew);
    assert_eq!((refused.epsilon, &refused.noise), (answered.epsilon, &answered.noise));
    assert_eq!(few.number("SELECT sum(counter) FROM ratchets").await, 1);
    assert_eq!(many.number("SELECT sum(counter) FROM ratchets").await, 60, "one note each");
}

#[tokio::test]
async fn everybody_who_chose_is_told_and_nobody_else() {
    let hospital = Hospital::with(20).await;
    hospital.chooses(1, 0, 1).await;
    hospital.chooses(2, Category::VitalSigns.bit(), 1).await;
    // Chose, has no observation in the period: told as well.
    let cohort = Cohort { from: 2700 * WEEK, until: 2710 * WEEK, ..question().cohort };
    hospital.asked(1, Question { cohort, ..question() }, DEAR);
    hospital.desk().round().await.unwrap();
    assert_eq!(hospital.number("SELECT count(*) FROM ratchets WHERE counter = 1").await, 18);
    assert_eq!(hospital.number("SELECT sum(counter) FROM ratchets WHERE relationship <= 2").await, 0);
    let place = hospital.world.identity.place(3);
    let mut ratchet = Root::from_parts(&[1; 32], &[2; 32]).ratchet(&place);
    let bytes: Vec<u8> = sqlx::query_scalar(
        "SELECT b.bytes FROM entry_bytes b JOIN entries e ON e.idx = b.idx WHERE e.relationship = 3",
    )
    .fetch_one(hospital.world.store.read())
    .await
    .unwrap();
    let entry = medrec_accesslog::Entry::try_from(bytes.as_slice()).unwrap();
    let Body::Counted(note) = entry.open(&ratchet.step()).unwrap().body else { panic!("another kind") };
    assert_eq!(note.category, "laboratory");
    assert_ne!(note.question, question_hash(&question()).unwrap());
}

#[tokio::test]
async fn notes_can_be_left_to_nobody() {
    let hospital = Hospital::with(20).await;
    hospital.asked(1, question(), DEAR);
    let mut desk = hospital.desk();
    desk.settings.notes = false;
    desk.round().await.unwrap();
    assert_eq!(hospital.number("SELECT sum(counter) FROM ratchets").await, 0);
}

#[tokio::test]
async fn only_those_are_counted_whose_choice_holds_in_the_block() {
    let hospital = Hospital::with(40).await;
    let height = i64::try_from(hospital.world.chain.height()).unwrap();
    let patients = async |hospital: &Hospital, id: u8| {
        // Each time another question, so that it is drawn.
        let until = (2610 + u64::from(id)) * WEEK;
        let cohort = Cohort { from: 2600 * WEEK, until, sex: None, age: None };
        hospital.asked(id, Question { cohort, ..question() }, DEAR);
        hospital.desk().round().await.unwrap();
        match hospital.read(&hospital.delivered(id).await).outcome {
            Outcome::Mean { patients, .. } => patients,
            _ => 0,
        }
    };
    let all = patients(&hospital, 1).await;
    assert!((34..46).contains(&all), "{all}");
    for id in 1..=20 {
        hospital.chooses(id, Category::Laboratory.bit(), height + 1).await;
    }
    let half = patients(&hospital, 2).await;
    assert!((14..26).contains(&half), "chosen in the block after: {half}");
    // One patient, two relationships, one of which says no: not counted at all.
    let mut tx = hospital.world.store.begin().await.unwrap();
    sqlx::query("UPDATE openings SET patient_id = 'MRN-' || (relationship - 20) WHERE relationship > 20")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(patients(&hospital, 3).await, 0);
}

#[tokio::test]
async fn an_offer_that_does_not_hold_is_not_answered() {
    let hospital = Hospital::with(20).await;
    let good = hospital.asked(1, question(), DEAR);
    let changes: [fn(&mut OfferResponse); 6] = [
        |offer| offer.institution += 1,
        |offer| offer.state = OfferState::Missed,
        |offer| offer.owner = None,
        |offer| offer.asked.as_mut().unwrap().answer_by = 1,
        |offer| offer.asked.as_mut().unwrap().question.contributions = 17,
        |offer| offer.owner.as_mut().unwrap().encryption_key = Binary::from([0; 32]),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut offer = good.clone();
        change(&mut offer);
        hospital.shows(&offer);
        assert_eq!(hospital.desk().round().await.unwrap(), 0, "change {number}");
    }
    hospital.shows(&good);
    hospital.researcher(ResearcherStatus::Withdrawn);
    assert_eq!(hospital.desk().round().await.unwrap(), 0);
    assert!(hospital.queued(1).await.is_empty());
    hospital.researcher(ResearcherStatus::Active);
    assert_eq!(hospital.desk().round().await.unwrap(), 1);
}

#[tokio::test]
async fn a_delivery_waits_for_its_time_and_is_drawn_before() {
    let hospital = Hospital::with(20).await;
    hospital.asked(1, question(), DEAR);
    let mut desk = hospital.desk();
    desk.settings.delay_seconds = 60;
    assert_eq!(desk.round().await.unwrap(), 0);
    assert_eq!(hospital.number("SELECT count(*) FROM desk_answers").await, 1);
    hospital.world.clock.set(GENESIS + hospital.world.chain.height() + 61);
    assert_eq!(desk.round().await.unwrap(), 1);
}

#[tokio::test]
async fn a_refused_transaction_is_sent_again_with_the_same_bytes() {
    let hospital = Hospital::with(20).await;
    hospital.asked(1, question(), DEAR);
    hospital.desk().round().await.unwrap();
    let mut tx = hospital.world.store.begin().await.unwrap();
    sqlx::query("UPDATE outbox SET state = 'failed', error = 'not now'").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(hospital.desk().round().await.unwrap(), 1);
    let queued = hospital.queued(1).await;
    assert_eq!((queued.len(), queued[0] == queued[1]), (2, true));
}

#[tokio::test]
async fn nothing_lies_open_in_the_store() {
    let hospital = Hospital::with(30).await;
    hospital.asked(1, question(), DEAR);
    hospital.desk().round().await.unwrap();
    let plain = hospital.delivered(1).await;
    let kept: Vec<u8> = sqlx::query_scalar("SELECT plain FROM desk_answers")
        .fetch_one(hospital.world.store.read())
        .await
        .unwrap();
    assert!(!kept.windows(16).any(|window| window == &plain[2..18]));
}

#[tokio::test]
async fn what_counts_is_the_same_in_any_order_and_blinded() {
    let hospital = Hospital::with(12).await;
    let mut patients: Vec<String> = (1..=12).map(|n| format!("MRN-{n}")).collect();
    let one = count(&*hospital.adapter, &question(), &patients, &[1; 32]).await.unwrap();
    patients.reverse();
    let other = count(&*hospital.adapter, &question(), &patients, &[1; 32]).await.unwrap();
    assert_eq!((&one.tally, one.data_set), (&other.tally, other.data_set));
    let blind = count(&*hospital.adapter, &question(), &patients, &[2; 32]).await.unwrap();
    assert_ne!(one.data_set, blind.data_set);
    patients.pop();
    let fewer = count(&*hospital.adapter, &question(), &patients, &[1; 32]).await.unwrap();
    assert_ne!(one.data_set, fewer.data_set);
    let women = Cohort { sex: Some(medrec_api::bounty::Sex::Female), ..question().cohort };
    let women =
        count(&*hospital.adapter, &Question { cohort: women, ..question() }, &patients, &[1; 32]).await;
    assert_eq!(women.unwrap().tally.exact(medrec_aggregate::Quantity::Patients), [6]);
}

#[tokio::test]
async fn a_question_that_was_answered_is_offered_again_for_nothing_under_the_same_commitment() {
    let hospital = Hospital::with(20).await;
    let office = hospital.world.research();
    let request = |question, price| OfferRequest {
        question,
        price,
        claim_seals: 10,
        ask_seals: 10,
        answer_seconds: 1000,
    };
    let first = office.offer(request(Some(question()), 500_000)).await.unwrap();
    assert_eq!((first.price, first.reuses), (500_000, None));
    let terms = async |id: &str| {
        let msg: String = sqlx::query_scalar("SELECT msg FROM outbox WHERE content = ?")
            .bind(format!("offer/{id}"))
            .fetch_one(hospital.world.store.read())
            .await
            .unwrap();
        let ExecuteMsg::Offer { terms, .. } = serde_json::from_str(&msg).unwrap() else { panic!("{msg}") };
        terms
    };
    // It is asked and delivered.
    let id: [u8; 32] = hex::decode(&first.id).unwrap().try_into().unwrap();
    let mut offer = hospital.asked(1, question(), 500_000);
    offer.id = Binary::from(id);
    hospital.shows(&offer);
    assert_eq!(hospital.desk().round().await.unwrap(), 1);
    let mut tx = hospital.world.store.begin().await.unwrap();
    sqlx::query("UPDATE outbox SET state = 'confirmed'").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let again = office.offer(request(Some(question()), 500_000)).await.unwrap();
    assert_eq!((again.price, again.reuses.as_deref()), (0, Some(first.id.as_str())));
    let (before, now) = (terms(&first.id).await, terms(&again.id).await);
    assert_eq!(before.commitment, now.commitment);
    assert_eq!((now.price, now.reuses), (0, Some(Binary::from(id))));
    let other = office.offer(request(Some(Question { contributions: 1, ..question() }), 1)).await;
    assert!(other.unwrap_err().to_string().contains("ε"), "a price below the least");
    assert_eq!(office.offer(request(None, 500_000)).await.unwrap().question, None);
}
