//! From a change of consent on the chain to what the gatekeeper does about it: the first read a grant opens, the first
//! refusal after its revoke.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use medrec_accesslog::{LogKey, TagKey};
use medrec_api::relationship::{ExecuteMsg, GrantKind};
use medrec_clients::{Chain, Registrar, Relationship, Rpc, Signer, Tx, TxOutcome, execute};
use medrec_gate::{Answer, Asked, Draft, Endpoint, Institution, Problem, ReadBody, Reason, answer, check};
use medrec_pilot::{Patient, Stage};
use medrec_rules::Purpose;
use medrec_wallet::{Access, ContractRef, Key, SecretKey, Terms, Wallet, Words, opening};
use rand_core::{OsRng, RngCore as _};

use crate::actors::random;
use crate::latency::Latencies;
use crate::world::now;

/// Between two reads that are not yet what is waited for.
const GRAIN: Duration = Duration::from_millis(20);
const DEADLINE: Duration = Duration::from_secs(60);
/// One record: what is measured is the decision, not the reading.
const SCOPE: &str = "patient";
const PURPOSE: Purpose = Purpose::Treatment;
/// More than a grant or revoke needs (docs/gas.json); fifty of each are within her allowance.
const GAS: u64 = 400_000;
/// `chain.max_staleness` of the pilot's relayer, seconds: its default.
pub const MAX_STALENESS: u64 = 8;

/// What some rounds of grant, read, revoke and refusal took.
#[derive(Clone, Debug)]
pub struct Times {
    /// Broadcast of a grant to the first answer under it, opened.
    pub granted: Latencies,
    /// Broadcast of its revoke to the first refusal.
    pub revoked: Latencies,
    /// Seconds after the time of a revoke's block that the latest permitted read was decided.
    pub latest: u64,
}

/// A patient of the pilot with her hospital, by the libraries alone.
pub struct Consent {
    rpc: Rpc,
    chain: Chain,
    http: reqwest::Client,
    contract: ContractRef,
    url: String,
    institution: Institution,
    signer: Signer,
    relationship: u64,
    tag_key: TagKey,
}

/// What a read came to.
enum Outcome {
    /// When the permission was decided, seconds since 1970.
    Permitted(u64),
    Refused(Reason),
}

impl Consent {
    /// With the first of her hospitals.
    pub async fn of(stage: &Stage, patient: &Patient) -> Result<Self> {
        let relationship = patient.first()?;
        let (rpc, chain) = (stage.rpc().await?, stage.net.chain()?);
        let contracts = &stage.deployment()?.contracts;
        let contract =
            ContractRef { chain_id: chain.chain_id.clone(), address: contracts.relationship.address.clone() };
        let number = stage.relayer(relationship.hospital)?.institution;
        let hospital = Registrar::new(&rpc, &contracts.registrar.address).institution(number).await?;
        let log_key: [u8; 32] = hospital.log_key.as_slice().try_into().context("the log's key")?;
        let institution = Institution {
            signing_key: hospital.signing_key.to_vec(),
            log_key: LogKey::new(&hospital.log_origin, &log_key)?,
        };
        let state = Relationship::new(&rpc, &contract.address).relationship(relationship.id).await?;
        let key = Wallet::from_words(&Words::parse(&patient.words)?)?.key(0)?;
        let (_, root) = opening::restore(&contract, &state.first_steward, &key, &state.sealed_open)?;
        Ok(Self {
            tag_key: root.tag_key(&contract.place(relationship.id, &hospital.log_origin)),
            signer: Signer::from_secret(&key.secret())?,
            http: reqwest::Client::new(),
            relationship: relationship.id,
            url: hospital.url,
            rpc,
            chain,
            contract,
            institution,
        })
    }

    /// One round after the other, each with a viewer of its own.
    pub async fn measure(&self, rounds: usize) -> Result<Times> {
        let (mut granted, mut revoked, mut latest) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds {
            let viewer = Key::from_secret(&random())?;
            let (took, outcome, _) = self
                .change(&self.grant(&viewer)?, &viewer, |seen| matches!(seen, Outcome::Permitted(_)))
                .await?;
            granted.push(took);
            let event = outcome.events.iter().find(|event| event.kind == "wasm-granted");
            let grant = event.and_then(|event| event.value("grant")).context("no grant in the events")?;
            let revoke = ExecuteMsg::Revoke { id: self.relationship, grant: grant.parse()? };
            let (took, outcome, permitted) = self
                .change(&revoke, &viewer, |seen| matches!(seen, Outcome::Refused(Reason::Revoked)))
                .await?;
            revoked.push(took);
            let block = self.rpc.block(outcome.height).await?.time_seconds;
            latest = permitted.map_or(latest, |at| latest.max(at.saturating_sub(block)));
        }
        Ok(Times { granted: Latencies::of(granted), revoked: Latencies::of(revoked), latest })
    }

    /// Broadcasts and reads until it `shows`: how long that took, the transaction's outcome, and when the latest
    /// permitted read on the way was decided.
    async fn change(
        &self,
        msg: &ExecuteMsg,
        viewer: &Key,
        shows: impl Fn(&Outcome) -> bool,
    ) -> Result<(Duration, TxOutcome, Option<u64>)> {
        let sender = self.signer.address();
        let account = self.rpc.account(sender).await?.context("the patient has no account")?;
        let tx = Tx {
            msgs: vec![execute(sender, &self.contract.address, msg, &[])?],
            gas: GAS,
            fee_amount: self.chain.gas_price.fee(GAS),
            granter: Some(self.contract.address.clone()),
            ..Tx::default()
        };
        let bytes = tx.sign(&self.chain.chain_id, &[(&self.signer, account)])?;
        let mut latest = None;
        let started = Instant::now();
        let hash = self.rpc.broadcast(bytes).await?;
        let took = loop {
            let seen = self.read(viewer).await?;
            if shows(&seen) {
                break started.elapsed();
            }
            match seen {
                Outcome::Permitted(at) => latest = Some(at),
                Outcome::Refused(Reason::NotPermitted | Reason::ChainStale) => {}
                Outcome::Refused(reason) => bail!("a read was refused as {reason}"),
            }
            ensure!(started.elapsed() < DEADLINE, "{hash} had no effect in {} s", DEADLINE.as_secs());
            tokio::time::sleep(GRAIN).await;
        };
        let outcome = self.rpc.wait_tx(hash, DEADLINE).await?;
        ensure!(outcome.code == 0, "the change failed: {}", outcome.log);
        Ok((took, outcome, latest))
    }

    fn grant(&self, viewer: &Key) -> Result<ExecuteMsg> {
        let terms = Terms::new(vec![SCOPE.to_owned()], vec![PURPOSE.as_str().to_owned()])?;
        let key = viewer.encryption_key()?.public()?;
        let sealed = terms.seal(&mut OsRng, &self.contract, self.relationship, &key, &Access::Read)?;
        Ok(ExecuteMsg::Grant {
            id: self.relationship,
            viewer: viewer.address().to_owned(),
            kind: GrantKind::Read,
            tags: terms.tags(&mut OsRng, &self.tag_key)?.to_bytes().into(),
            from: None,
            until: now()?.saturating_add(3_600),
            sealed: sealed.into(),
        })
    }

    /// A signed read; an answer is opened and checked.
    async fn read(&self, viewer: &Key) -> Result<Outcome> {
        let reply = SecretKey::generate(&mut OsRng);
        let body = serde_json::to_vec(&ReadBody { scope: SCOPE.to_owned(), card: None })?;
        let mut nonce = [0; 16];
        OsRng.fill_bytes(&mut nonce);
        let (created, relationship) = (now()?, self.relationship);
        let draft = Draft {
            public_url: &self.url,
            endpoint: Endpoint::Read { relationship },
            body: &body,
            contract: &self.contract,
            purpose: PURPOSE,
            reply_key: &reply.public()?,
            created,
            expires: created.saturating_add(30),
            nonce,
        };
        let signed = draft.sign(viewer)?;
        let mut request = self.http.post(&signed.url).body(body.clone());
        for (name, value) in &signed.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await?;
        let permitted = response.status().is_success();
        let bytes = response.bytes().await?;
        if !permitted {
            let problem = Problem::parse(&bytes).context("a refusal that is no problem document")?;
            return Ok(Outcome::Refused(problem.reason));
        }
        let opened: Answer = answer::open(&reply, &signed.hash, &bytes)?;
        let asked = Asked {
            contract: &self.contract,
            institution: &self.institution,
            request: &signed.hash,
            relationship,
            scope: SCOPE,
            purpose: PURPOSE.as_str(),
            requester: viewer.address(),
        };
        let findings = check::check(&opened, &asked).findings;
        ensure!(findings.is_empty() && opened.header.count == 1, "the answer is wrong: {findings:?}");
        Ok(Outcome::Permitted(opened.header.at))
    }
}
