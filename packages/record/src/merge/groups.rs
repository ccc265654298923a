//! Disjoint groups of places, at most one of each source.

/// Which places are one.
pub(super) struct Groups {
    source: Vec<u64>,
    /// Group of each place.
    group: Vec<usize>,
    /// Places of each group, ascending; empty once it went into another.
    members: Vec<Vec<usize>>,
}

impl Groups {
    /// Every place alone. `sources`: of places 0, 1, …
    pub(super) fn new(sources: impl Iterator<Item = u64>) -> Self {
        let source: Vec<u64> = sources.collect();
        let group: Vec<usize> = (0..source.len()).collect();
        let members = group.iter().map(|place| vec![*place]).collect();
        Self { source, group, members }
    }

    pub(super) fn of(&self, place: usize) -> usize {
        self.group.get(place).copied().unwrap_or(place)
    }

    pub(super) fn members(&self, group: usize) -> &[usize] {
        self.members.get(group).map_or(&[], Vec::as_slice)
    }

    /// Puts two places together, if their groups share no source and `fits` of each pair of their members.
    pub(super) fn join(&mut self, a: usize, b: usize, fits: impl Fn(usize, usize) -> bool) -> bool {
        let (a, b) = (self.of(a), self.of(b));
        let source = |place: &usize| self.source.get(*place);
        let apart = |a: &usize, b: &usize| source(a) != source(b) && fits(*a, *b);
        let (left, right) = (self.members(a), self.members(b));
        if a == b || !left.iter().all(|one| right.iter().all(|other| apart(one, other))) {
            return false;
        }
        let (into, from) = (a.min(b), a.max(b));
        let moved = self.members.get_mut(from).map(std::mem::take).unwrap_or_default();
        for place in &moved {
            if let Some(group) = self.group.get_mut(*place) {
                *group = into;
            }
        }
        if let Some(members) = self.members.get_mut(into) {
            members.extend(moved);
            members.sort_unstable();
        }
        true
    }

    /// In order of their first members.
    pub(super) fn into_members(self) -> Vec<Vec<usize>> {
        let mut members: Vec<_> = self.members.into_iter().filter(|members| !members.is_empty()).collect();
        members.sort_unstable();
        members
    }
}
