use cosmwasm_std::{
    Addr, Binary, CodeInfoResponse, ContractInfoResponse, ContractResult, QuerierResult, SystemError,
    SystemResult, WasmQuery, coins, from_json, to_json_binary,
};
use ed25519_dalek::{Signer, SigningKey};
use medrec_api::{
    authlog::{
        Conflict, CosignedHead, Cosigner, ExecuteMsg, GrowthCap, HeadProofResponse, HeadsResponse,
        InstantiateMsg, LogResponse, MigrateMsg, QueryMsg, SealResponse, SealingResponse, TemplateResponse,
    },
    registrar::{
        self, InstitutionResponse, InstitutionStatus, LOG_KEY, ResearcherStatus, account_key, researcher_key,
        status_key,
    },
};
use medrec_merkle::{Tree, consistency_proof, heads, leaf_hash, root_at};
use medrec_testing::seals::{Log, Miner, easy};

use crate::contract::{Contract, addr};

const INSTITUTION: u32 = 3;

fn origin() -> String {
    "log.hospital.example".into()
}

fn log_key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

/// Certified by institutions 4 and 5.
const RESEARCHERS: [(&str, u32); 2] = [("researcher-a", 4), ("researcher-b", 5)];

fn researcher_signs(institution: u32) -> SigningKey {
    SigningKey::from_bytes(&[institution as u8; 32])
}

fn researcher_row(key: &[u8]) -> Option<Binary> {
    let named = |(name, _): &(&str, u32)| researcher_key(&addr(name)) == key;
    let (_, institution) = RESEARCHERS.into_iter().find(named)?;
    let public = researcher_signs(institution).verifying_key().to_bytes();
    let status = [ResearcherStatus::Active.byte()];
    Some([&status[..], &institution.to_be_bytes(), &public].concat().into())
}

/// The registrar with one institution that keeps a log and two that certified researchers; it keeps a log of its own.
fn registrar(query: &WasmQuery) -> QuerierResult {
    let creator = Addr::unchecked(addr("creator"));
    let value = match query {
        WasmQuery::ContractInfo { .. } => {
            to_json_binary(&ContractInfoResponse::new(7, creator, None, true, None, None)).unwrap()
        }
        WasmQuery::CodeInfo { code_id } => {
            to_json_binary(&CodeInfoResponse::new(*code_id, creator, [7; 32].into())).unwrap()
        }
        WasmQuery::Raw { key, .. } if key.as_slice() == LOG_KEY => {
            [&1u64.to_be_bytes()[..], &leaf_hash(b"an event")].concat().into()
        }
        WasmQuery::Raw { key, .. } if researcher_row(key).is_some() => researcher_row(key).unwrap(),
        WasmQuery::Raw { key, .. } if [4, 5].iter().any(|id| **key == status_key(*id)[..]) => {
            vec![InstitutionStatus::Active.byte()].into()
        }
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
    instantiated_with(GrowthCap { burst: 2_000_000, per_second: 100 })
}

fn instantiated_with(growth: GrowthCap) -> Contract {
    let mut contract = Contract::load("authlog");
    contract.answers(registrar);
    contract.instantiate(&InstantiateMsg {
        consortium: addr("consortium"),
        registrar: addr("registrar"),
        growth,
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
    for (name, institution) in RESEARCHERS {
        let by = researcher_signs(institution);
        let text = format!(
            "cosignature/v1\ntime 5\n{}\n1000100\n{}\n",
            origin(),
            Binary::from(million.root()).to_base64()
        );
        let signature = by.sign(text.as_bytes()).to_bytes().into();
        let (root, proof) = (million.root().into(), Binary::default());
        let head = CosignedHead { slot: 0, size: 1_000_100, root, time: 5, signature, proof };
        let cosigner = Cosigner::Researcher { account: addr(name) };
        contract.execute(
            "cosign_at_the_anchor",
            &addr(name),
            &ExecuteMsg::Cosign { cosigner, heads: vec![head] },
        );
    }
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

/// A log of 2^24 entries, attested, challenged, sealed and caught at a fork.
#[test]
fn a_seal_in_the_vm() {
    let mut contract = instantiated_with(GrowthCap { burst: 1 << 30, per_second: 1 });
    let log = Log::new(&origin(), log_key(), 3);
    let size = 1 << 24;
    contract.execute("anchor_of_2^24", &addr("hospital"), &log.anchor(0, 0, size));
    for (at, (name, institution)) in RESEARCHERS.into_iter().enumerate() {
        let heads = vec![log.cosigned(0, size - 7, size, 1_800_000_000, &researcher_signs(institution))];
        let cosigner = Cosigner::Researcher { account: addr(name) };
        let what = ["cosign", "cosign_that_attests"][at];
        contract.execute(what, &addr(name), &ExecuteMsg::Cosign { cosigner, heads });
    }
    let registrar = Addr::unchecked(addr("registrar"));
    let sealing = easy(&[&registrar]);
    contract.execute("set_sealing", &addr("consortium"), &ExecuteMsg::SetSealing { sealing });

    let by = addr("researcher-a");
    let challenger = Cosigner::Researcher { account: by.clone() };
    contract.execute("challenge", &by, &ExecuteMsg::Challenge { challenger, slot: 0, index: 5 });
    contract.execute("answer", &addr("anybody"), &log.answer(0, 4, 5, size - 7));

    let template: TemplateResponse = contract.query(&QueryMsg::Template {});
    assert_eq!((template.entries, template.watched[0].size), (size - 7, 1));
    let (chain_id, address) =
        (contract.env.block.chain_id.clone(), contract.env.contract.address.to_string());
    let key = researcher_signs(4);
    let miner = Miner { chain_id: &chain_id, contract: &address, account: &by, key: &key };
    let seal = miner.seal(&template, &[&log], 0);
    let thief = addr("researcher-b");
    assert!(contract.refusal(&thief, &seal).contains("take the newest template"));
    contract.execute("seal", &by, &seal);
    assert!(contract.refusal(&by, &seal).contains("not a seal 2"));
    let sealed: SealResponse = contract.query(&QueryMsg::Seal { number: 1 });
    assert_eq!((sealed.miner, sealed.heads.total), (by.clone(), size - 7));
    let told: SealingResponse = contract.query(&QueryMsg::Sealing {});
    assert_eq!(told.seals, 1);

    let ExecuteMsg::Seal { nonce, signature, recalls } = seal else { panic!() };
    for recalls in [vec![], vec![0xff; 20_480], vec![0; 20_481], recalls[..recalls.len() - 1].to_vec()] {
        let msg = ExecuteMsg::Seal { nonce, signature: signature.clone(), recalls: recalls.into() };
        assert!(!contract.refusal(&by, &msg).is_empty());
    }

    let forged = Log::new(&origin(), log_key(), 77);
    let conflict =
        Conflict::Leaves { index: 9, a: log.signed_inclusion(9, size), b: forged.signed_inclusion(9, size) };
    contract.execute("report", &addr("anybody"), &ExecuteMsg::Report { slot: 0, conflict });
    assert!(contract.query::<LogResponse>(&QueryMsg::Log { slot: 0 }).forked.is_some());
}
