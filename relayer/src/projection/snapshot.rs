//! The whole projection in memory: read from rows or from the contracts' state, compared, written.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use sqlx::{Row, SqliteConnection};

use super::{Relationship, grant, rows, without_grants};
use crate::store::{Error, fixed, from_db, small};

/// An institution of the registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    pub active: bool,
    pub signing_key: [u8; 32],
}

/// Everything that is projected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub institutions: BTreeMap<u32, Institution>,
    pub relationships: BTreeMap<u64, Relationship>,
}

/// Something of which two snapshots say different things. Numbers only: nothing that names anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    Institution(u32),
    /// The relationship itself, not its grants.
    Relationship(u64),
    Grant {
        relationship: u64,
        number: u32,
    },
}

/// How one snapshot differs from another in an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    Missing(Item),
    Unknown(Item),
    Other(Item),
}

impl Difference {
    pub fn item(self) -> Item {
        let (Self::Missing(item) | Self::Unknown(item) | Self::Other(item)) = self;
        item
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Institution(id) => write!(f, "institution {id}"),
            Self::Relationship(id) => write!(f, "relationship {id}"),
            Self::Grant { relationship, number } => {
                write!(f, "grant {number} of relationship {relationship}")
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(item) => write!(f, "{item}: missing"),
            Self::Unknown(item) => write!(f, "{item}: not in the contracts' state"),
            Self::Other(item) => write!(f, "{item}: other than in the contracts' state"),
        }
    }
}

impl Snapshot {
    /// What the rows say.
    pub async fn stored(connection: &mut SqliteConnection) -> Result<Self, Error> {
        let mut found = Self::default();
        for row in sqlx::query("SELECT * FROM institutions").fetch_all(&mut *connection).await? {
            let signing_key: Vec<u8> = row.try_get("signing_key")?;
            let signing_key = fixed("institutions.signing_key", &signing_key)?;
            let institution = Institution { active: row.try_get("active")?, signing_key };
            found.institutions.insert(small("institutions.id", row.try_get("id")?)?, institution);
        }
        for row in sqlx::query("SELECT * FROM relationships").fetch_all(&mut *connection).await? {
            let relationship = without_grants(&row)?;
            found.relationships.insert(relationship.id, relationship);
        }
        let grants = sqlx::query("SELECT * FROM grants ORDER BY relationship, number").fetch_all(connection);
        for row in grants.await? {
            if let Some(owner) = found.relationships.get_mut(&from_db(row.try_get("relationship")?)) {
                owner.grants.push(grant(&row)?);
            }
        }
        Ok(found)
    }

    /// How `self` differs from what the contracts say.
    pub fn differences(&self, contracts: &Self) -> Vec<Difference> {
        let institutions = compare(&self.institutions, &contracts.institutions, Item::Institution);
        let mut found: Vec<_> = institutions.collect();
        let heads = |snapshot: &Self| -> BTreeMap<u64, Relationship> {
            let head = |found: &Relationship| Relationship { grants: Vec::new(), ..found.clone() };
            snapshot.relationships.iter().map(|(id, found)| (*id, head(found))).collect()
        };
        found.extend(compare(&heads(self), &heads(contracts), Item::Relationship));
        let grants = |snapshot: &Self| -> BTreeMap<(u64, u32), super::Grant> {
            let all = snapshot.relationships.iter();
            all.flat_map(|(id, r)| r.grants.iter().map(|grant| ((*id, grant.number), grant.clone())))
                .collect()
        };
        let item = |(relationship, number)| Item::Grant { relationship, number };
        found.extend(compare(&grants(self), &grants(contracts), item));
        found
    }

    /// Whether both say the same of an item.
    pub fn agrees(&self, other: &Self, item: Item) -> bool {
        match item {
            Item::Institution(id) => self.institutions.get(&id) == other.institutions.get(&id),
            Item::Relationship(id) | Item::Grant { relationship: id, .. } => {
                self.relationships.get(&id) == other.relationships.get(&id)
            }
        }
    }

    /// Makes the rows of an item what this snapshot says.
    pub async fn write(&self, connection: &mut SqliteConnection, item: Item) -> Result<(), Error> {
        match item {
            Item::Institution(id) => match self.institutions.get(&id) {
                Some(found) => rows::set_institution(connection, id, found.active, &found.signing_key).await,
                None => rows::remove_institution(connection, id).await,
            },
            Item::Relationship(id) => match self.relationships.get(&id) {
                Some(found) => rows::set_relationship(connection, found).await,
                // Refused before: a chain forgets no relationship.
                None => Ok(()),
            },
            Item::Grant { relationship, number } => {
                let owner = self.relationships.get(&relationship);
                match owner.and_then(|owner| owner.grants.iter().find(|grant| grant.number == number)) {
                    Some(grant) => rows::set_grant(connection, relationship, grant).await.map(drop),
                    None => rows::remove_grant(connection, relationship, number).await,
                }
            }
        }
    }
}

fn compare<'a, K: Copy + Ord, V: PartialEq>(
    ours: &'a BTreeMap<K, V>,
    theirs: &'a BTreeMap<K, V>,
    item: impl Fn(K) -> Item + 'a,
) -> impl Iterator<Item = Difference> + 'a {
    let keys: BTreeSet<K> = ours.keys().chain(theirs.keys()).copied().collect();
    keys.into_iter().filter_map(move |key| match (ours.get(&key), theirs.get(&key)) {
        (Some(ours), Some(theirs)) if ours == theirs => None,
        (Some(_), Some(_)) => Some(Difference::Other(item(key))),
        (Some(_), None) => Some(Difference::Unknown(item(key))),
        (None, _) => Some(Difference::Missing(item(key))),
    })
}
