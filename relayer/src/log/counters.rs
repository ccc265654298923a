//! The daily counter map (wire.md section 7): once a UTC day that is over, so that a missing tail shows within a day
//! (security H7).

use medrec_accesslog::{CounterMap, Counters, TagKey, counter_leaf, seal_counters};
use medrec_merkle::Hash;
use rand_core::{OsRng, RngCore};
use sqlx::{Row, SqliteConnection};

use super::{Error, append::Appender};
use crate::{
    failpoint,
    filing::sealer,
    store::{Store, from_db, small, to_db},
};

const DAY: u64 = 86_400;
/// Leaves of older days are dropped: whoever needs them has long looked, or asks a mirror.
const KEPT_DAYS: i64 = 400;

/// Writes the map of the newest day that is over, unless it stands in the log; the day of the newest map then.
pub async fn publish(store: &Store, log_origin: &str, now: u64) -> Result<Option<u32>, Error> {
    let before = newest(&mut *store.read().acquire().await?).await?.map(|(day, _)| day);
    let over = now.wrapping_div(DAY).checked_sub(1).and_then(|day| u32::try_from(day).ok());
    let Some(day) = over.filter(|day| before.is_none_or(|before| before < *day)) else { return Ok(before) };
    let mut tx = store.begin().await?;
    let version = match newest(&mut tx).await? {
        Some((newest, _)) if newest >= day => return Ok(Some(newest)),
        Some((_, version)) => version.saturating_add(1),
        None => 1,
    };
    let mut appender = Appender::open(store, &mut tx).await?;
    let map = CounterMap::new(leaves(&mut tx, store, day).await?, random);
    let counters = Counters {
        at: now,
        day,
        size: appender.size(),
        leaves: u32::try_from(map.leaves().len()).unwrap_or(u32::MAX),
        root: map.root(),
    };
    let entry = seal_counters(log_origin, version, &counters)?;
    let index = appender.append(&mut tx, &entry, None, "counters").await?;
    sqlx::query("INSERT INTO counter_maps (day, version, entry, leaves) VALUES (?, ?, ?, ?)")
        .bind(i64::from(day))
        .bind(i64::from(version))
        .bind(to_db(index))
        .bind(map.to_bytes())
        .execute(&mut *tx)
        .await?;
    sqlx::query("UPDATE counter_maps SET leaves = NULL WHERE day < ? AND leaves IS NOT NULL")
        .bind(i64::from(day).saturating_sub(KEPT_DAYS))
        .execute(&mut *tx)
        .await?;
    appender.close(&mut tx).await?;
    failpoint::hit("log.counters-written");
    tx.commit().await?;
    failpoint::hit("log.counters-committed");
    Ok(Some(day))
}

/// The leaves of a day's map as they are served; none if it is not there, or no longer.
pub async fn served(connection: &mut SqliteConnection, day: u32) -> Result<Option<Vec<u8>>, Error> {
    let leaves: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT leaves FROM counter_maps WHERE day = ?")
        .bind(i64::from(day))
        .fetch_optional(connection)
        .await?;
    Ok(leaves.flatten())
}

/// Day and version of the newest map.
async fn newest(connection: &mut SqliteConnection) -> Result<Option<(u32, u32)>, Error> {
    let row = sqlx::query("SELECT day, version FROM counter_maps ORDER BY day DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let (day, version) = (row.try_get("day")?, row.try_get("version")?);
    Ok(Some((small("counter_maps.day", day)?, small("counter_maps.version", version)?)))
}

/// One leaf a relationship that ever had a ratchet; its counter is the number of its entries so far.
async fn leaves(connection: &mut SqliteConnection, store: &Store, day: u32) -> Result<Vec<Hash>, Error> {
    let rows =
        sqlx::query("SELECT relationship, counter, tag_key FROM ratchets").fetch_all(connection).await?;
    let mut leaves = Vec::with_capacity(rows.len());
    for row in rows {
        let relationship = from_db(row.try_get("relationship")?);
        let sealed: Vec<u8> = row.try_get("tag_key")?;
        let tag_key = store.vault().open(&sealer::tag_key_place(relationship), &sealed)?;
        leaves.push(counter_leaf(&TagKey::from_bytes(*tag_key), day, from_db(row.try_get("counter")?)));
    }
    Ok(leaves)
}

fn random() -> Hash {
    let mut hash = [0; 32];
    OsRng.fill_bytes(&mut hash);
    hash
}
