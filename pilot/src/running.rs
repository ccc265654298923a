//! The stage after the scenario: it goes on, and a person tries it herself.

use std::fs;

use anyhow::{Context, Result};
use medrec_localnet::Control;

use crate::stage::Stage;
use crate::steps::Cast;

/// A stage whose scenario has played; it goes on running until stopped.
pub struct Running {
    pub stage: Stage,
    pub cast: Cast,
}

/// A command that works when pasted, and what it shows.
#[derive(Debug, Clone)]
pub struct Suggestion {
    pub what: &'static str,
    pub command: String,
}

impl Running {
    /// Writes short scripts into the pilot's folder and says what to do with them, in an order that works.
    pub fn suggestions(&self) -> Result<Vec<Suggestion>> {
        let Self { stage, cast } = self;
        let patient = cast.patients.first().context("there are no patients")?;
        let first = stage.relayer(patient.first()?.hospital)?;
        let scripts = stage.home.join("try");
        fs::create_dir_all(&scripts).with_context(|| format!("make {}", scripts.display()))?;
        let script = |name: &str, binary: &str, home: &std::path::Path| -> Result<String> {
            let file = scripts.join(name);
            stage.tools.script(&file, binary, home)?;
            Ok(shortest(&file))
        };
        let her = script("patient", "medrec", &patient.home)?;
        let hospital = script("hospital", "medrec-relayer", &first.home)?;
        let localnet = script("localnet", "localnet", stage.net.home().path())?;
        let winner = stage.researchers.first().context("there are no researchers")?;
        let researcher = script("researcher", "medrec-miner", &winner.home)?;
        let export = shortest(&stage.home.join("taken-along.medrec"));
        let lines = [
            ("her record from three hospitals, each item verified", format!("{her} record")),
            ("who read it at which hospital, and who was refused", format!("{her} log --kind read,refused")),
            ("her relationships and grants", format!("{her} relationships")),
            ("everything about her checked against the chain", format!("{her} verify")),
            ("a copy of it all, for when nothing answers", format!("{her} sync")),
            ("as a file to take along", format!("{her} export --out {export}")),
            ("which verifies without any network", format!("{her} verify --bundle {export}")),
            ("the patients at a hospital's desk", format!("{hospital} staff list")),
            ("how that hospital's relayer stands", format!("{hospital} status")),
            ("what its answers to researchers have cost", format!("{hospital} research budget")),
            ("how a researcher's miner stands", format!("{researcher} status")),
            ("what hospitals offer, and how they kept their word", format!("{researcher} bounties")),
            ("what research may count of her", format!("{her} research show")),
            ("the validators", format!("{localnet} status")),
            ("kill one of them: the chain goes on", format!("{localnet} validator kill 3")),
            ("she still reads everything", format!("{her} record --scope observations")),
            ("and bring it back", format!("{localnet} validator start 3")),
        ];
        Ok(lines.into_iter().map(|(what, command)| Suggestion { what, command }).collect())
    }

    /// Obeys `localnet` commands until the socket fails; the stage runs meanwhile.
    pub async fn serve(&self) -> Result<()> {
        let control = Control::open(self.stage.net.home())?;
        Err(control.serve(&self.stage.net).await.into())
    }

    pub async fn stop(self) {
        self.stage.stop().await;
    }
}

/// What is to be pasted, as the suggestions are printed.
pub fn text(suggestions: &[Suggestion]) -> String {
    let lines: Vec<String> =
        suggestions.iter().map(|one| format!("  # {}\n  {}", one.what, one.command)).collect();
    format!("It all keeps running until Ctrl-C. To try in another terminal:\n\n{}\n", lines.join("\n"))
}

/// From where the pilot was started, if the file is below: that is where one pastes.
fn shortest(file: &std::path::Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| file.strip_prefix(here).ok().map(std::path::Path::to_owned));
    below.unwrap_or_else(|| file.to_owned()).display().to_string()
}
