//! Chains of seals made here: valid in all a file can show without entries, at the easiest target.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use ed25519_dalek::{Signer as _, SigningKey};
use medrec_api::registrar::{NewResearcher, certificate};
use medrec_merkle::Hash;
use medrec_pow::{Header, Target, U256, first_mix, seal_id};
use medrec_seals::{Retarget, Rules as SealRules, Watched, sealed_root};
use sha2_blocks::{Digest as _, Sha256};

use medrec_miner::chainfile::{
    Certified, End, FORMAT, HeadLine, Heads, Institution, Line, Rules, Start, WatchedLine,
};

const CHAIN: &str = "medrec-sample-1";
const AUTHLOG: &str = "medrec1authlog";
const REGISTRAR: &str = "medrec1registrar";
const INTERVAL: u64 = 60;

/// Rules under which every try is a seal.
pub fn rules() -> SealRules {
    let (anchor, easiest) = (Target::EASIEST, Target::EASIEST);
    SealRules { interval: INTERVAL, half_life: 3_600, anchor, easiest, hardest: Target::HARDEST }
}

/// `seals` seals over logs that grow, by `researchers` in turn.
pub fn export(seals: u64, researchers: u8) -> anyhow::Result<String> {
    export_under(&[(1, rules())], seals, researchers)
}

/// The same, under rules that change: each with the number of its first seal.
pub fn export_under(history: &[(u64, SealRules)], seals: u64, researchers: u8) -> anyhow::Result<String> {
    let institution = SigningKey::from_bytes(&[0x11; 32]);
    let keys: Vec<SigningKey> =
        (0..researchers).map(|n| SigningKey::from_bytes(&[n.wrapping_add(0x40); 32])).collect();
    let start = start(&institution, &keys, history);
    let mut rules = rules();
    let mut text = serde_json::to_string(&start)?;
    text.push('\n');
    let (mut heads, mut previous, mut work) = (Heads::default(), [0; 32], U256::ZERO);
    let mut retarget = Retarget::start(&rules);
    for (at, miner) in (0..seals).zip((0..keys.len()).cycle()) {
        let key = keys.get(miner).ok_or_else(|| anyhow::anyhow!("a sample has a researcher"))?;
        let number = at.saturating_add(1);
        if let Some((_, new)) = history.iter().find(|(from, _)| *from == number) {
            (rules, retarget) = (*new, Retarget::start(new));
        }
        let mut changed = Vec::new();
        for slot in 0..3u32 {
            let size = number.saturating_mul(u64::from(slot).saturating_add(2));
            let root = filler(&[slot.to_be_bytes().as_slice(), &size.to_be_bytes()].concat());
            heads.set(slot, &origin(slot), size, root)?;
            let (origin, root) = (Cow::Owned(origin(slot)), Cow::Owned(B64.encode(root)));
            changed.push(HeadLine { slot, origin, size, root });
        }
        let root = heads.root();
        let own = filler(&number.to_be_bytes());
        let watched = [Watched { contract: REGISTRAR, size: number, root: own, checksum: [3; 32] }];
        let account = account(miner);
        let header = Header {
            chain_id: CHAIN,
            contract: AUTHLOG,
            number,
            previous,
            sealed: sealed_root(&root, watched),
            entries: root.sum,
            target: retarget.target,
            frozen_at: number.saturating_mul(INTERVAL),
            miner: &account,
        };
        let (first, hash) = (u64::from_be_bytes(*own.first_chunk().unwrap_or(&[0; 8])), header.hash());
        let reaches = |nonce: &u64| header.target.reached_by(&first_mix(&hash, *nonce)).is_ok();
        let nonce = (first..).find(reaches).ok_or_else(|| anyhow::anyhow!("no nonce is left"))?;
        let mix = first_mix(&hash, nonce);
        let id = seal_id(&header.hash(), nonce, &mix);
        let text_of = |bytes: &[u8]| Cow::Owned(B64.encode(bytes));
        let line = Line {
            number,
            previous: text_of(&previous),
            heads: text_of(&root.hash),
            entries: root.sum,
            target: text_of(&header.target.to_be_bytes()),
            frozen_at: header.frozen_at,
            miner: Cow::Borrowed(&account),
            nonce,
            mix: text_of(&mix),
            signature: text_of(&key.sign(&id).to_bytes()),
            changed,
            watched: vec![WatchedLine {
                contract: Cow::Borrowed(REGISTRAR),
                size: number,
                root: text_of(&own),
                checksum: text_of(&[3; 32]),
            }],
            recalls: None,
        };
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
        work = work.checked_add(&retarget.target.work()).unwrap_or(U256::MAX);
        (previous, retarget) = (id, retarget.next(&rules, INTERVAL));
    }
    close(&mut text, seals, &work)?;
    Ok(text)
}

/// Adds the last line.
pub fn close(text: &mut String, seals: u64, work: &U256) -> anyhow::Result<()> {
    let (work, sha256) = (B64.encode(work.to_be_bytes()), hex::encode(Sha256::digest(text.as_bytes())));
    text.push_str(&serde_json::to_string(&End { seals, work, sha256 })?);
    text.push('\n');
    Ok(())
}

fn start(institution: &SigningKey, keys: &[SigningKey], history: &[(u64, SealRules)]) -> Start {
    let researchers = keys.iter().enumerate().map(|(n, key)| certified(institution, n, key)).collect();
    let signing_key = B64.encode(institution.verifying_key().as_bytes());
    Start {
        format: FORMAT.to_owned(),
        chain_id: CHAIN.to_owned(),
        registrar: REGISTRAR.to_owned(),
        authlog: AUTHLOG.to_owned(),
        rules: history.iter().map(|(from, rules)| Rules::of(*from, rules)).collect(),
        institutions: vec![Institution { id: 1, signing_key }],
        researchers,
    }
}

fn certified(institution: &SigningKey, n: usize, key: &SigningKey) -> Certified {
    let (account, name, encryption_key) = (account(n), format!("Researcher {n}"), [9; 32]);
    let public = key.verifying_key().to_bytes();
    let facts = NewResearcher {
        account: account.clone(),
        name: name.clone(),
        key: public.into(),
        encryption_key: encryption_key.into(),
        certificate: Vec::new().into(),
    };
    let signed = institution.sign(&certificate(CHAIN, REGISTRAR, 1, &facts)).to_bytes();
    Certified {
        account,
        name,
        key: B64.encode(public),
        encryption_key: B64.encode(encryption_key),
        certified_by: 1,
        certificate: B64.encode(signed),
    }
}

fn account(n: usize) -> String {
    format!("medrec1researcher{n}")
}

fn origin(slot: u32) -> String {
    format!("log.{slot}.sample")
}

fn filler(seed: &[u8]) -> Hash {
    Sha256::digest(seed).into()
}
