use medrec_relayer::adapter::{Adapter, Affected};

use super::{Fixture, Item, item, read, usual};

pub async fn without_a_cursor_everything_happened<F: Fixture>() {
    let fixture = F::new().await;
    let adapter = usual(&fixture).await;
    for _ in 0..2 {
        assert_eq!(adapter.changes(None).await.unwrap().affected, Affected::Everybody);
    }
    for unknown in ["", "0", "of another time", "9223372036854775808"] {
        let changes = adapter.changes(Some(unknown)).await.unwrap();
        assert_eq!(changes.affected, Affected::Everybody, "{unknown:?}");
    }
}

async fn next(adapter: &dyn Adapter, cursor: &mut String) -> Affected {
    let changes = adapter.changes(Some(cursor)).await.unwrap();
    *cursor = changes.cursor;
    changes.affected
}

pub async fn every_kind_of_change_is_told_and_nothing_else<F: Fixture>() {
    let mut fixture = F::new().await;
    let adapter = usual(&fixture).await;
    let mut cursor = adapter.changes(None).await.unwrap().cursor;
    fixture.put(&[item("a", "p", "1")]).await;
    assert_eq!(next(&*adapter, &mut cursor).await, Affected::Everybody, "a new row");
    fixture.put(&[item("a", "p", "2")]).await;
    assert_eq!(next(&*adapter, &mut cursor).await, Affected::Everybody, "another value");
    fixture.put(&[Item { changed: Some("1970-01-01".into()), ..item("b", "p", "old") }]).await;
    assert_eq!(next(&*adapter, &mut cursor).await, Affected::Everybody, "a late row with an old date");
    fixture.delete("a").await;
    assert_eq!(next(&*adapter, &mut cursor).await, Affected::Everybody, "a row less");
    for _ in 0..2 {
        read(&*adapter, "p").await.unwrap();
        assert_eq!(next(&*adapter, &mut cursor).await, Affected::Nobody, "our own reading");
    }
}

pub async fn a_cursor_stands_for_what_was_before_it<F: Fixture>() {
    let mut fixture = F::new().await;
    let adapter = usual(&fixture).await;
    let before = adapter.changes(None).await.unwrap().cursor;
    fixture.put(&[item("a", "p", "1")]).await;
    // Asked twice with the same cursor it says the same: a failure between asking and working loses nothing.
    for _ in 0..2 {
        assert_eq!(adapter.changes(Some(&before)).await.unwrap().affected, Affected::Everybody);
        assert_eq!(read(&*adapter, "p").await.unwrap().len(), 1);
    }
}

pub async fn many_changes_are_one<F: Fixture>() {
    let mut fixture = F::new().await;
    let adapter = usual(&fixture).await;
    let mut cursor = adapter.changes(None).await.unwrap().cursor;
    for n in 0..20 {
        let items: Vec<Item> = (0..50).map(|k| item(&format!("{n}-{k}"), "p", "1")).collect();
        fixture.put(&items).await;
    }
    assert_eq!(next(&*adapter, &mut cursor).await, Affected::Everybody);
    assert_eq!(next(&*adapter, &mut cursor).await, Affected::Nobody);
    assert_eq!(read(&*adapter, "p").await.unwrap().len(), 1000);
}
