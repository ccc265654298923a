//! One function a subsystem: it makes the subsystem from the shared parts and spawns its tasks or gives its routes.

use std::{sync::Arc, time::Duration};

use axum::Router;
use tokio::net::TcpListener;

use super::{Parts, token};
use crate::{
    adapter,
    chain::sender::Sender,
    desk::{Bounty, Desk, office::ResearchOffice},
    filing::FilingTask,
    gatekeeper::{self, Gatekeeper, Keys, listen},
    ingest::{Ingest, Reconcile, Source},
    log::{anchor::Anchoring, scopes as scope_entries, serve},
    mirror::{self, Cosigning, Mirroring, Mirrors},
    ops::{metered, staff},
    store::checkpoint,
    task::TaskGroup,
};

/// Keeps the store's write-ahead log short.
pub fn checkpoints(parts: &Parts<'_>, tasks: &mut TaskGroup) {
    let (store, stop) = (parts.store.clone(), tasks.stop());
    tasks.spawn("checkpoints", async move {
        checkpoint::run(store, stop).await;
        Ok(())
    });
}

/// Refuses a store whose log is not whole or not the anchored one, then anchors on every tick.
pub async fn anchoring(parts: &Parts<'_>, tasks: &mut TaskGroup) -> anyhow::Result<()> {
    let anchoring = Anchoring {
        store: parts.store.clone(),
        chain: parts.chain.clone(),
        contracts: parts.deployment.contracts.clone(),
        institution: parts.identity.institution,
        signer: parts.signer.clone(),
        tick: Duration::from_secs(parts.config.anchor.tick),
        pace: parts.pace.clone(),
        clock: parts.clock.clone(),
        wake: parts.sending.clone(),
        health: parts.health.clone(),
    };
    anchoring.check().await?;
    let stop = tasks.stop();
    tasks.spawn("anchoring", async move { Ok(anchoring.run(stop).await?) });
    Ok(())
}

/// Writes the scope definitions in force to the log, if they are others than before.
pub async fn scopes(parts: &Parts<'_>) -> anyhow::Result<()> {
    let definitions = adapter::definitions(parts.adapter.scopes());
    let origin = &parts.identity.log_origin;
    if scope_entries::publish(&parts.store, origin, parts.clock.now(), &definitions).await? {
        tracing::info!(scopes = definitions.len(), "scope definitions written to the log");
    }
    Ok(())
}

/// Sends what is queued.
pub fn sender(parts: &Parts<'_>, tasks: &mut TaskGroup) {
    let sender = Sender::new(
        parts.store.clone(),
        parts.chain.clone(),
        parts.keystore.clone(),
        parts.parameters.clone(),
        parts.config.chain.timeout_blocks,
        parts.sending.clone(),
    );
    let stop = tasks.stop();
    tasks.spawn("sender", async move { Ok(sender.run(stop).await?) });
}

/// Follows the chain.
pub fn ingest(parts: &Parts<'_>, tasks: &mut TaskGroup) {
    let ingest = Ingest {
        store: parts.store.clone(),
        source: source(parts),
        health: parts.health.clone(),
        filing: parts.filing.clone(),
        research: parts.research.clone(),
        poll: Duration::from_millis(parts.config.chain.poll_ms),
    };
    let stop = tasks.stop();
    tasks.spawn("ingest", async move { Ok(ingest.run(stop).await?) });
}

/// Compares the projection with the contracts' state at a slow pace.
pub fn reconcile(parts: &Parts<'_>, tasks: &mut TaskGroup) {
    let reconcile = Reconcile {
        store: parts.store.clone(),
        source: source(parts),
        health: parts.health.clone(),
        filing: parts.filing.clone(),
        pace: Duration::from_secs(parts.config.chain.reconcile_seconds),
    };
    let stop = tasks.stop();
    tasks.spawn("reconcile", async move { Ok(reconcile.run(stop).await?) });
}

fn source(parts: &Parts<'_>) -> Source {
    Source { chain: parts.chain.clone(), identity: parts.identity.clone() }
}

/// Files what was accepted and what changed.
pub fn filing(parts: &Parts<'_>, tasks: &mut TaskGroup) {
    let task = FilingTask {
        filer: parts.filer.clone(),
        wake: parts.filing.clone(),
        poll: Duration::from_secs(parts.config.database.poll_seconds),
        reread: parts.config.database.reread_seconds,
        pace: parts.pace.clone(),
        health: parts.health.clone(),
    };
    let stop = tasks.stop();
    tasks.spawn("filing", async move { Ok(task.run(stop).await?) });
}

/// Answers the questions of research, if it is enabled.
pub fn desk(parts: &Parts<'_>, tasks: &mut TaskGroup) {
    if !parts.config.research.enabled {
        return;
    }
    let desk = Desk {
        store: parts.store.clone(),
        adapter: parts.adapter.clone(),
        clock: parts.clock.clone(),
        bounty: bounty(parts),
        chain_id: parts.deployment.chain_id.clone(),
        signing: parts.keystore.signing_key(),
        settings: parts.config.research.clone(),
        metrics: parts.health.metrics.clone(),
        sending: parts.sending.clone(),
    };
    let (wake, stop) = (parts.research.clone(), tasks.stop());
    tasks.spawn("research desk", async move { Ok(desk.run(wake, stop).await?) });
}

fn bounty(parts: &Parts<'_>) -> Bounty {
    Bounty {
        chain: parts.chain.clone(),
        address: parts.identity.bounty.clone(),
        registrar: parts.identity.registrar.clone(),
        institution: parts.identity.institution,
    }
}

/// Answers signed requests. Its tasks end when the public listener is done with its last request.
pub async fn gatekeeper(parts: &Parts<'_>, tasks: &mut TaskGroup) -> anyhow::Result<Router> {
    let (gatekeeper, answering) = Gatekeeper::open(gatekeeper::Parts {
        filer: parts.filer.clone(),
        public_url: parts.config.public_url.clone(),
        keys: Keys { signing: parts.keystore.signing_key(), log: parts.signer.clone() },
        health: parts.health.clone(),
        limits: &parts.config.limits,
        promise: parts.config.anchor.promise,
        stop: tasks.stop(),
    })
    .await?;
    tasks.spawn("gatekeeper", async move { Ok(answering.run().await?) });
    Ok(metered::routes(gatekeeper::router(gatekeeper), parts.health.metrics.clone()))
}

/// The public listener: by TLS where a certificate is named.
pub fn public(
    parts: &Parts<'_>,
    tasks: &mut TaskGroup,
    listener: TcpListener,
    routes: Router,
) -> anyhow::Result<()> {
    let listen = &parts.config.listen;
    let tls = match (&listen.certificate, &listen.key) {
        (Some(certificate), Some(key)) => Some(listen::tls(certificate, key)?),
        _ => None,
    };
    let limits = &parts.config.limits;
    let bounds = listen::Bounds {
        read_timeout: Duration::from_secs(limits.read_timeout),
        connections: limits.connections,
    };
    let stop = tasks.stop();
    tasks.spawn("public listener", listen::serve(listener, routes, tls, bounds, stop));
    Ok(())
}

/// The access log for everybody.
pub fn log_routes(parts: &Parts<'_>) -> Router {
    serve::router(serve::Log { store: parts.store.clone(), signer: parts.signer.clone() })
}

/// Copies the other institutions' logs, and gives the copies to everybody; those made before also if it copies no more.
pub fn mirrors(parts: &Parts<'_>, tasks: &mut TaskGroup) -> Router {
    let settings = &parts.config.mirror;
    let mirrors = Mirrors::new(parts.store.clone(), &settings.folder);
    if settings.enabled {
        let mut mirroring = Mirroring::new(
            mirrors.clone(),
            parts.chain.clone(),
            parts.deployment.contracts.clone(),
            parts.identity.institution,
            settings.clone(),
            parts.clock.clone(),
            parts.health.clone(),
        );
        mirroring.cosigning = Some(Cosigning::new(
            parts.store.clone(),
            (parts.deployment.contracts.authlog.address.clone(), parts.identity.institution),
            parts.signer.clone(),
            settings.cosign_seconds,
            parts.clock.clone(),
            parts.sending.clone(),
        ));
        let stop = tasks.stop();
        tasks.spawn("mirroring", async move { Ok(mirroring.run(stop).await?) });
    }
    mirror::router(mirrors)
}

/// The private listener.
pub fn office(parts: &Parts<'_>) -> anyhow::Result<Router> {
    let office = staff::Office {
        store: parts.store.clone(),
        chain: parts.chain.clone(),
        adapter: parts.adapter.clone(),
        identity: parts.identity.clone(),
        keystore: parts.keystore.clone(),
        clock: parts.clock.clone(),
        health: parts.health.clone(),
        wake: parts.sending.clone(),
        turn: tokio::sync::Mutex::new(()),
    };
    let research = ResearchOffice {
        store: parts.store.clone(),
        bounty: bounty(parts),
        clock: parts.clock.clone(),
        sending: parts.sending.clone(),
    };
    let config = parts.config;
    let tokens = staff::Tokens::new(token(&config.staff_token)?, token(&config.research_token)?);
    Ok(staff::router(Arc::new(office), Arc::new(research), &tokens))
}
