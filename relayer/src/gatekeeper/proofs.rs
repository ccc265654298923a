//! Entries and their inclusion proofs for answers. Entries and the hashes of complete subtrees never change, so
//! what was read once is not read again while there is room.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use medrec_accesslog::{ENTRY_LEN, Entry};
use medrec_merkle::{Hash, HashReader};
use sqlx::SqliteConnection;

use crate::{
    log::{Error, append, entries, tree},
    store::Store,
};

type Node = (u8, u64);

/// Hashes kept: 12 MB or so. Above it everything is forgotten and read anew.
const NODES: usize = 200_000;
/// Entries kept: 12 MB or so.
const ENTRIES: usize = 20_000;

/// Reads through to the store.
pub struct Proofs {
    store: Arc<Store>,
    nodes: Mutex<HashMap<Node, Hash>>,
    entries: Mutex<HashMap<u64, Box<[u8; ENTRY_LEN]>>>,
}

impl Proofs {
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, nodes: Mutex::default(), entries: Mutex::default() }
    }

    /// Proofs that each of `indices` is in the log of `size` entries.
    pub async fn inclusion(&self, indices: &[u64], size: u64) -> Result<Vec<Vec<Hash>>, Error> {
        let wanted = plan(indices, size)?;
        let mut nodes = self.known(&wanted);
        if nodes.len() < wanted.len() {
            let mut connection = self.store.read().acquire().await?;
            nodes.extend(self.fetch(&mut connection, &wanted, &nodes).await?);
        }
        let nodes = Known(nodes);
        let proofs = indices.iter().map(|index| medrec_merkle::inclusion_proof(&nodes, *index, size));
        Ok(proofs.collect::<Result<_, _>>()?)
    }

    /// Reads ahead what proofs of these entries need, for many answers at once.
    pub async fn warm(&self, indices: &[u64], size: u64) -> Result<(), Error> {
        let wanted = plan(indices, size)?;
        let known = self.known(&wanted);
        if known.len() < wanted.len() {
            let mut connection = self.store.read().acquire().await?;
            self.fetch(&mut connection, &wanted, &known).await?;
        }
        Ok(())
    }

    /// Hashes just written.
    pub fn keep_nodes(&self, nodes: Vec<append::Node>) {
        self.keep_all(nodes.into_iter().map(|(level, index, hash)| ((level, index), hash)));
    }

    /// The entries at `indices`, in their order.
    pub async fn entries(&self, indices: &[u64]) -> Result<Vec<Entry>, Error> {
        let mut found = BTreeMap::new();
        {
            let known = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            found.extend(indices.iter().filter_map(|index| Some((*index, **known.get(index)?))));
        }
        let missing: Vec<u64> = indices.iter().filter(|index| !found.contains_key(index)).copied().collect();
        if !missing.is_empty() {
            let mut connection = self.store.read().acquire().await?;
            let entries = entries::some(&self.store, &mut connection, &missing).await?;
            for (index, entry) in missing.into_iter().zip(entries) {
                found.insert(index, *entry.as_bytes());
                self.keep(index, &entry);
            }
        }
        Ok(indices
            .iter()
            .filter_map(|index| found.get(index))
            .map(|bytes| Entry::from_bytes(*bytes))
            .collect())
    }

    /// An entry just written.
    pub fn keep(&self, index: u64, entry: &Entry) {
        let mut known = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ENTRIES {
            known.clear();
        }
        known.insert(index, Box::new(*entry.as_bytes()));
    }

    fn known(&self, wanted: &BTreeSet<Node>) -> HashMap<Node, Hash> {
        let known = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().filter_map(|node| Some((*node, *known.get(node)?))).collect()
    }

    async fn fetch(
        &self,
        connection: &mut SqliteConnection,
        wanted: &BTreeSet<Node>,
        known: &HashMap<Node, Hash>,
    ) -> Result<BTreeMap<Node, Hash>, Error> {
        let missing: Vec<Node> = wanted.iter().filter(|node| !known.contains_key(node)).copied().collect();
        let fetched = tree::nodes(connection, &missing).await?;
        self.keep_all(fetched.iter().map(|(node, hash)| (*node, *hash)));
        Ok(fetched)
    }

    fn keep_all(&self, new: impl Iterator<Item = (Node, Hash)>) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if nodes.len() >= NODES {
            nodes.clear();
        }
        nodes.extend(new);
    }
}

/// The complete subtrees that the proofs are made of; which they are does not depend on their hashes.
fn plan(indices: &[u64], size: u64) -> Result<BTreeSet<Node>, Error> {
    let plan = Plan::default();
    for index in indices {
        medrec_merkle::inclusion_proof(&plan, *index, size)?;
    }
    Ok(plan.0.into_inner())
}

#[derive(Default)]
struct Plan(RefCell<BTreeSet<Node>>);

impl HashReader for Plan {
    type Error = medrec_merkle::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, medrec_merkle::Error> {
        self.0.borrow_mut().insert((level, index));
        Ok([0; 32])
    }
}

struct Known(HashMap<Node, Hash>);

impl HashReader for Known {
    type Error = medrec_merkle::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, medrec_merkle::Error> {
        self.0.get(&(level, index)).copied().ok_or(medrec_merkle::Error::MissingNode { level, index })
    }
}
