//! Who may send what to the authlog.

use super::ExecuteMsg;

/// The sender a message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Consortium,
    /// The account of the institution whose log it is, active in the registrar.
    Institution,
    /// The account of the cosigner or challenger named: a researcher who counts, or an active institution.
    Cosigner,
    /// A researcher who is certified, by an institution that is active.
    Researcher,
    /// Anybody: what is sent proves itself.
    Anybody,
}

impl Role {
    /// As errors and the golden table say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consortium => "the consortium",
            Self::Institution => "the account of the log's institution, active in the registrar",
            Self::Cosigner => {
                "the account of the cosigner named, a certified researcher or an active institution"
            }
            Self::Researcher => "a researcher certified by an institution that is active",
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
        ExecuteMsg::AdmitLog { .. } | ExecuteMsg::Anchor { .. } => Role::Institution,
        ExecuteMsg::SetGrowthCap { .. } | ExecuteMsg::SetSealing { .. } => Role::Consortium,
        ExecuteMsg::Cosign { .. } | ExecuteMsg::Challenge { .. } => Role::Cosigner,
        ExecuteMsg::Seal { .. } => Role::Researcher,
        ExecuteMsg::Answer { .. } | ExecuteMsg::Withhold { .. } | ExecuteMsg::Report { .. } => Role::Anybody,
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
            Self::SetSealing { .. } => "set_sealing",
            Self::Cosign { .. } => "cosign",
            Self::Challenge { .. } => "challenge",
            Self::Answer { .. } => "answer",
            Self::Withhold { .. } => "withhold",
            Self::Seal { .. } => "seal",
            Self::Report { .. } => "report",
        }
    }
}
