//! The public listener on a real socket: TLS, and clients that take their time.

use std::{net::SocketAddr, time::Duration};

use medrec_gate::Problem;
use medrec_relayer::{config::Limits, gatekeeper::listen};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::world::{World, limits};

const PATIENCE: Duration = Duration::from_millis(300);
const PLACES: usize = 4;

/// Serves a world's routes.
async fn serve(
    world: &World,
    tls: Option<(&std::path::Path, &std::path::Path)>,
) -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let tls = tls.map(|(certificate, key)| listen::tls(certificate, key).unwrap());
    let bounds = listen::Bounds { read_timeout: PATIENCE, connections: PLACES };
    tokio::spawn(listen::serve(listener, world.routes.clone(), tls, bounds, stop.clone()));
    (address, stop)
}

/// What the server says to these bytes until it hangs up.
async fn said(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A connection that is cut is an answer too.
    let _ = stream.write_all(bytes).await;
    let mut answer = vec![];
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer));
    let _ = read.await.expect("the server hangs up in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_by_an_own_certificate() {
    let world = World::new().await;
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (world.dir.path().join("cert.pem"), world.dir.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (address, stop) = serve(&world, Some((&certificate, &key))).await;
    let url = format!("https://localhost:{}/v1/openapi.json", address.port());
    let trusting = |root: Option<&str>| {
        let mut client = reqwest_tls::Client::builder().no_proxy().resolve("localhost", address);
        if let Some(root) = root {
            client =
                client.add_root_certificate(reqwest_tls::Certificate::from_pem(root.as_bytes()).unwrap());
        }
        client.build().unwrap()
    };
    let response = trusting(Some(&made.cert.pem())).get(&url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().contains("/v1/relationships/{id}/read"));
    assert!(trusting(None).get(&url).send().await.is_err(), "nobody trusts it unasked");
    assert!(!said(address, b"GET /v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n").await.contains("200 OK"));
    stop.cancel();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&key, other.signing_key.serialize_pem()).unwrap();
    let refused = listen::tls(&certificate, &key).err().unwrap().to_string();
    assert!(refused.contains("do not belong together"), "{refused}");
    assert!(listen::tls(&key, &key).is_err() && listen::tls(&certificate, &certificate).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_swollen_requests_are_cut_off() {
    let world = World::with_limits(Limits { read_timeout: 1, ..limits() }).await;
    let (address, stop) = serve(&world, None).await;
    let size = world.log_size().await;
    let begun = "POST /v1/relationships/5/read HTTP/1.1\r\nhost: x\r\n";
    assert!(!said(address, b"").await.contains("200"), "silence");
    assert!(!said(address, begun.as_bytes()).await.contains("200"), "half a head");
    let many: String = (0..100).map(|n| format!("x-{n}: y\r\n")).collect();
    let answer = said(address, format!("{begun}{many}\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let long = format!("{begun}x: {}\r\n\r\n", "y".repeat(64 * 1024));
    let answer = said(address, long.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    for (what, head) in [
        ("white space before the colon", "medrec-chain : x\r\n\r\n"),
        ("a folded header", "medrec-chain: x\r\n y\r\n\r\n"),
        ("a bare CR", "medrec-chain: x\rmedrec-chain: y\r\n\r\n"),
        ("two lengths", "content-length: 1\r\ncontent-length: 2\r\n\r\nxx"),
        ("an unknown coding", "transfer-encoding: x\r\n\r\n"),
    ] {
        let answer = said(address, format!("{begun}{head}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{what}: {answer}");
    }
    assert!(!said(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.contains("200"), "HTTP/2");
    // The head comes at once, the body never.
    let answer =
        said(address, format!("{begun}connection: close\r\ncontent-length: 9\r\n\r\n{{").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("application/problem+json"), "{answer}");
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    assert_eq!(Problem::parse(body.as_bytes()).unwrap().reason.code(), "malformed");
    assert_eq!(world.log_size().await, size);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_places_are_hung_up_on_until_one_is_free() {
    const ASK: &[u8] = b"GET /v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n";
    let world = World::new().await;
    let (address, stop) = serve(&world, None).await;
    let mut open = vec![];
    for _ in 0..PLACES {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(ASK).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        open.push(stream);
    }
    assert_eq!(said(address, ASK).await, "", "no place, no word");
    open.pop();
    let free = async { while !said_once(address, ASK).await.starts_with("HTTP/1.1 200") {} };
    tokio::time::timeout(Duration::from_secs(20), free).await.expect("a place is free again");
    stop.cancel();
}

/// The first bytes the server says to these; nothing if it hangs up.
async fn said_once(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = vec![0; 64];
    let read = async {
        stream.write_all(bytes).await?;
        stream.read(&mut answer).await
    };
    let read = read.await.unwrap_or(0);
    String::from_utf8_lossy(&answer[..read]).into_owned()
}
