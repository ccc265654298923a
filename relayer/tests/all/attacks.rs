//! Attacks on requests, in one table: each is refused for its reason and changes nothing. Where an attack makes sense
//! against MedRec v2's signature over the time alone, it is tried on a model of that too ([`crate::v2`]).

use axum::{body::Body, http::Request};
use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use k256::ecdsa::{Signature, SigningKey};
use medrec_gate::{Answer, Problem, answer};
use medrec_rules::Purpose;
use medrec_wallet::{Key, SecretKey};

use crate::{
    gatekeeper::{read, scene},
    v2,
    world::{Asked, World, key},
};

/// A request as it travels.
#[derive(Clone)]
struct Wire {
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Wire {
    fn of(world: &World, key: &Key, asked: &Asked) -> Self {
        let (signed, _) = world.draft(key, asked);
        let headers = signed.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes()));
        Self {
            method: signed.method.into(),
            path: asked.endpoint.to_string(),
            headers: headers.collect(),
            body: asked.body.clone(),
        }
    }

    fn value(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(n, _)| n == name).unwrap();
        String::from_utf8(found.1.clone()).unwrap()
    }

    fn set(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.iter_mut().find(|(n, _)| n == name).unwrap().1 = value.as_ref().to_vec();
        self
    }

    fn replace(self, name: &str, from: &str, to: &str) -> Self {
        let value = self.value(name);
        assert!(value.contains(from), "{value} has no {from}");
        self.set(name, value.replacen(from, to, 1))
    }

    fn and(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self
    }

    fn to(mut self, method: &str, path: &str) -> Self {
        (self.method, self.path) = (method.into(), path.into());
        self
    }

    fn with(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn signature(&self) -> Vec<u8> {
        B64.decode(self.value("signature").trim_start_matches("medrec=:").trim_end_matches(':')).unwrap()
    }

    fn signed_by(self, signature: &[u8]) -> Self {
        self.set("signature", format!("medrec=:{}:", B64.encode(signature)))
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, &value[..]);
        }
        request.body(Body::from(self.body.clone())).unwrap()
    }
}

/// What the same attack is against v2, and whether it goes through there.
type Against2 = Option<(fn(&mut v2::Call, &mut i64), bool)>;

/// Name, reason (or bare status where no route is reached), the request, the same on v2.
type Attack = (&'static str, &'static str, Wire, Against2);

const PATH: &str = "/v1/relationships/5/read";

fn attacks(world: &World, viewer: &Key, patient: &Key) -> Vec<Attack> {
    let labs = Asked::read(5, "labs", None);
    let good = || Wire::of(world, viewer, &labs);
    let asks = |asked: Asked| Wire::of(world, viewer, &asked);
    let hers = |body: &str| Wire::of(world, patient, &Asked { body: body.into(), ..labs.clone() });
    let other = key(99);
    let raw = good();
    let (high, flipped) = (high_s(&raw.signature()), {
        let mut bytes = raw.signature();
        bytes[40] ^= 1;
        bytes
    });
    let keyid = |key: &Key| B64.encode(key.public_key());
    let other_reply = B64.encode(SecretKey::from_bytes(&[7; 32]).public().unwrap().as_bytes());
    let arguments = |call: &mut v2::Call, _: &mut i64| call.arguments = "{\"PatientID\": 2}".into();
    vec![
        // The signature.
        (
            "unsigned",
            "malformed",
            good().without("signature"),
            Some((
                |call, _| (call.method, call.signature) = ("MedRecRemote.AddPermission".into(), vec![]),
                true,
            )),
        ),
        (
            "signature flipped",
            "bad-signature",
            raw.clone().signed_by(&flipped),
            Some((|call, _| call.signature[40] ^= 1, false)),
        ),
        ("signature high-S", "bad-signature", raw.clone().signed_by(&high), None),
        (
            "signature empty",
            "bad-signature",
            good().signed_by(&[]),
            Some((|call, _| call.signature.clear(), false)),
        ),
        (
            "another's key named",
            "bad-signature",
            good().replace("signature-input", &keyid(viewer), &keyid(&other)),
            None,
        ),
        (
            "two keys swapped",
            "bad-signature",
            Wire::of(world, &other, &labs).replace("signature-input", &keyid(&other), &keyid(viewer)),
            None,
        ),
        ("signature of another request", "bad-signature", good().signed_by(&good().signature()), None),
        (
            "components left out",
            "bad-signature",
            good().replace("signature-input", " \"medrec-purpose\"", ""),
            None,
        ),
        (
            "a second label",
            "malformed",
            {
                let g = good();
                let v = g.value("signature");
                g.set("signature", format!("{v}, x=:AA==:"))
            },
            None,
        ),
        // Time.
        (
            "future-dated",
            "clock-skew",
            asks(Asked { ahead: 30, ..labs.clone() }),
            Some((|_, now| *now -= 10 * 365 * 86_400, true)),
        ),
        (
            "expired",
            "expired",
            asks(Asked { ahead: -61, ..labs.clone() }),
            Some((|_, now| *now += 11, false)),
        ),
        (
            "made to last",
            "bad-signature",
            {
                let g = good();
                let v = g.value("signature-input");
                let at = v.find("expires=").unwrap() + 8;
                g.set("signature-input", format!("{}9{}", &v[..at], &v[at + 1..]))
            },
            Some((|_, now| *now += 9, true)),
        ),
        // The place it was made for.
        (
            "other host",
            "bad-signature",
            asks(Asked { url: "http://elsewhere.test".into(), ..labs.clone() }),
            Some((|call, _| call.host = "south.example".into(), true)),
        ),
        (
            "host header of another",
            "bad-signature",
            asks(Asked { url: "http://elsewhere.test".into(), ..labs.clone() })
                .and("host", "elsewhere.test")
                .and("x-forwarded-host", "elsewhere.test"),
            None,
        ),
        ("other chain", "wrong-audience", asks(Asked { chain: "other-1".into(), ..labs.clone() }), None),
        ("other chain in the header", "wrong-audience", good().set("medrec-chain", "other-1"), None),
        ("other contract", "wrong-audience", good().set("medrec-contract", "medrec1other"), None),
        (
            "other relationship in the path",
            "wrong-audience",
            good().to("POST", "/v1/relationships/6/read"),
            Some((arguments, true)),
        ),
        (
            "other relationship in path and header",
            "bad-signature",
            good().to("POST", "/v1/relationships/6/read").set("medrec-relationship", "6"),
            Some((arguments, true)),
        ),
        // What is asked.
        ("other purpose", "bad-signature", good().set("medrec-purpose", "research"), Some((arguments, true))),
        ("other body", "bad-signature", good().with("{\"scope\":\"people\"}"), Some((arguments, true))),
        (
            "other body and digest",
            "bad-signature",
            {
                let g = good().with("{\"scope\":\"people\"}");
                let digest = B64.encode(<sha2::Sha256 as sha2::Digest>::digest(&g.body));
                g.set("content-digest", format!("sha-256=:{digest}:"))
            },
            Some((arguments, true)),
        ),
        ("answer redirected", "bad-signature", good().set("medrec-reply-key", &other_reply), None),
        (
            "answer to a key of small order",
            "malformed",
            good().set("medrec-reply-key", B64.encode([0; 32])),
            None,
        ),
        (
            "read made a revoke",
            "bad-signature",
            good().to("POST", "/v1/relationships/5/revoke"),
            Some((|call, _| call.method = "MedRecRemote.ChangeAccount".into(), true)),
        ),
        ("method changed", "405", good().to("GET", PATH), None),
        ("trailing slash", "404", good().to("POST", "/v1/relationships/5/read/"), None),
        ("query added", "malformed", good().to("POST", "/v1/relationships/5/read?scope=people"), None),
        ("path in another spelling", "malformed", good().to("POST", "/v1/relationships/05/read"), None),
        ("path escaped", "malformed", good().to("POST", "/v1/relationships/%35/read"), None),
        ("dots in the path", "404", good().to("POST", "/v1/relationships/6/../5/read"), None),
        (
            "relationship out of range",
            "malformed",
            good().to("POST", "/v1/relationships/18446744073709551616/read"),
            None,
        ),
        // Headers.
        ("purpose twice", "malformed", good().and("medrec-purpose", "treatment"), None),
        ("digest twice", "malformed", good().and("Content-Digest", "sha-256=:AA==:"), None),
        ("signature twice in another case", "malformed", good().and("SIGNATURE", "medrec=:AA==:"), None),
        (
            "white space smuggled",
            "malformed",
            {
                let g = good();
                let v = g.value("medrec-chain");
                g.set("medrec-chain", format!("{v} "))
            },
            None,
        ),
        ("tab smuggled", "malformed", good().set("medrec-purpose", "treat\tment"), None),
        ("bytes that are no text", "malformed", good().set("medrec-chain", [0xff, 0xfe]), None),
        (
            "list in another layout",
            "malformed",
            good().replace("signature-input", "(\"@method\"", "( \"@method\""),
            None,
        ),
        ("header huge", "malformed", good().set("medrec-chain", "x".repeat(4000)), None),
        // Bodies, all of them signed.
        ("body huge", "too-large", good().with(vec![b' '; 17 * 1024]), None),
        ("body no JSON", "malformed", hers("scope=labs"), None),
        ("body with more", "malformed", hers("{\"scope\":\"labs\",\"patient\":\"MRN-bob-0002\"}"), None),
        ("scope twice", "malformed", hers("{\"scope\":\"labs\",\"scope\":\"people\"}"), None),
        ("unknown scope", "unknown-scope", hers("{\"scope\":\"nothing\"}"), None),
        ("every scope", "malformed", hers("{\"scope\":\"*\"}"), None),
        ("SQL as scope", "malformed", hers("{\"scope\":\"labs' OR '1'='1\"}"), None),
        (
            "SQL as record",
            "malformed",
            Wire::of(
                world,
                patient,
                &Asked {
                    endpoint: medrec_gate::Endpoint::Acknowledge { relationship: 5 },
                    purpose: Purpose::PatientRequest,
                    body: b"{\"record\":\"00' OR 1=1; DROP TABLE entries;--\",\"version\":1}".to_vec(),
                    ..labs.clone()
                },
            ),
            None,
        ),
        ("JSON pointer as scope", "malformed", hers("{\"scope\":\"/records/0\"}"), None),
        ("path as scope", "malformed", hers("{\"scope\":\"../people\"}"), None),
        ("a card that is none", "malformed", hers("{\"scope\":\"labs\",\"card\":\"medrec-card1!!\"}"), None),
        (
            "a body where none belongs",
            "malformed",
            Wire::of(world, patient, &Asked::entries(5, None)).with("{}"),
            None,
        ),
        // Who.
        ("a stranger", "not-permitted", Wire::of(world, &other, &labs), None),
        ("a viewer as the patient", "not-permitted", Wire::of(world, viewer, &Asked::entries(5, None)), None),
    ]
}

fn high_s(signature: &[u8]) -> Vec<u8> {
    let (r, s) = Signature::from_slice(signature).unwrap().split_scalars();
    Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap().to_vec()
}

/// Rows and bytes that an attack could have changed.
async fn fingerprint(world: &World) -> (u64, Vec<i64>) {
    let mut counts = vec![];
    for table in ["entries", "requests", "direct_revokes", "marks", "grants", "records", "outbox"] {
        let sql = format!("SELECT count(*) FROM {table}");
        counts
            .push(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(world.store.read()).await.unwrap());
    }
    (world.log_size().await, counts)
}

#[tokio::test]
async fn each_attack_is_refused_and_changes_nothing() {
    let (world, patient, [viewer, ..]) = scene().await;
    read(&world, &viewer, 5, "labs", None).await;
    let before = fingerprint(&world).await;
    let attacks = attacks(&world, &viewer, &patient.key);
    assert!(attacks.len() >= 50);
    for (name, expected, wire, _) in &attacks {
        let (status, _, body) = world.request(wire.request()).await;
        let reason = Problem::parse(&body)
            .map_or_else(|| status.to_string(), |problem| problem.reason.code().to_owned());
        assert_eq!(reason, *expected, "{name}");
        let text = String::from_utf8_lossy(&body);
        assert!(!text.contains("MRN") && !text.contains("labs"), "{name}: {text}");
        assert_eq!(fingerprint(&world).await, before, "{name} left something behind");
    }
    read(&world, &viewer, 5, "labs", None).await;
}

/// A captured request sent again tells its captor nothing: the same answer, sealed to the one who asked; no entry.
#[tokio::test]
async fn a_replay_is_the_same_answer_for_the_same_reader_also_after_a_restart() {
    let (world, _, [viewer, ..]) = scene().await;
    let asked = Asked::read(5, "labs", None);
    let (signed, reply) = world.draft(&viewer, &asked);
    let (_, _, first) = world.send(asked.endpoint, &signed, &asked.body).await;
    let before = fingerprint(&world).await;
    let first: Answer = answer::open(&reply, &signed.hash, &first).unwrap();
    let replayed = async |world: &World| {
        let (status, _, body) = world.send(asked.endpoint, &signed, &asked.body).await;
        assert_eq!(status, 200);
        assert!(answer::open::<Answer>(&SecretKey::from_bytes(&[9; 32]), &signed.hash, &body).is_err());
        assert_eq!(answer::open::<Answer>(&reply, &signed.hash, &body).unwrap(), first);
    };
    replayed(&world).await;
    let world = world.restart().await;
    replayed(&world).await;
    assert_eq!(fingerprint(&world).await, before);
    world.clock.set(signed_until(&world) + 1);
    let (status, _, body) = world.send(asked.endpoint, &signed, &asked.body).await;
    assert_eq!((status, Problem::parse(&body).unwrap().reason.code()), (401, "expired"));
}

fn signed_until(world: &World) -> u64 {
    crate::gatekeeper::world_now(world) + 60
}

/// The same table against the signature over the time alone: what is refused here goes through there.
#[tokio::test]
async fn the_same_attacks_succeed_against_medrec_v2() {
    const NOW: i64 = 1_500_000_000;
    let (world, patient, [viewer, ..]) = scene().await;
    let secret = SigningKey::from_slice(&[5; 32]).unwrap();
    let server = v2::Server::knows(&secret);
    assert!(server.accepts(&v2::Call::signed(&secret, NOW), NOW));
    let mut through = vec![];
    for (name, _, _, against) in attacks(&world, &viewer, &patient.key) {
        let Some((bend, expected)) = against else { continue };
        let (mut call, mut now) = (v2::Call::signed(&secret, NOW), NOW);
        bend(&mut call, &mut now);
        assert_eq!(server.accepts(&call, now), expected, "{name}");
        through.extend(expected.then_some(name));
    }
    assert_eq!(
        through,
        [
            "unsigned",
            "future-dated",
            "made to last",
            "other host",
            "other relationship in the path",
            "other relationship in path and header",
            "other purpose",
            "other body",
            "other body and digest",
            "read made a revoke",
        ]
    );
    // A captured call again and again, by a server that was restarted too: nothing is remembered.
    let call = v2::Call::signed(&secret, NOW);
    assert!((0..3).all(|_| v2::Server::knows(&secret).accepts(&call, NOW + 10)));
    // A time to come is a key that never ends.
    let for_ever = v2::Call::signed(&secret, NOW + 3_000_000_000);
    assert!([0, 86_400, 365 * 86_400].into_iter().all(|later| server.accepts(&for_ever, NOW + later)));
}
