//! `medrec-miner bench`: how fast this machine mines.

use std::{process::ExitCode, time::Duration};

use clap::Args;

use super::{Global, table};
use crate::{
    logs::Region,
    measure::{entry, job, limit, rate},
};

#[derive(Debug, Args)]
pub struct Bench {
    /// Entries of the log that is made for it; 512 bytes of memory each.
    #[arg(long, default_value_t = 2_097_152)]
    entries: u64,
    /// Cores; 0: all.
    #[arg(long, default_value_t = 0)]
    cores: u32,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Watts of the package while all its cores work, for the energy of a try.
    #[arg(long, default_value_t = 65.0)]
    watts: f64,
}

impl Bench {
    pub fn run(&self, global: &Global) -> anyhow::Result<ExitCode> {
        let all = std::thread::available_parallelism().ok().and_then(|all| u32::try_from(all.get()).ok());
        let cores = if self.cores == 0 { all.unwrap_or(1) } else { self.cores };
        let time = Duration::from_secs(self.seconds.max(1));
        let region: Region = (0..self.entries.max(1)).map(entry).collect();
        let job = job(region.len(), &region, region.len());
        let bare = limit(time);
        let (one, many) = (rate(&job, 1, time), rate(&job, cores, time));
        let joules = self.watts / many;
        let answer = serde_json::json!({
            "entries": region.len(), "cores": cores, "limit": bare, "one_core": one, "ratio": one / bare,
            "all_cores": many, "watts": self.watts, "joules_a_try": joules,
        });
        let rows = [
            ("bare compressions, one core", format!("{bare:.0} tries/s")),
            ("mining, one core", format!("{one:.0} tries/s, {:.2} of that", one / bare)),
            ("mining, all cores", format!("{many:.0} tries/s on {cores}")),
            ("energy", format!("{:.1} µJ a try at {} W", joules * 1e6, self.watts)),
        ];
        global.print(&answer, table(rows.map(|(name, value)| (name.to_owned(), value))))?;
        Ok(ExitCode::SUCCESS)
    }
}
