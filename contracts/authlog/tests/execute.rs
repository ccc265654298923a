//! What each message does when it is allowed.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Authlog, CAP, addr};
use cosmwasm_std::{Binary, Response, coins, testing::message_info};
use medrec_api::authlog::{
    ConfigResponse, Error, ExecuteMsg, GrowthCap, HeadProofResponse, HeadsResponse, InstantiateMsg,
    LogResponse, MigrateMsg, QueryMsg,
};
use medrec_api::validate::Invalid;
use medrec_authlog::contract;
use medrec_events::authlog::Event;
use medrec_merkle::heads;

/// The one event of a response, read back as a relayer does.
fn event(response: &Response) -> Event {
    let [event] = &response.events[..] else { panic!("one event, not {:?}", response.events) };
    assert!(response.messages.is_empty() && response.attributes.is_empty() && response.data.is_none());
    let mut attributes = vec![("_contract_address", "authlog")];
    attributes.extend(event.attributes.iter().map(|a| (a.key.as_str(), a.value.as_str())));
    Event::decode("authlog", &format!("wasm-{}", event.ty), &attributes).unwrap().unwrap()
}

#[test]
fn admission_learns_origin_and_key_once() {
    let mut chain = Authlog::new();
    let (first, second) = (chain.hospital(4), chain.hospital(9));
    for (slot, hospital) in [&first, &second].into_iter().enumerate() {
        let slot = slot as u32;
        let institution = hospital.institution;
        let response = chain.send(&hospital.account, ExecuteMsg::AdmitLog { institution }).unwrap();
        let key = Binary::from(hospital.key.verifying_key().to_bytes());
        let admitted =
            Event::LogAdmitted { slot, institution, origin: hospital.origin.clone(), key: key.clone() };
        assert_eq!(event(&response), admitted);

        let log: LogResponse = chain.query(QueryMsg::LogOf { institution });
        assert_eq!(
            (log.slot, log.institution, &log.origin, &log.key),
            (slot, institution, &hospital.origin, &key)
        );
        assert_eq!((log.size, log.anchored_height, log.anchored_at), (0, 0, 0));
        assert_eq!(log.root, Binary::from(medrec_merkle::root(&[])));
    }

    // The registrar saying otherwise later changes nothing.
    chain
        .registrar
        .change(4, |institution| institution.log_key = second.key.verifying_key().to_bytes().into());
    let log: LogResponse = chain.query(QueryMsg::Log { slot: 0 });
    assert_eq!(log.key, Binary::from(first.key.verifying_key().to_bytes()));
}

#[test]
fn an_anchor_becomes_the_head() {
    let mut chain = Authlog::new();
    let mut hospital = chain.admitted(1);
    hospital.grow(5);
    let response = chain.send(&hospital.account, hospital.anchor_from(0)).unwrap();
    assert_eq!(event(&response), Event::Anchored { slot: 0, size: 5, root: hospital.log.root().into() });

    hospital.grow(6);
    chain.pass(7);
    chain.send(&hospital.account, hospital.anchor_from(5)).unwrap();
    let log: LogResponse = chain.query(QueryMsg::Log { slot: 0 });
    assert_eq!((log.size, log.root.as_slice()), (11, &hospital.log.root()[..]));
    assert_eq!(log.signature.as_slice(), hospital.sign(11, &hospital.log.root()));
    assert_eq!(
        (log.anchored_height, log.anchored_at),
        (chain.env.block.height, chain.env.block.time.seconds())
    );

    assert_eq!(chain.query::<HeadsResponse>(QueryMsg::Heads {}).total, 0, "nobody vouches for it yet");
    chain.attest(&hospital);
    let heads: HeadsResponse = chain.query(QueryMsg::Heads {});
    assert_eq!(heads.total, 11);
    let proof: HeadProofResponse = chain.query(QueryMsg::HeadProof { slot: 0 });
    let leaf = heads::leaf(0, &hospital.origin, 11, &hospital.log.root());
    assert_eq!((proof.head.hash.as_slice(), proof.head.sum), (&leaf.hash[..], 11));
}

#[test]
fn a_heartbeat_moves_time_alone() {
    let mut chain = Authlog::new();
    let hospital = chain.anchored(1, 9);
    chain.attest(&hospital);
    let before: LogResponse = chain.query(QueryMsg::Log { slot: 0 });
    let heads: HeadsResponse = chain.query(QueryMsg::Heads {});
    chain.pass(60);
    let response = chain.send(&hospital.account, hospital.anchor_from(9)).unwrap();
    assert_eq!(event(&response), Event::Anchored { slot: 0, size: 9, root: hospital.log.root().into() });

    let after: LogResponse = chain.query(QueryMsg::Log { slot: 0 });
    let (height, at) = (chain.env.block.height, chain.env.block.time.seconds());
    assert_eq!(after, LogResponse { anchored_height: height, anchored_at: at, ..before });
    assert_eq!(chain.query::<HeadsResponse>(QueryMsg::Heads {}), heads);
}

#[test]
fn an_empty_log_may_beat_too() {
    let mut chain = Authlog::new();
    let mut hospital = chain.admitted(1);
    let empty = chain.query::<HeadsResponse>(QueryMsg::Heads {});
    chain.send(&hospital.account, hospital.anchor_from(0)).unwrap();
    let log: LogResponse = chain.query(QueryMsg::Log { slot: 0 });
    assert_eq!((log.size, log.anchored_height), (0, chain.env.block.height));
    assert_eq!(chain.query::<HeadsResponse>(QueryMsg::Heads {}), empty, "a slot without entries stays empty");

    hospital.grow(3);
    chain.send(&hospital.account, hospital.anchor_from(0)).unwrap();
    chain.attest(&hospital);
    assert_eq!(chain.query::<HeadsResponse>(QueryMsg::Heads {}).total, 3);
}

#[test]
fn growth_follows_burst_and_time() {
    let mut chain = Authlog::with(GrowthCap { burst: 100, per_second: 2 });
    let mut hospital = chain.admitted(1);
    hospital.grow(131);
    let over = |grown, allowed| Error::AnchorGrowth { slot: 0, grown, allowed };
    chain.refuses(&hospital.account, hospital.anchor(0, 101), &over(101, 100));
    chain.send(&hospital.account, hospital.anchor(0, 100)).unwrap();
    chain.refuses(&hospital.account, hospital.anchor(100, 101), &over(1, 0));
    chain.pass(15);
    chain.refuses(&hospital.account, hospital.anchor(100, 131), &over(31, 30));
    chain.send(&hospital.account, hospital.anchor(100, 130)).unwrap();
}

#[test]
fn the_consortium_sets_the_cap() {
    let mut chain = Authlog::new();
    let growth = GrowthCap { burst: 5, per_second: 0 };
    let response = chain.send(&addr("consortium"), ExecuteMsg::SetGrowthCap { growth }).unwrap();
    assert_eq!(event(&response), Event::GrowthCapChanged { burst: 5, per_second: 0 });
    assert_eq!(chain.query::<ConfigResponse>(QueryMsg::Config {}).growth, growth);
    chain.refuses(&addr("consortium"), ExecuteMsg::SetGrowthCap { growth }, &Error::GrowthSame);
    let nothing = GrowthCap { burst: 0, per_second: 9 };
    let range = Invalid::Range { field: "burst", found: 0, min: 1, max: u64::MAX.into() };
    chain.refuses(&addr("consortium"), ExecuteMsg::SetGrowthCap { growth: nothing }, &range.into());

    let mut hospital = chain.admitted(1);
    hospital.grow(6);
    chain.refuses(
        &hospital.account,
        hospital.anchor_from(0),
        &Error::AnchorGrowth { slot: 0, grown: 6, allowed: 5 },
    );
}

#[test]
fn instantiate_takes_addresses_and_a_cap() {
    let mut chain = Authlog::new();
    let good = InstantiateMsg {
        consortium: addr("consortium").into(),
        registrar: addr("registrar").into(),
        growth: CAP,
    };
    let mut instantiate = |msg: InstantiateMsg, funds: &[_]| {
        let info = message_info(&addr("creator"), funds);
        contract::instantiate(chain.deps.as_mut(), chain.env.clone(), info, msg)
    };
    let refused = instantiate(InstantiateMsg { consortium: "nobody".into(), ..good.clone() }, &[]);
    assert!(matches!(refused, Err(Error::Invalid(Invalid::Address { field: "consortium", .. }))));
    let refused = instantiate(InstantiateMsg { registrar: String::new(), ..good.clone() }, &[]);
    assert!(matches!(refused, Err(Error::Invalid(Invalid::Address { field: "registrar", .. }))));
    let stopped = GrowthCap { burst: 0, per_second: 1 };
    let refused = instantiate(InstantiateMsg { growth: stopped, ..good.clone() }, &[]);
    assert!(matches!(refused, Err(Error::Invalid(Invalid::Range { field: "burst", .. }))));
    let refused = instantiate(good.clone(), &coins(1, "ufee"));
    assert!(matches!(refused, Err(Error::Funds { operation: "instantiate", .. })));
    assert_eq!(instantiate(good, &[]).unwrap(), Response::new());
}

#[test]
fn migration_takes_only_state_it_can_read() {
    let mut chain = Authlog::new();
    let hospital = chain.anchored(1, 3);
    let mut migrate = |contract: &str, version: &str| {
        cw2::set_contract_version(chain.deps.as_mut().storage, contract, version).unwrap();
        contract::migrate(chain.deps.as_mut(), chain.env.clone(), MigrateMsg::Same {})
    };
    assert!(matches!(migrate("medrec:registrar", "0.1.0"), Err(Error::MigrateFrom { .. })));
    assert!(matches!(migrate("medrec:authlog", "0.0.9"), Err(Error::MigrateFrom { .. })));
    assert!(matches!(migrate("medrec:authlog", "0.10.0"), Err(Error::MigrateFrom { .. })));
    migrate("medrec:authlog", "0.1.0").unwrap();
    let version = cw2::get_contract_version(&chain.deps.storage).unwrap();
    assert_eq!(
        (version.contract.as_str(), version.version.as_str()),
        ("medrec:authlog", env!("CARGO_PKG_VERSION"))
    );
    chain.send(&hospital.account, hospital.anchor_from(3)).unwrap();
}
