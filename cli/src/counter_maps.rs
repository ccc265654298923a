//! The daily counter maps (wire.md section 7, security H7): a hospital that hides the newest entries of a relationship
//! must sign, within a day, for a number that the patient can contradict.

use medrec_accesslog::{CounterMap, Counters, TagKey};

use crate::logread::LogRead;
use crate::served::Served;
use crate::{Error, moment};

const DAY: u64 = 86_400;
/// A day's map may be so late, seconds.
const GRACE: u64 = 3_600;
/// Counters tried to tell what a map says instead.
const TRIED: u64 = 4_096;

/// What the maps of a log say of one relationship.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub findings: Vec<String>,
    /// What should be known and proves nothing.
    pub notes: Vec<String>,
    /// Maps that agree.
    pub agree: usize,
}

/// Checks every map the log tells of, and that the newest is there. `now`: seconds since 1970, by the chain.
pub async fn check(log: &LogRead, served: &Served, tag_key: &TagKey, now: u64) -> Result<Outcome, Error> {
    let mut outcome = days(log, &served.name, now);
    for (index, counters) in &log.maps {
        let wrong = match served.counter_map(counters.day).await {
            Ok(map) => judge(*index, counters, map.as_ref(), tag_key, log.counter_at(counters.size)),
            Err(Error::Wrong(why)) => Some(why),
            Err(e) => return Err(e),
        };
        match wrong {
            Some(wrong) => outcome.findings.push(format!("{}, {}: {wrong}", served.name, date(counters.day))),
            None => outcome.agree = outcome.agree.saturating_add(1),
        }
    }
    Ok(outcome)
}

/// Is a map there for each day that is over?
fn days(log: &LogRead, name: &str, now: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let days: Vec<u64> = log.maps.iter().map(|(_, counters)| u64::from(counters.day)).collect();
    for pair in days.windows(2) {
        let [before, after] = pair else { continue };
        let missing = after.saturating_sub(before.saturating_add(1));
        if after <= before {
            outcome.findings.push(format!("{name}: the counter maps are not in the order of their days"));
        } else if missing > 0 {
            let first = moment::date(before.saturating_add(1).saturating_mul(DAY));
            outcome.notes.push(format!("{name} made no counter map on {missing} days from {first} on"));
        }
    }
    let first = log.scan.found.iter().find_map(|found| found.opened.as_ref().ok()?.body.at());
    // The last day whose map must be there by now.
    let due = (now.saturating_sub(GRACE) / DAY).checked_sub(1);
    if let (Some(first), Some(due)) = (first, due)
        && first / DAY <= due
        && days.last().is_none_or(|newest| *newest < due)
    {
        let due = moment::date(due.saturating_mul(DAY));
        outcome.findings.push(format!(
            "{name} has signed no counter map for {due}: entries it hid at the end of its log would not show"
        ));
    }
    outcome
}

/// What is wrong with one map; `seen`: entries of the relationship among those it counts.
fn judge(
    index: u64,
    counters: &Counters,
    map: Option<&CounterMap>,
    tag_key: &TagKey,
    seen: u64,
) -> Option<String> {
    if counters.size != index {
        let size = counters.size;
        return Some(format!("the counter map counts in {size} entries and stands after {index}"));
    }
    let Some(map) = map else { return Some("the log tells of a counter map that is not served".to_owned()) };
    if let Err(e) = map.check(counters) {
        return Some(e.to_string());
    }
    let day = counters.day;
    if map.says(tag_key, day, seen) {
        return None;
    }
    match map.find(tag_key, day, 0..seen.saturating_add(TRIED)) {
        Some(says) => Some(format!("the counter map says {says} entries of yours, the log shows {seen}")),
        // Before the relationship had a log.
        None if seen == 0 => None,
        None => Some(format!("the counter map leaves out your relationship, the log shows {seen} entries")),
    }
}

fn date(day: u32) -> String {
    moment::date(u64::from(day).saturating_mul(DAY))
}

#[cfg(test)]
mod tests {
    use medrec_accesslog::{Body, Found, Opened, Place, Root, Scan, counter_leaf};

    use super::*;

    const TODAY: u64 = 20_000;

    fn tag_key() -> TagKey {
        let place = Place { chain_id: "c", contract: "r", relationship: 1, log_origin: "o" };
        Root::from_parts(&[1; 32], &[2; 32]).tag_key(&place)
    }

    fn map(day: u32, counter: Option<u64>) -> CounterMap {
        let mut filler = 0u8;
        CounterMap::new(counter.map(|n| counter_leaf(&tag_key(), day, n)), || {
            filler = filler.wrapping_add(1);
            [filler; 32]
        })
    }

    fn entry(day: u32, size: u64, map: &CounterMap) -> Counters {
        Counters { at: 0, day, size, leaves: 64, root: map.root() }
    }

    fn judged(says: Option<u64>, seen: u64) -> Option<String> {
        let map = map(9, says);
        judge(40, &entry(9, 40, &map), Some(&map), &tag_key(), seen)
    }

    #[test]
    fn maps_that_contradict_the_log_are_found() {
        assert!(judged(Some(7), 5).unwrap().contains("says 7 entries of yours, the log shows 5"));
        assert!(judged(Some(4), 5).unwrap().contains("says 4 entries"));
        assert!(judged(None, 5).unwrap().contains("leaves out your relationship"));
        assert!(judged(Some(3), 0).unwrap().contains("says 3"));
        assert_eq!((judged(Some(5), 5), judged(None, 0), judged(Some(0), 0)), (None, None, None));
    }

    #[test]
    fn maps_that_are_not_the_logs_are_found() {
        let (ours, other) = (map(9, Some(5)), map(9, Some(6)));
        let told = entry(9, 40, &ours);
        assert!(judge(40, &told, None, &tag_key(), 5).unwrap().contains("not served"));
        assert!(judge(40, &told, Some(&other), &tag_key(), 6).unwrap().contains("root"));
        assert!(judge(41, &told, Some(&ours), &tag_key(), 5).unwrap().contains("stands after 41"));
    }

    /// A log whose first entry is of day `first`, with maps of these days.
    fn log(first: u64, days: &[u32]) -> LogRead {
        let body = Body::Opened { at: first.saturating_mul(DAY), height: 1 };
        let opened = Ok(Opened { body, cbor: vec![], blind: [0; 32] });
        let found = vec![Found { index: 0, counter: 0, opened }];
        let maps = days.iter().map(|day| (1, entry(*day, 1, &map(*day, None)))).collect();
        let scan = Scan { found, ..Scan::default() };
        LogRead { scan, size: 9, anchored: 9, maps, ..LogRead::default() }
    }

    #[test]
    fn a_day_without_a_map_is_found_once_it_is_due() {
        let after_grace = TODAY * DAY + GRACE;
        let missing = days(&log(TODAY - 1, &[]), "North", after_grace);
        assert!(missing.findings[0].contains("no counter map for 2024-10-03"), "{missing:?}");
        assert_eq!(days(&log(TODAY - 1, &[]), "North", after_grace - 1), Outcome::default());
        assert_eq!(days(&log(TODAY, &[]), "North", after_grace), Outcome::default());
        let newest = u32::try_from(TODAY - 1).unwrap();
        assert_eq!(days(&log(TODAY - 9, &[newest]), "North", after_grace), Outcome::default());
        assert_eq!(days(&log(TODAY - 9, &[newest - 1]), "North", after_grace).findings.len(), 1);
    }

    #[test]
    fn days_left_out_are_told_and_days_in_disorder_are_wrong() {
        let newest = u32::try_from(TODAY - 1).unwrap();
        let judged = |list: &[u32]| days(&log(TODAY - 9, list), "North", TODAY * DAY + GRACE);
        let gap = judged(&[newest - 3, newest]);
        assert!(gap.findings.is_empty() && gap.notes[0].contains("on 2 days from 2024-10-01"), "{gap:?}");
        assert!(judged(&[newest, newest]).findings[0].contains("order"));
    }
}
