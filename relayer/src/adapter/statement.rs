//! The SQL of a mapping: one statement, one parameter.

/// The statement with `?1` in the place of its one parameter, `:patient`: the driver knows numbered parameters only.
/// Quoted text and comments are left alone; any other parameter, and a second statement, are refused.
pub(super) fn of_a_patient(sql: &str) -> Result<String, String> {
    match parameter(sql)? {
        (sql, true) => Ok(sql),
        (_, false) => Err("the SQL does not use :patient: it would read everybody's rows".into()),
    }
}

/// A statement about everybody.
pub(super) fn of_everybody(sql: &str) -> Result<String, String> {
    match parameter(sql)? {
        (sql, false) => Ok(sql),
        (_, true) => Err("the SQL of `patients` lists everybody's ids and has no :patient".into()),
    }
}

fn parameter(sql: &str) -> Result<(String, bool), String> {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    let mut found = false;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '\'' | '"' | '`' => quoted(rest, c)?,
            '[' => quoted(rest, ']')?,
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                rest.find("*/").map(|end| end.saturating_add(2)).ok_or("a comment in the SQL does not end")?
            }
            ';' if !rest[1..].trim().is_empty() => return Err("the SQL is more than one statement".into()),
            '?' | '$' | '@' | ':' => {
                let name: String =
                    rest.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if c != ':' || name != "patient" {
                    return Err(format!("the SQL has a parameter {c}{name}: the only one is :patient"));
                }
                found = true;
                out.push_str("?1");
                rest = rest.get(":patient".len()..).unwrap_or_default();
                continue;
            }
            _ => c.len_utf8(),
        };
        let (head, tail) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        out.push_str(head);
        rest = tail;
    }
    Ok((out, found))
}

/// Length of a quoted token; a doubled quote inside reads as a new token right after, which comes to the same.
fn quoted(text: &str, quote: char) -> Result<usize, String> {
    let end = text.get(1..).and_then(|inside| inside.find(quote));
    end.map(|at| at.saturating_add(2)).ok_or_else(|| format!("a {quote} in the SQL is not closed"))
}
