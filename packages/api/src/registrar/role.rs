//! Who may send what to the registrar.

use super::ExecuteMsg;

/// The sender a message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    Consortium,
    /// By the registration policy: an active institution's account, or the consortium.
    Certifier,
    /// The present address of the person named.
    Person,
    /// The account of an active institution.
    Institution,
    /// The institution that certified the researcher named, or the consortium.
    Withdrawer,
}

impl Role {
    /// As errors and the golden table say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consortium => "the consortium",
            Self::Certifier => "one who may register persons by the policy in force",
            Self::Person => "the person's present address",
            Self::Institution => "the account of an active institution",
            Self::Withdrawer => "the institution that certified this researcher, or the consortium",
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
        ExecuteMsg::AdmitInstitution { .. }
        | ExecuteMsg::ExpelInstitution { .. }
        | ExecuteMsg::RekeyInstitution { .. }
        | ExecuteMsg::SetRegistrationPolicy { .. } => Role::Consortium,
        ExecuteMsg::RegisterPerson { .. } => Role::Certifier,
        ExecuteMsg::RotatePerson { .. } => Role::Person,
        ExecuteMsg::CertifyResearcher { .. } => Role::Institution,
        ExecuteMsg::WithdrawResearcher { .. } => Role::Withdrawer,
    }
}

impl ExecuteMsg {
    /// The message's name, as errors give it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AdmitInstitution { .. } => "admit_institution",
            Self::ExpelInstitution { .. } => "expel_institution",
            Self::RekeyInstitution { .. } => "rekey_institution",
            Self::RegisterPerson { .. } => "register_person",
            Self::RotatePerson { .. } => "rotate_person",
            Self::SetRegistrationPolicy { .. } => "set_registration_policy",
            Self::CertifyResearcher { .. } => "certify_researcher",
            Self::WithdrawResearcher { .. } => "withdraw_researcher",
        }
    }
}
