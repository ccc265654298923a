//! Every message of the registrar.

use anyhow::{Context, Result};
use ed25519_dalek::{Signer as _, SigningKey};
use medrec_api::registrar::{
    ExecuteMsg, InstitutionResponse, NewResearcher, RegistrationPolicy, certificate,
};
use medrec_clients::Registrar;

use super::{Cast, Costs};
use crate::actors::{Actor, fresh_signing_key, random};
use crate::world::World;

/// All but the expulsion, which must come last: the newcomer's log is measured in between.
pub(super) async fn measure(world: &World, cast: &Cast, costs: &mut Costs) -> Result<()> {
    let contract = world.registrar();
    let admit = ExecuteMsg::AdmitInstitution { institution: cast.newcomer.admission()? };
    costs.add("registrar.admit_institution", &world.decide(contract, &admit).await?, None)?;

    let id = newcomer(world, cast).await?.id;
    let signing = SigningKey::from_bytes(&random());
    let rekey = ExecuteMsg::RekeyInstitution {
        id,
        url: None,
        account: None,
        signing_key: Some(signing.verifying_key().to_bytes().into()),
        encryption_key: None,
    };
    costs.add("registrar.rekey_institution", &world.decide(contract, &rekey).await?, None)?;
    let policy = |registration| ExecuteMsg::SetRegistrationPolicy { registration };
    let decided = world.decide(contract, &policy(RegistrationPolicy::Consortium)).await?;
    costs.add("registrar.set_registration_policy", &decided, None)?;
    world.decide(contract, &policy(RegistrationPolicy::Institutions)).await?;
    persons(world, cast, costs).await?;
    researchers(world, cast, &signing, id, costs).await
}

async fn researchers(
    world: &World,
    cast: &Cast,
    signing: &SigningKey,
    id: u32,
    costs: &mut Costs,
) -> Result<()> {
    let contract = world.registrar();
    let certifier = &cast.newcomer.account.signer;
    let researcher = Actor::fresh()?;
    let mut facts = NewResearcher {
        account: researcher.address().to_owned(),
        name: "Researcher".to_owned(),
        key: fresh_signing_key("researcher")?.into(),
        encryption_key: researcher.encryption_key()?.as_bytes().into(),
        certificate: Vec::new().into(),
    };
    let signed = certificate(&world.chain.chain_id, contract, id, &facts);
    facts.certificate = signing.sign(&signed).to_bytes().into();
    let empty = world.empty_call(certifier, contract, false).await?.gas_used;
    let certify = ExecuteMsg::CertifyResearcher { researcher: facts };
    costs.add(
        "registrar.certify_researcher",
        &world.call(certifier, contract, &certify).await?,
        Some(empty),
    )?;
    let withdraw = ExecuteMsg::WithdrawResearcher { account: researcher.address().to_owned() };
    let outcome = world.call(certifier, contract, &withdraw).await?;
    costs.add("registrar.withdraw_researcher", &outcome, Some(empty))
}

async fn persons(world: &World, cast: &Cast, costs: &mut Costs) -> Result<()> {
    let contract = world.registrar();
    let certifier = &cast.newcomer.account.signer;
    // Two calls first, so that the account's key is known and its sequence is of the same length.
    world.empty_call(certifier, contract, false).await?;
    let empty = world.empty_call(certifier, contract, false).await?.gas_used;
    let handle = random().as_slice().to_vec();
    let register = ExecuteMsg::RegisterPerson {
        handle: handle.clone().into(),
        address: cast.person.address().to_owned(),
        encryption_key: cast.person.encryption_key()?.as_bytes().into(),
    };
    let outcome = world.call(certifier, contract, &register).await?;
    costs.add("registrar.register_person", &outcome, Some(empty))?;

    let next = Actor::fresh()?;
    let rotate = ExecuteMsg::RotatePerson {
        handle: handle.into(),
        address: next.address().to_owned(),
        encryption_key: next.encryption_key()?.as_bytes().into(),
    };
    world.empty_call(&cast.person.signer, contract, false).await?;
    let empty = world.empty_call(&cast.person.signer, contract, false).await?.gas_used;
    let outcome = world.call(&cast.person.signer, contract, &rotate).await?;
    costs.add("registrar.rotate_person", &outcome, Some(empty))
}

pub(super) async fn expel(world: &World, cast: &Cast, costs: &mut Costs) -> Result<()> {
    let expel = ExecuteMsg::ExpelInstitution { id: newcomer(world, cast).await?.id };
    costs.add("registrar.expel_institution", &world.decide(world.registrar(), &expel).await?, None)
}

pub(super) async fn newcomer(world: &World, cast: &Cast) -> Result<InstitutionResponse> {
    let registrar = Registrar::new(&world.rpc, world.registrar());
    let found = registrar.institution_by_account(cast.newcomer.account.address()).await;
    found.context("the newcomer is not in the registrar")
}
