//! That a question was answered, told to every relationship whose patient lets its category be counted: never to those
//! counted, which would tell who they are.

use medrec_accesslog::{Body, Counted};
use sqlx::SqliteConnection;

use super::Error;
use crate::{filing::sealer, log::append::Appender, store::Store};

/// One entry each, in the caller's transaction.
pub async fn write(
    store: &Store,
    tx: &mut SqliteConnection,
    relationships: &[u64],
    note: &Counted,
) -> Result<(), Error> {
    let mut appender = Appender::open(store, tx).await?;
    let mut sealers = sealer::load_all(tx, store.vault(), relationships).await?;
    let body = Body::Counted(note.clone());
    for sealer in sealers.values_mut() {
        sealer.seal(tx, &mut appender, &body).await?;
    }
    let sealers: Vec<_> = sealers.into_values().collect();
    sealer::save_all(tx, store.vault(), &sealers).await?;
    appender.close(tx).await?;
    Ok(())
}
