//! `cargo xtask wasm`: each contract alone, the same bytes on every machine (docs/adr/006-one-wasm-build-on-every-machine.md).

use crate::{inputs::Crates, paths, proc, tools};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folder under contracts/, also the artifact's name; the crate is `medrec-NAME`.
pub const CONTRACTS: [&str; 4] = ["registrar", "relationship", "authlog", "bounty"];

/// wasmd's limit on a stored code (x/wasm `MaxWasmSize`), in bytes.
const MAX_BYTES: usize = 800 * 1024;

const TARGET: &str = "wasm32-unknown-unknown";

/// `--mvp-features` makes wasm-opt refuse whatever the chain's VM would refuse.
const OPT_FLAGS: [&str; 4] = ["-Os", "--mvp-features", "--strip-debug", "--strip-producers"];

#[derive(clap::Args)]
pub struct Args {
    /// Build even when nothing changed
    #[arg(long)]
    force: bool,
    /// Only these contracts
    #[arg(value_parser = CONTRACTS)]
    names: Vec<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let names = if args.names.is_empty() { CONTRACTS.map(String::from).to_vec() } else { args.names.clone() };
    build(&names, args.force)
}

/// Builds all that changed.
pub fn build_all() -> Result<()> {
    build(&CONTRACTS.map(String::from), false)
}

fn build(names: &[String], force: bool) -> Result<()> {
    let work = paths::target().join("wasm");
    fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let lock = fs::File::create(work.join("xtask.lock")).context("cannot make target/wasm/xtask.lock")?;
    lock.lock().context("cannot lock target/wasm/xtask.lock")?;

    let crates = Crates::load()?;
    for name in names {
        let inputs = crates.hash(&crate_name(name), &recipe())?;
        let stamp = work.join(format!("{name}.stamp"));
        if !force && is_current(name, &stamp, &inputs) {
            println!("wasm {name}: unchanged");
            continue;
        }
        let bytes = one(name)?;
        put(&artifact(name), &bytes)?;
        put(&stamp, format!("{inputs} {}", sha256(&bytes)).as_bytes())?;
        println!("wasm {name}: {} bytes, sha256 {}", bytes.len(), sha256(&bytes));
    }
    write_checksums()
}

/// All that shapes the bytes beside the sources.
fn recipe() -> String {
    format!("v1 {TARGET} {OPT_FLAGS:?} {:?}", build_flags())
}

fn crate_name(contract: &str) -> String {
    format!("medrec-{contract}")
}

fn artifact(name: &str) -> PathBuf {
    paths::root().join("artifacts").join(format!("{name}.wasm"))
}

fn is_current(name: &str, stamp: &Path, inputs: &str) -> bool {
    let (Ok(stamp), Ok(bytes)) = (fs::read_to_string(stamp), fs::read(artifact(name))) else { return false };
    stamp == format!("{inputs} {}", sha256(&bytes))
}

/// Compiles, optimises and checks one contract.
fn one(name: &str) -> Result<Vec<u8>> {
    tools::rust_src()?;
    let wasm_opt = tools::wasm_opt()?;
    let sysroot = tools::sysroot()?;
    println!("wasm {name}: building");
    // build-std needs nightly flags on the pinned stable compiler; rustc >= 1.87 would otherwise emit
    // bulk-memory operations, which the VM refuses. The own target dir keeps RUSTC_BOOTSTRAP away from
    // the host's build scripts.
    proc::run(
        proc::cargo()
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", rustflags(&sysroot, &registries()?, &paths::root()))
            .args(build_flags())
            .args(["--package", &crate_name(name)])
            .arg("--target-dir")
            .arg(paths::target().join("wasm")),
    )?;
    let built = paths::target().join("wasm").join(TARGET).join("wasm").join(format!("medrec_{name}.wasm"));
    let small = paths::target().join("wasm").join(format!("{name}.opt.wasm"));
    proc::run(Command::new("node").arg(wasm_opt).args(OPT_FLAGS).arg(&built).arg("-o").arg(&small))
        .with_context(|| format!("wasm-opt refused {name}: does it use a feature beyond the wasm MVP?"))?;
    let bytes = fs::read(&small).with_context(|| format!("cannot read {}", small.display()))?;
    if bytes.len() > MAX_BYTES {
        bail!("{name}.wasm has {} bytes, the chain takes {MAX_BYTES} at most", bytes.len());
    }
    Ok(bytes)
}

fn build_flags() -> Vec<&'static str> {
    let std = "-Zbuild-std=std,panic_abort";
    vec!["build", "--quiet", std, "--profile", "wasm", "--lib", "--target", TARGET]
}

/// Folders with the sources of dependencies; their names tell which registry a machine is set up with.
fn registries() -> Result<Vec<PathBuf>> {
    let dir = paths::cargo_home()?.join("registry/src");
    let list = fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let mut found: Vec<PathBuf> = list.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    found.sort();
    Ok(found)
}

/// Flags joined as `CARGO_ENCODED_RUSTFLAGS` wants them; paths of this machine are mapped away.
fn rustflags(sysroot: &Path, registries: &[PathBuf], root: &Path) -> String {
    let std = sysroot.join("lib/rustlib/src/rust");
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let mut flags = vec!["-Ctarget-cpu=mvp".to_owned(), remap(root, "/medrec"), remap(&std, "/rust")];
    flags.extend(registries.iter().map(|dir| remap(dir, "/crates")));
    flags.join("\x1f")
}

/// `artifacts/checksums.txt` as `sha256sum --check` reads it, over all contracts that are built.
fn write_checksums() -> Result<()> {
    let mut lines = String::new();
    for name in CONTRACTS {
        if let Ok(bytes) = fs::read(artifact(name)) {
            lines.push_str(&format!("{}  {name}.wasm\n", sha256(&bytes)));
        }
    }
    put(&paths::root().join("artifacts/checksums.txt"), lines.as_bytes())
}

/// Writes whole files only: a reader never sees half of one.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension("part");
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    fs::write(&part, bytes).with_context(|| format!("cannot write {}", part.display()))?;
    fs::rename(&part, path).with_context(|| format!("cannot write {}", path.display()))
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::{Path, rustflags};

    #[test]
    fn paths_of_the_machine_are_mapped_away() {
        let registry = Path::new("/home/a b/.cargo/registry/src/mirror-1").to_path_buf();
        let flags = rustflags(Path::new("/up/1.95"), &[registry], Path::new("/src/medrec"));
        let flags: Vec<&str> = flags.split('\x1f').collect();
        assert_eq!(flags[0], "-Ctarget-cpu=mvp");
        assert_eq!(flags[1], "--remap-path-prefix=/src/medrec=/medrec");
        assert_eq!(flags[2], "--remap-path-prefix=/up/1.95/lib/rustlib/src/rust=/rust");
        assert_eq!(flags[3], "--remap-path-prefix=/home/a b/.cargo/registry/src/mirror-1=/crates");
    }
}
