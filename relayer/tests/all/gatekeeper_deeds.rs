//! What is done by word to the gatekeeper: revokes, marks, notices.

use axum::{body::Body as HttpBody, http::Request};
use futures::StreamExt;
use medrec_accesslog::Body;
use medrec_api::GrantKind;
use medrec_gate::{Deed, Endpoint, Finding, Mark, Receipt, Sent, answer, check};
use medrec_rules::Purpose;
use medrec_wallet::Key;
use serde_json::json;
use tower::ServiceExt;

use crate::{
    gatekeeper::{read, refused, scene, window, world_now},
    world::{ALICE, Asked, Patient, World, key, limits},
};

const REVOKE: Endpoint = Endpoint::Revoke { relationship: 5 };

fn revoke(grant: u32) -> Asked {
    Asked::deed(REVOKE, json!({"grant": grant}))
}

/// The receipt of a deed that must be done, and what the patient's software finds wrong with it.
async fn done(world: &World, key: &Key, asked: &Asked, deed: Deed<'_>) -> Vec<Finding> {
    let (signed, reply) = world.draft(key, asked);
    let (status, _, body) = world.send(asked.endpoint, &signed, &asked.body).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let receipt: Receipt = answer::open(&reply, &signed.hash, &body).unwrap();
    let institution = world.institution();
    let sent = Sent { institution: &institution, request: &signed.hash, requester: key.address(), deed };
    check::check_receipt(&receipt, &sent).0
}

async fn last(world: &World, patient: &Patient) -> Body {
    world.scan(patient).await.found.pop().unwrap().opened.unwrap().body
}

#[tokio::test]
async fn only_the_patient_and_her_carers_revoke_by_word() {
    let (world, mut patient, [viewer, ..]) = scene().await;
    let carer = key(20);
    let own = world.grant(&mut patient, carer.address(), GrantKind::Act, &["*"], window()).await;
    let size = world.log_size().await;
    for who in [&viewer, &key(77)] {
        assert!(refused(&world, who, &revoke(0)).await.contains("not-permitted"));
    }
    let wrong = Asked { purpose: Purpose::Treatment, ..revoke(0) };
    assert!(refused(&world, &patient.key, &wrong).await.contains("refusal:purpose"));
    for body in ["{}", "{\"grant\":-1}", "{\"grant\":0,\"x\":1}", "{\"grant\":\"0\"}", ""] {
        let asked = Asked { body: body.into(), ..revoke(0) };
        assert!(refused(&world, &patient.key, &asked).await.contains("malformed"), "{body}");
    }
    assert_eq!(world.log_size().await, size);
    read(&world, &viewer, 5, "labs", None).await;
    assert_eq!(done(&world, &carer, &revoke(own), Deed::Revoke { grant: own }).await, []);
    assert!(refused(&world, &carer, &revoke(0)).await.contains("not-permitted"), "he revoked himself");
}

#[tokio::test]
async fn a_revoke_by_word_holds_at_once_without_the_chain_and_for_good() {
    let (world, mut patient, [viewer, ..]) = scene().await;
    let labs = Asked::read(5, "labs", None);
    read(&world, &viewer, 5, "labs", None).await;
    // The chain stands still for an hour.
    let now = world_now(&world);
    world.clock.set(now + 3600);
    assert!(refused(&world, &patient.key, &labs).await.contains("chain-stale"));
    assert_eq!(done(&world, &patient.key, &revoke(0), Deed::Revoke { grant: 0 }).await, []);
    let Body::RevokeReceived(body) = last(&world, &patient).await else { panic!() };
    assert_eq!((body.grant, body.requester.as_str()), (0, patient.key.address()));
    world.clock.set(now);
    assert!(refused(&world, &viewer, &labs).await.contains("refusal:revoked"));
    let world = world.restart().await;
    assert!(refused(&world, &viewer, &labs).await.contains("refusal:revoked"));
    world.happens(vec![]).await;
    assert!(refused(&world, &viewer, &labs).await.contains("refusal:revoked"));
    // The chain does not know of it: the patient revokes there too.
    let mut connection = world.store.read().acquire().await.unwrap();
    let known = medrec_relayer::projection::relationship(&mut connection, 5).await.unwrap().unwrap();
    assert!(known.grants[0].revoked_at.is_none());
    // A grant on its way here is revoked before it comes.
    let next = known.grants.len() as u32;
    assert_eq!(done(&world, &patient.key, &revoke(next), Deed::Revoke { grant: next }).await, []);
    let other = key(30);
    assert_eq!(world.grant(&mut patient, other.address(), GrantKind::Read, &["labs"], window()).await, next);
    assert!(refused(&world, &other, &labs).await.contains("refusal:revoked"));
}

#[tokio::test]
async fn the_same_revoke_twice_is_one_entry() {
    let (world, patient, _) = scene().await;
    let asked = Asked { nonce: Some([4; 16]), ..revoke(0) };
    let (signed, reply) = world.draft(&patient.key, &asked);
    let mut receipts = vec![];
    let size = world.log_size().await;
    for _ in 0..2 {
        let (status, _, body) = world.send(asked.endpoint, &signed, &asked.body).await;
        assert_eq!(status, 200);
        receipts.push(answer::open::<Receipt>(&reply, &signed.hash, &body).unwrap());
    }
    assert_eq!((receipts[0] == receipts[1], world.log_size().await), (true, size + 1));
}

#[tokio::test]
async fn marks_are_of_versions_that_were_filed_and_by_the_patient() {
    let (world, patient, [viewer, ..]) = scene().await;
    let record = hex::encode(read(&world, &viewer, 5, "labs", None).await.records[0].id);
    let acknowledge = Endpoint::Acknowledge { relationship: 5 };
    let dispute = Endpoint::Dispute { relationship: 5 };
    let size = world.log_size().await;
    for (record, version) in [("00".repeat(16), 1), (record.clone(), 2), (record.clone(), 0)] {
        let asked = Asked::deed(acknowledge, json!({"record": record, "version": version}));
        assert!(refused(&world, &patient.key, &asked).await.starts_with("404"), "{version}");
        assert!(refused(&world, &viewer, &asked).await.contains("not-permitted"), "he is told nothing");
    }
    let long = json!({"record": record, "version": 1, "note": "x".repeat(121)});
    assert!(refused(&world, &patient.key, &Asked::deed(dispute, long)).await.contains("malformed"));
    assert_eq!(world.log_size().await, size);
}

#[tokio::test]
async fn every_viewer_is_shown_the_newest_mark_of_the_version() {
    let (mut world, patient, [viewer, ..]) = scene().await;
    let id = read(&world, &viewer, 5, "labs", None).await.records[0].id;
    let record = hex::encode(id);
    let note = "not my blood";
    let dispute = Asked::deed(
        Endpoint::Dispute { relationship: 5 },
        json!({"record": record, "version": 1, "note": note}),
    );
    let deed = Deed::Dispute { record: &id, version: 1, note };
    assert_eq!(done(&world, &patient.key, &dispute, deed).await, []);
    let answer = read(&world, &viewer, 5, "labs", None).await;
    assert_eq!((answer.records[0].mark, answer.records[1].mark), (Some(Mark::Disputed), None));
    let Body::Disputed { note: shown, .. } = answer.records[0].marked.as_ref().unwrap().opened().unwrap()
    else {
        panic!()
    };
    assert_eq!(shown, note);
    let acknowledge =
        Asked::deed(Endpoint::Acknowledge { relationship: 5 }, json!({"record": record, "version": 1}));
    let deed = Deed::Acknowledge { record: &id, version: 1 };
    assert_eq!(done(&world, &patient.key, &acknowledge, deed).await, []);
    world = world.restart().await;
    world.follow().await;
    let answer = read(&world, &viewer, 5, "labs", None).await;
    assert_eq!(answer.records[0].mark, Some(Mark::Acknowledged));
    sqlx::raw_sql("UPDATE labs SET value = '99' WHERE id = 'l1'").execute(&mut world.hospital).await.unwrap();
    let answer = read(&world, &viewer, 5, "labs", None).await;
    assert_eq!((answer.records[0].version, answer.records[0].mark), (2, None), "another version is unmarked");
}

#[tokio::test]
async fn notices_tell_that_there_is_news_and_nothing_else() {
    let world = World::with_limits(limits()).await;
    let mut patient = world.relationship(ALICE, &key(0), 5).await;
    let notices = Asked { body: vec![], ..Asked::deed(Endpoint::Notices { relationship: 5 }, json!(null)) };
    assert!(refused(&world, &key(77), &notices).await.contains("not-permitted"));
    let (signed, _) = world.draft(&patient.key, &notices);
    let request = || {
        let mut request = Request::builder().method("GET").uri(notices.endpoint.to_string());
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        request.body(HttpBody::empty()).unwrap()
    };
    let response = world.routes.clone().oneshot(request()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (status, _, _) = world.request(request()).await;
    assert_eq!(status, 401, "a stream is given once");
    let mut stream = response.into_body().into_data_stream();
    world.grant(&mut patient, key(10).address(), GrantKind::Read, &["labs"], window()).await;
    let notice = stream.next().await.unwrap().unwrap();
    assert_eq!(String::from_utf8(notice.to_vec()).unwrap().trim_end(), "event: notice");
    world.stop.cancel();
    assert!(stream.next().await.is_none());
}
