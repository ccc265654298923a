//! One chain, taken through the life of its validators.

#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "test code")]

use std::time::Duration;

use medrec_localnet::{Error, Localnet};
use tendermint_rpc::{Client, HttpClient, Paging};

const WAIT: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn lifecycle() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("net");
    let net = Localnet::builder(&home).unwrap().up().await.unwrap();

    validators_have_equal_power(&net).await;
    a_second_owner_is_refused(&net).await;
    one_of_four_killed_the_chain_goes_on(&net).await;
    restarted_it_catches_up_and_signs(&net).await;
    wrong_commands_change_nothing(&net).await;
    let height = net.wait_height(1, WAIT).await.unwrap();
    net.down().await;
    taken_up_again_it_goes_on_where_it_was(&home, height).await;
}

fn http(net: &Localnet, index: usize) -> HttpClient {
    HttpClient::new(net.rpc_url(index).unwrap().as_str()).unwrap()
}

async fn validators_have_equal_power(net: &Localnet) {
    let set = http(net, 0).validators(2u32, Paging::All).await.unwrap();
    let powers: Vec<u64> = set.validators.iter().map(|validator| validator.power.value()).collect();
    assert_eq!(powers, [101; 4], "1 of each operator and 100 of the policy");
}

async fn a_second_owner_is_refused(net: &Localnet) {
    let second = Localnet::builder(net.home().path()).unwrap().up().await.unwrap_err();
    assert!(matches!(second, Error::AlreadyUp { .. }), "{second}");
}

async fn one_of_four_killed_the_chain_goes_on(net: &Localnet) {
    net.kill(3).await.unwrap();
    let at = net.wait_height(1, WAIT).await.unwrap();
    net.wait_height(at + 5, WAIT).await.unwrap();
    let status = net.status().await.unwrap();
    assert_eq!(status.validators[3].pid, None);
    assert!(status.validators[..3].iter().all(|validator| validator.height.is_some()));
}

async fn restarted_it_catches_up_and_signs(net: &Localnet) {
    net.start(3).await.unwrap();
    let own = http(net, 3).status().await.unwrap().validator_info.address;
    let mut height = net.wait_height(1, WAIT).await.unwrap();
    let deadline = std::time::Instant::now() + WAIT;
    loop {
        height = net.wait_height(height + 1, WAIT).await.unwrap();
        let commit = http(net, 0).commit((height - 1) as u32).await.unwrap().signed_header.commit;
        if commit
            .signatures
            .iter()
            .any(|signature| signature.is_commit() && signature.validator_address() == Some(own))
        {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "validator 3 signs nothing at {height}");
    }
    let status = net.rpc(3).unwrap().wait_height(height, WAIT).await.unwrap();
    assert!(!status.catching_up);
}

async fn wrong_commands_change_nothing(net: &Localnet) {
    assert!(matches!(net.start(0).await, Err(Error::ValidatorState { index: 0, .. })));
    assert!(matches!(net.kill(9).await, Err(Error::NoValidator { index: 9, count: 4 })));
}

async fn taken_up_again_it_goes_on_where_it_was(home: &std::path::Path, height: u64) {
    let other = Localnet::builder(home).unwrap().validators(2).up().await.unwrap_err();
    assert!(matches!(other, Error::OtherChain { .. }), "{other}");
    let net = Localnet::builder(home).unwrap().up().await.unwrap();
    assert!(net.wait_height(1, WAIT).await.unwrap() > height);
    net.down().await;
}
