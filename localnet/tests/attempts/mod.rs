//! Messages that must be refused, and the reason the chain must give.

use cosmrs::proto::cosmos::{
    bank::v1beta1::{Input, MsgMultiSend, MsgSend, Output},
    base::v1beta1::Coin,
    crypto::ed25519,
    distribution::v1beta1::MsgSetWithdrawAddress,
    gov::{v1, v1beta1},
    staking::v1beta1::{CommissionRates, Description, MsgCreateValidator, MsgDelegate},
};
use cosmrs::proto::cosmwasm::wasm::v1::{
    MsgInstantiateContract, MsgInstantiateContract2, MsgPinCodes, MsgStoreCode,
};
use cosmrs::proto::{Timestamp, tendermint::google::protobuf::Duration};
use medrec_clients::{Any, Signer, any};
use medrec_localnet::{
    genesis::{self, POLICY},
    proto::{circuit, group},
};

pub const STAKE: &str = "ustake";
/// What the ante handler of x/circuit says.
pub const CIRCUIT: &str = "tx type not allowed";
const UNAUTHORIZED: &str = "unauthorized";

pub struct Attempt {
    pub message: Any,
    /// Part of the chain's answer.
    pub refusal: &'static str,
}

pub fn of_outsider(outsider: &Signer) -> Vec<Attempt> {
    let me = outsider.address();
    let by_circuit = |message| Attempt { message, refusal: CIRCUIT };
    vec![
        by_circuit(send(me, POLICY, STAKE, 1)),
        by_circuit(send(me, POLICY, "ufee", 1)),
        by_circuit(multi_send(me)),
        by_circuit(delegate(me)),
        by_circuit(create_validator(outsider)),
        by_circuit(create_group(me)),
        by_circuit(create_client(me)),
        by_circuit(gov_proposal(me)),
        by_circuit(old_gov_proposal(me)),
        by_circuit(gov_vote(me)),
        Attempt { message: group_proposal(me), refusal: "not in group" },
        Attempt { message: open_circuit(me), refusal: "does not have permission to reset circuit breaker" },
        Attempt { message: upload(me), refusal: UNAUTHORIZED },
        Attempt { message: instantiate(me), refusal: UNAUTHORIZED },
        Attempt { message: instantiate2(me), refusal: UNAUTHORIZED },
        Attempt { message: pin(me), refusal: "invalid authority" },
    ]
}

/// The side doors by which stake left in earlier designs (security.md H1), tried by an operator.
pub fn of_insider(insider: &Signer) -> Vec<Attempt> {
    let me = insider.address();
    let by_circuit = |message| Attempt { message, refusal: CIRCUIT };
    vec![
        by_circuit(any(&MsgSetWithdrawAddress {
            delegator_address: me.to_owned(),
            withdraw_address: POLICY.to_owned(),
        })),
        by_circuit(deposit_rewards(me)),
        by_circuit(send(me, POLICY, "ufee", 1)),
        by_circuit(gov_proposal(me)),
        by_circuit(delegate(me)),
        Attempt { message: upload(me), refusal: UNAUTHORIZED },
        Attempt { message: instantiate2(me), refusal: UNAUTHORIZED },
    ]
}

pub fn coin(denom: &str, amount: u128) -> Coin {
    Coin { denom: denom.to_owned(), amount: amount.to_string() }
}

pub fn send(from: &str, to: &str, denom: &str, amount: u128) -> Any {
    any(&MsgSend {
        from_address: from.to_owned(),
        to_address: to.to_owned(),
        amount: vec![coin(denom, amount)],
    })
}

fn multi_send(me: &str) -> Any {
    let coins = || vec![coin(STAKE, 1)];
    any(&MsgMultiSend {
        inputs: vec![Input { address: me.to_owned(), coins: coins() }],
        outputs: vec![Output { address: POLICY.to_owned(), coins: coins() }],
    })
}

/// To the outsider's own, as yet missing, validator: the type is refused before anybody looks.
fn delegate(me: &str) -> Any {
    any(&MsgDelegate {
        delegator_address: me.to_owned(),
        validator_address: validator_address(me),
        amount: Some(coin(STAKE, 1_000_000)),
    })
}

fn create_validator(outsider: &Signer) -> Any {
    let key: [u8; 32] = outsider.public_key()[1..].try_into().unwrap();
    let rates = CommissionRates { rate: "0".into(), max_rate: "0".into(), max_change_rate: "0".into() };
    #[expect(deprecated, reason = "the field is still in the message")]
    any(&MsgCreateValidator {
        description: Some(Description { moniker: "outsider".into(), ..Default::default() }),
        commission: Some(rates),
        min_self_delegation: "1".into(),
        delegator_address: String::new(),
        validator_address: validator_address(outsider.address()),
        pubkey: Some(any(&ed25519::PubKey { key: key.to_vec() })),
        value: Some(coin(STAKE, 7_000_000)),
    })
}

fn validator_address(account: &str) -> String {
    let account: cosmrs::AccountId = account.parse().unwrap();
    cosmrs::AccountId::new("medrecvaloper", &account.to_bytes()).unwrap().to_string()
}

fn create_group(me: &str) -> Any {
    any(&MsgCreateGroup { admin: me.to_owned(), members: vec![], metadata: String::new() })
}

fn group_proposal(me: &str) -> Any {
    any(&group::MsgSubmitProposal {
        group_policy_address: POLICY.to_owned(),
        proposers: vec![me.to_owned()],
        messages: vec![send(POLICY, me, STAKE, 1)],
        title: "mine".into(),
        summary: "mine".into(),
        ..Default::default()
    })
}

fn open_circuit(me: &str) -> Any {
    let msg_type_urls = vec!["/cosmos.bank.v1beta1.MsgSend".to_owned()];
    any(&circuit::MsgResetCircuitBreaker { authority: me.to_owned(), msg_type_urls })
}

fn gov_proposal(me: &str) -> Any {
    any(&v1::MsgSubmitProposal {
        initial_deposit: vec![coin(STAKE, 10_000_000)],
        proposer: me.to_owned(),
        title: "mine".into(),
        summary: "mine".into(),
        metadata: "mine".into(),
        ..Default::default()
    })
}

fn old_gov_proposal(me: &str) -> Any {
    any(&v1beta1::MsgSubmitProposal {
        content: Some(any(&v1beta1::TextProposal { title: "mine".into(), description: "mine".into() })),
        initial_deposit: vec![coin(STAKE, 10_000_000)],
        proposer: me.to_owned(),
    })
}

fn gov_vote(me: &str) -> Any {
    any(&v1::MsgVote { proposal_id: 1, voter: me.to_owned(), option: 1, metadata: String::new() })
}

fn upload(me: &str) -> Any {
    any(&MsgStoreCode {
        sender: me.to_owned(),
        wasm_byte_code: smallest_contract(),
        instantiate_permission: None,
    })
}

fn instantiate(me: &str) -> Any {
    any(&MsgInstantiateContract {
        sender: me.to_owned(),
        admin: me.to_owned(),
        code_id: 1,
        label: "mine".into(),
        msg: b"{}".to_vec(),
        funds: vec![],
    })
}

fn instantiate2(me: &str) -> Any {
    any(&MsgInstantiateContract2 {
        sender: me.to_owned(),
        admin: me.to_owned(),
        code_id: 1,
        label: "mine".into(),
        msg: b"{}".to_vec(),
        funds: vec![],
        salt: b"mine".to_vec(),
        fix_msg: false,
    })
}

fn pin(me: &str) -> Any {
    assert_ne!(genesis::gov_address().unwrap(), me);
    any(&MsgPinCodes { authority: me.to_owned(), code_ids: vec![1] })
}

fn deposit_rewards(me: &str) -> Any {
    any(&MsgDepositValidatorRewardsPool {
        depositor: me.to_owned(),
        validator_address: validator_address(me),
        amount: vec![coin("ufee", 1)],
    })
}

/// A well-formed light client of another chain.
fn create_client(me: &str) -> Any {
    let day = || Some(Duration { seconds: 86_400, nanos: 0 });
    let client = ClientState {
        chain_id: "other-1".into(),
        trust_level: Some(Fraction { numerator: 1, denominator: 3 }),
        trusting_period: day(),
        unbonding_period: Some(Duration { seconds: 2 * 86_400, nanos: 0 }),
        max_clock_drift: Some(Duration { seconds: 10, nanos: 0 }),
        frozen_height: Some(Height::default()),
        latest_height: Some(Height { revision_number: 1, revision_height: 1 }),
        proof_specs: vec![Any::default()],
    };
    let consensus = ConsensusState {
        timestamp: Some(Timestamp { seconds: 1, nanos: 0 }),
        root: Some(MerkleRoot { hash: vec![1; 32] }),
        next_validators_hash: vec![1; 32],
    };
    any(&MsgCreateClient {
        client_state: Some(any(&client)),
        consensus_state: Some(any(&consensus)),
        signer: me.to_owned(),
    })
}

/// Declares a message that no crate of ours has, with its protobuf name.
macro_rules! message {
    ($package:literal, $name:ident { $( #[$attr:meta] $field:ident : $type:ty ),* $(,)? }) => {
        #[derive(Clone, PartialEq, prost::Message)]
        struct $name { $( #[$attr] $field: $type ),* }
        impl prost::Name for $name {
            const NAME: &'static str = stringify!($name);
            const PACKAGE: &'static str = $package;
        }
    };
}

message!("cosmos.group.v1", MsgCreateGroup {
    #[prost(string, tag = "1")] admin: String,
    #[prost(message, repeated, tag = "2")] members: Vec<Any>,
    #[prost(string, tag = "3")] metadata: String,
});
message!("cosmos.distribution.v1beta1", MsgDepositValidatorRewardsPool {
    #[prost(string, tag = "1")] depositor: String,
    #[prost(string, tag = "2")] validator_address: String,
    #[prost(message, repeated, tag = "3")] amount: Vec<Coin>,
});
message!("ibc.core.client.v1", MsgCreateClient {
    #[prost(message, optional, tag = "1")] client_state: Option<Any>,
    #[prost(message, optional, tag = "2")] consensus_state: Option<Any>,
    #[prost(string, tag = "3")] signer: String,
});
message!("ibc.lightclients.tendermint.v1", ClientState {
    #[prost(string, tag = "1")] chain_id: String,
    #[prost(message, optional, tag = "2")] trust_level: Option<Fraction>,
    #[prost(message, optional, tag = "3")] trusting_period: Option<Duration>,
    #[prost(message, optional, tag = "4")] unbonding_period: Option<Duration>,
    #[prost(message, optional, tag = "5")] max_clock_drift: Option<Duration>,
    #[prost(message, optional, tag = "6")] frozen_height: Option<Height>,
    #[prost(message, optional, tag = "7")] latest_height: Option<Height>,
    // An empty message whatever its type: only that there is one is looked at.
    #[prost(message, repeated, tag = "8")] proof_specs: Vec<Any>,
});
message!("ibc.lightclients.tendermint.v1", ConsensusState {
    #[prost(message, optional, tag = "1")] timestamp: Option<Timestamp>,
    #[prost(message, optional, tag = "2")] root: Option<MerkleRoot>,
    #[prost(bytes = "vec", tag = "3")] next_validators_hash: Vec<u8>,
});
message!(
    "ibc.lightclients.tendermint.v1",
    Fraction {
        #[prost(uint64, tag = "1")]
        numerator: u64,
        #[prost(uint64, tag = "2")]
        denominator: u64,
    }
);
message!(
    "ibc.core.client.v1",
    Height {
        #[prost(uint64, tag = "1")]
        revision_number: u64,
        #[prost(uint64, tag = "2")]
        revision_height: u64,
    }
);
message!("ibc.core.commitment.v1", MerkleRoot {
    #[prost(bytes = "vec", tag = "1")] hash: Vec<u8>,
});

/// The smallest module that x/wasm takes: one page of memory and the four functions it asks for, all empty.
pub fn smallest_contract() -> Vec<u8> {
    const FUNCTIONS: [&str; 4] = ["interface_version_8", "allocate", "deallocate", "instantiate"];
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // () -> (), (i32) -> i32, (i32) -> (), (i32, i32, i32) -> i32
    section(&mut module, 1, b"\x04\x60\0\0\x60\x01\x7f\x01\x7f\x60\x01\x7f\0\x60\x03\x7f\x7f\x7f\x01\x7f");
    section(&mut module, 3, b"\x04\0\x01\x02\x03");
    section(&mut module, 5, b"\x01\0\x01");
    let mut exports = vec![5];
    for (name, index) in FUNCTIONS.iter().zip(0u8..) {
        export(&mut exports, name, 0, index);
    }
    export(&mut exports, "memory", 2, 0);
    section(&mut module, 7, &exports);
    // Nothing, or `i32.const 0` where a result is due.
    section(&mut module, 10, b"\x04\x02\0\x0b\x04\0\x41\0\x0b\x02\0\x0b\x04\0\x41\0\x0b");
    module
}

fn section(module: &mut Vec<u8>, id: u8, content: &[u8]) {
    assert!(content.len() < 128, "one byte of LEB128");
    module.extend([id, content.len() as u8]);
    module.extend(content);
}

fn export(exports: &mut Vec<u8>, name: &str, kind: u8, index: u8) {
    exports.push(name.len() as u8);
    exports.extend(name.as_bytes());
    exports.extend([kind, index]);
}
