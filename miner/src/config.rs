//! The configuration file: strict TOML, every field documented in `miner.example.toml`.

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Deserializer};

use crate::{logs::Settings, mine::Pace};

/// What can be wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}: {reason}; `medrec-miner init` writes one", path = path.display())]
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
    #[serde(default = "keystore")]
    pub keystore: PathBuf,
    #[serde(default, deserialize_with = "text")]
    pub granter: Option<String>,
    #[serde(default)]
    pub mining: Mining,
    #[serde(default)]
    pub mirror: Mirror,
    #[serde(default)]
    pub cosign: Cosign,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mining {
    /// 0: all.
    pub cores: u32,
    /// Percent.
    pub share: u8,
    pub poll_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mirror {
    pub folder: PathBuf,
    #[serde(deserialize_with = "address")]
    pub listen: Option<SocketAddr>,
    pub poll_seconds: u64,
    pub timeout_seconds: u64,
    /// Of one log.
    pub max_entries: u64,
    pub allow_private: bool,
    /// URLs.
    pub others: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cosign {
    pub enabled: bool,
    pub seconds: u64,
}

impl Default for Mining {
    fn default() -> Self {
        Self { cores: 0, share: 100, poll_ms: 500 }
    }
}

impl Default for Mirror {
    fn default() -> Self {
        Self {
            folder: "mirrors".into(),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 8470))),
            poll_seconds: 10,
            timeout_seconds: 20,
            max_entries: 20_000_000,
            allow_private: false,
            others: Vec::new(),
        }
    }
}

impl Default for Cosign {
    fn default() -> Self {
        Self { enabled: true, seconds: 30 }
    }
}

fn keystore() -> PathBuf {
    "keystore.age".into()
}

/// Empty: none.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Some(String::deserialize(from)?).filter(|text| !text.is_empty()))
}

/// Empty: none.
fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    text(from)?.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
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
        for file in [&mut config.deployment, &mut config.keystore, &mut config.mirror.folder] {
            *file = base.join(&*file);
        }
        config.check().map_err(|what| Error::Value { path: path.to_owned(), what })?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let share = self.mining.share;
        if !(1..=100).contains(&share) {
            return Err(format!("mining.share is {share}, it is a percentage from 1 to 100"));
        }
        let at_least_one = [
            ("mining.poll_ms", self.mining.poll_ms),
            ("mirror.poll_seconds", self.mirror.poll_seconds),
            ("mirror.timeout_seconds", self.mirror.timeout_seconds),
            ("mirror.max_entries", self.mirror.max_entries),
            ("cosign.seconds", self.cosign.seconds),
        ];
        match at_least_one.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(format!("{name} is 0, it must be at least 1")),
            None => Ok(()),
        }
    }

    /// How logs are copied.
    pub fn mirroring(&self) -> Settings {
        Settings {
            poll_seconds: self.mirror.poll_seconds,
            timeout: Duration::from_secs(self.mirror.timeout_seconds),
            max_entries: self.mirror.max_entries,
            allow_private: self.mirror.allow_private,
            others: self.mirror.others.clone(),
        }
    }
}

impl Mining {
    pub fn pace(&self) -> Pace {
        let all = || std::thread::available_parallelism().ok().and_then(|all| u32::try_from(all.get()).ok());
        let cores = NonZeroU32::new(self.cores).or_else(|| NonZeroU32::new(all()?));
        Pace { cores: cores.unwrap_or(NonZeroU32::MIN), share: self.share }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../miner.example.toml");

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(text, Path::new("/home/of/miner.toml"))
    }

    #[test]
    fn the_example_is_up_to_date_and_states_the_defaults() {
        let given = parse(EXAMPLE).unwrap();
        assert_eq!(given.mirror.folder, Path::new("/home/of/mirrors"));
        let minimal = parse("deployment = 'deployment.json'").unwrap();
        assert_eq!(format!("{given:?}"), format!("{minimal:?}"), "the example must state the defaults");
    }

    #[test]
    fn unknown_keys_and_values_that_cannot_be_are_refused() {
        let refused = |from: &str, to: &str| {
            assert!(EXAMPLE.contains(from), "{from}");
            parse(&EXAMPLE.replace(from, to)).unwrap_err().to_string()
        };
        assert!(refused("share = 100", "shares = 100").contains("shares"));
        assert!(refused("[cosign]", "[cosigning]").contains("cosigning"));
        for share in ["0", "101"] {
            assert!(refused("share = 100", &format!("share = {share}")).contains("mining.share"));
        }
        assert!(refused("share = 100", "share = 300").contains("miner.toml"));
        assert!(refused("cores = 0", "cores = -1").contains("miner.toml"));
        assert!(refused("poll_ms = 500", "poll_ms = 0").contains("mining.poll_ms"));
        assert!(refused("poll_seconds = 10", "poll_seconds = 0").contains("mirror.poll_seconds"));
        assert!(refused("timeout_seconds = 20", "timeout_seconds = 0").contains("mirror.timeout_seconds"));
        assert!(refused("max_entries = 20000000", "max_entries = 0").contains("mirror.max_entries"));
        assert!(refused("\nseconds = 30", "\nseconds = 0").contains("cosign.seconds"));
        assert!(refused("127.0.0.1:8470", "localhost").contains("miner.toml"));
        assert!(refused("deployment = ", "deployments = ").contains("deployment"));
        assert!(parse(&EXAMPLE.replace("127.0.0.1:8470", "")).unwrap().mirror.listen.is_none());
    }

    #[test]
    fn no_number_of_cores_means_all() {
        let pace = |cores| Mining { cores, ..Mining::default() }.pace().cores.get();
        assert_eq!(pace(3), 3);
        assert_eq!(pace(0) as usize, std::thread::available_parallelism().unwrap().get());
    }
}
