//! Logs of several hospitals as one list in the order of time, with what is missing at its place.

use medrec_accesslog::{Body, Found};
use serde_json::{Value, json};

use crate::dates::Dates;
use crate::logread::LogRead;
use crate::seals::{self, Cover};
use crate::{entries, moment, show};

/// Kinds of entries that a relationship can have, as the log's bodies are named.
pub const KINDS: [&str; 12] = [
    "filed",
    "read",
    "refused",
    "opened",
    "grant-seen",
    "revoke-seen",
    "closed",
    "removed",
    "revoke-received",
    "acknowledged",
    "disputed",
    "counted",
];

/// Whose log.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    pub relationship: u64,
    pub institution: &'a str,
}

/// One entry, or the place where one is missing.
pub struct Line<'a> {
    of: Of<'a>,
    counter: u64,
    /// By the hospital's clock; of an entry that does not say, the time of the one before.
    at: u64,
    state: State,
    seal: Option<Cover>,
    found: Option<&'a Found>,
}

/// How far a line can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Secured,
    BeingSecured,
    /// Log and chain disagree.
    NotVouchedFor,
    Missing,
}

impl State {
    fn text(self) -> &'static str {
        match self {
            State::Secured => "secured",
            State::BeingSecured => "being secured",
            State::NotVouchedFor => "NOT VOUCHED FOR",
            State::Missing => "MISSING",
        }
    }

    fn code(self) -> &'static str {
        match self {
            State::Secured => "secured",
            State::BeingSecured => "being-secured",
            State::NotVouchedFor => "not-vouched-for",
            State::Missing => "missing",
        }
    }
}

/// Which lines are shown. What is missing always is: nobody knows when it was, or what.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub dates: Dates,
    pub kinds: Vec<String>,
}

impl Filter {
    fn wants(&self, line: &Line<'_>) -> bool {
        let Some(found) = line.found else { return true };
        let kind = |body: &Body| self.kinds.iter().any(|kind| kind == body.name());
        let of_kind = self.kinds.is_empty() || found.opened.as_ref().is_ok_and(|opened| kind(&opened.body));
        of_kind && self.dates.hold(&moment::date(line.at))
    }
}

/// All lines of all logs, the oldest first; within a log its own order stays.
pub fn lines<'a>(logs: impl IntoIterator<Item = (Of<'a>, &'a LogRead)>, filter: &Filter) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = logs.into_iter().flat_map(|(of, log)| of_one(of, log)).collect();
    lines.sort_by_key(|line| (line.at, line.of.relationship, line.counter));
    lines.retain(|line| filter.wants(line));
    lines
}

fn of_one<'a>(of: Of<'a>, log: &'a LogRead) -> Vec<Line<'a>> {
    let state = |index: u64| match &log.disagreement {
        Some(_) => State::NotVouchedFor,
        None if index < log.anchored => State::Secured,
        None => State::BeingSecured,
    };
    let there = log.scan.found.iter().map(|found| Line {
        of,
        counter: found.counter,
        at: found.opened.as_ref().ok().and_then(|opened| opened.body.at()).unwrap_or_default(),
        state: state(found.index),
        seal: seals::covering(&log.covers, found.index).copied(),
        found: Some(found),
    });
    let missing = log.scan.gaps.iter().map(|counter| Line {
        of,
        counter: *counter,
        at: 0,
        state: State::Missing,
        seal: None,
        found: None,
    });
    let mut lines: Vec<Line<'a>> = there.chain(missing).collect();
    lines.sort_by_key(|line| line.counter);
    // Never before its predecessor: a clock that was set back does not turn the log's order round.
    let mut latest = 0;
    for line in &mut lines {
        latest = latest.max(line.at);
        line.at = latest;
    }
    lines
}

impl Line<'_> {
    fn words(&self) -> String {
        match self.found.map(|found| &found.opened) {
            None => "an entry was withheld here".to_owned(),
            Some(Ok(opened)) => entries::words(&opened.body),
            Some(Err(e)) => format!("cannot be read: {e}"),
        }
    }

    /// What the chain and the seals on it vouch for.
    fn vouched(&self) -> String {
        match (self.state, &self.seal) {
            (State::Secured, Some(cover)) => format!("secured, seal {}", cover.seal),
            (state, _) => state.text().to_owned(),
        }
    }

    /// For programs: the entry as in `logs`, with where it is from.
    pub fn json(&self) -> Value {
        let mut value = match self.found {
            Some(found) => entries::found_json(found),
            None => json!({"counter": self.counter, "text": self.words()}),
        };
        value["relationship"] = json!(self.of.relationship);
        value["hospital"] = json!(self.of.institution);
        value["state"] = json!(self.state.code());
        value["seal"] = json!(self.seal.as_ref().map(Cover::json));
        value
    }
}

/// For people.
pub fn table(lines: &[Line<'_>]) -> String {
    let row = |line: &Line<'_>| {
        let at = if line.at == 0 { String::new() } else { moment::text(line.at) };
        let Of { relationship, institution } = line.of;
        let place = format!("{institution} ({relationship})");
        vec![
            at,
            show::one_line(&place),
            line.counter.to_string(),
            show::one_line(&line.words()),
            line.vouched(),
        ]
    };
    show::table(&["when", "hospital (relationship)", "number", "what", "chain"], lines.iter().map(row))
}

#[cfg(test)]
mod tests {
    use medrec_accesslog::{Opened, Scan};

    use super::*;

    fn found(counter: u64, at: u64) -> Found {
        let body = Body::GrantSeen { at, height: 1, grant: 7 };
        Found { index: counter, counter, opened: Ok(Opened { body, cbor: vec![], blind: [0; 32] }) }
    }

    fn log(entries: &[(u64, u64)], gaps: &[u64]) -> LogRead {
        let found = entries.iter().map(|(counter, at)| found(*counter, *at)).collect();
        let scan = Scan { found, gaps: gaps.to_vec(), ..Scan::default() };
        LogRead { scan, size: 9, anchored: 2, ..LogRead::default() }
    }

    const NORTH: Of<'_> = Of { relationship: 1, institution: "North" };
    const SOUTH: Of<'_> = Of { relationship: 2, institution: "South" };

    #[test]
    fn logs_are_merged_in_time_and_gaps_stand_where_they_are() {
        let (north, south) = (log(&[(0, 100), (2, 300)], &[1]), log(&[(0, 200), (1, 150), (3, 400)], &[]));
        let lines = lines([(NORTH, &north), (SOUTH, &south)], &Filter::default());
        let told: Vec<(u64, u64, &str)> =
            lines.iter().map(|l| (l.of.relationship, l.counter, l.state.code())).collect();
        assert_eq!(
            told,
            [
                (1, 0, "secured"),
                (1, 1, "missing"),
                (2, 0, "secured"),
                (2, 1, "secured"),
                (1, 2, "being-secured"),
                (2, 3, "being-secured")
            ]
        );
        let text = table(&lines);
        assert!(text.contains("North (1)") && text.contains("an entry was withheld here"), "{text}");
        assert_eq!(lines[0].json()["hospital"], "North");
    }

    #[test]
    fn a_log_the_chain_disagrees_with_is_not_vouched_for() {
        let log = LogRead { disagreement: Some("rewritten".into()), ..log(&[(0, 1)], &[]) };
        assert_eq!(lines([(NORTH, &log)], &Filter::default())[0].state, State::NotVouchedFor);
    }

    #[test]
    fn filters_never_hide_a_gap() {
        let log = log(&[(0, 100), (2, 300)], &[1]);
        let of_kind = |kind: &str| Filter { kinds: vec![kind.to_owned()], ..Filter::default() };
        assert_eq!(lines([(NORTH, &log)], &of_kind("grant-seen")).len(), 3);
        assert_eq!(lines([(NORTH, &log)], &of_kind("read")).len(), 1);
    }
}
