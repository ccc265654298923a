//! Who may send what to the authlog.

use super::ExecuteMsg;

/// The sender a message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Consortium,
    /// The account of the institution whose log it is, active in the registrar.
    Institution,
}

impl Role {
    /// As errors and the golden table say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consortium => "the consortium",
            Self::Institution => "the account of the log's institution, active in the registrar",
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
        ExecuteMsg::AdmitLog { .. } | ExecuteMsg::Anchor { .. } => Role::Institution,
        ExecuteMsg::SetGrowthCap { .. } => Role::Consortium,
    }
}

impl ExecuteMsg {
    /// The message's name, as errors give it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AdmitLog { .. } => "admit_log",
            Self::Anchor { .. } => "anchor",
            Self::SetGrowthCap { .. } => "set_growth_cap",
        }
    }
}
