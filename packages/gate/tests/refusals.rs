//! `docs/refusals.md` says of every reason what the code says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::path::Path;

use medrec_gate::Reason;

#[test]
fn the_table_of_exceptions_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/refusals.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), Reason::ALL.len());
    for (reason, row) in Reason::ALL.into_iter().zip(rows) {
        let exception =
            reason.exception().map_or("none", |exception| exception.trim_start_matches("45 CFR "));
        let start = format!("| `{reason}` | {} | {exception}", reason.status());
        assert!(row.starts_with(&start), "{row}\nshould begin with {start}");
    }
}
