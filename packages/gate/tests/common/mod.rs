//! A gatekeeper's audience, a signer, and an institution that answers.
#![allow(dead_code, reason = "each test file uses its part")]

use ed25519_dalek::SigningKey;
use medrec_accesslog::{
    Body, Entry, Explained, Filed, LogSigner, LogWriter, Marking, Ratchet, Read, Root, TileMap,
    inclusion_proof,
};
use medrec_gate::answer::manifest;
use medrec_gate::{
    Answer, Asked, Audience, Disclosed, Draft, Endpoint, Header, Incoming, Institution, Listed, Mark,
    Promised, Proven, Record, Refusal, Signed, VerifiedRequest, verify,
};
use medrec_record::{Context, RecordKey, commit, relationship_ref};
use medrec_rules::Purpose;
use medrec_wallet::{ContractRef, Key, PublicKey, SecretKey};
use serde_json::{Value, json};

pub const URL: &str = "https://north.example";
pub const NOW: u64 = 1_800_000_000;
pub const ORIGIN: &str = "north.example/log";
pub const BODY: &[u8] = br#"{"scope":"labs","card":null}"#;

pub fn key() -> Key {
    Key::from_secret(&[11; 32]).unwrap()
}

pub fn reply() -> SecretKey {
    SecretKey::from_bytes(&[12; 32])
}

pub fn contract() -> ContractRef {
    let address = Key::from_secret(&[13; 32]).unwrap().address().to_owned();
    ContractRef { chain_id: "medrec-test-1".into(), address }
}

pub fn audience() -> Audience {
    Audience { public_url: URL.into(), contract: contract() }
}

pub fn draft<'a>(contract: &'a ContractRef, reply_key: &'a PublicKey) -> Draft<'a> {
    Draft {
        public_url: URL,
        endpoint: Endpoint::Read { relationship: 5 },
        body: BODY,
        contract,
        purpose: Purpose::Treatment,
        reply_key,
        created: NOW,
        expires: NOW + 60,
        nonce: [9; 16],
    }
}

pub fn signed() -> Signed {
    draft(&contract(), &reply().public().unwrap()).sign(&key()).unwrap()
}

/// A request in parts a test can bend.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Sent {
    pub fn good() -> Sent {
        let headers = signed().headers.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes())).collect();
        Sent { method: "POST".into(), path: "/v1/relationships/5/read".into(), headers, body: BODY.to_vec() }
    }

    pub fn value(&self, name: &str) -> String {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name).unwrap();
        String::from_utf8(value.clone()).unwrap()
    }

    pub fn set(mut self, name: &str, value: impl AsRef<[u8]>) -> Sent {
        self.headers.iter_mut().find(|(n, _)| n == name).unwrap().1 = value.as_ref().to_vec();
        self
    }

    pub fn replace(self, name: &str, from: &str, to: &str) -> Sent {
        let value = self.value(name);
        assert!(value.contains(from), "{value} has no {from}");
        self.set(name, value.replacen(from, to, 1))
    }

    pub fn verify_at(&self, now: u64) -> Result<VerifiedRequest, Refusal> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let incoming = Incoming {
            method: &self.method,
            path_and_query: &self.path,
            headers: &headers,
            body: &self.body,
        };
        verify::verify(&incoming, &audience(), now)
    }

    pub fn verify(&self) -> Result<VerifiedRequest, Refusal> {
        self.verify_at(NOW)
    }
}

/// An institution with a log of a few entries and an answer made from it.
pub struct House {
    pub signing_key: SigningKey,
    pub log: LogSigner,
    pub entries: Vec<Entry>,
    pub answer: Answer,
}

pub const SCOPE_HASH: [u8; 32] = [3; 32];
pub const RELATIONSHIP: u64 = 5;

pub fn resources() -> Vec<Value> {
    let one = |n: u32| {
        let text = format!(
            r#"{{"resourceType":"Observation","id":"o{n}","valueQuantity":{{"value":{n}.10,"unit":"g/dL"}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    vec![one(7), one(8), json!({"resourceType": "Condition", "code": {"text": "Anaemia"}})]
}

impl House {
    pub fn new() -> House {
        let signing_key = SigningKey::from_bytes(&[21; 32]);
        let log = LogSigner::new(ORIGIN, &[22; 32]).unwrap();
        let contract = contract();
        let mut ratchet = Root::from_bytes([23; 32]).ratchet(&contract.place(RELATIONSHIP, ORIGIN));
        let mut entries = vec![seal(&mut ratchet, Body::Opened { at: NOW, height: 7 })];
        let mut filed = Vec::new();
        for (n, resource) in (1u8..).zip(resources()) {
            let (record, commitment, entry) = file(&contract, &mut ratchet, n, resource);
            entries.push(entry);
            filed.push((record, commitment));
        }
        let marking = Marking {
            at: NOW,
            height: 7,
            request: [25; 32],
            requester: "patient".into(),
            record_id: [2; 16],
            version: 1,
        };
        let disputed = Body::Disputed { marking, note: "of somebody else".into() };
        entries.push(seal(&mut ratchet, disputed.clone()));
        filed[1].0.mark = Some(Mark::Disputed);
        filed[1].0.marked = Some(Disclosed {
            index: 4,
            entry: *entries[4].as_bytes(),
            proof: vec![],
            blind: BLIND,
            body: disputed.encode().unwrap(),
        });
        let manifest = manifest(filed.iter().map(|(record, commitment)| listed(record, commitment)));
        let body = Read {
            at: NOW,
            height: 8,
            request: signed().hash,
            grant: Some(2),
            requester: key().address().to_owned(),
            scope: "labs".into(),
            purpose: "treatment".into(),
            card: None,
            viewer_name: "Ana".into(),
            viewer_role: "clinician".into(),
            viewer_institution: 1,
            record_count: 3,
            manifest,
        };
        let header = Header {
            request: signed().hash,
            relationship: RELATIONSHIP,
            scope: "labs".into(),
            scope_hash: SCOPE_HASH,
            purpose: "treatment".into(),
            grant: Some(2),
            height: 8,
            at: NOW,
            count: 3,
            complete: true,
            manifest,
            counter: 6,
        };
        let body = Body::Read(body);
        entries.push(seal(&mut ratchet, body.clone()));
        let read = promised(&log, 5, &entries[5], &body);
        let answer = Answer {
            signature: header.sign(&contract, &signing_key).unwrap(),
            header,
            records: filed.into_iter().map(|(record, _)| record).collect(),
            read,
            checkpoint: String::new(),
        };
        let mut house = House { signing_key, log, entries, answer };
        house.prove();
        house
    }

    /// Makes checkpoint and inclusion proofs anew from the entries as they are.
    pub fn prove(&mut self) {
        let mut writer = LogWriter::new();
        let mut tiles = TileMap::default();
        for entry in &self.entries {
            writer.append(entry.leaf_hash()).unwrap();
        }
        for (path, bytes) in writer.take_tiles() {
            tiles.insert(path, bytes);
        }
        let size = writer.size();
        self.answer.checkpoint = self.log.sign(size, writer.root()).note();
        let proof = |index| inclusion_proof(&tiles, index, size).unwrap();
        for record in &mut self.answer.records {
            record.filed.proof = proof(record.filed.index);
            if let Some(marked) = &mut record.marked {
                marked.proof = proof(marked.index);
            }
        }
        let read = &mut self.answer.read;
        read.proof = proof(read.index);
        read.promise = self.log.promise(read.index, read.entry().leaf_hash(), NOW, NOW + 60);
    }

    /// Signs the header as it is now.
    pub fn resign(&mut self) {
        self.answer.signature = self.answer.header.sign(&contract(), &self.signing_key).unwrap();
    }

    pub fn institution(&self) -> Institution {
        Institution {
            signing_key: self.signing_key.verifying_key().to_bytes().to_vec(),
            log_key: self.log.public().clone(),
        }
    }

    pub fn findings(&self) -> Vec<medrec_gate::Finding> {
        let (contract, institution, key, hash) = (contract(), self.institution(), key(), signed().hash);
        let asked = Asked {
            contract: &contract,
            institution: &institution,
            request: &hash,
            relationship: RELATIONSHIP,
            scope: "labs",
            purpose: "treatment",
            requester: key.address(),
        };
        medrec_gate::check::check(&self.answer, &asked).findings
    }
}

pub const BLIND: [u8; 32] = [24; 32];

pub fn listed<'a>(record: &'a Record, commitment: &'a [u8; 32]) -> Listed<'a> {
    Listed { id: &record.id, version: record.version, commitment, mark: record.mark }
}

/// An entry for whoever asked for it; the proof is made later.
pub fn promised(log: &LogSigner, index: u64, entry: &Entry, body: &Body) -> Promised {
    Promised {
        index,
        entry: *entry.as_bytes(),
        proof: vec![],
        blind: BLIND,
        body: body.encode().unwrap(),
        promise: log.promise(index, entry.leaf_hash(), NOW, NOW + 60),
    }
}

pub fn seal(ratchet: &mut Ratchet, body: Body) -> Entry {
    Entry::seal(&ratchet.step(), &BLIND, &body).unwrap()
}

fn file(contract: &ContractRef, ratchet: &mut Ratchet, n: u8, resource: Value) -> (Record, [u8; 32], Entry) {
    let record_key = RecordKey::from_bytes([n; 32]);
    let resource_type = resource["resourceType"].as_str().unwrap().to_owned();
    let context = Context {
        log_origin: ORIGIN.into(),
        relationship_ref: relationship_ref(&contract.chain_id, &contract.address, RELATIONSHIP),
        record_id: [n; 16],
        version: 1,
        scope_hash: SCOPE_HASH,
        resource_type: resource_type.clone(),
    };
    let commitment = commit(&record_key, &context, &resource).unwrap();
    let filed = Filed {
        at: NOW,
        record_id: [n; 16],
        version: 1,
        resource_type,
        scope: "labs".into(),
        scope_hash: SCOPE_HASH,
        explained: Explained::New,
    };
    let entry = Entry::file(&ratchet.step(), commitment, filed).unwrap();
    let record = Record {
        id: [n; 16],
        version: 1,
        resource,
        version_key: *record_key.version_key(1).as_bytes(),
        mark: None,
        marked: None,
        filed: Proven { index: u64::from(n), entry: *entry.as_bytes(), proof: vec![] },
    };
    (record, commitment, entry)
}
