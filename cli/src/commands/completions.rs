use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use crate::Error;
use crate::args::Cli;
use crate::show::Shown;

const EXAMPLES: &str = "\
Examples:
  medrec completions bash > ~/.local/share/bash-completion/completions/medrec";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub fn run(args: Args) -> Result<Shown, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "medrec", &mut script);
    let script = String::from_utf8(script).map_err(|e| Error::Failed(e.to_string()))?;
    let json = json!({"shell": args.shell.to_string(), "script": script});
    Ok(Shown::ok(script, json))
}
