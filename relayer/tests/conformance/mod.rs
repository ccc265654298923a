//! What every adapter must do, whatever its database is: generic over a [`Fixture`] that makes the database, edits it
//! and breaks it. A new adapter writes a fixture, calls [`suite!`] and changes nothing here.

mod changes;
mod faults;
mod reads;
mod sqlite;

use std::time::Duration;

use async_trait::async_trait;
use medrec_relayer::adapter::{Adapter, Error, FieldType, Limits};

/// A row of the suite's table.
#[derive(Clone)]
pub struct Item {
    pub key: Option<String>,
    pub patient: String,
    pub value: Cell,
    pub changed: Option<String>,
    /// What `removed_when` looks at.
    pub withdrawn: Option<String>,
}

#[derive(Clone)]
pub enum Cell {
    Null,
    Text(String),
    /// As text in the database's eyes, whatever the bytes are.
    Raw(Vec<u8>),
    Integer(i64),
    Real(f64),
}

pub fn item(key: &str, patient: &str, value: &str) -> Item {
    Item {
        key: Some(key.into()),
        patient: patient.into(),
        value: Cell::Text(value.into()),
        changed: None,
        withdrawn: None,
    }
}

/// A database of the kind an adapter is for.
#[async_trait]
pub trait Fixture: Sized + Send {
    /// An empty one.
    async fn new() -> Self;
    /// A mapping with one scope, `items`: an Observation for each of a patient's items, in the order of their keys,
    /// `value` at `/valueString` as `kind`; `patients` lists all patients once.
    fn mapping(&self, kind: FieldType) -> String;
    /// The same scope by a statement that never ends.
    fn endless(&self) -> String;
    /// Mappings whose statements try to write.
    fn writers(&self) -> Vec<String>;
    async fn open(&self, mapping: &str, limits: Limits) -> Result<Box<dyn Adapter>, Error>;
    /// Puts items, over those of the same key, all of them at once.
    async fn put(&mut self, items: &[Item]);
    async fn delete(&mut self, key: &str);
    /// How many rows there are, by the database's own word.
    async fn count(&mut self) -> i64;
    /// Nobody else can read until it is unlocked.
    async fn lock(&mut self);
    async fn unlock(&mut self);
    /// The database is out of reach until it is shown.
    async fn hide(&mut self);
    async fn show(&mut self);
    /// The column `value` has another name until it is mended; a new column comes first and stays.
    async fn break_schema(&mut self);
    async fn mend_schema(&mut self);
}

pub const LIMITS: Limits = Limits { timeout: Duration::from_secs(10), max_rows: 1000 };

/// The usual adapter over a fixture.
pub async fn usual<F: Fixture>(fixture: &F) -> Box<dyn Adapter> {
    fixture.open(&fixture.mapping(FieldType::String), LIMITS).await.unwrap()
}

/// Keys and values as read.
pub async fn read(adapter: &dyn Adapter, patient: &str) -> Result<Vec<(String, Option<String>)>, Error> {
    let records = adapter.read(&adapter.scopes()[0], patient).await?;
    let value = |resource: &serde_json::Value| match resource.get("valueString") {
        None => None,
        Some(serde_json::Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    Ok(records.into_iter().map(|record| (record.key, value(&record.resource))).collect())
}

macro_rules! cases {
    ($fixture:ty: $($module:ident::$case:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            crate::conformance::$module::$case::<$fixture>().await;
        })*
    };
}
pub(crate) use cases;

/// Every case, for one fixture.
macro_rules! suite {
    ($fixture:ty) => {
        crate::conformance::cases! { $fixture:
            reads::rows_of_their_patient_in_order
            reads::null_and_empty_are_absent
            reads::every_type_takes_what_is_of_it
            reads::decimals_keep_their_digits
            reads::huge_and_foreign_text_arrives_whole
            reads::bytes_that_are_no_text_are_refused
            reads::keys_are_there_and_distinct
            reads::a_patient_id_is_a_value_whatever_is_in_it
            reads::change_columns_are_told_as_they_are
            reads::patients_are_listed
            reads::errors_show_no_value
            faults::the_cap_counts_rows
            faults::a_slow_statement_is_stopped
            faults::nothing_can_be_written
            faults::a_locked_database_is_an_error_until_it_is_free
            faults::a_database_that_is_gone_is_an_error_until_it_is_back
            faults::another_schema_is_an_error_never_an_absent_value
            faults::a_read_sees_one_moment
            changes::without_a_cursor_everything_happened
            changes::every_kind_of_change_is_told_and_nothing_else
            changes::a_cursor_stands_for_what_was_before_it
            changes::many_changes_are_one
        }
    };
}
pub(crate) use suite;
