//! The public listener: TLS by an own certificate, or plain HTTP on loopback; HTTP/1 only, and nobody takes his time.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use axum_server::{
    Handle, Server,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::places::Places;

/// Headers of a request; ours have eleven, a proxy adds some.
const MAX_HEADERS: usize = 64;
/// Bytes of a request's head: hyper's least is 8 KiB.
const MAX_HEAD: usize = 16 * 1024;
/// What was begun may take so long once an end was asked for; longer than any request.
const GRACE: Duration = Duration::from_secs(60);

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// For the head of a request, and for a handshake.
    pub read_timeout: Duration,
    /// Open at the same time.
    pub connections: usize,
}

/// Certificate chain and key of the public listener.
pub fn tls(certificate: &Path, key: &Path) -> anyhow::Result<RustlsConfig> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("read listen.certificate {} (PEM)", certificate.display()))?;
    anyhow::ensure!(!chain.is_empty(), "listen.certificate {} holds no certificate", certificate.display());
    let secret = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("read listen.key {} (PEM)", key.display()))?;
    // The provider is named here: nothing depends on which one a library would install for the process.
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .context("listen.certificate and listen.key do not belong together")?;
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// Serves until `stop`, then answers what was begun.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    tls: Option<RustlsConfig>,
    bounds: Bounds,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Bounds { read_timeout, connections } = bounds;
    let places = Places::new(connections);
    let handle = Handle::new();
    let ending = tokio::spawn({
        let handle = handle.clone();
        async move {
            stop.cancelled_owned().await;
            handle.graceful_shutdown(Some(GRACE));
        }
    });
    let mut server = Server::<SocketAddr>::from_listener(listener)
        .handle(handle)
        .http1_only()
        .first_request_timeout(read_timeout);
    server
        .http_builder()
        .http1()
        .header_read_timeout(read_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD);
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    let served = match tls {
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls).handshake_timeout(read_timeout).acceptor(places);
            server.acceptor(acceptor).serve(service).await
        }
        None => server.acceptor(places).serve(service).await,
    };
    ending.abort();
    Ok(served?)
}
