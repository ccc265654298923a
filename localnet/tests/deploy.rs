//! The contracts' wasm onto a chain, by decisions of the consortium. Needs `cargo xtask wasm`.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code"
)]

use std::path::Path;

use cosmrs::proto::cosmwasm::wasm::v1::{
    QueryContractInfoRequest, QueryContractInfoResponse, QueryPinnedCodesRequest, QueryPinnedCodesResponse,
};
use cosmwasm_std::Binary;
use medrec_api::{authlog, registrar::NewInstitution, relationship::DelegateStatus};
use medrec_clients::{Authlog, Bounty, Deployment, Registrar, Relationship, Signer, execute};
use medrec_localnet::{Error, Localnet, Plan, admit};

#[tokio::test(flavor = "multi_thread")]
async fn deploy() {
    let dir = tempfile::tempdir().unwrap();
    let institution = random_signer();
    let net = Localnet::builder(dir.path().join("net"))
        .unwrap()
        .fund(institution.address(), 1_000_000_000)
        .up()
        .await
        .unwrap();
    let artifacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../artifacts");
    let plan = Plan::new(artifacts, vec![new_institution(&institution)]);

    missing_wasm_is_named(&net, dir.path()).await;
    let deployment = net.deploy(&plan).await.unwrap();
    the_file_says_where_everything_is(&net, &deployment).await;
    the_consortium_owns_the_contracts(&net, &deployment).await;
    the_contracts_know_each_other(&net, &deployment, &institution).await;
    deploying_again_does_nothing(&net, &plan, &deployment).await;
    delegates_are_admitted_all_or_none(&net, &deployment).await;
    the_institution_admits_its_log(&net, &deployment, &institution).await;
    net.down().await;
}

async fn missing_wasm_is_named(net: &Localnet, empty: &Path) {
    let refused = net.deploy(&Plan::new(empty, vec![])).await.unwrap_err();
    assert!(matches!(refused, Error::Deploy(_)));
    assert!(refused.to_string().contains("registrar.wasm is missing: run `cargo xtask wasm`"), "{refused}");
}

async fn the_file_says_where_everything_is(net: &Localnet, deployment: &Deployment) {
    assert_eq!(&Deployment::load(&net.home().deployment()).unwrap(), deployment);
    assert_eq!(deployment.rpc, net.rpc_urls());
    assert_eq!(
        (deployment.policy.as_str(), deployment.sponsor.as_str()),
        (net.policy(), net.sponsor().address())
    );
}

async fn the_consortium_owns_the_contracts(net: &Localnet, deployment: &Deployment) {
    let rpc = net.rpc(1).unwrap();
    let contracts = &deployment.contracts;
    let all = [&contracts.registrar, &contracts.relationship, &contracts.authlog, &contracts.bounty];
    for contract in all {
        let request = QueryContractInfoRequest { address: contract.address.clone() };
        let found: QueryContractInfoResponse =
            rpc.query("/cosmwasm.wasm.v1.Query/ContractInfo", request, None).await.unwrap();
        let info = found.contract_info.unwrap();
        assert_eq!((info.code_id, info.admin.as_str()), (contract.code_id, net.policy()));
    }
    let request = QueryPinnedCodesRequest { pagination: None };
    let pinned: QueryPinnedCodesResponse =
        rpc.query("/cosmwasm.wasm.v1.Query/PinnedCodes", request, None).await.unwrap();
    assert_eq!(pinned.code_ids.len(), 4);
}

async fn the_contracts_know_each_other(net: &Localnet, deployment: &Deployment, institution: &Signer) {
    let rpc = net.rpc(0).unwrap();
    let contracts = &deployment.contracts;
    let listed = Registrar::new(&rpc, &contracts.registrar.address).institutions(None, None).await.unwrap();
    assert_eq!(listed.institutions.len(), 1);
    assert_eq!(listed.institutions[0].account, institution.address());
    let relationship = Relationship::new(&rpc, &contracts.relationship.address).config().await.unwrap();
    assert_eq!(relationship.sponsor, net.sponsor().address());
    let authlog = Authlog::new(&rpc, &contracts.authlog.address).config().await.unwrap();
    assert_eq!(authlog.registrar, contracts.registrar.address);
    // Seals cover all four, and there is a template already; every data set has a budget.
    let sealing = Authlog::new(&rpc, &contracts.authlog.address);
    assert_eq!(sealing.sealing().await.unwrap().sealing.unwrap().watched.len(), 4);
    assert_eq!(sealing.template().await.unwrap().number, 1);
    let bounty = Bounty::new(&rpc, &contracts.bounty.address);
    assert_eq!(bounty.config().await.unwrap().authlog, contracts.authlog.address);
    assert_eq!(bounty.budget(1).await.unwrap().budget.total, 20_000_000);
    let pool = rpc.balance(&contracts.relationship.address, "ufee").await.unwrap();
    assert_eq!(pool, 1_000_000_000_000);
}

async fn deploying_again_does_nothing(net: &Localnet, plan: &Plan, deployment: &Deployment) {
    let rpc = net.rpc(0).unwrap();
    let operator = net.operators()[0].address();
    let before = rpc.account(operator).await.unwrap().unwrap().sequence;
    assert_eq!(&net.deploy(plan).await.unwrap(), deployment);
    assert_eq!(rpc.account(operator).await.unwrap().unwrap().sequence, before, "a transaction was sent");
}

async fn delegates_are_admitted_all_or_none(net: &Localnet, deployment: &Deployment) {
    let rpc = net.rpc(0).unwrap();
    let contract = &deployment.contracts.relationship.address;
    let chain = net.chain().unwrap();
    // More than fit in one transaction.
    let delegates: Vec<String> = (0..101).map(|_| random_signer().address().to_owned()).collect();
    let mut with_wrong = delegates.clone();
    with_wrong.push("medrec1wrong".to_owned());
    assert!(admit(&rpc, &chain, net.sponsor(), contract, with_wrong).await.is_err());

    let relationship = Relationship::new(&rpc, contract);
    assert_eq!(relationship.delegate(&delegates[0]).await.unwrap().status, DelegateStatus::Unknown);
    let outcomes = admit(&rpc, &chain, net.sponsor(), contract, delegates.clone()).await.unwrap();
    assert_eq!(outcomes.len(), 2);
    for delegate in &delegates {
        assert_eq!(relationship.delegate(delegate).await.unwrap().status, DelegateStatus::Admitted);
        assert!(rpc.allowance(contract, delegate).await.unwrap().is_some());
    }
}

async fn the_institution_admits_its_log(net: &Localnet, deployment: &Deployment, institution: &Signer) {
    let rpc = net.rpc(2).unwrap();
    let contract = &deployment.contracts.authlog.address;
    let message = authlog::ExecuteMsg::AdmitLog { institution: 1 };
    let call = execute(institution.address(), contract, &message, &[]).unwrap();
    rpc.send(&net.chain().unwrap(), institution, vec![call], None).await.unwrap();
    let log = Authlog::new(&rpc, contract).log_of(1).await.unwrap();
    assert_eq!((log.slot, log.size), (0, 0));
}

fn new_institution(account: &Signer) -> NewInstitution {
    let key = || Binary::from(random_secret());
    NewInstitution {
        name: "North".into(),
        url: "http://127.0.0.1:9001".into(),
        account: account.address().to_owned(),
        signing_key: key(),
        log_origin: "north.example/log".into(),
        log_key: key(),
        encryption_key: key(),
    }
}

fn random_secret() -> [u8; 32] {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).unwrap();
    secret
}

fn random_signer() -> Signer {
    Signer::from_secret(&random_secret()).unwrap()
}
