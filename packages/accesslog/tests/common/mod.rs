#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]
#![allow(dead_code, reason = "each test binary uses its part")]

use medrec_accesslog::{
    Body, Counted, Entry, Explained, Filed, LogSigner, LogWriter, Marking, Place, Ratchet, Read, Refused,
    Removed, RevokeReceived, Root, SignedCheckpoint, TileMap, TilePath, VerifyError, bundle_paths,
    encode_bundle, mirror::Fetch,
};
use proptest::prelude::*;

pub const ORIGIN: &str = "log.north.example/medrec";

pub fn place(relationship: u64) -> Place<'static> {
    Place { chain_id: "medrec-local-1", contract: "medrec1contract", relationship, log_origin: ORIGIN }
}

pub fn root() -> Root {
    Root::from_parts(&[0x11; 32], &[0x22; 32])
}

pub fn ratchet(relationship: u64) -> Ratchet {
    root().ratchet(&place(relationship))
}

pub fn signer() -> LogSigner {
    LogSigner::new(ORIGIN, &[0x33; 32]).unwrap()
}

pub fn filed() -> Filed {
    Filed {
        at: 1_790_000_000,
        record_id: std::array::from_fn(|i| 0xa0 + i as u8),
        version: 2,
        resource_type: "Observation".into(),
        scope: "labs".into(),
        scope_hash: [0x5c; 32],
        explained: Explained::Unexplained,
    }
}

pub fn read() -> Read {
    Read {
        at: 1_790_000_100,
        height: 4242,
        request: [0x0e; 32],
        grant: Some(3),
        requester: "medrec1viewer".into(),
        scope: "labs".into(),
        purpose: "treatment".into(),
        card: Some([0xca; 32]),
        viewer_name: "Dr. Øster".into(),
        viewer_role: "cardiology".into(),
        viewer_institution: 2,
        record_count: 5,
        manifest: [0x3a; 32],
    }
}

pub fn refused() -> Refused {
    Refused {
        at: 1_790_000_200,
        height: 4243,
        request: [0x0f; 32],
        requester: "medrec1viewer".into(),
        scope: "notes".into(),
        purpose: "research".into(),
        reason: "purpose".into(),
    }
}

pub fn removed() -> Removed {
    Removed {
        at: 1_790_000_400,
        record_id: filed().record_id,
        version: 3,
        scope: "labs".into(),
        scope_hash: [0x5c; 32],
        explained: false,
    }
}

pub fn marking() -> Marking {
    Marking {
        at: 1_790_000_500,
        height: 4245,
        request: [0x1f; 32],
        requester: "medrec1patient".into(),
        record_id: filed().record_id,
        version: 2,
    }
}

pub fn revoke_received() -> RevokeReceived {
    let (at, height, request) = (1_790_000_600, 4246, [0x2f; 32]);
    RevokeReceived { at, height, request, requester: "medrec1patient".into(), grant: 3 }
}

/// One of each kind that is sealed and files nothing.
pub fn bodies() -> Vec<Body> {
    let (at, height, grant) = (1_790_000_300, 4244, 3);
    vec![
        Body::Read(read()),
        Body::Read(Read {
            grant: None,
            card: None,
            viewer_name: String::new(),
            viewer_role: String::new(),
            viewer_institution: 0,
            ..read()
        }),
        Body::Refused(refused()),
        Body::Opened { at, height },
        Body::GrantSeen { at, height, grant },
        Body::RevokeSeen { at, height, grant },
        Body::Closed { at, height },
        Body::Removed(removed()),
        Body::RevokeReceived(revoke_received()),
        Body::Acknowledged(marking()),
        Body::Disputed { marking: marking(), note: "not my blood: mixed up, I was in Ærø".into() },
        Body::Counted(Counted { at, height, question: [0x9e; 32], category: "laboratory".into() }),
    ]
}

/// A log of `size` entries in which relationships 1 to 3 take turns.
pub fn entries(size: usize) -> Vec<Entry> {
    let mut ratchets: Vec<_> = (1..=3).map(ratchet).collect();
    let seal = |at: usize| {
        let step = ratchets[at % 3].step();
        match at % 5 {
            0 => Entry::file(&step, [at as u8; 32], filed()),
            _ => Entry::seal(&step, &[at as u8; 32], &Body::Opened { at: at as u64, height: 7 }),
        }
        .unwrap()
    };
    (0..size).map(seal).collect()
}

/// A log as it is served.
pub struct Served {
    pub entries: Vec<Entry>,
    pub tiles: TileMap,
    pub checkpoint: SignedCheckpoint,
    /// Checkpoint and bundles by path; tests alter them.
    pub files: std::collections::BTreeMap<String, Vec<u8>>,
}

/// Publishes `entries`, with a checkpoint at each of `sizes` and at the end.
pub fn serve(entries: Vec<Entry>, sizes: &[usize]) -> Served {
    let mut writer = LogWriter::new();
    let mut tiles = TileMap::default();
    for (position, entry) in entries.iter().enumerate() {
        if sizes.contains(&position) {
            writer.take_tiles().into_iter().for_each(|(path, bytes)| tiles.insert(path, bytes));
        }
        writer.append(entry.leaf_hash()).unwrap();
    }
    writer.take_tiles().into_iter().for_each(|(path, bytes)| tiles.insert(path, bytes));
    let checkpoint = signer().sign(writer.size(), writer.root());
    let mut files =
        std::collections::BTreeMap::from([("checkpoint".to_owned(), checkpoint.note().into_bytes())]);
    for path in bundle_paths(0, writer.size()) {
        files.insert(path.to_string(), encode_bundle(bundle(&entries, &path)));
    }
    Served { entries, tiles, checkpoint, files }
}

pub fn bundle<'a>(entries: &'a [Entry], path: &TilePath) -> &'a [Entry] {
    let start = path.index as usize * 256;
    &entries[start..start + usize::from(path.width)]
}

impl Fetch for Served {
    type Error = VerifyError;

    async fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, VerifyError> {
        let missing = || VerifyError::Tile(medrec_accesslog::TileError::Path);
        self.files.get(path).filter(|bytes| bytes.len() <= limit).cloned().ok_or_else(missing)
    }
}

/// Runs a future that never waits.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("nothing here waits"),
    }
}

pub fn any_hash() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

pub fn any_read() -> impl Strategy<Value = Read> {
    let texts = ("[a-z0-9]{0,90}", "[a-z0-9-]{0,24}", "[a-z-]{0,24}", "[a-zé]{0,24}", "[a-zø]{0,12}");
    let numbers = (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>());
    let hashes = (any_hash(), any_hash(), prop::option::of(any_hash()), prop::option::of(any::<u32>()));
    (texts, numbers, hashes).prop_map(
        |(texts, (at, height, institution, count), (request, manifest, card, grant))| {
            let (requester, scope, purpose, viewer_name, viewer_role) = texts;
            Read {
                at,
                height,
                request,
                grant,
                requester,
                scope,
                purpose,
                card,
                viewer_name,
                viewer_role,
                viewer_institution: institution,
                record_count: count,
                manifest,
            }
        },
    )
}

fn any_marking(read: Read) -> Marking {
    Marking {
        at: read.at,
        height: read.height,
        record_id: std::array::from_fn(|i| read.manifest[i]),
        request: read.request,
        requester: read.requester,
        version: read.record_count,
    }
}

/// Any body that [`Entry::seal`] takes.
pub fn any_body() -> impl Strategy<Value = Body> {
    let seen = (any::<u64>(), any::<u64>(), any::<u32>());
    prop_oneof![
        any_read().prop_map(Body::Read),
        any_read().prop_map(|read| Body::Refused(Refused {
            at: read.at,
            height: read.height,
            request: read.request,
            requester: read.requester,
            scope: read.scope,
            purpose: read.purpose,
            reason: read.viewer_role,
        })),
        (any::<u64>(), any::<u64>()).prop_map(|(at, height)| Body::Opened { at, height }),
        seen.prop_map(|(at, height, grant)| Body::GrantSeen { at, height, grant }),
        seen.prop_map(|(at, height, grant)| Body::RevokeSeen { at, height, grant }),
        (any::<u64>(), any::<u64>()).prop_map(|(at, height)| Body::Closed { at, height }),
        (any_read(), any::<bool>()).prop_map(|(read, explained)| Body::Removed(Removed {
            at: read.at,
            record_id: std::array::from_fn(|i| read.request[i]),
            version: read.record_count,
            scope: read.scope,
            scope_hash: read.manifest,
            explained,
        })),
        any_read().prop_map(|read| Body::RevokeReceived(RevokeReceived {
            at: read.at,
            height: read.height,
            request: read.request,
            requester: read.requester,
            grant: read.record_count,
        })),
        any_read().prop_map(|read| Body::Acknowledged(any_marking(read))),
        (any_read(), "[a-zæ ]{0,60}")
            .prop_map(|(read, note)| Body::Disputed { marking: any_marking(read), note }),
        any_read().prop_map(|read| Body::Counted(Counted {
            at: read.at,
            height: read.height,
            question: read.manifest,
            category: read.viewer_role,
        })),
    ]
}

/// Many cases, ten times as many in `cargo xtask soak`; no files left behind.
pub fn cases(cases: u32) -> ProptestConfig {
    let cases = if std::env::var_os("MEDREC_SOAK").is_some() { cases * 10 } else { cases };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
