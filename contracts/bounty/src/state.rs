//! What is stored: per institution its budget, its catalogues and its record; per offer its terms, written once, and
//! where it stands, written by every step.

use cosmwasm_schema::cw_serde;
use cosmwasm_std::{Addr, Binary, Storage};
use cw_storage_plus::{Item, Map};
use medrec_api::{
    bounty::{
        self, Action, Budget, CatalogueEntry, Deadline, Error, Moment, OfferState, Question, Record, Refusal,
        SEALS_TO_OWNER, Step, is_late, step,
    },
    validate,
};

use crate::listing;

#[cw_serde]
pub struct Config {
    pub consortium: Addr,
    pub registrar: Addr,
    pub authlog: Addr,
}

pub const CONFIG: Item<Config> = Item::new("config");

/// By institution.
pub const BUDGETS: Map<u32, Budget> = Map::new("budget");
/// By institution.
pub const RECORDS: Map<u32, Record> = Map::new("record");
/// Newest version by institution, from 1.
pub const CATALOGUE_VERSIONS: Map<u32, u32> = Map::new("catalogue_version");
/// By institution and version. None is ever overwritten: an offer's owner asks within the one it was made under.
pub const CATALOGUES: Map<(u32, u32), Vec<CatalogueEntry>> = Map::new("catalogue");

/// Number of offers, which is the newest one's number.
pub const COUNT: Item<u64> = Item::new("count");
/// Number by id [32].
pub const NUMBERS: Map<&[u8], u64> = Map::new("number");
/// By number.
pub const TERMS: Map<u64, Terms> = Map::new("terms");
/// By number.
const STANDINGS: Map<u64, Standing> = Map::new("standing");

/// What an offer said, for good.
#[cw_serde]
pub struct Terms {
    pub id: Binary,
    pub institution: u32,
    pub terms: bounty::Terms,
    pub catalogue: Option<u32>,
    /// Seals there were at the offer.
    pub seals: u64,
    pub height: u64,
    pub at: u64,
}

impl Terms {
    pub const fn is_open(&self) -> bool {
        matches!(self.terms.kind, bounty::OfferKind::Open {})
    }
}

/// Where an offer stands.
#[cw_serde]
pub struct Standing {
    pub state: OfferState,
    pub owner: Option<Owner>,
    pub asked: Option<Asked>,
    pub delivered: Option<bounty::Delivered>,
}

#[cw_serde]
pub struct Owner {
    pub researcher: Addr,
    pub encryption_key: Binary,
    pub seal: u64,
    pub claimed_seals: u64,
    pub claimed_height: u64,
}

#[cw_serde]
pub struct Asked {
    /// None: the one of a fixed offer.
    pub question: Option<Question>,
    pub height: u64,
    pub at: u64,
    pub answer_by: u64,
}

/// One offer.
pub struct Offer {
    pub number: u64,
    pub terms: Terms,
    pub standing: Standing,
}

impl Offer {
    pub fn id(&self) -> String {
        self.terms.id.to_hex()
    }

    /// What was asked, or stands to be asked.
    pub fn question(&self) -> Option<&Question> {
        match &self.terms.terms.kind {
            bounty::OfferKind::Fixed { question } => Some(question),
            bounty::OfferKind::Open {} => self.standing.asked.as_ref()?.question.as_ref(),
        }
    }

    /// The last moment of the state it is in.
    pub fn deadline(&self) -> Option<Deadline> {
        let Terms { seals, ref terms, .. } = self.terms;
        let Standing { state, ref owner, ref asked, .. } = self.standing;
        match state {
            OfferState::Offered => Some(Deadline::Seals(
                seals.saturating_add(SEALS_TO_OWNER).saturating_add(terms.claim_seals.into()),
            )),
            OfferState::Owned => owner
                .as_ref()
                .map(|owner| Deadline::Seals(owner.claimed_seals.saturating_add(terms.ask_seals.into()))),
            OfferState::Asked => asked.as_ref().map(|asked| Deadline::Time(asked.answer_by)),
            OfferState::Delivered | OfferState::Missed | OfferState::Released => None,
        }
    }

    /// Takes one step, if the rules allow it now.
    pub fn step(&mut self, action: Action, now: Moment) -> Result<Step, Error> {
        let (operation, state) = (action.as_str(), self.standing.state);
        let deadline = self.deadline();
        let late = deadline.is_some_and(|deadline| is_late(deadline, now));
        let (offer, found) = (self.id(), deadline.zip(deadline.map(|deadline| same_clock(deadline, now))));
        let taken = step(state, self.terms.is_open(), action, late);
        let taken = taken.map_err(|refusal| match (refusal, found) {
            (Refusal::Late, Some((deadline, now))) => Error::Late { operation, offer, state, deadline, now },
            (Refusal::Early, Some((deadline, now))) => Error::Early { offer, state, deadline, now },
            _ => Error::WrongState { operation, offer, state },
        })?;
        self.standing.state = taken.state;
        Ok(taken)
    }

    /// Keeps where it stands now, and moves it between the lists.
    pub fn save(&self, storage: &mut dyn Storage, before: OfferState) -> Result<(), Error> {
        STANDINGS.save(storage, self.number, &self.standing)?;
        listing::moved(storage, self, before)
    }
}

const fn same_clock(deadline: Deadline, now: Moment) -> Deadline {
    match deadline {
        Deadline::Seals(_) => Deadline::Seals(now.seals),
        Deadline::Time(_) => Deadline::Time(now.time),
    }
}

/// A new offer under the next number.
pub fn add(storage: &mut dyn Storage, terms: Terms) -> Result<Offer, Error> {
    let used_up = Error::NumbersUsedUp { operation: "offer", institution: terms.institution };
    let number = COUNT.may_load(storage)?.unwrap_or_default().checked_add(1).ok_or(used_up)?;
    let standing = Standing { state: OfferState::Offered, owner: None, asked: None, delivered: None };
    let offer = Offer { number, terms, standing };
    COUNT.save(storage, &number)?;
    NUMBERS.save(storage, &offer.terms.id, &number)?;
    TERMS.save(storage, number, &offer.terms)?;
    STANDINGS.save(storage, number, &offer.standing)?;
    listing::added(storage, &offer)?;
    Ok(offer)
}

pub fn by_number(storage: &dyn Storage, number: u64) -> Result<Offer, Error> {
    let damaged = |item| Error::Damaged { item };
    let terms = TERMS.may_load(storage, number)?.ok_or(damaged("terms of an offer"))?;
    let standing = STANDINGS.may_load(storage, number)?.ok_or(damaged("standing of an offer"))?;
    Ok(Offer { number, terms, standing })
}

/// None: the id is free.
pub fn may_find(storage: &dyn Storage, id: &Binary) -> Result<Option<Offer>, Error> {
    validate::bytes32("id", id)?;
    NUMBERS.may_load(storage, id)?.map(|number| by_number(storage, number)).transpose()
}

pub fn find(storage: &dyn Storage, operation: &'static str, id: &Binary) -> Result<Offer, Error> {
    may_find(storage, id)?.ok_or_else(|| Error::NoOffer { operation, offer: id.to_hex() })
}

/// Zero while the consortium has set none.
pub fn budget(storage: &dyn Storage, institution: u32) -> Result<Budget, Error> {
    Ok(BUDGETS.may_load(storage, institution)?.unwrap_or_default())
}

/// Does to the ledger what the step asks for.
pub fn charge(
    storage: &mut dyn Storage,
    operation: &'static str,
    offer: &Offer,
    taken: Step,
) -> Result<(), Error> {
    let Terms { institution, ref terms, .. } = offer.terms;
    let before = budget(storage, institution)?;
    let after = before.charge(taken.charge, terms.price);
    let after = after.map_err(|reason| Error::Ledger { operation, institution, reason })?;
    if after != before {
        BUDGETS.save(storage, institution, &after)?;
    }
    Ok(())
}

/// Counts in an institution's record.
pub fn count(
    storage: &mut dyn Storage,
    institution: u32,
    one: impl FnOnce(&mut Record) -> &mut u64,
) -> Result<(), Error> {
    let mut record = RECORDS.may_load(storage, institution)?.unwrap_or_default();
    let counter = one(&mut record);
    *counter = counter.saturating_add(1);
    RECORDS.save(storage, institution, &record)?;
    Ok(())
}
