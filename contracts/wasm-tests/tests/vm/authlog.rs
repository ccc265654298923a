use cosmwasm_std::{
    Binary, ContractResult, QuerierResult, SystemError, SystemResult, WasmQuery, coins, from_json,
    to_json_binary,
};
use ed25519_dalek::{Signer, SigningKey};
use medrec_api::{
    authlog::{
        ExecuteMsg, GrowthCap, HeadProofResponse, HeadsResponse, InstantiateMsg, LogResponse, MigrateMsg,
        QueryMsg,
    },
    registrar::{self, InstitutionResponse, InstitutionStatus, account_key, status_key},
};
use medrec_merkle::{Tree, consistency_proof, heads, leaf_hash, root_at};

use crate::contract::{Contract, addr};

const INSTITUTION: u32 = 3;

fn origin() -> String {
    "log.hospital.example".into()
}

fn log_key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

/// The registrar with one active institution.
fn registrar(query: &WasmQuery) -> QuerierResult {
    let value = match query {
        WasmQuery::Raw { contract_addr, key } if *contract_addr == addr("registrar") => {
            if **key == status_key(INSTITUTION)[..] {
                vec![InstitutionStatus::Active.byte()].into()
            } else if **key == account_key(INSTITUTION)[..] {
                addr("hospital").into_bytes().into()
            } else {
                Binary::default()
            }
        }
        WasmQuery::Smart { contract_addr, msg } if *contract_addr == addr("registrar") => {
            assert_eq!(
                from_json::<registrar::QueryMsg>(msg).unwrap(),
                registrar::QueryMsg::Institution { id: INSTITUTION }
            );
            to_json_binary(&InstitutionResponse {
                id: INSTITUTION,
                status: InstitutionStatus::Active,
                name: "Hospital".into(),
                url: "https://hospital.example".into(),
                account: addr("hospital"),
                signing_key: vec![1; 32].into(),
                log_origin: origin(),
                log_key: log_key().verifying_key().to_bytes().into(),
                encryption_key: vec![2; 32].into(),
            })
            .unwrap()
        }
        _ => return SystemResult::Err(SystemError::NoSuchContract { addr: "elsewhere".into() }),
    };
    SystemResult::Ok(ContractResult::Ok(value))
}

fn instantiated() -> Contract {
    let mut contract = Contract::load("authlog");
    contract.answers(registrar);
    contract.instantiate(&InstantiateMsg {
        consortium: addr("consortium"),
        registrar: addr("registrar"),
        growth: GrowthCap { burst: 2_000_000, per_second: 100 },
    });
    contract.execute("admit_log", &addr("hospital"), &ExecuteMsg::AdmitLog { institution: INSTITUTION });
    contract
}

fn log(entries: u64) -> Tree {
    (0..entries).map(|i| leaf_hash(format!("entry {i}").as_bytes())).collect()
}

fn anchor(log: &Tree, old: u64, size: u64) -> ExecuteMsg {
    let root = root_at(log, size).unwrap();
    let text = format!("{}\n{size}\n{}\n", origin(), Binary::from(root).to_base64());
    let proof = if old == 0 { vec![] } else { consistency_proof(log, old, size).unwrap().concat() };
    let signature = log_key().sign(text.as_bytes()).to_bytes().into();
    ExecuteMsg::Anchor { slot: 0, size, root: root.into(), signature, proof: proof.into() }
}

#[test]
fn messages_in_the_vm() {
    let mut contract = instantiated();
    let (hospital, million) = (addr("hospital"), log(1_000_100));
    contract.execute("anchor_first", &hospital, &anchor(&million, 0, 999_999));
    contract.execute("anchor_at_a_million", &hospital, &anchor(&million, 999_999, 1_000_100));
    contract.execute("heartbeat", &hospital, &anchor(&million, 1_000_100, 1_000_100));
    let shrunk = contract.refusal(&hospital, &anchor(&million, 5, 1_000_000));
    assert!(shrunk.contains("1000100") && shrunk.contains("1000000"), "{shrunk}");

    let head: LogResponse = contract.query(&QueryMsg::LogOf { institution: INSTITUTION });
    assert_eq!((head.size, head.root.as_slice()), (1_000_100, &million.root()[..]));
    let root: HeadsResponse = contract.query(&QueryMsg::Heads {});
    let proof: HeadProofResponse = contract.query(&QueryMsg::HeadProof { slot: 0 });
    let node = |hash: &Binary, sum| heads::Node { hash: hash.as_slice().try_into().unwrap(), sum };
    let path: Vec<_> = proof.path.iter().map(|one| node(&one.hash, one.sum)).collect();
    let leaf = heads::leaf(0, &origin(), 1_000_100, &million.root());
    let verified = heads::verify_path(0, leaf, &path.try_into().unwrap(), &node(&root.hash, root.total));
    assert_eq!(verified, Ok(0));

    let growth = GrowthCap { burst: 1, per_second: 1 };
    contract.execute("set_growth_cap", &addr("consortium"), &ExecuteMsg::SetGrowthCap { growth });
    contract.migrate(&MigrateMsg::Same {});
    let after: LogResponse = contract.query(&QueryMsg::Log { slot: 0 });
    assert_eq!(after, head);
}

#[test]
fn bad_input_in_the_vm() {
    let mut contract = instantiated();
    contract.refuses_nonsense();
    let (hospital, log) = (addr("hospital"), log(40));
    contract.execute("anchor_small", &hospital, &anchor(&log, 0, 20));
    let stranger = addr("stranger");
    assert!(contract.refusal(&stranger, &anchor(&log, 20, 40)).contains(&stranger));
    assert!(contract.refusal_of_funds(&hospital, &anchor(&log, 20, 40), &coins(1, "ufee")).contains("1ufee"));
    assert!(contract.refusal(&hospital, &ExecuteMsg::AdmitLog { institution: 9 }).contains("institution 9"));

    let ExecuteMsg::Anchor { slot, size, root, signature, proof } = anchor(&log, 20, 40) else { panic!() };
    let with = |root: &[u8], signature: &[u8], proof: &[u8]| ExecuteMsg::Anchor {
        slot,
        size,
        root: root.into(),
        signature: signature.into(),
        proof: proof.into(),
    };
    for (msg, says) in [
        (with(&root[1..], &signature, &proof), "root: 31 bytes"),
        (with(&root, &signature[..63], &proof), "signature: 63 bytes"),
        (with(&root, &signature, &vec![0; 42 * 32]), "proof: 1344 bytes"),
        (with(&root, &[0; 64], &proof), "signature"),
        (with(&root, &[0xff; 64], &proof), "signature"),
        (with(&root, &signature, &proof[32..]), "consistency proof"),
        (with(&root, &signature, &proof[1..]), "consistency proof"),
        (with(&root, &signature, &[&proof[..], &[0; 32]].concat()), "consistency proof"),
    ] {
        let refusal = contract.refusal(&hospital, &msg);
        assert!(refusal.contains(says), "{refusal}");
    }
    contract.execute("anchor_small_grown", &hospital, &anchor(&log, 20, 40));
}
