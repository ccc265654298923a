//! The public listener: every refusal first, then answers.

use medrec_accesslog::Body;
use medrec_api::GrantKind;
use medrec_events::relationship::Event as Happened;
use medrec_gate::{Answer, Asked as Expected, Endpoint, Entries, Problem, answer, check};
use medrec_relayer::config::Limits;
use medrec_rules::Purpose;
use medrec_wallet::{Card, Key};

use crate::{
    script::GENESIS,
    world::{ALICE, Asked, BOB, INSTITUTION, Patient, World, key, limits},
};

const YEAR: u64 = 365 * 24 * 3600;

/// Sends a read and shows the refusal as it left.
pub async fn refused(world: &World, key: &Key, asked: &Asked) -> String {
    let (signed, _) = world.draft(key, asked);
    let (status, content_type, body) = world.send(asked.endpoint, &signed, &asked.body).await;
    assert_eq!(content_type, "application/problem+json", "{status}");
    let body = String::from_utf8(body).unwrap();
    assert_eq!(Problem::parse(body.as_bytes()).unwrap().status, status);
    for secret in [ALICE, BOB, "Alice", "labs", key.address(), "sqlite", "718-7"] {
        assert!(!body.contains(secret), "{body}");
    }
    format!("{status} {body}")
}

pub fn window() -> std::ops::Range<u64> {
    GENESIS..GENESIS + YEAR
}

/// A patient with a viewer: grants 0 to 3 are of labs in force, in the past, to come, and revoked.
pub async fn scene() -> (World, Patient, [Key; 4]) {
    let world = World::new().await;
    let mut patient = world.relationship(ALICE, &key(0), 5).await;
    let viewers = [key(10), key(11), key(12), key(13)];
    let far = GENESIS + YEAR;
    for (viewer, window) in viewers.iter().zip([window(), GENESIS..GENESIS + 1, far..far + 1, window()]) {
        world.grant(&mut patient, viewer.address(), GrantKind::Read, &["labs"], window).await;
    }
    world.happens(vec![Happened::Revoked { id: 5, grant: 3, by: "x".into() }]).await;
    (world, patient, viewers)
}

#[tokio::test]
async fn refusals_by_the_rule() {
    let (world, _, [viewer, late, early, revoked]) = scene().await;
    let labs = Asked::read(5, "labs", None);
    let research = Asked { purpose: Purpose::Research, ..labs.clone() };
    let text = |reason: &str, status: u16, title: &str| {
        let exception = if status == 403 { ",\"exception\":\"45 CFR 171.202\"" } else { "" };
        format!(
            "{status} {{\"type\":\"urn:medrec:refusal:{reason}\",\"title\":\"{title}\",\"status\":{status},\
             \"reason\":\"{reason}\"{exception}}}"
        )
    };
    let stranger = text("not-permitted", 403, "Not permitted");
    assert_eq!(refused(&world, &key(77), &labs).await, stranger);
    assert_eq!(refused(&world, &key(77), &Asked::read(6, "labs", None)).await, stranger, "unknown is alike");
    assert_eq!(refused(&world, &viewer, &Asked::read(6, "labs", None)).await, stranger);
    assert_eq!(refused(&world, &key(77), &Asked::read(5, "nothing", None)).await, stranger);
    for (who, asked, expected) in [
        (&viewer, &Asked::read(5, "people", None), text("scope", 403, "The grant does not cover this scope")),
        (&viewer, &research, text("purpose", 403, "The grant does not cover this purpose")),
        (&late, &labs, text("window", 403, "The grant has ended")),
        (&early, &labs, text("not-yet", 403, "The grant has not begun")),
        (&revoked, &labs, text("revoked", 403, "The grant was revoked")),
        (&key(0), &Asked::read(5, "nothing", None), text("unknown-scope", 404, "There is no such scope")),
    ] {
        assert_eq!(refused(&world, who, asked).await, expected);
    }
    world.happens(vec![Happened::Closed { id: 5, by: "x".into() }]).await;
    assert_eq!(refused(&world, &viewer, &labs).await, text("closed", 403, "The relationship is closed"));
}

#[tokio::test]
async fn refusals_of_the_request_itself() {
    let (world, _, [viewer, ..]) = scene().await;
    let labs = Asked::read(5, "labs", None);
    let reason = |refusal: String| {
        refusal.split("urn:medrec:refusal:").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    for (asked, expected) in [
        (Asked { url: "http://elsewhere.test".into(), ..labs.clone() }, "bad-signature"),
        (Asked { chain: "other-1".into(), ..labs.clone() }, "wrong-audience"),
        (Asked { ahead: -61, ..labs.clone() }, "expired"),
        (Asked { body: b"{}".to_vec(), ..labs.clone() }, "malformed"),
        (Asked { body: b"{\"scope\":\"*\"}".to_vec(), ..labs.clone() }, "malformed"),
        (Asked { body: vec![b' '; 17 * 1024], ..labs.clone() }, "too-large"),
    ] {
        assert_eq!(reason(refused(&world, &viewer, &asked).await), expected);
    }
    let skewed = refused(&world, &viewer, &Asked { ahead: 20, ..labs.clone() }).await;
    assert!(
        skewed.contains("clock-skew") && skewed.contains(&format!("\"now\":{}", world_now(&world))),
        "{skewed}"
    );

    let (signed, _) = world.draft(&viewer, &labs);
    let other_body = serde_json::to_vec(&serde_json::json!({"scope": "people"})).unwrap();
    let (status, _, body) = world.send(labs.endpoint, &signed, &other_body).await;
    assert_eq!((status, Problem::parse(&body).unwrap().reason.code()), (401, "bad-signature"));
    let (status, _, body) = world.send(Endpoint::Read { relationship: 6 }, &signed, &labs.body).await;
    assert_eq!((status, Problem::parse(&body).unwrap().reason.code()), (401, "wrong-audience"));
    let mut unsigned = signed.clone();
    unsigned.headers.retain(|(name, _)| *name != "signature");
    let (status, _, body) = world.send(labs.endpoint, &unsigned, &labs.body).await;
    assert_eq!((status, Problem::parse(&body).unwrap().reason.code()), (400, "malformed"));
}

pub fn world_now(world: &World) -> u64 {
    use medrec_relayer::clock::Clock;
    world.clock.now()
}

#[tokio::test]
async fn a_stale_chain_decides_nothing_and_neither_does_a_lost_database() {
    let (world, _, [viewer, ..]) = scene().await;
    let labs = Asked::read(5, "labs", None);
    let now = world_now(&world);
    for clock in [now + 9, now - 9] {
        world.clock.set(clock);
        assert!(
            refused(&world, &viewer, &labs)
                .await
                .starts_with("503 {\"type\":\"urn:medrec:refusal:chain-stale")
        );
    }
    world.clock.set(now);
    let mut world = world;
    sqlx::raw_sql("DROP TABLE labs").execute(&mut world.hospital).await.unwrap();
    assert!(
        refused(&world, &viewer, &labs).await.starts_with("503 {\"type\":\"urn:medrec:refusal:unavailable")
    );
}

#[tokio::test]
async fn more_requests_than_places_are_told_to_come_back() {
    let (world, patient, _) = scene().await;
    let taken = world.gatekeeper.permits.acquire_many(8).await.unwrap();
    let labs = Asked::read(5, "labs", None);
    assert!(
        refused(&world, &patient.key, &labs)
            .await
            .starts_with("429 {\"type\":\"urn:medrec:refusal:rate-limited")
    );
    drop(taken);
    read(&world, &patient.key, 5, "labs", None).await;
}

#[tokio::test]
async fn a_card_must_be_the_requesters_own_and_signed_by_an_active_institution() {
    let (world, patient, [viewer, ..]) = scene().await;
    let bare =
        |key: &Key| Card::of_patient(key.address(), key.encryption_key().unwrap().public().unwrap()).unwrap();
    let sign = |card: &Card, institution: u32, key: &ed25519_dalek::SigningKey| {
        Card::sign(card, "Dr. Who", "physician", institution, crate::script::CHAIN_ID, key).unwrap()
    };
    let ours = world.keystore.signing_key();
    for card in [
        sign(&bare(&key(11)), INSTITUTION, &ours),
        sign(&bare(&viewer), INSTITUTION + 1, &ours),
        sign(&bare(&viewer), INSTITUTION, &world.keystore.log_key()),
    ] {
        let refusal = refused(&world, &viewer, &Asked::read(5, "labs", Some(&card))).await;
        assert!(refusal.contains("bad-signature"), "{refusal}");
    }
    let good = sign(&bare(&viewer), INSTITUTION, &ours);
    read(&world, &viewer, 5, "labs", Some(&good)).await;
    let scan = world.scan(&patient).await;
    let Body::Read(body) = &scan.found.last().unwrap().opened.as_ref().unwrap().body else { panic!() };
    assert_eq!((body.viewer_name.as_str(), body.viewer_role.as_str()), ("Dr. Who", "physician"));
    assert_eq!((body.viewer_institution, body.card), (INSTITUTION, Some(good.hash().unwrap())));
}

#[tokio::test]
async fn refusals_reach_the_patients_log_for_those_who_had_a_grant_and_are_bounded() {
    let world = World::with_limits(Limits { refusals_per_relationship: 2, ..limits() }).await;
    let mut patient = world.relationship(ALICE, &key(0), 5).await;
    let viewer = key(10);
    world.grant(&mut patient, viewer.address(), GrantKind::Read, &["labs"], window()).await;
    let before = world.log_size().await;
    for _ in 0..3 {
        refused(&world, &key(77), &Asked::read(5, "labs", None)).await;
        refused(&world, &key(0), &Asked::read(5, "nothing", None)).await;
    }
    assert_eq!(world.log_size().await, before, "strangers leave no trace, nor does the patient herself");
    let asked = Asked { nonce: Some([7; 16]), ..Asked::read(5, "people", None) };
    let (signed, _) = world.draft(&viewer, &asked);
    let first = world.send(asked.endpoint, &signed, &asked.body).await;
    let again = world.send(asked.endpoint, &signed, &asked.body).await;
    assert_eq!((first.0, &again), (403, &first), "the same request is the same refusal");
    assert_eq!(world.log_size().await, before + 1, "and one entry");
    for _ in 0..3 {
        let body = String::from_utf8(first.2.clone()).unwrap();
        assert_eq!(refused(&world, &viewer, &Asked::read(5, "people", None)).await, format!("403 {body}"));
    }
    assert_eq!(world.log_size().await, before + 2, "bounded");
    let scan = world.scan(&patient).await;
    let Body::Refused(body) = &scan.found.last().unwrap().opened.as_ref().unwrap().body else { panic!() };
    assert_eq!((body.reason.as_str(), body.requester.as_str()), ("scope", viewer.address()));
}

/// A read that must be answered: opened and checked as the viewer's software does.
pub async fn read(world: &World, key: &Key, id: u64, scope: &str, card: Option<&Card>) -> Answer {
    let asked = Asked::read(id, scope, card);
    let (signed, reply) = world.draft(key, &asked);
    let (status, content_type, body) = world.send(asked.endpoint, &signed, &asked.body).await;
    assert_eq!((status, content_type.as_str()), (200, "application/vnd.medrec.answer"));
    let answer: Answer = answer::open(&reply, &signed.hash, &body).unwrap();
    let expected = Expected {
        contract: &world.identity.contract,
        institution: &world.institution(),
        request: &signed.hash,
        relationship: id,
        scope,
        purpose: "treatment",
        requester: key.address(),
    };
    let checked = check::check(&answer, &expected);
    assert_eq!(checked.findings, []);
    answer
}

#[tokio::test]
async fn patient_and_viewer_read_and_everything_proves_itself() {
    let (world, patient, [viewer, ..]) = scene().await;
    let bob = world.relationship(BOB, &key(1), 6).await;
    let answer = read(&world, &patient.key, 5, "labs", None).await;
    assert_eq!((answer.header.count, answer.header.complete, answer.header.grant), (2, true, None));
    assert_eq!(answer.records[0].resource["valueQuantity"]["value"].to_string(), "13.20");
    let answer = read(&world, &viewer, 5, "labs", None).await;
    assert_eq!((answer.records.len(), answer.header.grant), (2, Some(0)));
    let people = read(&world, &bob.key, 6, "people", None).await;
    assert_eq!(people.records[0].resource["name"][0]["text"], "Bob Example");
    let kinds = world.kinds(&patient).await;
    assert_eq!(kinds[..1], ["opened"]);
    assert_eq!(kinds[kinds.len() - 2..], ["read", "read"]);
    let scan = world.scan(&patient).await;
    assert!(scan.is_complete(Some(answer.header.counter)));
}

#[tokio::test]
async fn the_same_request_gets_the_stored_answer_also_after_a_restart_and_its_nonce_is_spent() {
    let (world, patient, [viewer, ..]) = scene().await;
    let asked = Asked { nonce: Some([3; 16]), ..Asked::read(5, "labs", None) };
    let (signed, reply) = world.draft(&viewer, &asked);
    let first = world.send(asked.endpoint, &signed, &asked.body).await;
    assert_eq!(first.0, 200);
    let entries = world.kinds(&patient).await.len();
    let world = world.restart().await;
    // Made again from what was kept: the same to the last byte, but sealed anew.
    let again = world.send(asked.endpoint, &signed, &asked.body).await;
    let open = |body: &[u8]| answer::open::<Answer>(&reply, &signed.hash, body).unwrap();
    assert_eq!((again.0, open(&again.2)), (200, open(&first.2)));
    assert_eq!(world.kinds(&patient).await.len(), entries, "one read, one entry");
    let other = Asked { purpose: Purpose::Research, ..asked.clone() };
    assert!(refused(&world, &viewer, &other).await.contains("urn:medrec:refusal:replayed"));
    // The same nonce of somebody else is nobody's business.
    let (signed, _) = world.draft(&patient.key, &asked);
    assert_eq!(world.send(asked.endpoint, &signed, &asked.body).await.0, 200);
}

#[tokio::test]
async fn a_row_that_changed_is_filed_before_it_is_answered() {
    let (mut world, patient, _) = scene().await;
    let before = read(&world, &patient.key, 5, "labs", None).await;
    sqlx::raw_sql("UPDATE labs SET value = '99' WHERE id = 'l1'; UPDATE labs SET value = '6.1', changed = 'tuesday' WHERE id = 'l2'")
        .execute(&mut world.hospital)
        .await
        .unwrap();
    let after = read(&world, &patient.key, 5, "labs", None).await;
    assert_eq!(after.records.iter().map(|r| r.version).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(after.records[0].id, before.records[0].id);
    let scan = world.scan(&patient).await;
    let filed: Vec<_> = scan
        .found
        .iter()
        .filter_map(|found| match &found.opened.as_ref().unwrap().body {
            Body::Filed(filed) if filed.version == 2 => Some(filed.explained),
            _ => None,
        })
        .collect();
    use medrec_accesslog::Explained;
    assert_eq!(filed, [Explained::Unexplained, Explained::Explained]);
    let again = read(&world, &patient.key, 5, "labs", None).await;
    assert_eq!(again.records[0].version, 2, "nothing changed, nothing is filed");
}

#[tokio::test]
async fn closing_ends_grants_but_never_the_patients_access() {
    let (world, patient, _) = scene().await;
    world.happens(vec![Happened::Closed { id: 5, by: "x".into() }]).await;
    assert_eq!(read(&world, &patient.key, 5, "labs", None).await.records.len(), 2);
}

#[tokio::test]
async fn before_acceptance_there_is_nothing_to_read() {
    let world = World::new().await;
    world.open(ALICE, &key(0), 5).await;
    assert!(refused(&world, &key(0), &Asked::read(5, "labs", None)).await.contains("not-yet"));
    assert!(refused(&world, &key(9), &Asked::read(5, "labs", None)).await.contains("not-permitted"));
}

#[tokio::test]
async fn entries_are_for_patient_and_carer() {
    let (world, mut patient, [viewer, ..]) = scene().await;
    let carer = key(20);
    world.grant(&mut patient, carer.address(), GrantKind::Act, &["*"], window()).await;
    let all = world.kinds(&patient).await.len();
    for (who, start_after, count) in [(&patient.key, None, all), (&carer, Some(0), all - 1)] {
        let asked = Asked::entries(5, start_after);
        let (signed, reply) = world.draft(who, &asked);
        let (status, _, body) = world.send(asked.endpoint, &signed, b"").await;
        assert_eq!(status, 200);
        let entries: Entries = answer::open(&reply, &signed.hash, &body).unwrap();
        assert_eq!(entries.entries.len(), count);
        let (findings, checkpoint) =
            check::check_entries(&entries, &world.institution(), &world.identity.contract, 5);
        assert_eq!(entries.counter.counter, all as u64);
        assert_eq!((findings, checkpoint.is_some()), (vec![], true));
    }
    assert!(refused(&world, &viewer, &Asked::entries(5, None)).await.contains("not-permitted"));
    let purpose = Asked { purpose: Purpose::Treatment, ..Asked::entries(5, None) };
    assert!(refused(&world, &patient.key, &purpose).await.contains("refusal:purpose"));
    assert_eq!(world.kinds(&patient).await.len(), all, "looking at one's own log is not logged");
}

#[tokio::test]
async fn many_reads_at_once_are_each_answered_and_logged_once() {
    let (world, patient, [viewer, ..]) = scene().await;
    let before = world.kinds(&patient).await.len();
    let reads = (0..8).map(|_| read(&world, &viewer, 5, "labs", None));
    let answers = futures::future::join_all(reads).await;
    let mut indices: Vec<u64> = answers.iter().map(|answer| answer.read.index).collect();
    indices.sort_unstable();
    indices.dedup();
    assert_eq!(indices.len(), 8);
    assert_eq!(world.kinds(&patient).await.len(), before + 8);
}

/// `schema/gatekeeper.openapi.json` is what the handlers say; `MEDREC_BLESS=1` writes it.
#[test]
fn the_openapi_document_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/gatekeeper.openapi.json");
    let document = medrec_relayer::gatekeeper::openapi().unwrap();
    if std::env::var_os("MEDREC_BLESS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(stored, document, "MEDREC_BLESS=1 rewrites it, if the interface is meant to change");
}
