//! Seals over the copied logs: the heads under them, and the seals on top up to the newest.

use medrec_gate::bundle::Part;

use super::Copy;
use crate::Error;
use crate::chain::Chain;
use crate::seals::Seals;
use crate::served::Served;

/// Brings them up to date for every part. A part that cannot be asked for now keeps what it has.
pub async fn sync_seals(chain: &Chain, copy: &mut Copy) -> Result<(), Error> {
    let seals = Seals::of(chain).await?;
    if seals.count == 0 {
        return Ok(());
    }
    for part in &mut copy.content.parts {
        match heads(chain, &seals, part).await {
            Ok(sealed) => part.sealed = sealed,
            Err(e) if e.exit() == 3 => return Err(e),
            Err(_) => {}
        }
    }
    let of_parts = copy.content.parts.iter().flat_map(|part| &part.sealed);
    let Some(first) = of_parts.map(|head| head.seal).min() else { return Ok(()) };
    let run = seals.run(first, &copy.content.seals).await?;
    // Heads under seals that are older than the run.
    let begins = run.seals.first().map_or(u64::MAX, |seal| seal.number);
    for part in &mut copy.content.parts {
        part.sealed.retain(|head| head.seal >= begins);
    }
    copy.content.seals = run;
    Ok(())
}

/// The heads of a part's log that cover its entries.
async fn heads(
    chain: &Chain,
    seals: &Seals<'_>,
    part: &Part,
) -> Result<Vec<medrec_gate::seals::SealedHead>, Error> {
    let institution = chain.registrar.institution(part.institution.id).await?;
    let log = Served::of(&institution)?;
    let signed = log.log_key.verify_note(&part.checkpoint).map_err(medrec_accesslog::VerifyError::from)?;
    let slot = chain.authlog.log_of(institution.id).await?.slot;
    let mut indices: Vec<u64> = part.entries.iter().map(|shown| shown.index).collect();
    indices.sort_unstable();
    let mut heads = Vec::new();
    for cover in seals.covers(slot, &indices).await? {
        // Sealed since the checkpoint was read: the next sync has it.
        if cover.entries <= signed.checkpoint.size {
            heads.push(seals.head(slot, cover.seal, &log, &signed).await?);
        }
    }
    Ok(heads)
}
