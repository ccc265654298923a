//! One validator's node: its settings and its process.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::Path,
    process::Stdio,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use toml::Table;

use crate::{
    Error, Wasmd,
    error::FileContext,
    home::{Home, Manifest},
    process::Process,
};

/// The least a node asks for a unit of gas.
pub const GAS_PRICE: &str = "0.001";

/// Public keys of a node made by `wasmd init`.
pub(crate) struct NodeKeys {
    /// Ed25519, base64: signs blocks.
    pub(crate) consensus: String,
    /// Hex of the first 20 bytes of SHA-256 of the peer key.
    pub(crate) peer_id: String,
}

pub(crate) fn read_keys(node: &Path) -> Result<NodeKeys, Error> {
    let consensus = read_field(&node.join("config/priv_validator_key.json"), "/pub_key/value")?;
    let path = node.join("config/node_key.json");
    let key = zeroize::Zeroizing::new(read_field(&path, "/priv_key/value")?);
    let key = zeroize::Zeroizing::new(BASE64_STANDARD.decode(key.as_bytes()).unwrap_or_default());
    // Secret ‖ public, 32 bytes each.
    let peer = key.get(32..64).ok_or_else(|| Error::Content {
        what: "a node key",
        path: path.clone(),
        reason: format!("{} bytes, wanted 64", key.len()),
    })?;
    let peer_id = hex::encode(Sha256::digest(peer).get(..20).unwrap_or_default());
    Ok(NodeKeys { consensus, peer_id })
}

fn read_field(path: &Path, pointer: &str) -> Result<String, Error> {
    let refuse =
        |reason: String| Error::Content { what: "a key file of wasmd", path: path.to_owned(), reason };
    let text = zeroize::Zeroizing::new(fs::read_to_string(path).doing("read", path)?);
    let json: Value = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    let field = json.pointer(pointer).and_then(Value::as_str);
    field.map(str::to_owned).ok_or_else(|| refuse(format!("it lacks {pointer}")))
}

/// Writes a node's settings for the ports that all nodes have at the moment.
pub(crate) fn configure(home: &Home, manifest: &Manifest, index: usize) -> Result<(), Error> {
    let facts = manifest
        .validators
        .get(index)
        .ok_or(Error::NoValidator { index, count: manifest.validators.len() })?;
    let peers: Vec<String> = manifest
        .validators
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != index)
        .map(|(_, peer)| format!("{}@127.0.0.1:{}", peer.node_id, peer.p2p_port))
        .collect();
    let listen = |port: u16| format!("tcp://127.0.0.1:{port}");
    let config = home.node(index).join("config");

    edit(&config.join("config.toml"), |file| {
        file.set("", "log_level", "consensus:info,state:info,*:error")?;
        file.set("rpc", "laddr", listen(facts.rpc_port))?;
        // Pages served from this machine, on whatever port: the portal in development.
        file.set("rpc", "cors_allowed_origins", vec!["http://localhost:*", "http://127.0.0.1:*"])?;
        file.set("rpc", "pprof_laddr", "")?;
        file.set("p2p", "laddr", listen(facts.p2p_port))?;
        file.set("p2p", "persistent_peers", peers.join(","))?;
        file.set("p2p", "persistent_peers_max_dial_period", "2s")?;
        file.set("p2p", "pex", false)?;
        file.set("p2p", "addr_book_strict", false)?;
        file.set("p2p", "allow_duplicate_ip", true)?;
        file.set("mempool", "max_tx_bytes", 524_288)?;
        // With one of four down, stock timeouts make 1.9 s of a block of 0.7 s.
        file.set("consensus", "timeout_propose", "1s")?;
        file.set("consensus", "timeout_prevote", "500ms")?;
        file.set("consensus", "timeout_precommit", "500ms")?;
        file.set("consensus", "timeout_commit", format!("{}ms", manifest.block_time_ms))?;
        // CosmJS finds transactions by the index only.
        file.set("tx_index", "indexer", "kv")
    })?;
    edit(&config.join("app.toml"), |file| {
        file.set("", "minimum-gas-prices", format!("{GAS_PRICE}{}", crate::genesis::FEE_DENOM))?;
        // Clients use the RPC port alone, but without gRPC a node offers no simulation there either: it listens on
        // a port that nobody is told.
        file.set("grpc", "address", "127.0.0.1:0")?;
        file.set("api", "enable", false)?;
        file.set("grpc-web", "enable", false)
    })
}

/// A settings file being changed; only keys that wasmd itself wrote can be.
struct Settings {
    table: Table,
}

impl Settings {
    fn set(&mut self, section: &str, key: &str, value: impl Into<toml::Value>) -> Result<(), String> {
        let lacks = || format!("it lacks `{key}` in [{section}]");
        let table = match section {
            "" => &mut self.table,
            _ => self.table.get_mut(section).and_then(toml::Value::as_table_mut).ok_or_else(lacks)?,
        };
        *table.get_mut(key).ok_or_else(lacks)? = value.into();
        Ok(())
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut Settings) -> Result<(), String>) -> Result<(), Error> {
    let refuse =
        |reason: String| Error::Content { what: "settings of wasmd v0.61.14", path: path.to_owned(), reason };
    let text = fs::read_to_string(path).doing("read", path)?;
    let mut settings =
        Settings { table: text.parse().map_err(|error: toml::de::Error| refuse(error.to_string()))? };
    change(&mut settings).map_err(refuse)?;
    let text = toml::to_string(&settings.table).map_err(|error| refuse(error.to_string()))?;
    fs::write(path, text).doing("write", path)
}

/// Starts `wasmd start` with its output in the node's log, and notes its pid for the next run.
pub(crate) async fn start(wasmd: &Wasmd, home: &Home, index: usize) -> Result<Process, Error> {
    let log_path = home.log(index);
    let log = File::options().create(true).append(true).open(&log_path).doing("open", &log_path)?;
    let errors = log.try_clone().doing("open", &log_path)?;
    let mut command = wasmd.command();
    command
        .args(["start", "--log_no_color", "--home"])
        .arg(home.node(index))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // Ctrl-C in a terminal is for the owner, who stops the validators in order.
        .process_group(0);
    let process = Process::spawn("wasmd", command).await?;
    let pid_file = home.pid_file(index);
    fs::write(&pid_file, process.pid().to_string()).doing("write", &pid_file)?;
    Ok(process)
}

/// Why a node ended, from the end of its log.
pub(crate) fn last_words(home: &Home, index: usize) -> String {
    let text = fs::read(home.log(index)).unwrap_or_default();
    let end = text.get(text.len().saturating_sub(4096)..).unwrap_or_default();
    let text = String::from_utf8_lossy(end);
    let of_note = |line: &&str| ["panic:", "ERR", "Error", "error"].iter().any(|word| line.contains(word));
    let line =
        text.lines().rev().find(of_note).or_else(|| text.lines().next_back()).unwrap_or("it left no log");
    line.chars().take(400).collect()
}

/// The node gave up because another program listens where it was to.
pub(crate) fn is_port_taken(words: &str) -> bool {
    words.contains("address already in use")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_wasmd_does_not_know_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, "[rpc]\nladdr = \"tcp://0.0.0.0:1\"\n").unwrap();
        edit(&path, |file| file.set("rpc", "laddr", "tcp://127.0.0.1:2")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "[rpc]\nladdr = \"tcp://127.0.0.1:2\"\n");
        let error = edit(&path, |file| file.set("rpc", "ladr", "x")).unwrap_err().to_string();
        assert!(error.contains("it lacks `ladr` in [rpc]"), "{error}");
    }
}
