//! Reading a scope and believing only what was proved.

use medrec_gate::{Answer, Asked, Endpoint, Header, ReadBody, check};
use medrec_rules::Purpose;
use medrec_wallet::Key;
use serde_json::{Value, json};

use crate::chain::Chain;
use crate::gatekeeper::Gatekeeper;
use crate::{Error, anchor, show, summary};

/// How far a record is vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As it was filed, and the filing is under the chain's anchor.
    Unchanged,
    /// As it was filed; the filing is in the log and not yet under an anchor.
    BeingSecured,
    /// Not what was filed, or not provable.
    NotAsFiled,
}

impl Mark {
    pub fn text(self) -> &'static str {
        match self {
            Mark::Unchanged => "unchanged",
            Mark::BeingSecured => "being secured",
            Mark::NotAsFiled => "NOT AS FILED",
        }
    }

    /// For programs.
    pub fn code(self) -> &'static str {
        match self {
            Mark::Unchanged => "unchanged",
            Mark::BeingSecured => "being-secured",
            Mark::NotAsFiled => "not-as-filed",
        }
    }
}

/// A record ready to be shown.
pub struct Item {
    pub relationship: u64,
    pub institution: String,
    pub scope: String,
    pub id: [u8; 16],
    pub version: u32,
    pub resource: Value,
    pub mark: Mark,
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

/// Reads one scope, checks the answer and holds its checkpoint against the chain.
pub async fn read(chain: &Chain, gatekeeper: &Gatekeeper, wanted: &Wanted<'_>) -> Result<ScopeRead, Error> {
    let Wanted { relationship, scope, purpose, key, .. } = *wanted;
    let body = ReadBody { scope: scope.to_owned(), card: wanted.card.clone() };
    let body = serde_json::to_vec(&body).map_err(|e| Error::Failed(e.to_string()))?;
    let anchor = anchor::last(chain, gatekeeper).await;
    let (answer, request): (Answer, _) =
        gatekeeper.ask(key, Endpoint::Read { relationship }, &body, purpose).await?;
    let asked = Asked {
        contract: &chain.contract,
        institution: &gatekeeper.facts,
        request: &request,
        relationship,
        scope,
        purpose: purpose.as_str(),
        requester: key.address(),
    };
    let checked = check::check(&answer, &asked);
    let mut findings: Vec<String> = checked.findings.iter().map(ToString::to_string).collect();
    let anchored = match &checked.checkpoint {
        None => None,
        Some(signed) => match anchor::vouched(gatekeeper, anchor, signed).await? {
            Ok(size) => Some(size),
            Err(finding) => {
                findings.push(finding);
                None
            }
        },
    };
    let items = answer.records.into_iter().zip(&checked.records).map(|(record, checked)| Item {
        relationship,
        institution: gatekeeper.name.clone(),
        scope: scope.to_owned(),
        id: record.id,
        version: record.version,
        resource: record.resource,
        mark: match anchored {
            Some(size) if checked.sound && checked.index < size => Mark::Unchanged,
            Some(_) if checked.sound => Mark::BeingSecured,
            _ => Mark::NotAsFiled,
        },
    });
    Ok(ScopeRead { items: items.collect(), header: answer.header, findings })
}

/// Table of records, the newest first.
pub fn table(items: &[Item]) -> String {
    let mut rows: Vec<(String, Vec<String>)> = items
        .iter()
        .map(|item| {
            let date = summary::date(&item.resource);
            let kind = item.resource.get("resourceType").and_then(Value::as_str).unwrap_or_default();
            let cells = vec![
                date.clone(),
                kind.to_owned(),
                summary::what(&item.resource),
                item.institution.clone(),
                item.mark.text().to_owned(),
            ];
            (date, cells)
        })
        .collect();
    rows.sort_by(|(a, _), (b, _)| b.cmp(a));
    show::table(&["date", "type", "what", "source", "mark"], rows.into_iter().map(|(_, cells)| cells))
}

pub fn items_json(items: &[Item]) -> Value {
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
            "resource": item.resource,
        })
    };
    items.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_first_and_marked() {
        let item = |date: &str, mark| Item {
            relationship: 1,
            institution: "North".into(),
            scope: "labs".into(),
            id: [1; 16],
            version: 1,
            resource: json!({"resourceType": "Observation", "effectiveDateTime": date, "code": {"text": "Hb"}}),
            mark,
        };
        let items = [item("2020-01-01", Mark::Unchanged), item("2024-01-01", Mark::NotAsFiled)];
        let text = table(&items);
        let (newer, older) = (text.find("2024-01-01").unwrap(), text.find("2020-01-01").unwrap());
        assert!(newer < older && text.contains("NOT AS FILED"));
        assert_eq!(items_json(&items)[0]["mark"], "unchanged");
    }
}
