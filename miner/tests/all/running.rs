//! The whole miner over a scripted chain: mirrors, vouches, mines, sends, tells.

use std::{sync::Arc, time::Duration};

use cosmwasm_std::Binary;
use medrec_api::authlog::{
    AttestedResponse, ExecuteMsg, SealedHead, Sealing, SealingResponse, TemplateResponse, Watched,
};
use medrec_miner::{
    app::{Miner, Parts},
    config::Config,
    events::{Event, Events},
    identity::Identity,
    status::Status,
};
use medrec_pow::{Header, Target, U256};
use medrec_seals::{Head, HeadsTree, Watched as Contract, cosignature_text, sealed_root, verify};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    peer::{ORIGIN, Peer, entries, root},
    world::{CHAIN_ID, GENESIS, Home, PEER, SLOT, Script, anchor, contracts, list, until},
};

const SIZE: usize = 700;

fn heads() -> [Head; 1] {
    [Head { slot: SLOT, origin: ORIGIN.into(), size: SIZE as u64, root: root(&entries(SIZE)) }]
}

fn template(number: u64, target: Target) -> TemplateResponse {
    let tree = HeadsTree::new(&heads()).unwrap().root();
    let watched = [Contract { contract: "registrar", size: 1, root: [5; 32], checksum: [6; 32] }];
    let [head] = heads();
    TemplateResponse {
        number,
        previous: Binary::from([number as u8; 32]),
        sealed: Binary::from(sealed_root(&tree, watched)),
        entries: tree.sum,
        target: Binary::from(target.to_be_bytes()),
        frozen_at: GENESIS,
        heads: vec![SealedHead {
            slot: SLOT,
            origin: ORIGIN.into(),
            size: head.size,
            root: Binary::from(head.root),
        }],
        watched: vec![Watched {
            contract: "registrar".into(),
            size: 1,
            root: Binary::from([5; 32]),
            checksum: Binary::from([6; 32]),
        }],
    }
}

fn script(chain: &Script, seals: u64, target: Target) {
    let bytes = |target: Target| Binary::from(target.to_be_bytes());
    let sealing = Sealing {
        interval: 60,
        half_life: 600,
        anchor: bytes(target),
        easiest: bytes(Target::EASIEST),
        hardest: bytes(Target::HARDEST),
        challenge_seconds: 60,
        watched: vec!["registrar".into()],
    };
    let answer = SealingResponse { sealing: Some(sealing), seals, work: Binary::from([0; 32]) };
    chain.always("sealing", serde_json::to_value(answer).unwrap());
    chain.always("template", serde_json::to_value(template(seals + 1, target)).unwrap());
    let attested = AttestedResponse {
        slot: SLOT,
        size: 0,
        root: Binary::from([0; 32]),
        newest: None,
        challenges: Vec::new(),
        withheld: false,
    };
    chain.always("attested", serde_json::to_value(attested).unwrap());
}

fn researcher(chain: &Script, account: &str, status: &str) {
    let key = Binary::from([7; 32]);
    chain.always(
        "researcher",
        json!({"account": account, "status": status, "certified_by": 3, "name": "Ada", "key": key,
               "encryption_key": key, "certificate": key}),
    );
}

fn sent(chain: &Script) -> Vec<ExecuteMsg> {
    let sent = chain.sent.lock().unwrap();
    sent.iter().map(|call| serde_json::from_value(call.msg.clone()).unwrap()).collect()
}

struct Running {
    chain: Script,
    home: Home,
    key: ed25519_dalek::VerifyingKey,
    account: String,
    told: Arc<std::sync::Mutex<Vec<Event>>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<anyhow::Result<()>>,
}

async fn run(peer: &Peer, target: Target, status: &str) -> Running {
    let (home, chain) = (Home::new(), Script::default());
    list(&chain, &peer.url(), "active");
    anchor(&chain, &entries(SIZE));
    script(&chain, 0, target);
    let identity = Identity::generate().unwrap();
    let shown = identity.researcher("Ada").unwrap();
    let key: [u8; 32] = Binary::from_base64(&shown.key).unwrap().as_slice().try_into().unwrap();
    researcher(&chain, &shown.account, status);
    let config = "deployment = 'd'\n[mining]\ncores = 1\npoll_ms = 20\n[mirror]\nlisten = ''\npoll_seconds = 1\n\
                  allow_private = true\n[cosign]\nseconds = 1";
    let config = Config::parse(config, &home.path().join("miner.toml")).unwrap();
    let clock = Arc::new(medrec_miner::clock::ManualClock::at(GENESIS));
    let events = Events::new(clock.clone(), Some(&home.path().join("events.jsonl")));
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let listener = told.clone();
    events.listen(move |line| listener.lock().unwrap().push(line.event.clone()));
    let shared: Arc<dyn medrec_miner::chain::Chain> = Arc::new(chain.clone());
    let miner = Miner::new(Parts {
        chain: shared,
        chain_id: CHAIN_ID.into(),
        contracts: contracts(),
        identity,
        config,
        clock,
        events,
        home: home.path().into(),
    })
    .unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(Arc::new(miner).run(stop.clone(), |_| ()));
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
    Running { chain, home, key, account: shown.account, told, stop, task }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_mirrors_vouches_mines_and_sends() {
    let peer = Peer::start(entries(SIZE)).await;
    let target = Target::of_work(&U256::from(100u64));
    let running = run(&peer, target, "active").await;
    let chain = &running.chain;
    until("a seal and a cosignature", || {
        let sent = sent(chain);
        sent.iter().any(|msg| matches!(msg, ExecuteMsg::Seal { .. }))
            && sent.iter().any(|msg| matches!(msg, ExecuteMsg::Cosign { .. }))
    })
    .await;
    // Somebody else is first with the next one.
    *chain.refuse.lock().unwrap() = Some("stale".into());
    until("lost seals are told", || {
        let told = running.told.lock().unwrap();
        told.iter().any(|event| matches!(event, Event::Unsent { .. }))
    })
    .await;
    script(chain, 1, Target::HARDEST);
    until("new work", || {
        running.told.lock().unwrap().iter().any(|event| matches!(event, Event::Work { number: 2, .. }))
    })
    .await;
    running.stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), running.task).await.unwrap().unwrap().unwrap();

    let template = template(1, target);
    let sealed = template.sealed.as_slice().try_into().unwrap();
    let header = Header {
        chain_id: CHAIN_ID,
        contract: "authlog",
        number: 1,
        previous: [1; 32],
        sealed,
        entries: SIZE as u64,
        target,
        frozen_at: GENESIS,
        miner: &running.account,
    };
    let root = HeadsTree::new(&heads()).unwrap().root();
    for msg in sent(chain) {
        match msg {
            ExecuteMsg::Seal { nonce, signature, recalls } => {
                let seal = verify(&header, &root, nonce, &recalls).unwrap();
                let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
                running.key.verify_strict(&seal.id, &signature).unwrap();
            }
            ExecuteMsg::Cosign { heads: cosigned, .. } => {
                assert_eq!(cosigned.len(), 1);
                let head = &cosigned[0];
                assert_eq!((head.slot, head.size, head.proof.len()), (SLOT, SIZE as u64, 0));
                let text = cosignature_text(head.time, ORIGIN, head.size, &heads()[0].root);
                let signature = ed25519_dalek::Signature::from_slice(&head.signature).unwrap();
                running.key.verify_strict(text.as_bytes(), &signature).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    let status = Status::read(running.home.path()).unwrap();
    assert!(status.wins >= 1 && status.tries > 0);
    assert_eq!((status.held, status.certified_by, status.number), (SIZE as u64, Some(3), 2));
    assert_eq!(status.mirrors[0].institution, PEER);
    let events = std::fs::read_to_string(running.home.path().join("events.jsonl")).unwrap();
    assert!(events.lines().any(|line| line.contains("\"event\":\"won\"")), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_certified_does_not_mine() {
    let peer = Peer::start(entries(SIZE)).await;
    let running = run(&peer, Target::EASIEST, "withdrawn").await;
    until("it is told", || {
        let told = running.told.lock().unwrap();
        told.iter().any(|event| matches!(event, Event::Failed { reason, .. } if reason.contains("withdrew")))
    })
    .await;
    running.stop.cancel();
    running.task.await.unwrap().unwrap();
    assert!(sent(&running.chain).is_empty());
    assert_eq!(Status::read(running.home.path()).unwrap().tries, 0);
}
