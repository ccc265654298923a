//! Evidence of two truths, and what is none.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, clippy::panic, reason = "test code")]

use medrec_merkle::{Hash, Tree, inclusion_proof, leaf_hash};
use medrec_seals::{Conflict, Error, Inclusion, checkpoint_text, cosignature_text, promise_hash};

fn log(entries: u64, other: Option<u64>) -> Tree {
    (0..entries)
        .map(|index| if Some(index) == other { leaf_hash(b"other") } else { leaf_hash(&index.to_be_bytes()) })
        .collect()
}

fn inclusion<'a>(log: &Tree, index: u64, leaf: Hash, proof: &'a [Hash]) -> Inclusion<'a> {
    assert!(index < log.size());
    Inclusion { size: log.size(), root: log.root(), leaf, proof }
}

#[test]
fn two_roots_of_one_size() {
    let (a, b) = (log(9, None).root(), log(9, Some(4)).root());
    let conflict = Conflict::Roots { size: 9, a, b };
    conflict.check(0, 0).unwrap();
    let texts = [checkpoint_text("o", 9, &a), checkpoint_text("o", 9, &b)];
    assert_eq!(conflict.statements("o"), texts.map(String::into_bytes));
    let same = Conflict::Roots { size: 9, a, b: a };
    assert_eq!(same.check(0, 0), Err(Error::Same { kind: "roots" }));
}

#[test]
fn two_leaves_at_one_index() {
    let (a, b) = (log(9, None), log(14, Some(4)));
    let proofs = (inclusion_proof(&a, 4, 9).unwrap(), inclusion_proof(&b, 4, 14).unwrap());
    let leaves = (leaf_hash(&4u64.to_be_bytes()), leaf_hash(b"other"));
    let conflict = |index, a, b| Conflict::Leaves { index, a, b };
    let (one, two) = (inclusion(&a, 4, leaves.0, &proofs.0), inclusion(&b, 4, leaves.1, &proofs.1));
    conflict(4, one, two).check(0, 0).unwrap();
    assert_eq!(conflict(4, one, one).check(0, 0), Err(Error::Same { kind: "leaves" }));
    for wrong in [
        conflict(5, one, two),
        conflict(4, Inclusion { leaf: [9; 32], ..one }, two),
        conflict(4, one, Inclusion { root: [9; 32], ..two }),
        conflict(4, one, Inclusion { proof: &proofs.1[1..], ..two }),
        conflict(4, one, Inclusion { size: 7, ..two }),
        conflict(u64::MAX, one, two),
    ] {
        assert!(matches!(wrong.check(0, 0), Err(Error::Side { kind: "leaves", .. })), "{wrong:?}");
    }
}

#[test]
fn a_promise_and_another_leaf() {
    let (anchored, leaf) = (log(9, Some(4)), leaf_hash(&4u64.to_be_bytes()));
    let proof = inclusion_proof(&anchored, 4, 9).unwrap();
    let other = inclusion(&anchored, 4, leaf_hash(b"other"), &proof);
    let conflict = Conflict::Promise { index: 4, leaf, at: 10, by: 20, other };
    conflict.check(0, 0).unwrap();
    let [promise, checkpoint] = conflict.statements("o").try_into().unwrap();
    assert_eq!(promise, promise_hash("o", 4, &leaf, 10, 20));
    assert_eq!(checkpoint, checkpoint_text("o", 9, &anchored.root()).into_bytes());
    let kept = Conflict::Promise { index: 4, leaf: other.leaf, at: 10, by: 20, other };
    assert_eq!(kept.check(0, 0), Err(Error::Same { kind: "promise" }));
}

#[test]
fn a_promise_that_is_over() {
    let overdue = Conflict::Overdue { index: 9, leaf: [1; 32], at: 10, by: 20 };
    overdue.check(21, 9).unwrap();
    assert_eq!(overdue.check(20, 9), Err(Error::NotOver { by: 20, now: 20 }));
    assert_eq!(overdue.check(21, 10), Err(Error::Kept { index: 9, anchored: 10 }));
}

#[test]
fn evidence_is_named_by_all_of_it() {
    let roots = Conflict::Roots { size: 9, a: [1; 32], b: [2; 32] };
    let name = roots.evidence("o", &[b"s", b"t"]);
    let others = [
        Conflict::Roots { size: 8, a: [1; 32], b: [2; 32] }.evidence("o", &[b"s", b"t"]),
        Conflict::Roots { size: 9, a: [2; 32], b: [1; 32] }.evidence("o", &[b"s", b"t"]),
        roots.evidence("p", &[b"s", b"t"]),
        roots.evidence("o", &[b"s", b"u"]),
    ];
    assert!(!others.contains(&name));
}

#[test]
fn a_cosignature_is_c2sps() {
    let text = cosignature_text(1_679_315_147, "example.com/foo", 15_368_405, &[7; 32]);
    let root = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    assert_eq!(text, format!("cosignature/v1\ntime 1679315147\nexample.com/foo\n15368405\n{root}\n"));
}
