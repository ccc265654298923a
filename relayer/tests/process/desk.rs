//! SIGKILL at every point of the desk: one answer a question, one delivery an offer, one note each.

use std::{collections::BTreeSet, os::unix::process::ExitStatusExt, time::Instant};

use cosmwasm_std::Binary;
use ed25519_dalek::{Signer, SigningKey};
use medrec_accesslog::Body;
use medrec_aggregate::{Outcome, SEAL_DOMAIN, unpad};
use medrec_api::{
    bounty::{
        Asked, Category, Cohort, Measure, OfferKind, OfferResponse, OfferState, Owner, Question, Terms, WEEK,
    },
    registrar::{ExecuteMsg, NewResearcher, certificate},
    relationship as api,
};
use medrec_relayer::{
    desk::question_hash,
    failpoint,
    keystore::{INSTITUTION_ACCOUNT, Keystore},
};
use medrec_testing::fixtures;
use medrec_wallet::{SecretKey, info, seal};
use serde_json::json;

use crate::{
    chain::{CHAIN_ID, now},
    home::{DEADLINE, Home, INSTITUTION, PASSPHRASE, pause, until},
    offers::{Put, Seen, SeenQuery},
    people::{Patient, Reader, key},
};

const CONFIG: &str = "research = { poll_seconds = 1, delay_seconds = 0 }\n";

fn question(number: u64) -> Question {
    Question {
        system: "http://loinc.org".into(),
        code: "718-7".into(),
        unit: String::new(),
        category: Category::Laboratory,
        cohort: Cohort { sex: None, age: None, from: 0, until: (2600 + number) * WEEK },
        measure: Measure::Count {},
        contributions: 1,
    }
}

fn owner() -> SecretKey {
    SecretKey::from_bytes(&[9; 32])
}

/// The institution vouches for a researcher; his account.
fn certify(home: &Home) -> String {
    let keystore = Keystore::open(&home.path("keystore.age"), PASSPHRASE.to_owned().into()).unwrap();
    let sender = keystore.account(INSTITUTION_ACCOUNT).unwrap().address().to_owned();
    let account = fixtures::address("researcher").to_string();
    let mut researcher = NewResearcher {
        account: account.clone(),
        name: "A Researcher".into(),
        key: Binary::from(SigningKey::from_bytes(&[77; 32]).verifying_key().to_bytes()),
        encryption_key: Binary::from(*owner().public().unwrap().as_bytes()),
        certificate: Binary::default(),
    };
    home.node.with(move |chain| {
        let (chain_id, registrar) = (chain.suite.app.block_info().chain_id, chain.suite.registrar.clone());
        let hash = certificate(&chain_id, registrar.as_str(), INSTITUTION, &researcher);
        researcher.certificate = Binary::from(keystore.signing_key().sign(&hash).to_bytes());
        chain.submit(&sender, &registrar, ExecuteMsg::CertifyResearcher { researcher });
    });
    account
}

/// The chain has another offer, asked by a certified researcher.
fn ask(home: &Home, researcher: &str, number: u64, question: Question) {
    let researcher = researcher.to_owned();
    home.node.with(move |chain| {
        let offer = OfferResponse {
            number,
            id: Binary::from([number as u8; 32]),
            institution: INSTITUTION,
            terms: Terms {
                kind: OfferKind::Fixed { question: question.clone() },
                price: 1_000_000,
                commitment: Binary::from([0; 32]),
                claim_seals: 3,
                ask_seals: 3,
                answer_seconds: 10_000,
                reuses: None,
            },
            catalogue: None,
            seals: 1,
            offered_height: 1,
            offered_at: 1,
            state: OfferState::Asked,
            owner: Some(Owner {
                researcher,
                encryption_key: Binary::from(*owner().public().unwrap().as_bytes()),
                seal: 3,
                claimed_seals: 4,
                claimed_height: 1,
            }),
            asked: Some(Asked { question, height: 1, at: now(), answer_by: now() + 10_000 }),
            delivered: None,
            deadline: None,
        };
        let (sender, contract) = (chain.suite.sponsor.to_string(), chain.bounty.clone());
        chain.submit(&sender, &contract, Put::Put { offer: Box::new(offer) });
    });
}

fn seen(home: &Home) -> Seen {
    home.node.with(|chain| {
        let query = serde_json::to_vec(&SeenQuery::Seen {}).unwrap();
        serde_json::from_slice(&chain.smart(chain.bounty.to_string(), query).unwrap()).unwrap()
    })
}

async fn patient(home: &Home, number: u32) -> Patient {
    let (patient_id, key) = (format!("MRN-{number}"), key(number));
    home.patient(&patient_id, 1).await;
    let patient = home.relationship(&patient_id, &key).await;
    let categories = Category::Laboratory.bit();
    home.execute(&key, api::ExecuteMsg::SetResearch { id: patient.id, categories });
    patient
}

/// Starts the relayer armed, does something, and sees it die there.
async fn die_at(home: &Home, point: &str, cause: impl AsyncFnOnce()) {
    let mut relayer = home.start(Some(point));
    // What was asked before may end it at once.
    if relayer.wait_ready().await {
        cause().await;
    }
    let started = Instant::now();
    while relayer.ended().is_none() {
        assert!(started.elapsed() < DEADLINE, "{point} was never reached:\n{}", relayer.words());
        pause().await;
    }
    let status = relayer.end().await;
    assert_eq!(status.signal(), Some(9), "{point}: {status}\n{}", relayer.words());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_point_of_the_desk_everything_is_done_once() {
    let home = Home::with(CONFIG, vec![]).await;
    let researcher = certify(&home);
    let relayer = home.ready().await;
    let patients = [patient(&home, 0).await, patient(&home, 1).await];
    // Choices count from the next block on.
    let chosen = home.node.with(|chain| chain.height() + 2);
    until("the choices are applied", async || {
        let (_, status) = home.staff("GET", "/status", None).await.ok()?;
        (status["applied_height"].as_u64()? > chosen).then_some(())
    })
    .await;
    relayer.stop().await;

    let mut asked = 0;
    for point in failpoint::ALL.iter().filter(|point| point.starts_with("desk.")) {
        if *point == "desk.offer-queued" {
            let body = json!({
                "question": question(99), "price": 500_000, "claim_seals": 10, "ask_seals": 10, "answer_seconds": 1000,
            });
            die_at(&home, point, async || {
                // The answer is lost with the process.
                let _ = home.staff("POST", "/staff/research/offers", Some(body)).await;
            })
            .await;
        } else {
            asked += 1;
            ask(&home, &researcher, asked, question(asked));
            die_at(&home, point, async || ()).await;
        }
    }
    // A question again, by another offer.
    ask(&home, &researcher, asked + 1, question(1));
    let relayer = home.ready().await;
    let seen = until("everything is delivered", async || {
        let seen = seen(&home);
        (seen.delivered.len() as u64 > asked && seen.made.len() == 1).then_some(seen)
    })
    .await;
    // Whoever would do it twice has time to.
    let later = home.node.with(|chain| chain.height() + 6);
    until("some blocks later", async || home.node.with(move |chain| (chain.height() > later).then_some(())))
        .await;
    let mut reader = Reader::default();
    until("all of it is anchored", async || {
        let (_, status) = home.staff("GET", "/status", None).await.ok()?;
        (status["anchored_size"] == status["log_size"]).then_some(())
    })
    .await;
    reader.read(&home).await.unwrap();
    relayer.stop().await;
    check(&home, &researcher, &seen, asked);

    for patient in &patients {
        let scan = home.scan(patient, &reader.entries);
        let notes: Vec<[u8; 32]> = scan
            .found
            .iter()
            .filter_map(|found| match &found.opened.as_ref().unwrap().body {
                Body::Counted(counted) => Some(counted.question),
                _ => None,
            })
            .collect();
        let expected: Vec<[u8; 32]> =
            (1..=asked).map(|number| question_hash(&question(number)).unwrap()).collect();
        assert_eq!(notes, expected, "one note a question, in their order");
    }
}

/// Each offer was delivered once, each question answered once, and the owner can read it.
fn check(home: &Home, researcher: &str, seen: &Seen, asked: u64) {
    let violations = home.node.with(|chain| chain.violations.clone());
    assert!(violations.is_empty(), "{violations:?}");
    let again = self::seen(home);
    assert_eq!(again.delivered.len() as u64, asked + 1);
    assert_eq!(again.made.len(), 1);
    let offers: BTreeSet<&[u8]> = seen.delivered.iter().map(|(offer, _)| offer.as_slice()).collect();
    assert_eq!(offers.len() as u64, asked + 1);
    let contract = home.node.with(|chain| chain.bounty.to_string());
    let signing = home.institution.signing_key.as_slice().try_into().unwrap();
    let signing = ed25519_dalek::VerifyingKey::from_bytes(signing).unwrap();
    let mut answers = BTreeSet::new();
    for (offer, sealed) in &seen.delivered {
        let bound: [&[u8]; 4] = [CHAIN_ID.as_bytes(), contract.as_bytes(), offer, researcher.as_bytes()];
        let plain = seal::open("answer", &owner(), &info(SEAL_DOMAIN, &bound), &[], sealed).unwrap();
        let answer = unpad(&plain, &signing, CHAIN_ID, &contract).unwrap();
        assert!(
            matches!(answer.outcome, Outcome::TooFew),
            "two patients, none with an observation that counts"
        );
        answers.insert(plain.to_vec());
    }
    assert_eq!(answers.len() as u64, asked, "the question that came twice has one answer");
}
