//! The configuration file: strict TOML, every field documented in `relayer.example.toml`.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use crate::adapter;

/// What can be wrong with the configuration or the files it names.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}: {reason}", path = path.display())]
    Read { path: PathBuf, reason: std::io::Error },
    #[error("{path}: {reason}", path = path.display())]
    Parse { path: PathBuf, reason: toml::de::Error },
    #[error("{path}: {what}", path = path.display())]
    Value { path: PathBuf, what: String },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub deployment: PathBuf,
    #[serde(default)]
    pub rpc: Vec<String>,
    pub public_url: String,
    #[serde(default = "defaults::store")]
    pub store: PathBuf,
    #[serde(default = "defaults::keystore")]
    pub keystore: PathBuf,
    #[serde(default = "defaults::staff_token")]
    pub staff_token: PathBuf,
    #[serde(default = "defaults::research_token")]
    pub research_token: PathBuf,
    pub listen: Listen,
    pub database: Database,
    #[serde(default)]
    pub chain: Chain,
    #[serde(default)]
    pub anchor: Anchor,
    #[serde(default)]
    pub pacing: Pacing,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub mirror: Mirror,
    #[serde(default)]
    pub research: Research,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    pub public: SocketAddr,
    pub private: SocketAddr,
    /// PEM files for TLS on the public listener: both or none.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub sqlite: PathBuf,
    pub mapping: PathBuf,
    #[serde(default = "defaults::timeout_ms")]
    pub timeout_ms: u64,
    #[serde(default = "defaults::max_rows")]
    pub max_rows: usize,
    #[serde(default = "defaults::poll_seconds")]
    pub poll_seconds: u64,
    #[serde(default = "defaults::reread_seconds")]
    pub reread_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chain {
    pub poll_ms: u64,
    /// Seconds, in either direction (security H10, H22).
    pub max_staleness: u64,
    pub timeout_blocks: u64,
    /// Nodes that must say the same before it counts.
    pub agree: usize,
    pub reconcile_seconds: u64,
}

impl Default for Chain {
    fn default() -> Self {
        Self { poll_ms: 200, max_staleness: 8, timeout_blocks: 20, agree: 1, reconcile_seconds: 600 }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Anchor {
    /// Seconds.
    pub tick: u64,
    /// Seconds from an entry to the latest time of its anchor; 0: six ticks.
    pub promise: u64,
}

impl Default for Anchor {
    fn default() -> Self {
        Self { tick: 10, promise: 0 }
    }
}

/// Security H9.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pacing {
    /// Seconds.
    pub first_filing: u64,
    /// Entries a tick.
    pub cover: u64,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { first_filing: 21_600, cover: 0 }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub concurrency: usize,
    /// Open at the public listener at the same time.
    pub connections: usize,
    /// Seconds.
    pub timeout: u64,
    /// For the head of a request, and for its body; seconds.
    pub read_timeout: u64,
    /// A second; 0: no limit.
    pub requests_per_signer: u32,
    pub requests_per_peer: u32,
    /// Seconds' worth of requests that may come at once.
    pub burst: u32,
    pub trusted_proxy: Option<IpAddr>,
    pub streams_per_relationship: usize,
    pub streams_total: usize,
    pub refusals_per_relationship: u32,
    pub refusals_total: u32,
    pub refusal_floor_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 64,
            connections: 512,
            timeout: 20,
            read_timeout: 5,
            requests_per_signer: 20,
            requests_per_peer: 100,
            burst: 5,
            trusted_proxy: None,
            streams_per_relationship: 4,
            streams_total: 256,
            refusals_per_relationship: 20,
            refusals_total: 1000,
            refusal_floor_ms: 60,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mirror {
    pub enabled: bool,
    pub folder: PathBuf,
    pub poll_seconds: u64,
    /// Between two cosignatures of one log's head.
    pub cosign_seconds: u64,
    pub timeout_seconds: u64,
    /// Of one log.
    pub max_entries: u64,
    pub allow_private: bool,
}

impl Default for Mirror {
    fn default() -> Self {
        Self {
            enabled: true,
            folder: "mirrors".into(),
            poll_seconds: 30,
            cosign_seconds: 120,
            timeout_seconds: 20,
            max_entries: 20_000_000,
            allow_private: false,
        }
    }
}

/// The research desk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Research {
    pub enabled: bool,
    pub poll_seconds: u64,
    /// From the question to the delivery, at least.
    pub delay_seconds: u64,
    /// Least number of patients of an answer.
    pub floor: u32,
    pub notes: bool,
    pub validity_days: u64,
}

impl Default for Research {
    fn default() -> Self {
        Self {
            enabled: true,
            poll_seconds: 5,
            delay_seconds: 60,
            floor: medrec_aggregate::FLOOR,
            notes: true,
            validity_days: 365,
        }
    }
}

mod defaults {
    use std::path::PathBuf;

    pub fn store() -> PathBuf {
        "store.sqlite".into()
    }
    pub fn keystore() -> PathBuf {
        "keystore.age".into()
    }
    pub fn staff_token() -> PathBuf {
        "staff.token".into()
    }
    pub fn research_token() -> PathBuf {
        "research.token".into()
    }
    pub fn timeout_ms() -> u64 {
        5000
    }
    pub fn max_rows() -> usize {
        20_000
    }
    pub fn poll_seconds() -> u64 {
        5
    }
    pub fn reread_seconds() -> u64 {
        3600
    }
}

impl Config {
    /// Reads and checks a configuration file; paths in it are taken from its folder.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|reason| Error::Read { path: path.to_owned(), reason })?;
        Self::parse(&text, path)
    }

    /// `path` is where the text came from: it is named in errors and its folder is the base of relative paths.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let mut config: Self =
            toml::from_str(text).map_err(|reason| Error::Parse { path: path.to_owned(), reason })?;
        let base = path.parent().unwrap_or(Path::new("."));
        for file in [
            &mut config.deployment,
            &mut config.store,
            &mut config.keystore,
            &mut config.staff_token,
            &mut config.research_token,
            &mut config.database.sqlite,
            &mut config.database.mapping,
            &mut config.mirror.folder,
        ] {
            *file = base.join(&*file);
        }
        for file in [&mut config.listen.certificate, &mut config.listen.key].into_iter().flatten() {
            *file = base.join(&*file);
        }
        config.check().map_err(|what| Error::Value { path: path.to_owned(), what })?;
        Ok(config)
    }

    fn check(&mut self) -> Result<(), String> {
        while self.public_url.ends_with('/') {
            self.public_url.pop();
        }
        let url = url::Url::parse(&self.public_url)
            .map_err(|e| format!("public_url {:?} is not a URL: {e}", self.public_url))?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "public_url {:?} must be http(s) without query or fragment",
                self.public_url
            ));
        }
        match (&self.listen.certificate, &self.listen.key) {
            (Some(_), Some(_)) => {}
            (None, None) if self.listen.public.ip().is_loopback() => {}
            (None, None) => {
                return Err(format!(
                    "listen.public {} leaves this machine without TLS: name listen.certificate and listen.key, \
                     or listen on loopback behind a proxy that ends TLS",
                    self.listen.public
                ));
            }
            _ => return Err("listen.certificate and listen.key belong together: name both or none".into()),
        }
        if !self.listen.private.ip().is_loopback() {
            return Err(format!("listen.private {} must be a loopback address", self.listen.private));
        }
        let at_least_one = [
            ("database.timeout_ms", self.database.timeout_ms),
            ("database.poll_seconds", self.database.poll_seconds),
            ("database.reread_seconds", self.database.reread_seconds),
            ("chain.poll_ms", self.chain.poll_ms),
            ("chain.max_staleness", self.chain.max_staleness),
            ("chain.timeout_blocks", self.chain.timeout_blocks),
            ("chain.agree", self.chain.agree as u64),
            ("chain.reconcile_seconds", self.chain.reconcile_seconds),
            ("anchor.tick", self.anchor.tick),
            ("research.poll_seconds", self.research.poll_seconds),
            ("mirror.poll_seconds", self.mirror.poll_seconds),
            ("mirror.timeout_seconds", self.mirror.timeout_seconds),
            ("limits.timeout", self.limits.timeout),
            ("limits.read_timeout", self.limits.read_timeout),
            ("limits.burst", u64::from(self.limits.burst)),
            ("limits.concurrency", self.limits.concurrency as u64),
            ("limits.connections", self.limits.connections as u64),
            ("database.max_rows", self.database.max_rows as u64),
        ];
        if self.anchor.promise == 0 {
            self.anchor.promise = self.anchor.tick.saturating_mul(6);
        }
        if self.research.floor < medrec_aggregate::FLOOR {
            let (floor, least) = (self.research.floor, medrec_aggregate::FLOOR);
            return Err(format!("research.floor is {floor}, no answer is about fewer than {least} patients"));
        }
        let shortest = self.anchor.tick.saturating_mul(2);
        if self.anchor.promise < shortest {
            let (promise, tick) = (self.anchor.promise, self.anchor.tick);
            return Err(format!(
                "anchor.promise is {promise}, less than two ticks of {tick}: it could not be kept"
            ));
        }
        match at_least_one.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(format!("{name} is 0, it must be at least 1")),
            None => Ok(()),
        }
    }
}

impl Database {
    /// What may be asked of the database.
    pub fn limits(&self) -> adapter::Limits {
        adapter::Limits { timeout: Duration::from_millis(self.timeout_ms), max_rows: self.max_rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../relayer.example.toml");

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(text, Path::new("/home/of/relayer.toml"))
    }

    #[test]
    fn the_example_is_up_to_date_and_states_the_defaults() {
        let given = parse(EXAMPLE).unwrap();
        assert_eq!(given.store, Path::new("/home/of/store.sqlite"));
        let minimal = parse(
            "deployment = 'deployment.json'\nrpc = ['http://127.0.0.1:26657']\n\
             public_url = 'http://127.0.0.1:8440'\n\
             listen = { public = '127.0.0.1:8440', private = '127.0.0.1:8441' }\n\
             database = { sqlite = 'hospital.sqlite', mapping = 'mapping.toml' }",
        )
        .unwrap();
        assert_eq!(format!("{given:?}"), format!("{minimal:?}"), "the example must state the defaults");
    }

    #[test]
    fn unknown_keys_and_unsafe_values_are_refused() {
        let refused = |from: &str, to: &str| {
            assert!(EXAMPLE.contains(from), "{from}");
            parse(&EXAMPLE.replace(from, to)).unwrap_err().to_string()
        };
        assert!(refused("tick = 10", "tock = 10").contains("tock"));
        assert!(refused("tick = 10", "tick = 0").contains("anchor.tick"));
        assert!(refused("promise = 60", "promise = 19").contains("two ticks"));
        assert!(refused("floor = 11", "floor = 10").contains("11 patients"));
        assert!(refused("cover = 0", "cover = -1").contains("relayer.toml"));
        assert!(refused("private = \"127.0.0.1", "private = \"0.0.0.0").contains("loopback"));
        assert!(refused("public = \"127.0.0.1", "public = \"0.0.0.0").contains("TLS"));
        assert!(refused("[listen]", "[listen]\nkey = \"key.pem\"").contains("both or none"));
        let tls =
            EXAMPLE.replace("public = \"127.0.0.1", "key = \"k\"\ncertificate = \"c\"\npublic = \"0.0.0.0");
        assert_eq!(parse(&tls).unwrap().listen.key.unwrap(), Path::new("/home/of/k"));
        assert!(refused("\"http://127.0.0.1:8440\"", "\"ftp://x\"").contains("http(s)"));
        assert!(refused("max_staleness = 8", "max_staleness = -1").contains("relayer.toml"));
    }
}
