//! Requests answered within their window: the same nonce and request gets the same response, another request with
//! that nonce is refused (security H25).

use medrec_gate::{Problem, Reason, Refusal, VerifiedRequest, problem};
use sqlx::{Row, SqliteConnection};

use crate::store::{Error, fixed, to_db};

/// Rows are kept this much longer than their request may be used, seconds.
const SLACK: u64 = 10;

/// A response as it left, or is about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Stored {
    /// The document of a refusal.
    pub fn refusal(refusal: &Refusal) -> Self {
        let document = Problem::from(refusal);
        // Texts and numbers: always JSON.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        Self { status: document.status, content_type: problem::CONTENT_TYPE.to_owned(), body }
    }
}

/// What was answered to a nonce before.
pub struct Before {
    digest: [u8; 32],
    stored: Stored,
}

impl Before {
    /// The stored response, if it was to this very request.
    pub fn for_request(self, request: &VerifiedRequest) -> Result<Stored, Refusal> {
        if self.digest == request.hash {
            return Ok(self.stored);
        }
        Err(Refusal::new(Reason::Replayed, "nonce used with another request"))
    }
}

pub async fn find(
    connection: &mut SqliteConnection,
    request: &VerifiedRequest,
) -> Result<Option<Before>, Error> {
    let row =
        sqlx::query("SELECT digest, status, content_type, body FROM requests WHERE signer = ? AND nonce = ?")
            .bind(&request.address)
            .bind(&request.nonce[..])
            .fetch_optional(connection)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let status: i64 = row.try_get("status")?;
    let stored = Stored {
        status: u16::try_from(status).map_err(|_| Error::Corrupt { what: "requests.status".into() })?,
        content_type: row.try_get("content_type")?,
        body: row.try_get("body")?,
    };
    let digest = fixed("requests.digest", &row.try_get::<Vec<u8>, _>("digest")?)?;
    Ok(Some(Before { digest, stored }))
}

pub async fn keep(
    connection: &mut SqliteConnection,
    request: &VerifiedRequest,
    stored: &Stored,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO requests (signer, nonce, digest, expires, status, content_type, body) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&request.address)
    .bind(&request.nonce[..])
    .bind(&request.hash[..])
    .bind(to_db(request.expires))
    .bind(i64::from(stored.status))
    .bind(&stored.content_type)
    .bind(&stored.body)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets requests that nobody can use any more: they are refused as expired.
pub async fn forget(connection: &mut SqliteConnection, now: u64) -> Result<(), Error> {
    sqlx::query("DELETE FROM requests WHERE expires < ?")
        .bind(to_db(now.saturating_sub(SLACK)))
        .execute(connection)
        .await?;
    Ok(())
}
