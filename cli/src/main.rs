//! medrec: the patient's and viewer's tool on a terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    medrec_cli::main()
}
