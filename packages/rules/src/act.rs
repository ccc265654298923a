//! The one rule for messages to the relationship contract: who may send what, in which state.

use crate::model::{Grant, GrantKind, Relationship, Status};
use crate::permits::carer;

/// What somebody wants to do to a relationship that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Accept,
    Reject,
    Close,
    Rotate,
    /// Choose what research may count.
    Research,
    /// Make a grant of this kind.
    Grant(GrantKind),
    /// Revoke a grant of this kind.
    Revoke(GrantKind),
}

impl Action {
    /// The word used in errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Close => "close",
            Self::Rotate => "rotate",
            Self::Research => "set_research",
            Self::Grant(GrantKind::Read) => "grant (read)",
            Self::Grant(GrantKind::Act) => "grant (act)",
            Self::Revoke(GrantKind::Read) => "revoke (read)",
            Self::Revoke(GrantKind::Act) => "revoke (act)",
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As whom the sender acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Patient,
    Steward,
    /// Under a grant of kind `act`.
    Carer {
        grant: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActRefusal {
    /// The sender is none of those who may.
    #[error("the sender is none of those who may {0}")]
    Sender(Action),
    /// The relationship's status does not allow it, whoever asks.
    #[error("the relationship is {status}: {action} is not possible any more or not yet")]
    Status { action: Action, status: Status },
}

/// May `sender` do this now? Answers as whom.
///
/// `grants` need hold only those of kind `act` whose viewer is the sender.
pub fn may_act<'a>(
    relationship: &Relationship<'_>,
    grants: impl IntoIterator<Item = &'a Grant<'a>>,
    sender: &str,
    action: Action,
    now: u64,
) -> Result<Actor, ActRefusal> {
    let actor = if sender == relationship.patient {
        Some(Actor::Patient)
    } else if sender == relationship.steward && steward_may(action) {
        Some(Actor::Steward)
    } else if carer_may(action) {
        carer(grants, sender, now).map(|grant| Actor::Carer { grant })
    } else {
        None
    };
    let actor = actor.ok_or(ActRefusal::Sender(action))?;
    if status_allows(relationship.status, action) {
        Ok(actor)
    } else {
        Err(ActRefusal::Status { action, status: relationship.status })
    }
}

const fn steward_may(action: Action) -> bool {
    matches!(action, Action::Close | Action::Rotate)
}

/// A carer makes and unmakes no carers.
const fn carer_may(action: Action) -> bool {
    matches!(action, Action::Accept | Action::Grant(GrantKind::Read) | Action::Revoke(GrantKind::Read))
}

/// A carer can be named before `accept`, as he may be the one who accepts; a closed relationship's addresses still
/// rotate, as the patient still reads.
const fn status_allows(status: Status, action: Action) -> bool {
    match action {
        Action::Accept | Action::Reject => matches!(status, Status::Offered),
        Action::Grant(GrantKind::Read) | Action::Research => matches!(status, Status::Active),
        Action::Close | Action::Grant(GrantKind::Act) | Action::Revoke(_) => {
            matches!(status, Status::Offered | Status::Active)
        }
        Action::Rotate => !matches!(status, Status::Rejected),
    }
}
