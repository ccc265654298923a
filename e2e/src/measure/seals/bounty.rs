//! A fixed and an open bounty, from offer to answer.

use anyhow::{Context as _, Result};
use medrec_api::bounty::{
    Bounds, CatalogueEntry, Category, Cohort, ExecuteMsg, MAX_ANSWER, Measure, MeasureKind, OfferKind,
    Question, Terms, WEEK,
};

use super::super::Costs;
use super::Ground;
use crate::actors::random;

/// micro-ε of one offer.
const PRICE: u64 = 1_000_000;

/// What was offered, and the gas of an empty call.
pub(super) struct Offered {
    fixed: Vec<u8>,
    open: Vec<u8>,
    empty: Option<u64>,
}

/// The first keeper offers both.
pub(super) async fn offer(ground: &Ground<'_>, pass: usize, costs: &mut Costs) -> Result<Offered> {
    let keeper = ground.keepers.first().context("nobody keeps a log")?;
    let (world, signer, institution) = (ground.world, &keeper.account.signer, keeper.id);
    let contract = ground.world.deployment.contracts.bounty.address.as_str();
    let empty = Some(world.empty_call(signer, contract, false).await?.gas_used);
    if pass == 0 {
        let budget = ExecuteMsg::SetBudget { institution, total: PRICE.saturating_mul(10) };
        world.decide(contract, &budget).await?;
        let catalogue = ExecuteMsg::SetCatalogue { institution, entries: vec![entry()] };
        world.call(signer, contract, &catalogue).await?;
    }
    let offered = Offered { fixed: random().to_vec(), open: random().to_vec(), empty };
    for (name, id, kind) in [
        ("bounty.offer", &offered.fixed, OfferKind::Fixed { question: question() }),
        ("bounty.offer (open)", &offered.open, OfferKind::Open {}),
    ] {
        let offer = ExecuteMsg::Offer { institution, id: id.clone().into(), terms: terms(kind) };
        costs.add(name, &world.call(signer, contract, &offer).await?, empty)?;
    }
    Ok(offered)
}

/// The researcher, who won the second seal since, claims both and asks; the fixed one is answered.
pub(super) async fn own(ground: &Ground<'_>, offered: &Offered, costs: &mut Costs) -> Result<()> {
    let (world, contract) = (ground.world, ground.world.deployment.contracts.bounty.address.as_str());
    let researcher = &ground.crowd.researcher;
    for (name, id) in [("bounty.claim", &offered.fixed), ("bounty.claim (open)", &offered.open)] {
        let encryption_key = researcher.encryption_key()?.as_bytes().into();
        let claim = ExecuteMsg::Claim { offer: id.clone().into(), encryption_key };
        costs.add(name, &world.call(&researcher.signer, contract, &claim).await?, offered.empty)?;
    }
    let ask = ExecuteMsg::Ask { offer: offered.open.clone().into(), question: question() };
    costs.add("bounty.ask", &world.call(&researcher.signer, contract, &ask).await?, offered.empty)?;
    let keeper = ground.keepers.first().context("nobody keeps a log")?;
    let deliver =
        ExecuteMsg::Deliver { offer: offered.fixed.clone().into(), answer: vec![7; MAX_ANSWER].into() };
    let outcome = world.call(&keeper.account.signer, contract, &deliver).await?;
    costs.add("bounty.deliver (2,048 bytes)", &outcome, offered.empty)
}

fn terms(kind: OfferKind) -> Terms {
    Terms {
        kind,
        price: PRICE,
        commitment: random().as_slice().into(),
        claim_seals: 10,
        ask_seals: 10,
        answer_seconds: 3_600,
        reuses: None,
    }
}

fn question() -> Question {
    Question {
        system: "http://loinc.org".to_owned(),
        code: "718-7".to_owned(),
        unit: "g/dL".to_owned(),
        category: Category::Laboratory,
        cohort: Cohort {
            sex: None,
            age: None,
            from: WEEK.saturating_mul(2_500),
            until: WEEK.saturating_mul(2_800),
        },
        measure: Measure::Mean { bounds: bounds() },
        contributions: 2,
    }
}

fn entry() -> CatalogueEntry {
    CatalogueEntry {
        system: "http://loinc.org".to_owned(),
        code: "718-7".to_owned(),
        unit: "g/dL".to_owned(),
        category: Category::Laboratory,
        measures: vec![MeasureKind::Count, MeasureKind::Mean],
        bounds: Some(bounds()),
    }
}

fn bounds() -> Bounds {
    Bounds { lower: -10, upper: 250, scale: 1 }
}
