//! One built contract in one VM instance.

use std::{fs, path::PathBuf};

use cosmwasm_std::{
    Binary, Coin, ContractResult, Env, MessageInfo, QuerierResult, Response, Timestamp, WasmQuery, from_json,
};
use cosmwasm_vm::{
    Instance, Storage, call_execute, capabilities_from_csv,
    testing::{
        MockApi, MockInstanceOptions, MockQuerier, MockStorage, mock_env, mock_info,
        mock_instance_with_options,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use crate::gas;

/// wasmd 0.61 `BuiltInCapabilities()`.
pub const CAPABILITIES: &str = "iterator,staking,stargate,cosmwasm_1_1,cosmwasm_1_2,cosmwasm_1_3,cosmwasm_1_4,\
                                cosmwasm_2_0,cosmwasm_2_1,cosmwasm_2_2,ibc2";

/// Ten times what a transaction on the chain may use, for all calls of one test together.
const GAS_LIMIT: u64 = 10_000_000_000_000;

pub fn wasm(name: &str) -> Vec<u8> {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../artifacts");
    let folder = std::env::var_os("MEDREC_ARTIFACTS").map_or(repository, PathBuf::from);
    let file = folder.join(format!("{name}.wasm"));
    fs::read(&file).unwrap_or_else(|error| {
        panic!("{}: {error}. Build the contracts first: cargo xtask wasm", file.display())
    })
}

/// A name as an address of the mock chain.
pub fn addr(name: &str) -> String {
    MockApi::default().addr_make(name)
}

type Vm = Instance<MockApi, MockStorage, MockQuerier>;

pub struct Contract {
    name: &'static str,
    vm: Vm,
    pub env: Env,
}

impl Contract {
    pub fn load(name: &'static str) -> Self {
        let options = MockInstanceOptions {
            available_capabilities: capabilities_from_csv(CAPABILITIES),
            gas_limit: GAS_LIMIT,
            ..MockInstanceOptions::default()
        };
        let mut env = mock_env();
        env.block.time = Timestamp::from_seconds(1_800_000_000);
        Self { name, vm: mock_instance_with_options(&wasm(name), options), env }
    }

    /// Answers of other contracts.
    pub fn answers(&mut self, handler: impl Fn(&WasmQuery) -> QuerierResult + 'static) {
        self.vm
            .with_querier(|querier| {
                querier.update_wasm(handler);
                Ok(())
            })
            .unwrap();
    }

    pub fn instantiate(&mut self, msg: &impl Serialize) {
        let (env, info) = (self.env.clone(), mock_info(&addr("creator"), &[]));
        let answer = self.metered("instantiate", |vm| cosmwasm_vm::testing::instantiate(vm, env, info, msg));
        done(answer);
    }

    pub fn migrate(&mut self, msg: &impl Serialize) {
        let env = self.env.clone();
        let answer = self.metered("migrate", |vm| cosmwasm_vm::testing::migrate(vm, env, msg));
        done(answer);
    }

    /// Sends what must succeed, and holds its gas against the table under `what`.
    pub fn execute(&mut self, what: &str, sender: &str, msg: &impl Serialize) -> Response {
        let (env, info) = (self.env.clone(), mock_info(sender, &[]));
        let answer = self.metered(what, |vm| cosmwasm_vm::testing::execute(vm, env, info, msg));
        done(answer)
    }

    /// Sends what must be refused; returns what the contract says.
    pub fn refusal(&mut self, sender: &str, msg: &impl Serialize) -> String {
        self.refusal_with(mock_info(sender, &[]), &serde_json::to_vec(msg).unwrap())
    }

    pub fn refusal_of_funds(&mut self, sender: &str, msg: &impl Serialize, funds: &[Coin]) -> String {
        self.refusal_with(mock_info(sender, funds), &serde_json::to_vec(msg).unwrap())
    }

    /// Sends bytes that are no message.
    pub fn refusal_of_bytes(&mut self, sender: &str, bytes: &[u8]) -> String {
        self.refusal_with(mock_info(sender, &[]), bytes)
    }

    fn refusal_with(&mut self, info: MessageInfo, bytes: &[u8]) -> String {
        let env = self.env.clone();
        let answer: ContractResult<Response> = call_execute(&mut self.vm, &env, &info, bytes).unwrap();
        match answer {
            ContractResult::Err(refusal) => refusal,
            ContractResult::Ok(response) => panic!("{} accepted it: {response:?}", self.name),
        }
    }

    pub fn query<T: DeserializeOwned>(&mut self, msg: &impl Serialize) -> T {
        from_json(self.try_query(msg).unwrap()).unwrap()
    }

    pub fn try_query(&mut self, msg: &impl Serialize) -> Result<Binary, String> {
        cosmwasm_vm::testing::query(&mut self.vm, self.env.clone(), msg).into_result()
    }

    /// What is stored under a raw key.
    pub fn stored(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.vm.with_storage(|storage| Ok(storage.get(key).0.unwrap())).unwrap()
    }

    fn metered<T>(&mut self, what: &str, call: impl FnOnce(&mut Vm) -> T) -> T {
        let before = self.vm.get_gas_left();
        let answer = call(&mut self.vm);
        gas::check(self.name, what, before - self.vm.get_gas_left());
        answer
    }

    /// Bytes and messages no contract of ours takes, whoever sends them.
    pub fn refuses_nonsense(&mut self) {
        for bytes in [
            &b""[..],
            b"{}",
            b"null",
            b"[]",
            b"\"admit\"",
            b"{\"no_such_message\":{}}",
            b"{\"a\":1",
            &[0xff; 64],
        ] {
            let refusal = self.refusal_of_bytes(&addr("anybody"), bytes);
            assert!(!refusal.is_empty());
        }
        let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
        assert!(!self.refusal_of_bytes(&addr("anybody"), &deep).is_empty());
    }
}

fn done(answer: ContractResult<Response>) -> Response {
    answer.into_result().unwrap_or_else(|refusal| panic!("refused: {refusal}"))
}
