//! The two listeners, and the signals that end them.

use std::{future::IntoFuture, net::SocketAddr};

use anyhow::Context as _;
use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}: is another program there?"))
}

/// Answers what was begun before it ends.
pub async fn serve_until(
    listener: TcpListener,
    routes: Router,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let server = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
    Ok(server.into_future().await?)
}

/// SIGTERM and SIGINT ask for an end in order.
pub async fn signals(stop: CancellationToken) -> anyhow::Result<()> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => tracing::info!("SIGTERM"),
        _ = interrupt.recv() => tracing::info!("SIGINT"),
        () = stop.cancelled() => {}
    }
    stop.cancel();
    Ok(())
}
