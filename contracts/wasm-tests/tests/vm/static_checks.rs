//! What the chain checks at upload.

use cosmwasm_vm::{
    WasmLimits, capabilities_from_csv,
    internals::{Logger, check_wasm},
};

use crate::contract::{CAPABILITIES, wasm};

const CONTRACTS: [&str; 4] = ["registrar", "relationship", "authlog", "bounty"];

/// wasmd's `MaxWasmSize`.
const MAX_WASM_SIZE: usize = 800 * 1024;

/// Imports, exports, capabilities, tables, memories, operations: one path with the upload on the chain.
#[test]
fn the_chain_takes_every_contract() {
    for name in CONTRACTS {
        let wasm = wasm(name);
        assert!(wasm.len() <= MAX_WASM_SIZE, "{name}.wasm has {} bytes, at most {MAX_WASM_SIZE}", wasm.len());
        check_wasm(&wasm, &capabilities_from_csv(CAPABILITIES), &WasmLimits::default(), Logger::Off)
            .unwrap_or_else(|refusal| panic!("{name}.wasm would be refused at upload: {refusal}"));
    }
}

/// The check above is not empty: a chain that lacks a capability refuses.
#[test]
fn a_chain_without_the_capabilities_refuses() {
    for name in CONTRACTS {
        let fewer = capabilities_from_csv("staking");
        let refusal = check_wasm(&wasm(name), &fewer, &WasmLimits::default(), Logger::Off).unwrap_err();
        assert!(refusal.to_string().contains("unavailable capabilities"), "{name}: {refusal}");
    }
}

/// Every message of the contracts has one entry point, and none of the others (sudo, reply, IBC) exist.
#[test]
fn entry_points_are_the_four() {
    for name in CONTRACTS {
        let wasm = wasm(name);
        let exports = exported_names(&wasm);
        for wanted in ["instantiate", "execute", "query", "migrate"] {
            assert!(exports.iter().any(|name| name == wanted), "{name}.wasm lacks {wanted}: {exports:?}");
        }
        for unwanted in ["sudo", "reply", "ibc_channel_open", "ibc2_packet_receive"] {
            assert!(!exports.iter().any(|name| name == unwanted), "{name}.wasm has {unwanted}");
        }
    }
}

/// Names in the export section (WebAssembly core specification 5.5.10).
fn exported_names(wasm: &[u8]) -> Vec<String> {
    const EXPORTS: u8 = 7;
    let mut rest = &wasm[8..];
    while let [id, after @ ..] = rest {
        let (size, content) = leb128(after);
        let (section, next) = content.split_at(size);
        if *id == EXPORTS {
            let (count, mut section) = leb128(section);
            let mut names = Vec::new();
            for _ in 0..count {
                let (len, text) = leb128(section);
                let (name, kind_and_index) = text.split_at(len);
                names.push(String::from_utf8(name.to_vec()).unwrap());
                section = leb128(&kind_and_index[1..]).1;
            }
            return names;
        }
        rest = next;
    }
    panic!("no export section")
}

fn leb128(bytes: &[u8]) -> (usize, &[u8]) {
    let last = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap();
    let (number, rest) = bytes.split_at(last + 1);
    (number.iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f)), rest)
}
