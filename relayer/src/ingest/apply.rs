//! Blocks become rows and reactions, together with the cursor: all of it or nothing.

use std::collections::BTreeSet;

use medrec_clients::{Block, BlockEvents};

use super::{Error, project::project, react::Reactor};
use crate::{failpoint, identity::Identity, projection::cursor::Cursor, store::Store};

/// What became of blocks.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    pub cursor: Cursor,
    /// A relationship was accepted: its rows can be filed.
    pub filing_wanted: bool,
    /// The bounty contract did something.
    pub research_wanted: bool,
}

/// Applies the blocks after the cursor, in order, in one transaction. None if there are none.
pub async fn apply(
    store: &Store,
    identity: &Identity,
    blocks: &[(Block, BlockEvents)],
) -> Result<Option<Applied>, Error> {
    let mut applied = None;
    let mut tx = store.begin().await?;
    for (block, results) in blocks {
        // Each block's reactions carry its own time, so they are not put together.
        let mut touched = BTreeSet::new();
        let cursor = project(&mut tx, identity, (block, results), &mut touched).await?;
        let mut research = applied.is_some_and(|before: Applied| before.research_wanted);
        research |= tells_of(results, &identity.bounty);
        let reactor = Reactor { store, identity, at: cursor.time, height: cursor.height };
        let mut wanted = applied.is_some_and(|before| before.filing_wanted);
        if !touched.is_empty() {
            wanted |= reactor.react(&mut tx, touched).await?;
        }
        applied = Some(Applied { cursor, filing_wanted: wanted, research_wanted: research });
    }
    tx.commit().await.map_err(crate::store::Error::from)?;
    failpoint::hit("ingest.applied");
    Ok(applied)
}

/// Whether a successful transaction has an event of a contract. What an offer says is asked of the contract itself.
fn tells_of(results: &BlockEvents, contract: &str) -> bool {
    let events = results.txs.iter().filter(|tx| tx.code == 0).flat_map(|tx| &tx.events);
    let of = |(key, value): &(String, String)| key == "_contract_address" && value == contract;
    events.flat_map(|event| &event.attributes).any(of)
}
