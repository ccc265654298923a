//! Reading a scope and believing only what was proved.

use medrec_accesslog::{Body, Entry};
use medrec_gate::{Answer, Asked, Checked, Endpoint, Header, Mark as Said, ReadBody, Record, check};
use medrec_rules::Purpose;
use medrec_wallet::Key;
use serde_json::{Value, json};

use crate::anchor::Vouch;
use crate::chain::Chain;
use crate::evidence::{self, Of};
use crate::gatekeeper::Gatekeeper;
use crate::home::Home;
use crate::{Error, entries, show, summary};

/// How far a record is vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As it was filed, and the filing is under the chain's anchor.
    Unchanged,
    /// In a later version than the first: the entry that filed it says that the hospital's own records tell of it.
    ChangedExplained,
    /// In a later version, and once at least the hospital's own records told nothing of a change.
    ChangedUnexplained,
    /// In a later version; what was said of the change is not known here.
    Changed,
    /// As it was filed; the filing is in the log and not yet under an anchor.
    BeingSecured,
    /// Not what was filed, or not provable.
    NotAsFiled,
}

impl Mark {
    pub fn text(self) -> &'static str {
        match self {
            Mark::Unchanged => "unchanged",
            Mark::ChangedExplained => "changed, explained",
            Mark::ChangedUnexplained => "changed, UNEXPLAINED",
            Mark::Changed => "changed",
            Mark::BeingSecured => "being secured",
            Mark::NotAsFiled => "NOT AS FILED",
        }
    }

    /// For programs.
    pub fn code(self) -> &'static str {
        match self {
            Mark::Unchanged => "unchanged",
            Mark::ChangedExplained => "changed-explained",
            Mark::ChangedUnexplained => "changed-unexplained",
            Mark::Changed => "changed",
            Mark::BeingSecured => "being-secured",
            Mark::NotAsFiled => "not-as-filed",
        }
    }
}

/// A record ready to be shown.
pub struct Item {
    pub relationship: u64,
    pub institution: String,
    /// The institution's id in the registrar.
    pub keeper: u32,
    pub scope: String,
    pub id: [u8; 16],
    pub version: u32,
    pub resource: Value,
    /// The entry that filed this version.
    pub filed: Entry,
    pub mark: Mark,
    /// Filed as shown, and under the chain's anchor.
    pub secured: bool,
    /// What the patient said of this version last, and why if she disputes it.
    pub said: Option<(Said, String)>,
}

/// One scope read.
pub struct ScopeRead {
    pub header: Header,
    pub items: Vec<Item>,
    /// Everything that did not verify; empty when all is well.
    pub findings: Vec<String>,
}

/// What to read and as whom.
pub struct Wanted<'a> {
    pub relationship: u64,
    pub scope: &'a str,
    pub purpose: Purpose,
    pub card: Option<String>,
    pub key: &'a Key,
}

/// Asks for one scope and checks the answer against what was asked.
pub async fn ask(
    chain: &Chain,
    gatekeeper: &Gatekeeper,
    wanted: &Wanted<'_>,
) -> Result<(Answer, Checked), Error> {
    let Wanted { relationship, scope, purpose, key, .. } = *wanted;
    let body = ReadBody { scope: scope.to_owned(), card: wanted.card.clone() };
    let body = serde_json::to_vec(&body).map_err(|e| Error::Failed(e.to_string()))?;
    let (answer, request): (Answer, _) =
        gatekeeper.ask(key, Endpoint::Read { relationship }, &body, purpose).await?;
    let (contract, facts) = (chain.contract.clone(), gatekeeper.facts.clone());
    let (named, requester) = (scope.to_owned(), key.address().to_owned());
    // Beside the other scopes' answers, which are still on their way.
    let checking = tokio::task::spawn_blocking(move || {
        let asked = Asked {
            contract: &contract,
            institution: &facts,
            request: &request,
            relationship,
            scope: &named,
            purpose: purpose.as_str(),
            requester: &requester,
        };
        let checked = check::check(&answer, &asked);
        (answer, checked)
    });
    checking.await.map_err(|e| Error::Failed(format!("the check of an answer: {e}")))
}

/// Keeps the log's promise of a read until `medrec verify` finds it kept.
pub fn keep_promise(home: &Home, gatekeeper: &Gatekeeper, answer: &Answer) -> Result<(), Error> {
    match answer.read.promise.verify_signature(&gatekeeper.facts.log_key) {
        Ok(()) => evidence::keep(home, &gatekeeper.log, Of::Read, &answer.read).map(drop),
        // Which the check has found.
        Err(_) => Ok(()),
    }
}

/// Reads one scope, checks the answer and holds its checkpoint against the chain. `vouch`: made before, of this
/// hospital's log.
pub async fn read(
    chain: &Chain,
    home: &Home,
    gatekeeper: &Gatekeeper,
    vouch: &Vouch<'_>,
    wanted: &Wanted<'_>,
) -> Result<ScopeRead, Error> {
    let Wanted { relationship, scope, .. } = *wanted;
    let (answer, checked) = ask(chain, gatekeeper, wanted).await?;
    let mut findings: Vec<String> = checked.findings.iter().map(ToString::to_string).collect();
    if let Err(e) = keep_promise(home, gatekeeper, &answer) {
        show::warn(&format!("the hospital's promise to secure this read could not be kept: {e}"));
    }
    let anchored = match &checked.checkpoint {
        None => None,
        Some(signed) => match vouch.vouched(signed).await? {
            Ok(size) => Some(size),
            Err(finding) => {
                findings.push(finding);
                None
            }
        },
    };
    let items = answer.records.into_iter().zip(&checked.records).map(|(record, checked)| {
        let secured = anchored.filter(|_| checked.sound).map(|size| checked.index < size);
        Item {
            relationship,
            institution: gatekeeper.name.clone(),
            keeper: gatekeeper.log.institution,
            scope: scope.to_owned(),
            id: record.id,
            version: record.version,
            said: said(&record),
            filed: record.filed.entry(),
            resource: record.resource,
            secured: secured == Some(true),
            mark: match secured {
                Some(true) if record.version > 1 => Mark::Changed,
                Some(true) => Mark::Unchanged,
                Some(false) => Mark::BeingSecured,
                None => Mark::NotAsFiled,
            },
        }
    });
    Ok(ScopeRead { items: items.collect(), header: answer.header, findings })
}

fn said(record: &Record) -> Option<(Said, String)> {
    let note = match record.marked.as_ref().map(|marked| marked.opened()) {
        Some(Ok(Body::Disputed { note, .. })) => note,
        _ => String::new(),
    };
    record.mark.map(|mark| (mark, note))
}

/// For people: a dispute is what a reader must not miss.
pub fn said_text(said: Option<&(Said, String)>) -> String {
    match said {
        None => String::new(),
        Some((Said::Acknowledged, _)) => "acknowledged".to_owned(),
        Some((Said::Disputed, note)) if note.is_empty() => "DISPUTED".to_owned(),
        Some((Said::Disputed, note)) => format!("DISPUTED: {note}"),
    }
}

/// Table of records, the newest first.
pub fn table<'a>(items: impl IntoIterator<Item = &'a Item>) -> String {
    let mut rows: Vec<(String, Vec<String>)> = items
        .into_iter()
        .map(|item| {
            let date = summary::date(&item.resource);
            let kind = item.resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
            let cells = vec![
                date.clone(),
                kind.to_owned(),
                summary::what(&item.resource),
                item.institution.clone(),
                item.mark.text().to_owned(),
                said_text(item.said.as_ref()),
                entries::short(&item.id),
            ];
            (date, cells)
        })
        .collect();
    rows.sort_by(|(a, _), (b, _)| b.cmp(a));
    show::table(
        &["date", "type", "what", "source", "mark", "patient", "record"],
        rows.into_iter().map(|(_, cells)| cells),
    )
}

pub fn said_json(said: Option<&(Said, String)>) -> Value {
    said.map_or(Value::Null, |(said, note)| json!({"said": said.as_str(), "note": note}))
}

pub fn items_json<'a>(items: impl IntoIterator<Item = &'a Item>) -> Value {
    let one = |item: &Item| {
        json!({
            "relationship": item.relationship,
            "institution": item.institution,
            "scope": item.scope,
            "id": hex::encode(item.id),
            "version": item.version,
            "date": summary::date(&item.resource),
            "type": item.resource.get("resourceType"),
            "what": summary::what(&item.resource),
            "mark": item.mark.code(),
            "secured": item.secured,
            "patient": said_json(item.said.as_ref()),
            "resource": item.resource,
        })
    };
    items.into_iter().map(one).collect()
}

#[cfg(test)]
pub mod tests {
    use medrec_accesslog::ENTRY_LEN;

    use super::*;

    /// A record of hospital 1, as it was filed.
    pub fn item(id: u8, version: u32, resource: Value) -> Item {
        Item {
            relationship: 1,
            institution: "North".into(),
            keeper: 1,
            scope: "labs".into(),
            id: [id; 16],
            version,
            resource,
            filed: Entry::from_bytes([0; ENTRY_LEN]),
            mark: Mark::Unchanged,
            secured: true,
            said: None,
        }
    }

    #[test]
    fn newest_first_and_marked() {
        let item = |date: &str, mark| {
            let resource =
                json!({"resourceType": "Observation", "effectiveDateTime": date, "code": {"text": "Hb"}});
            Item { mark, ..item(1, 1, resource) }
        };
        let disputed =
            Item { said: Some((Said::Disputed, "not mine".into())), ..item("2020-01-01", Mark::Unchanged) };
        let items = [disputed, item("2024-01-01", Mark::NotAsFiled)];
        let text = table(&items);
        let (newer, older) = (text.find("2024-01-01").unwrap(), text.find("2020-01-01").unwrap());
        assert!(newer < older && text.contains("NOT AS FILED"));
        assert!(text.contains("DISPUTED: not mine") && text.contains("01010101"), "{text}");
        assert_eq!(items_json(&items)[0]["patient"]["note"], "not mine");
        assert!(items_json(&items)[1]["patient"].is_null());
        assert_eq!(items_json(&items)[0]["mark"], "unchanged");
    }
}
