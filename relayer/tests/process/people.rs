//! People with wallets, over HTTP as their own software does it.

use medrec_accesslog::{
    Entry, Root, Scan, Scanner, SignedCheckpoint, TagKey, VerifyError,
    mirror::{self, Fetch},
};
use medrec_api::{GrantKind, relationship as api};
use medrec_gate::{Answer, Asked, Draft, Endpoint, Finding, Problem, Receipt, Signed, answer, check};
use medrec_merkle::Frontier;
use medrec_rules::Purpose;
use medrec_wallet::{Card, Key, SecretKey, Terms, Wallet, Words, opening};
use rand_core::{OsRng, RngCore};
use serde_json::{Value, json};

use crate::{
    chain::now,
    home::{Home, INSTITUTION, ORIGIN, RESEARCH_TOKEN, TOKEN, client, until},
};

pub type Result<T> = anyhow::Result<T>;

pub fn key(index: u32) -> Key {
    let words = Words::from_entropy(&[42; 32]).unwrap();
    Wallet::from_words(&words).unwrap().key(index).unwrap()
}

/// A relationship from the patient's side.
pub struct Patient {
    pub key: Key,
    pub patient_id: String,
    pub id: u64,
    root: Root,
    tag_key: TagKey,
}

/// A request that may be sent again, and what answers it.
pub struct Request {
    pub endpoint: Endpoint,
    pub signed: Signed,
    pub body: Vec<u8>,
    reply: SecretKey,
    requester: String,
    scope: String,
}

/// What came back.
#[derive(Debug)]
pub enum Reply {
    Answer(Box<Answer>),
    Refused(Problem),
}

impl Reply {
    pub fn answer(self) -> Answer {
        match self {
            Self::Answer(answer) => *answer,
            Self::Refused(problem) => panic!("refused: {problem:?}"),
        }
    }
}

pub fn card(key: &Key) -> String {
    let card = Card::of_patient(key.address(), key.encryption_key().unwrap().public().unwrap()).unwrap();
    card.to_text().unwrap()
}

impl Home {
    /// Asks the private listener as staff: status and body.
    pub async fn staff(&self, method: &str, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        let url = format!("http://{}{path}", self.private);
        let token = if path.starts_with("/staff/research") { RESEARCH_TOKEN } else { TOKEN };
        let mut request = client().request(method.parse()?, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    /// A patient of the hospital with so many rows, named after her.
    pub async fn patient(&self, patient_id: &str, rows: u32) {
        let mut hospital = self.hospital().await;
        let person = sqlx::query("INSERT INTO people VALUES (?, 'Alice Example')").bind(patient_id);
        person.execute(&mut hospital).await.unwrap();
        for n in 0..rows {
            sqlx::query("INSERT INTO labs VALUES (?, ?, '718-7', '13.20', 'g/dL', 'monday')")
                .bind(format!("{patient_id}-{n}"))
                .bind(patient_id)
                .execute(&mut hospital)
                .await
                .unwrap();
        }
    }

    /// From the desk to the first answered read.
    pub async fn relationship(&self, patient_id: &str, key: &Key) -> Patient {
        self.open(patient_id, key).await.unwrap();
        let offered = until("the offer", async || self.offered(key)).await;
        let patient = self.accept(patient_id, key, &offered);
        until("the first read", async || {
            matches!(self.read(key, patient.id, "people").await, Ok(Reply::Answer(_))).then_some(())
        })
        .await;
        patient
    }

    /// Staff asks the patient; asking again with the same card changes nothing.
    pub async fn open(&self, patient_id: &str, key: &Key) -> Result<()> {
        let body = json!({"patient_id": patient_id, "card": card(key)});
        let (status, words) = self.staff("POST", "/staff/relationships", Some(body)).await?;
        anyhow::ensure!(matches!(status, 202 | 409), "{status} {words}");
        Ok(())
    }

    /// The patient's relationship on chain, once it is there.
    pub fn offered(&self, key: &Key) -> Option<api::RelationshipResponse> {
        let addresses = vec![key.address().to_owned()];
        self.node.with(move |chain| {
            let query = api::QueryMsg::Relationships { addresses, start_after: None, limit: None };
            let found: api::RelationshipsResponse = chain.suite.ask_relationship(&query).unwrap();
            found.relationships.into_iter().next()
        })
    }

    /// Slot of our log in the authlog.
    pub fn slot(&self) -> u32 {
        self.node.with(|chain| {
            let query = medrec_api::authlog::QueryMsg::LogOf { institution: INSTITUTION };
            chain.suite.ask_authlog::<medrec_api::authlog::LogResponse>(&query).unwrap().slot
        })
    }

    /// How many grants the chain has, and how many of them were revoked.
    pub fn granted(&self, id: u64) -> (u32, u32) {
        self.node.with(move |chain| {
            let (mut all, mut revoked, mut start_after) = (0, 0, None);
            loop {
                let query = api::QueryMsg::Grants { ids: vec![id], start_after, limit: None };
                let page: api::GrantsResponse = chain.suite.ask_relationship(&query).unwrap();
                let Some(last) = page.grants.last() else { return (all, revoked) };
                start_after = Some((id, last.grant));
                all += page.grants.len() as u32;
                revoked += page.grants.iter().filter(|grant| grant.revoked_at.is_some()).count() as u32;
            }
        })
    }

    /// What the patient knows of it, and her acceptance if she has not accepted yet.
    pub fn accept(&self, patient_id: &str, key: &Key, offered: &api::RelationshipResponse) -> Patient {
        let (contract, id, steward) = (&self.contract, offered.id, &offered.first_steward);
        let offer = opening::read_offer(contract, steward, key, &offered.sealed_open).unwrap();
        assert_eq!(offer.institution, INSTITUTION);
        let part = opening::patient_part(contract, steward, key).unwrap();
        if offered.status == medrec_rules::Status::Offered {
            let sealed = opening::accept(&mut OsRng, contract, id, &offer, &part).unwrap();
            self.execute(key, api::ExecuteMsg::Accept { id, sealed: sealed.into() });
        }
        let root = Root::from_parts(&part, &offer.steward_part);
        let tag_key = root.tag_key(&contract.place(id, ORIGIN));
        Patient { key: key.clone(), patient_id: patient_id.into(), id, root, tag_key }
    }

    /// A message of a person to the relationship contract, in a block at once.
    pub fn execute(&self, key: &Key, msg: api::ExecuteMsg) {
        let sender = key.address().to_owned();
        self.node.with(move |chain| {
            let contract = chain.suite.relationship.clone();
            chain.submit(&sender, &contract, msg);
            chain.block();
        });
    }

    /// Grants scopes for treatment for a day.
    pub fn grant(&self, patient: &Patient, viewer: &Key, scopes: &[&str]) {
        let scopes = scopes.iter().map(|s| (*s).to_owned()).collect();
        let terms = Terms::new(scopes, vec!["treatment".into()]).unwrap();
        let tags = terms.tags(&mut OsRng, &patient.tag_key).unwrap();
        let mut sealed = vec![0; 112];
        OsRng.fill_bytes(&mut sealed);
        let grant = api::ExecuteMsg::Grant {
            id: patient.id,
            viewer: viewer.address().to_owned(),
            kind: GrantKind::Read,
            tags: tags.to_bytes().to_vec().into(),
            from: None,
            until: now() + 86_400,
            sealed: sealed.into(),
        };
        self.execute(&patient.key, grant);
    }

    /// A signed read.
    pub fn request(&self, key: &Key, relationship: u64, scope: &str) -> Request {
        let body = json!({"scope": scope, "card": null});
        self.signed(key, Endpoint::Read { relationship }, &body, Purpose::Treatment, scope)
    }

    /// What a patient does by word.
    pub fn deed(&self, key: &Key, endpoint: Endpoint, body: &Value) -> Request {
        self.signed(key, endpoint, body, Purpose::PatientRequest, "")
    }

    fn signed(&self, key: &Key, endpoint: Endpoint, body: &Value, purpose: Purpose, scope: &str) -> Request {
        let body = serde_json::to_vec(body).unwrap();
        let reply = SecretKey::generate(&mut OsRng);
        let mut nonce = [0; 16];
        OsRng.fill_bytes(&mut nonce);
        let created = now();
        let draft = Draft {
            public_url: &format!("http://{}", self.public),
            endpoint,
            body: &body,
            contract: &self.contract,
            purpose,
            reply_key: &reply.public().unwrap(),
            created,
            expires: created + 60,
            nonce,
        };
        let signed = draft.sign(key).unwrap();
        Request {
            endpoint,
            signed,
            body,
            reply,
            requester: key.address().to_owned(),
            scope: scope.to_owned(),
        }
    }

    /// Sends it: the bytes as they came.
    pub async fn raw(&self, request: &Request) -> Result<(u16, Vec<u8>)> {
        let url = format!("http://{}{}", self.public, request.endpoint);
        let mut sent = client().request(request.signed.method.parse()?, url).body(request.body.clone());
        for (name, value) in &request.signed.headers {
            sent = sent.header(*name, value);
        }
        let answer = sent.send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }

    /// Sends it and opens the answer.
    pub async fn ask(&self, request: &Request) -> Result<Reply> {
        let (status, body) = self.raw(request).await?;
        if status != 200 {
            return Ok(Reply::Refused(Problem::parse(&body).expect("a problem document")));
        }
        Ok(Reply::Answer(Box::new(self.opened(request, &body)?)))
    }

    pub fn opened(&self, request: &Request, body: &[u8]) -> Result<Answer> {
        Ok(answer::open(&request.reply, &request.signed.hash, body)?)
    }

    /// The receipt of a deed.
    pub async fn receipt(&self, request: &Request) -> Result<Receipt> {
        let (status, body) = self.raw(request).await?;
        anyhow::ensure!(status == 200, "a deed was refused with {status}");
        Ok(answer::open(&request.reply, &request.signed.hash, &body)?)
    }

    pub async fn read(&self, key: &Key, relationship: u64, scope: &str) -> Result<Reply> {
        self.ask(&self.request(key, relationship, scope)).await
    }

    /// What is wrong with an answer.
    pub fn findings(&self, request: &Request, answer: &Answer) -> Vec<Finding> {
        let Endpoint::Read { relationship } = request.endpoint else { panic!("not a read") };
        let asked = Asked {
            contract: &self.contract,
            institution: &self.institution,
            request: &request.signed.hash,
            relationship,
            scope: &request.scope,
            purpose: "treatment",
            requester: &request.requester,
        };
        check::check(answer, &asked).findings
    }

    /// The relationship's entries as the patient finds them in the whole log.
    pub fn scan(&self, patient: &Patient, entries: &[Entry]) -> Scan {
        let mut scanner = Scanner::new(patient.root.ratchet(&self.contract.place(patient.id, ORIGIN)));
        for (index, entry) in (0..).zip(entries) {
            scanner.look(index, entry);
        }
        scanner.finish()
    }
}

/// The served log as one reader knows it: it may only grow.
#[derive(Default)]
pub struct Reader {
    pub entries: Vec<Entry>,
    pub checkpoints: Vec<SignedCheckpoint>,
    frontier: Frontier,
    /// Root at every size read.
    pub roots: Vec<[u8; 32]>,
}

struct Http(String);

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

impl Fetch for Http {
    type Error = FetchError;

    async fn get(&self, path: &str, _limit: usize) -> std::result::Result<Vec<u8>, FetchError> {
        let answer = client().get(format!("{}/{path}", self.0)).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }
}

impl Reader {
    /// Reads on: everything read before must be the start of what is served now.
    pub async fn read(&mut self, home: &Home) -> std::result::Result<(), FetchError> {
        let http = Http(format!("http://{}/log", home.public));
        let checkpoint = mirror::checkpoint(&http, &home.institution.log_key).await?;
        let mut new = vec![];
        mirror::read_entries(&http, &checkpoint, &mut self.frontier, |_, entry| new.push(entry.clone()))
            .await?;
        self.entries.extend(new);
        let mut frontier = Frontier::new();
        self.roots = vec![frontier.root()];
        for entry in &self.entries {
            frontier.push(entry.leaf_hash()).unwrap();
            self.roots.push(frontier.root());
        }
        self.checkpoints.push(checkpoint);
        Ok(())
    }
}
