//! Gas of every message, in the VM's own unit (140,000 to one gas of the chain), storage not counted. A rise of
//! more than 5 % over the committed table fails.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Mutex};

const HEADROOM_PERCENT: u64 = 5;

static TABLE: Mutex<()> = Mutex::new(());

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/gas.json")
}

fn table() -> BTreeMap<String, u64> {
    fs::read_to_string(path()).map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default()
}

pub fn check(contract: &str, message: &str, used: u64) {
    let name = format!("{contract}.{message}");
    let _alone = TABLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut table = table();
    if std::env::var_os("MEDREC_BLESS").is_some() {
        table.insert(name, used);
        fs::write(path(), serde_json::to_string_pretty(&table).unwrap() + "\n").unwrap();
        return;
    }
    let known = table.get(&name).unwrap_or_else(|| {
        panic!("{name} used {used} gas and is not in testdata/gas.json; MEDREC_BLESS=1 writes it")
    });
    let most = known + known * HEADROOM_PERCENT / 100;
    assert!(used <= most, "{name} used {used} gas, {known} + {HEADROOM_PERCENT} % allow {most}");
}
