//! `medrec-miner run`.

use std::{
    io::IsTerminal as _,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use medrec_clients::Deployment;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Global, status::lines};
use crate::{
    app::{Miner, Parts},
    chain::Chain,
    clock::SystemClock,
    events::{Events, Line},
    status::Status,
};

#[derive(Debug, Args)]
pub struct Run {
    /// Threads that search, instead of mining.cores; 0: one for every core.
    #[arg(long)]
    cores: Option<u32>,
    /// Percent of the time each of them searches, instead of mining.share.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=100))]
    share: Option<u8>,
}

impl Run {
    pub async fn run(&self, global: &Global) -> anyhow::Result<ExitCode> {
        let mut config = global.config()?;
        config.mining.cores = self.cores.unwrap_or(config.mining.cores);
        config.mining.share = self.share.unwrap_or(config.mining.share);
        let identity = global.identity(&config)?;
        let (deployment, nodes) = global.sender(&config, &identity)?;
        nodes.check().await?;
        let clock = Arc::new(SystemClock);
        let events = Events::new(clock.clone(), Some(&global.home.join("events.jsonl")));
        let screen = Screen::new(global.json);
        events.listen({
            let screen = screen.clone();
            move |line| screen.event(line)
        });
        let chain: Arc<dyn Chain> = Arc::new(nodes);
        let Deployment { chain_id, contracts, .. } = deployment;
        let home = global.home.clone();
        let miner = Miner::new(Parts { chain, chain_id, contracts, identity, config, clock, events, home })?;
        let stop = CancellationToken::new();
        tokio::spawn(on_signal(stop.clone()));
        let done = Arc::new(miner).run(stop, move |status| screen.status(status)).await;
        done.map(|()| ExitCode::SUCCESS)
    }
}

async fn on_signal(stop: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stop.cancel();
}

/// At a terminal: events scroll by, the state stands below them. Otherwise events are lines; with `--json` both are.
#[derive(Clone)]
struct Screen {
    json: bool,
    bar: Option<ProgressBar>,
    last: Arc<Mutex<String>>,
}

impl Screen {
    fn new(json: bool) -> Self {
        let bar = (!json && std::io::stderr().is_terminal()).then(ProgressBar::new_spinner);
        if let (Some(bar), Ok(style)) = (&bar, ProgressStyle::with_template("{msg}")) {
            bar.set_style(style);
        }
        Self { json, bar, last: Arc::default() }
    }

    fn event(&self, line: &Line) {
        match &self.bar {
            _ if self.json => println!("{}", serde_json::to_string(line).unwrap_or_default()),
            Some(bar) => bar.println(line.event.to_string()),
            None => println!("{}", line.event),
        }
    }

    fn status(&self, status: &Status) {
        if self.json {
            println!("{}", serde_json::json!({"status": status}));
            return;
        }
        let text = lines(status).join("\n");
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = self.bar.as_ref().filter(|_| *last != text) {
            bar.set_message(text.clone());
            *last = text;
        }
    }
}
