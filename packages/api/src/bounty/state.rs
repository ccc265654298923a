//! The rules of an offer's life and of the ledger: pure, so that the contract, the relayer's projection and a reader of
//! the chain go by the same.
//!
//! ```text
//! offered ── claim ──▶ owned (open) ── ask ──▶ asked ── deliver ──▶ delivered
//!    │   └── claim (fixed) ─────────────────────▲ │
//!    │                  │                         └── expire ──▶ missed
//!    └── expire ────────┴── expire ──▶ released
//! ```
//! ε is reserved at the offer, spent on the way into `asked`, and never given back after: who was asked may have
//! answered where the chain does not see it (security H8).

use cosmwasm_schema::cw_serde;

use super::{OWNING_SEALS, SEALS_TO_OWNER};

#[cw_serde]
#[derive(Copy, Eq, Hash, PartialOrd, Ord)]
pub enum OfferState {
    /// Its seal is not mined, or its owner has not claimed.
    Offered,
    /// An open offer that was claimed.
    Owned,
    /// The answer is due.
    Asked,
    Delivered,
    /// Asked, and not answered in time.
    Missed,
    /// Never asked; the reserve was given back.
    Released,
}

impl OfferState {
    pub const ALL: [Self; 6] =
        [Self::Offered, Self::Owned, Self::Asked, Self::Delivered, Self::Missed, Self::Released];

    /// As JSON and errors say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Owned => "owned",
            Self::Asked => "asked",
            Self::Delivered => "delivered",
            Self::Missed => "missed",
            Self::Released => "released",
        }
    }

    /// Nothing changes an offer any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Missed | Self::Released)
    }
}

impl std::fmt::Display for OfferState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is done to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Claim,
    Ask,
    Deliver,
    Expire,
}

impl Action {
    pub const ALL: [Self; 4] = [Self::Claim, Self::Ask, Self::Deliver, Self::Expire];

    /// The message's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Ask => "ask",
            Self::Deliver => "deliver",
            Self::Expire => "expire",
        }
    }
}

/// What becomes of the reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    None,
    Spend,
    Release,
}

/// A step that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub state: OfferState,
    pub charge: Charge,
}

/// Why a step is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No moment would allow it in this state.
    State,
    /// The deadline of this state is over; only `expire` is left.
    Late,
    /// `expire` before the deadline.
    Early,
}

/// What an action does to an offer in `state`; `late`: the deadline of that state is over.
pub const fn step(state: OfferState, open: bool, action: Action, late: bool) -> Result<Step, Refusal> {
    let (to, charge) = match (state, action) {
        (OfferState::Offered, Action::Claim) if open => (OfferState::Owned, Charge::None),
        (OfferState::Offered, Action::Claim) | (OfferState::Owned, Action::Ask) => {
            (OfferState::Asked, Charge::Spend)
        }
        (OfferState::Asked, Action::Deliver) => (OfferState::Delivered, Charge::None),
        (OfferState::Offered | OfferState::Owned, Action::Expire) => (OfferState::Released, Charge::Release),
        (OfferState::Asked, Action::Expire) => (OfferState::Missed, Charge::None),
        _ => return Err(Refusal::State),
    };
    match (action, late) {
        (Action::Expire, false) => Err(Refusal::Early),
        (Action::Claim | Action::Ask | Action::Deliver, true) => Err(Refusal::Late),
        _ => Ok(Step { state: to, charge }),
    }
}

/// The last moment of a state, itself included.
#[cw_serde]
#[derive(Copy, Eq)]
pub enum Deadline {
    /// While there are at most so many seals.
    Seals(u64),
    /// While the block time is at most this, seconds.
    Time(u64),
}

impl std::fmt::Display for Deadline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seals(seals) => write!(f, "seal {seals}"),
            Self::Time(time) => write!(f, "block time {time}"),
        }
    }
}

/// Where the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Seals there are.
    pub seals: u64,
    /// Block time, seconds.
    pub time: u64,
}

#[must_use]
pub const fn is_late(deadline: Deadline, now: Moment) -> bool {
    match deadline {
        Deadline::Seals(last) => now.seals > last,
        Deadline::Time(last) => now.time > last,
    }
}

/// The seals whose miners may come to own an offer made after `seals` seals, the first one first: each only if those
/// before it are of researchers who do not count any more.
#[must_use]
pub const fn owning_seals(seals: u64) -> std::ops::Range<u64> {
    let first = seals.saturating_add(SEALS_TO_OWNER);
    first..first.saturating_add(OWNING_SEALS)
}

/// ε of an institution's data set, micro-ε: `spent + reserved <= total`.
#[cw_serde]
#[derive(Copy, Eq, Default)]
pub struct Budget {
    pub total: u64,
    /// Held by offers that may still be asked.
    pub reserved: u64,
    /// Gone for good.
    pub spent: u64,
}

/// What the ledger refuses.
#[derive(thiserror::Error, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetError {
    #[error("{asked} micro-ε are more than the {free} that are free of {total}")]
    Short { asked: u64, free: u64, total: u64 },
    #[error("a budget of {asked} micro-ε is below the {spent} spent and {reserved} reserved")]
    Below { asked: u64, spent: u64, reserved: u64 },
    #[error("{asked} micro-ε are more than the {reserved} reserved; the ledger is damaged")]
    NotReserved { asked: u64, reserved: u64 },
}

impl Budget {
    /// What may still be offered.
    #[must_use]
    pub const fn free(&self) -> u64 {
        self.total.saturating_sub(self.reserved).saturating_sub(self.spent)
    }

    /// The same ledger under another total.
    pub const fn with_total(self, total: u64) -> Result<Self, BudgetError> {
        let Self { reserved, spent, .. } = self;
        if total < reserved.saturating_add(spent) {
            return Err(BudgetError::Below { asked: total, spent, reserved });
        }
        Ok(Self { total, reserved, spent })
    }

    pub const fn reserve(self, asked: u64) -> Result<Self, BudgetError> {
        let free = self.free();
        if asked > free {
            return Err(BudgetError::Short { asked, free, total: self.total });
        }
        Ok(Self { reserved: self.reserved.saturating_add(asked), ..self })
    }

    /// What becomes of a reserve of `asked`.
    pub const fn charge(self, charge: Charge, asked: u64) -> Result<Self, BudgetError> {
        if matches!(charge, Charge::None) {
            return Ok(self);
        }
        let Some(reserved) = self.reserved.checked_sub(asked) else {
            return Err(BudgetError::NotReserved { asked, reserved: self.reserved });
        };
        Ok(match charge {
            Charge::None => self,
            Charge::Spend => Self { reserved, spent: self.spent.saturating_add(asked), ..self },
            Charge::Release => Self { reserved, ..self },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_action() {
        use OfferState::{Asked, Delivered, Missed, Offered, Owned, Released};
        let mut allowed = Vec::new();
        for state in OfferState::ALL {
            for action in Action::ALL {
                for open in [false, true] {
                    for late in [false, true] {
                        match step(state, open, action, late) {
                            Ok(to) => allowed.push((state, open, action, to.state, to.charge)),
                            Err(Refusal::State) => {
                                assert!(step(state, open, action, !late) == Err(Refusal::State));
                            }
                            Err(Refusal::Late) => assert!(late && action != Action::Expire),
                            Err(Refusal::Early) => assert!(!late && action == Action::Expire),
                        }
                    }
                }
            }
            assert_eq!(
                state.is_final(),
                Action::ALL
                    .iter()
                    .all(|a| step(state, true, *a, true).is_err() && step(state, true, *a, false).is_err())
            );
        }
        assert_eq!(
            allowed,
            [
                (Offered, false, Action::Claim, Asked, Charge::Spend),
                (Offered, true, Action::Claim, Owned, Charge::None),
                (Offered, false, Action::Expire, Released, Charge::Release),
                (Offered, true, Action::Expire, Released, Charge::Release),
                (Owned, false, Action::Ask, Asked, Charge::Spend),
                (Owned, true, Action::Ask, Asked, Charge::Spend),
                (Owned, false, Action::Expire, Released, Charge::Release),
                (Owned, true, Action::Expire, Released, Charge::Release),
                (Asked, false, Action::Deliver, Delivered, Charge::None),
                (Asked, true, Action::Deliver, Delivered, Charge::None),
                (Asked, false, Action::Expire, Missed, Charge::None),
                (Asked, true, Action::Expire, Missed, Charge::None),
            ]
        );
    }

    #[test]
    fn the_last_moment_belongs_to_the_deadline() {
        let now = Moment { seals: 7, time: 70 };
        assert!(!is_late(Deadline::Seals(7), now) && is_late(Deadline::Seals(6), now));
        assert!(!is_late(Deadline::Time(70), now) && is_late(Deadline::Time(69), now));
    }

    #[test]
    fn seals_that_may_own() {
        assert_eq!(owning_seals(0), 2..10);
        assert_eq!(owning_seals(u64::MAX), u64::MAX..u64::MAX);
    }

    #[test]
    fn the_ledger() {
        let budget = Budget::default().with_total(10).unwrap().reserve(6).unwrap();
        assert_eq!(budget.reserve(5), Err(BudgetError::Short { asked: 5, free: 4, total: 10 }));
        assert_eq!(budget.with_total(5), Err(BudgetError::Below { asked: 5, spent: 0, reserved: 6 }));
        assert_eq!(budget.charge(Charge::Release, 6), Ok(Budget { total: 10, ..Budget::default() }));
        let spent = budget.charge(Charge::Spend, 6).unwrap();
        assert_eq!(spent, Budget { total: 10, reserved: 0, spent: 6 });
        assert_eq!(spent.charge(Charge::None, 6), Ok(spent));
        for charge in [Charge::Spend, Charge::Release] {
            assert_eq!(spent.charge(charge, 1), Err(BudgetError::NotReserved { asked: 1, reserved: 0 }));
        }
        assert_eq!(
            spent.with_total(6).unwrap().reserve(1),
            Err(BudgetError::Short { asked: 1, free: 0, total: 6 })
        );
        let whole = Budget { total: u64::MAX, reserved: 0, spent: 0 }.reserve(u64::MAX).unwrap();
        assert_eq!(whole.with_total(u64::MAX), Ok(whole));
        assert_eq!(whole.reserve(1), Err(BudgetError::Short { asked: 1, free: 0, total: u64::MAX }));
    }
}
