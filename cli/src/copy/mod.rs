//! The wallet's own copy of the whole record, with everything that proves it (`medrec sync`): what a bundle holds
//! (wire.md section 14), and what is needed to go on from there. Sealed to the wallet.

mod answers;
pub mod log;
pub mod offline;
mod part;
mod seals;
mod state;

use medrec_accesslog::Root;
use medrec_clients::Deployment;
use medrec_gate::bundle::{ChainFacts, Content, Part, check_labels};
use medrec_gate::seals::Run;
use medrec_wallet::Wallet;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::home::Home;
use crate::sealed;

pub use part::{Synced, sync_part};
pub use seals::sync_seals;
pub use state::LogState;

const FILE: &str = "copy";
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    version: u32,
    pub content: Content,
    /// Of each part, in their order.
    pub own: Vec<Own>,
}

/// What a bundle does not show.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Own {
    pub relationship: u64,
    /// Index of the key that signs for the patient.
    pub index: u32,
    /// What patient and steward share, hex.
    root: String,
    /// When this part was fetched, seconds since 1970.
    pub at: u64,
    pub log: LogState,
    /// What did not verify when it was fetched, and cannot be seen from the copy.
    pub findings: Vec<String>,
    /// What the hospital showed later and did not verify: the part before it was kept, this is the evidence.
    pub refused: Option<Box<Part>>,
}

impl Copy {
    /// An empty one of that chain.
    pub fn of(deployment: &Deployment) -> Copy {
        let contracts = &deployment.contracts;
        let chain = ChainFacts {
            chain_id: deployment.chain_id.clone(),
            registrar: contracts.registrar.address.clone(),
            relationship: contracts.relationship.address.clone(),
            authlog: contracts.authlog.address.clone(),
        };
        Copy {
            version: VERSION,
            content: Content { made_at: 0, chain, parts: Vec::new(), seals: Run::default() },
            own: Vec::new(),
        }
    }

    /// The copy in the wallet's folder, if there is one.
    pub fn load(home: &Home, wallet: &Wallet) -> Result<Option<Copy>, Error> {
        let Some(copy) = sealed::read::<Copy>(home, wallet, FILE)? else { return Ok(None) };
        let same = copy.own.iter().map(|own| own.relationship);
        if copy.version != VERSION || !same.eq(copy.content.parts.iter().map(|part| part.relationship)) {
            return Err(Error::Failed(format!(
                "the copy in {} has version {}, this program knows {VERSION}; remove it and run `medrec sync`",
                home.file(FILE).display(),
                copy.version
            )));
        }
        Ok(Some(copy))
    }

    /// The same, where there must be one.
    pub fn must_load(home: &Home, wallet: &Wallet) -> Result<Copy, Error> {
        Copy::load(home, wallet)?.ok_or_else(|| {
            Error::Failed("there is no copy of your record here yet; make one with `medrec sync`".to_owned())
        })
    }

    pub fn store(&self, home: &Home, wallet: &Wallet) -> Result<(), Error> {
        sealed::write(home, wallet, FILE, self)
    }

    /// Part and what goes with it, by relationship.
    pub fn part(&self, relationship: u64) -> Option<(&Part, &Own)> {
        let mut pairs = self.content.parts.iter().zip(&self.own);
        pairs.find(|(part, _)| part.relationship == relationship)
    }

    /// Replaces a part, or adds it.
    pub fn put(&mut self, part: Part, own: Own) {
        let parts = &mut self.content.parts;
        match parts.iter().position(|one| one.relationship == part.relationship) {
            Some(at) => {
                parts.splice(at..=at, [part]);
                self.own.splice(at..=at, [own]);
            }
            None => {
                parts.push(part);
                self.own.push(own);
            }
        }
    }

    /// Everything false in a part: by its proofs, by the ratchet, and what was found when it was fetched.
    pub fn findings(&self, part: &Part, own: &Own) -> Result<Vec<String>, Error> {
        let mut findings = own.findings.clone();
        findings.extend(part_findings(&self.content, part, &own.root()?));
        Ok(findings)
    }
}

/// Everything false in a part that can be seen from it.
fn part_findings(content: &Content, part: &Part, root: &Root) -> Vec<String> {
    let one = Content { parts: vec![part.clone()], ..content.without_parts() };
    let contract = one.contract();
    let place = contract.place(part.relationship, &part.institution.log_origin);
    let verified = one.verify();
    let by_proofs = verified.faults().map(|(_, fault)| fault.to_string());
    by_proofs.chain(check_labels(part, root.ratchet(&place)).iter().map(ToString::to_string)).collect()
}

impl Own {
    fn root(&self) -> Result<Root, Error> {
        let mut root = [0; 32];
        hex::decode_to_slice(&self.root, &mut root)
            .map_err(|_| Error::Failed("the copy is damaged; remove it and run `medrec sync`".to_owned()))?;
        Ok(Root::from_bytes(root))
    }
}

#[cfg(test)]
pub mod tests {
    use medrec_gate::Bundle;

    use super::*;

    /// As `medrec sync` would have made it of the fuzzer's right bundle.
    pub fn copy() -> Copy {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/exported/right-whole");
        let content = Bundle::parse(&std::fs::read(file).unwrap()).unwrap().content;
        let own = Own {
            relationship: content.parts[0].relationship,
            index: 0,
            root: hex::encode([23; 32]),
            at: content.made_at,
            log: LogState::default(),
            findings: Vec::new(),
            refused: None,
        };
        Copy { version: VERSION, content, own: vec![own] }
    }

    pub fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Some(folder.path())).unwrap();
        (folder, home)
    }
}
