//! `medrec verify --bundle`: a bundle that somebody handed over, checked without a wallet.

use std::path::Path;

use medrec_clients::Deployment;
use medrec_gate::Bundle;
use medrec_gate::bundle::{Cover, MAX_BYTES, Part, Verified};
use serde_json::{Value, json};

use crate::chain::Chain;
use crate::served::Served;
use crate::show::{self, Shown};
use crate::{Error, anchor, moment};

/// What its anchors are held against, besides themselves.
pub struct Against {
    pub expected: Vec<Expected>,
    pub deployment: Option<Deployment>,
}

/// An anchor that the verifier knows from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// None: of the only log there is.
    origin: Option<String>,
    size: u64,
    root: [u8; 32],
}

impl Expected {
    /// `SIZE:ROOT`, or `ORIGIN=SIZE:ROOT` where a bundle has several logs; ROOT in hex.
    pub fn parse(text: &str) -> Result<Expected, String> {
        let (origin, anchor) = match text.rsplit_once('=') {
            Some((origin, anchor)) => (Some(origin.to_owned()), anchor),
            None => (None, text),
        };
        let (size, root) = anchor.split_once(':').ok_or("an anchor is SIZE:ROOT, or ORIGIN=SIZE:ROOT")?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(root, &mut bytes).map_err(|_| "ROOT is 64 hex digits")?;
        let size = size.parse().map_err(|_| "SIZE is a number of entries")?;
        Ok(Expected { origin, size, root: bytes })
    }
}

/// How its anchors stand to the chain.
#[derive(Default)]
struct Compared {
    findings: Vec<String>,
    notes: Vec<String>,
    /// Logs whose anchor was held against something.
    done: usize,
}

pub async fn run(file: &Path, against: Against) -> Result<Shown, Error> {
    let bundle = Bundle::parse(&read(file)?).map_err(|e| Error::Wrong(format!("{}: {e}", file.display())))?;
    let verified = bundle.verify();
    let mut compared = Compared::default();
    compared.with_expected(&bundle, &against.expected);
    if let Some(deployment) = &against.deployment {
        compared.with_chain(&bundle, deployment).await;
    }
    Ok(shown(&bundle, &verified, &compared))
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    let size = std::fs::metadata(file).map_err(Error::file("read", file))?.len();
    if usize::try_from(size).map_or(true, |size| size > MAX_BYTES) {
        return Err(Error::Wrong(format!("{} is too large to be a bundle", file.display())));
    }
    std::fs::read(file).map_err(Error::file("read", file))
}

impl Compared {
    fn with_expected(&mut self, bundle: &Bundle, expected: &[Expected]) {
        for one in expected {
            let of = |part: &&Part| one.origin.as_ref().is_none_or(|o| *o == part.institution.log_origin);
            let mut parts = bundle.content.parts.iter().filter(of).peekable();
            if parts.peek().is_none() {
                self.findings.push("the bundle has no log of the anchor that was expected".to_owned());
            }
            for part in parts {
                let (origin, anchor) = (&part.institution.log_origin, &part.anchor);
                self.done = self.done.saturating_add(1);
                if (anchor.size, anchor.root) != (one.size, one.root) {
                    self.findings.push(format!(
                        "the bundle quotes an anchor of {} entries of log {origin}, expected was one of {}{}",
                        anchor.size,
                        one.size,
                        if anchor.size == one.size { " with another root" } else { "" }
                    ));
                }
            }
        }
    }

    /// What a chain that cannot be reached cannot tell is a note, not a falsehood.
    async fn with_chain(&mut self, bundle: &Bundle, deployment: &Deployment) {
        let chain = match Chain::connect(deployment).await {
            Ok(chain) => chain,
            Err(e) => return self.notes.push(format!("The chain could not be asked: {e}.")),
        };
        for part in &bundle.content.parts {
            let name = &part.institution.name;
            match compare(&chain, bundle, part).await {
                Ok(()) => self.done = self.done.saturating_add(1),
                Err(e) if e.exit() == 3 => self.findings.push(e.to_string()),
                Err(e) => self.notes.push(format!("{name} was not compared with the chain: {e}.")),
            }
        }
    }
}

/// Institution, patient and anchor of one part, as the chain has them now.
async fn compare(chain: &Chain, bundle: &Bundle, part: &Part) -> Result<(), Error> {
    let facts = &bundle.content.chain;
    if (&facts.chain_id, &facts.relationship) != (&chain.contract.chain_id, &chain.contract.address) {
        return Err(Error::Wrong(format!(
            "the bundle is of chain {}, contract {}; asked was {}, {}",
            facts.chain_id, facts.relationship, chain.contract.chain_id, chain.contract.address
        )));
    }
    let (quoted, id) = (&part.institution, part.institution.id);
    let listed = chain.registrar.institution(id).await?;
    let same = (listed.log_origin == quoted.log_origin)
        && listed.log_key.as_slice() == quoted.log_key
        && listed.signing_key.as_slice() == quoted.signing_key;
    if !same {
        return Err(Error::Wrong(format!(
            "the registrar has other keys of {} ({id}) than the bundle quotes",
            listed.name
        )));
    }
    let state = chain.relationships.relationship(part.relationship).await?;
    if state.patient != part.patient {
        return Err(Error::Wrong(format!(
            "the patient of relationship {} is {}, the bundle is signed by {}",
            part.relationship, state.patient, part.patient
        )));
    }
    // Whether the chain's log goes on from what the bundle quotes, its tiles tell.
    let served = Served::of(&listed)?;
    let now = anchor::last(chain, &served).await?;
    let quoted = &part.anchor;
    if now.size < quoted.size {
        return Err(Error::Wrong(format!(
            "the bundle quotes an anchor of {} entries, the chain has {}",
            quoted.size, now.size
        )));
    }
    let proof = anchor::consistency(&served, quoted.size, now.size).await?;
    let history = match quoted.size {
        0 => Ok(()),
        size => medrec_merkle::verify_consistency(size, &quoted.root, now.size, &now.root, &proof),
    };
    history.map_err(|why| {
        Error::Wrong(format!("the chain's anchor of {} does not go on from the bundle's: {why}", listed.name))
    })
}

fn shown(bundle: &Bundle, verified: &Verified, compared: &Compared) -> Shown {
    let of =
        |relationship: Option<u64>| relationship.map(|id| format!("relationship {id}: ")).unwrap_or_default();
    let mut findings: Vec<String> =
        verified.faults().map(|(relationship, fault)| format!("{}{fault}", of(relationship))).collect();
    findings.extend(compared.findings.iter().cloned());
    let ok = findings.is_empty();
    let records: usize = verified.parts.iter().map(|part| part.records.len()).sum();
    let entries: usize = verified.parts.iter().map(|part| part.entries.len()).sum();
    let content = &bundle.content;
    let is_compared = compared.done > 0 && compared.notes.is_empty();
    let rows = content.parts.iter().zip(&verified.parts).map(|(part, checked)| {
        let state = if checked.faults.is_empty() { "verified" } else { "WRONG" };
        let all = if part.whole { "all entries" } else { "a selection" };
        let anchor = format!("{} of {}", checked.anchored, checked.size);
        let numbers = [checked.records.len(), checked.entries.len()].map(|n| n.to_string());
        let head = [part.relationship.to_string(), part.institution.name.clone()];
        head.into_iter().chain(numbers).chain([all.to_owned(), anchor, state.to_owned()]).collect()
    });
    let header = ["number", "institution", "records", "entries", "shown", "anchored", "verdict"];
    let mut text = show::table(&header, rows);
    text = format!("{text}\nAs it was {}.", moment::text(content.made_at));
    let notes = notes(bundle, verified, compared, is_compared);
    if ok {
        text = format!("{text}\nEverything in the bundle proves what it says.");
    }
    for finding in &findings {
        text = format!("{text}\nFALSE: {}", show::harmless(finding));
    }
    for note in &notes {
        text = format!("{text}\n{}", show::harmless(note));
    }
    let parts: Vec<Value> = content.parts.iter().zip(&verified.parts).map(|(part, checked)| json!({
        "relationship": part.relationship, "institution": part.institution.name, "patient": part.patient,
        "records": checked.records.len(), "hidden": checked.hidden, "entries": checked.entries.len(),
        "whole": part.whole, "size": checked.size, "anchored": checked.anchored,
        "anchor": {"origin": part.institution.log_origin, "size": part.anchor.size,
            "root": hex::encode(part.anchor.root), "height": part.anchor.height, "at": part.anchor.at},
        "seals": checked.covers.iter().map(cover_json).collect::<Vec<_>>(),
    })).collect();
    let json = json!({
        "ok": ok, "records": records, "entries": entries, "findings": findings, "notes": notes,
        "compared": is_compared, "at": content.made_at, "relationships": parts,
    });
    Shown { text, json, exit: if ok { 0 } else { 3 } }
}

fn cover_json(cover: &Cover) -> Value {
    json!({"seal": cover.seal, "at": cover.at, "entries": cover.entries, "work": cover.work.to_string()})
}

/// What the seals prove, for each log that has one above it.
fn seals(bundle: &Bundle, verified: &Verified) -> Vec<String> {
    let told = bundle.content.parts.iter().zip(&verified.parts).filter_map(|(part, checked)| {
        let (first, last) = (checked.covers.first()?, checked.covers.last()?);
        let covered = part.entries.iter().filter(|shown| shown.index < last.entries).count();
        Some(format!(
            "Relationship {}: {covered} of {} entries lie under seals, the oldest since {} (seal {}) with the work of {} \
             tries on top, all signed by certified researchers.",
            part.relationship,
            part.entries.len(),
            moment::text(first.at),
            first.seal,
            first.work
        ))
    });
    told.collect()
}

/// What rests on what, in plain words.
fn notes(bundle: &Bundle, verified: &Verified, compared: &Compared, is_compared: bool) -> Vec<String> {
    let mut notes = vec![
        "Institutions' keys and anchors are the chain's as the exporter quotes them; everything else follows from them."
            .to_owned(),
    ];
    match is_compared {
        true => notes.push("They were compared with what you gave of the chain.".to_owned()),
        false => notes.push(
            "NOT COMPARED WITH THE CHAIN: an institution and an exporter that work together could have made both up. \
             Give --deployment FILE, or --expect-anchor from a node you trust."
                .to_owned(),
        ),
    }
    notes.extend(seals(bundle, verified));
    notes.extend(compared.notes.iter().cloned());
    notes.push(
        "That these entries are of this patient's relationship is signed by the address named as the patient; the \
         number of entries is signed by the institution."
            .to_owned(),
    );
    for (part, checked) in bundle.content.parts.iter().zip(&verified.parts) {
        let id = part.relationship;
        if !part.whole {
            notes.push(format!(
                "Relationship {id} is a selection: whether something else was filed or read does not show."
            ));
        } else if part.counter.is_none() {
            notes.push(format!("Relationship {id} comes without the institution's count of its entries."));
        }
        if checked.hidden > 0 {
            let hidden = show::count(checked.hidden, "record");
            notes.push(format!("Relationship {id}: {hidden} of the answers were left out by the exporter."));
        }
        let later = checked.size.saturating_sub(checked.anchored);
        if later > 0 {
            notes.push(format!(
                "Relationship {id}: the last {later} entries of the log were not anchored yet when this was made."
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_typed_with_or_without_their_log() {
        let root = "0a".repeat(32);
        let one = Expected::parse(&format!("300:{root}")).unwrap();
        assert_eq!(one, Expected { origin: None, size: 300, root: [10; 32] });
        let named = Expected::parse(&format!("north.example/log=300:{root}")).unwrap();
        assert_eq!(named.origin.as_deref(), Some("north.example/log"));
        for wrong in ["300", "x:0a", &format!("-1:{root}"), &format!("300:{root}0a")] {
            assert!(Expected::parse(wrong).is_err(), "{wrong}");
        }
    }
}
