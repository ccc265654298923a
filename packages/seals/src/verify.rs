//! Is a submission a seal of this template?

use alloc::vec::Vec;

use medrec_merkle::{
    Hash,
    heads::{self, Node},
    leaf_hash, verify_inclusion,
};
use medrec_pow::{Header, check, seal_id};

use crate::{
    error::Error,
    paths::climb,
    recalls::{Head, Recalls},
};

/// What a submission that holds gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// The last mix.
    pub mix: Hash,
    /// What the researcher signs and the next header names.
    pub id: Hash,
}

/// Follows the nonce through its eight recalls, each proved under `heads` (hash and total of the sum tree, which the
/// header seals), and holds the last mix against the target.
pub fn verify(header: &Header, heads: &Node, nonce: u64, recalls: &[u8]) -> Result<Seal, Error> {
    let number = header.number;
    if header.entries != heads.sum {
        return Err(Error::Entries { number, template: header.entries, heads: heads.sum });
    }
    let hash = header.hash();
    let mix = if header.entries == 0 {
        if !recalls.is_empty() {
            return Err(Error::NotEmpty { found: recalls.len() });
        }
        // No entry is asked for.
        check(&hash, nonce, 0, &header.target, |step, expected| {
            Err(Error::OtherEntry { number, step, expected, found: 0 })
        })?
    } else {
        let sent = Recalls::parse(recalls)?;
        let firsts = firsts(&sent, heads)?;
        check(&hash, nonce, header.entries, &header.target, |step, expected| {
            let none = Error::Recalls { found: step, expected: medrec_pow::RECALLS };
            let recall = sent.recalls.get(step).ok_or_else(|| none.clone())?;
            let place = usize::from(recall.head);
            let (head, first) = sent.heads.get(place).zip(firsts.get(place)).ok_or(none)?;
            let found = first.saturating_add(recall.index);
            // An index beyond its log is another log's number: the proof refuses it.
            if found != expected {
                return Err(Error::OtherEntry { number, step, expected, found });
            }
            let Head { slot, size, ref root, .. } = *head;
            verify_inclusion(&leaf_hash(recall.entry), recall.index, size, recall.proof, root)
                .map_err(|reason| Error::NotInLog { number, step, slot, reason })?;
            Ok(*recall.entry)
        })?
    };
    Ok(Seal { mix, id: seal_id(&hash, nonce, &mix) })
}

/// Entries before each head, which all are under the sealed root.
fn firsts(sent: &Recalls, root: &Node) -> Result<Vec<u64>, Error> {
    let leaf = |head: &Head| (head.slot, heads::leaf(head.slot, &head.origin, head.size, &head.root));
    let leaves: Vec<_> = sent.heads.iter().map(leaf).collect();
    let (computed, firsts) = climb(&leaves, &sent.siblings)?;
    let not_sealed = |reason| Error::NotSealed { expected: root.sum, reason };
    if computed.hash != root.hash {
        return Err(not_sealed(medrec_merkle::Error::RootMismatch {
            computed: computed.hash,
            claimed: root.hash,
        }));
    }
    if computed.sum != root.sum {
        return Err(not_sealed(medrec_merkle::Error::TotalMismatch {
            computed: computed.sum,
            claimed: root.sum,
        }));
    }
    Ok(firsts)
}
