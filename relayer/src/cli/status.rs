//! `medrec-relayer status`: how the running relayer stands, for people and machines.

use std::process::ExitCode;

use clap::Args;
use comfy_table::{Table, presets};

use super::office::{call, print_json};
use crate::{config::Config, ops::status::Status as Standing};

/// Exit code of a relayer that runs and cannot answer.
const NOT_READY: u8 = 3;

#[derive(Args)]
pub struct Status {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Status {
    pub async fn run(&self, config: &Config) -> anyhow::Result<ExitCode> {
        let standing: Standing = call(config, "GET", "/status", None::<&()>).await?.json().await?;
        if self.json {
            print_json(&standing)?;
        } else {
            println!("{}", table(&standing));
        }
        Ok(if standing.ready { ExitCode::SUCCESS } else { ExitCode::from(NOT_READY) })
    }
}

fn table(now: &Standing) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let snapshot = &now.snapshot;
    let state = match (now.healthy, now.ready) {
        (_, true) => "answers reads",
        (true, false) => "runs, but cannot answer now",
        (false, false) => "STOPPED: no block is applied any more",
    };
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("relayer", state.to_owned());
    row(
        "chain",
        format!(
            "block {} of {} applied, {} s behind our clock",
            snapshot.applied_height, snapshot.observed_height, now.staleness
        ),
    );
    row("log", format!("{} entries, {} anchored", now.log_size, snapshot.anchored_size));
    row("to send", waiting(now.outbox.waiting, now.outbox_oldest));
    row("to file", format!("{} relationships", now.filing_backlog));
    row("store", format!("{}, {} free", size(now.store_bytes), size(now.disk_free_bytes)));
    let errors = [
        ("stopped", &snapshot.stopped),
        ("chain", &snapshot.chain_error),
        ("filing", &snapshot.filing_error),
    ];
    for (name, error) in errors {
        if let Some(error) = error {
            row(&format!("! {name}"), error.clone());
        }
    }
    if !snapshot.mirrors.is_empty() {
        let whole = snapshot.mirrors.values().filter(|mirror| mirror.size == mirror.anchored).count();
        row("mirrors", format!("{whole} of {} logs are here up to their anchor", snapshot.mirrors.len()));
    }
    for (institution, mirror) in &snapshot.mirrors {
        if let Some(trouble) = mirror.trouble {
            let what = format!(
                "institution {institution} {trouble}: {} of {} entries are here",
                mirror.size, mirror.anchored
            );
            row("! mirror", what);
        }
    }
    if let Some(drift) = snapshot.drift.filter(|drift| *drift > 0) {
        row("! projection", format!("differed from the chain in {drift} places last time, put right"));
    }
    for trouble in &now.outbox.troubles {
        row("! transaction", format!("{} {}: {}", trouble.content, trouble.state, trouble.error));
    }
    table
}

fn waiting(transactions: u64, oldest: u64) -> String {
    match transactions {
        0 => "nothing".to_owned(),
        n => format!("{n} transactions, the oldest for {oldest} s"),
    }
}

fn size(bytes: u64) -> String {
    let mib = bytes.wrapping_div(1 << 20);
    if mib < 10_240 { format!("{mib} MiB") } else { format!("{} GiB", mib.wrapping_div(1024)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_relayer_says_is_read_back() {
        let mut now = Standing { ready: true, log_size: 12, ..Standing::default() };
        now.snapshot.mirrors.insert(2, crate::mirror::Standing { anchored: 7, size: 5, trouble: None });
        let said = serde_json::to_string(&now).unwrap();
        let read: Standing = serde_json::from_str(&said).unwrap();
        assert_eq!((read.ready, read.log_size, read.snapshot), (true, 12, now.snapshot));
    }

    #[test]
    fn people_see_what_is_wrong() {
        let mut now =
            Standing { log_size: 12, store_bytes: 3 << 20, disk_free_bytes: 20 << 30, ..Standing::default() };
        now.snapshot.filing_error = Some("the hospital's database is locked".into());
        let shown = table(&now).to_string();
        for part in
            ["STOPPED", "12 entries, 0 anchored", "nothing", "3 MiB, 20 GiB free", "database is locked"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        now.healthy = true;
        now.ready = true;
        assert!(table(&now).to_string().contains("answers reads"));
    }
}
