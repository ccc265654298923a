//! `medrec-miner status`: how the running miner stands, for people and machines.

use std::process::ExitCode;

use super::{Global, NOT_SOUND};
use crate::{
    clock::{Clock as _, SystemClock},
    status::Status,
};

/// A status older than this many seconds is of a miner that does not run any more.
const STALE: u64 = 15;

pub fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let Some(status) = Status::read(&global.home) else {
        eprintln!("medrec-miner: no miner ran in {} yet", global.home.display());
        return Ok(ExitCode::from(NOT_SOUND));
    };
    let age = SystemClock.now().saturating_sub(status.at);
    let runs = age <= STALE;
    let mut text = lines(&status);
    if !runs {
        text.insert(0, format!("NOT RUNNING: this was so {age} s ago"));
    }
    global.print(&serde_json::json!({"running": runs, "status": status}), text.join("\n"))?;
    let mines = runs && status.number > 0 && status.trouble.is_none();
    Ok(if mines { ExitCode::SUCCESS } else { ExitCode::from(NOT_SOUND) })
}

/// A few lines, the newest state in each.
pub fn lines(status: &Status) -> Vec<String> {
    let expected = status.expected_seconds.map_or_else(|| "unknown".to_owned(), duration);
    let mut lines = vec![
        format!(
            "{} tries/s on {} cores ({} %) · block {} · seal {} · difficulty {} tries · expected {expected}",
            status.rate.round(),
            status.cores,
            status.share,
            status.height,
            status.number,
            status.work,
        ),
        format!(
            "{} of {} entries are here · {} won · {} lost to others · {} tries, {} given up",
            status.held, status.entries, status.wins, status.lost, status.tries, status.skipped,
        ),
    ];
    for mirror in &status.mirrors {
        let trouble = mirror.trouble.map_or_else(String::new, |trouble| format!(" · {trouble}"));
        let forked = if mirror.forked { " · FORKED on chain" } else { "" };
        lines.push(format!(
            "  {} (institution {}): {} of {} entries{trouble}{forked}",
            mirror.name, mirror.institution, mirror.size, mirror.anchored,
        ));
    }
    lines.extend(status.trouble.as_ref().map(|trouble| format!("! {trouble}")));
    lines
}

fn duration(seconds: f64) -> String {
    match seconds {
        below if below < 120.0 => format!("{below:.0} s"),
        below if below < 7_200.0 => format!("{:.0} min", below / 60.0),
        below if below < 172_800.0 => format!("{:.1} h", below / 3_600.0),
        more => format!("{:.1} days", more / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::Standing;

    #[test]
    fn people_see_rate_mirrors_and_trouble() {
        let lying = Standing {
            institution: 2,
            name: "North".into(),
            slot: 1,
            anchored: 900,
            size: 300,
            trouble: Some(medrec_mirror::Trouble::Lies),
            forked: true,
        };
        let status = Status {
            rate: 1234.4,
            number: 7,
            expected_seconds: Some(600.0),
            mirrors: vec![lying],
            trouble: Some("not certified".into()),
            ..Status::default()
        };
        let text = lines(&status).join("\n");
        for part in [
            "1234 tries/s",
            "seal 7",
            "10 min",
            "North (institution 2): 300 of 900 entries · serves other entries",
            "FORKED",
            "! not certified",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let read: Status = serde_json::from_str(&serde_json::to_string(&status).unwrap()).unwrap();
        assert_eq!(read, status);
    }
}
