//! Refusals of the registrar.

use cosmwasm_std::StdError;

use super::{RegistrationPolicy, Role};
use crate::own_log::OwnLogError;
use crate::validate::Invalid;

#[derive(thiserror::Error, Debug)]
pub enum Error {
    #[error("registrar: chain: {0}")]
    Chain(StdError),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("registrar: {0}")]
    OwnLog(#[from] OwnLogError),
    #[error("{operation}: funds attached ({found}), send the message without any")]
    Funds { operation: &'static str, found: String },
    #[error("{operation}: sender {sender} is not {needed}")]
    Sender { operation: &'static str, sender: String, needed: Role },

    #[error("{operation}: there is no institution {id}; the newest is {newest}")]
    NoInstitution { operation: &'static str, id: u32, newest: u32 },
    #[error("institution_by_account: no institution has the account {account}")]
    NoAccount { account: String },
    #[error("{operation}: institution {id} is expelled; admit it anew under a new id")]
    InstitutionExpelled { operation: &'static str, id: u32 },
    #[error("{operation}: ids are used up")]
    IdsUsedUp { operation: &'static str },
    #[error("{operation}: account {account} is institution {id}'s already; one account is one institution's")]
    AccountTaken { operation: &'static str, account: String, id: u32 },
    #[error("{operation}: log origin {origin:?} is institution {id}'s already; a log has one name for ever")]
    OriginTaken { operation: &'static str, origin: String, id: u32 },
    #[error("expel_institution: institution {id} is expelled already")]
    ExpelAgain { id: u32 },
    #[error("rekey_institution: nothing of institution {id} would change; name a new url, account or key")]
    RekeyNothing { id: u32 },

    #[error("register_person: this handle is registered already, at {address}; rotate_person moves it")]
    PersonKnown { address: String },
    #[error("{operation}: no person has this handle; check salt and name (wire.md section 11)")]
    NoPerson { operation: &'static str },
    #[error("rotate_person: the handle is at {address} with this key already")]
    RotateSame { address: String },
    #[error("set_registration_policy: {found:?} is the policy already")]
    PolicySame { found: RegistrationPolicy },

    #[error("{operation}: account {account} is a researcher's; one account is either's, for ever")]
    AccountOfResearcher { operation: &'static str, account: String },
    #[error("{operation}: this {field} is another's already; make a key of your own")]
    KeyTaken { operation: &'static str, field: &'static str },
    #[error(
        "certify_researcher: {account} was certified by institution {certified_by} already; one account is one \
         researcher's for ever"
    )]
    ResearcherKnown { account: String, certified_by: u32 },
    #[error("certify_researcher: {account} is institution {id}'s account; a researcher has his own")]
    ResearcherIsInstitution { account: String, id: u32 },
    #[error(
        "certify_researcher: the certificate of {account} is not institution {id}'s signature over these facts \
         (wire.md section 11); sign chain id, registrar, id, account, name and both keys with its present signing key"
    )]
    Certificate { account: String, id: u32 },
    #[error("{operation}: no researcher has the account {account}")]
    NoResearcher { operation: &'static str, account: String },
    #[error(
        "withdraw_researcher: {account} is withdrawn already; a researcher comes back under a new account"
    )]
    WithdrawAgain { account: String },

    #[error("migrate: this is {expected}, the state was written by {found}")]
    MigrateFrom { expected: String, found: String },
}

impl From<StdError> for Error {
    fn from(error: StdError) -> Self {
        Self::Chain(error)
    }
}
