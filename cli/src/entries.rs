//! A relationship's entries told in plain words.

use medrec_accesslog::{Body, Explained, Found};
use serde_json::{Value, json};

use crate::show;

pub fn words(body: &Body) -> String {
    match body {
        Body::Filed(filed) => {
            let what = match filed.explained {
                Explained::New => "filed",
                Explained::Explained => "filed a change of",
                Explained::Unexplained => "filed an UNEXPLAINED change of",
            };
            format!("{what} {} in scope {} (version {})", filed.resource_type, filed.scope, filed.version)
        }
        Body::Read(read) => {
            let who = match (read.grant, read.viewer_name.as_str()) {
                (None, _) => "you".to_owned(),
                (Some(grant), "") => format!("{} under grant {grant}", read.requester),
                (Some(grant), name) => {
                    let (role, house) = (&read.viewer_role, read.viewer_institution);
                    format!("{name} ({role}, institution {house}) under grant {grant}")
                }
            };
            let records = show::count(read.record_count, "record");
            format!("{who} read {records} of {} for {}", read.scope, read.purpose)
        }
        Body::Refused(refused) => {
            let (who, scope, purpose) = (&refused.requester, &refused.scope, &refused.purpose);
            format!("refused {who} to read {scope} for {purpose}: {}", refused.reason)
        }
        Body::Opened { .. } => "the relationship's log begins".to_owned(),
        Body::GrantSeen { grant, .. } => format!("grant {grant} took effect"),
        Body::RevokeSeen { grant, .. } => format!("the end of grant {grant} took effect"),
        Body::Closed { .. } => "the relationship was closed".to_owned(),
        Body::Removed(removed) => {
            let how = if removed.explained { "is gone" } else { "is gone, UNEXPLAINED" };
            format!(
                "record {} in scope {} {how} (version {})",
                short(&removed.record_id),
                removed.scope,
                removed.version
            )
        }
        Body::RevokeReceived(received) => {
            format!("grant {} ended here, by a revoke handed over directly", received.grant)
        }
        Body::Acknowledged(marking) => {
            format!("you acknowledged version {} of record {}", marking.version, short(&marking.record_id))
        }
        Body::Disputed { marking, note } => {
            format!(
                "you disputed version {} of record {}: {note}",
                marking.version,
                short(&marking.record_id)
            )
        }
        Body::Counted(counted) => format!(
            "answered a question of research over {} (question {}): a number about many patients, which may have counted you, as \
             your choice allows",
            counted.category,
            hex::encode(counted.question).chars().take(16).collect::<String>()
        ),
        Body::Counters(counters) => format!("the counter map of day {}", counters.day),
        Body::Scopes { scopes, .. } => format!("{} scope definitions in force", scopes.len()),
        Body::Unknown { kind, .. } => format!("an entry of kind {kind}, which this program does not know"),
    }
}

/// The beginning of a record's id, as `medrec record` shows it.
pub fn short(record: &[u8; 16]) -> String {
    hex::encode(record).chars().take(8).collect()
}

pub fn found_json(found: &Found) -> Value {
    let mut value = json!({"counter": found.counter, "index": found.index});
    match &found.opened {
        Err(e) => value["error"] = json!(e.to_string()),
        Ok(opened) => {
            value["kind"] = json!(opened.body.name());
            value["at"] = json!(opened.body.at());
            value["text"] = json!(words(&opened.body));
            fields(&opened.body, &mut value);
        }
    }
    value
}

fn fields(body: &Body, value: &mut Value) {
    match body {
        Body::Filed(filed) => {
            value["record"] = json!(hex::encode(filed.record_id));
            value["version"] = json!(filed.version);
            value["scope"] = json!(filed.scope);
            value["type"] = json!(filed.resource_type);
            value["explained"] = json!(filed.explained != Explained::Unexplained);
        }
        Body::Read(read) => {
            value["requester"] = json!(read.requester);
            value["grant"] = json!(read.grant);
            value["scope"] = json!(read.scope);
            value["purpose"] = json!(read.purpose);
            value["count"] = json!(read.record_count);
            value["name"] = json!(read.viewer_name);
            value["role"] = json!(read.viewer_role);
            value["institution"] = json!(read.viewer_institution);
        }
        Body::Refused(refused) => {
            value["requester"] = json!(refused.requester);
            value["scope"] = json!(refused.scope);
            value["purpose"] = json!(refused.purpose);
            value["reason"] = json!(refused.reason);
        }
        Body::Removed(removed) => {
            value["record"] = json!(hex::encode(removed.record_id));
            value["version"] = json!(removed.version);
            value["scope"] = json!(removed.scope);
            value["explained"] = json!(removed.explained);
        }
        Body::RevokeReceived(received) => value["grant"] = json!(received.grant),
        Body::Acknowledged(marking) => {
            value["record"] = json!(hex::encode(marking.record_id));
            value["version"] = json!(marking.version);
        }
        Body::Disputed { marking, note } => {
            value["record"] = json!(hex::encode(marking.record_id));
            value["version"] = json!(marking.version);
            value["note"] = json!(note);
        }
        Body::Counted(counted) => {
            value["question"] = json!(hex::encode(counted.question));
            value["category"] = json!(counted.category);
        }
        Body::GrantSeen { grant, .. } | Body::RevokeSeen { grant, .. } => value["grant"] = json!(grant),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use medrec_accesslog::Read;

    fn read(grant: Option<u32>, name: &str) -> String {
        words(&Body::Read(Read {
            at: 1,
            height: 2,
            request: [0; 32],
            grant,
            requester: "medrec1x".into(),
            scope: "labs".into(),
            purpose: "treatment".into(),
            card: None,
            viewer_name: name.into(),
            viewer_role: "nurse".into(),
            viewer_institution: 2,
            record_count: 4,
            manifest: [0; 32],
        }))
    }

    #[test]
    fn who_read_is_said_plainly() {
        assert_eq!(read(None, ""), "you read 4 records of labs for treatment");
        assert_eq!(read(Some(1), ""), "medrec1x under grant 1 read 4 records of labs for treatment");
        assert_eq!(
            read(Some(1), "Ana"),
            "Ana (nurse, institution 2) under grant 1 read 4 records of labs for treatment"
        );
    }
}
