//! Hostile requests: each is refused, with the reason the specification names (wire.md sections 8 and 9).
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use common::{NOW, Sent, contract, draft, key, reply};
use medrec_gate::{Endpoint, Reason};
use medrec_rules::Purpose;
use medrec_wallet::{ContractRef, Key};
use proptest::prelude::*;

/// A good request with one thing wrong.
fn hostile() -> Vec<(&'static str, Reason, Sent)> {
    use Reason::{BadSignature, Malformed, TooLarge, WrongAudience};
    let good = Sent::good;
    let without = |name: &str| {
        let mut sent = good();
        sent.headers.retain(|(n, _)| n != name);
        sent
    };
    let twice = |name: &str| {
        let mut sent = good();
        let value = sent.value(name).into_bytes();
        sent.headers.push((name.to_uppercase(), value));
        sent
    };
    let input = |from: &str, to: &str| good().replace("signature-input", from, to);
    let other = Key::from_secret(&[77; 32]).unwrap();
    let order8 =
        B64.encode(hex::decode("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800").unwrap());
    let own_key = B64.encode(key().public_key());
    let signature = good().value("signature");
    let raw = B64.decode(signature.trim_start_matches("medrec=:").trim_end_matches(':')).unwrap();
    let mut flipped = raw.clone();
    flipped[40] ^= 1;
    let header = |bytes: &[u8]| format!("medrec=:{}:", B64.encode(bytes));
    vec![
        ("no signature", Malformed, without("signature")),
        ("no signature-input", Malformed, without("signature-input")),
        ("no digest", Malformed, without("content-digest")),
        ("no chain", Malformed, without("medrec-chain")),
        ("no reply key", Malformed, without("medrec-reply-key")),
        ("chain twice", Malformed, twice("medrec-chain")),
        ("signature twice", Malformed, twice("signature")),
        ("purpose twice", Malformed, twice("medrec-purpose")),
        ("signature not sfv", Malformed, good().set("signature", "medrec=abc:")),
        ("signature of 63 bytes", BadSignature, good().set("signature", header(&raw[..63]))),
        ("signature flipped", BadSignature, good().set("signature", header(&flipped))),
        ("signature zero", BadSignature, good().set("signature", header(&[0; 64]))),
        ("signature high-S", BadSignature, good().set("signature", header(&high_s(&raw)))),
        ("signature with a parameter", Malformed, good().set("signature", format!("{signature};x=1"))),
        ("a second label", Malformed, good().set("signature", format!("{signature}, b=:AA==:"))),
        ("another label", Malformed, good().replace("signature", "medrec=", "sig1=")),
        (
            "label twice",
            Malformed,
            good().set("signature-input", {
                let value = good().value("signature-input");
                format!("{value}, {value}")
            }),
        ),
        ("component left out", BadSignature, input(" \"medrec-reply-key\"", "")),
        ("component added", BadSignature, input("\"medrec-reply-key\"", "\"medrec-reply-key\" \"date\"")),
        (
            "components in another order",
            BadSignature,
            input("\"@method\" \"@target-uri\"", "\"@target-uri\" \"@method\""),
        ),
        ("component twice", BadSignature, input("\"@method\"", "\"@method\" \"@method\"")),
        ("component with a parameter", BadSignature, input("\"@method\"", "\"@method\";req")),
        ("parameter left out", BadSignature, input(&format!(";expires={}", NOW + 60), "")),
        ("parameter added", BadSignature, input(";tag=", ";alg=\"ed25519\";tag=")),
        (
            "parameters in another order",
            BadSignature,
            input(
                &format!("created={NOW};expires={}", NOW + 60),
                &format!("expires={};created={NOW}", NOW + 60),
            ),
        ),
        ("white space in the list", Malformed, input("(\"@method\"", "( \"@method\"")),
        ("white space between parameters", Malformed, input(";created", "; created")),
        ("another tag", BadSignature, input("medrec-read-v1", "medrec-read-v2")),
        ("created as text", BadSignature, input(&format!("created={NOW}"), &format!("created=\"{NOW}\""))),
        ("created negative", BadSignature, input(&format!("created={NOW}"), "created=-1")),
        ("created moved", BadSignature, input(&format!("created={NOW}"), &format!("created={}", NOW + 1))),
        ("nonce short", Malformed, input("CQkJCQkJCQkJCQkJCQkJCQ", "CQkJCQkJCQkJCQkJCQkJ")),
        ("nonce changed", BadSignature, input("CQkJCQkJCQkJCQkJCQkJCQ", "CgkJCQkJCQkJCQkJCQkJCQ")),
        ("keyid of another", BadSignature, input(&own_key, &B64.encode(other.public_key()))),
        ("keyid not a point", BadSignature, input(&own_key, &B64.encode([2u8; 33].map(|_| 0xff)))),
        ("keyid too short", BadSignature, input(&own_key, &B64.encode([2u8; 32]))),
        ("digest of another body", BadSignature, {
            let mut s = good();
            s.body = br#"{"scope":"notes"}"#.to_vec();
            s
        }),
        ("body emptied", BadSignature, {
            let mut s = good();
            s.body.clear();
            s
        }),
        ("digest by another algorithm", BadSignature, good().replace("content-digest", "sha-256", "sha-512")),
        ("digest unreadable", Malformed, good().set("content-digest", "sha-256=:!:")),
        ("another chain", WrongAudience, good().set("medrec-chain", "medrec-test-2")),
        ("another contract", WrongAudience, good().set("medrec-contract", other.address())),
        ("another relationship in the header", WrongAudience, good().set("medrec-relationship", "6")),
        ("another relationship in the path", WrongAudience, {
            let mut s = good();
            s.path = "/v1/relationships/6/read".into();
            s
        }),
        ("relationship with a leading zero", Malformed, good().set("medrec-relationship", "05")),
        ("relationship with a sign", Malformed, good().set("medrec-relationship", "+5")),
        ("purpose changed", BadSignature, good().set("medrec-purpose", "research")),
        ("purpose unknown", Malformed, good().set("medrec-purpose", "curiosity")),
        ("purpose any", Malformed, good().set("medrec-purpose", "*")),
        ("reply key changed", BadSignature, good().set("medrec-reply-key", B64.encode([9u8; 32]))),
        ("reply key of small order", Malformed, good().set("medrec-reply-key", order8)),
        ("reply key too long", Malformed, good().set("medrec-reply-key", B64.encode([9u8; 33]))),
        ("newline in a header", Malformed, good().set("medrec-chain", "medrec-test-1\nmedrec-chain: x")),
        ("bytes that are not ASCII", Malformed, good().set("medrec-chain", [0xff, 0xfe])),
        ("header without end", Malformed, good().set("signature-input", "a".repeat(5000))),
        ("method of another endpoint", Malformed, {
            let mut s = good();
            s.method = "GET".into();
            s
        }),
        ("unknown path", Malformed, {
            let mut s = good();
            s.path = "/v1/relationships/5/write".into();
            s
        }),
        ("query added", Malformed, {
            let mut s = good();
            s.path = "/v1/relationships/5/read?x=1".into();
            s
        }),
        ("body too large", TooLarge, {
            let mut s = good();
            s.body = vec![b' '; 16 * 1024 + 1];
            s
        }),
    ]
}

fn high_s(signature: &[u8]) -> [u8; 64] {
    let low = k256::ecdsa::Signature::from_slice(signature).unwrap();
    let (r, s) = low.split_scalars();
    k256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap().to_bytes().into()
}

#[test]
fn the_good_request_is_verified() {
    let verified = Sent::good().verify().unwrap();
    assert_eq!(verified.address, key().address());
    assert_eq!((verified.relationship, verified.purpose), (5, Purpose::Treatment));
    assert_eq!((verified.nonce, verified.created, verified.expires), ([9; 16], NOW, NOW + 60));
    assert_eq!(verified.reply_key, reply().public().unwrap());
    assert_eq!(verified.hash, common::signed().hash);
    assert_eq!((verified.chain, verified.contract), (contract().chain_id, contract().address));
}

#[test]
fn each_hostile_request_is_refused_for_its_reason() {
    let cases = hostile();
    assert!(cases.len() >= 20);
    for (name, reason, sent) in cases {
        match sent.verify() {
            Err(refusal) => assert_eq!(refusal.reason, reason, "{name}: {refusal}"),
            Ok(_) => panic!("{name} was let through"),
        }
    }
}

/// Signed properly, but for another place: a server must not take its own name from the request.
#[test]
fn requests_signed_for_another_place_are_refused() {
    let reply_key = reply().public().unwrap();
    let verify = |public_url: &str, contract: &ContractRef| {
        let signed = draft(contract, &reply_key);
        let signed = medrec_gate::Draft { public_url, ..signed }.sign(&key()).unwrap();
        let headers = signed.headers.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes())).collect();
        Sent { headers, ..Sent::good() }.verify()
    };
    assert!(verify("https://north.example/", &contract()).is_ok(), "a slash at the end counts for nothing");
    for url in [
        "https://south.example",
        "http://north.example",
        "https://north.example:8443",
        "https://north.example/x",
    ] {
        assert_eq!(verify(url, &contract()).unwrap_err().reason, Reason::BadSignature, "{url}");
    }
    let other = ContractRef { chain_id: "medrec-test-2".into(), ..contract() };
    assert_eq!(verify(common::URL, &other).unwrap_err().reason, Reason::WrongAudience);
}

#[test]
fn times() {
    let sent = |created: u64, expires: u64| {
        // Signed by hand where the client's own check would refuse.
        let mut sent = Sent::good();
        let (contract, reply_key) = (contract(), reply().public().unwrap());
        let lifetime = expires.checked_sub(created);
        if lifetime.is_some_and(|s| s <= 60) {
            let signed =
                medrec_gate::Draft { created, expires, ..draft(&contract, &reply_key) }.sign(&key()).unwrap();
            sent.headers = signed.headers.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes())).collect();
            return sent;
        }
        let input = sent.value("signature-input");
        let input = input.replace(
            &format!("created={NOW};expires={}", NOW + 60),
            &format!("created={created};expires={expires}"),
        );
        let base = [
            "\"@method\": POST".to_owned(),
            format!("\"@target-uri\": {}/v1/relationships/5/read", common::URL),
            format!("\"content-digest\": {}", sent.value("content-digest")),
            format!("\"medrec-chain\": {}", contract.chain_id),
            format!("\"medrec-contract\": {}", contract.address),
            "\"medrec-relationship\": 5".to_owned(),
            "\"medrec-purpose\": treatment".to_owned(),
            format!("\"medrec-reply-key\": {}", B64.encode(reply_key.as_bytes())),
            format!("\"@signature-params\": {}", input.trim_start_matches("medrec=")),
        ];
        let signature = key().sign(base.join("\n").as_bytes());
        sent.set("signature-input", input).set("signature", format!("medrec=:{}:", B64.encode(signature)))
    };
    let reason =
        |created, expires, now| sent(created, expires).verify_at(now).err().map(|r| (r.reason, r.now));
    assert_eq!(reason(NOW, NOW + 60, NOW + 60), None);
    assert_eq!(reason(NOW, NOW + 60, NOW + 61), Some((Reason::Expired, None)));
    assert_eq!(reason(NOW, NOW, NOW), None);
    assert_eq!(reason(NOW, NOW + 61, NOW), Some((Reason::Expired, None)), "longer than 60 s");
    assert_eq!(reason(NOW, NOW - 1, NOW - 2), Some((Reason::Expired, None)), "backwards");
    assert_eq!(reason(NOW + 5, NOW + 60, NOW), None);
    assert_eq!(reason(NOW + 6, NOW + 60, NOW), Some((Reason::ClockSkew, Some(NOW))));
    assert_eq!(reason(0, 999_999_999_999_999, NOW), Some((Reason::Expired, None)));
}

#[test]
fn entries_requests_have_no_body_and_bind_their_query() {
    let (contract, reply_key) = (contract(), reply().public().unwrap());
    let endpoint = Endpoint::Entries { relationship: 5, start_after: Some(12) };
    let draft = medrec_gate::Draft {
        endpoint,
        body: b"",
        purpose: Purpose::PatientRequest,
        ..draft(&contract, &reply_key)
    };
    let signed = draft.sign(&key()).unwrap();
    assert_eq!(signed.url, "https://north.example/v1/relationships/5/entries?start_after=12");
    let headers = signed.headers.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes())).collect();
    let path = "/v1/relationships/5/entries?start_after=12".to_owned();
    let sent = Sent { method: "GET".into(), path, headers, body: vec![] };
    assert_eq!(sent.verify().unwrap().endpoint, endpoint);
    let other = Sent { path: "/v1/relationships/5/entries?start_after=11".into(), ..sent.clone() };
    assert_eq!(other.verify().unwrap_err().reason, Reason::BadSignature);
    let other = Sent { path: "/v1/relationships/5/entries".into(), ..sent };
    assert_eq!(other.verify().unwrap_err().reason, Reason::BadSignature);
}

#[test]
fn the_client_does_not_sign_what_would_be_refused() {
    let (contract, reply_key) = (contract(), reply().public().unwrap());
    for (created, expires) in [(NOW, NOW + 61), (NOW, NOW - 1)] {
        let draft = medrec_gate::Draft { created, expires, ..draft(&contract, &reply_key) };
        assert!(draft.sign(&key()).is_err());
    }
}

const NAMES: [&str; 8] = [
    "content-digest",
    "medrec-chain",
    "medrec-contract",
    "medrec-relationship",
    "medrec-purpose",
    "medrec-reply-key",
    "signature-input",
    "signature",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(256)))]

    #[test]
    fn any_header_value_is_judged_without_panic(name in 0usize..8, value in prop::collection::vec(any::<u8>(), 0..200)) {
        let sent = Sent::good();
        let same = sent.value(NAMES[name]).as_bytes() == value;
        prop_assert_eq!(sent.set(NAMES[name], value).verify().is_ok(), same);
    }

    #[test]
    fn any_bent_byte_of_a_header_is_refused(name in 0usize..8, at in any::<prop::sample::Index>(), bit in 0u8..7) {
        let sent = Sent::good();
        let mut value = sent.value(NAMES[name]).into_bytes();
        let at = at.index(value.len());
        value[at] ^= 1 << bit;
        prop_assert!(sent.set(NAMES[name], value).verify().is_err());
    }

    #[test]
    fn structured_rubbish_is_judged_without_panic(
        input in "medrec=\\((\"[@a-z-]{0,12}\" ?){0,9}\\)(;[a-z]{1,8}=(\"[!-z]{0,10}\"|[0-9]{1,15}|:[A-Za-z0-9+/=]{0,8}:)){0,6}",
        path in "/v1/relationships/[0-9]{0,21}/(read|entries)(\\?start_after=[0-9]{0,21})?",
    ) {
        let mut sent = Sent::good().set("signature-input", input);
        sent.path = path;
        prop_assert!(sent.verify().is_err());
    }
}

/// Ten times as many in `cargo xtask soak`.
fn cases(cases: u32) -> u32 {
    if std::env::var_os("MEDREC_SOAK").is_some() { cases.saturating_mul(10) } else { cases }
}
