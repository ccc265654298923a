//! The independent reader of logs (`e2e/tlog-reader`, Go, on Tessera's own packages), and a server that lies to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail, ensure};
use axum::http::{StatusCode, Uri};
use axum::{Router, body::Bytes, response::IntoResponse};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::world::root;

/// The built program.
pub struct Reader {
    binary: PathBuf,
    _dir: TempDir,
}

impl Reader {
    /// Built by Go; its cache makes all but the first time quick.
    pub async fn build() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let binary = dir.path().join("tlog-reader");
        let mut go = Command::new("go");
        go.current_dir(root().join("e2e/tlog-reader")).args(["build", "-o"]).arg(&binary).arg(".");
        let built = go.output().await.context("run go build")?;
        ensure!(built.status.success(), "go build: {}", String::from_utf8_lossy(&built.stderr));
        Ok(Self { binary, _dir: dir })
    }

    /// Entries of the log at `url` if the reader accepts all of it, else what it says.
    pub async fn read(&self, url: &str, verifier_key: &str) -> Result<Result<u64, String>> {
        let ended = Command::new(&self.binary).args([url, verifier_key]).output().await?;
        let out = String::from_utf8(ended.stdout)?;
        match ended.status.code() {
            Some(0) => {
                let size = out.split_whitespace().nth(2).with_context(|| format!("it printed {out:?}"))?;
                Ok(Ok(size.parse()?))
            }
            Some(1) => Ok(Err(String::from_utf8_lossy(&ended.stderr).into_owned())),
            _ => bail!("{}: {}", ended.status, String::from_utf8_lossy(&ended.stderr)),
        }
    }
}

/// Files of a served log by their path (`/checkpoint`, `/tile/…`).
pub type Files = BTreeMap<String, Vec<u8>>;

/// A server on loopback until dropped.
pub struct Server {
    pub url: String,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves these files.
    pub async fn of(files: Files) -> Result<Self> {
        let files = Arc::new(files);
        Self::start(Router::new().fallback(move |uri: Uri| {
            let found = files.get(uri.path()).cloned();
            async move { found.ok_or(StatusCode::NOT_FOUND) }
        }))
        .await
    }

    /// Hands on what `upstream` serves, with the middle byte changed of the first path asked for that begins with
    /// `altered`.
    pub async fn altering(upstream: String, altered: &'static str) -> Result<Self> {
        let chosen = OnceLock::new();
        let forward = async move |uri: Uri| -> Result<Bytes> {
            let answer = reqwest::get(format!("{upstream}{}", uri.path())).await?.error_for_status()?;
            let mut bytes = answer.bytes().await?.to_vec();
            let path = uri.path();
            if path.starts_with(altered) && chosen.get_or_init(|| path.to_owned()) == path {
                alter(&mut bytes);
            }
            Ok(bytes.into())
        };
        let forward = Arc::new(forward);
        Self::start(Router::new().fallback(move |uri: Uri| {
            let forward = forward.clone();
            async move { forward(uri).await.map_err(|_| StatusCode::NOT_FOUND).into_response() }
        }))
        .await
    }

    async fn start(router: Router) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(async move {
            // Ends with its task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Changes one bit of the middle byte.
pub fn alter(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
}
