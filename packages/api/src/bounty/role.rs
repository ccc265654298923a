//! Who may send what to the bounty contract.

use super::ExecuteMsg;

/// The sender a message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Consortium,
    /// The account of the institution that offers, active in the registrar.
    Institution,
    /// The miner of the offer's seal, certified by an institution that is active.
    Owner,
    /// Anybody: the chain's own clock decides.
    Anybody,
}

impl Role {
    /// As errors and the golden table say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consortium => "the consortium",
            Self::Institution => "the account of the institution that offers, active in the registrar",
            Self::Owner => "the owner, a researcher who mined the offer's seal and is certified now",
            Self::Anybody => "anybody",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sender this message needs.
#[must_use]
pub const fn role(msg: &ExecuteMsg) -> Role {
    match msg {
        ExecuteMsg::SetBudget { .. } => Role::Consortium,
        ExecuteMsg::SetCatalogue { .. } | ExecuteMsg::Offer { .. } | ExecuteMsg::Deliver { .. } => {
            Role::Institution
        }
        ExecuteMsg::Claim { .. } | ExecuteMsg::Ask { .. } => Role::Owner,
        ExecuteMsg::Expire { .. } => Role::Anybody,
    }
}

impl ExecuteMsg {
    /// The message's name, as errors give it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SetBudget { .. } => "set_budget",
            Self::SetCatalogue { .. } => "set_catalogue",
            Self::Offer { .. } => "offer",
            Self::Claim { .. } => "claim",
            Self::Ask { .. } => "ask",
            Self::Deliver { .. } => "deliver",
            Self::Expire { .. } => "expire",
        }
    }
}
