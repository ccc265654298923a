//! The relayer's projection made anew from the contracts' state, and from every block.
//!
//! `MEDREC_RELATIONSHIPS` (10,000) sets the size.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use medrec_api::{
    GrantKind,
    registrar::NewInstitution,
    relationship::{ExecuteMsg, RelationshipResponse},
};
use medrec_clients::{Chain, Deployment, Relationship, Rpc, Tx, TxHash, execute};
use medrec_e2e::{
    actors::Actor,
    report::{Report, Row},
    world::{binaries, root},
};
use medrec_localnet::{Localnet, Plan};
use medrec_pilot::{Hospitals, Tools, until};
use medrec_wallet::{Access, Card, ContractRef, Terms, opening};
use rand_core::OsRng;
use serde_json::json;
use tempfile::TempDir;

const COMMIT: Duration = Duration::from_millis(20);
/// Requests under way at the same time.
const AT_ONCE: usize = 16;
/// More than `accept` and `grant` use.
const GAS: u64 = 400_000;
const ORIGIN: &str = "log.bench.example";

#[tokio::main]
async fn main() -> Result<()> {
    let wanted = env::var("MEDREC_RELATIONSHIPS").ok().map_or(Ok(10_000), |text| text.parse())?;
    let stage = Stage::up(wanted).await?;
    let started = Instant::now();
    stage.open().await?;
    stage.accept_and_grant().await?;
    eprintln!("{wanted} relationships after {} s", started.elapsed().as_secs());

    let missed = stage.rebuild(&[]).await?;
    let again = stage.rebuild(&[]).await?;
    let replay = stage.rebuild(&["--replay"]).await?;
    let blocks = stage.rpc.status().await?.height;
    let milliseconds = replay.as_secs_f64() * 1_000.0 / f64::from(u32::try_from(blocks)?);
    let seconds = |time: Duration| (time.as_secs_f64() * 10.0).round() / 10.0;
    stage.net.down().await;
    Report {
        setup: format!(
            "{wanted} relationships of one institution, each opened by the relayer, accepted and with one grant, on one \
             validator with {} ms between commits; {blocks} blocks. Built for release, on the same machine as the \
             validator.",
            COMMIT.as_millis()
        ),
        timer: "the command `medrec-relayer rebuild` from start to exit, opening the keystore and the store included; \
                replay ends with the comparison"
            .to_owned(),
        rows: vec![
            Row::new(
                "rebuild, every acceptance and grant missed",
                seconds(missed),
                "s",
                Some(30.0),
                "starts the ratchets and writes the entries too".to_owned(),
            ),
            Row::new("rebuild, nothing missed", seconds(again), "s", Some(30.0), String::new()),
            Row::new(
                "replay, a block",
                (milliseconds * 1_000.0).round() / 1_000.0,
                "ms",
                Some(1_000.0 / 300.0),
                format!("{:.0} blocks/s", 1_000.0 / milliseconds),
            ),
        ],
    }
    .hand_over()
}

/// One validator, one relayer that is not always running, and its patients.
struct Stage {
    net: Localnet,
    rpc: Rpc,
    chain: Chain,
    deployment: Deployment,
    tools: Tools,
    relayer: PathBuf,
    private: String,
    patient_id: String,
    patients: Vec<Actor>,
    _home: TempDir,
}

impl Stage {
    async fn up(wanted: usize) -> Result<Self> {
        let home = tempfile::tempdir().context("no folder for the bench")?;
        let net_home = home.path().join("localnet");
        let deployment = net_home.join("deployment.json");
        let tools = Tools::new(&binaries()?, home.path(), &deployment)?;
        let hospitals = Hospitals::of(&root().join("data/synthea-sample"))?;
        let hospital = hospitals.all.first().context("the sample has no hospital")?;
        let (database, mapping) = (home.path().join("hospital.sqlite"), home.path().join("mapping.toml"));
        hospital.write_database(&database).await?;
        fs::write(&mapping, hospital.mapping()).context("write the mapping")?;
        let relayer = home.path().join("relayer");
        let (public, private) =
            (format!("127.0.0.1:{}", free_port()?), format!("127.0.0.1:{}", free_port()?));
        let url = format!("http://{public}");
        let [database, mapping, deployment] =
            [database, mapping, deployment].map(|path| path.display().to_string());
        let args = ["init", "--name", "Bench", "--url", &url, "--log-origin", ORIGIN];
        let places = ["--public", &public, "--private", &private, "--deployment", &deployment];
        let args = [&args[..], &places, &["--database", &database, "--mapping", &mapping]].concat();
        let institution: NewInstitution = tools.relayer(&relayer, &args).await?.json("init")?;
        slow_timeout(&relayer.join("relayer.toml"))?;
        let builder = Localnet::builder(&net_home)?.validators(1).block_time(COMMIT);
        let net = builder.fund(institution.account.clone(), 1_000_000_000).up().await?;
        let deployment = net.deploy(&Plan::new(root().join("artifacts"), vec![institution])).await?;
        Ok(Self {
            rpc: net.rpc(0)?,
            chain: net.chain()?,
            net,
            deployment,
            tools,
            relayer,
            private: format!("http://{private}"),
            patient_id: hospital
                .richest(1)
                .pop()
                .and_then(|patient| hospital.local_id(&patient))
                .context("the hospital has no patients")?,
            patients: (0..wanted).map(|_| Actor::fresh()).collect::<Result<_>>()?,
            _home: home,
        })
    }

    fn contract(&self) -> &str {
        &self.deployment.contracts.relationship.address
    }

    /// The sponsor admits delegates, the desk opens with every card, the relayer sends.
    async fn open(&self) -> Result<()> {
        let count = self.patients.len().to_string();
        let printed = self.tools.relayer(&self.relayer, &["delegates", "--count", &count]).await?;
        let delegates = printed.ok("print delegates")?.stdout.lines().map(str::to_owned).collect();
        medrec_localnet::admit(&self.rpc, &self.chain, self.net.sponsor(), self.contract(), delegates)
            .await?;
        let mut running = self.tools.start_relayer(&self.relayer)?;
        let http = reqwest::Client::new();
        until("the relayer to be ready", Duration::from_secs(60), async || {
            let answer = http.get(format!("{}/readyz", self.private)).send().await;
            Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        })
        .await?;
        let token = fs::read_to_string(self.relayer.join("staff.token"))?;
        stream::iter(&self.patients)
            .map(|patient| self.open_one(&http, token.trim(), patient))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        until("every opening to be confirmed", Duration::from_secs(3_600), async || {
            let status = http.get(format!("{}/status", self.private)).send().await?;
            let status: serde_json::Value = status.json().await?;
            Ok((status["outbox"]["waiting"].as_u64() <= Some(1)).then_some(()))
        })
        .await?;
        Ok(running.kill().await?)
    }

    async fn open_one(&self, http: &reqwest::Client, token: &str, patient: &Actor) -> Result<()> {
        let card = Card::of_patient(patient.address(), patient.encryption_key()?)?.to_text()?;
        let request = http.post(format!("{}/staff/relationships", self.private)).bearer_auth(token);
        let answer = request.json(&json!({"patient_id": self.patient_id, "card": card})).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "an opening was refused: {status} {}", answer.text().await?);
        Ok(())
    }

    /// While the relayer is stopped every patient accepts and grants once.
    async fn accept_and_grant(&self) -> Result<()> {
        let sent: Vec<[TxHash; 2]> = stream::iter(&self.patients)
            .map(|patient| self.accept_and_grant_one(patient))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for hash in sent.into_iter().flatten() {
            let outcome = self.rpc.wait_tx(hash, Duration::from_secs(120)).await?;
            ensure!(outcome.code == 0, "an acceptance or a grant failed: {}", outcome.log);
        }
        Ok(())
    }

    async fn accept_and_grant_one(&self, patient: &Actor) -> Result<[TxHash; 2]> {
        let place =
            ContractRef { chain_id: self.chain.chain_id.clone(), address: self.contract().to_owned() };
        let contract = Relationship::new(&self.rpc, self.contract());
        let found = contract.relationships(&[patient.address().to_owned()], None, None).await?;
        let found: RelationshipResponse =
            found.relationships.into_iter().next().context("no relationship")?;
        let steward = &found.first_steward;
        let offer = opening::read_offer(&place, steward, &patient.key, &found.sealed_open)?;
        let part = opening::patient_part(&place, steward, &patient.key)?;
        let sealed = opening::accept(&mut OsRng, &place, found.id, &offer, &part)?;
        let (_, root) = opening::restore(&place, steward, &patient.key, &found.sealed_open)?;
        let tag_key = root.tag_key(&place.place(found.id, ORIGIN));
        let terms = Terms::new(vec!["observations".into()], vec!["treatment".into()])?;
        let viewer = Actor::fresh()?;
        let grant = ExecuteMsg::Grant {
            id: found.id,
            viewer: viewer.address().to_owned(),
            kind: GrantKind::Read,
            tags: terms.tags(&mut OsRng, &tag_key)?.to_bytes().into(),
            from: None,
            until: SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().saturating_add(86_400),
            sealed: terms
                .seal(&mut OsRng, &place, found.id, &viewer.encryption_key()?, &Access::Read)?
                .into(),
        };
        let accept = ExecuteMsg::Accept { id: found.id, sealed: sealed.into() };
        let mut account = self.rpc.account(patient.address()).await?.context("the patient has no account")?;
        let mut hashes = Vec::new();
        for msg in [accept, grant] {
            let tx = Tx {
                msgs: vec![execute(patient.address(), self.contract(), &msg, &[])?],
                gas: GAS,
                fee_amount: self.chain.gas_price.fee(GAS),
                granter: Some(self.contract().to_owned()),
                timeout_height: 0,
            };
            let bytes = tx.sign(&self.chain.chain_id, &[(&patient.signer, account)])?;
            hashes.push(self.rpc.broadcast(bytes).await?);
            account.sequence = account.sequence.saturating_add(1);
        }
        hashes.try_into().map_err(|_| anyhow::anyhow!("two messages make two transactions"))
    }

    async fn rebuild(&self, args: &[&str]) -> Result<Duration> {
        let started = Instant::now();
        let outcome = self.tools.relayer(&self.relayer, &[&["rebuild"], args].concat()).await?;
        let elapsed = started.elapsed();
        let outcome = outcome.ok("medrec-relayer rebuild")?;
        let last = outcome.stdout.lines().last().unwrap_or_default();
        eprintln!("{last}");
        ensure!(last.contains(&format!(" {} relationships", self.patients.len())), "unexpected: {last}");
        Ok(elapsed)
    }
}

/// With 20 ms between commits the default of 20 blocks is no time at all.
fn slow_timeout(config: &Path) -> Result<()> {
    let text = fs::read_to_string(config)?;
    ensure!(!text.contains("timeout_blocks"), "the written configuration sets timeout_blocks");
    let text = match text.contains("[chain]") {
        true => text.replace("[chain]", "[chain]\ntimeout_blocks = 2000"),
        false => format!("{text}\n[chain]\ntimeout_blocks = 2000\n"),
    };
    Ok(fs::write(config, text)?)
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("find a free port")?.local_addr()?.port())
}
