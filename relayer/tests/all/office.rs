//! The private listener, the command line's `init`, and what is logged.

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};

use axum::{body::Body, http::Request};
use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use clap::Parser;
use medrec_api::{GrantKind, registrar, relationship::DelegateStatus};
use medrec_events::relationship::Event as Happened;
use medrec_relayer::{cli::Arguments, config::Config, ops::staff};
use medrec_wallet::{Card, Key};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    script::GENESIS,
    world::{ALICE, Asked, BOB, CONTRACT, REGISTRAR, World, key},
};

const TOKEN: &str = "tttttttttttttttttttttttttttttttt";
const RESEARCH_TOKEN: &str = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr";

async fn call(world: &World, method: &str, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(body.map_or(Body::empty(), |body| Body::from(body.to_string())))
        .unwrap();
    let tokens = staff::Tokens::new(TOKEN.into(), RESEARCH_TOKEN.into());
    let routes = staff::router(world.office.clone(), Arc::new(world.research()), &tokens);
    let response = routes.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn card(key: &Key) -> String {
    let bare = Card::of_patient(key.address(), key.encryption_key().unwrap().public().unwrap()).unwrap();
    bare.to_text().unwrap()
}

async fn open(world: &World, patient_id: &str, card: &str) -> (u16, Value) {
    let body = json!({"patient_id": patient_id, "card": card});
    call(world, "POST", "/staff/relationships", TOKEN, Some(body)).await
}

#[tokio::test]
async fn staff_needs_the_token_and_machines_do_not() {
    let world = World::new().await;
    let relationships = [
        ("GET", "/staff/relationships"),
        ("POST", "/staff/relationships"),
        ("POST", "/staff/relationships/1/close"),
    ];
    let research = [
        ("GET", "/staff/researchers"),
        ("POST", "/staff/researchers"),
        ("POST", "/staff/researchers/medrec1x/withdraw"),
        ("GET", "/staff/research"),
        ("POST", "/staff/research/offers"),
        ("POST", "/staff/research/catalogue"),
        ("POST", "/staff/research/offers/00/expire"),
    ];
    for (routes, others) in [(&relationships[..], RESEARCH_TOKEN), (&research[..], TOKEN)] {
        for (method, path) in routes {
            for token in ["", "t", &"u".repeat(32), &"t".repeat(33), others] {
                assert_eq!(call(&world, method, path, token, None).await.0, 401, "{path} {token}");
            }
        }
    }
    assert_eq!(call(&world, "GET", "/healthz", "", None).await.0, 200);
    assert_eq!(call(&world, "GET", "/readyz", "", None).await.0, 200);
    let (status, body) = call(&world, "GET", "/status", "", None).await;
    assert_eq!(
        (status, body["ready"].as_bool(), body["applied_height"].as_u64()),
        (200, Some(true), Some(1))
    );
    world.clock.set(GENESIS + 1000);
    assert_eq!(call(&world, "GET", "/readyz", "", None).await.0, 503, "stale is not ready");
    assert_eq!(call(&world, "GET", "/healthz", "", None).await.0, 200, "but alive");
    world.health.stopped("a block of another version".into());
    assert_eq!(call(&world, "GET", "/healthz", "", None).await.0, 503);
}

#[tokio::test]
async fn openings_are_refused_with_a_reason_and_leave_nothing() {
    let world = World::new().await;
    let staff_card = {
        let bare = Card::parse(&card(&key(0))).unwrap();
        let key = world.keystore.signing_key();
        Card::sign(&bare, "Dr. Who", "physician", 7, crate::script::CHAIN_ID, &key)
            .unwrap()
            .to_text()
            .unwrap()
    };
    for (patient_id, card, status, says) in [
        (ALICE, "medrec-card1!!", 400, "card"),
        (ALICE, staff_card.as_str(), 400, "patient's card"),
        ("MRN-nobody", &card(&key(0)), 404, "no patient"),
    ] {
        let (found, body) = open(&world, patient_id, card).await;
        assert_eq!(found, status, "{body}");
        assert!(body["error"].as_str().unwrap().contains(says), "{body}");
    }
    world.chain.answer(CONTRACT, "delegate", json!({"status": DelegateStatus::Unknown}));
    let (status, body) = open(&world, ALICE, &card(&key(0))).await;
    assert_eq!(status, 503);
    assert!(body["error"].as_str().unwrap().contains("medrec-relayer delegates"), "{body}");
    world.chain.answer(CONTRACT, "delegate", json!({"status": DelegateStatus::Used { id: 1 }}));
    assert_eq!(open(&world, ALICE, &card(&key(0))).await.0, 503, "all delegates are used");
    let rows: i64 =
        sqlx::query_scalar("SELECT (SELECT count(*) FROM openings) + (SELECT count(*) FROM outbox)")
            .fetch_one(world.store.read())
            .await
            .unwrap();
    assert_eq!(rows, 0);
}

fn researcher() -> Value {
    let seals = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes();
    let encryption = key(3).encryption_key().unwrap().public().unwrap();
    json!({
        "account": key(3).address(), "name": "Ada", "key": B64.encode(seals),
        "encryption_key": B64.encode(encryption.as_bytes()),
    })
}

async fn queued(world: &World) -> Vec<(String, i64, String, Option<String>, String)> {
    sqlx::query_as("SELECT content, account, contract, granter, msg FROM outbox ORDER BY id")
        .fetch_all(world.store.read())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_researcher_is_certified_with_the_institutions_key_and_withdrawn_once() {
    let world = World::new().await;
    let (status, sent) = call(&world, "POST", "/staff/researchers", RESEARCH_TOKEN, Some(researcher())).await;
    assert_eq!(
        (status, sent["status"].as_str(), sent["certified_by"].as_u64()),
        (202, Some("requested"), Some(7))
    );
    let rows = queued(&world).await;
    let account = key(3).address().to_owned();
    let [(content, signer, contract, granter, msg)] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((content, *signer, contract.as_str()), (&format!("certify/{account}"), 0, REGISTRAR));
    assert_eq!(*granter, None, "an institution pays for itself");
    let registrar::ExecuteMsg::CertifyResearcher { researcher: new } = serde_json::from_str(msg).unwrap()
    else {
        panic!("{msg}")
    };
    assert_eq!((new.account.as_str(), new.name.as_str()), (account.as_str(), "Ada"));
    assert_eq!(new.certificate.to_base64(), sent["certificate"]);
    // What the registrar will verify, with the key it knows.
    let signed = registrar::certificate(crate::script::CHAIN_ID, REGISTRAR, 7, &new);
    let signature = ed25519_dalek::Signature::from_slice(&new.certificate).unwrap();
    world.keystore.signing_key().verifying_key().verify_strict(&signed, &signature).unwrap();

    // The same again while it is on its way, and once it is there.
    let again = call(&world, "POST", "/staff/researchers", RESEARCH_TOKEN, Some(researcher())).await;
    assert_eq!(again.0, 409, "{}", again.1);
    let on_chain = |status, certified_by| registrar::ResearcherResponse {
        account: account.clone(),
        status,
        certified_by,
        name: new.name.clone(),
        key: new.key.clone(),
        encryption_key: new.encryption_key.clone(),
        certificate: new.certificate.clone(),
    };
    let withdraw = format!("/staff/researchers/{account}/withdraw");
    assert_eq!(
        call(&world, "POST", &withdraw, RESEARCH_TOKEN, None).await.0,
        404,
        "nobody of that account yet"
    );
    let other = on_chain(registrar::ResearcherStatus::Active, 8);
    world.chain.answer(REGISTRAR, "researcher", &other);
    let (status, body) = call(&world, "POST", "/staff/researchers", RESEARCH_TOKEN, Some(researcher())).await;
    assert_eq!(status, 409);
    assert!(body["error"].as_str().unwrap().contains("institution 8"), "{body}");
    assert_eq!(call(&world, "POST", &withdraw, RESEARCH_TOKEN, None).await.0, 404, "another's researcher");
    let ours = on_chain(registrar::ResearcherStatus::Active, 7);
    let another = registrar::ResearcherResponse { account: "medrec1zzzz".into(), ..other };
    world.chain.answer(REGISTRAR, "researcher", &ours);
    world.chain.answer(REGISTRAR, "researchers", json!({"researchers": [ours, another]}));
    let (status, listed) = call(&world, "GET", "/staff/researchers", RESEARCH_TOKEN, None).await;
    assert_eq!(
        (status, listed["researchers"].as_array().unwrap().len()),
        (200, 1),
        "those of this institution"
    );
    assert_eq!(listed["researchers"][0]["status"], "active");
    assert_eq!(call(&world, "POST", &withdraw, RESEARCH_TOKEN, None).await.0, 202);
    assert_eq!(call(&world, "POST", &withdraw, RESEARCH_TOKEN, None).await.0, 409, "on its way");
    let rows = queued(&world).await;
    assert_eq!((rows.len(), rows[1].0.as_str()), (2, format!("withdraw/{account}").as_str()));
    let message = registrar::ExecuteMsg::WithdrawResearcher { account: account.clone() };
    assert_eq!(serde_json::from_str::<registrar::ExecuteMsg>(&rows[1].4).unwrap(), message);
    world.chain.answer(REGISTRAR, "researcher", on_chain(registrar::ResearcherStatus::Withdrawn, 7));
    assert_eq!(call(&world, "POST", &withdraw, RESEARCH_TOKEN, None).await.0, 409);
}

#[tokio::test]
async fn a_researchers_file_is_checked_before_anything_is_signed() {
    let world = World::new().await;
    let with = |field: &str, value: Value| {
        let mut facts = researcher();
        facts[field] = value;
        facts
    };
    for (facts, says) in [
        (with("account", json!("cosmos1nobody")), "account"),
        (with("account", json!("")), "account"),
        (with("name", json!("")), "name"),
        (with("name", json!("Ada\u{1b}[2J")), "name"),
        (with("key", json!("!")), "base64"),
        (with("key", json!(B64.encode([0_u8; 32]))), "key: this key is a point of small order"),
        (with("key", json!(B64.encode([7_u8; 31]))), "key: 31 bytes"),
        (with("encryption_key", json!(B64.encode([0_u8; 32]))), "encryption_key"),
        (with("certificate", json!("AA==")), "certificate"),
        (json!({"account": key(3).address()}), "missing field"),
    ] {
        let (status, body) = call(&world, "POST", "/staff/researchers", RESEARCH_TOKEN, Some(facts)).await;
        assert_eq!(status, 400, "{body}");
        assert!(body["error"].as_str().unwrap().contains(says), "{says}: {body}");
    }
    world.chain.lock().unreachable = true;
    assert_eq!(call(&world, "POST", "/staff/researchers", RESEARCH_TOKEN, Some(researcher())).await.0, 503);
    assert!(queued(&world).await.is_empty());
}

#[tokio::test]
async fn staff_sees_a_relationship_from_request_to_end() {
    let world = World::new().await;
    assert_eq!(open(&world, ALICE, &card(&key(0))).await.0, 202);
    assert_eq!(open(&world, BOB, &card(&key(0))).await.0, 409, "one card is for one relationship");
    let shown = async || {
        let (_, listed) = call(&world, "GET", "/staff/relationships", TOKEN, None).await;
        listed["relationships"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| format!("{} {} {}", one["status"], one["id"], one["filed"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown().await, ["\"requested\" null false"]);
    let bob = world.relationship(BOB, &key(1), 6).await;
    assert_eq!(shown().await[1], "\"active\" 6 true");
    assert_eq!(call(&world, "POST", "/staff/relationships/9/close", TOKEN, None).await.0, 404);
    assert_eq!(call(&world, "POST", "/staff/relationships/6/close", TOKEN, None).await.0, 202);
    let row: (i64, String, Option<String>) =
        sqlx::query_as("SELECT account, msg, granter FROM outbox WHERE content = 'close/6'")
            .fetch_one(world.store.read())
            .await
            .unwrap();
    assert_eq!(
        row,
        (1001, "{\"close\":{\"id\":6}}".into(), Some(CONTRACT.into())),
        "the delegate closes, the contract pays"
    );
    world.happens(vec![Happened::Closed { id: bob.id, by: "x".into() }]).await;
    assert_eq!(call(&world, "POST", "/staff/relationships/6/close", TOKEN, None).await.0, 409);
}

#[tokio::test]
async fn the_list_comes_in_pages_and_by_what_waits_for_whom() {
    let world = World::new().await;
    world.relationship(BOB, &key(0), 6).await;
    world.open(ALICE, &key(1), 7).await;
    assert_eq!(open(&world, ALICE, &card(&key(2))).await.0, 202);
    let get = async |query: &str| {
        let (status, page) = call(&world, "GET", &format!("/staff/relationships{query}"), TOKEN, None).await;
        assert_eq!(status, 200, "{page}");
        let states: Vec<String> =
            page["relationships"].as_array().unwrap().iter().map(|one| one["status"].to_string()).collect();
        (states.join(" "), page["next"].clone())
    };
    assert_eq!(get("?state=active").await.0, "\"active\"");
    assert_eq!(get("?state=pending").await.0, "\"offered\" \"requested\"");
    assert_eq!(get("?state=ended").await, (String::new(), Value::Null));
    let (first, next) = get("?limit=2").await;
    assert_eq!(first, "\"active\" \"offered\"");
    assert_eq!(get(&format!("?limit=2&start_after={next}")).await, ("\"requested\"".into(), Value::Null));
    assert_eq!(get("?limit=0").await.0, "\"active\"", "at least one");
    for query in ["?state=all", "?limit=-1", "?patient=1"] {
        let (status, body) = call(&world, "GET", &format!("/staff/relationships{query}"), TOKEN, None).await;
        assert_eq!(status, 400, "{query}");
        assert!(body["error"].as_str().unwrap().contains("not what this relayer knows"), "{body}");
    }
    let bad = json!({"patient_id": ALICE, "card": card(&key(3)), "more": 1});
    let (status, body) = call(&world, "POST", "/staff/relationships", TOKEN, Some(bad)).await;
    assert!(status == 400 && body["error"].as_str().unwrap().contains("more"), "{body}");
}

/// What a subscriber wrote.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn logs_name_nobody() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_env_filter("medrec_relayer=trace")
        .with_writer(move || writer.clone())
        .finish();
    // Everything of this test runs on this thread.
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut world = World::new().await;
    let mut patient = world.relationship(ALICE, &key(0), 5).await;
    let viewer = key(10);
    world.grant(&mut patient, viewer.address(), GrantKind::Read, &["labs"], 0..u64::MAX).await;
    for (who, scope) in
        [(&key(77), "labs"), (&viewer, "people"), (&viewer, "labs"), (&patient.key, "nothing")]
    {
        let asked = Asked::read(5, scope, None);
        let (signed, _) = world.draft(who, &asked);
        world.send(asked.endpoint, &signed, &asked.body).await;
    }
    open(&world, "MRN-nobody", &card(&key(3))).await;
    open(&world, BOB, "medrec-card1!!").await;
    world.happens(vec![Happened::Accepted { id: 5, by: "x".into(), sealed: vec![1; 80].into() }]).await;
    sqlx::raw_sql("UPDATE labs SET value = 'Alice-secret' WHERE id = 'l1'")
        .execute(&mut world.hospital)
        .await
        .unwrap();
    let asked = Asked::read(5, "labs", None);
    let (signed, _) = world.draft(&patient.key, &asked);
    assert_eq!(world.send(asked.endpoint, &signed, &asked.body).await.0, 503);

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for seen in ["refused", "records cannot be read", "a staff request was not done"] {
        assert!(text.contains(seen), "{seen} is logged: {text}");
    }
    let patient_address = patient.key.address();
    for secret in ["MRN", "Alice", "Bob", "13.20", "718-7", "medrec-card1", patient_address, viewer.address()]
    {
        assert!(!text.contains(secret), "{secret} is in the log: {text}");
    }
}

#[test]
fn init_makes_a_home_that_loads_and_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let passphrase = dir.path().join("passphrase");
    std::fs::write(&passphrase, "correct horse battery\n").unwrap();
    let init = |origin: &str| {
        Arguments::parse_from([
            "medrec-relayer",
            "--home",
            home.to_str().unwrap(),
            "--passphrase-file",
            passphrase.to_str().unwrap(),
            "init",
            "--name",
            "A \"quoted\" name",
            "--url",
            "http://127.0.0.1:8440/",
            "--log-origin",
            origin,
        ])
        .run()
    };
    let failure = format!("{:?}", std::process::ExitCode::FAILURE);
    assert_eq!(format!("{:?}", init("not an origin\n")), failure);
    assert!(!home.exists(), "a refused init leaves nothing");
    assert_ne!(format!("{:?}", init("log.hospital.test")), failure);
    let config = Config::load(&home.join("relayer.toml")).unwrap();
    assert_eq!(config.public_url, "http://127.0.0.1:8440");
    medrec_relayer::adapter::Mapping::load(&config.database.mapping).unwrap();
    for file in ["keystore.age", "staff.token", "research.token"] {
        let mode = std::fs::metadata(home.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let institution: Value =
        serde_json::from_slice(&std::fs::read(home.join("institution.json")).unwrap()).unwrap();
    assert_eq!(
        (institution["name"].as_str(), institution["log_origin"].as_str()),
        (Some("A \"quoted\" name"), Some("log.hospital.test"))
    );
    let keys = std::fs::read(home.join("keystore.age")).unwrap();
    assert_eq!(format!("{:?}", init("log.hospital.test")), failure);
    assert_eq!(std::fs::read(home.join("keystore.age")).unwrap(), keys);
}
