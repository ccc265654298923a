//! Daily counter maps of a copied log: fetched once their entries are here.

use medrec_mirror::Remote;

use super::{
    Error,
    state::{self, State},
};
use crate::store::Store;

/// Maps fetched in one round: a new copy has years of them to fetch.
const BATCH: u32 = 64;

/// Fetches promised maps that are not here. A map counts when its leaves give the promised root.
pub async fn fetch(store: &Store, remote: &Remote, state: &State) -> Result<(), Error> {
    let mut connection = store.read().acquire().await?;
    let missing = state::missing(&mut connection, state.institution, BATCH).await?;
    drop(connection);
    for promised in missing.iter().filter(|promised| promised.index < state.progress.head.size) {
        let leaves = promised.fetch(remote).await?;
        let mut tx = store.begin().await?;
        state::keep_map(&mut tx, state.institution, promised.version, &leaves).await?;
        tx.commit().await?;
    }
    Ok(())
}
