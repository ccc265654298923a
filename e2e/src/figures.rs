//! The committed table of figures, `docs/gas.json`, and what they may not pass.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::world::root;

/// One message's cost on the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Transaction bytes in the block.
    pub bytes: u64,
    /// Gas with the contract's code pinned, which is how it is deployed.
    pub gas: u64,
    /// Of it, what is above an empty call by the same sender; decisions of the consortium have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_empty: Option<u64>,
    /// Gas with the code not pinned.
    pub gas_unpinned: u64,
}

/// Figures by the message's name, `contract.message`.
pub type Table = BTreeMap<String, Figure>;

/// A bound of the project on a sum of figures.
pub struct Bound {
    pub name: &'static str,
    messages: &'static [&'static str],
    figure: fn(&Figure) -> u64,
    pub limit: u64,
}

fn bytes(figure: &Figure) -> u64 {
    figure.bytes
}

fn gas(figure: &Figure) -> u64 {
    figure.gas
}

fn over_empty(figure: &Figure) -> u64 {
    figure.over_empty.unwrap_or(u64::MAX)
}

/// What the project promises (issue 3, "Measures").
pub const BOUNDS: [Bound; 7] = [
    Bound {
        name: "chain bytes of open + accept",
        messages: &["relationship.open", "relationship.accept"],
        figure: bytes,
        limit: 1_200,
    },
    Bound { name: "chain bytes of grant", messages: &["relationship.grant"], figure: bytes, limit: 850 },
    Bound {
        name: "chain bytes of anchor at 10^6 entries",
        messages: &["authlog.anchor"],
        figure: bytes,
        limit: 1_600,
    },
    Bound {
        name: "gas of grant over an empty call",
        messages: &["relationship.grant"],
        figure: over_empty,
        limit: 60_000,
    },
    Bound {
        name: "gas of anchor over an empty call",
        messages: &["authlog.anchor"],
        figure: over_empty,
        limit: 90_000,
    },
    Bound {
        name: "gas of open over an empty call",
        messages: &["relationship.open"],
        figure: over_empty,
        limit: 150_000,
    },
    Bound {
        name: "gas of a seal over 8 logs of 2^24 entries, 1,024 slots",
        messages: &["authlog.seal (8 logs of 2^24, 1,024 slots)"],
        figure: gas,
        limit: 300_000,
    },
];

impl Bound {
    /// The figure it limits; enormous if a message was not measured.
    pub fn value(&self, table: &Table) -> u64 {
        let figures = self.messages.iter().map(|name| table.get(*name).map_or(u64::MAX, self.figure));
        figures.fold(0, u64::saturating_add)
    }
}

/// Where the table is committed.
pub fn path() -> PathBuf {
    root().join("docs/gas.json")
}

/// The committed table.
pub fn load() -> Result<Table> {
    let path = path();
    let text = fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}; MEDREC_BLESS=1 writes it", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} holds no table of figures", path.display()))
}

/// Replaces the committed table.
pub fn store(table: &Table) -> Result<()> {
    let path = path();
    let text = serde_json::to_string_pretty(table)? + "\n";
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// What is wrong with new figures: messages that came or went, and figures more than 5 % above the committed.
pub fn regressions(committed: &Table, measured: &Table) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in committed.keys().filter(|name| !measured.contains_key(*name)) {
        wrong.push(format!("{name} is in the table and was not measured"));
    }
    for (name, now) in measured {
        let Some(then) = committed.get(name) else {
            wrong.push(format!("{name} was measured and is not in the table"));
            continue;
        };
        for (what, was, is) in [
            ("bytes", then.bytes, now.bytes),
            ("gas", then.gas, now.gas),
            ("gas_unpinned", then.gas_unpinned, now.gas_unpinned),
        ] {
            let limit = was.saturating_mul(105).div_euclid(100);
            if is > limit {
                wrong.push(format!("{name}: {what} {is}, committed {was}, allowed {limit}"));
            }
        }
    }
    wrong
}

/// Bounds that do not hold.
pub fn broken_bounds(table: &Table) -> Vec<String> {
    let broken = BOUNDS.iter().filter(|bound| bound.value(table) > bound.limit);
    broken.map(|bound| format!("{}: {}, at most {}", bound.name, bound.value(table), bound.limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, gas: u64) -> Table {
        let figure = Figure { bytes: 100, gas, over_empty: Some(1), gas_unpinned: 200 };
        Table::from([(name.to_owned(), figure)])
    }

    #[test]
    fn five_per_cent_more_is_allowed_and_no_more() {
        let was = table("a.b", 1_000);
        assert_eq!(regressions(&was, &table("a.b", 1_050)), [""; 0]);
        assert_eq!(regressions(&was, &table("a.b", 10)), [""; 0]);
        assert_eq!(regressions(&was, &table("a.b", 1_051)), ["a.b: gas 1051, committed 1000, allowed 1050"]);
    }

    #[test]
    fn messages_that_come_or_go_are_told() {
        let wrong = regressions(&table("a.b", 1), &table("a.c", 1));
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }

    #[test]
    fn what_was_not_measured_holds_no_bound() {
        assert_eq!(broken_bounds(&Table::new()).len(), BOUNDS.len());
    }

    #[test]
    fn the_committed_table_holds_the_bounds() {
        assert_eq!(broken_bounds(&load().unwrap()), [""; 0]);
    }
}
