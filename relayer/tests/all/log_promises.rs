//! Promises are watched from the transaction that gives them until an anchor keeps them.

use medrec_relayer::{
    log::promises::{Standing, settle, watch},
    store::Store,
};

async fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.sqlite"), &[1; 32]).await.unwrap();
    (dir, store)
}

async fn standing(store: &Store, anchored: u64, now: u64) -> Standing {
    let mut tx = store.begin().await.unwrap();
    let standing = settle(&mut tx, anchored, now).await.unwrap();
    tx.commit().await.unwrap();
    standing
}

/// Promises entries 0, 1, … to be under an anchor by these times.
async fn promise(store: &Store, due: &[u64], commit: bool) {
    let mut tx = store.begin().await.unwrap();
    watch(&mut tx, (0..).zip(due.iter().copied())).await.unwrap();
    if commit {
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn what_was_not_committed_was_not_promised() {
    let (_dir, store) = store().await;
    promise(&store, &[1, 2], false).await;
    assert_eq!(standing(&store, 0, 1_000).await, Standing::default());
}

#[tokio::test]
async fn anchors_keep_promises_and_time_breaks_them() {
    let (_dir, store) = store().await;
    promise(&store, &[160, 170, 180], true).await;
    let expect = |open, broken, next| Standing { open, broken, next };
    assert_eq!(standing(&store, 0, 130).await, expect(3, 0, Some(160)));
    assert_eq!(standing(&store, 0, 160).await, expect(3, 0, Some(160)), "due, not late");
    assert_eq!(standing(&store, 0, 161).await, expect(3, 1, Some(170)));
    assert_eq!(
        standing(&store, 1, 161).await,
        expect(2, 0, Some(170)),
        "an anchor of one entry covers index 0"
    );
    assert_eq!(standing(&store, 2, 500).await, expect(1, 1, None));
    assert_eq!(standing(&store, 3, 500).await, Standing::default());
}
