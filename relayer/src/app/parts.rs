//! What the subsystems share.

use std::sync::Arc;

use medrec_accesslog::LogSigner;
use medrec_clients::{Chain as ChainParameters, Deployment};
use tokio::sync::Notify;

use super::Surroundings;
use crate::{
    adapter::Adapter,
    chain::Chain,
    clock::{Clock, SystemClock},
    config::Config,
    filing::Filer,
    identity::Identity,
    keystore::Keystore,
    log::pacing::Pace,
    ops::{health::Health, metered::Metered},
    store::Store,
};

/// Opened once; each subsystem clones what it needs.
pub struct Parts<'a> {
    pub config: &'a Config,
    pub deployment: Deployment,
    pub parameters: ChainParameters,
    pub chain: Arc<dyn Chain>,
    pub identity: Arc<Identity>,
    pub keystore: Arc<Keystore>,
    pub adapter: Arc<dyn Adapter>,
    pub store: Arc<Store>,
    /// Signs checkpoints.
    pub signer: Arc<LogSigner>,
    pub clock: Arc<dyn Clock>,
    /// Holds the metrics too.
    pub health: Health,
    pub filer: Filer,
    /// Holds anchoring and filing to one pace.
    pub pace: Pace,
    /// Rung when a transaction was queued.
    pub sending: Arc<Notify>,
    /// Rung when there is something to file.
    pub filing: Arc<Notify>,
    /// Rung when there is something for the research desk.
    pub research: Arc<Notify>,
}

/// Refuses a store that belongs to another chain, contract or log.
pub async fn bind(store: &Store, identity: &Identity) -> anyhow::Result<()> {
    let facts = [
        ("chain_id", identity.contract.chain_id.as_str()),
        ("relationship_contract", &identity.contract.address),
        ("log_origin", &identity.log_origin),
    ];
    Ok(store.bind(&facts).await?)
}

impl<'a> Parts<'a> {
    /// Opens the store and binds it to this chain, contract and log.
    pub async fn open(config: &'a Config, keystore: Keystore, around: Surroundings) -> anyhow::Result<Self> {
        let Surroundings { deployment, chain, identity, adapter, institution: _ } = around;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = Arc::new(Store::open(&config.store, &keystore.store_key()).await?);
        bind(&store, &identity).await?;
        let signer = Arc::new(LogSigner::new(&identity.log_origin, &keystore.log_key().to_bytes())?);
        let health = Health::new(clock.clone(), config.chain.max_staleness);
        let adapter: Arc<dyn Adapter> = Arc::new(Metered { adapter, metrics: health.metrics.clone() });
        let filer = Filer {
            store: store.clone(),
            adapter: adapter.clone(),
            identity: identity.clone(),
            clock: clock.clone(),
            known: Arc::default(),
        };
        let parameters = ChainParameters {
            chain_id: deployment.chain_id.clone(),
            gas_price: deployment.gas_price.parse()?,
        };
        Ok(Self {
            config,
            deployment,
            parameters,
            chain,
            identity,
            keystore: Arc::new(keystore),
            adapter,
            store,
            signer,
            clock,
            health,
            filer,
            pace: Pace::new(config.pacing.first_filing, config.pacing.cover),
            sending: Arc::new(Notify::new()),
            filing: Arc::new(Notify::new()),
            research: Arc::new(Notify::new()),
        })
    }
}
