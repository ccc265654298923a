//! Making a chain: keys, genesis and a home for every validator.

use std::{collections::BTreeMap, fs, time::Duration};

use medrec_clients::Signer;
use serde_json::Value;

use crate::{
    Error, Wasmd,
    error::FileContext,
    genesis::{self, Funds, STAKE_DENOM},
    home::{self, Home, Manifest, NodeFacts},
    keys, node,
};

/// What the owner wants of a new chain.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) chain_id: String,
    pub(crate) validators: usize,
    pub(crate) block_time: Duration,
    pub(crate) voting_period: Duration,
    pub(crate) funded: BTreeMap<String, Funds>,
}

/// Accounts of the consortium, loaded from a chain's folder.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) operators: Vec<Signer>,
    pub(crate) sponsor: Signer,
}

/// Makes the chain beside its place and moves it there when it is whole. Blocks.
pub(crate) fn create(wasmd: &Wasmd, home: &Home, plan: &Plan) -> Result<Manifest, Error> {
    let draft = home::unfinished(home);
    if draft.exists() {
        fs::remove_dir_all(&draft).doing("remove the unfinished", &draft)?;
    }
    let keys = draft.join("keys");
    home::create_private(&keys)?;
    let sponsor = keys::create(&keys.join("sponsor.key"))?;

    let mut validators = Vec::new();
    let mut facts = Vec::new();
    for index in 0..plan.validators {
        let moniker = format!("validator-{index}");
        let node = draft.join(format!("node{index}"));
        let path = node.to_string_lossy();
        let denom = ["--default-denom", STAKE_DENOM];
        let args = ["init", &moniker, "--chain-id", &plan.chain_id, denom[0], denom[1], "--home", &path];
        wasmd.run(&args)?;
        let public = node::read_keys(&node)?;
        let operator = keys::create(&keys.join(format!("operator-{index}.key")))?;
        validators.push(genesis::Validator {
            moniker,
            operator: operator.address().to_owned(),
            consensus_key: public.consensus,
        });
        facts.push(NodeFacts { node_id: public.peer_id, rpc_port: 0, p2p_port: 0 });
    }

    let spec = genesis::Spec {
        chain_id: plan.chain_id.clone(),
        validators,
        sponsor: sponsor.address().to_owned(),
        funded: plan.funded.clone(),
        voting_period: plan.voting_period,
    };
    let genesis_file = |index: usize| draft.join(format!("node{index}/config/genesis.json"));
    let first = genesis_file(0);
    let default: Value =
        serde_json::from_slice(&fs::read(&first).doing("read", &first)?).map_err(|error| Error::Content {
            what: "a genesis",
            path: first.clone(),
            reason: error.to_string(),
        })?;
    let genesis = genesis::build(default, &spec)?;
    for index in 0..plan.validators {
        home::write_json(&genesis_file(index), &genesis)?;
    }
    let block_time_ms = u64::try_from(plan.block_time.as_millis()).unwrap_or(u64::MAX);
    let manifest = Manifest { version: 1, chain_id: plan.chain_id.clone(), block_time_ms, validators: facts };
    manifest.store(&draft.join("manifest.json"))?;
    fs::rename(&draft, home.chain()).doing("move the finished chain to", &home.chain())?;
    Ok(manifest)
}

pub(crate) fn load_accounts(home: &Home, validators: usize) -> Result<Accounts, Error> {
    let keys = home.chain().join("keys");
    let operators: Result<_, Error> =
        (0..validators).map(|index| keys::load(&keys.join(format!("operator-{index}.key")))).collect();
    Ok(Accounts { operators: operators?, sponsor: load_sponsor(home)? })
}

/// The sponsor's key alone, for commands that need no running owner.
pub fn load_sponsor(home: &Home) -> Result<Signer, Error> {
    keys::load(&home.chain().join("keys").join("sponsor.key"))
}
