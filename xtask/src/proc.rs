//! Running other programs: errors name the command, output stays visible.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// A cargo command for the repository, free of what `cargo run` put into our environment
/// (package variables would make build scripts rerun).
pub fn cargo() -> Command {
    cargo_tool(Path::new("cargo"))
}

/// The same for another program that calls cargo.
pub fn cargo_tool(program: &Path) -> Command {
    let mut cmd = Command::new(program);
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        let ours = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        if ours.iter().any(|prefix| name.starts_with(prefix)) {
            cmd.env_remove(&key);
        }
    }
    cmd.current_dir(crate::paths::root());
    cmd
}

/// Runs to the end with inherited output; an exit code other than 0 is an error.
pub fn run(cmd: &mut Command) -> Result<()> {
    let line = show(cmd);
    let status = cmd.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs to the end and gives standard output; standard error stays visible.
pub fn output(cmd: &mut Command) -> Result<String> {
    let line = show(cmd);
    let out = cmd
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !out.status.success() {
        bail!("`{line}` ended with {}", out.status);
    }
    String::from_utf8(out.stdout).with_context(|| format!("`{line}` printed text that is not UTF-8"))
}

/// First line that the command prints on either stream, or `None` if it can't be run.
pub fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let out = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    if !out.status.success() {
        return None;
    }
    let text = if out.stdout.is_empty() { out.stderr } else { out.stdout };
    String::from_utf8_lossy(&text).lines().next().map(str::to_owned)
}

/// The command as a person would type it.
fn show(cmd: &Command) -> String {
    let mut words = vec![cmd.get_program().to_string_lossy().into_owned()];
    words.extend(cmd.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}
