//! A hospital's home on disk, its database, and the real binary run in it.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use cosmwasm_std::Binary;
use medrec_accesslog::LogKey;
use medrec_api::registrar::NewInstitution;
use medrec_clients::Deployment;
use medrec_gate::Institution;
use medrec_relayer::keystore::{INSTITUTION_ACCOUNT, Keystore};
use medrec_wallet::ContractRef;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::rpc::Node;

pub const ORIGIN: &str = "log.process.test";
/// Id in the registrar: the first of genesis.
pub const INSTITUTION: u32 = 1;
pub const TOKEN: &str = "staff-token-of-the-process-tests-0123456789";
pub const RESEARCH_TOKEN: &str = "research-token-of-the-process-tests-012345";
pub const PASSPHRASE: &str = "correct horse battery staple";
/// Nothing the tests wait for takes longer.
pub const DEADLINE: Duration = Duration::from_secs(30);
const MAPPING: &str = include_str!("../mapping.toml");

pub struct Home {
    pub dir: tempfile::TempDir,
    pub node: Node,
    pub public: String,
    pub private: String,
    pub contract: ContractRef,
    pub institution: Institution,
}

impl Home {
    /// A home as `init` makes it, admitted on a chain of its own, with delegates and an empty hospital.
    pub async fn new() -> Self {
        Self::with("", vec![]).await
    }

    /// As [`Home::new`], with more lines in the configuration and others in the registrar.
    pub async fn with(more: &str, others: Vec<NewInstitution>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_private(&dir.path().join("keystore.age"), &keystore_file());
        write_private(&dir.path().join("staff.token"), TOKEN.as_bytes());
        write_private(&dir.path().join("research.token"), RESEARCH_TOKEN.as_bytes());
        fs::write(dir.path().join("passphrase"), PASSPHRASE).unwrap();
        fs::write(dir.path().join("mapping.toml"), MAPPING).unwrap();
        let keystore =
            Keystore::open(&dir.path().join("keystore.age"), PASSPHRASE.to_owned().into()).unwrap();
        let (public, private) = (free_port(), free_port());
        let node = Node::start([vec![institution(&keystore, &format!("http://{public}"))], others].concat());
        let rpc = node.url.clone();
        let delegates: Vec<String> =
            (1000..1040).map(|n| keystore.account(n).unwrap().address().to_owned()).collect();
        let deployment = node.with(move |chain| {
            let (sponsor, contract) = (chain.suite.sponsor.to_string(), chain.suite.relationship.clone());
            let admit = medrec_api::relationship::ExecuteMsg::Admit { delegates };
            chain.submit(&sponsor, &contract, admit);
            chain.block();
            chain.deployment(&rpc)
        });
        fs::write(dir.path().join("deployment.json"), deployment.to_string()).unwrap();
        let found = Deployment::load(&dir.path().join("deployment.json")).unwrap();
        let contract =
            ContractRef { chain_id: found.chain_id, address: found.contracts.relationship.address };
        let log_key = LogKey::new(ORIGIN, &keystore.log_key().verifying_key().to_bytes()).unwrap();
        let institution =
            Institution { signing_key: keystore.signing_key().verifying_key().to_bytes().to_vec(), log_key };
        let this = Self { dir, node, public, private, contract, institution };
        this.configure(more);
        let mut hospital = this.hospital().await;
        sqlx::raw_sql(
            "CREATE TABLE people (id TEXT, name TEXT);
             CREATE TABLE labs (id TEXT, patient TEXT, code TEXT, value TEXT, unit TEXT, changed TEXT);",
        )
        .execute(&mut hospital)
        .await
        .unwrap();
        this
    }

    /// Writes the configuration anew. Records are filed at once unless `more` says how they are paced.
    pub fn configure(&self, more: &str) {
        let pacing = if more.contains("pacing =") { "" } else { "pacing = { first_filing = 0 }" };
        let config = format!(
            "deployment = 'deployment.json'\npublic_url = 'http://{}'\n\
             listen = {{ public = '{}', private = '{}' }}\n\
             database = {{ sqlite = 'hospital.sqlite', mapping = 'mapping.toml', poll_seconds = 1 }}\n\
             anchor = {{ tick = 1 }}\n{pacing}\n{more}\n",
            self.public, self.public, self.private
        );
        fs::write(self.path("relayer.toml"), config).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A connection to the hospital's own database, as its staff has one.
    pub async fn hospital(&self) -> SqliteConnection {
        let path = self.path("hospital.sqlite");
        SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_medrec-relayer"));
        command.arg("--home").arg(self.dir.path()).arg("--passphrase-file").arg(self.path("passphrase"));
        command.args(arguments).env_remove("MEDREC_FAILPOINT").env("RUST_LOG", "info");
        command
    }

    /// Runs a command to its end.
    pub fn call(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Starts the relayer; with a failpoint it dies there.
    pub fn start(&self, failpoint: Option<&str>) -> Relayer {
        let mut command = self.command(&["run"]);
        if let Some(name) = failpoint {
            command.env("MEDREC_FAILPOINT", name);
        }
        self.spawn(command)
    }

    pub fn spawn(&self, mut command: Command) -> Relayer {
        let log = self.path("relayer.log");
        let stderr = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        Relayer { child, log, private: self.private.clone() }
    }

    /// Starts the relayer and waits until it can answer.
    pub async fn ready(&self) -> Relayer {
        let mut relayer = self.start(None);
        relayer.wait_ready().await;
        relayer
    }
}

/// The running process; killed when it is dropped.
pub struct Relayer {
    child: Child,
    log: PathBuf,
    private: String,
}

impl Relayer {
    /// Waits until it can answer, or is gone.
    pub async fn wait_ready(&mut self) -> bool {
        let url = format!("http://{}/readyz", self.private);
        let client = client();
        let started = Instant::now();
        loop {
            if self.ended().is_some() {
                return false;
            }
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return true;
            }
            assert!(started.elapsed() < DEADLINE, "not ready in time:\n{}", self.words());
            pause().await;
        }
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Waits for its end.
    pub async fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(started.elapsed() < DEADLINE, "still running:\n{}", self.words());
            pause().await;
        }
    }

    /// Asks it to end and waits until it has.
    pub async fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.end().await;
        assert!(status.success(), "{status}:\n{}", self.words());
    }

    /// What it logged last.
    pub fn words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Relayer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Between two looks at something that is waited for.
pub async fn pause() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

/// Waits until `look` finds something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "{what}: not in time");
        pause().await;
    }
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap()
}

/// Keys of the tests, made once for all of them: under the passphrase, but at an effort that costs no time.
fn keystore_file() -> Vec<u8> {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("process-tests.keystore.age");
    if let Ok(bytes) = fs::read(&kept) {
        return bytes;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let made = folder.path().join("keystore.age");
    Keystore::generate().unwrap().create(&made, PASSPHRASE.to_owned().into()).unwrap();
    let mut dear = age::scrypt::Identity::new(PASSPHRASE.to_owned().into());
    dear.set_max_work_factor(22);
    let plain = age::decrypt(&dear, &fs::read(&made).unwrap()).unwrap();
    let mut cheap = age::scrypt::Recipient::new(PASSPHRASE.to_owned().into());
    cheap.set_work_factor(2);
    let bytes = age::encrypt(&cheap, &plain).unwrap();
    fs::write(&made, &bytes).unwrap();
    fs::rename(&made, &kept).unwrap();
    bytes
}

/// A port nobody listened on a moment ago.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn write_private(path: &Path, bytes: &[u8]) {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file: File = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn institution(keystore: &Keystore, url: &str) -> NewInstitution {
    NewInstitution {
        name: "Process Hospital".into(),
        url: url.into(),
        account: keystore.account(INSTITUTION_ACCOUNT).unwrap().address().to_owned(),
        signing_key: Binary::from(keystore.signing_key().verifying_key().to_bytes()),
        log_origin: ORIGIN.into(),
        log_key: Binary::from(keystore.log_key().verifying_key().to_bytes()),
        encryption_key: Binary::from(*keystore.encryption_key().public().unwrap().as_bytes()),
    }
}

/// Standard error of a command that failed as it should.
pub fn refusal(output: &Output) -> String {
    let words = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!output.status.success(), "it went through: {words}");
    words
}

pub fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
