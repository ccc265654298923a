//! What staff can do: ask a patient for a relationship, and end one.

use std::sync::Arc;

use cosmwasm_std::Binary;
use medrec_api::relationship::{DelegateStatus, ExecuteMsg};
use medrec_rules::Status;
use medrec_wallet::{Card, SecretKey, opening};
use rand_core::OsRng;
use tokio::sync::Notify;

use super::{Error, OpenRequest, Relationship, State};
use crate::{
    adapter::Adapter,
    chain::{
        Chain, Contracts,
        outbox::{self, Message},
    },
    clock::Clock,
    failpoint,
    filing::openings::{self, NewOpening},
    identity::Identity,
    keystore::Keystore,
    ops::health::Health,
    projection,
    store::Store,
};

/// Delegates tried in a row before staff is told to have more admitted.
const TRIES: u32 = 200;

/// What the private listener works with.
pub struct Office {
    pub store: Arc<Store>,
    pub chain: Arc<dyn Chain>,
    pub adapter: Arc<dyn Adapter>,
    pub identity: Arc<Identity>,
    pub keystore: Arc<Keystore>,
    pub clock: Arc<dyn Clock>,
    pub health: Health,
    /// Rung when something was queued to be sent.
    pub wake: Arc<Notify>,
    /// One opening at a time: each takes the next delegate.
    pub turn: tokio::sync::Mutex<()>,
}

impl Office {
    /// Seals the opening to the patient's card, keeps the secrets and queues the transaction, all or nothing.
    pub async fn open(&self, request: &OpenRequest) -> Result<Relationship, Error> {
        let card = Card::parse(&request.card)?;
        if card.staff.is_some() {
            return Err(Error::StaffCard);
        }
        self.check_patient(&request.patient_id).await?;
        let _turn = self.turn.lock().await;
        let mut connection = self.store.read().acquire().await?;
        if openings::knows_patient(&mut connection, &card.address).await? {
            return Err(Error::CardUsed);
        }
        let (delegate, steward) = self.delegate(&mut connection).await?;
        drop(connection);
        let kem_secret = SecretKey::generate(&mut OsRng);
        let opening = opening::open(
            &mut OsRng,
            &self.identity.contract,
            &steward,
            &card.address,
            &card.encryption_key,
            &kem_secret.public()?,
            self.identity.institution,
        )?;
        let new = NewOpening {
            delegate,
            steward: &steward,
            patient: &card.address,
            patient_id: &request.patient_id,
            requested_at: self.clock.now(),
            kem_secret: &kem_secret,
            steward_part: &opening.steward_part,
        };
        let mut tx = self.store.begin().await?;
        openings::insert(&mut tx, self.store.vault(), &new).await?;
        let msg = ExecuteMsg::Open { patient: card.address.clone(), sealed: Binary::from(opening.sealed) };
        let message = self.message(format!("open/{steward}"), delegate, &msg)?;
        outbox::queue(&mut tx, &message).await?;
        tx.commit().await?;
        failpoint::hit("office.open-queued");
        self.wake.notify_one();
        Ok(Relationship {
            patient_id: request.patient_id.clone(),
            id: None,
            status: State::Requested,
            error: None,
            requested_at: new.requested_at,
            filed: false,
            patient: card.address,
            steward,
        })
    }

    /// Queues the end of a relationship.
    pub async fn close(&self, id: u64) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let relationship = projection::relationship(&mut tx, id).await?.ok_or(Error::NoRelationship(id))?;
        if !matches!(relationship.status, Status::Offered | Status::Active) {
            return Err(Error::NotOpen { id, status: relationship.status.as_str() });
        }
        let delegate = openings::delegate(&mut tx, id).await?.ok_or(Error::NoRelationship(id))?;
        let message = self.message(format!("close/{id}"), delegate, &ExecuteMsg::Close { id })?;
        outbox::queue(&mut tx, &message).await?;
        tx.commit().await?;
        failpoint::hit("office.close-queued");
        self.wake.notify_one();
        Ok(())
    }

    /// The patient must be one of the hospital's: asked of the scope that has the Patient resource, if there is one.
    async fn check_patient(&self, patient_id: &str) -> Result<(), Error> {
        let scopes = self.adapter.scopes();
        let Some(scope) = scopes.iter().find(|scope| scope.resource_type == "Patient") else { return Ok(()) };
        if self.adapter.read(scope, patient_id).await?.is_empty() {
            return Err(Error::NoPatient);
        }
        Ok(())
    }

    /// The next delegate that the sponsor admitted and nobody used.
    async fn delegate(&self, connection: &mut sqlx::SqliteConnection) -> Result<(u32, String), Error> {
        let contracts = self.contracts();
        let mut above = None;
        for _ in 0..TRIES {
            let index = openings::next_delegate(connection, above).await?;
            let address = self.keystore.account(index)?.address().to_owned();
            match contracts.delegate(&address).await? {
                DelegateStatus::Admitted => return Ok((index, address)),
                // Used by a store that is gone.
                DelegateStatus::Used { .. } => above = Some(index),
                DelegateStatus::Unknown => return Err(Error::NoDelegate),
            }
        }
        Err(Error::NoDelegate)
    }

    pub(super) fn contracts(&self) -> Contracts<'_> {
        Contracts {
            chain: &*self.chain,
            registrar: &self.identity.registrar,
            relationship: &self.identity.contract.address,
            authlog: "",
        }
    }

    fn message(&self, content: String, account: u32, msg: &ExecuteMsg) -> Result<Message, Error> {
        let contract = self.identity.contract.address.clone();
        let msg = serde_json::to_string(msg)?;
        Ok(Message { content, account, granter: Some(contract.clone()), contract, msg })
    }
}
