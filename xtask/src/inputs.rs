//! What a contract is made from, as one hash: an unchanged contract is not built again.

use crate::{paths, proc};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files outside the crates that decide what comes out.
const SHARED: [&str; 4] =
    ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "xtask/tools/npm/package-lock.json"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<PathBuf>,
}

/// Our crates and what they use of each other, from `cargo metadata`.
pub struct Crates {
    dirs: BTreeMap<String, PathBuf>,
    uses: BTreeMap<String, Vec<String>>,
}

impl Crates {
    pub fn load() -> Result<Self> {
        let text =
            proc::output(proc::cargo().args(["metadata", "--no-deps", "--format-version", "1", "--quiet"]))?;
        let metadata: Metadata =
            serde_json::from_str(&text).context("`cargo metadata` printed something else")?;
        let mut crates = Self { dirs: BTreeMap::new(), uses: BTreeMap::new() };
        for package in metadata.packages {
            let uses = package
                .dependencies
                .into_iter()
                .filter(|d| d.path.is_some() && d.kind.as_deref() != Some("dev"));
            crates.uses.insert(package.name.clone(), uses.map(|d| d.name).collect());
            let dir = package.manifest_path.parent().map(Path::to_path_buf).unwrap_or_default();
            crates.dirs.insert(package.name, dir);
        }
        Ok(crates)
    }

    /// The crate and all of ours below it.
    fn closure(&self, name: &str) -> Result<BTreeSet<String>> {
        let mut seen = BTreeSet::new();
        let mut open = vec![name.to_owned()];
        while let Some(next) = open.pop() {
            let Some(uses) = self.uses.get(&next) else { bail!("no crate {next} in the workspace") };
            if seen.insert(next) {
                open.extend(uses.iter().cloned());
            }
        }
        Ok(seen)
    }

    /// SHA-256 in hex over the crate's sources, those of the crates it uses, the shared files and `recipe`.
    pub fn hash(&self, name: &str, recipe: &str) -> Result<String> {
        let root = paths::root();
        let mut files: BTreeSet<PathBuf> = SHARED.iter().map(|file| root.join(file)).collect();
        for member in self.closure(name)? {
            let Some(dir) = self.dirs.get(&member) else { bail!("no folder for crate {member}") };
            files.insert(dir.join("Cargo.toml"));
            sources(&dir.join("src"), &mut files)?;
        }
        let mut hash = Sha256::new();
        hash.update(recipe);
        for file in files {
            let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            hash.update(file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().as_bytes());
            hash.update([0]);
            hash.update(Sha256::digest(bytes));
        }
        Ok(hex::encode(hash.finalize()))
    }
}

/// Every file below `dir`.
fn sources(dir: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", dir.display()))?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}
