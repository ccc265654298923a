//! Seals, their template, what is vouched for.

use cosmwasm_std::{Deps, Order};
use cw_storage_plus::Bound;
use medrec_api::{
    MAX_LIMIT,
    authlog::{
        AttestedResponse, ChallengeState, Cosigner, Error, HeadsResponse, SealResponse, SealedHead,
        SealedHeadsResponse, Sealing, SealingFrom, SealingResponse, SealingsResponse, SealsResponse,
        TemplateResponse, VouchedHead, Watched,
    },
    page,
};
use medrec_seals::Rules;

use crate::{
    attested::{self, Vouched},
    challenges::{self, Challenge},
    sealing::{self, Found, Settings, Template},
    state::{self, LOGS},
};

pub fn attested(deps: Deps, slot: u32) -> Result<AttestedResponse, Error> {
    state::log(deps.storage, slot, "attested")?;
    let known = attested::attested(deps.storage, slot)?;
    let open = challenges::of_log(deps.storage, slot, page(Some(MAX_LIMIT)))?;
    Ok(AttestedResponse {
        slot,
        size: known.size,
        root: known.root.into(),
        newest: known.newest.map(vouched),
        challenges: open.into_iter().map(challenge_state).collect(),
        withheld: known.withheld > 0,
    })
}

fn challenge_state((challenger, open): (u32, Challenge)) -> ChallengeState {
    let Challenge { withheld, index, size, root, deadline } = open;
    ChallengeState { challenger, index, size, root: root.into(), deadline, withheld }
}

fn vouched(head: Vouched) -> VouchedHead {
    let Vouched { institution, size, root, researcher } = head;
    let cosigner = match researcher {
        Some(account) => Cosigner::Researcher { account },
        None => Cosigner::Institution { id: institution },
    };
    VouchedHead { cosigner, size, root: root.into() }
}

pub fn sealing(deps: Deps) -> Result<SealingResponse, Error> {
    let seals = sealing::seals(deps.storage)?;
    let work = sealing::row(deps.storage, seals)?.map(|(_, after)| after.work).unwrap_or_default();
    let sealing = sealing::settings(deps.storage)?.map(as_set);
    Ok(SealingResponse { sealing, seals, work: work.to_be_bytes().into() })
}

pub fn sealings(deps: Deps, start_after: Option<u64>, limit: Option<u32>) -> Result<SealingsResponse, Error> {
    let history = sealing::history(deps.storage, start_after.unwrap_or(0), page(limit))?;
    let one = |settings: Settings| SealingFrom { from: settings.from, sealing: as_set(settings) };
    Ok(SealingsResponse { sealings: history.into_iter().map(one).collect() })
}

/// As the consortium sent it.
fn as_set(settings: Settings) -> Sealing {
    let Settings { rules, challenge_seconds, watched, .. } = settings;
    let Rules { interval, half_life, anchor, easiest, hardest } = rules;
    let [anchor, easiest, hardest] = [anchor, easiest, hardest].map(|target| target.to_be_bytes().into());
    Sealing { interval, half_life, anchor, easiest, hardest, challenge_seconds, watched }
}

pub fn template(deps: Deps) -> Result<TemplateResponse, Error> {
    let template = sealing::template(deps.storage, "template")?;
    let Template { number, previous, frozen_at, ref heads, ref retarget, .. } = template;
    Ok(TemplateResponse {
        number,
        previous: previous.into(),
        sealed: template.sealed().into(),
        entries: heads.sum,
        target: retarget.target.to_be_bytes().into(),
        frozen_at,
        heads: counted(deps, number, None).collect::<Result<_, _>>()?,
        watched: watched(&template),
    })
}

/// Heads that count in a template, in order of slot.
fn counted(
    deps: Deps,
    number: u64,
    start_after: Option<u32>,
) -> impl Iterator<Item = Result<SealedHead, Error>> {
    let from = start_after.map(Bound::exclusive);
    LOGS.range(deps.storage, from, None, Order::Ascending).filter_map(move |row| {
        let one = || {
            let (slot, log) = row?;
            let counted = attested::counted(deps.storage, slot, number)?;
            let origin = log.origin;
            Ok(counted.map(|(size, root)| SealedHead { slot, origin, size, root: root.into() }))
        };
        one().transpose()
    })
}

fn watched(template: &Template) -> Vec<Watched> {
    let one = |one: medrec_seals::Watched| Watched {
        contract: one.contract.to_owned(),
        size: one.size,
        root: one.root.into(),
        checksum: one.checksum.into(),
    };
    template.watched().map(one).collect()
}

pub fn seal(deps: Deps, number: u64) -> Result<SealResponse, Error> {
    let seals = sealing::seals(deps.storage)?;
    let missing = Error::NoSeal { operation: "seal", number, seals };
    let Some(before) = number.checked_sub(1) else { return Err(missing) };
    let (sealed, found) = (sealing::row(deps.storage, before)?, sealing::row(deps.storage, number)?);
    let ((_, sealed), (found, after)) = sealed.zip(found).ok_or(missing)?;
    let Found { nonce, mix, signature, height } = found;
    Ok(SealResponse {
        number,
        previous: sealed.previous.into(),
        sealed: sealed.sealed().into(),
        heads: HeadsResponse { hash: sealed.heads.hash.into(), total: sealed.heads.sum },
        target: sealed.retarget.target.to_be_bytes().into(),
        frozen_at: sealed.frozen_at,
        miner: sealing::miner(deps.storage, number)?,
        nonce,
        mix: mix.into(),
        signature: signature.into(),
        id: after.previous.into(),
        height,
        at: after.frozen_at,
        work: after.work.to_be_bytes().into(),
        watched: watched(&sealed),
    })
}

pub fn seals(deps: Deps, start_after: Option<u64>, limit: Option<u32>) -> Result<SealsResponse, Error> {
    let last = sealing::seals(deps.storage)?;
    let numbers = start_after.unwrap_or(0).saturating_add(1)..=last;
    let seals = numbers.take(page(limit)).map(|number| seal(deps, number));
    Ok(SealsResponse { seals: seals.collect::<Result<_, _>>()? })
}

/// Of a seal, or of the template that is being sealed.
pub fn sealed_heads(
    deps: Deps,
    number: u64,
    start_after: Option<u32>,
    limit: Option<u32>,
) -> Result<SealedHeadsResponse, Error> {
    let newest = sealing::template(deps.storage, "sealed_heads")?.number;
    if number == 0 || number > newest {
        return Err(Error::NoTemplate { operation: "sealed_heads", number, newest });
    }
    let heads = counted(deps, number, start_after).take(page(limit));
    Ok(SealedHeadsResponse { heads: heads.collect::<Result<_, _>>()? })
}
