//! Roots and proofs over the stored hashes: first what is needed is noted, then read at once, then computed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use medrec_merkle::{Hash, HashReader};
use sqlx::{QueryBuilder, Row, SqliteConnection};

use super::Error;
use crate::store::{fixed, from_db, to_db};

/// Hashes asked for in one statement.
const CHUNK: usize = 500;

type Node = (u8, u64);

/// Root of the first `size` entries.
pub async fn root_at(connection: &mut SqliteConnection, size: u64) -> Result<Hash, Error> {
    let plan = |reader: &dyn Reader| medrec_merkle::root_at(&By(reader), size);
    compute(connection, plan).await
}

/// Right edge of the first `size` entries, as the stored hashes have it.
pub async fn edge(connection: &mut SqliteConnection, size: u64) -> Result<Vec<Hash>, Error> {
    let read = |reader: &dyn Reader| medrec_merkle::Frontier::read(&By(reader), size);
    Ok(compute(connection, read).await?.nodes().to_vec())
}

/// Proofs that each of `indices` is in the log of `size` entries.
pub async fn inclusion_proofs(
    connection: &mut SqliteConnection,
    indices: &[u64],
    size: u64,
) -> Result<Vec<Vec<Hash>>, Error> {
    let prove = |reader: &dyn Reader| {
        indices.iter().map(|index| medrec_merkle::inclusion_proof(&By(reader), *index, size)).collect()
    };
    compute(connection, prove).await
}

/// Proof that the first `old` entries are the start of the first `new`; empty from an empty log.
pub async fn consistency_proof(
    connection: &mut SqliteConnection,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, Error> {
    if old == 0 {
        return Ok(Vec::new());
    }
    compute(connection, |reader| medrec_merkle::consistency_proof(&By(reader), old, new)).await
}

trait Reader: Sync + Send {
    fn node(&self, level: u8, index: u64) -> Result<Hash, medrec_merkle::Error>;
}

struct By<'a>(&'a dyn Reader);

impl HashReader for By<'_> {
    type Error = medrec_merkle::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, medrec_merkle::Error> {
        self.0.node(level, index)
    }
}

/// Notes what is asked for and answers zeros: which nodes a proof needs does not depend on their hashes.
#[derive(Default)]
struct Plan(Mutex<BTreeSet<Node>>);

impl Reader for Plan {
    fn node(&self, level: u8, index: u64) -> Result<Hash, medrec_merkle::Error> {
        if let Ok(mut wanted) = self.0.lock() {
            wanted.insert((level, index));
        }
        Ok([0; 32])
    }
}

impl Reader for BTreeMap<Node, Hash> {
    fn node(&self, level: u8, index: u64) -> Result<Hash, medrec_merkle::Error> {
        self.get(&(level, index)).copied().ok_or(medrec_merkle::Error::MissingNode { level, index })
    }
}

async fn compute<T>(
    connection: &mut SqliteConnection,
    work: impl Fn(&dyn Reader) -> Result<T, medrec_merkle::Error>,
) -> Result<T, Error> {
    let plan = Plan::default();
    work(&plan)?;
    let wanted: Vec<Node> = plan.0.into_inner().unwrap_or_default().into_iter().collect();
    let nodes = nodes(connection, &wanted).await?;
    Ok(work(&nodes)?)
}

/// Stored hashes of complete subtrees.
pub(crate) async fn nodes(
    connection: &mut SqliteConnection,
    wanted: &[Node],
) -> Result<BTreeMap<Node, Hash>, Error> {
    let mut found = BTreeMap::new();
    for chunk in wanted.chunks(CHUNK) {
        let mut select =
            QueryBuilder::new("SELECT level, idx, hash FROM nodes WHERE (level, idx) IN (VALUES ");
        let mut rows = select.separated(", ");
        for (level, index) in chunk {
            rows.push("(").push_bind_unseparated(i64::from(*level));
            rows.push_unseparated(", ").push_bind_unseparated(to_db(*index)).push_unseparated(")");
        }
        select.push(")");
        for row in select.build().fetch_all(&mut *connection).await? {
            let level = u8::try_from(row.try_get::<i64, _>("level")?).unwrap_or(u8::MAX);
            let hash: Vec<u8> = row.try_get("hash")?;
            found.insert((level, from_db(row.try_get("idx")?)), fixed("nodes.hash", &hash)?);
        }
    }
    Ok(found)
}
