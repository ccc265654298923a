//! Seals and what leads to them: cosignatures, challenges, evidence; bounties, which the winners of seals own.

mod bounty;
mod crowd;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use medrec_api::authlog::{Conflict, Cosigner, ExecuteMsg};
use medrec_testing::seals::Log;

pub use crowd::{Crowd, Ground};

use super::Costs;
use crowd::{CERTIFIER, GROWTH, KEEPERS};

/// A pilot's: three logs of some thousand entries. `pass`: each has a log of its own to report.
pub(super) async fn measure(ground: &mut Ground<'_>, pass: usize, costs: &mut Costs) -> Result<()> {
    let authlog = ground.world.authlog();
    let researcher = &ground.crowd.researcher;
    // Twice: the first one ever tells the account's key.
    ground.world.empty_call(&researcher.signer, authlog, false).await?;
    let empty = Some(ground.world.empty_call(&researcher.signer, authlog, false).await?.gas_used);

    ground.grow(0..KEEPERS, GROWTH).await?;
    costs.add("authlog.cosign", &ground.cosign(0, &[0]).await?, empty)?;
    costs.add("authlog.cosign (second)", &ground.cosign(1, &[0]).await?, empty)?;
    ground.cosign_both(&[1, 2]).await?;

    let keeper = ground.keepers.first().context("nobody keeps a log")?;
    let (slot, index) = (keeper.slot, 5);
    let challenger = Cosigner::Researcher { account: researcher.address().to_owned() };
    let challenge = ExecuteMsg::Challenge { challenger, slot, index };
    costs.add(
        "authlog.challenge",
        &ground.world.call(&researcher.signer, authlog, &challenge).await?,
        empty,
    )?;
    let answer = keeper.log.answer(slot, CERTIFIER, index, keeper.size);
    costs.add(
        "authlog.answer",
        &ground.world.call(&keeper.account.signer, authlog, &answer).await?,
        empty,
    )?;

    let offered = bounty::offer(ground, pass, costs).await?;
    // The logs as they stand count from the seal after the next one, whose miner owns the bounties.
    ground.seal(|_| true).await?;
    costs.add("authlog.seal (3 logs of 2^12)", &ground.seal(spread(KEEPERS)).await?, empty)?;
    bounty::own(ground, &offered, costs).await?;

    let keeper = ground.keepers.get(pass).context("no log is left to report")?;
    let forged = Log::new(&keeper.log.origin, keeper.log.key.clone(), u32::MAX);
    let conflict = Conflict::Leaves {
        index: 9,
        a: keeper.log.signed_inclusion(9, keeper.size),
        b: forged.signed_inclusion(9, keeper.size),
    };
    let report = ExecuteMsg::Report { slot: keeper.slot, conflict };
    costs.add("authlog.report", &ground.world.call(&researcher.signer, authlog, &report).await?, empty)
}

/// The most a seal costs: its eight recalls are in eight logs of 2^24 entries, in eight corners of the sum tree, all
/// slots of which are given out.
pub(super) async fn worst(ground: &Ground<'_>, costs: &mut Costs) -> Result<()> {
    let signer = &ground.crowd.researcher.signer;
    let empty = ground.world.empty_call(signer, ground.world.authlog(), false).await?.gas_used;
    let large: BTreeSet<u32> = ground.keepers.iter().skip(KEEPERS).map(|keeper| keeper.slot).collect();
    let in_large = |reads: &[(u32, u64)]| {
        spread(large.len())(reads) && reads.iter().all(|(slot, _)| large.contains(slot))
    };
    let outcome = ground.seal(in_large).await?;
    costs.add("authlog.seal (8 logs of 2^24, 1,024 slots)", &outcome, Some(empty))
}

/// Recalls in that many logs.
fn spread(logs: usize) -> impl Fn(&[(u32, u64)]) -> bool {
    move |reads| reads.iter().map(|(slot, _)| slot).collect::<BTreeSet<_>>().len() == logs
}
