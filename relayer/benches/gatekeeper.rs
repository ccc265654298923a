//! Authorised sealed reads over HTTP on loopback, beside the same query through the same server without MedRec, and
//! what each part of the way costs.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    dead_code,
    reason = "bench code"
)]

#[path = "../tests/all/contract.rs"]
mod contract;
#[path = "../../e2e/src/report.rs"]
mod report;
#[path = "../tests/all/script.rs"]
mod script;
#[path = "../tests/all/world.rs"]
mod world;

use std::{
    io::Write as _,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::Path, routing::get};
use medrec_api::GrantKind;
use medrec_gate::{Answer, Asked as Expected, Audience, Incoming, answer, check, verify};
use medrec_relayer::{config::Limits, gatekeeper::listen};
use medrec_wallet::{Key, SecretKey};
use rand_core::OsRng;
use report::{Report, Row};
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use script::GENESIS;
use world::{Asked, URL, World, key};

const CONNECTIONS: usize = 64;
const RELATIONSHIPS: u32 = 64;
/// Records of a read.
const ROWS: u32 = 4;
/// Reads a second that are asked for in the paced pass.
const RATE: f64 = 1_500.0;
/// Requests of a pass, for each connection.
const REQUESTS: usize = 80;
const SQL: &str = "SELECT id, code, value, unit, changed FROM labs WHERE patient = ? ORDER BY id";

/// A request ready to be sent.
type Wire = Arc<[u8]>;

/// Who reads what.
struct Reader {
    relationship: u64,
    viewer: Key,
    patient: String,
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> anyhow::Result<()> {
    let limits = Limits {
        concurrency: 256,
        requests_per_signer: 0,
        requests_per_peer: 0,
        refusal_floor_ms: 0,
        ..Limits::default()
    };
    let mut world = World::with_limits(limits).await;
    let readers = populate(&mut world).await;
    let stop = CancellationToken::new();
    tokio::spawn(medrec_relayer::store::checkpoint::run(world.store.clone(), stop.clone()));
    let medrec = serve(world.routes.clone(), &stop).await;
    let bare = serve(baseline(&world).await, &stop).await;

    let first = one(&world, &readers[0], medrec).await;
    let plain: Vec<Vec<Wire>> = (0..CONNECTIONS)
        .map(|n| {
            let patient = &readers[n % readers.len()].patient;
            let get = format!("GET /baseline/{patient} HTTP/1.1\r\nhost: x\r\n\r\n");
            vec![Arc::from(get.into_bytes()); REQUESTS]
        })
        .collect();
    run(medrec, signed(&world, &readers), None).await;
    run(bare, plain.clone(), None).await;
    let flat_out = run(medrec, signed(&world, &readers), None).await;
    let bare_flat_out = run(bare, plain.clone(), None).await;
    let paced = run(medrec, signed(&world, &readers), Some(RATE)).await;
    let bare_paced = run(bare, plain, Some(RATE)).await;
    let pieces = pieces(&world, &readers[0], &first).await;
    stop.cancel();

    let per_read = flat_out.took.as_secs_f64() * 1e6 / flat_out.latencies.len() as f64;
    let bare_per_read = bare_flat_out.took.as_secs_f64() * 1e6 / bare_flat_out.latencies.len() as f64;
    let ms = |time: Duration| (time.as_secs_f64() * 1e5).round() / 100.0;
    let added = ms(paced.percentile(95)) - ms(bare_paced.percentile(95));
    let mut rows = vec![
        Row::new(
            "time a read, as fast as it goes",
            per_read.round(),
            "µs",
            Some(1e6 / RATE),
            format!(
                "{:.0}/s; {:.0} µs of processor, load generator included",
                1e6 / per_read,
                flat_out.processor.as_secs_f64() * 1e6 / flat_out.latencies.len() as f64
            ),
        ),
        Row::new(
            "the same query without MedRec",
            bare_per_read.round(),
            "µs",
            None,
            format!("{:.0}/s", 1e6 / bare_per_read),
        ),
        Row::new(
            "p50 at 1,500/s asked for",
            ms(paced.percentile(50)),
            "ms",
            None,
            format!("{:.0}/s answered", paced.rate()),
        ),
        Row::new("p95 at 1,500/s asked for", ms(paced.percentile(95)), "ms", None, String::new()),
        Row::new(
            "p95 without MedRec",
            ms(bare_paced.percentile(95)),
            "ms",
            None,
            format!("{:.0}/s answered", bare_paced.rate()),
        ),
        Row::new("p95 added", (added * 100.0).round() / 100.0, "ms", Some(10.0), String::new()),
    ];
    rows.extend(pieces.into_iter().map(|(name, time)| {
        Row::new(name, (time.as_secs_f64() * 1e7).round() / 10.0, "µs", None, "one after the other")
    }));
    Report {
        setup: format!(
            "{CONNECTIONS} connections, {RELATIONSHIPS} relationships, {ROWS} records a read, SQLite on both sides, \
             {} reads in the store before; requests signed beforehand, the load generator on the same machine.{}",
            CONNECTIONS * REQUESTS * 2,
            if cfg!(debug_assertions) { " DEV PROFILE." } else { "" },
        ),
        timer: "from the first byte sent to the last received; paced: from the moment the request was due, whether or \
                not its connection was free. Verification, decision, query, commitments, entry, sync, proofs, \
                signatures and sealing are inside"
            .into(),
        rows,
    }
    .hand_over()
}

/// Patients with rows, relationships and a viewer each.
async fn populate(world: &mut World) -> Vec<Reader> {
    let mut readers = vec![];
    for n in 0..RELATIONSHIPS {
        let patient = format!("MRN-{n:06}");
        sqlx::query("INSERT INTO people VALUES (?, 'Somebody')")
            .bind(&patient)
            .execute(&mut world.hospital)
            .await
            .unwrap();
        for row in 0..ROWS {
            sqlx::query("INSERT INTO labs VALUES (?, ?, '718-7', '13.20', 'g/dL', 'monday')")
                .bind(format!("{patient}-{row}"))
                .bind(&patient)
                .execute(&mut world.hospital)
                .await
                .unwrap();
        }
        let relationship = u64::from(n) + 100;
        let mut opened = world.relationship(&patient, &key(n), relationship).await;
        let viewer = key(10_000 + n);
        world
            .grant(
                &mut opened,
                viewer.address(),
                GrantKind::Read,
                &["labs"],
                GENESIS..GENESIS + 1_000_000_000,
            )
            .await;
        readers.push(Reader { relationship, viewer, patient });
    }
    readers
}

async fn serve(routes: Router, stop: &CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bounds = listen::Bounds { read_timeout: Duration::from_secs(30), connections: 256 };
    tokio::spawn(listen::serve(listener, routes, None, bounds, stop.clone()));
    address
}

/// The query through the same server, and nothing else.
async fn baseline(world: &World) -> Router {
    let options =
        SqliteConnectOptions::new().filename(world.dir.path().join("hospital.sqlite")).read_only(true);
    let pool: SqlitePool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
    let handler = move |Path(patient): Path<String>| {
        let pool = pool.clone();
        async move {
            let rows = sqlx::query(SQL).bind(patient).fetch_all(&pool).await.unwrap();
            let texts =
                |row: &sqlx::sqlite::SqliteRow| (0..5).map(|n| row.get::<String, _>(n)).collect::<Vec<_>>();
            Json(rows.iter().map(texts).collect::<Vec<_>>())
        }
    };
    Router::new().route("/baseline/{patient}", get(handler))
}

fn wire(signed: &medrec_gate::Signed, path: &str, body: &[u8]) -> Wire {
    let mut bytes = Vec::with_capacity(2048);
    write!(bytes, "{} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", signed.method, body.len())
        .unwrap();
    for (name, value) in &signed.headers {
        write!(bytes, "{name}: {value}\r\n").unwrap();
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes.into()
}

/// Fresh requests for every connection.
fn signed(world: &World, readers: &[Reader]) -> Vec<Vec<Wire>> {
    (0..CONNECTIONS)
        .map(|n| {
            let reader = &readers[n % readers.len()];
            let asked = Asked::read(reader.relationship, "labs", None);
            let path = asked.endpoint.to_string();
            let sign = |_| wire(&world.draft(&reader.viewer, &asked).0, &path, &asked.body);
            (0..REQUESTS).map(sign).collect()
        })
        .collect()
}

/// One read, checked as the viewer's software does: what is measured is right.
async fn one(world: &World, reader: &Reader, address: SocketAddr) -> (Answer, SecretKey) {
    let asked = Asked::read(reader.relationship, "labs", None);
    let (signed, reply) = world.draft(&reader.viewer, &asked);
    let mut connection = Connection::open(address).await;
    let body = connection.ask(&wire(&signed, &asked.endpoint.to_string(), &asked.body)).await;
    let answer: Answer = answer::open(&reply, &signed.hash, &body).unwrap();
    let expected = Expected {
        contract: &world.identity.contract,
        institution: &world.institution(),
        request: &signed.hash,
        relationship: reader.relationship,
        scope: "labs",
        purpose: "treatment",
        requester: reader.viewer.address(),
    };
    assert_eq!(check::check(&answer, &expected).findings, []);
    assert_eq!(answer.records.len(), ROWS as usize);
    (answer, reply)
}

/// HTTP/1.1 with as little work as there can be.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(1 << 16) }
    }

    async fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        self.stream.write_all(request).await.unwrap();
        self.buffer.clear();
        loop {
            assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "hung up");
            let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&self.buffer[..end]).unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let total = end + 4 + length.parse::<usize>().unwrap();
            while self.buffer.len() < total {
                assert!(self.stream.read_buf(&mut self.buffer).await.unwrap() > 0, "hung up");
            }
            return self.buffer[end + 4..total].to_vec();
        }
    }
}

struct Pass {
    took: Duration,
    /// Of this process, server and load generator together.
    processor: Duration,
    latencies: Vec<Duration>,
}

impl Pass {
    fn percentile(&self, percent: usize) -> Duration {
        self.latencies[(self.latencies.len() * percent / 100).min(self.latencies.len() - 1)]
    }

    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }
}

/// Processor time of this process so far, in the kernel's ticks of 10 ms: user and system (proc(5), fields 14, 15).
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    Duration::from_millis(fields.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum())
}

/// Every connection sends its requests, one after the other, or each when it is due.
async fn run(address: SocketAddr, requests: Vec<Vec<Wire>>, rate: Option<f64>) -> Pass {
    let count = requests.len();
    let (start, used) = (Instant::now() + Duration::from_millis(50), processor());
    let mut tasks = vec![];
    for (number, requests) in requests.into_iter().enumerate() {
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address).await;
            let mut latencies = Vec::with_capacity(requests.len());
            tokio::time::sleep_until(start.into()).await;
            for (turn, request) in requests.iter().enumerate() {
                let due =
                    rate.map(|rate| start + Duration::from_secs_f64((turn * count + number) as f64 / rate));
                if let Some(due) = due {
                    tokio::time::sleep_until(due.into()).await;
                }
                let begun = due.unwrap_or_else(Instant::now);
                connection.ask(request).await;
                latencies.push(begun.elapsed());
            }
            latencies
        }));
    }
    let mut latencies = vec![];
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let (took, processor) = (start.elapsed(), processor().saturating_sub(used));
    latencies.sort_unstable();
    Pass { took, processor, latencies }
}

/// What the parts of a read cost on their own.
async fn pieces(
    world: &World,
    reader: &Reader,
    (first, reply): &(Answer, SecretKey),
) -> Vec<(&'static str, Duration)> {
    const TIMES: u32 = 200;
    let audience = Audience { public_url: URL.into(), contract: world.identity.contract.clone() };
    let asked = Asked::read(reader.relationship, "labs", None);
    let (signed, _) = world.draft(&reader.viewer, &asked);
    let path = asked.endpoint.to_string();
    let headers: Vec<(&str, &[u8])> = signed.headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    let incoming =
        Incoming { method: signed.method, path_and_query: &path, headers: &headers, body: &asked.body };
    let now = medrec_relayer::clock::Clock::now(&world.clock);
    let begun = Instant::now();
    for _ in 0..TIMES {
        verify::verify(&incoming, &audience, now).unwrap();
    }
    let verified = begun.elapsed() / TIMES;
    let scope = world.filer.adapter.scope("labs").unwrap();
    let begun = Instant::now();
    for _ in 0..TIMES {
        world.filer.adapter.read(scope, &reader.patient).await.unwrap();
    }
    let queried = begun.elapsed() / TIMES;
    let begun = Instant::now();
    for _ in 0..TIMES {
        world.filer.bring_up_to_date(reader.relationship, scope, &reader.patient).await.unwrap();
    }
    let compared = (begun.elapsed() / TIMES).saturating_sub(queried);
    let public = reply.public().unwrap();
    let begun = Instant::now();
    for _ in 0..TIMES {
        answer::seal(&mut OsRng, &public, &signed.hash, first).unwrap();
    }
    let sealed = begun.elapsed() / TIMES;
    let file = std::fs::File::create(world.dir.path().join("sync")).unwrap();
    let begun = Instant::now();
    for _ in 0..TIMES / 4 {
        (&file).write_all(&[0; 32 * 1024]).unwrap();
        file.sync_data().unwrap();
    }
    let synced = begun.elapsed() / (TIMES / 4);
    vec![
        ("verifying a request", verified),
        ("reading the rows", queried),
        ("comparing them with what is filed", compared),
        ("writing and sealing an answer", sealed),
        ("one sync of 32 KiB on this disk", synced),
    ]
}
