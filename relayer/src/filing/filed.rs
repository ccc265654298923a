//! What is filed, as the store has it, kept for the next read. Only this process writes it, and only by [`Filed::begin`]
//! and [`Filed::end`]; keys in it stay sealed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::records::Row;

/// Records kept: 12 MB or so. Above it all are forgotten and read anew.
const KEPT: usize = 50_000;

/// Relationship and scope.
type Place = (u64, String);

#[derive(Debug, Default)]
pub(super) struct Filed(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<Place, Arc<Vec<Row>>>,
    kept: usize,
    /// How many write there now. Whoever was given up in the middle is never told apart from one who still writes, so
    /// nothing is kept of that place any more.
    writing: HashMap<Place, usize>,
    /// Begun or ended writes.
    moves: u64,
}

/// What may have changed since it was looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since(u64);

impl Filed {
    /// What is filed there, or since when to watch while it is read from the store.
    pub fn find(&self, relationship: u64, scope: &str) -> Result<Arc<Vec<Row>>, Since> {
        let inner = self.lock();
        let known = inner.known.get(&(relationship, scope.to_owned()));
        known.cloned().ok_or(Since(inner.moves))
    }

    /// Keeps what was read from the store, unless somebody wrote since.
    pub fn keep(&self, relationship: u64, scope: &str, rows: &Arc<Vec<Row>>, since: Since) {
        let place = (relationship, scope.to_owned());
        let mut inner = self.lock();
        if inner.moves != since.0 || inner.writing.contains_key(&place) {
            return;
        }
        if inner.kept.saturating_add(rows.len()) > KEPT {
            inner.known.clear();
            inner.kept = 0;
        }
        inner.kept = inner.kept.saturating_add(rows.len());
        if let Some(before) = inner.known.insert(place, rows.clone()) {
            inner.kept = inner.kept.saturating_sub(before.len());
        }
    }

    /// Somebody is going to write there: nothing of it is known until the write has ended.
    pub fn begin(&self, relationship: u64, scope: &str) {
        let place = (relationship, scope.to_owned());
        let mut inner = self.lock();
        inner.moves = inner.moves.wrapping_add(1);
        if let Some(before) = inner.known.remove(&place) {
            inner.kept = inner.kept.saturating_sub(before.len());
        }
        let writing = inner.writing.entry(place).or_default();
        *writing = writing.saturating_add(1);
    }

    /// The write is durable, or undone.
    pub fn end(&self, relationship: u64, scope: &str) {
        let place = (relationship, scope.to_owned());
        let mut inner = self.lock();
        inner.moves = inner.moves.wrapping_add(1);
        match inner.writing.get_mut(&place) {
            Some(writing) if *writing > 1 => *writing = writing.saturating_sub(1),
            _ => drop(inner.writing.remove(&place)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: &str = "labs";

    fn rows(count: usize) -> Arc<Vec<Row>> {
        Arc::new(vec![Row::default(); count])
    }

    fn is_known(filed: &Filed, relationship: u64) -> bool {
        filed.find(relationship, SCOPE).is_ok()
    }

    /// Looked up and read, but not kept yet.
    fn looked_up(filed: &Filed) -> Since {
        filed.find(1, SCOPE).unwrap_err()
    }

    #[test]
    fn what_was_read_before_or_during_a_write_is_not_kept() {
        let filed = Filed::default();
        let before = looked_up(&filed);
        filed.begin(1, SCOPE);
        let during = looked_up(&filed);
        filed.keep(1, SCOPE, &rows(1), before);
        filed.keep(1, SCOPE, &rows(1), during);
        assert!(!is_known(&filed, 1));
        filed.end(1, SCOPE);
        filed.keep(1, SCOPE, &rows(1), before);
        filed.keep(1, SCOPE, &rows(1), during);
        assert!(!is_known(&filed, 1));
        filed.keep(1, SCOPE, &rows(1), looked_up(&filed));
        assert!(is_known(&filed, 1) && filed.find(1, "people").is_err());
        filed.begin(1, SCOPE);
        assert!(!is_known(&filed, 1));
    }

    #[test]
    fn a_write_that_was_given_up_ends_keeping_and_two_are_counted() {
        let filed = Filed::default();
        filed.begin(1, SCOPE);
        filed.begin(1, SCOPE);
        filed.end(1, SCOPE);
        filed.keep(1, SCOPE, &rows(1), looked_up(&filed));
        assert!(!is_known(&filed, 1), "the other one may still write");
        filed.end(1, SCOPE);
        filed.keep(1, SCOPE, &rows(1), looked_up(&filed));
        assert!(is_known(&filed, 1));
    }

    #[test]
    fn memory_is_bounded() {
        let filed = Filed::default();
        for relationship in 0..10 {
            let since = filed.find(relationship, SCOPE).unwrap_err();
            filed.keep(relationship, SCOPE, &rows(KEPT / 3), since);
            let inner = filed.lock();
            let kept: usize = inner.known.values().map(|rows| rows.len()).sum();
            assert!(kept <= KEPT && kept == inner.kept);
        }
    }
}
