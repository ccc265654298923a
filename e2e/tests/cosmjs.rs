//! The contracts through an unmodified CosmJS 0.38.1, which browsers use (e2e/cosmjs).

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use medrec_api::registrar::InstitutionsResponse;
use medrec_api::relationship::{GrantKind, GrantsResponse, RelationshipResponse, Status};
use medrec_e2e::actors::Actor;
use medrec_e2e::world::{Holder, World, root};
use medrec_wallet::{Access, SecretKey, grant, opening};
use rand_core::OsRng;
use serde::Deserialize;
use serde_json::json;

/// What walk.mjs saw.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen {
    comet: String,
    /// Attempt → the chain's words, for each way it was tried.
    refusals: BTreeMap<String, Vec<String>>,
    /// Event types of opening, acceptance and grant.
    events: [Vec<String>; 3],
    relationship: RelationshipResponse,
    grants: GrantsResponse,
    grants_to: GrantsResponse,
    institutions: InstitutionsResponse,
    missing: String,
}

/// Who takes part, and what they hand each other.
struct Case {
    outsider: Actor,
    delegate: Actor,
    patient: Actor,
    viewer: Actor,
    steward_key: SecretKey,
    messages: serde_json::Value,
}

#[tokio::test(flavor = "multi_thread")]
async fn cosmjs() -> Result<()> {
    let tool = install()?;
    let outsider = Actor::fresh()?;
    let world = World::start(&[&outsider]).await?;
    let case = prepare(&world, outsider).await?;
    let seen = walk(&tool, &world, &case)?;
    assert_eq!(seen.comet, "Comet38Client");
    an_outsider_is_refused_everything(&seen);
    the_relationship_is_what_was_sent(&seen, &case);
    what_went_through_cosmjs_still_opens(&world, &seen, &case)?;
    world.net.down().await;
    Ok(())
}

/// `npm ci` in the target folder, once for each lock file.
fn install() -> Result<PathBuf> {
    let source = root().join("e2e/cosmjs");
    let dir = root().join("target/e2e/cosmjs");
    fs::create_dir_all(&dir)?;
    for file in ["package.json", "package-lock.json", "walk.mjs"] {
        fs::copy(source.join(file), dir.join(file))?;
    }
    let lock = fs::read(source.join("package-lock.json"))?;
    // Written last, so that a killed install is done again.
    let stamp = dir.join("installed.lock");
    if dir.join("node_modules").is_dir() && fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(dir);
    }
    let flags = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let done = Command::new("npm").current_dir(&dir).args(flags).status()?;
    ensure!(done.success(), "npm ci: {done}");
    fs::write(&stamp, lock)?;
    Ok(dir)
}

/// Everything sealed by our own wallet; the first relationship of a chain has id 1.
async fn prepare(world: &World, outsider: Actor) -> Result<Case> {
    let (mut delegates, _) = world.admit(1).await?;
    let delegate = delegates.remove(0);
    let (patient, viewer) = (Actor::fresh()?, Actor::fresh()?);
    let (place, id) = (world.contract_ref(), 1);
    let steward_key = SecretKey::generate(&mut OsRng);
    let to = patient.encryption_key()?;
    let (steward, address) = (delegate.address(), patient.address());
    let open = opening::open(&mut OsRng, &place, steward, address, &to, &steward_key.public()?, 1)?;
    let offer = opening::read_offer(&place, steward, &patient.key, &open.sealed)?;
    let part = opening::patient_part(&place, steward, &patient.key)?;
    let accept = opening::accept(&mut OsRng, &place, id, &offer, &part)?;
    let holder = Holder { patient: &patient, steward, id, sealed: &open.sealed };
    let grant = world.grant(&holder, &viewer, GrantKind::Read, &["laboratory"])?;
    let base64 = |bytes: &[u8]| BASE64.encode(bytes);
    let messages = json!({
        "open": {"open": {"patient": address, "sealed": base64(&open.sealed)}},
        "accept": {"accept": {"id": id, "sealed": base64(&accept)}},
        "grant": grant,
    });
    Ok(Case { outsider, delegate, patient, viewer, steward_key, messages })
}

/// Runs the script. Keys go through a file that only we can read.
fn walk(tool: &Path, world: &World, case: &Case) -> Result<Seen> {
    let hex = |actor: &Actor| actor.key.secret().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let given = json!({
        "rpc": world.deployment.rpc[0],
        "gasPrice": format!("{}{}", world.deployment.gas_price, world.deployment.fee_denom),
        "contracts": {"registrar": world.registrar(), "relationship": world.relationship()},
        "codeId": world.deployment.contracts.registrar.code_id,
        "wasm": root().join("artifacts/registrar.wasm"),
        "secrets": {"outsider": hex(&case.outsider), "delegate": hex(&case.delegate), "patient": hex(&case.patient)},
        "messages": case.messages,
    });
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("case.json");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(given.to_string().as_bytes())?;
    let output = Command::new("node").current_dir(tool).arg("walk.mjs").arg(&path).output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "walk.mjs: {}\n{words}", output.status);
    serde_json::from_slice(&output.stdout).context("walk.mjs printed something else")
}

fn an_outsider_is_refused_everything(seen: &Seen) {
    let expected = [
        ("upload", "unauthorized"),
        ("instantiate", "unauthorized"),
        ("instantiate2", "unauthorized"),
        ("migrate", "unauthorized"),
        ("admit", "is not the sponsor"),
        ("open", "is not an admitted, unused delegate"),
        ("send", "tx type not allowed"),
    ];
    assert_eq!(seen.refusals.len(), expected.len(), "{:?}", seen.refusals.keys());
    for (attempt, words) in expected {
        for refusal in &seen.refusals[attempt] {
            assert!(refusal.contains(words), "{attempt}: {refusal}");
        }
    }
}

fn the_relationship_is_what_was_sent(seen: &Seen, case: &Case) {
    let events = seen.events.each_ref().map(|kinds| kinds.iter().any(|kind| kind.starts_with("wasm-")));
    assert_eq!(events, [true; 3], "{:?}", seen.events);
    assert_eq!(seen.relationship.id, 1);
    assert_eq!(seen.relationship.status, Status::Active);
    assert_eq!(seen.relationship.patient, case.patient.address());
    assert_eq!(seen.relationship.steward, case.delegate.address());
    assert_eq!(seen.grants.grants.len(), 1);
    assert_eq!(seen.grants.grants[0].viewer, case.viewer.address());
    assert_eq!(seen.grants_to, seen.grants);
    assert_eq!(seen.institutions.institutions.len(), 1);
    assert!(seen.missing.contains("there is no relationship 2"), "{}", seen.missing);
}

/// Steward and viewer read from the chain's state what our wallet sealed and CosmJS sent.
fn what_went_through_cosmjs_still_opens(world: &World, seen: &Seen, case: &Case) -> Result<()> {
    let place = world.contract_ref();
    let accepted = seen.relationship.sealed_accept.as_ref().context("nothing was accepted")?;
    let part = opening::read_acceptance(&place, 1, &case.steward_key, accepted)?;
    let mine = opening::patient_part(&place, case.delegate.address(), &case.patient.key)?;
    assert_eq!(*part, *mine);
    let grant = &seen.grants.grants[0];
    let key = case.viewer.key.encryption_key()?;
    let (terms, access) = grant::open(&place, 1, &key, grant.kind, &grant.sealed)?;
    assert!(terms.cover("laboratory", "treatment") && !terms.cover("medication", "treatment"));
    assert!(matches!(access, Access::Read));
    Ok(())
}
