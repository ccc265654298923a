//! One place that prints: text for people, JSON for programs, errors alike.

use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::Error;

/// What a command has to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    pub text: String,
    pub json: Value,
    /// 0 when all is well; 1 when a part failed, 3 when something did not verify.
    pub exit: u8,
}

impl Shown {
    pub fn ok(text: impl Into<String>, json: Value) -> Shown {
        Shown { text: text.into(), json, exit: 0 }
    }
}

/// A table as wide as the terminal.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    rows.into_iter().for_each(|row| {
        table.add_row(row.iter().map(|cell| harmless(cell)));
    });
    table.to_string()
}

/// `1 record`, `2 days`, `3 entries`.
pub fn count(number: impl TryInto<u64>, what: &str) -> String {
    let many = match what.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{what}s"),
    };
    match number.try_into() {
        Ok(1) => format!("1 {what}"),
        Ok(number) => format!("{number} {many}"),
        Err(_) => format!("countless {many}"),
    }
}

/// Text from others must not steer the terminal.
pub fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// As [`harmless`], and on one line: a name must not look like a line of its own.
pub fn one_line(text: &str) -> String {
    harmless(text).replace('\n', " ")
}

/// A note beside the answer, to standard error.
pub fn warn(text: &str) {
    eprintln!("Warning: {}", harmless(text));
}

/// One line before a command ends.
pub fn line(text: String) {
    write_line(&harmless(&text));
}

pub fn print(done: Result<Shown, Error>, as_json: bool) -> ExitCode {
    match done {
        Ok(shown) => {
            let text = if as_json { pretty(&shown.json) } else { shown.text };
            write_line(&text);
            ExitCode::from(shown.exit)
        }
        Err(error) => {
            if as_json {
                let reason = error.reason().map(|r| r.code());
                write_line(&pretty(
                    &json!({"error": error.to_string(), "reason": reason, "exit": error.exit()}),
                ));
            } else {
                eprintln!("Error: {}", harmless(&error.to_string()));
            }
            ExitCode::from(error.exit())
        }
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

/// A closed pipe (`medrec log | head`) is no reason to complain.
fn write_line(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals() {
        assert_eq!((count(0u32, "record"), count(1usize, "record")), ("0 records".into(), "1 record".into()));
        assert_eq!((count(1u32, "entry"), count(2u32, "entry")), ("1 entry".into(), "2 entries".into()));
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\nc");
        assert!(!table(&["x"], [vec!["\u{7}bell".to_owned()]]).contains('\u{7}'));
    }
}
