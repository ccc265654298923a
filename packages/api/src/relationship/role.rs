//! Who may send what to the relationship contract.

use super::{ExecuteMsg, GrantKind};

/// The sender a message needs. Within a relationship `medrec_rules::may_act` decides, with this as its outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Consortium,
    Sponsor,
    /// A delegate that the sponsor admitted and that has opened nothing.
    Delegate,
    Patient,
    PatientOrCarer,
    PatientOrSteward,
}

impl Role {
    /// As errors and the golden table say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consortium => "the consortium",
            Self::Sponsor => "the sponsor",
            Self::Delegate => "an admitted, unused delegate",
            Self::Patient => "the patient",
            Self::PatientOrCarer => "the patient or a carer under a grant in force",
            Self::PatientOrSteward => "the patient or the steward",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The sender this message needs. A revoke of a carer's grant needs the patient: the contract sees the kind.
#[must_use]
pub const fn role(msg: &ExecuteMsg) -> Role {
    match msg {
        ExecuteMsg::Admit { .. } => Role::Sponsor,
        ExecuteMsg::Open { .. } => Role::Delegate,
        ExecuteMsg::Accept { .. } => Role::PatientOrCarer,
        ExecuteMsg::Reject { .. } | ExecuteMsg::SetResearch { .. } => Role::Patient,
        ExecuteMsg::Close { .. } | ExecuteMsg::Rotate { .. } => Role::PatientOrSteward,
        ExecuteMsg::Grant { kind: GrantKind::Read, .. } => Role::PatientOrCarer,
        ExecuteMsg::Grant { kind: GrantKind::Act, .. } => Role::Patient,
        ExecuteMsg::Revoke { .. } => Role::PatientOrCarer,
        ExecuteMsg::SetSponsor { .. } => Role::Consortium,
    }
}

impl ExecuteMsg {
    /// The message's name, as errors give it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Admit { .. } => "admit",
            Self::Open { .. } => "open",
            Self::Accept { .. } => "accept",
            Self::Reject { .. } => "reject",
            Self::Close { .. } => "close",
            Self::Rotate { .. } => "rotate",
            Self::Grant { .. } => "grant",
            Self::Revoke { .. } => "revoke",
            Self::SetResearch { .. } => "set_research",
            Self::SetSponsor { .. } => "set_sponsor",
        }
    }
}
