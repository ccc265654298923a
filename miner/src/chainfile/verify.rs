//! Checking an export, on all cores: every line by itself, then the lines as a chain.

use std::{collections::BTreeMap, iter::Peekable, ops::Range};

use cosmwasm_crypto::{ed25519_batch_verify, ed25519_verify};
use ed25519_dalek::{Signature, VerifyingKey};
use medrec_api::registrar::{NewResearcher, certificate};
use medrec_merkle::{
    Hash,
    heads::{Node, locate},
};
use medrec_pow::{Header, Target, U256, check, seal_id};
use medrec_seals::{Chain, Link, Rules, Watched, sealed_root};
use rand_core::OsRng;
use sha2_blocks::{Digest as _, Sha256};

use super::{
    format::{Certified, End, FORMAT, Line, Start, bytes},
    heads::Heads,
};
use crate::logs::View;

/// Lines whose signatures are checked together.
const BATCH: usize = 512;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the file is not an export of seals: {0}")]
    Form(String),
    #[error("the file was altered or cut: its digest is {computed}, its last line says {claimed}")]
    Digest { computed: String, claimed: String },
    #[error("line {line}: {reason}")]
    Line { line: usize, reason: String },
    #[error("seal {number}: {reason}")]
    Seal { number: u64, reason: String },
    #[error("researcher {account}: {reason}")]
    Researcher { account: String, reason: &'static str },
    #[error("the chain: {0}")]
    Chain(#[from] medrec_seals::Error),
    #[error("the file says {claimed} seals of work {work}, its lines are {found} of another sum")]
    End { claimed: u64, work: String, found: u64 },
}

/// Where entries come from when the export has none.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// From nowhere: recalls that are not in the file are not checked.
    None,
    /// Copies of the logs, by slot.
    Mirrors(&'a BTreeMap<u32, View>),
}

/// What held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub chain_id: String,
    pub authlog: String,
    pub seals: u64,
    /// Tries all seals took on average.
    pub work: U256,
    /// Id of the last seal.
    pub tip: Hash,
    /// Seals whose eight entries were checked.
    pub recalled: u64,
    /// Seals by account.
    pub by: BTreeMap<String, u64>,
    /// Signing keys of institutions and the rules of the schedule, to be compared with those the consortium publishes.
    pub institutions: Vec<(u32, Hash)>,
    pub rules: Vec<super::format::Rules>,
}

/// Who signed a line's id; not checked yet.
struct Signed<'a> {
    key: &'a VerifyingKey,
    signature: [u8; 64],
}

/// A line that was checked by itself.
struct Sound {
    number: u64,
    previous: Hash,
    sealed: Hash,
    heads: Node,
    target: Target,
    frozen_at: u64,
    nonce: u64,
    mix: Hash,
    id: Hash,
    /// Place of the miner in the list of researchers.
    miner: usize,
    changed: Vec<(u32, Range<usize>, u64, Hash)>,
    has_recalls: bool,
}

/// The whole file. `threads`: how many check lines at the same time.
pub fn verify(file: &[u8], threads: usize, source: Source<'_>) -> Result<Checked, Error> {
    let text = std::str::from_utf8(file).map_err(|e| Error::Form(e.to_string()))?;
    let body = text.strip_suffix('\n').ok_or_else(|| Error::Form("it does not end with a line".into()))?;
    let (before, last) = body.rsplit_once('\n').ok_or_else(|| Error::Form("it has one line".into()))?;
    let (digest, form) =
        (file.get(..before.len().saturating_add(1)), |e: serde_json::Error| Error::Form(e.to_string()));
    let end: End = serde_json::from_str(last).map_err(form)?;
    let (first, lines) = before.split_once('\n').unwrap_or((before, ""));
    let start: Start = serde_json::from_str(first).map_err(form)?;
    let keys = researchers(&start)?;
    let lines: Vec<&str> = lines.lines().collect();
    let batches: Vec<&[&str]> = lines.chunks(BATCH).collect();
    let (computed, sound) = std::thread::scope(|scope| {
        let digest = scope.spawn(|| hex::encode(Sha256::digest(digest.unwrap_or_default())));
        let share = batches.len().div_ceil(threads.max(1)).max(1);
        let (start, keys) = (&start, &keys);
        let shares: Vec<_> = batches
            .chunks(share)
            .enumerate()
            .map(|(at, share_of)| {
                let first = at.saturating_mul(share).saturating_mul(BATCH);
                scope.spawn(move || {
                    let mut sound = Vec::new();
                    for (first, batch) in (first..).step_by(BATCH).zip(share_of) {
                        sound.extend(batch_by_itself(first, batch, start, keys)?);
                    }
                    Ok::<Vec<Sound>, Error>(sound)
                })
            })
            .collect();
        let ended = || Error::Form("a thread ended early".into());
        let computed = digest.join().map_err(|_| ended())?;
        let mut sound = Vec::with_capacity(lines.len());
        for share in shares {
            sound.extend(share.join().map_err(|_| ended())??);
        }
        Ok::<_, Error>((computed, sound))
    })?;
    if computed != end.sha256 {
        return Err(Error::Digest { computed, claimed: end.sha256 });
    }
    let checked = as_chain(&start, &lines, &sound, source)?;
    if end.seals != checked.seals || bytes(&end.work) != Some(checked.work.to_be_bytes()) {
        return Err(Error::End { claimed: end.seals, work: end.work, found: checked.seals });
    }
    Ok(checked)
}

/// Each researcher's key, certified by an institution of the list; by account.
fn researchers(start: &Start) -> Result<BTreeMap<&str, (usize, VerifyingKey)>, Error> {
    if start.format != FORMAT {
        return Err(Error::Form(format!("its format is {:?}, this program knows {FORMAT:?}", start.format)));
    }
    let mut keys = BTreeMap::new();
    for (place, researcher) in start.researchers.iter().enumerate() {
        let key = certified(start, researcher)
            .map_err(|reason| Error::Researcher { account: researcher.account.clone(), reason })?;
        if keys.insert(researcher.account.as_str(), (place, key)).is_some() {
            let account = researcher.account.clone();
            return Err(Error::Researcher { account, reason: "is listed twice" });
        }
    }
    Ok(keys)
}

fn certified(start: &Start, researcher: &Certified) -> Result<VerifyingKey, &'static str> {
    let by = start.institutions.iter().find(|known| known.id == researcher.certified_by);
    let by = by.ok_or("the institution that certified him is not listed")?;
    let signer = verifying_key(&by.signing_key).ok_or("his institution's key is no Ed25519 key")?;
    let key: Hash = bytes(&researcher.key).ok_or("his key is not 32 bytes")?;
    let encryption_key: Hash =
        bytes(&researcher.encryption_key).ok_or("his encryption key is not 32 bytes")?;
    let facts = NewResearcher {
        account: researcher.account.clone(),
        name: researcher.name.clone(),
        key: key.into(),
        encryption_key: encryption_key.into(),
        certificate: Vec::new().into(),
    };
    let message = certificate(&start.chain_id, &start.registrar, by.id, &facts);
    let signature = bytes(&researcher.certificate).ok_or("his certificate is not a signature")?;
    signer
        .verify_strict(&message, &Signature::from_bytes(&signature))
        .map_err(|_| "his certificate is not by his institution's key, or of another chain or registrar")?;
    verifying_key(&researcher.key).ok_or("his key is no Ed25519 key")
}

fn verifying_key(text: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&bytes(text)?).ok().filter(|key| !key.is_weak())
}

/// Lines from the `first` on, with their signatures.
fn batch_by_itself(
    first: usize,
    lines: &[&str],
    start: &Start,
    keys: &BTreeMap<&str, (usize, VerifyingKey)>,
) -> Result<Vec<Sound>, Error> {
    let (mut sound, mut signed) = (Vec::with_capacity(lines.len()), Vec::with_capacity(lines.len()));
    for (at, line) in (first..).zip(lines) {
        let (one, its) = by_itself(at, line, start, keys)?;
        sound.push(one);
        signed.push(its);
    }
    signatures(start, &sound, &signed)?;
    Ok(sound)
}

/// All together, which takes a quarter of the time; as the chain checked them, by the same library.
fn signatures(start: &Start, sound: &[Sound], signed: &[Signed]) -> Result<(), Error> {
    let ids: Vec<&[u8]> = sound.iter().map(|one| one.id.as_slice()).collect();
    let signatures: Vec<&[u8]> = signed.iter().map(|one| one.signature.as_slice()).collect();
    let keys: Vec<&[u8]> = signed.iter().map(|one| one.key.as_bytes().as_slice()).collect();
    if let Ok(true) = ed25519_batch_verify(&mut OsRng, &ids, &signatures, &keys) {
        return Ok(());
    }
    for (one, its) in sound.iter().zip(signed) {
        if !matches!(ed25519_verify(&one.id, &its.signature, its.key.as_bytes()), Ok(true)) {
            let miner = start.researchers.get(one.miner).map_or("", |researcher| &researcher.account);
            let reason = format!("the signature is not by {miner}'s key over this seal's id");
            return Err(Error::Seal { number: one.number, reason });
        }
    }
    Ok(())
}

/// Header, work, id and recalls of one line.
fn by_itself<'a>(
    at: usize,
    line: &str,
    start: &Start,
    keys: &'a BTreeMap<&str, (usize, VerifyingKey)>,
) -> Result<(Sound, Signed<'a>), Error> {
    let at_line = |reason: String| Error::Line { line: at.saturating_add(2), reason };
    let seal: Line = serde_json::from_str(line).map_err(|e| at_line(e.to_string()))?;
    let number = seal.number;
    let refuse = |reason: String| Error::Seal { number, reason };
    let field = |name: &str| refuse(format!("{name} is not base64 of its length"));
    let hash = |text: &str, name: &str| bytes::<32>(text).ok_or_else(|| field(name));
    let mut watched = Vec::with_capacity(seal.watched.len());
    for one in &seal.watched {
        let (root, checksum) = (hash(&one.root, "root")?, hash(&one.checksum, "checksum")?);
        watched.push(Watched { contract: &one.contract, size: one.size, root, checksum });
    }
    let heads = Node { hash: hash(&seal.heads, "heads")?, sum: seal.entries };
    let target = Target::from_be_bytes(&hash(&seal.target, "target")?).map_err(|e| refuse(e.to_string()))?;
    let (previous, sealed) = (hash(&seal.previous, "previous")?, sealed_root(&heads, watched));
    let (entries, frozen_at, miner) = (seal.entries, seal.frozen_at, &*seal.miner);
    let header = Header {
        chain_id: &start.chain_id,
        contract: &start.authlog,
        number,
        previous,
        sealed,
        entries,
        target,
        frozen_at,
        miner,
    };
    let (mix, header_hash) = (hash(&seal.mix, "mix")?, header.hash());
    let id = seal_id(&header_hash, seal.nonce, &mix);
    let (place, key) =
        keys.get(miner).ok_or_else(|| refuse(format!("{miner} is not listed as a researcher")))?;
    let signed = Signed { key, signature: bytes(&seal.signature).ok_or_else(|| field("signature"))? };
    let has_recalls = seal.recalls.is_some() || entries == 0;
    if has_recalls {
        use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
        let recalls = seal.recalls.as_deref().unwrap_or_default();
        let recalls = B64.decode(recalls).map_err(|_| field("recalls"))?;
        let found = medrec_seals::verify(&header, &heads, seal.nonce, &recalls);
        let found = found.map_err(|e| refuse(e.to_string()))?;
        if found.mix != mix {
            return Err(refuse("its entries give another mix".into()));
        }
    }
    let mut changed = Vec::with_capacity(seal.changed.len());
    for head in &seal.changed {
        changed.push((
            head.slot,
            origin(line, &head.origin).ok_or_else(|| field("origin"))?,
            head.size,
            hash(&head.root, "root")?,
        ));
    }
    let sound = Sound {
        number,
        previous,
        sealed,
        heads,
        target,
        frozen_at,
        nonce: seal.nonce,
        mix,
        id,
        miner: *place,
        changed,
        has_recalls,
    };
    Ok((sound, signed))
}

/// Where in its line a text is that was borrowed from it: origins need no escapes.
fn origin(line: &str, part: &str) -> Option<Range<usize>> {
    let first = (part.as_ptr().addr()).checked_sub(line.as_ptr().addr())?;
    let range = first..first.checked_add(part.len())?;
    line.get(range.clone()).filter(|found| *found == part)?;
    Some(range)
}

/// Order, schedule, heads, work; recalls from mirrors.
fn as_chain(start: &Start, lines: &[&str], sound: &[Sound], source: Source<'_>) -> Result<Checked, Error> {
    let (first, mut later) = rules(start)?;
    let mut chain = Chain::new(&start.chain_id, &start.authlog, first)?;
    let (mut heads, mut recalled, mut by) = (Heads::default(), 0u64, vec![0u64; start.researchers.len()]);
    let mut roots = Roots::default();
    for (line, seal) in lines.iter().zip(sound) {
        let refuse = |reason: String| Error::Seal { number: seal.number, reason };
        for (slot, origin, size, root) in &seal.changed {
            let origin = line.get(origin.clone()).unwrap_or_default();
            heads.set(*slot, origin, *size, *root).map_err(|e| refuse(e.to_string()))?;
        }
        if heads.root() != seal.heads {
            return Err(refuse("the heads listed do not give the root that is sealed".into()));
        }
        let miner = start.researchers.get(seal.miner).map_or("", |researcher| researcher.account.as_str());
        let link = Link {
            number: seal.number,
            previous: seal.previous,
            sealed: seal.sealed,
            entries: seal.heads.sum,
            target: seal.target,
            frozen_at: seal.frozen_at,
            miner,
            nonce: seal.nonce,
            mix: seal.mix,
            id: seal.id,
        };
        if seal.has_recalls {
            recalled = recalled.saturating_add(1);
        } else if let Source::Mirrors(views) = source {
            let header = chain.header(&link).hash();
            from_mirrors(&header, seal, &heads, views, &mut roots).map_err(refuse)?;
            recalled = recalled.saturating_add(1);
        }
        if let Some((_, rules)) = later.next_if(|(from, _)| *from == seal.number) {
            chain.set_rules(rules)?;
        }
        chain.push(&link)?;
        if let Some(count) = by.get_mut(seal.miner) {
            *count = count.saturating_add(1);
        }
    }
    let by = start.researchers.iter().zip(by).map(|(researcher, seals)| (researcher.account.clone(), seals));
    let institutions =
        start.institutions.iter().filter_map(|one| Some((one.id, bytes(&one.signing_key)?))).collect();
    Ok(Checked {
        chain_id: start.chain_id.clone(),
        authlog: start.authlog.clone(),
        seals: chain.seals(),
        work: chain.work(),
        tip: chain.tip(),
        recalled,
        by: by.filter(|(_, seals)| *seals > 0).collect(),
        institutions,
        rules: start.rules.clone(),
    })
}

/// Rules from seal 1 on, and those that follow, by the number of the first seal under them.
fn rules(start: &Start) -> Result<(Rules, Peekable<impl Iterator<Item = (u64, Rules)>>), Error> {
    let read = |one: &super::format::Rules| Some((one.from, one.read()?));
    let all = start.rules.iter().map(read).collect::<Option<Vec<_>>>();
    let mut all = all.ok_or_else(|| Error::Form("its rules are none".into()))?.into_iter();
    let first = all.next().filter(|(from, _)| *from == 1);
    let (_, first) = first.ok_or_else(|| Error::Form("it has no rules for its first seal".into()))?;
    if !start.rules.is_sorted_by(|one, next| one.from < next.from) {
        return Err(Error::Form("its rules are not in order".into()));
    }
    Ok((first, all.peekable()))
}

/// Heads whose root a mirror was found to have: by slot and size.
type Roots = BTreeMap<(u32, u64), Hash>;

/// The try, with entries from mirrors, which must give the heads that are sealed.
fn from_mirrors(
    header: &Hash,
    seal: &Sound,
    heads: &Heads,
    views: &BTreeMap<u32, View>,
    roots: &mut Roots,
) -> Result<(), String> {
    let mix = check(header, seal.nonce, seal.heads.sum, &seal.target, |_, entry| {
        let (slot, index) = locate(heads, entry).map_err(|e| Failed(e.to_string()))?;
        let head = heads.head(slot).ok_or_else(|| Failed(format!("slot {slot} has no head")))?;
        let missing = || Failed(format!("entry {index} of log {slot} is not in the mirror"));
        let view = views.get(&slot).ok_or_else(missing)?;
        let root = match roots.get(&(slot, head.size)) {
            Some(root) => *root,
            None => view.root(head.size).map_err(|e| Failed(format!("log {slot}: {e}")))?,
        };
        roots.insert((slot, head.size), root);
        if root != head.root {
            return Err(Failed(format!("the mirror of log {slot} is of another history")));
        }
        view.entries.get(index).copied().ok_or_else(missing)
    });
    let mix: Hash = mix.map_err(|Failed(reason): Failed| reason)?;
    if mix == seal.mix { Ok(()) } else { Err("its entries give another mix".into()) }
}

struct Failed(String);

impl From<medrec_pow::Error> for Failed {
    fn from(error: medrec_pow::Error) -> Self {
        Self(error.to_string())
    }
}
