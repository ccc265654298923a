//! What a decision is made from, gathered in one snapshot of the store.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use sqlx::SqliteConnection;
use zeroize::Zeroizing;

use super::{
    marks::{self, Marks},
    revokes,
};
use crate::{
    filing::{Error, openings, sealer},
    projection::{self, Relationship},
    store::Store,
};

/// Relationships whose ground is kept.
const KEPT: usize = 10_000;

/// What a decision is made from.
#[derive(Debug, Default)]
pub struct Ground {
    /// None: no relationship of ours has this id.
    pub relationship: Option<Relationship>,
    /// The patient's acceptance was read: there is a log to write to.
    pub accepted: bool,
    pub tag_key: Option<Zeroizing<[u8; 32]>>,
    pub patient_id: Option<String>,
    /// Signing keys of active institutions, for cards.
    pub institutions: BTreeMap<u32, [u8; 32]>,
    pub marks: Marks,
}

/// Grounds of the block permissions are decided at. All they come from changes with a block or by this gatekeeper's
/// own commits ([`Grounds::changed`]), so one that was gathered at a height holds as long as that height does.
#[derive(Debug, Default)]
pub struct Grounds {
    kept: Mutex<HashMap<u64, Kept>>,
    changes: AtomicU64,
}

#[derive(Debug)]
struct Kept {
    height: u64,
    changes: u64,
    ground: Arc<Ground>,
}

impl Grounds {
    /// The ground of a relationship at `height`, or a later one.
    pub async fn at(&self, store: &Store, relationship: u64, height: u64) -> Result<Arc<Ground>, Error> {
        // Read before the snapshot is taken: what changes meanwhile makes this one old, never new.
        let changes = self.changes.load(Ordering::Acquire);
        if let Some(kept) = self.lock().get(&relationship)
            && (kept.height, kept.changes) == (height, changes)
        {
            return Ok(kept.ground.clone());
        }
        let mut snapshot = store.read().begin().await?;
        let ground = Arc::new(gather(&mut snapshot, store, relationship).await?);
        drop(snapshot);
        let mut all = self.lock();
        if all.len() >= KEPT {
            all.clear();
        }
        // Strangers' guesses at ids would push the others out.
        if ground.relationship.is_some() {
            all.insert(relationship, Kept { height, changes, ground: ground.clone() });
        }
        Ok(ground)
    }

    /// A revoke or a mark was committed: nothing gathered before it is used again.
    pub fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything about one relationship, as this connection sees it.
pub async fn gather(
    connection: &mut SqliteConnection,
    store: &Store,
    relationship: u64,
) -> Result<Ground, Error> {
    let Some(mut found) = projection::relationship(connection, relationship).await? else {
        return Ok(Ground::default());
    };
    // Revoked by word is revoked, for the rule as for everybody (security H10).
    for (number, at) in revokes::of(connection, relationship).await? {
        for grant in found.grants.iter_mut().filter(|grant| grant.number == number) {
            grant.revoked_at.get_or_insert(at);
        }
    }
    let tag_key = sealer::tag_key(connection, store.vault(), relationship).await?;
    Ok(Ground {
        relationship: Some(found),
        accepted: tag_key.is_some(),
        tag_key,
        patient_id: openings::patient_id(connection, relationship).await?,
        institutions: projection::signing_keys(connection).await?,
        marks: marks::of(connection, store.vault(), relationship).await?,
    })
}
