//! Researchers: the institution certifies them, and takes that back.

use cosmwasm_std::Binary;
use ed25519_dalek::Signer as _;
use medrec_api::registrar::{ExecuteMsg, NewResearcher, ResearcherResponse, ResearcherStatus, certificate};
use medrec_api::validate;
use medrec_wallet::adr036::check_address;

use super::{Error, Office, Researcher, ResearcherFacts, ResearcherState};
use crate::{
    chain::outbox::{self, Message},
    keystore::INSTITUTION_ACCOUNT,
};

impl Office {
    /// Signs the researcher's facts with the institution's signing key and queues his certification.
    pub async fn certify(&self, facts: &ResearcherFacts) -> Result<Researcher, Error> {
        let mut researcher = checked(facts)?;
        if let Some(known) = self.contracts().researcher(&researcher.account).await? {
            return Err(Error::Certified { account: known.account, by: known.certified_by });
        }
        let identity = &self.identity;
        let (chain_id, institution) = (&identity.contract.chain_id, identity.institution);
        let signed = certificate(chain_id, &identity.registrar, institution, &researcher);
        let signature = self.keystore.signing_key().sign(&signed).to_bytes();
        researcher.certificate = Binary::new(signature.to_vec());
        let shown = Researcher {
            account: researcher.account.clone(),
            name: researcher.name.clone(),
            status: ResearcherState::Requested,
            key: researcher.key.to_base64(),
            encryption_key: researcher.encryption_key.to_base64(),
            certified_by: institution,
            certificate: researcher.certificate.to_base64(),
        };
        let content = format!("certify/{}", researcher.account);
        self.send(content, "this certification", &ExecuteMsg::CertifyResearcher { researcher }).await?;
        Ok(shown)
    }

    /// Queues the end of a researcher of this institution.
    pub async fn withdraw(&self, account: &str) -> Result<(), Error> {
        let found = self.contracts().researcher(account).await?;
        let found = found.filter(|found| found.certified_by == self.identity.institution);
        let found = found.ok_or_else(|| Error::NoResearcher(account.to_owned()))?;
        if found.status == ResearcherStatus::Withdrawn {
            return Err(Error::Withdrawn(found.account));
        }
        let content = format!("withdraw/{}", found.account);
        let message = ExecuteMsg::WithdrawResearcher { account: found.account };
        self.send(content, "this withdrawal", &message).await
    }

    /// Those this institution certified, as the chain has them.
    pub async fn researchers(&self) -> Result<Vec<Researcher>, Error> {
        let all = self.contracts().researchers().await?;
        let ours = all.into_iter().filter(|found| found.certified_by == self.identity.institution);
        Ok(ours.map(Researcher::from).collect())
    }

    async fn send(&self, content: String, what: &'static str, msg: &ExecuteMsg) -> Result<(), Error> {
        let message = Message {
            content,
            account: INSTITUTION_ACCOUNT,
            contract: self.identity.registrar.clone(),
            msg: serde_json::to_string(msg)?,
            granter: None,
        };
        let mut tx = self.store.begin().await?;
        if !outbox::queue(&mut tx, &message).await? {
            return Err(Error::OnItsWay(what));
        }
        tx.commit().await?;
        self.wake.notify_one();
        Ok(())
    }
}

impl From<ResearcherResponse> for Researcher {
    fn from(found: ResearcherResponse) -> Self {
        Self {
            account: found.account,
            name: found.name,
            status: match found.status {
                ResearcherStatus::Active => ResearcherState::Active,
                ResearcherStatus::Withdrawn => ResearcherState::Withdrawn,
            },
            key: found.key.to_base64(),
            encryption_key: found.encryption_key.to_base64(),
            certified_by: found.certified_by,
            certificate: found.certificate.to_base64(),
        }
    }
}

/// As the registrar checks it: a certificate is not signed over what it would refuse.
fn checked(facts: &ResearcherFacts) -> Result<NewResearcher, Error> {
    let bytes = |text: &str| Binary::from_base64(text).map_err(|_| Error::Body("keys are base64".to_owned()));
    let (key, encryption_key) = (bytes(&facts.key)?, bytes(&facts.encryption_key)?);
    validate::name("name", &facts.name)?;
    validate::ed25519_key("key", &key)?;
    validate::x25519_key("encryption_key", &encryption_key)?;
    check_address(&facts.account).map_err(|error| Error::Body(format!("account: {error}")))?;
    Ok(NewResearcher {
        account: facts.account.clone(),
        name: facts.name.clone(),
        key,
        encryption_key,
        certificate: Binary::default(),
    })
}
