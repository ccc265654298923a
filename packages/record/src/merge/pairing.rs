//! Which of the possible pairs are made.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::fact::{Agreement, Fact};
use super::groups::Groups;
use super::moment::Day;
use super::value::{Coding, share};

/// Where so many groups of one code and day are left after the exact pairs, no further pair is looked for: the work
/// would grow with their square, and no such pair would be worth believing.
const MAX_CLUSTER: usize = 512;

/// A record that may be another's.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// In the order of sources and ids.
    pub(super) place: usize,
    pub(super) source: u64,
    pub(super) fact: &'a Fact,
    /// Group of its encounter.
    pub(super) visit: Option<usize>,
}

impl Candidate<'_> {
    fn agrees(&self, other: &Self) -> Option<Agreement> {
        self.fact.agrees(other.fact, (self.visit, other.visit))
    }
}

/// Joins candidates, given in order of place, that are one fact.
pub(super) fn pair(groups: &mut Groups, candidates: &[Candidate<'_>]) {
    exact(groups, candidates);
    for cluster in clusters(candidates) {
        closest(groups, &cluster);
    }
}

/// Those that say the very same: the first of each source together, the second of each, and so on.
fn exact(groups: &mut Groups, candidates: &[Candidate<'_>]) {
    let mut seen: HashMap<(&Fact, Option<usize>, u64), u32> = HashMap::new();
    let mut first: HashMap<(&Fact, Option<usize>, u32), usize> = HashMap::new();
    for Candidate { place, source, fact, visit } in candidates {
        let count = seen.entry((fact, *visit, *source)).or_default();
        let other = *first.entry((fact, *visit, *count)).or_insert(*place);
        *count = count.saturating_add(1);
        groups.join(*place, other, |_, _| true);
    }
}

/// Candidates that share type, code and day, directly or through others.
fn clusters<'a>(candidates: &[Candidate<'a>]) -> Vec<Vec<Candidate<'a>>> {
    let mut head: Vec<usize> = (0..candidates.len()).collect();
    let mut first: HashMap<(&str, &Coding, Day), usize> = HashMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        for code in &candidate.fact.codes {
            for day in candidate.fact.start.days() {
                let other = *first.entry((candidate.fact.kind.as_str(), code, day)).or_insert(index);
                let (a, b) = (root(&mut head, index), root(&mut head, other));
                if let Some(above) = head.get_mut(a.max(b)) {
                    *above = a.min(b);
                }
            }
        }
    }
    let mut clusters: HashMap<usize, Vec<Candidate<'a>>> = HashMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        clusters.entry(root(&mut head, index)).or_default().push(*candidate);
    }
    clusters.into_values().filter(|cluster| cluster.len() > 1).collect()
}

fn root(head: &mut [usize], mut index: usize) -> usize {
    while let Some(above) = head.get(index).copied().filter(|above| *above != index) {
        // Halves the path.
        let higher = head.get(above).copied().unwrap_or(above);
        if let Some(entry) = head.get_mut(index) {
            *entry = higher;
        }
        index = higher;
    }
    index
}

/// Joins the pairs of a cluster, those that agree best first.
fn closest(groups: &mut Groups, cluster: &[Candidate<'_>]) {
    let mut sources: Vec<u64> = cluster.iter().map(|candidate| candidate.source).collect();
    sources.sort_unstable();
    sources.dedup();
    let open: Vec<&Candidate<'_>> =
        cluster.iter().filter(|c| groups.members(groups.of(c.place)).len() < sources.len()).collect();
    let mut left: Vec<usize> = open.iter().map(|candidate| groups.of(candidate.place)).collect();
    left.sort_unstable();
    left.dedup();
    if left.len() > MAX_CLUSTER {
        return;
    }
    let mut pairs = Vec::new();
    for (index, one) in open.iter().enumerate() {
        for other in open.iter().skip(index.saturating_add(1)) {
            let apart = one.source != other.source && groups.of(one.place) != groups.of(other.place);
            if apart
                && share(&one.fact.codes, &other.fact.codes)
                && let Some(agreement) = one.agrees(other)
            {
                pairs.push((Reverse(agreement), one.place, other.place));
            }
        }
    }
    pairs.sort_unstable();
    let at: HashMap<usize, &Candidate<'_>> =
        open.iter().map(|candidate| (candidate.place, *candidate)).collect();
    // Codes may be known through a third record, moments and values must agree all round.
    let fits = |a: usize, b: usize| match (at.get(&a), at.get(&b)) {
        (Some(a), Some(b)) => a.agrees(b).is_some(),
        _ => false,
    };
    for (_, one, other) in pairs {
        groups.join(one, other, fits);
    }
}
