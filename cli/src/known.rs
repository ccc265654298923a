//! What was seen of the wallet's relationships when the chain was last there, so that a revoke reaches a hospital also
//! while it is not. Sealed to the wallet itself: the folder names no hospital.

use medrec_api::registrar::InstitutionResponse;
use medrec_wallet::{Key, Wallet};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::chain::Chain;
use crate::home::Home;
use crate::mine::Mine;
use crate::sealed;
use crate::session::Session;

const FILE: &str = "known";
const VERSION: u32 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    version: u32,
    relationships: Vec<Relationship>,
}

/// One relationship as it was last seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relationship {
    pub relationship: u64,
    /// Index of the key that signs for the patient.
    pub index: u32,
    pub institution: InstitutionResponse,
}

impl Relationship {
    pub fn key(&self, wallet: &Wallet) -> Result<Key, Error> {
        Ok(wallet.key(self.index)?)
    }
}

/// Notes the relationships that are read here. Nothing depends on it but the revoke without a chain: what fails is only
/// told.
pub async fn remember(session: &Session, mine: &[&Mine]) {
    if let Err(e) = try_remember(session, mine).await {
        crate::show::warn(&format!("a revoke without the chain may not find its hospital: {e}"));
    }
}

async fn try_remember(session: &Session, mine: &[&Mine]) -> Result<(), Error> {
    let (home, wallet) = (&session.home, &session.wallet);
    // A file that cannot be read is written anew.
    let before = all(home, wallet).unwrap_or_default();
    let mut known = before.clone();
    for mine in mine {
        let Some(seen) = seen(&session.chain, mine).await? else { continue };
        known.retain(|one| one.relationship != seen.relationship);
        known.push(seen);
    }
    known.sort_by_key(|one| one.relationship);
    if known == before { Ok(()) } else { store(home, wallet, known) }
}

async fn seen(chain: &Chain, mine: &Mine) -> Result<Option<Relationship>, Error> {
    let (Some(key), Ok((offer, _))) = (&mine.present, mine.secrets(chain)) else { return Ok(None) };
    let institution = chain.registrar.institution(offer.institution).await?;
    Ok(Some(Relationship { relationship: mine.state.id, index: key.index(), institution }))
}

/// Everything noted, in order of id.
pub fn all(home: &Home, wallet: &Wallet) -> Result<Vec<Relationship>, Error> {
    let Some(known) = sealed::read::<Known>(home, wallet, FILE)? else { return Ok(Vec::new()) };
    match known.version {
        VERSION => Ok(known.relationships),
        other => {
            Err(Error::Failed(format!("file `{FILE}` has version {other}, this program knows {VERSION}")))
        }
    }
}

fn store(home: &Home, wallet: &Wallet, relationships: Vec<Relationship>) -> Result<(), Error> {
    let known = Known { version: VERSION, relationships };
    sealed::write(home, wallet, FILE, &known)
}

#[cfg(test)]
mod tests {
    use medrec_wallet::Words;
    use rand_core::OsRng;

    use super::*;

    #[test]
    fn what_is_known_is_sealed_to_the_wallet() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path())).unwrap();
        let wallet = || Wallet::from_words(&Words::generate(&mut OsRng).unwrap()).unwrap();
        let (ours, other) = (wallet(), wallet());
        assert!(all(&home, &ours).unwrap().is_empty());
        let institution = serde_json::from_value(serde_json::json!({
            "id": 1, "name": "Berkshire", "url": "https://north.example", "account": "medrec1a",
            "signing_key": "", "log_origin": "log.north.example", "log_key": "", "encryption_key": "",
            "status": "active",
        }));
        let one = Relationship { relationship: 3, index: 2, institution: institution.unwrap() };
        store(&home, &ours, vec![one.clone()]).unwrap();
        assert_eq!(all(&home, &ours).unwrap(), [one]);
        assert!(all(&home, &other).is_err());
        let file = std::fs::read(folder.path().join(FILE)).unwrap();
        assert!(!String::from_utf8_lossy(&file).contains("Berkshire"));
    }
}
