//! Reason codes and their RFC 9457 problem documents (wire.md section 9).

use serde::{Deserialize, Serialize};

/// Media type of a refusal.
pub const CONTENT_TYPE: &str = "application/problem+json";
const TYPE: &str = "urn:medrec:refusal:";

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Reason {
    Malformed,
    BadSignature,
    WrongAudience,
    Expired,
    ClockSkew,
    Replayed,
    NotPermitted,
    Scope,
    Purpose,
    NotYet,
    Window,
    Revoked,
    Closed,
    UnknownScope,
    UnknownRecord,
    TooLarge,
    RateLimited,
    ChainStale,
    Unavailable,
}

impl Reason {
    pub const ALL: [Reason; 19] = [
        Reason::Malformed,
        Reason::BadSignature,
        Reason::WrongAudience,
        Reason::Expired,
        Reason::ClockSkew,
        Reason::Replayed,
        Reason::NotPermitted,
        Reason::Scope,
        Reason::Purpose,
        Reason::NotYet,
        Reason::Window,
        Reason::Revoked,
        Reason::Closed,
        Reason::UnknownScope,
        Reason::UnknownRecord,
        Reason::TooLarge,
        Reason::RateLimited,
        Reason::ChainStale,
        Reason::Unavailable,
    ];

    /// The code on the wire, in the log and in reports.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// HTTP status.
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// One line for people.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// The exception of 45 CFR part 171 under which declining is not information blocking; none where nothing is
    /// withheld: what was asked could not be read, is not there, or can be asked in another way at once.
    /// `docs/refusals.md` says why for each.
    pub const fn exception(self) -> Option<&'static str> {
        match self {
            Reason::Malformed | Reason::UnknownScope | Reason::UnknownRecord | Reason::TooLarge => None,
            Reason::NotPermitted
            | Reason::Scope
            | Reason::Purpose
            | Reason::NotYet
            | Reason::Window
            | Reason::Revoked
            | Reason::Closed => Some("45 CFR 171.202"),
            Reason::BadSignature
            | Reason::WrongAudience
            | Reason::Expired
            | Reason::ClockSkew
            | Reason::Replayed => Some("45 CFR 171.203"),
            Reason::ChainStale => Some("45 CFR 171.204"),
            Reason::RateLimited | Reason::Unavailable => Some("45 CFR 171.205"),
        }
    }

    pub fn from_code(code: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The whole table in one place.
    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Reason::Malformed => ("malformed", 400, "The request could not be read"),
            Reason::BadSignature => ("bad-signature", 401, "The request's signature is wrong"),
            Reason::WrongAudience => ("wrong-audience", 401, "The request was made for another place"),
            Reason::Expired => ("expired", 401, "The request is too old or was made to last too long"),
            Reason::ClockSkew => ("clock-skew", 401, "The request's clock is ahead of ours"),
            Reason::Replayed => ("replayed", 401, "The request's nonce was used before"),
            Reason::NotPermitted => ("not-permitted", 403, "Not permitted"),
            Reason::Scope => ("scope", 403, "The grant does not cover this scope"),
            Reason::Purpose => ("purpose", 403, "The grant does not cover this purpose"),
            Reason::NotYet => ("not-yet", 403, "The grant has not begun"),
            Reason::Window => ("window", 403, "The grant has ended"),
            Reason::Revoked => ("revoked", 403, "The grant was revoked"),
            Reason::Closed => ("closed", 403, "The relationship is closed"),
            Reason::UnknownScope => ("unknown-scope", 404, "There is no such scope"),
            Reason::UnknownRecord => ("unknown-record", 404, "There is no such version of a record"),
            Reason::TooLarge => ("too-large", 413, "The request is too large"),
            Reason::RateLimited => ("rate-limited", 429, "Too many requests"),
            Reason::ChainStale => ("chain-stale", 503, "The chain's state here is too old to decide"),
            Reason::Unavailable => ("unavailable", 503, "Records or log are out of reach"),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// A refusal before it is turned into HTTP. `detail` is for the server's own log and never leaves it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Refusal {
    pub reason: Reason,
    pub detail: String,
    /// The server's time, for `clock-skew` only.
    pub now: Option<u64>,
}

impl Refusal {
    pub fn new(reason: Reason, detail: impl Into<String>) -> Refusal {
        Refusal { reason, detail: detail.into(), now: None }
    }
}

/// The document a client gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub reason: Reason,
    /// Of 45 CFR part 171 ([`Reason::exception`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// Seconds since 1970 by the server's clock, with `clock-skew`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<u64>,
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Problem {
        let reason = refusal.reason;
        Problem {
            kind: format!("{TYPE}{reason}"),
            title: reason.title().to_owned(),
            status: reason.status(),
            reason,
            exception: reason.exception().map(str::to_owned),
            now: refusal.now,
        }
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Problem {
        Problem::from(&Refusal::new(reason, ""))
    }
}

impl Problem {
    /// Reads a refusal from a server; none when it is not one of ours.
    pub fn parse(body: &[u8]) -> Option<Problem> {
        let problem: Problem = serde_json::from_slice(body).ok()?;
        (problem.kind.strip_prefix(TYPE) == Some(problem.reason.code())).then_some(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_titles_and_json_agree() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            let json = serde_json::to_string(&Problem::from(reason)).unwrap();
            let back = Problem::parse(json.as_bytes()).unwrap();
            assert_eq!((back.reason, back.status), (reason, reason.status()));
            assert!(json.contains(&format!("\"reason\":\"{}\"", reason.code())));
            assert!(!json.contains("\"now\""));
        }
    }

    #[test]
    fn detail_stays_inside_and_now_goes_out() {
        let refusal = Refusal { reason: Reason::ClockSkew, detail: "secret".into(), now: Some(7) };
        let json = serde_json::to_string(&Problem::from(&refusal)).unwrap();
        assert!(!json.contains("secret") && json.contains("\"now\":7"));
    }

    #[test]
    fn every_reason_the_permission_rule_gives_is_a_code() {
        for refusal in medrec_rules::Refusal::ALL {
            assert!(Reason::from_code(refusal.reason()).is_some(), "{}", refusal.reason());
        }
    }

    #[test]
    fn foreign_problems_are_not_ours() {
        assert!(Problem::parse(b"{}").is_none());
        assert!(
            Problem::parse(br#"{"type":"about:blank","title":"x","status":403,"reason":"scope"}"#).is_none()
        );
        assert!(Problem::parse(b"<html>").is_none());
    }
}
