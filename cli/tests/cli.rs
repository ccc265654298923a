//! The real binary: help, usage, refusals. What needs a chain and a hospital is tested by the pilot.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
    abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art";

/// Spoils a deployment file.
type Change = fn(&mut Value);

/// A folder with a passphrase file, in which the binary runs.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { dir: tempfile::tempdir().unwrap() };
        fs::write(place.path("pass"), "correct horse\nsecond line\n").unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, "", &self.path("pass"))
    }

    fn run_with(&self, args: &[&str], stdin: &str, passphrase: &Path) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_medrec"))
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("MEDREC_HOME", self.path("wallet"))
            .env("MEDREC_PASSPHRASE_FILE", passphrase)
            .env("MEDREC_TEST_SCRYPT_LOG_N", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The binary may end before it reads: then writing fails, and that is its right.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn restore(&self) -> Output {
        self.run_with(&["wallet", "restore", "--json"], WORDS, &self.path("pass"))
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&out(output)).unwrap_or_else(|e| panic!("{e}: {} {}", out(output), err(output)))
}

const COMMANDS: [&str; 18] = [
    "wallet",
    "card",
    "relationships",
    "accept",
    "reject",
    "close",
    "grant",
    "revoke",
    "acknowledge",
    "dispute",
    "record",
    "read",
    "log",
    "report",
    "research",
    "notices",
    "verify",
    "completions",
];

#[test]
fn help_lists_every_command_and_each_has_examples() {
    let place = Place::new();
    let help = place.run(&["--help"]);
    assert_eq!(code(&help), 0);
    for command in COMMANDS {
        assert!(out(&help).contains(&format!("\n  {command} ")), "{command} in {}", out(&help));
        let help = place.run(&[command, "--help"]);
        assert_eq!(code(&help), 0, "{command}");
        assert!(out(&help).contains("Examples:\n  medrec "), "{command}: {}", out(&help));
        assert!(out(&help).contains("--json"), "{command}");
    }
    assert!(out(&help).contains("3 something did not verify"));
    assert_eq!(code(&place.run(&["--version"])), 0);
}

#[test]
fn wrong_usage_ends_with_2() {
    let place = Place::new();
    for args in [
        &[][..],
        &["fly"],
        &["accept"],
        &["accept", "three"],
        &["accept", "-1"],
        &["revoke", "3"],
        &["acknowledge", "3"],
        &["dispute", "--record", "4f2a91c0"],
        &["notices", "all"],
        &["verify", "--mirror", "http://127.0.0.1:1"],
        &["log", "--mirror", "http://127.0.0.1:1"],
        &["log", "--kind", "gossip"],
        &["log", "--from", "yesterday"],
        &["record", "--from", "2024-13-01"],
        &["report"],
        &["grant", "3", "--scope", "labs"],
        &[
            "grant",
            "3",
            "--card",
            "x",
            "--scope",
            "labs",
            "--purpose",
            "treatment",
            "--until",
            "+1d",
            "--kind",
            "own",
        ],
        &["read", "--relationship", "3"],
        &["research"],
        &["research", "allow", "laboratory"],
        &["research", "allow", "--all"],
        &["research", "allow", "labs", "--all"],
        &["research", "allow", "laboratory", "--all", "--relationship", "3"],
        &["research", "none"],
        &["research", "none", "--relationship", "three"],
        &["completions", "notashell"],
        &["wallet", "restore", "abandon", "abandon"],
    ] {
        assert_eq!(code(&place.run(args)), 2, "{args:?}");
    }
}

#[test]
fn words_and_passphrase_are_no_arguments() {
    let place = Place::new();
    for args in [&["wallet", "new", "--passphrase", "x"][..], &["wallet", "restore", "--words", WORDS]] {
        let refused = place.run(args);
        assert_eq!(code(&refused), 2);
    }
}

#[test]
fn completions_for_bash() {
    let script = Place::new().run(&["completions", "bash"]);
    assert_eq!(code(&script), 0);
    assert!(out(&script).contains("_medrec()") && out(&script).contains("relationships"));
}

#[test]
fn a_new_wallet_shows_24_words_that_restore_it() {
    let (place, other) = (Place::new(), Place::new());
    let made = place.run(&["wallet", "new", "--json"]);
    assert_eq!(code(&made), 0, "{}", err(&made));
    let words = json(&made)["words"].as_str().unwrap().to_owned();
    assert_eq!(words.split(' ').count(), 24);
    let back = other.run_with(&["wallet", "restore"], &words.to_uppercase(), &other.path("pass"));
    assert_eq!(code(&back), 0, "{}", err(&back));
    let cards = [&place, &other].map(|p| json(&p.run(&["card", "--json"])));
    assert_eq!(cards[0], cards[1]);
}

#[test]
fn the_wallet_file_is_encrypted_private_and_never_overwritten() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    let file = place.path("wallet/words.age");
    let bytes = fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    assert!(!String::from_utf8_lossy(&bytes).contains("abandon"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(&place.path("wallet"))), (0o600, 0o700));
    }
    for args in [&["wallet", "new"][..], &["wallet", "restore"]] {
        let refused = place.run_with(args, WORDS, &place.path("pass"));
        assert_eq!(code(&refused), 1, "{args:?}");
        assert!(err(&refused).contains("a wallet in"), "{}", err(&refused));
    }
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn bad_words_are_refused_without_being_repeated() {
    let place = Place::new();
    for (words, says) in [
        ("", "0 words given"),
        ("abandon art", "2 words given"),
        (&WORDS.replacen("abandon", "abandonn", 1), "word number 1 is not in the list"),
        (&WORDS.replace("art", "abandon"), "checksum"),
    ] {
        let refused = place.run_with(&["wallet", "restore"], words, &place.path("pass"));
        assert_eq!(code(&refused), 1, "{words}");
        assert!(err(&refused).contains(says), "{}", err(&refused));
        assert!(!err(&refused).contains("abandonn"));
        assert!(!place.path("wallet").exists());
    }
}

#[test]
fn passphrases() {
    let place = Place::new();
    fs::write(place.path("short"), "seven77\n").unwrap();
    fs::write(place.path("empty"), "\n").unwrap();
    fs::write(place.path("other"), "wrong horse\n").unwrap();
    for (file, exit, says) in [("short", 2, "at least 8"), ("empty", 2, "is empty"), ("absent", 1, "absent")]
    {
        let refused = place.run_with(&["wallet", "new"], "", &place.path(file));
        assert_eq!(code(&refused), exit, "{file}");
        assert!(err(&refused).contains(says), "{}", err(&refused));
        assert!(!place.path("wallet").exists(), "nothing is left behind");
    }
    assert_eq!(code(&place.restore()), 0);
    let refused = place.run_with(&["card"], "", &place.path("other"));
    assert_eq!(code(&refused), 1);
    assert!(err(&refused).contains("passphrase is wrong"), "{}", err(&refused));
    assert!(!err(&refused).contains("horse"));
}

#[test]
fn no_wallet_is_said_before_a_passphrase_is_asked() {
    let place = Place::new();
    let refused = place.run_with(&["card"], "", &place.path("absent"));
    assert_eq!(code(&refused), 1);
    assert!(err(&refused).contains("medrec wallet new"), "{}", err(&refused));
}

#[test]
fn each_card_is_a_fresh_one_and_reuse_needs_a_word() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    let first = json(&place.run(&["card", "--json"]));
    let second = json(&place.run(&["card", "--json"]));
    assert_eq!((first["index"].as_u64(), second["index"].as_u64()), (Some(0), Some(1)));
    assert_ne!(first["address"], second["address"]);
    assert!(first["card"].as_str().unwrap().starts_with("medrec-card1"));
    assert_eq!(first["address"], "medrec1r5v5srda7xfth3hn2s26txvrcrntldjua06zhx");

    let refused = place.run(&["card", "--index", "0"]);
    assert_eq!(code(&refused), 1);
    assert!(err(&refused).contains("--again"), "{}", err(&refused));
    let again = place.run(&["card", "--index", "0", "--again", "--json"]);
    assert_eq!(json(&again), first);
    assert!(err(&again).contains("Warning: index 0 is used again"), "{}", err(&again));
    assert_eq!(json(&place.run(&["card", "--json"]))["index"], 2);
}

#[test]
fn a_damaged_state_file_is_named() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    fs::write(place.path("wallet/state.json"), "{").unwrap();
    let refused = place.run(&["card"]);
    assert_eq!(code(&refused), 1);
    assert!(err(&refused).contains("state.json is damaged"), "{}", err(&refused));
}

#[test]
fn the_deployment_file_is_asked_for_and_checked() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    let missing = place.run(&["relationships"]);
    assert_eq!(code(&missing), 2);
    assert!(err(&missing).contains("--deployment"), "{}", err(&missing));
    let absent = place.run(&["relationships", "--deployment", "/nowhere/deployment.json"]);
    assert_eq!(code(&absent), 1);
    assert!(err(&absent).contains("/nowhere/deployment.json"), "{}", err(&absent));

    let good = deployment();
    let changes: [(&str, Change); 6] = [
        ("version 2", |d| d["version"] = 2.into()),
        ("missing field", |d| drop(d.as_object_mut().unwrap().remove("chain_id"))),
        ("unknown field", |d| d["more"] = 1.into()),
        ("prefix cosmos", |d| d["prefix"] = "cosmos".into()),
        ("names no node", |d| d["rpc"] = Value::Array(vec![])),
        ("cheap", |d| d["gas_price"] = "cheap".into()),
    ];
    for (says, change) in changes {
        let mut bad = good.clone();
        change(&mut bad);
        let refused = with_deployment(&place, &bad, &["relationships"]);
        assert_eq!(code(&refused), 2, "{says}: {}", err(&refused));
        assert!(err(&refused).contains(says), "{says}: {}", err(&refused));
    }
}

#[test]
fn a_chain_that_is_not_there_is_named_and_json_errors_are_json() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    let failed = with_deployment(&place, &deployment(), &["relationships", "--json"]);
    assert_eq!(code(&failed), 1);
    let error = json(&failed);
    assert!(error["error"].as_str().unwrap().contains("127.0.0.1:1"), "{error}");
    assert_eq!((error["exit"].as_u64(), error["reason"].is_null()), (Some(1), true));
}

#[test]
fn a_grant_is_checked_before_anything_is_asked_or_sent() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    let card = json(&place.run(&["card", "--json"]))["card"].as_str().unwrap().to_owned();
    let cut = card[..card.len() - 4].to_owned();
    let grant = |card: &str, scope: &str, purpose: &str, until: &str| {
        let args = ["grant", "3", "--card", card, "--scope", scope, "--purpose", purpose, "--until", until];
        with_deployment(&place, &deployment(), &args)
    };
    for (card, scope, purpose, until, exit, says) in [
        (card.as_str(), "labs", "treatment", "soon", 2, "is not a time"),
        (card.as_str(), "labs", "treatment", "2020-01-01", 2, "is not after"),
        (card.as_str(), "Labs!", "treatment", "+1d", 2, "scope"),
        (card.as_str(), "labs", "curiosity", "+1d", 2, "purpose"),
        (card.as_str(), "labs,labs", "treatment", "+1d", 2, "twice"),
        ("hello", "labs", "treatment", "+1d", 1, "medrec-card1"),
        (cut.as_str(), "labs", "treatment", "+1d", 1, "card"),
        ("@/nowhere/card", "labs", "treatment", "+1d", 1, "/nowhere/card"),
        // All is well here: what fails is the chain that is not there.
        (card.as_str(), "labs", "treatment", "+1d", 1, "127.0.0.1:1"),
    ] {
        let refused = grant(card, scope, purpose, until);
        assert_eq!(code(&refused), exit, "{says}: {}", err(&refused));
        assert!(err(&refused).contains(says), "{says}: {}", err(&refused));
    }
}

#[test]
fn a_read_names_its_purpose_and_scope_rightly() {
    let place = Place::new();
    for (scope, purpose, says) in [("labs", "curiosity", "--purpose"), ("LABS", "treatment", "--scope")] {
        let args = ["read", "--relationship", "3", "--scope", scope, "--purpose", purpose];
        let refused = place.run(&args);
        assert_eq!(code(&refused), 2);
        assert!(err(&refused).contains(says), "{}", err(&refused));
    }
}

#[test]
fn a_mark_is_checked_before_anything_is_asked() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    let long = "é".repeat(61);
    for (args, exit, says) in [
        (&["acknowledge", "3", "--record", "4f2a"][..], 2, "first 8 digits"),
        (&["dispute", "3", "--record", "4f2a91cX"], 2, "first 8 digits"),
        (&["dispute", "3", "--record", "4f2a91c0", "--note", &long], 2, "122 bytes"),
        (&["dispute", "3", "--record", "4f2a91c0", "--note", "a\u{1b}[2Jb"], 2, "one line"),
        // All is well here: what fails is the chain that is not there.
        (&["dispute", "3", "--record", "4f2a91c0", "--note", "not mine"], 1, "127.0.0.1:1"),
        (&["acknowledge", "3", "--record", "4F2A91C0"], 1, "127.0.0.1:1"),
    ] {
        let refused = with_deployment(&place, &deployment(), args);
        assert_eq!(code(&refused), exit, "{says}: {}", err(&refused));
        assert!(err(&refused).contains(says), "{says}: {}", err(&refused));
    }
}

#[test]
fn without_the_chain_only_a_hospital_seen_before_can_be_told_of_a_revoke() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    for args in [&["revoke", "3", "0"][..], &["revoke", "3", "0", "--direct"]] {
        let refused = with_deployment(&place, &deployment(), args);
        assert_eq!(code(&refused), 1);
        assert!(err(&refused).contains("127.0.0.1:1"), "{}", err(&refused));
        assert!(err(&refused).contains("has not seen it before"), "{}", err(&refused));
    }
}

#[test]
fn a_report_is_not_written_over_something_else() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    fs::write(place.path("mine.html"), "mine").unwrap();
    let file = place.path("mine.html");
    let refused = with_deployment(&place, &deployment(), &["report", file.to_str().unwrap()]);
    assert_eq!(code(&refused), 2);
    assert!(err(&refused).contains("--force"), "{}", err(&refused));
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn a_damaged_piece_of_evidence_is_named() {
    let place = Place::new();
    assert_eq!(code(&place.restore()), 0);
    fs::create_dir(place.path("wallet/evidence")).unwrap();
    fs::write(place.path("wallet/evidence/1-7-00.json"), "{}").unwrap();
    let failed = with_deployment(&place, &deployment(), &["verify"]);
    assert_eq!(code(&failed), 1);
    assert!(err(&failed).contains("1-7-00.json is damaged"), "{}", err(&failed));
}

fn with_deployment(place: &Place, deployment: &Value, args: &[&str]) -> Output {
    let file = place.path("deployment.json");
    fs::write(&file, deployment.to_string()).unwrap();
    let file = file.to_str().unwrap();
    place.run(&[args, &["--deployment", file]].concat())
}

/// Well-formed, of a chain that is not running: nothing listens on port 1.
fn deployment() -> Value {
    let address = "medrec1r5v5srda7xfth3hn2s26txvrcrntldjua06zhx";
    let contract = serde_json::json!({"address": address, "code_id": 1, "checksum": "00"});
    serde_json::json!({
        "version": 1, "chain_id": "medrec-test-1", "prefix": "medrec", "fee_denom": "ufee", "gas_price": "0.001",
        "rpc": ["http://127.0.0.1:1"], "policy": address, "sponsor": address,
        "contracts": {"registrar": contract, "relationship": contract, "authlog": contract, "bounty": contract},
    })
}
