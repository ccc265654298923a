//! The daemon: [`prepare`] checks and wires, [`App::run`] supervises.

use std::{future::IntoFuture, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use medrec_accesslog::LogSigner;
use medrec_api::registrar::{InstitutionResponse, InstitutionStatus};
use medrec_clients::{Chain as ChainParameters, Deployment};
use medrec_gate::Audience;
use medrec_wallet::ContractRef;
use secrecy::SecretString;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{Notify, Semaphore},
};
use tokio_util::sync::CancellationToken;

use crate::{
    adapter::{self, Adapter, Mapping, SqliteAdapter},
    chain::{Chain, Contracts, Nodes, sender::Sender},
    clock::{Clock, SystemClock},
    config::Config,
    filing::{Filer, FilingTask},
    gatekeeper::{self, Budget, Committer, Gatekeeper, Keys},
    identity::Identity,
    ingest::Ingest,
    keystore::{INSTITUTION_ACCOUNT, Keystore},
    log::{anchor::Anchoring, scopes, serve},
    ops::{health::Health, staff},
    store::Store,
    task::TaskGroup,
};

/// A relayer that is ready to run.
pub struct App {
    store: Arc<Store>,
    tasks: TaskGroup,
    stop: CancellationToken,
    /// Where the listeners are, also when the configuration said port 0.
    pub public: SocketAddr,
    pub private: SocketAddr,
}

/// What `prepare` finds out before anything is written.
pub struct Surroundings {
    pub deployment: Deployment,
    pub chain: Arc<dyn Chain>,
    pub institution: InstitutionResponse,
    pub identity: Arc<Identity>,
    pub adapter: Arc<dyn Adapter>,
}

/// Asks the chain who we are and opens the hospital's database; nothing is written.
pub async fn look_around(config: &Config, keystore: &Keystore) -> anyhow::Result<Surroundings> {
    let deployment = Deployment::load(&config.deployment)?;
    let urls = if config.rpc.is_empty() { &deployment.rpc } else { &config.rpc };
    let chain: Arc<dyn Chain> = Arc::new(Nodes::new(urls)?);
    let found = chain.status().await.context("ask the node who it is")?;
    if found.chain_id != deployment.chain_id {
        anyhow::bail!(
            "the node is of chain {:?}, deployment.json of {:?}",
            found.chain_id,
            deployment.chain_id
        );
    }
    let institution = registered(&deployment, &*chain, keystore).await?;
    if institution.url.trim_end_matches('/') != config.public_url {
        tracing::warn!(
            registrar = institution.url,
            config = config.public_url,
            "requests are signed for the registrar's URL, and refused unless public_url is the same"
        );
    }
    let identity = Arc::new(Identity {
        contract: ContractRef {
            chain_id: deployment.chain_id.clone(),
            address: deployment.contracts.relationship.address.clone(),
        },
        registrar: deployment.contracts.registrar.address.clone(),
        log_origin: institution.log_origin.clone(),
        institution: institution.id,
    });
    let mapping = Mapping::load(&config.database.mapping)?;
    let limits = adapter::Limits { timeout: config.database.timeout(), max_rows: config.database.max_rows };
    let adapter = Arc::new(SqliteAdapter::open(&config.database.sqlite, mapping, limits).await?);
    Ok(Surroundings { deployment, chain, institution, identity, adapter })
}

/// The registrar's word on our account; its keys must be ours.
async fn registered(
    deployment: &Deployment,
    chain: &dyn Chain,
    keystore: &Keystore,
) -> anyhow::Result<InstitutionResponse> {
    let account = keystore.account(INSTITUTION_ACCOUNT)?;
    let contracts = contracts(deployment, chain);
    let found = contracts.institution_by_account(account.address()).await.with_context(|| {
        format!(
            "ask the registrar for the institution of account {}: has the consortium admitted it?",
            account.address()
        )
    })?;
    if found.status != InstitutionStatus::Active {
        anyhow::bail!("institution {} was expelled", found.id);
    }
    for (name, ours, theirs) in [
        ("signing key", keystore.signing_key().verifying_key().to_bytes(), &found.signing_key),
        ("log key", keystore.log_key().verifying_key().to_bytes(), &found.log_key),
    ] {
        if ours[..] != theirs[..] {
            anyhow::bail!("the registrar has another {name} for institution {} than this keystore", found.id);
        }
    }
    Ok(found)
}

fn contracts<'a>(deployment: &'a Deployment, chain: &'a dyn Chain) -> Contracts<'a> {
    Contracts {
        chain,
        registrar: &deployment.contracts.registrar.address,
        relationship: &deployment.contracts.relationship.address,
        authlog: &deployment.contracts.authlog.address,
    }
}

/// Opens everything, refuses what does not fit together, and wires the tasks.
pub async fn prepare(config: &Config, keystore: Keystore) -> anyhow::Result<App> {
    let around = look_around(config, &keystore).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Arc::new(Store::open(&config.store, &keystore.store_key()).await?);
    let identity = around.identity;
    store
        .bind(&[
            ("chain_id", &identity.contract.chain_id),
            ("relationship_contract", &identity.contract.address),
            ("log_origin", &identity.log_origin),
        ])
        .await?;
    let signer = Arc::new(LogSigner::new(&identity.log_origin, &keystore.log_key().to_bytes())?);
    let health = Health::new(clock.clone(), config.chain.max_staleness);
    let (sending, filing) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let keystore = Arc::new(keystore);
    let anchoring = Anchoring {
        store: store.clone(),
        chain: around.chain.clone(),
        contracts: around.deployment.contracts.clone(),
        institution: identity.institution,
        signer: signer.clone(),
        tick: Duration::from_secs(config.anchor.tick),
        wake: sending.clone(),
        health: health.clone(),
    };
    anchoring.check().await?;
    let definitions = adapter::definitions(around.adapter.scopes());
    if scopes::publish(&store, &identity.log_origin, clock.now(), &definitions).await? {
        tracing::info!(scopes = definitions.len(), "scope definitions written to the log");
    }

    let filer = Filer {
        store: store.clone(),
        adapter: around.adapter.clone(),
        identity: identity.clone(),
        clock: clock.clone(),
    };
    let (handle, jobs) = gatekeeper::channel();
    let committer = Committer {
        store: store.clone(),
        contract: identity.contract.clone(),
        keys: Keys { signing: keystore.signing_key(), log: signer.clone() },
        clock: clock.clone(),
        budget: Budget::new(config.limits.refusals_per_relationship, config.limits.refusals_total),
    };
    let gatekeeper = Arc::new(Gatekeeper {
        filer: filer.clone(),
        audience: Audience { public_url: config.public_url.clone(), contract: identity.contract.clone() },
        health: health.clone(),
        clock: clock.clone(),
        commit: handle,
        permits: Semaphore::new(config.limits.concurrency),
        timeout: Duration::from_secs(config.limits.timeout),
        refusal_floor: Duration::from_millis(config.limits.refusal_floor_ms),
    });
    let office = Arc::new(staff::Office {
        store: store.clone(),
        chain: around.chain.clone(),
        adapter: around.adapter,
        identity: identity.clone(),
        keystore: keystore.clone(),
        clock,
        health: health.clone(),
        wake: sending.clone(),
        token: token(&config.staff_token)?,
        turn: tokio::sync::Mutex::new(()),
    });
    let sender = Sender::new(
        store.clone(),
        around.chain.clone(),
        keystore,
        ChainParameters {
            chain_id: around.deployment.chain_id.clone(),
            gas_price: around.deployment.gas_price.parse()?,
        },
        config.chain.timeout_blocks,
        sending,
    );
    let ingest = Ingest {
        store: store.clone(),
        chain: around.chain,
        identity,
        health: health.clone(),
        filing: filing.clone(),
        poll: Duration::from_millis(config.chain.poll_ms),
    };
    let filing_task =
        FilingTask { filer, wake: filing, poll: Duration::from_secs(config.database.poll_seconds), health };

    let public = listen(config.listen.public).await?;
    let private = listen(config.listen.private).await?;
    let (public_address, private_address) = (public.local_addr()?, private.local_addr()?);
    let public_routes =
        gatekeeper::router(gatekeeper).merge(serve::router(serve::Log { store: store.clone(), signer }));

    let stop = CancellationToken::new();
    let mut tasks = TaskGroup::new(stop.clone());
    tasks.spawn("signals", signals(stop.clone()));
    tasks.spawn("sender", {
        let stop = stop.clone();
        async move { Ok(sender.run(stop).await?) }
    });
    tasks.spawn("ingest", {
        let stop = stop.clone();
        async move { Ok(ingest.run(stop).await?) }
    });
    tasks.spawn("filing", {
        let stop = stop.clone();
        async move { Ok(filing_task.run(stop).await?) }
    });
    tasks.spawn("anchoring", {
        let stop = stop.clone();
        async move { Ok(anchoring.run(stop).await?) }
    });
    // Ends when the public listener is done with its last request.
    tasks.spawn("committer", async move { Ok(committer.run(jobs).await?) });
    tasks.spawn("public listener", serve_until(public, public_routes, stop.clone()));
    tasks.spawn("private listener", serve_until(private, staff::router(office), stop.clone()));
    Ok(App { store, tasks, stop, public: public_address, private: private_address })
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

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}: is another program there?"))
}

async fn serve_until(listener: TcpListener, routes: Router, stop: CancellationToken) -> anyhow::Result<()> {
    let server = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
    Ok(server.into_future().await?)
}

/// SIGTERM and SIGINT ask for an end in order.
async fn signals(stop: CancellationToken) -> anyhow::Result<()> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => tracing::info!("SIGTERM"),
        _ = interrupt.recv() => tracing::info!("SIGINT"),
        () = stop.cancelled() => {}
    }
    stop.cancel();
    Ok(())
}

/// First line of the staff token's file.
pub fn token(path: &Path) -> anyhow::Result<SecretString> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("read the staff token {}", path.display()))?;
    let token = text.lines().next().unwrap_or_default();
    anyhow::ensure!(token.len() >= 32, "the staff token in {} is shorter than 32 characters", path.display());
    Ok(SecretString::from(token))
}
