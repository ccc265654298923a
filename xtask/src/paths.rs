//! Where things are: the repository, its build folder, the machine's cache.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The repository's root folder.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Build products, removed by `cargo clean`.
pub fn target() -> PathBuf {
    root().join("target")
}

/// The binaries of the host build.
pub fn binary(name: &str) -> PathBuf {
    target().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Downloads and long builds that survive `cargo clean`: `MEDREC_CACHE`, else `XDG_CACHE_HOME/medrec`,
/// else `~/.cache/medrec`.
pub fn cache() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("MEDREC_CACHE") {
        return std::path::absolute(dir).context("MEDREC_CACHE names no folder");
    }
    if let Some(dir) = std::env::var_os("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(dir).join("medrec"));
    }
    let home = std::env::home_dir().context("no home folder: set MEDREC_CACHE to a folder for downloads")?;
    Ok(home.join(".cache").join("medrec"))
}

/// Cargo's own cache (registry sources), whose path must not end up in the wasm.
pub fn cargo_home() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(dir));
    }
    Ok(std::env::home_dir().context("no home folder: set CARGO_HOME")?.join(".cargo"))
}
