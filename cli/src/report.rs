//! What the access report tells: gathered from grants and logs, without looks.

use std::collections::{BTreeMap, HashMap};

use medrec_accesslog::{Body, Explained};
use medrec_api::relationship::GrantResponse;
use medrec_gate::Reason;
use medrec_rules::{ANY, GrantKind};

use crate::logs::OneLog;
use crate::{entries, grants, moment};

/// When, and by which state of the chain.
pub struct Head {
    pub at: u64,
    pub chain_id: String,
    pub height: u64,
}

/// One relationship with its log.
pub struct Part<'a> {
    pub relationship: u64,
    pub institution: String,
    pub grants: Vec<GrantResponse>,
    /// Scope ids the hospital has now; empty if it does not answer.
    pub scopes: Vec<String>,
    /// Or why it could not be read.
    pub log: Result<&'a OneLog, String>,
}

/// A report, ready to be written.
#[derive(Default)]
pub struct Report {
    /// Who may see what now, or will.
    pub open: Vec<Grant>,
    pub ended: Vec<Grant>,
    /// By others.
    pub reads: Vec<Event>,
    /// The patient's own reads.
    pub own: usize,
    pub refusals: Vec<Event>,
    /// Changes, removals, and what the patient said of records.
    pub changes: Vec<Event>,
    pub filed: Vec<Filed>,
    /// Questions of research that were answered while the patient let herself be counted.
    pub counted: Vec<Event>,
    pub wrong: Vec<String>,
    /// A log could not be read: what is not in the report may have been.
    pub partial: bool,
    pub notes: Vec<String>,
    /// Logs that were read, and how far the chain vouches.
    pub logs: Vec<Vouched>,
}

pub struct Grant {
    pub hospital: String,
    pub who: String,
    pub kind: &'static str,
    pub scopes: String,
    pub purposes: String,
    pub from: String,
    pub until: String,
    pub state: &'static str,
}

pub struct Event {
    at: u64,
    pub when: String,
    pub hospital: String,
    pub who: String,
    pub what: String,
    /// Purpose of a read, reason of a refusal, nothing of a change.
    pub why: String,
}

pub struct Filed {
    pub hospital: String,
    pub scope: String,
    pub records: usize,
}

pub struct Vouched {
    pub hospital: String,
    pub anchored: u64,
    pub size: u64,
}

/// Puts it together. `institutions`: names by their ids in the registrar.
pub fn report(parts: &[Part<'_>], institutions: &BTreeMap<u32, String>, now: u64) -> Report {
    let mut report = Report::default();
    let names = names(parts, institutions);
    for part in parts {
        report.take_grants(part, &names, now);
        match &part.log {
            Err(why) => {
                report.partial = true;
                report.wrong.push(format!("{}: its log could not be read: {why}", part.institution));
            }
            Ok(one) => report.take_log(part, one, &names),
        }
    }
    for events in [&mut report.reads, &mut report.refusals, &mut report.changes, &mut report.counted] {
        events.sort_by_key(|event| event.at);
    }
    report
}

/// Who an address is, as far as a log tells it.
type Names = HashMap<String, String>;

fn names(parts: &[Part<'_>], institutions: &BTreeMap<u32, String>) -> Names {
    let mut names = Names::new();
    for opened in parts.iter().filter_map(|part| part.log.as_ref().ok()).flat_map(|one| bodies(one)) {
        if let Body::Read(read) = opened
            && !read.viewer_name.is_empty()
        {
            let at = institutions.get(&read.viewer_institution);
            let at = at.map_or_else(|| format!("institution {}", read.viewer_institution), Clone::clone);
            let who = format!("{}, {} at {at}", read.viewer_name, read.viewer_role);
            names.insert(read.requester.clone(), who);
        }
    }
    names
}

fn bodies(one: &OneLog) -> impl Iterator<Item = &Body> {
    one.log.scan.found.iter().filter_map(|found| Some(&found.opened.as_ref().ok()?.body))
}

fn who(names: &Names, address: &str) -> String {
    names.get(address).cloned().unwrap_or_else(|| address.to_owned())
}

impl Report {
    fn take_grants(&mut self, part: &Part<'_>, names: &Names, now: u64) {
        let mut known = part.scopes.clone();
        let key = part.log.as_ref().ok().map(|one| {
            known.extend(grants::logged_scopes(&one.log));
            known.push(ANY.to_owned());
            known.sort_unstable();
            known.dedup();
            &one.tag_key
        });
        for grant in &part.grants {
            let (scopes, purposes) =
                key.and_then(|key| grants::meaning(key, &known, grant)).unwrap_or_default();
            let state = grants::state(grant, now);
            let told = Grant {
                hospital: part.institution.clone(),
                who: who(names, &grant.viewer),
                kind: match grant.kind {
                    GrantKind::Read => "read",
                    GrantKind::Act => "read, and act in your name",
                },
                scopes: all_or(&scopes, "everything"),
                purposes: all_or(&purposes, "any purpose"),
                from: moment::text(grant.from),
                until: moment::text(grant.revoked_at.unwrap_or(grant.until)),
                state,
            };
            match state {
                "in force" | "not yet" => self.open.push(told),
                _ => self.ended.push(told),
            }
        }
    }

    fn take_log(&mut self, part: &Part<'_>, one: &OneLog, names: &Names) {
        let hospital = &part.institution;
        self.wrong.extend(one.findings().into_iter().map(|finding| format!("{hospital}: {finding}")));
        self.notes.extend(one.notes().into_iter().map(|note| format!("{hospital}: {note}")));
        self.logs.push(Vouched {
            hospital: hospital.clone(),
            anchored: one.log.anchored,
            size: one.log.size,
        });
        let mut filed: BTreeMap<&str, usize> = BTreeMap::new();
        for body in bodies(one) {
            let event = |who: String, what: String, why: String| {
                let at = body.at().unwrap_or_default();
                Event { at, when: moment::text(at), hospital: hospital.clone(), who, what, why }
            };
            match body {
                Body::Filed(new) if new.version == 1 && new.explained == Explained::New => {
                    let count = filed.entry(&new.scope).or_default();
                    *count = count.saturating_add(1);
                }
                Body::Read(read) if read.grant.is_none() => self.own = self.own.saturating_add(1),
                Body::Read(read) => {
                    let person = who(names, &read.requester);
                    let records = crate::show::count(read.record_count, "record");
                    let what = format!("{records} of {}", read.scope);
                    self.reads.push(event(person, what, read.purpose.clone()));
                }
                Body::Refused(refused) => {
                    let reason = Reason::from_code(&refused.reason);
                    let reason =
                        reason.map_or_else(|| refused.reason.clone(), |known| known.title().to_owned());
                    let what = format!("{} for {}", refused.scope, refused.purpose);
                    self.refusals.push(event(who(names, &refused.requester), what, reason));
                }
                Body::Filed(_) | Body::Removed(_) | Body::Acknowledged(_) | Body::Disputed { .. } => {
                    self.changes.push(event(String::new(), entries::words(body), String::new()));
                }
                Body::Counted(_) => {
                    self.counted.push(event(String::new(), entries::words(body), String::new()));
                }
                _ => {}
            }
        }
        let filed = filed.into_iter();
        self.filed.extend(filed.map(|(scope, records)| Filed {
            hospital: hospital.clone(),
            scope: scope.to_owned(),
            records,
        }));
        let securing = one.log.scan.found.iter().filter(|found| found.index >= one.log.anchored).count();
        if securing > 0 && one.log.disagreement.is_none() {
            let entries = crate::show::count(securing, "newest entry");
            self.notes.push(format!("{hospital}: the chain does not vouch for the {entries} yet"));
        }
    }
}

/// `*` in words; what no known word fits is said to be so.
fn all_or(words: &[String], all: &str) -> String {
    match words {
        [] => "(not readable here)".to_owned(),
        words if words.iter().any(|word| word == ANY) => all.to_owned(),
        words => words.join(", "),
    }
}
