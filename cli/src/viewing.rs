//! The viewer's side: which of this wallet's keys a grant was made to, and what it covers.

use std::collections::HashMap;

use medrec_api::relationship::GrantResponse;
use medrec_api::{GrantKind, MAX_LIMIT};
use medrec_wallet::{Access, Key, Terms, Wallet, grant};

use crate::chain::Chain;
use crate::session::Session;
use crate::{Error, moment};

/// Keys looked at past the last index handed out.
const MARGIN: u32 = 20;

/// A grant to this wallet.
pub struct Viewing {
    pub grant: GrantResponse,
    pub key: Key,
    pub terms: Terms,
    pub access: Access,
}

impl Viewing {
    /// Holds at `now` by the chain's own data.
    pub fn holds(&self, now: u64) -> bool {
        self.grant.revoked_at.is_none() && (self.grant.from..self.grant.until).contains(&now)
    }
}

/// Grants of a relationship to this wallet, in order of number; those that do not open are left out.
pub async fn grants(session: &Session, relationship: u64) -> Result<Vec<Viewing>, Error> {
    let keys = keys(session)?;
    let mut found = Vec::new();
    for grant in session.chain.grants_of(relationship).await? {
        let Some(key) = keys.get(&grant.viewer) else { continue };
        found.extend(open(session, key, grant));
    }
    Ok(found)
}

/// The grant to read `scope` for `purpose` under: one that covers both and is in force; else one that covers them,
/// so that the refusal says what became of it; else any, the newest first.
pub fn choose(viewings: Vec<Viewing>, scope: &str, purpose: &str, now: u64) -> Option<Viewing> {
    let rank = |v: &Viewing| {
        let covers = v.terms.cover(scope, purpose);
        (covers && v.holds(now), covers, v.holds(now), v.grant.grant)
    };
    viewings.into_iter().max_by_key(rank)
}

/// The grant that makes this wallet a carer of a relationship now.
pub async fn carer(session: &Session, relationship: u64) -> Result<Option<Viewing>, Error> {
    let now = moment::now();
    let is_carer = |viewing: &Viewing| viewing.holds(now) && viewing.grant.kind == GrantKind::Act;
    Ok(grants(session, relationship).await?.into_iter().find(is_carer))
}

/// Every grant to one of this wallet's keys, by relationship and number.
pub async fn all(session: &Session) -> Result<Vec<Viewing>, Error> {
    let mut found = Vec::new();
    for key in keys(session)?.into_values() {
        let mut after = None;
        loop {
            let page = session.chain.relationships.grants_to(key.address(), after, Some(MAX_LIMIT)).await?;
            let Some(last) = page.grants.last() else { break };
            after = Some((last.id, last.grant));
            found.extend(page.grants.into_iter().filter_map(|grant| open(session, &key, grant)));
        }
    }
    found.sort_by_key(|viewing| (viewing.grant.id, viewing.grant.grant));
    Ok(found)
}

/// None if the grant's sealed text does not open.
fn open(session: &Session, key: &Key, grant: GrantResponse) -> Option<Viewing> {
    let secret = key.encryption_key().ok()?;
    let opened = grant::open(&session.chain.contract, grant.id, &secret, grant.kind, &grant.sealed);
    let (terms, access) = opened.ok()?;
    Some(Viewing { grant, key: key.clone(), terms, access })
}

/// Whether a viewer's address was granted anything before: using it again links the two.
pub async fn was_used(chain: &Chain, viewer: &str) -> Result<Option<u64>, Error> {
    let grants = chain.relationships.grants_to(viewer, None, Some(1)).await?.grants;
    Ok(grants.first().map(|grant| grant.id))
}

/// The first index from `index` on whose address was granted nothing: a restored viewer's cards are known by their
/// grants alone.
pub async fn unused_from(chain: &Chain, wallet: &Wallet, mut index: u32) -> Result<u32, Error> {
    while was_used(chain, wallet.key(index)?.address()).await?.is_some() {
        index = index.saturating_add(1);
    }
    Ok(index)
}

/// This wallet's key of an address.
pub fn key_of(session: &Session, address: &str) -> Result<Key, Error> {
    let key = keys(session)?.remove(address);
    key.ok_or_else(|| Error::Usage(format!("address {address} is not one of this wallet")))
}

fn keys(session: &Session) -> Result<HashMap<String, Key>, Error> {
    let end = session.state.next_index.saturating_add(MARGIN);
    (0..end)
        .map(|i| session.wallet.key(i).map(|key| (key.address().to_owned(), key)).map_err(Error::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewing(number: u32, terms: &str, until: u64, revoked_at: Option<u64>) -> Viewing {
        let grant = GrantResponse {
            id: 1,
            grant: number,
            viewer: String::new(),
            kind: GrantKind::Read,
            tags: vec![].into(),
            from: 10,
            until,
            sealed: vec![].into(),
            revoked_at,
        };
        let (key, terms) = (Key::from_secret(&[1; 32]).unwrap(), Terms::parse(terms).unwrap());
        Viewing { grant, key, terms, access: Access::Read }
    }

    #[test]
    fn the_grant_that_permits_is_chosen_and_else_the_one_that_explains() {
        let chosen = |viewings| choose(viewings, "labs", "treatment", 20).map(|v| v.grant.grant);
        let revoked = || viewing(0, "labs;treatment", 99, Some(15));
        let ended = || viewing(1, "labs;treatment", 20, None);
        let holds = || viewing(2, "*;treatment", 21, None);
        let other = || viewing(3, "notes;treatment", 99, None);
        assert_eq!(chosen(vec![]), None);
        assert_eq!(chosen(vec![holds(), revoked(), ended(), other()]), Some(2));
        assert_eq!(chosen(vec![revoked(), other()]), Some(0));
        assert_eq!(chosen(vec![ended(), other()]), Some(1));
        assert_eq!(chosen(vec![other()]), Some(3));
    }
}
