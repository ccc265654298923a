//! A relationship's log, from its hospital or, when that does not answer, from another institution's copy of it.

use std::collections::{BTreeMap, BTreeSet};

use medrec_accesslog::{Root, SignedCheckpoint, TagKey, mirror};
use medrec_api::registrar::{InstitutionResponse, InstitutionStatus};

use crate::Error;
use crate::chain::Chain;
use crate::logread::{self, LogRead};
use crate::mine::Mine;
use crate::served::Served;

/// A relationship's part of a log, from where it was served.
pub struct OneLog {
    pub served: Served,
    pub tag_key: TagKey,
    pub log: LogRead,
    /// Why the hospital's own was not read, and whose copy it is; none if the hospital answered or a copy was asked for.
    pub instead: Option<Instead>,
}

/// Another institution's copy was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// What the hospital said, or did not.
    pub because: String,
    /// Who keeps the copy.
    pub keeper: String,
    /// Copies that contradict each other.
    pub findings: Vec<String>,
}

impl Instead {
    /// For people.
    pub fn text(&self) -> String {
        format!("{}; the log was read from the copy that {} keeps", self.because, self.keeper)
    }
}

impl OneLog {
    /// Everything wrong with it, in words.
    pub fn findings(&self) -> Vec<String> {
        let of_copies = self.instead.iter().flat_map(|instead| instead.findings.iter().cloned());
        self.log.findings().into_iter().chain(of_copies).collect()
    }

    /// What should be known of it and is not wrong.
    pub fn notes(&self) -> Vec<String> {
        self.instead.iter().map(Instead::text).chain(self.log.behind()).collect()
    }
}

/// `mirror`: address of the institution whose copy is read, whatever the hospital says. `promised`: indices whose leaves
/// are wanted.
pub async fn of(
    chain: &Chain,
    mine: &Mine,
    mirror: Option<&str>,
    promised: &BTreeSet<u64>,
) -> Result<OneLog, Error> {
    let (offer, root) = mine.secrets(chain)?;
    let institution = chain.registrar.institution(offer.institution).await?;
    let id = mine.state.id;
    let tag_key = root.tag_key(&chain.contract.place(id, &institution.log_origin));
    let Read { served, log, instead } =
        read(chain, &institution, mirror, Some((id, &root)), promised).await?;
    Ok(OneLog { served, tag_key, log, instead })
}

/// An institution's log, and from where it was read.
pub struct Read {
    pub served: Served,
    pub log: LogRead,
    pub instead: Option<Instead>,
}

/// Reads an institution's log, from the institution or, when it does not answer, from another's copy. `of`, `promised`:
/// as in [`logread::read`].
pub async fn read(
    chain: &Chain,
    institution: &InstitutionResponse,
    mirror: Option<&str>,
    of: Option<(u64, &Root)>,
    promised: &BTreeSet<u64>,
) -> Result<Read, Error> {
    let read = async |served: Served, instead: Option<Instead>| {
        let log = logread::read(chain, &served, of, promised).await?;
        Ok(Read { served, log, instead })
    };
    if let Some(url) = mirror {
        return read(Served::mirrored(institution, url)?, None).await;
    }
    let because = match read(Served::of(institution)?, None).await {
        Err(e @ Error::Silent { .. }) => e.to_string(),
        done => return done,
    };
    let copies = copies(chain, institution).await?;
    let findings = contradictions(&institution.name, &copies);
    for copy in copies {
        let keeper = copy.keeper;
        let instead = Instead { because: because.clone(), keeper, findings: findings.clone() };
        match read(copy.served, Some(instead)).await {
            // The next one may be whole.
            Err(Error::Silent { .. }) => {}
            done => return done,
        }
    }
    Err(Error::Failed(format!("{because}; no other institution shows a copy of its log either")))
}

/// One institution's copy of another's log.
struct Copy {
    keeper: String,
    served: Served,
    signed: SignedCheckpoint,
}

/// The copies that other institutions show now, the longest first.
async fn copies(chain: &Chain, of: &InstitutionResponse) -> Result<Vec<Copy>, Error> {
    let all = chain.institutions().await?;
    let keepers = all.iter().filter(|one| one.id != of.id && one.status == InstitutionStatus::Active);
    let ask = async |keeper: &InstitutionResponse| {
        let served = Served::mirrored(of, &keeper.url).ok()?;
        // Who is silent too, or shows what the log's key did not sign, keeps no copy.
        let signed = mirror::checkpoint(&served, &served.log_key).await.ok()?;
        Some(Copy { keeper: keeper.name.clone(), served, signed })
    };
    let asked = futures::future::join_all(keepers.map(ask)).await;
    let mut copies: Vec<Copy> = asked.into_iter().flatten().collect();
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.signed.checkpoint.size));
    Ok(copies)
}

/// One size, two roots, both signed: the hospital showed different logs to different people.
fn contradictions(name: &str, copies: &[Copy]) -> Vec<String> {
    let mut first: BTreeMap<u64, &Copy> = BTreeMap::new();
    let mut found = Vec::new();
    for copy in copies {
        let (size, root) = (copy.signed.checkpoint.size, copy.signed.checkpoint.root);
        let other = first.entry(size).or_insert(copy);
        if other.signed.checkpoint.root != root {
            found.push(format!(
                "{name} signed two different logs of {size} entries: {} keeps the one, {} the other",
                other.keeper, copy.keeper
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use medrec_accesslog::LogSigner;

    use super::*;

    fn copy(keeper: &str, size: u64, root: u8) -> Copy {
        let signer = LogSigner::new("log.north.example", &[3; 32]).unwrap();
        let signed = signer.sign(size, [root; 32]);
        Copy { keeper: keeper.into(), served: crate::served::tests::served(signer.public()), signed }
    }

    #[test]
    fn copies_of_one_size_must_be_one_log() {
        assert!(
            contradictions("North", &[copy("East", 9, 1), copy("West", 9, 1), copy("South", 8, 2)])
                .is_empty()
        );
        let found = contradictions("North", &[copy("East", 9, 1), copy("West", 9, 2)]);
        assert!(
            found[0].contains("two different logs of 9 entries: East keeps the one, West the other"),
            "{found:?}"
        );
    }

    #[test]
    fn a_copy_is_named_and_so_is_why_it_was_read() {
        let one = OneLog {
            served: copy("East", 1, 1).served,
            tag_key: TagKey::from_bytes([1; 32]),
            log: LogRead { lacking: 3, ..LogRead::default() },
            instead: Some(Instead {
                because: "North did not answer: no connection".into(),
                keeper: "East".into(),
                findings: vec!["two logs".into()],
            }),
        };
        let notes = one.notes();
        assert_eq!(notes.len(), 2);
        assert!(
            notes[0].contains("no connection; the log was read from the copy that East keeps"),
            "{notes:?}"
        );
        assert_eq!(one.findings(), ["two logs"]);
    }
}
