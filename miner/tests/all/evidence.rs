//! Forks become evidence that the chain can check.

use medrec_accesslog::Entry;
use medrec_api::authlog::{Conflict, ExecuteMsg, Inclusion};
use medrec_merkle::Hash;
use medrec_miner::report;
use medrec_seals::{Conflict as Checked, Inclusion as Side};

use crate::{
    peer::{Deed, ORIGIN, Peer, entries, entry, signer},
    world::{PEER, World, settings},
};

fn hash(bytes: &cosmwasm_std::Binary) -> Hash {
    bytes.as_slice().try_into().unwrap()
}

fn proof(side: &Inclusion) -> Vec<Hash> {
    medrec_merkle::split_hashes(&side.proof).unwrap().to_vec()
}

/// As the contract does: both sides hold, and the log's key signed them.
fn check(msg: &ExecuteMsg) -> &'static str {
    let ExecuteMsg::Report { slot: 1, conflict } = msg else { panic!("{msg:?}") };
    let (proofs, signatures);
    let checked = match conflict {
        Conflict::Roots { size, a, b } => {
            signatures = [a.signature.clone(), b.signature.clone()];
            Checked::Roots { size: *size, a: hash(&a.root), b: hash(&b.root) }
        }
        Conflict::Leaves { index, a, b } => {
            proofs = [proof(a), proof(b)];
            signatures = [a.signature.clone(), b.signature.clone()];
            fn side<'a>(of: &Inclusion, proof: &'a [Hash]) -> Side<'a> {
                Side { size: of.size, root: hash(&of.root), leaf: hash(&of.leaf), proof }
            }
            Checked::Leaves { index: *index, a: side(a, &proofs[0]), b: side(b, &proofs[1]) }
        }
        other => panic!("{other:?}"),
    };
    checked.check(0, 0).unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(signer().public().public_key()).unwrap();
    for (statement, signature) in checked.statements(ORIGIN).iter().zip(&signatures) {
        let signature = ed25519_dalek::Signature::from_slice(signature).unwrap();
        key.verify_strict(statement, &signature).unwrap();
    }
    checked.kind()
}

async fn evidence(peer: &Peer, world: &World) -> Result<ExecuteMsg, report::Error> {
    world.wait();
    let shown = world.look().await.remove(0);
    let view = world.mirrors.log(PEER).unwrap().view();
    let _ = peer;
    report::evidence(&shown, &view, &settings()).await
}

async fn copied(size: usize) -> (Peer, World) {
    let peer = Peer::start(entries(size)).await;
    let world = World::of(&peer);
    world.anchor(&entries(size));
    assert_eq!(world.round().await.size, size as u64);
    (peer, world)
}

#[tokio::test]
async fn another_root_of_the_same_size_is_evidence_by_itself() {
    let (peer, world) = copied(300).await;
    peer.set(Deed::Forked);
    assert_eq!(check(&evidence(&peer, &world).await.unwrap()), "roots");
}

#[tokio::test]
async fn a_history_that_parts_is_shown_where_it_parts() {
    // Where it parts, and how long the other one is: within full bundles and behind them, longer and shorter.
    for (at, other) in [(10, 1_300), (700, 1_300), (999, 1_024), (999, 1_010), (3, 300), (100, 256)] {
        let (peer, world) = copied(1_000).await;
        let mut forked: Vec<Entry> = entries(other);
        if at < other {
            forked[at] = entry(1_000_000);
        }
        if at >= other {
            continue;
        }
        peer.log.lock().unwrap().entries = forked;
        let msg = evidence(&peer, &world).await.unwrap();
        let ExecuteMsg::Report { conflict: Conflict::Leaves { index, .. }, .. } = &msg else {
            panic!("{at}")
        };
        assert_eq!((*index, check(&msg)), (at as u64, "leaves"), "{at} {other}");
    }
}

/// A log that shows an older head of the same history is behind, and has signed nothing that contradicts.
#[tokio::test]
async fn an_older_head_is_no_evidence() {
    let (peer, world) = copied(1_000).await;
    peer.log.lock().unwrap().entries = entries(500);
    assert!(matches!(evidence(&peer, &world).await, Err(report::Error::NoDifference)));
}
