//! The one rule for reads.

use crate::model::{Grant, GrantKind, Relationship, Status};
use crate::tags::Tag;

/// What is asked, by whom, when.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Address (bech32) that signed the request.
    pub requester: &'a str,
    /// Tags that stand for the scope: its own and that of `*` ([`crate::asked_scope_tags`]).
    pub scopes: &'a [Tag],
    /// Tags that stand for the purpose: its own and that of `*`.
    pub purposes: &'a [Tag],
    /// Block time, seconds.
    pub now: u64,
}

/// In whose name a read is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// The patient herself; needs no grant.
    Patient,
    /// Under a grant of kind `read`.
    Viewer { grant: u32 },
    /// In the patient's name, under a grant of kind `act`.
    Carer { grant: u32 },
}

impl Permit {
    /// Number of the grant the read rests on.
    #[must_use]
    pub const fn grant(self) -> Option<u32> {
        match self {
            Self::Patient => None,
            Self::Viewer { grant } | Self::Carer { grant } => Some(grant),
        }
    }
}

/// Why a read is refused, least telling first: of several grants' refusals the greatest is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    #[error("this address has no part in the relationship")]
    NotPermitted,
    #[error("the relationship is closed or was rejected")]
    Closed,
    #[error("the grant was revoked")]
    Revoked,
    #[error("the grant has ended")]
    Window,
    #[error("the grant has not begun, or the relationship is not accepted yet")]
    NotYet,
    #[error("the grant does not cover this scope")]
    Scope,
    #[error("the grant does not cover this purpose")]
    Purpose,
}

impl Refusal {
    pub const ALL: [Self; 7] = [
        Self::NotPermitted,
        Self::Closed,
        Self::Revoked,
        Self::Window,
        Self::NotYet,
        Self::Scope,
        Self::Purpose,
    ];

    /// Reason code of docs/spec/wire.md section 9.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotPermitted => "not-permitted",
            Self::Closed => "closed",
            Self::Revoked => "revoked",
            Self::Window => "window",
            Self::NotYet => "not-yet",
            Self::Scope => "scope",
            Self::Purpose => "purpose",
        }
    }
}

/// May the requester read this scope of this relationship for this purpose, now?
///
/// `grants` are those of the relationship; others' grants in it do no harm. The patient reads unless she rejected
/// the relationship; everybody else reads under one grant that covers everything asked, while the relationship is
/// active. Where several grants permit, the one with the lowest number counts. The order of grants means nothing.
pub fn permits<'a>(
    relationship: &Relationship<'_>,
    grants: impl IntoIterator<Item = &'a Grant<'a>>,
    ask: &Ask<'_>,
) -> Result<Permit, Refusal> {
    if ask.requester == relationship.patient {
        return match relationship.status {
            Status::Rejected => Err(Refusal::Closed),
            Status::Offered | Status::Active | Status::Closed => Ok(Permit::Patient),
        };
    }
    let mut permit: Option<Permit> = None;
    let mut refusal = Refusal::NotPermitted;
    for grant in grants.into_iter().filter(|grant| grant.viewer == ask.requester) {
        match judge(relationship.status, grant, ask) {
            Ok(found) if permit.is_none_or(|best| found.grant() < best.grant()) => permit = Some(found),
            Ok(_) => {}
            Err(found) => refusal = refusal.max(found),
        }
    }
    permit.ok_or(refusal)
}

fn judge(status: Status, grant: &Grant<'_>, ask: &Ask<'_>) -> Result<Permit, Refusal> {
    match status {
        Status::Rejected | Status::Closed => return Err(Refusal::Closed),
        Status::Offered => return Err(Refusal::NotYet),
        Status::Active => {}
    }
    in_force(grant, ask.now)?;
    if !grant.tags.covers_scope(ask.scopes) {
        return Err(Refusal::Scope);
    }
    if !grant.tags.covers_purpose(ask.purposes) {
        return Err(Refusal::Purpose);
    }
    Ok(match grant.kind {
        GrantKind::Read => Permit::Viewer { grant: grant.number },
        GrantKind::Act => Permit::Carer { grant: grant.number },
    })
}

fn in_force(grant: &Grant<'_>, now: u64) -> Result<(), Refusal> {
    if grant.revoked {
        Err(Refusal::Revoked)
    } else if now >= grant.until {
        Err(Refusal::Window)
    } else if now < grant.from {
        Err(Refusal::NotYet)
    } else {
        Ok(())
    }
}

/// The lowest-numbered grant of kind `act` that makes `address` a carer now, whatever the relationship's status.
pub fn carer<'a>(grants: impl IntoIterator<Item = &'a Grant<'a>>, address: &str, now: u64) -> Option<u32> {
    grants
        .into_iter()
        .filter(|grant| grant.viewer == address && grant.kind == GrantKind::Act)
        .filter(|grant| in_force(grant, now).is_ok())
        .map(|grant| grant.number)
        .min()
}
