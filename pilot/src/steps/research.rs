//! Researchers seal the logs, one wins a bounty, and the aggregate he gets is held against the truth.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use medrec_api::authlog::SealResponse;
use medrec_clients::{Authlog, Bounty as Bounties};
use medrec_pow::U256;
use serde::{Deserialize, Serialize};

use super::{each, opening};
use crate::hospitals::{HAEMOGLOBIN, Hospital};
use crate::people::Patient;
use crate::researcher::Researcher;
use crate::stage::Stage;
use crate::wait::until;

const SEALED: Duration = Duration::from_secs(120);
const OWNED: Duration = Duration::from_secs(120);
const DELIVERED: Duration = Duration::from_secs(90);

/// Seals at least.
const SEALS: u64 = 3;
/// Values of one patient that count.
const CONTRIBUTIONS: usize = 2;
/// ε of the answer: in a pilot of a few patients, noise that would hide a hospital's would hide everything.
const PRICE: &str = "8";

/// What the researchers did.
#[derive(Debug, Clone, Serialize)]
pub struct Mining {
    pub seals: u64,
    /// Entries under the newest one.
    pub entries: u64,
    /// Tries all seals took on average.
    pub work: String,
    pub researchers: Vec<Share>,
}

/// One researcher's part.
#[derive(Debug, Clone, Serialize)]
pub struct Share {
    pub name: &'static str,
    /// Percent of a core.
    pub share: u8,
    pub tries: u64,
    pub seals: u64,
}

/// What one of them was paid.
#[derive(Debug, Clone, Serialize)]
pub struct Bounty {
    pub question: &'static str,
    pub institution: String,
    pub owner: &'static str,
    /// Patients of it who opted in and have a value.
    pub patients: u64,
    pub truth: f64,
    pub answer: f64,
    /// Half the width of the interval that holds the truth in 95 of 100 cases.
    pub within: f64,
    /// ε spent, and the institution's whole budget, in millionths.
    pub spent: u64,
    pub budget: u64,
}

/// Until the logs' entries lie under three seals; the exported chain of seals verifies without any network.
pub async fn mined(stage: &Stage) -> Result<Mining> {
    let address = stage.deployment()?.contracts.authlog.address.clone();
    let newest = until("three seals over the logs", SEALED, async || {
        let authlog = Authlog::new(&stage.rpc().await?, &address);
        let seals = authlog.sealing().await?.seals;
        if seals < SEALS {
            return Ok(None);
        }
        let newest = authlog.seal(seals).await?;
        Ok((newest.heads.total > 0).then_some(newest))
    })
    .await?;
    let exported = stage.home.join("seals.jsonl");
    let path = exported.display().to_string();
    let researcher = stage.researchers.first().context("there are no researchers")?;
    stage
        .tools
        .again("the chain of seals", async || {
            // A new file each time.
            let _ = std::fs::remove_file(&exported);
            researcher.call(&["export", &path, "--recalls", "--json"]).await?.ok("export the seals")
        })
        .await?;
    let nobody = stage.home.join("nobody");
    let (outcome, _) = stage.tools.offline("medrec-miner", &nobody, &["verify", &path, "--json"]).await?;
    outcome.ok("verify the seals without a network")?;
    let seals = all_seals(stage, newest.number).await?;
    let mut researchers = Vec::new();
    for researcher in &stage.researchers {
        let status = researcher.status().await?;
        let won = seals.iter().filter(|seal| seal.miner == researcher.account).count();
        let (name, share, seals) = (researcher.name, researcher.share, u64::try_from(won)?);
        researchers.push(Share { name, share, tries: status.tries, seals });
    }
    let work = newest.work.as_slice().try_into().context("the work of a seal is no 256 bits")?;
    let work = U256::from_be_bytes(work).to_string();
    Ok(Mining { seals: newest.number, entries: newest.heads.total, work, researchers })
}

async fn all_seals(stage: &Stage, newest: u64) -> Result<Vec<SealResponse>> {
    let authlog = Authlog::new(&stage.rpc().await?, &stage.deployment()?.contracts.authlog.address);
    let mut seals: Vec<SealResponse> = Vec::new();
    loop {
        let page = authlog.seals(seals.last().map(|seal| seal.number), Some(30)).await?.seals;
        if page.is_empty() {
            return Ok(seals);
        }
        seals.extend(page);
        if seals.last().is_some_and(|seal| seal.number >= newest) {
            return Ok(seals);
        }
    }
}

/// A bounty that a researcher owns.
pub struct Owned<'a> {
    hospital: usize,
    offer: String,
    owner: &'a Researcher,
    /// Everybody who opted in at that hospital, by Synthea's id.
    patients: Vec<String>,
}

/// More patients of a hospital come and let their laboratory values be counted, as do those of the scenario; the hospital
/// offers the mean of their haemoglobin, and the miner of the second seal after that takes it.
pub async fn bounty_owned<'a>(stage: &'a Stage, known: &[Patient]) -> Result<Owned<'a>> {
    let hospitals = stage.hospitals.all.iter().enumerate();
    let (hospital, asked) =
        hospitals.max_by_key(|(_, one)| one.measured().count()).context("there are no hospitals")?;
    let is_known = |person: &&String| known.iter().all(|patient| patient.person != **person);
    let more: Vec<String> = asked.measured().filter(is_known).cloned().collect();
    let newcomers = opening::opened(stage, "counted", &more).await?;
    opening::accepted(stage, &newcomers).await?;
    let all: Vec<&Patient> = known.iter().chain(&newcomers).collect();
    each(&all, async |patient| allow(stage, patient).await).await?;
    let height = stage.rpc().await?.status().await?.height;
    stage.relayer(hospital)?.applied(height).await?;

    let offer = offer(stage, hospital, asked).await?;
    let owner = until("a researcher to own the bounty", OWNED, async || {
        for researcher in &stage.researchers {
            if researcher.call(&["bounties", "claim", &offer, "--json"]).await?.code == 0 {
                return Ok(Some(researcher));
            }
        }
        Ok(None)
    })
    .await?;
    let patients = all.iter().map(|patient| patient.person.clone()).collect();
    Ok(Owned { hospital, offer, owner, patients })
}

/// Her laboratory values may be counted, at every hospital.
async fn allow(stage: &Stage, patient: &Patient) -> Result<()> {
    let args = ["research", "allow", "laboratory", "--all", "--at-once", "--json"];
    stage
        .tools
        .again("a patient to allow research", async || {
            stage.tools.medrec(&patient.home, &args).await?.ok("allow research").map(drop)
        })
        .await
}

#[derive(Deserialize)]
struct Offered {
    id: String,
}

async fn offer(stage: &Stage, hospital: usize, asked: &Hospital) -> Result<String> {
    let file = stage.home.join("question.toml");
    let question = format!(
        "system = \"http://loinc.org\"\ncode = \"{HAEMOGLOBIN}\"\nunit = \"g/dL\"\ncategory = \"laboratory\"\n\
         contributions = {CONTRIBUTIONS}\n[cohort]\nfrom = \"2000-01-06\"\nuntil = \"2026-12-31\"\n\
         [measure.mean]\nbounds = {{ lower = 50, upper = 200, scale = 1 }}\n"
    );
    std::fs::write(&file, question).context("write the question")?;
    let path = file.display().to_string();
    let args = ["research", "offer", "--question", &path, "--price", PRICE, "--json"];
    let what = format!("{} to offer a bounty", asked.name);
    let offered: Offered = stage
        .tools
        .again(&what, async || stage.relayer(hospital)?.call(&args).await?.json("offer a bounty"))
        .await?;
    Ok(offered.id)
}

/// `medrec-miner answers --json`.
#[derive(Deserialize)]
struct Answers {
    answers: Vec<OneAnswer>,
}

#[derive(Deserialize)]
struct OneAnswer {
    answer: Option<Told>,
    trouble: Option<String>,
}

#[derive(Deserialize)]
struct Told {
    value: Option<Number>,
}

#[derive(Deserialize)]
struct Number {
    value: String,
    low: String,
    high: String,
}

/// The owner opens his answer, and it is as near to the truth as it says. A wider miss than twice its interval would come
/// once in some thousand runs.
pub async fn bounty_delivered(stage: &Stage, owned: Owned<'_>) -> Result<Bounty> {
    let Owned { hospital, offer, owner, patients } = owned;
    let number = until("the answer to be delivered", DELIVERED, async || {
        let asked = owner.call(&["answers", "--json"]).await?;
        let Answers { answers } = asked.json("ask for the answers")?;
        let one = answers.into_iter().next().context("the owner's tool knows of no offer of his")?;
        if let Some(trouble) = one.trouble {
            bail!("the answer to offer {offer} is of no use: {trouble}");
        }
        let Some(told) = one.answer else { return Ok(None) };
        told.value.context("the answer has no mean: too few patients").map(Some)
    })
    .await?;
    let asked = stage.hospital(hospital)?;
    let truth = asked.mean_haemoglobin(&patients, CONTRIBUTIONS).context("nobody has a value")?;
    let counted = patients.iter().filter(|patient| asked.measured().any(|one| one == *patient)).count();
    let (answer, low, high): (f64, f64, f64) =
        (number.value.parse()?, number.low.parse()?, number.high.parse()?);
    let within = (high - low) / 2.0;
    ensure!(
        (answer - truth).abs() <= 2.0 * within,
        "the answer is {answer} ± {within}, the truth {truth}: too far apart"
    );
    let relayer = stage.relayer(hospital)?;
    let contract = &stage.deployment()?.contracts.bounty.address;
    let budget = Bounties::new(&stage.rpc().await?, contract).budget(relayer.institution).await?.budget;
    Ok(Bounty {
        question: "mean haemoglobin (LOINC 718-7, g/dL)",
        institution: relayer.name.clone(),
        owner: owner.name,
        patients: u64::try_from(counted)?,
        truth,
        answer,
        within,
        spent: budget.spent,
        budget: budget.total,
    })
}
