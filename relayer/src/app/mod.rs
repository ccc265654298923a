//! The daemon: [`prepare`] checks and wires, [`App::run`] supervises.
//!
//! [`look_around`] asks without writing, [`Parts`] is what the subsystems share, `wire` has one function for each
//! subsystem that spawns its tasks or gives its routes.

mod listeners;
mod parts;
mod surroundings;
mod wire;

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context as _;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

pub use parts::bind;
pub use surroundings::{Surroundings, look_around, look_at_store};

use crate::{config::Config, keystore::Keystore, store::Store, task::TaskGroup};
use parts::Parts;

/// A relayer that is ready to run.
pub struct App {
    store: Arc<Store>,
    tasks: TaskGroup,
    stop: CancellationToken,
    /// Where the listeners are, also when the configuration said port 0.
    pub public: SocketAddr,
    pub private: SocketAddr,
}

/// Opens everything, refuses what does not fit together, and wires the tasks.
pub async fn prepare(config: &Config, keystore: Keystore) -> anyhow::Result<App> {
    let around = look_around(config, &keystore).await?;
    let parts = Parts::open(config, keystore, around).await?;
    let (public, private) =
        (listeners::listen(config.listen.public).await?, listeners::listen(config.listen.private).await?);
    let (public_address, private_address) = (public.local_addr()?, private.local_addr()?);

    let stop = CancellationToken::new();
    let mut tasks = TaskGroup::new(stop.clone());
    tasks.spawn("signals", listeners::signals(stop.clone()));
    wire::checkpoints(&parts, &mut tasks);
    wire::anchoring(&parts, &mut tasks).await?;
    wire::scopes(&parts).await?;
    wire::sender(&parts, &mut tasks);
    wire::ingest(&parts, &mut tasks);
    wire::reconcile(&parts, &mut tasks);
    wire::filing(&parts, &mut tasks);
    wire::desk(&parts, &mut tasks);
    let public_routes = wire::gatekeeper(&parts, &mut tasks)
        .await?
        .merge(wire::log_routes(&parts))
        .merge(wire::mirrors(&parts, &mut tasks));
    let private_routes = wire::office(&parts)?;
    wire::public(&parts, &mut tasks, public, public_routes)?;
    tasks.spawn("private listener", listeners::serve_until(private, private_routes, stop.clone()));
    Ok(App { store: parts.store, tasks, stop, public: public_address, private: private_address })
}

impl App {
    /// Cancelling it ends the relayer in order.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Works until a task ends or a signal comes, then ends in order.
    pub async fn run(self) -> anyhow::Result<()> {
        tracing::info!(public = %self.public, private = %self.private, "medrec-relayer runs");
        let outcome = self.tasks.run().await;
        self.store.close().await;
        tracing::info!("medrec-relayer ends");
        Ok(outcome?)
    }
}

/// First line of a token's file.
pub fn token(path: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read the token {}", path.display()))?;
    let token = text.lines().next().unwrap_or_default();
    anyhow::ensure!(token.len() >= 32, "the token in {} is shorter than 32 characters", path.display());
    Ok(SecretString::from(token))
}
