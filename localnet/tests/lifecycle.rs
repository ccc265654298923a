//! One chain, taken through the life of its validators.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code"
)]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use medrec_localnet::{Error, Home, Localnet, Status, control};
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

    let owner = the_binary_takes_it_up(&home).await;
    the_binary_obeys(&home).await;
    its_owner_killed_no_validator_is_left(&home, owner).await;
    after_that_it_starts_and_ends_in_order(&home).await;
    reset_leaves_nothing(&home).await;
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
    let deadline = Instant::now() + WAIT;
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
        assert!(Instant::now() < deadline, "validator 3 signs nothing at {height}");
    }
    let status = net.rpc(3).unwrap().wait_height(height, WAIT).await.unwrap();
    assert!(!status.catching_up);
}

async fn wrong_commands_change_nothing(net: &Localnet) {
    assert!(matches!(net.start(0).await, Err(Error::ValidatorState { index: 0, .. })));
    assert!(matches!(net.kill(9).await, Err(Error::NoValidator { index: 9, count: 4 })));
}

async fn taken_up_again_it_goes_on_where_it_was(home: &Path, height: u64) {
    let other = Localnet::builder(home).unwrap().validators(2).up().await.unwrap_err();
    assert!(matches!(other, Error::OtherChain { .. }), "{other}");
    let net = Localnet::builder(home).unwrap().up().await.unwrap();
    assert!(net.wait_height(1, WAIT).await.unwrap() > height);
    net.down().await;
}

/// Starts the binary and waits until it says that it runs.
async fn the_binary_takes_it_up(home: &Path) -> Child {
    let mut up = command(home, &["up", "--no-deploy"]);
    let mut owner = up.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let said = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    let runs = said.into_iter().any(|line| line.starts_with("running until"));
    assert!(runs, "it ended: {}", owner.wait().unwrap());
    control::status(&Home::new(home).unwrap()).await.unwrap();
    owner
}

async fn the_binary_obeys(home: &Path) {
    assert!(run(home, &["validator", "kill", "2"]).status.success());
    let two = &status(home).validators[2];
    assert_eq!((two.pid, two.height), (None, None));
    assert!(run(home, &["validator", "start", "2"]).status.success());
    assert!(status(home).validators[2].height.is_some());

    let refused = run(home, &["validator", "stop", "7"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&refused.stderr), "localnet: there is no validator 7: they are numbered 0 to 3\n");
    let second = run(home, &["up", "--no-deploy"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("run `localnet down` first"), "{}", text(&second.stderr));
    assert_eq!(run(home, &["reset"]).status.code(), Some(1));
}

async fn its_owner_killed_no_validator_is_left(home: &Path, mut owner: Child) {
    let pids: Vec<u32> = status(home).validators.iter().map(|validator| validator.pid.unwrap()).collect();
    assert!(pids.iter().all(|pid| is_wasmd(*pid)));
    owner.kill().unwrap();
    owner.wait().unwrap();
    let deadline = Instant::now() + WAIT;
    while pids.iter().any(|pid| is_wasmd(*pid)) {
        assert!(Instant::now() < deadline, "validators outlive their owner");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let output = run(home, &["status"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("run `localnet up` first"), "{}", text(&output.stderr));
}

async fn after_that_it_starts_and_ends_in_order(home: &Path) {
    let mut owner = the_binary_takes_it_up(home).await;
    assert!(status(home).validators.iter().all(|validator| validator.height.is_some()));
    assert!(run(home, &["down"]).status.success());
    assert!(owner.wait().unwrap().success());
    assert_eq!(run(home, &["down"]).status.code(), Some(3));
}

async fn reset_leaves_nothing(home: &Path) {
    assert!(run(home, &["reset"]).status.success());
    let left: Vec<_> = std::fs::read_dir(home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["localnet.lock"]);
}

fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_localnet"));
    command.arg("--home").arg(home).args(args);
    command
}

fn run(home: &Path, args: &[&str]) -> Output {
    command(home, args).output().unwrap()
}

fn status(home: &Path) -> Status {
    serde_json::from_slice(&run(home, &["status", "--json"]).stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads nothing of a process that ended, also while it waits to be reaped.
fn is_wasmd(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| text(&line).contains("wasmd"))
}
