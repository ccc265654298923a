//! What an outsider with leaked stake or fees can do, and what only the consortium can. One chain, steps in order.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code"
)]

mod attempts;

use std::time::Duration;

use attempts::{Attempt, STAKE};
use cosmrs::proto::cosmos::{
    authz::v1beta1::MsgExec,
    base::{
        query::v1beta1::PageRequest,
        reflection::v1beta1::{ListImplementationsRequest, ListImplementationsResponse},
    },
    gov::v1::{QueryProposalsRequest, QueryProposalsResponse},
    staking::v1beta1::{MsgDelegate, QueryDelegatorDelegationsRequest, QueryDelegatorDelegationsResponse},
};
use cosmrs::proto::cosmwasm::wasm::v1::{
    MsgStoreCode, QueryCodesRequest, QueryCodesResponse, QueryPinnedCodesRequest, QueryPinnedCodesResponse,
};
use medrec_clients::{Any, Error, Rpc, Signer, Tx, any};
use medrec_localnet::{Localnet, genesis};
use tendermint_rpc::{Client, HttpClient, Paging};

const WAIT: Duration = Duration::from_secs(120);
const FEES: u128 = 1_000_000_000;
const LEAKED: u128 = 7_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn permissions() {
    let dir = tempfile::tempdir().unwrap();
    let [thief, payer] = [random_signer(), random_signer()];
    let net = Localnet::builder(dir.path().join("net"))
        .unwrap()
        .fund(thief.address(), FEES)
        .leak_stake(thief.address(), LEAKED)
        .fund(payer.address(), FEES)
        .up()
        .await
        .unwrap();

    genesis_was_made_from_the_nodes_own_list(&net).await;
    the_consortium_uploads_and_pins(&net).await;
    outsiders_are_refused_everything(&net, &thief).await;
    outsiders_are_refused_everything(&net, &payer).await;
    an_insider_leaks_nothing(&net).await;
    the_consortium_delegates_and_closes_the_door(&net).await;
    outsiders_are_refused_everything(&net, &thief).await;
    a_decision_that_fails_changes_nothing(&net).await;
    net.down().await;
}

async fn genesis_was_made_from_the_nodes_own_list(net: &Localnet) {
    let request = ListImplementationsRequest { interface_name: "cosmos.base.v1beta1.Msg".to_owned() };
    let path = "/cosmos.base.reflection.v1beta1.ReflectionService/ListImplementations";
    let answer: ListImplementationsResponse = net.rpc(0).unwrap().query(path, request, None).await.unwrap();
    let mut of_node = answer.implementation_message_names;
    of_node.sort();
    assert_eq!(of_node, genesis::known_messages().unwrap());
}

async fn the_consortium_uploads_and_pins(net: &Localnet) {
    let store = MsgStoreCode {
        sender: net.policy().to_owned(),
        wasm_byte_code: attempts::smallest_contract(),
        instantiate_permission: None,
    };
    net.decide("upload", vec![any(&store)]).await.unwrap();
    let rpc = net.rpc(0).unwrap();
    assert_eq!(codes(&rpc).await, 1);
    net.pin(&[1]).await.unwrap();
    let request = QueryPinnedCodesRequest { pagination: None };
    let pinned: QueryPinnedCodesResponse =
        rpc.query("/cosmwasm.wasm.v1.Query/PinnedCodes", request, None).await.unwrap();
    assert_eq!(pinned.code_ids, [1]);
}

async fn outsiders_are_refused_everything(net: &Localnet, outsider: &Signer) {
    let before = Snapshot::take(net, outsider).await;
    let attempts = attempts::of_outsider(outsider);
    for attempt in &attempts {
        assert_refused(net, outsider, attempt).await;
    }
    // The same in the wrapping that x/authz offers: the circuit looks at the outer message and in the router.
    for attempt in attempts {
        let exec = MsgExec { grantee: outsider.address().to_owned(), msgs: vec![attempt.message] };
        let nested = Attempt { message: any(&exec), refusal: attempts::CIRCUIT };
        assert_refused(net, outsider, &nested).await;
    }
    assert_eq!(Snapshot::take(net, outsider).await, before);
}

async fn an_insider_leaks_nothing(net: &Localnet) {
    let insider = &net.operators()[0];
    let before = Snapshot::take(net, insider).await;
    for attempt in attempts::of_insider(insider) {
        assert_refused(net, insider, &attempt).await;
    }
    assert_eq!(Snapshot::take(net, insider).await, before);
}

async fn the_consortium_delegates_and_closes_the_door(net: &Localnet) {
    let rpc = net.rpc(0).unwrap();
    let request =
        QueryDelegatorDelegationsRequest { delegator_addr: net.policy().to_owned(), pagination: None };
    let path = "/cosmos.staking.v1beta1.Query/DelegatorDelegations";
    let delegations: QueryDelegatorDelegationsResponse = rpc.query(path, request, None).await.unwrap();
    let validator = delegations.delegation_responses[0].delegation.clone().unwrap().validator_address;
    let delegate = MsgDelegate {
        delegator_address: net.policy().to_owned(),
        validator_address: validator,
        amount: Some(attempts::coin(STAKE, 1_000_000)),
    };
    let before = power(net).await;
    let door = "/cosmos.staking.v1beta1.MsgDelegate";
    let outcome = net.decide_opening("more power", &[door], vec![any(&delegate)]).await.unwrap();
    // A change of power takes effect two blocks later.
    net.wait_height(outcome.height + 3, WAIT).await.unwrap();
    assert_eq!(power(net).await, before + 1);
}

async fn a_decision_that_fails_changes_nothing(net: &Localnet) {
    let rpc = net.rpc(0).unwrap();
    let before = rpc.balance(net.policy(), "ufee").await.unwrap();
    let send = attempts::send(net.policy(), net.operators()[0].address(), "ufee", 1);
    let refused = net.decide("give fees away", vec![send]).await.unwrap_err();
    assert!(refused.to_string().contains("circuit breaker"), "{refused}");
    assert_eq!(rpc.balance(net.policy(), "ufee").await.unwrap(), before);
}

/// Signed and broadcast without a simulation, so that the refusal is the chain's.
async fn assert_refused(net: &Localnet, signer: &Signer, attempt: &Attempt) {
    let kind = &attempt.message.type_url;
    let (code, log) = deliver(net, signer, attempt.message.clone()).await;
    assert_ne!(code, 0, "{kind} was done");
    assert!(log.contains(attempt.refusal), "{kind} was refused for another reason: {log}");
}

async fn deliver(net: &Localnet, signer: &Signer, message: Any) -> (u32, String) {
    let rpc = net.rpc(0).unwrap();
    let account = rpc.account(signer.address()).await.unwrap().unwrap();
    let tx = Tx { msgs: vec![message], fee_amount: 1_000, gas: 1_000_000, ..Tx::default() };
    let bytes = tx.sign(&net.chain_id(), &[(signer, account)]).unwrap();
    match rpc.broadcast(bytes).await {
        Ok(hash) => {
            let outcome = rpc.wait_tx(hash, WAIT).await.unwrap();
            (outcome.code, outcome.log)
        }
        Err(Error::CheckTx { code, log, .. }) => (code, log),
        Err(error) => panic!("no answer to {:?}: {error}", tx.msgs),
    }
}

/// What none of the attempts may change.
#[derive(Debug, PartialEq)]
struct Snapshot {
    own_stake: u128,
    policy_stake: u128,
    policy_fees: u128,
    power: u64,
    codes: usize,
    gov_proposals: usize,
}

impl Snapshot {
    async fn take(net: &Localnet, signer: &Signer) -> Self {
        let rpc = net.rpc(0).unwrap();
        let request = QueryProposalsRequest {
            pagination: Some(PageRequest { limit: 100, ..Default::default() }),
            ..Default::default()
        };
        let proposals: QueryProposalsResponse =
            rpc.query("/cosmos.gov.v1.Query/Proposals", request, None).await.unwrap();
        Self {
            own_stake: rpc.balance(signer.address(), STAKE).await.unwrap(),
            policy_stake: rpc.balance(net.policy(), STAKE).await.unwrap(),
            policy_fees: rpc.balance(net.policy(), "ufee").await.unwrap(),
            power: power(net).await,
            codes: codes(&rpc).await,
            gov_proposals: proposals.proposals.len(),
        }
    }
}

async fn power(net: &Localnet) -> u64 {
    let height = net.rpc(0).unwrap().status().await.unwrap().height as u32;
    let client = HttpClient::new(net.rpc_url(0).unwrap().as_str()).unwrap();
    let set = client.validators(height, Paging::All).await.unwrap();
    set.validators.iter().map(|validator| validator.power.value()).sum()
}

async fn codes(rpc: &Rpc) -> usize {
    let codes: QueryCodesResponse = rpc
        .query("/cosmwasm.wasm.v1.Query/Codes", QueryCodesRequest { pagination: None }, None)
        .await
        .unwrap();
    codes.code_infos.len()
}

fn random_signer() -> Signer {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).unwrap();
    Signer::from_secret(&secret).unwrap()
}
