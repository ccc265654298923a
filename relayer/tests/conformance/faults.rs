use std::time::{Duration, Instant};

use medrec_relayer::adapter::{Error, FieldType, Limits};

use super::{Fixture, Item, LIMITS, item, read, usual};

const SHORT: Limits = Limits { timeout: Duration::from_millis(300), max_rows: 1000 };
/// A limit is kept if it ends long before this.
const SOON: Duration = Duration::from_secs(5);

pub async fn the_cap_counts_rows<F: Fixture>() {
    let mut fixture = F::new().await;
    fixture.put(&[item("a", "p", "1"), item("b", "p", "2"), item("c", "q", "3")]).await;
    let limits = Limits { max_rows: 1, ..LIMITS };
    let adapter = fixture.open(&fixture.mapping(FieldType::String), limits).await.unwrap();
    assert!(matches!(read(&*adapter, "p").await.unwrap_err(), Error::Rows { limit: 1, .. }));
    assert_eq!(read(&*adapter, "q").await.unwrap().len(), 1);
}

pub async fn a_slow_statement_is_stopped<F: Fixture>() {
    let fixture = F::new().await;
    let adapter = fixture.open(&fixture.endless(), SHORT).await.unwrap();
    // More of them than there are connections, at once and again: a stopped one leaves nothing behind.
    for _ in 0..2 {
        let started = Instant::now();
        let scope = &adapter.scopes()[0];
        let reads = (0..6).map(|_| adapter.read(scope, "p"));
        for outcome in futures::future::join_all(reads).await {
            let error = outcome.unwrap_err();
            assert!(matches!(error, Error::Slow { limit_ms: 300, .. }), "{error}");
        }
        assert!(started.elapsed() < SOON);
    }
}

pub async fn nothing_can_be_written<F: Fixture>() {
    let mut fixture = F::new().await;
    fixture.put(&[item("a", "p", "1")]).await;
    for mapping in fixture.writers() {
        let outcome = match fixture.open(&mapping, LIMITS).await {
            Ok(adapter) => read(&*adapter, "p").await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(outcome.is_err(), "{mapping}");
        assert_eq!(fixture.count().await, 1, "{mapping}");
    }
    let adapter = usual(&fixture).await;
    assert_eq!(read(&*adapter, "p").await.unwrap(), [("a".into(), Some("1".into()))]);
}

pub async fn a_locked_database_is_an_error_until_it_is_free<F: Fixture>() {
    let mut fixture = F::new().await;
    fixture.put(&[item("a", "p", "1")]).await;
    let adapter = fixture.open(&fixture.mapping(FieldType::String), SHORT).await.unwrap();
    fixture.lock().await;
    let started = Instant::now();
    let error = read(&*adapter, "p").await.unwrap_err();
    assert!(matches!(error, Error::Query { .. } | Error::Slow { .. }), "{error}");
    assert!(started.elapsed() < SOON);
    fixture.unlock().await;
    assert_eq!(read(&*adapter, "p").await.unwrap().len(), 1);
}

pub async fn a_database_that_is_gone_is_an_error_until_it_is_back<F: Fixture>() {
    let mut fixture = F::new().await;
    fixture.put(&[item("a", "p", "1")]).await;
    let adapter = usual(&fixture).await;
    let cursor = adapter.changes(None).await.unwrap().cursor;
    fixture.hide().await;
    let error = read(&*adapter, "p").await.unwrap_err();
    assert!(matches!(error, Error::Gone { .. } | Error::Open { .. } | Error::Query { .. }), "{error}");
    assert!(adapter.changes(Some(&cursor)).await.is_err());
    assert!(fixture.open(&fixture.mapping(FieldType::String), LIMITS).await.is_err());
    fixture.show().await;
    assert_eq!(read(&*adapter, "p").await.unwrap().len(), 1);
    adapter.changes(Some(&cursor)).await.unwrap();
}

pub async fn another_schema_is_an_error_never_an_absent_value<F: Fixture>() {
    let mut fixture = F::new().await;
    fixture.put(&[item("a", "p", "1")]).await;
    let adapter = usual(&fixture).await;
    assert_eq!(read(&*adapter, "p").await.unwrap().len(), 1);
    fixture.break_schema().await;
    let error = read(&*adapter, "p").await.unwrap_err();
    assert!(matches!(error, Error::Query { .. } | Error::Row { .. }), "{error}");
    let opened = fixture.open(&fixture.mapping(FieldType::String), LIMITS).await;
    assert!(matches!(opened.err(), Some(Error::Query { .. } | Error::Mapping { .. })));
    fixture.mend_schema().await;
    assert_eq!(read(&*adapter, "p").await.unwrap(), [("a".into(), Some("1".into()))]);
}

/// Two rows that are always changed together are never seen apart.
pub async fn a_read_sees_one_moment<F: Fixture>() {
    let mut fixture = F::new().await;
    let both = |n: usize| [item("a", "p", &n.to_string()), item("b", "p", &n.to_string())];
    fixture.put(&both(0)).await;
    let adapter = usual(&fixture).await;
    let write = async {
        for n in 1..100 {
            let items: [Item; 2] = both(n);
            fixture.put(&items).await;
        }
    };
    let look = async {
        let mut last = 0usize;
        while last < 99 {
            let seen = read(&*adapter, "p").await.unwrap();
            assert_eq!(seen[0].1, seen[1].1);
            let now: usize = seen[0].1.as_deref().unwrap().parse().unwrap();
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
    };
    tokio::join!(write, look);
}
