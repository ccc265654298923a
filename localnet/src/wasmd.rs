//! The node binary: built once from the pinned Go module, then taken from the user's cache.
//!
//! A build happens in a temporary folder beside its destination and is renamed into place, so a half-built
//! one never counts. The key of the cache is a hash of everything that decides the result.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sha2::{Digest, Sha256};

use crate::{Error, Progress, error::FileContext};

const GO_MOD: &str = include_str!("../wasmd/go.mod");
const GO_SUM: &str = include_str!("../wasmd/go.sum");
const TOOLS_GO: &str = include_str!("../wasmd/tools.go");

/// The release that `localnet/wasmd/go.mod` pins.
pub const WASMD_VERSION: &str = "v0.61.14";

/// What the binary calls itself. The linker flag lets Go ≥ 1.23 link a dependency of sonic.
const LDFLAGS: &str = "-checklinkname=0 -s -w \
    -X github.com/cosmos/cosmos-sdk/version.Name=wasm \
    -X github.com/cosmos/cosmos-sdk/version.AppName=wasmd \
    -X github.com/CosmWasm/wasmd/app.Bech32Prefix=medrec";

const GO_HELP: &str = "install Go 1.25.9 or newer (Go fetches the exact toolchain itself)";
const CC_HELP: &str = "install gcc or clang (wasmd links the CosmWasm VM through cgo)";

/// A wasmd binary with the VM library beside it.
#[derive(Clone, Debug)]
pub struct Wasmd {
    dir: PathBuf,
}

impl Wasmd {
    /// Takes wasmd from the cache, or builds it: about four minutes on two cores the first time. Blocks.
    pub fn ensure(progress: &Progress) -> Result<Self, Error> {
        Self::ensure_in(&cache_root()?, progress)
    }

    /// As [`Wasmd::ensure`], in a cache folder of the caller's choice.
    pub fn ensure_in(cache: &Path, progress: &Progress) -> Result<Self, Error> {
        let built = Self { dir: cache.join(format!("wasmd-{}", cache_key())) };
        if built.is_complete() {
            return Ok(built);
        }
        fs::create_dir_all(cache).doing("create", cache)?;
        let lock_path = cache.join("build.lock");
        let lock = File::create(&lock_path).doing("create", &lock_path)?;
        if lock.try_lock().is_err() {
            progress.step("waiting for another build of wasmd to end");
            lock.lock().doing("lock", &lock_path)?;
        }
        if !built.is_complete() {
            progress.step("building wasmd (some minutes the first time)");
            remove_leftovers(cache);
            build(cache, &built.dir)?;
        }
        Ok(built)
    }

    /// The rename at the end of a build makes both appear at once; looking at both also catches deletions by hand.
    fn is_complete(&self) -> bool {
        self.binary().is_file() && has_vm_library(&self.dir)
    }

    pub fn binary(&self) -> PathBuf {
        self.dir.join("wasmd")
    }

    /// A command that finds the VM library in the cache: the binary's own path points into the Go module cache,
    /// which the user may empty.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.binary());
        command.env("LD_LIBRARY_PATH", &self.dir).env("DYLD_LIBRARY_PATH", &self.dir);
        command
    }

    /// Runs wasmd to its end and returns what it printed on stdout.
    pub fn run(&self, args: &[&str]) -> Result<Vec<u8>, Error> {
        let output = run_tool(self.command().args(args), "wasmd", "run `localnet up` again to rebuild it")?;
        if !output.status.success() {
            let what = format!("wasmd {}", args.first().copied().unwrap_or_default());
            return Err(Error::Tool { what, status: output.status, tail: tail(&output.stderr) });
        }
        Ok(output.stdout)
    }
}

/// `MEDREC_CACHE`, else `XDG_CACHE_HOME/medrec`, else `~/.cache/medrec`.
fn cache_root() -> Result<PathBuf, Error> {
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    var("MEDREC_CACHE")
        .or_else(|| var("XDG_CACHE_HOME").map(|dir| dir.join("medrec")))
        .or_else(|| var("HOME").map(|dir| dir.join(".cache").join("medrec")))
        .ok_or(Error::NoCacheFolder)
}

fn cache_key() -> String {
    let mut hash = Sha256::new();
    for part in [GO_MOD, GO_SUM, TOOLS_GO, LDFLAGS, std::env::consts::OS, std::env::consts::ARCH] {
        hash.update(part);
        hash.update([0]);
    }
    hex::encode(hash.finalize().get(..8).unwrap_or_default())
}

fn build(cache: &Path, destination: &Path) -> Result<(), Error> {
    let go = go_env()?;
    run_tool(Command::new(&go.cc).arg("--version"), "a C compiler", CC_HELP)?;

    let work = cache.join(format!("tmp-{}", std::process::id()));
    fs::create_dir_all(&work).doing("create", &work)?;
    for (name, text) in [("go.mod", GO_MOD), ("go.sum", GO_SUM), ("tools.go", TOOLS_GO)] {
        let path = work.join(name);
        fs::write(&path, text).doing("write", &path)?;
    }
    let mut compile = Command::new("go");
    compile
        .current_dir(&work)
        .env("CGO_ENABLED", "1")
        .args(["build", "-mod=readonly", "-ldflags", LDFLAGS, "-o", "wasmd"])
        .arg("github.com/CosmWasm/wasmd/cmd/wasmd");
    go_step(&mut compile, "go build")?;

    let mut locate = Command::new("go");
    locate.current_dir(&work).args([
        "list",
        "-mod=readonly",
        "-m",
        "-f",
        "{{.Dir}}",
        "github.com/CosmWasm/wasmvm/v3",
    ]);
    let module = String::from_utf8_lossy(&go_step(&mut locate, "go list")?).trim().to_owned();
    copy_vm_library(&Path::new(&module).join("internal").join("api"), &work)?;

    if destination.exists() {
        fs::remove_dir_all(destination).doing("remove the incomplete", destination)?;
    }
    fs::rename(&work, destination).doing("move the finished build to", destination)
}

struct GoEnv {
    cc: String,
}

fn go_env() -> Result<GoEnv, Error> {
    let output = run_tool(Command::new("go").args(["env", "CC"]), "Go", GO_HELP)?;
    let cc = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(GoEnv { cc: if cc.is_empty() { "cc".to_owned() } else { cc } })
}

fn go_step(command: &mut Command, what: &str) -> Result<Vec<u8>, Error> {
    let output = run_tool(command, "Go", GO_HELP)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(Error::Tool { what: what.to_owned(), status: output.status, tail: tail(&output.stderr) })
}

fn run_tool(command: &mut Command, tool: &'static str, help: &'static str) -> Result<Output, Error> {
    command.output().map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::MissingTool { tool, help },
        _ => Error::Start { what: tool.to_owned(), source },
    })
}

/// Error lines of a tool, short enough for one line.
fn tail(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join(" | ")
}

fn is_vm_library(name: &str) -> bool {
    name == "libwasmvm.dylib" || name == format!("libwasmvm.{}.so", std::env::consts::ARCH)
}

fn has_vm_library(dir: &Path) -> bool {
    let Ok(entries) = fs::read_dir(dir) else { return false };
    entries.flatten().any(|entry| is_vm_library(&entry.file_name().to_string_lossy()))
}

fn copy_vm_library(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(from).doing("list", from)? {
        let entry = entry.doing("list", from)?;
        let name = entry.file_name();
        if !is_vm_library(&name.to_string_lossy()) {
            continue;
        }
        // Read and write, not copy: files of the Go module cache are read-only and would stay so.
        let bytes = fs::read(entry.path()).doing("read", &entry.path())?;
        let target = to.join(name);
        fs::write(&target, bytes).doing("write", &target)?;
    }
    if has_vm_library(to) { Ok(()) } else { Err(Error::NoVmLibrary { dir: from.to_owned() }) }
}

/// Folders of builds that were killed: the lock is ours, so nobody works in them.
fn remove_leftovers(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("tmp-")) {
        if let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "could not remove a half-built wasmd");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_built_caches_do_not_count() {
        let cache = tempfile::tempdir().unwrap();
        let built = Wasmd { dir: cache.path().join("wasmd-x") };
        fs::create_dir_all(&built.dir).unwrap();
        assert!(!built.is_complete());
        fs::write(built.binary(), b"binary").unwrap();
        assert!(!built.is_complete(), "the VM library is missing");
        fs::write(built.dir.join(format!("libwasmvm.{}.so", std::env::consts::ARCH)), b"library").unwrap();
        assert!(built.is_complete());
    }

    #[test]
    fn leftovers_of_killed_builds_go_finished_builds_stay() {
        let cache = tempfile::tempdir().unwrap();
        fs::create_dir_all(cache.path().join("tmp-1")).unwrap();
        fs::create_dir_all(cache.path().join("wasmd-0123")).unwrap();
        remove_leftovers(cache.path());
        assert!(!cache.path().join("tmp-1").exists());
        assert!(cache.path().join("wasmd-0123").exists());
    }

    #[test]
    fn the_version_is_the_pinned_one() {
        assert!(GO_MOD.contains(&format!("require github.com/CosmWasm/wasmd {WASMD_VERSION}\n")));
    }

    #[test]
    fn a_missing_tool_says_how_to_get_it() {
        let error = run_tool(&mut Command::new("/nonexistent/go"), "Go", GO_HELP).unwrap_err();
        assert_eq!(error.to_string(), format!("Go is missing: {GO_HELP}"));
    }

    #[test]
    fn the_tail_is_one_line() {
        assert_eq!(tail(b"a\nb\n\n c\nd\n"), "b | c | d");
    }
}
