//! The access report as one HTML page: nothing is loaded from elsewhere, nothing runs, and it prints. Every value is
//! escaped by the template library; hospitals choose their own names.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::moment;
use crate::report::{Event, Grant, Head, Report};
use crate::show::count;

const STYLE: &str = "
body { font: 11pt/1.45 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #111; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 } caption { text-align: left; color: #333; padding: .3rem 0 }
th, td { border: 1px solid #777; padding: .3rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
thead th { background: #eee } .wrong { border: 2px solid #a00; padding: .5rem 1rem }
@page { margin: 1.5cm }
@media print { body { margin: 0; max-width: none; font-size: 9pt } thead { display: table-header-group } tr { break-inside: avoid } h2 { break-after: avoid } }
";

/// The whole page.
pub fn page(head: &Head, report: &Report) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Who may see my health records, and who did" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Who may see my health records, and who did" }
                    p {
                        "Made on " (moment::text(head.at)) " from chain " (head.chain_id) " at height " (head.height) "."
                    }
                    (wrong(report))
                    (grants("Who may see what now", "Grants in force, or that will be", &report.open))
                    (reads(report))
                    (refusals(report))
                    (changes(report))
                    (counted(report))
                    (grants("Who could see what before", "Grants that ended or were taken back", &report.ended))
                    (proved(report))
                }
            }
        }
    };
    markup.into_string()
}

fn wrong(report: &Report) -> Markup {
    html! {
        @if !report.wrong.is_empty() {
            section.wrong {
                h2 { "Something is missing or wrong" }
                ul { @for line in &report.wrong { li { (line) } } }
            }
        }
        @if !report.notes.is_empty() {
            section {
                h2 { "To be known" }
                ul { @for line in &report.notes { li { (line) } } }
            }
        }
    }
}

/// A section with one table; a sentence when it has no rows.
fn table(title: &str, caption: &str, none: &str, header: &[&str], rows: Vec<Vec<&str>>) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if rows.is_empty() {
                p { (none) }
            } @else {
                table {
                    caption { (caption) }
                    thead { tr { @for cell in header { th scope="col" { (cell) } } } }
                    tbody {
                        @for row in &rows {
                            tr {
                                @for (column, cell) in row.iter().enumerate() {
                                    @if column == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn grants(title: &str, caption: &str, grants: &[Grant]) -> Markup {
    let row = |g: &'_ Grant| -> Vec<String> {
        let cells = [&g.who, &g.hospital, &g.scopes, &g.purposes, &g.from, &g.until];
        cells.into_iter().cloned().chain([g.kind.to_owned(), g.state.to_owned()]).collect()
    };
    let rows: Vec<Vec<String>> = grants.iter().map(row).collect();
    let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let header = ["who", "hospital", "what", "for", "from", "until", "may", "state"];
    table(title, caption, "Nobody but you.", &header, rows)
}

/// What an empty table means.
fn none<'a>(report: &Report, nothing: &'a str) -> &'a str {
    if report.partial { "Nothing in the logs that could be read." } else { nothing }
}

fn reads(report: &Report) -> Markup {
    let events = &report.reads;
    let row = |e: &'_ Event| [&e.when, &e.who, &e.hospital, &e.what, &e.why].map(Clone::clone).to_vec();
    let rows: Vec<Vec<String>> = events.iter().map(row).collect();
    let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let header = ["when", "who", "hospital", "what", "for"];
    let caption =
        "Every read of others that was answered, the oldest first. Names are as the hospital logged them";
    let own = count(report.own, "time");
    html! {
        (table("Who read", caption, none(report, "Nobody but you read anything."), &header, rows))
        p { "You yourself read " (own) "." }
    }
}

fn refusals(report: &Report) -> Markup {
    let events = &report.refusals;
    let row = |e: &'_ Event| [&e.when, &e.who, &e.hospital, &e.what, &e.why].map(Clone::clone).to_vec();
    let rows: Vec<Vec<String>> = events.iter().map(row).collect();
    let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let header = ["when", "who", "hospital", "asked for", "refused because"];
    table("Who was refused", "Requests that were refused", none(report, "Nobody was refused."), &header, rows)
}

fn changes(report: &Report) -> Markup {
    let rows = report.changes.iter().map(|e| vec![e.when.as_str(), e.hospital.as_str(), e.what.as_str()]);
    let counts: Vec<String> = report.filed.iter().map(|filed| filed.records.to_string()).collect();
    let filed = report.filed.iter().zip(&counts);
    let filed = filed.map(|(f, count)| vec![f.hospital.as_str(), f.scope.as_str(), count.as_str()]);
    html! {
        (table("What changed", "Changes and removals of records, and what you said of them", none(report, "Nothing was changed."), &["when", "hospital", "what"], rows.collect()))
        (table("What was filed", "Records filed for the first time", none(report, "Nothing was filed."), &["hospital", "scope", "records"], filed.collect()))
    }
}

fn counted(report: &Report) -> Markup {
    let rows = report.counted.iter().map(|e| vec![e.when.as_str(), e.hospital.as_str(), e.what.as_str()]);
    let caption = "Each was answered with a number about many patients, so blurred that it tells of nobody";
    let nothing = none(report, "No question of research was answered while you let yourself be counted.");
    table("Questions of research", caption, nothing, &["when", "hospital", "what"], rows.collect())
}

fn proved(report: &Report) -> Markup {
    html! {
        section {
            h2 { "What this proves" }
            p {
                "Every entry above was read from the hospitals' logs and opened with keys that only you and the hospital have. "
                "Each log was recomputed from its first entry to its last and held against what the chain recorded of it: "
                "nothing among the entries that the chain vouches for was taken out, added or altered since. "
                "It cannot show what somebody saw without asking through MedRec."
            }
            ul {
                @for log in &report.logs {
                    li { (log.hospital) ": the chain vouches for " (log.anchored) " of the log's " (log.size) " entries." }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use medrec_accesslog::{
        Body, Counted, Explained, Filed, Found, LogSigner, Opened, Read, Refused, Scan, TagKey,
    };
    use medrec_api::relationship::GrantResponse;
    use medrec_rules::GrantKind;

    use super::*;
    use crate::logread::LogRead;
    use crate::logs::OneLog;
    use crate::report::{Part, report};

    const HOSTILE: &str = "<script>alert(\"North\")</script>&'";

    fn log(bodies: Vec<Body>, gaps: Vec<u64>) -> OneLog {
        let found = (0u64..).zip(bodies).map(|(n, body)| Found {
            index: n,
            counter: n,
            opened: Ok(Opened { body, cbor: vec![], blind: [0; 32] }),
        });
        let scan = Scan { found: found.collect(), gaps, ..Scan::default() };
        let signer = LogSigner::new("log.north.example", &[3; 32]).unwrap();
        OneLog {
            served: crate::served::tests::served(signer.public()),
            tag_key: TagKey::from_bytes([1; 32]),
            log: LogRead { scan, size: 9, anchored: 9, ..LogRead::default() },
            instead: None,
        }
    }

    fn read(grant: Option<u32>, name: &str) -> Body {
        Body::Read(Read {
            at: 1_700_000_000,
            height: 2,
            request: [0; 32],
            grant,
            requester: "medrec1viewer".into(),
            scope: "labs".into(),
            purpose: "treatment".into(),
            card: None,
            viewer_name: name.into(),
            viewer_role: "nurse".into(),
            viewer_institution: if name.is_empty() { 0 } else { 2 },
            record_count: 4,
            manifest: [0; 32],
        })
    }

    fn refused() -> Body {
        Body::Refused(Refused {
            at: 1_700_000_100,
            height: 2,
            request: [0; 32],
            requester: "medrec1viewer".into(),
            scope: "notes".into(),
            purpose: "research".into(),
            reason: "scope".into(),
        })
    }

    fn changed() -> Body {
        Body::Filed(Filed {
            at: 1_700_000_200,
            record_id: [1; 16],
            version: 2,
            resource_type: "Observation".into(),
            scope: "labs".into(),
            scope_hash: [0; 32],
            explained: Explained::Unexplained,
        })
    }

    fn counted() -> Body {
        Body::Counted(Counted {
            at: 1_700_000_250,
            height: 2,
            question: [9; 32],
            category: "laboratory".into(),
        })
    }

    fn grant(until: u64) -> GrantResponse {
        GrantResponse {
            id: 1,
            grant: 0,
            viewer: "medrec1viewer".into(),
            kind: GrantKind::Read,
            tags: vec![].into(),
            from: 10,
            until,
            sealed: vec![].into(),
            revoked_at: None,
        }
    }

    fn written(parts: &[Part<'_>]) -> String {
        let institutions = BTreeMap::from([(2, "East <b>Clinic</b>".to_owned())]);
        let head = Head { at: 1_700_000_300, chain_id: "medrec-test-1".into(), height: 77 };
        page(&head, &report(parts, &institutions, 100))
    }

    #[test]
    fn what_hospitals_and_viewers_call_themselves_is_text_and_nothing_else() {
        let one = log(vec![read(Some(0), HOSTILE), refused(), changed()], vec![5]);
        let part = |log| Part {
            relationship: 1,
            institution: HOSTILE.into(),
            grants: vec![grant(200), grant(50)],
            scopes: vec![HOSTILE.into()],
            log,
        };
        let page = written(&[part(Ok(&one)), part(Err(HOSTILE.into()))]);
        assert!(page.contains("&lt;script&gt;alert(&quot;North&quot;)&lt;/script&gt;&amp;"), "{page}");
        assert!(page.contains("East &lt;b&gt;Clinic&lt;/b&gt;"));
        let tags = ["<script", "<b>", "<img", " onload", "javascript:", "http://", "https://"];
        for tag in tags {
            assert!(!page.to_lowercase().contains(tag), "{tag} in {page}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn everything_that_happened_is_in_it() {
        let one = log(vec![read(None, ""), read(Some(0), "Ana"), refused(), changed(), counted()], vec![7]);
        let north = || Part {
            relationship: 1,
            institution: "North".into(),
            grants: vec![grant(200), grant(50)],
            scopes: vec![],
            log: Ok(&one),
        };
        let silent = Part { institution: "South".into(), log: Err("no connection".into()), ..north() };
        let page = written(&[north(), silent]);
        for line in [
            "at height 77",
            "Ana, nurse at East &lt;b&gt;Clinic&lt;/b&gt;",
            "4 records of labs",
            "You yourself read 1 time.",
            "notes for research",
            "The grant does not cover this scope",
            "filed an UNEXPLAINED change of Observation",
            "answered a question of research over laboratory",
            "entries are missing from the log: numbers 7",
            "South: its log could not be read: no connection",
            "vouches for 9 of the log's 9 entries",
            "in force",
            "ended",
        ] {
            assert!(page.contains(line), "{line} in {page}");
        }
        assert_eq!(page.matches("<h1>").count(), 1);
        assert_eq!(page.matches("<table>").count(), page.matches("<caption>").count());
        assert!(
            page.contains("<html lang=\"en\">")
                && page.contains("scope=\"col\"")
                && page.contains("scope=\"row\"")
        );
    }

    #[test]
    fn an_empty_report_says_so() {
        let page = written(&[]);
        assert!(page.contains("Nobody but you.") && page.contains("Nobody was refused."));
        assert!(!page.contains("Something is missing"));
        let unread = Part {
            relationship: 1,
            institution: "North".into(),
            grants: vec![],
            scopes: vec![],
            log: Err("no connection".into()),
        };
        let page = written(&[unread]);
        assert!(!page.contains("Nobody was refused.") && page.contains("logs that could be read"));
    }
}
