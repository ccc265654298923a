use cosmwasm_std::{Binary, CosmosMsg, Uint128, coins};
use medrec_api::registrar::LOG_KEY;
use medrec_api::relationship::{
    Allowance, DelegateResponse, DelegateStatus, ExecuteMsg, GRANT_SEALED, GrantKind, GrantsResponse,
    InstantiateMsg, MigrateMsg, OPEN_SEALED, QueryMsg, RelationshipResponse, RelationshipsResponse, Research,
    Status,
};

use crate::contract::{Contract, addr};

fn sealed(len: usize, fill: u8) -> Binary {
    vec![fill; len].into()
}

/// 8 scope tags and 4 purpose tags, each group ascending.
fn tags() -> Binary {
    (1..=8).chain(1..=4).flat_map(|tag| [tag; 8]).collect::<Vec<u8>>().into()
}

fn instantiated() -> Contract {
    let mut contract = Contract::load("relationship");
    contract.instantiate(&InstantiateMsg {
        consortium: addr("consortium"),
        sponsor: addr("sponsor"),
        allowance: Allowance {
            denom: "ufee".into(),
            spend_limit: Uint128::new(100_000),
            lifetime: 31_557_600,
        },
    });
    contract
}

fn open(patient: &str) -> ExecuteMsg {
    ExecuteMsg::Open { patient: addr(patient), sealed: sealed(OPEN_SEALED.1, 1) }
}

fn grant(contract: &Contract, id: u64, viewer: &str, kind: GrantKind) -> ExecuteMsg {
    let until = contract.env.block.time.seconds() + 3_600;
    let sealed = sealed(GRANT_SEALED.1, viewer.len() as u8);
    ExecuteMsg::Grant { id, viewer: addr(viewer), kind, tags: tags(), from: None, until, sealed }
}

fn id_of(contract: &mut Contract, patient: &str) -> u64 {
    let addresses = vec![addr(patient)];
    let msg = QueryMsg::Relationships { addresses, start_after: None, limit: None };
    contract.query::<RelationshipsResponse>(&msg).relationships[0].id
}

#[test]
fn messages_in_the_vm() {
    let mut contract = instantiated();
    let delegates: Vec<_> = (0..100).map(|i| addr(&format!("delegate-{i}"))).collect();
    let admitted =
        contract.execute("admit_100", &addr("sponsor"), &ExecuteMsg::Admit { delegates: delegates.clone() });
    assert_eq!(admitted.messages.len(), 100);
    assert!(admitted.messages.iter().all(|sub| matches!(&sub.msg, CosmosMsg::Any(any)
        if any.type_url == "/cosmos.feegrant.v1beta1.MsgGrantAllowance")));

    let opened = contract.execute("open", &delegates[0], &open("alice"));
    assert_eq!(opened.messages.len(), 1, "the patient's allowance");
    assert!(contract.refusal(&delegates[0], &open("bob")).contains(&delegates[0]));
    contract.execute("open_again", &delegates[1], &open("bob"));
    let (id, other) = (id_of(&mut contract, "alice"), id_of(&mut contract, "bob"));

    let accept = ExecuteMsg::Accept { id, sealed: sealed(OPEN_SEALED.1, 2) };
    assert!(contract.refusal(&addr("bob"), &accept).contains(&addr("bob")));
    contract.execute("accept", &addr("alice"), &accept);
    contract.execute("reject", &addr("bob"), &ExecuteMsg::Reject { id: other });

    let read = grant(&contract, id, "doctor", GrantKind::Read);
    contract.execute("grant_read", &addr("alice"), &read);
    let act = grant(&contract, id, "daughter", GrantKind::Act);
    contract.execute("grant_act", &addr("alice"), &act);
    let by_carer = grant(&contract, id, "another doctor", GrantKind::Read);
    contract.execute("grant_by_carer", &addr("daughter"), &by_carer);
    contract.execute("revoke", &addr("alice"), &ExecuteMsg::Revoke { id, grant: 0 });
    let grants: GrantsResponse =
        contract.query(&QueryMsg::Grants { ids: vec![id], start_after: None, limit: None });
    assert_eq!(grants.grants.len(), 3);
    assert!(grants.grants[0].revoked_at.is_some());
    let summary: GrantsResponse =
        contract.query(&QueryMsg::GrantsTo { viewer: addr("doctor"), start_after: None, limit: None });
    assert_eq!(summary.grants.len(), 1);

    contract.execute("set_research", &addr("alice"), &ExecuteMsg::SetResearch { id, categories: 10 });
    assert!(
        contract
            .refusal(&addr("daughter"), &ExecuteMsg::SetResearch { id, categories: 1 })
            .contains("patient")
    );
    let chosen: RelationshipResponse = contract.query(&QueryMsg::Relationship { id });
    let since_height = contract.env.block.height + 1;
    assert_eq!(chosen.research, Research { categories: 10, since_height });

    let rotate = |to: &str| ExecuteMsg::Rotate { id, address: to.to_owned(), sealed: None };
    contract.execute("rotate_patient", &addr("alice"), &rotate(&addr("alice anew")));
    contract.execute("rotate_steward", &delegates[0], &rotate(&delegates[2]));
    contract.execute("close", &addr("alice anew"), &ExecuteMsg::Close { id });
    let closed: RelationshipResponse = contract.query(&QueryMsg::Relationship { id });
    assert_eq!((closed.status, closed.steward.as_str()), (Status::Closed, delegates[2].as_str()));
    let used: DelegateResponse = contract.query(&QueryMsg::Delegate { address: delegates[2].clone() });
    assert_eq!(used.status, DelegateStatus::Used { id });

    let sponsor = ExecuteMsg::SetSponsor { sponsor: addr("another sponsor") };
    contract.execute("set_sponsor", &addr("consortium"), &sponsor);
    let log = contract.stored(LOG_KEY).unwrap();
    assert_eq!(log[..8], 14_u64.to_be_bytes(), "every message has told one event");
    contract.migrate(&MigrateMsg::Same {});
    let all: RelationshipsResponse =
        contract.query(&QueryMsg::AllRelationships { start_after: None, limit: Some(30) });
    assert_eq!(all.relationships.len(), 2);
}

#[test]
fn bad_input_in_the_vm() {
    let mut contract = instantiated();
    contract.refuses_nonsense();
    let sponsor = addr("sponsor");
    let many = (0..101).map(|i| addr(&format!("delegate-{i}"))).collect();
    assert!(contract.refusal(&sponsor, &ExecuteMsg::Admit { delegates: many }).contains("101"));
    assert!(contract.refusal(&sponsor, &ExecuteMsg::Admit { delegates: vec!["x".into()] }).contains("\"x\""));
    let delegate = addr("delegate");
    let admit = ExecuteMsg::Admit { delegates: vec![delegate.clone()] };
    assert!(contract.refusal_of_funds(&sponsor, &admit, &coins(7, "ufee")).contains("7ufee"));
    assert!(contract.refusal(&delegate, &open("alice")).contains(&delegate));
    contract.execute("admit_1", &sponsor, &admit);
    for len in [0, OPEN_SEALED.0 - 1, OPEN_SEALED.1 + 1, 100_000] {
        let msg = ExecuteMsg::Open { patient: addr("alice"), sealed: sealed(len, 1) };
        assert!(contract.refusal(&delegate, &msg).starts_with("sealed"));
    }
    contract.execute("open_alone", &delegate, &open("alice"));
    let early = grant(&contract, 1, "doctor", GrantKind::Read);
    assert!(!contract.refusal(&addr("alice"), &early).is_empty(), "no grant before accept");
    assert!(!contract.refusal(&addr("alice"), &ExecuteMsg::Close { id: 99 }).is_empty());
}
