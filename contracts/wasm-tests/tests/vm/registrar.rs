use cosmwasm_std::{Binary, coins};
use ed25519_dalek::{Signer, SigningKey};
use medrec_api::registrar::{
    ConfigResponse, ExecuteMsg, InstantiateMsg, InstitutionResponse, InstitutionStatus, InstitutionsResponse,
    LOG_KEY, MigrateMsg, NewInstitution, NewResearcher, PersonResponse, QueryMsg, RegistrationPolicy,
    ResearcherResponse, ResearcherStatus, ResearchersResponse, account_key, certificate, researcher_key,
    status_key,
};

use crate::contract::{Contract, addr};

fn signing_key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn institution(number: u8) -> NewInstitution {
    NewInstitution {
        name: format!("Hospital {number}"),
        url: format!("https://hospital-{number}.example"),
        account: addr(&format!("hospital-{number}")),
        signing_key: signing_key(number).verifying_key().to_bytes().into(),
        log_origin: format!("log.hospital-{number}.example"),
        log_key: vec![number + 1; 32].into(),
        encryption_key: vec![number + 2; 32].into(),
    }
}

#[test]
fn messages_in_the_vm() {
    let mut registrar = Contract::load("registrar");
    let (consortium, hospital) = (addr("consortium"), addr("hospital-17"));
    registrar.instantiate(&InstantiateMsg {
        consortium: consortium.clone(),
        registration: RegistrationPolicy::Institutions,
        institutions: vec![institution(17)],
    });
    assert_eq!(registrar.query::<ConfigResponse>(&QueryMsg::Config {}).consortium, consortium);

    let admit = ExecuteMsg::AdmitInstitution { institution: institution(33) };
    registrar.execute("admit_institution", &consortium, &admit);
    assert!(registrar.refusal(&consortium, &admit).contains("already"));
    assert!(registrar.refusal(&hospital, &admit).contains(&hospital));
    assert!(registrar.refusal_of_funds(&consortium, &admit, &coins(5, "ufee")).contains("5ufee"));

    // Raw keys as wire.md section 11 has them.
    assert_eq!(registrar.stored(b"status\x00\x00\x00\x02"), Some(vec![1]));
    assert_eq!(registrar.stored(&account_key(2)), Some(addr("hospital-33").into_bytes()));
    let rekey = ExecuteMsg::RekeyInstitution {
        id: 2,
        url: None,
        account: Some(addr("elsewhere")),
        signing_key: None,
        encryption_key: None,
    };
    registrar.execute("rekey_institution", &consortium, &rekey);
    assert_eq!(registrar.stored(b"account\x00\x00\x00\x02"), Some(addr("elsewhere").into_bytes()));
    registrar.execute("expel_institution", &consortium, &ExecuteMsg::ExpelInstitution { id: 2 });
    assert_eq!(registrar.stored(&status_key(2)), Some(vec![2]));
    let expelled: InstitutionResponse = registrar.query(&QueryMsg::Institution { id: 2 });
    assert_eq!(expelled.status, InstitutionStatus::Expelled);

    let handle = Binary::new(vec![5; 32]);
    let person = |address: &str| (handle.clone(), addr(address), Binary::new(vec![9; 32]));
    let (handle, address, encryption_key) = person("alice");
    let register = ExecuteMsg::RegisterPerson { handle: handle.clone(), address, encryption_key };
    assert!(registrar.refusal(&addr("elsewhere"), &register).contains(&addr("elsewhere")));
    registrar.execute("register_person", &hospital, &register);
    let (_, address, encryption_key) = person("alice anew");
    let rotate = ExecuteMsg::RotatePerson { handle: handle.clone(), address, encryption_key };
    registrar.execute("rotate_person", &addr("alice"), &rotate);
    let known: PersonResponse = registrar.query(&QueryMsg::Person { handle: handle.clone() });
    assert_eq!((known.address, known.certified_by), (addr("alice anew"), Some(1)));

    let mut researcher = NewResearcher {
        account: addr("ada"),
        name: "Ada".into(),
        key: signing_key(99).verifying_key().to_bytes().into(),
        encryption_key: vec![9; 32].into(),
        certificate: vec![0; 64].into(),
    };
    let certify =
        |researcher: &NewResearcher| ExecuteMsg::CertifyResearcher { researcher: researcher.clone() };
    assert!(registrar.refusal(&hospital, &certify(&researcher)).contains("certificate"));
    let (chain_id, contract) = (registrar.env.block.chain_id.clone(), registrar.env.contract.address.clone());
    let signed = certificate(&chain_id, contract.as_str(), 1, &researcher);
    researcher.certificate = signing_key(17).sign(&signed).to_bytes().into();
    registrar.execute("certify_researcher", &hospital, &certify(&researcher));
    let row = [&[1, 0, 0, 0, 1], researcher.key.as_slice()].concat();
    assert_eq!(registrar.stored(&researcher_key(&addr("ada"))), Some(row));
    let withdraw = ExecuteMsg::WithdrawResearcher { account: addr("ada") };
    registrar.execute("withdraw_researcher", &hospital, &withdraw);
    let found: ResearcherResponse = registrar.query(&QueryMsg::Researcher { account: addr("ada") });
    assert_eq!((found.status, found.certified_by), (ResearcherStatus::Withdrawn, 1));
    let all: ResearchersResponse =
        registrar.query(&QueryMsg::Researchers { start_after: None, limit: Some(100) });
    assert_eq!(all.researchers, [found]);

    let policy = ExecuteMsg::SetRegistrationPolicy { registration: RegistrationPolicy::Consortium };
    registrar.execute("set_registration_policy", &consortium, &policy);
    let listed: InstitutionsResponse =
        registrar.query(&QueryMsg::Institutions { start_after: None, limit: Some(100) });
    assert_eq!(listed.institutions.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 2]);
    // Its own log (wire.md section 15): one event of genesis and eight since; 9 has two bits.
    let log = registrar.stored(LOG_KEY).unwrap();
    assert_eq!((log.len(), &log[..8]), (8 + 2 * 32, &9_u64.to_be_bytes()[..]));
    registrar.migrate(&MigrateMsg::Same {});
    assert!(registrar.try_query(&QueryMsg::Institution { id: 3 }).unwrap_err().contains('3'));
}

#[test]
fn bad_input_in_the_vm() {
    let mut registrar = Contract::load("registrar");
    let consortium = addr("consortium");
    registrar.instantiate(&InstantiateMsg {
        consortium: consortium.clone(),
        registration: RegistrationPolicy::Institutions,
        institutions: vec![institution(17)],
    });
    registrar.refuses_nonsense();
    let good = institution(33);
    for (field, bad) in [
        ("name", NewInstitution { name: "x".repeat(65), ..good.clone() }),
        ("url", NewInstitution { url: "ftp://h".into(), ..good.clone() }),
        ("account", NewInstitution { account: "nobody".into(), ..good.clone() }),
        ("log_origin", NewInstitution { log_origin: "a b".into(), ..good.clone() }),
        ("log_key", NewInstitution { log_key: vec![0; 32].into(), ..good.clone() }),
        ("signing_key", NewInstitution { signing_key: vec![8; 31].into(), ..good.clone() }),
        ("encryption_key", NewInstitution { encryption_key: vec![0; 32].into(), ..good.clone() }),
    ] {
        let refusal = registrar.refusal(&consortium, &ExecuteMsg::AdmitInstitution { institution: bad });
        assert!(refusal.starts_with(field), "{refusal}");
    }
}
