//! A small record as `medrec export` writes it: one relationship, one record, one read, in a log of eight entries.

use ed25519_dalek::SigningKey;
use medrec_accesslog::{Body, Entry, Explained, Filed, LogSigner, Read, Root};
use medrec_gate::answer::manifest;
use medrec_gate::bundle::{
    AnchorFacts, Answered, Bundle, ChainFacts, Content, Contents, Counted, InstitutionFacts, Part,
    RecordListed, Selection, Shown,
};
use medrec_gate::seals::Run;
use medrec_gate::{Header, Listed};
use medrec_merkle::{Tree, consistency_proof, multi_proof};
use medrec_record::{Context, RecordKey, commit, relationship_ref};
use medrec_wallet::{ContractRef, Key};
use serde_json::json;

const ORIGIN: &str = "north.example/log";
const RELATIONSHIP: u64 = 5;
const AT: u64 = 1_800_000_000;
const SCOPE_HASH: [u8; 32] = [3; 32];
/// Index of each of the three entries.
const PLACES: [u64; 3] = [1, 4, 6];
const SIZE: u64 = 8;
const ANCHORED: u64 = 7;

pub fn bundle() -> Bundle {
    content().sign(&[&key()]).unwrap()
}

/// The same record without its contents.
pub fn log_only() -> Bundle {
    let selection = Selection { without_contents: true, ..Selection::default() };
    selection.of(&content()).unwrap().sign(&[&key()]).unwrap()
}

fn key() -> Key {
    Key::from_secret(&[11; 32]).unwrap()
}

fn content() -> Content {
    let contract = ContractRef { chain_id: "medrec-test-1".into(), address: "medrec1contract".into() };
    let signing = SigningKey::from_bytes(&[21; 32]);
    let log = LogSigner::new(ORIGIN, &[22; 32]).unwrap();
    let reference = relationship_ref(&contract.chain_id, &contract.address, RELATIONSHIP);
    let resource = json!({"resourceType": "Observation", "valueQuantity": {"value": 13, "unit": "g/dL"}});
    let record_key = RecordKey::from_bytes([7; 32]);
    let context = Context {
        log_origin: ORIGIN.into(),
        relationship_ref: reference,
        record_id: [1; 16],
        version: 1,
        scope_hash: SCOPE_HASH,
        resource_type: "Observation".into(),
    };
    let commitment = commit(&record_key, &context, &resource).unwrap();
    let manifest = manifest([Listed { id: &[1; 16], version: 1, commitment: &commitment, mark: None }]);
    let header = Header {
        request: [9; 32],
        relationship: RELATIONSHIP,
        scope: "labs".into(),
        scope_hash: SCOPE_HASH,
        purpose: "patient-request".into(),
        grant: None,
        height: 8,
        at: AT,
        count: 1,
        complete: true,
        manifest,
        counter: 2,
    };
    let filed = Filed {
        at: AT,
        record_id: [1; 16],
        version: 1,
        resource_type: "Observation".into(),
        scope: "labs".into(),
        scope_hash: SCOPE_HASH,
        explained: Explained::New,
    };
    let read = Body::Read(Read {
        at: AT,
        height: 8,
        request: [9; 32],
        grant: None,
        requester: key().address().to_owned(),
        scope: "labs".into(),
        purpose: "patient-request".into(),
        card: None,
        viewer_name: String::new(),
        viewer_role: String::new(),
        viewer_institution: 0,
        record_count: 1,
        manifest,
    });
    let mut ratchet = Root::from_bytes([23; 32]).ratchet(&contract.place(RELATIONSHIP, ORIGIN));
    let (a, b, c) = (ratchet.step(), ratchet.step(), ratchet.step());
    let sealed = [
        (Entry::seal(&a, &[24; 32], &Body::Opened { at: AT, height: 7 }).unwrap(), a.entry_key()),
        (Entry::file(&b, commitment, filed).unwrap(), b.entry_key()),
        (Entry::seal(&c, &[24; 32], &read).unwrap(), c.entry_key()),
    ];
    let ours = |index| PLACES.iter().position(|place| *place == index);
    let leaf = |index| match ours(index) {
        Some(at) => sealed[at].0.leaf_hash(),
        None => [u8::try_from(index).unwrap(); 32],
    };
    let (tree, anchored): (Tree, Tree) = ((0..SIZE).map(leaf).collect(), (0..ANCHORED).map(leaf).collect());
    let answered = Answered {
        signature: header.sign(&contract, &signing).unwrap(),
        header,
        records: vec![RecordListed {
            id: [1; 16],
            version: 1,
            commitment,
            mark: None,
            filed: Some(1),
            content: Some(Contents { resource, version_key: *record_key.version_key(1).as_bytes() }),
        }],
    };
    let entries = sealed.iter().zip(PLACES).zip(0..).map(|(((entry, key), index), counter)| Shown {
        counter,
        index,
        entry: *entry.as_bytes(),
        key: *key.as_bytes(),
    });
    let part = Part {
        relationship: RELATIONSHIP,
        patient: key().address().to_owned(),
        institution: InstitutionFacts {
            id: 1,
            name: "North".into(),
            url: "https://north.example".into(),
            signing_key: signing.verifying_key().to_bytes(),
            log_origin: ORIGIN.into(),
            log_key: *log.public().public_key(),
        },
        checkpoint: log.sign(SIZE, tree.root()).note(),
        anchor: AnchorFacts { size: ANCHORED, root: anchored.root(), height: 90, at: AT },
        consistency: consistency_proof(&tree, ANCHORED, SIZE).unwrap(),
        proof: multi_proof(&tree, &PLACES, SIZE).unwrap(),
        sealed: Vec::new(),
        whole: true,
        counter: Some(Counted(log.sign_counter(&reference, 3, SIZE, AT))),
        entries: entries.collect(),
        answers: vec![answered],
    };
    let chain = ChainFacts {
        chain_id: contract.chain_id,
        registrar: "medrec1registrar".into(),
        relationship: contract.address,
        authlog: "medrec1authlog".into(),
    };
    Content { made_at: AT, chain, parts: vec![part], seals: Run::default() }
}
