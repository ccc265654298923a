//! Who we are on the chain, and the hospital's database.

use std::sync::Arc;

use anyhow::Context as _;
use medrec_api::registrar::{InstitutionResponse, InstitutionStatus};
use medrec_clients::Deployment;
use medrec_wallet::ContractRef;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::{
    adapter::{Adapter, Mapping, SqliteAdapter},
    chain::{Chain, Contracts, Nodes},
    config::Config,
    identity::Identity,
    keystore::{INSTITUTION_ACCOUNT, Keystore},
    log::{self, anchor},
};

/// What `prepare` finds out before anything is written.
pub struct Surroundings {
    pub deployment: Deployment,
    pub chain: Arc<dyn Chain>,
    pub institution: InstitutionResponse,
    pub identity: Arc<Identity>,
    pub adapter: Arc<dyn Adapter>,
}

/// Asks the chain who we are and opens the hospital's database; nothing is written.
pub async fn look_around(config: &Config, keystore: &Keystore) -> anyhow::Result<Surroundings> {
    let deployment = Deployment::load(&config.deployment)?;
    let urls = if config.rpc.is_empty() { &deployment.rpc } else { &config.rpc };
    let chain: Arc<dyn Chain> = Arc::new(Nodes::new(urls, &deployment.chain_id, config.chain.agree)?);
    let found = chain.status().await.context("ask the node who it is")?;
    if found.chain_id != deployment.chain_id {
        anyhow::bail!(
            "the node is of chain {:?}, deployment.json of {:?}",
            found.chain_id,
            deployment.chain_id
        );
    }
    let institution = registered(&deployment, &*chain, keystore).await?;
    if institution.url.trim_end_matches('/') != config.public_url {
        tracing::warn!(
            registrar = institution.url,
            config = config.public_url,
            "requests are signed for the registrar's URL, and refused unless public_url is the same"
        );
    }
    let identity = Arc::new(Identity {
        contract: ContractRef {
            chain_id: deployment.chain_id.clone(),
            address: deployment.contracts.relationship.address.clone(),
        },
        registrar: deployment.contracts.registrar.address.clone(),
        bounty: deployment.contracts.bounty.address.clone(),
        log_origin: institution.log_origin.clone(),
        institution: institution.id,
    });
    let mapping = Mapping::load(&config.database.mapping)?;
    let limits = config.database.limits();
    let adapter = Arc::new(SqliteAdapter::open(&config.database.sqlite, mapping, limits).await?);
    Ok(Surroundings { deployment, chain, institution, identity, adapter })
}

/// The registrar's word on our account; its keys must be ours.
async fn registered(
    deployment: &Deployment,
    chain: &dyn Chain,
    keystore: &Keystore,
) -> anyhow::Result<InstitutionResponse> {
    let account = keystore.account(INSTITUTION_ACCOUNT)?;
    let contracts = Contracts::new(chain, &deployment.contracts);
    let found = contracts.institution_by_account(account.address()).await.with_context(|| {
        format!(
            "ask the registrar for the institution of account {}: has the consortium admitted it?",
            account.address()
        )
    })?;
    if found.status != InstitutionStatus::Active {
        anyhow::bail!("institution {} was expelled", found.id);
    }
    for (name, ours, theirs) in [
        ("signing key", keystore.signing_key().verifying_key().to_bytes(), &found.signing_key),
        ("log key", keystore.log_key().verifying_key().to_bytes(), &found.log_key),
    ] {
        if ours[..] != theirs[..] {
            anyhow::bail!("the registrar has another {name} for institution {} than this keystore", found.id);
        }
    }
    Ok(found)
}

/// Entries in the store's log and in its anchor; none without a store. Refuses one that `run` would refuse.
pub async fn look_at_store(config: &Config, around: &Surroundings) -> anyhow::Result<Option<(u64, u64)>> {
    if !config.store.exists() {
        return Ok(None);
    }
    let options = SqliteConnectOptions::new().filename(&config.store).pragma("query_only", "ON");
    let mut store = options.connect().await.with_context(|| format!("open {}", config.store.display()))?;
    let stored = log::head(&mut store).await?.size;
    let contracts = Contracts::new(&*around.chain, &around.deployment.contracts);
    let anchored = contracts.log_of(around.institution.id).await?.map_or(0, |log| log.size);
    if anchored > stored {
        return Err(anchor::Error::Behind { anchored, stored }.into());
    }
    store.close().await?;
    Ok(Some((stored, anchored)))
}
