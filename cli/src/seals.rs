//! Seals by proof of work over a log: which one covers an entry, and how much work was piled on top since.

use std::collections::BTreeMap;

use medrec_accesslog::{Anchor, SignedCheckpoint, check_anchor};
use medrec_api::MAX_LIMIT;
use medrec_api::authlog::{SealResponse, SealedHead as QuotedHead};
use medrec_gate::seals::{
    MAX_RUN, Place, ResearcherFacts, Run, SealFacts, SealedHead, WatchedFacts, path_bytes,
};
use medrec_merkle::heads::{self, NodeReader};
use medrec_pow::U256;
use medrec_seals::{Head, HeadsTree};
use serde_json::{Value, json};

use crate::chain::Chain;
use crate::logread::LogRead;
use crate::logs::OneLog;
use crate::served::Served;
use crate::{Error, anchor, moment};

/// Seals that are looked up for one log, at most: entries between two of them get the later one.
const POINTS: usize = 16;

/// A seal over the first entries of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cover {
    pub seal: u64,
    /// When these entries were there at the latest, seconds since 1970.
    pub at: u64,
    pub entries: u64,
    /// Tries that this seal and those on top of it took on average.
    pub work: U256,
}

impl Cover {
    pub fn json(&self) -> Value {
        json!({"seal": self.seal, "at": self.at, "entries": self.entries, "work": self.work.to_string()})
    }
}

/// The first cover that reaches an entry; `covers` in order of entries.
pub fn covering(covers: &[Cover], index: u64) -> Option<&Cover> {
    covers.iter().find(|cover| cover.entries > index)
}

/// What the seals say of a relationship's entries, for people; none while no seal covers any.
pub fn text(log: &LogRead) -> Option<String> {
    let (first, last) = (log.covers.first()?, log.covers.last()?);
    let covered = log.counter_at(last.entries);
    Some(format!(
        "Researchers' seals cover {covered} of your entries, the oldest since {} (seal {}) with the work of {} \
         tries on top",
        moment::text(first.at),
        first.seal,
        first.work
    ))
}

/// The seals as a node of the chain tells of them.
pub struct Seals<'a> {
    chain: &'a Chain,
    /// Seals so far.
    pub count: u64,
    work: U256,
}

impl<'a> Seals<'a> {
    pub async fn of(chain: &'a Chain) -> Result<Self, Error> {
        let told = chain.authlog.sealing().await?;
        Ok(Self { chain, count: told.seals, work: number(&told.work)? })
    }

    /// For each of some entries of a log, in order of their index, the first seal that covers it.
    pub async fn covers(&self, slot: u32, indices: &[u64]) -> Result<Vec<Cover>, Error> {
        let mut covers: Vec<Cover> = Vec::new();
        let mut sizes = BTreeMap::new();
        for index in points(indices) {
            let from = covers.last().map_or(1, |cover| cover.seal);
            if covering(&covers, index).is_some() {
                continue;
            }
            let Some((seal, entries)) = self.first_covering(slot, index, from, &mut sizes).await? else {
                break;
            };
            let told = self.chain.authlog.seal(seal).await?;
            covers.push(Cover { seal, at: told.frozen_at, entries, work: self.on_top(&told)? });
        }
        Ok(covers)
    }

    /// Work of a seal and of all after it.
    fn on_top(&self, seal: &SealResponse) -> Result<U256, Error> {
        let before = number(&seal.work)?.checked_sub(&facts(seal)?.work()?).unwrap_or(U256::ZERO);
        Ok(self.work.checked_sub(&before).unwrap_or(U256::ZERO))
    }

    /// By halving: a log's sealed size only grows, but for the time its institution withholds entries.
    async fn first_covering(
        &self,
        slot: u32,
        index: u64,
        from: u64,
        sizes: &mut BTreeMap<u64, u64>,
    ) -> Result<Option<(u64, u64)>, Error> {
        let (mut low, mut high) = (from, self.count);
        if high == 0 || self.size(slot, high, sizes).await? <= index {
            return Ok(None);
        }
        while low < high {
            let middle = low.midpoint(high);
            match self.size(slot, middle, sizes).await? > index {
                true => high = middle,
                false => low = middle.saturating_add(1),
            }
        }
        Ok(Some((high, self.size(slot, high, sizes).await?)))
    }

    /// Entries of a log that a seal covers; 0 if it is not among its heads.
    async fn size(&self, slot: u32, seal: u64, sizes: &mut BTreeMap<u64, u64>) -> Result<u64, Error> {
        if let Some(size) = sizes.get(&seal) {
            return Ok(*size);
        }
        let told = self.chain.authlog.sealed_heads(seal, slot.checked_sub(1), Some(1)).await?.heads;
        let size = told.first().filter(|head| head.slot == slot).map_or(0, |head| head.size);
        sizes.insert(seal, size);
        Ok(size)
    }

    /// The seals from `first` on, at most [`MAX_RUN`] of them, the newest, added to what is known of them.
    pub async fn run(&self, first: u64, known: &Run) -> Result<Run, Error> {
        let most = u64::try_from(MAX_RUN).unwrap_or(u64::MAX);
        let first = first.max(self.count.saturating_add(1).saturating_sub(most)).max(1);
        let mut run = known.clone();
        let reaches = run.seals.first().is_some_and(|seal| seal.number <= first)
            && run.seals.last().is_some_and(|seal| seal.number.saturating_add(1) >= first);
        match reaches {
            true => run.seals.retain(|seal| (first..=self.count).contains(&seal.number)),
            false => run.seals.clear(),
        }
        loop {
            let after = run.seals.last().map_or(first.saturating_sub(1), |seal| seal.number);
            if after >= self.count {
                break;
            }
            let page = self.chain.authlog.seals(Some(after), Some(MAX_LIMIT)).await?.seals;
            if page.is_empty() {
                break;
            }
            for seal in &page {
                run.seals.push(facts(seal)?);
            }
        }
        run.seals.retain(|seal| seal.number <= self.count);
        run.researchers.retain(|one| run.seals.iter().any(|seal| seal.miner == one.account));
        for seal in &run.seals {
            if run.researchers.iter().all(|one| one.account != seal.miner) {
                run.researchers.push(self.researcher(&seal.miner).await?);
            }
        }
        Ok(run)
    }

    async fn researcher(&self, account: &str) -> Result<ResearcherFacts, Error> {
        let told = self.chain.registrar.researcher(account).await?;
        let institution = self.chain.registrar.institution(told.certified_by).await?;
        let unusable =
            |what: &str| Error::Wrong(format!("the registrar's {what} of researcher {account} is unusable"));
        Ok(ResearcherFacts {
            account: told.account.clone(),
            name: told.name.clone(),
            key: fixed(&told.key).ok_or_else(|| unusable("key"))?,
            encryption_key: fixed(&told.encryption_key).ok_or_else(|| unusable("encryption key"))?,
            institution: told.certified_by,
            signing_key: fixed(&institution.signing_key).ok_or_else(|| unusable("institution"))?,
            certificate: fixed(&told.certificate).ok_or_else(|| unusable("certificate"))?,
        })
    }

    /// A log's head under a seal, with its path and the proof that `signed` goes on from it.
    pub async fn head(
        &self,
        slot: u32,
        seal: u64,
        log: &Served,
        signed: &SignedCheckpoint,
    ) -> Result<SealedHead, Error> {
        let mut quoted: Vec<QuotedHead> = Vec::new();
        loop {
            let after = quoted.last().map(|head| head.slot);
            let page = self.chain.authlog.sealed_heads(seal, after, Some(MAX_LIMIT)).await?.heads;
            if page.is_empty() {
                break;
            }
            quoted.extend(page);
        }
        let unreadable = || Error::Wrong(format!("the heads under seal {seal} are unreadable"));
        let heads = quoted.into_iter().map(|head| {
            let root = fixed(&head.root)?;
            Some(Head { slot: head.slot, origin: head.origin, size: head.size, root })
        });
        let heads = heads.collect::<Option<Vec<Head>>>().ok_or_else(unreadable)?;
        let tree =
            HeadsTree::new(&heads).map_err(|e| Error::Wrong(format!("the heads under seal {seal}: {e}")))?;
        let own = heads.iter().find(|head| head.slot == slot && head.origin == log.origin());
        let own =
            own.ok_or_else(|| Error::Wrong(format!("seal {seal} does not cover the log of {}", log.name)))?;
        let mut path = [heads::EMPTY; heads::LEVELS];
        for (level, sibling) in path.iter_mut().enumerate() {
            let (_, beside) = heads::position(slot, level);
            *sibling = tree.node(level, beside).map_err(|_| unreadable())?;
        }
        let consistency = anchor::consistency(log, own.size, signed.checkpoint.size).await?;
        check_anchor(signed, &Anchor { size: own.size, root: own.root }, &consistency)?;
        Ok(SealedHead { seal, slot, size: own.size, root: own.root, path: path_bytes(&path), consistency })
    }
}

/// Checks the seals on top of a log: that they follow each other, are signed by certified researchers, and that the
/// newest that covers an entry of the relationship has this very log below it. Gives what they say.
pub async fn check(chain: &Chain, one: &OneLog) -> Result<Option<String>, Error> {
    let log = &one.log;
    let (Some(first), Some(last), Some(signed)) = (log.covers.first(), log.covers.last(), &log.signed) else {
        return Ok(None);
    };
    let seals = Seals::of(chain).await?;
    let run = seals.run(first.seal, &Run::default()).await?;
    run.check(place(chain))?;
    let slot = chain.authlog.log_of(one.served.institution).await?.slot;
    seals.head(slot, last.seal, &one.served, signed).await?.check(&run, one.served.origin())?;
    Ok(text(log))
}

/// Where the seals of this chain are.
pub fn place(chain: &Chain) -> Place<'_> {
    Place {
        chain_id: &chain.contract.chain_id,
        registrar: &chain.registrar_address,
        authlog: &chain.authlog_address,
    }
}

/// At most [`POINTS`] of the indices, the last among them, evenly chosen.
fn points(indices: &[u64]) -> Vec<u64> {
    let step = indices.len().div_ceil(POINTS).max(1);
    let mut chosen: Vec<u64> = indices.rchunks(step).filter_map(|chunk| chunk.last()).copied().collect();
    chosen.reverse();
    chosen
}

fn facts(seal: &SealResponse) -> Result<SealFacts, Error> {
    let read = || {
        let watched = seal.watched.iter().map(|one| {
            let (root, checksum) = (fixed(&one.root)?, fixed(&one.checksum)?);
            Some(WatchedFacts { contract: one.contract.clone(), size: one.size, root, checksum })
        });
        Some(SealFacts {
            number: seal.number,
            previous: fixed(&seal.previous)?,
            heads: fixed(&seal.heads.hash)?,
            entries: seal.heads.total,
            watched: watched.collect::<Option<_>>()?,
            target: fixed(&seal.target)?,
            frozen_at: seal.frozen_at,
            miner: seal.miner.clone(),
            nonce: seal.nonce,
            mix: fixed(&seal.mix)?,
            signature: fixed(&seal.signature)?,
        })
    };
    read().ok_or_else(|| Error::Wrong(format!("seal {} as the chain tells it is unreadable", seal.number)))
}

fn number(bytes: &[u8]) -> Result<U256, Error> {
    let bytes =
        bytes.try_into().map_err(|_| Error::Wrong("the work of the seals is unreadable".to_owned()))?;
    Ok(U256::from_be_bytes(&bytes))
}

fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_few_and_end_with_the_last() {
        assert_eq!(points(&[]), [0; 0]);
        assert_eq!(points(&[3, 9]), [3, 9]);
        let many: Vec<u64> = (0..1_000).collect();
        let chosen = points(&many);
        assert!(chosen.len() <= POINTS && chosen.is_sorted());
        assert_eq!(chosen.last(), Some(&999));
    }

    #[test]
    fn the_first_cover_that_reaches_an_entry() {
        let cover = |seal, entries| Cover { seal, at: 0, entries, work: U256::ONE };
        let covers = [cover(2, 10), cover(5, 30)];
        let seal = |index| covering(&covers, index).map(|cover| cover.seal);
        assert_eq!(
            (seal(0), seal(9), seal(10), seal(29), seal(30)),
            (Some(2), Some(2), Some(5), Some(5), None)
        );
    }
}
