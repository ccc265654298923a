//! Whatever a log, a mirror or a stranger sends is refused or read, never a panic.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{ORIGIN, any_body, cases, ratchet, signer};
use medrec_accesslog::{
    Anchor, Body, Checkpoint, CounterMap, ENTRY_LEN, Entry, Label, LogKey, LogWriter, Note, TagKey,
    TileContent, TileMap, TilePath, check_anchor, check_disclosed, consistency_proof, decode_bundle,
    decode_tile, inclusion_proof, scan, tiles_for_consistency, tiles_for_entry, verify_entry,
};
use proptest::prelude::*;

fn any_bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..max)
}

fn any_entry() -> impl Strategy<Value = Entry> {
    any::<[[u8; 32]; 16]>().prop_map(|parts| Entry::try_from(&parts.concat()[..]).unwrap())
}

fn any_path() -> impl Strategy<Value = TilePath> {
    let content =
        prop_oneof![any::<u8>().prop_map(|level| TileContent::Hashes { level }), Just(TileContent::Entries)];
    (content, any::<u64>(), 0u16..4).prop_map(|(content, index, width)| TilePath { content, index, width })
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn bodies(bytes in any_bytes(120)) {
        match Body::decode(&bytes) {
            Err(_) | Ok(Body::Unknown { .. }) => (),
            Ok(body) => prop_assert_eq!(body.encode().unwrap(), bytes),
        }
    }

    /// Nearly right: a real body with some bytes exchanged, and an array head in front.
    #[test]
    fn damaged_bodies(body in any_body(), noise in any_bytes(6), at in any::<prop::sample::Index>(), length in any::<prop::sample::Index>()) {
        let mut bytes = body.encode().unwrap();
        let at = at.index(bytes.len());
        bytes.splice(at..(at + noise.len()).min(bytes.len()), noise);
        let _ = Body::decode(&bytes);
        bytes.truncate(length.index(bytes.len() + 1));
        let _ = Body::decode(&bytes);
    }

    /// Kinds with arrays, lengths that promise more than there is.
    #[test]
    fn promising_lengths(kind in 0u8..24, head in 0x80u8..0xa0, noise in any_bytes(40)) {
        let _ = Body::decode(&[&[head, kind], &noise[..]].concat());
        let _ = Body::decode(&[&[0x85, 16, 1, 1, 1, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &noise[..]].concat());
    }

    #[test]
    fn entries(entry in any_entry(), blind in any::<[u8; 32]>(), cbor in any_bytes(64), bytes in any_bytes(1_100)) {
        let mut ratchet = ratchet(1);
        prop_assert!(entry.open(&ratchet.step()).is_err());
        prop_assert_eq!(entry.open_public(ORIGIN, 16, 1), None);
        prop_assert!(check_disclosed(&entry, &blind, &cbor).is_err());
        prop_assert_eq!(Entry::try_from(&bytes[..]).is_ok(), bytes.len() == ENTRY_LEN);
        prop_assert!(scan(ratchet, [(0, &entry), (1, &entry)]).found.is_empty());
    }

    #[test]
    fn notes(text in "(\\PC|\n){0,80}|[a-z/]{0,8}\n[0-9]{0,21}\n[A-Za-z0-9+/=]{0,48}\n\n(— [a-z/]{0,8} [A-Za-z0-9+/=]{0,100}\n){0,3}") {
        let _ = (Note::parse(&text).map(|note| note.to_string()), Checkpoint::parse(&text));
        prop_assert!(signer().public().verify_note(&text).is_err());
        prop_assert!(text.parse::<Label>().is_err());
    }

    /// What parses is written back as it was.
    #[test]
    fn paths(text in "\\PC{0,30}|tile/[0-9a-z]{1,3}/(x?[0-9]{1,4}/?){0,8}(\\.p/[0-9]{0,4})?") {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn tiles(path in any_path(), bytes in any_bytes(2_100)) {
        let _ = (decode_tile(&path, &bytes), decode_bundle(&path, &bytes), path.to_string(), path.byte_len());
    }

    #[test]
    fn counter_maps(bytes in any_bytes(4_100), day in any::<u32>(), counter in any::<u64>()) {
        if let Ok(map) = CounterMap::from_bytes(&bytes) {
            prop_assert!(!map.says(&TagKey::from_bytes([1; 32]), day, counter));
            prop_assert_eq!(map.to_bytes(), bytes);
        }
    }

    #[test]
    fn keys(key in any::<[u8; 32]>(), name in "\\PC{0,8}") {
        if let Ok(key) = LogKey::new(&name, &key) {
            prop_assert_eq!(key.origin(), &name);
            let _ = key.verifier_key();
        }
    }

    #[test]
    fn proofs(
        index in any::<u64>(),
        sizes in any::<(u64, u64)>(),
        shift in 0u32..64,
        root in any::<[u8; 32]>(),
        proof in prop::collection::vec(any::<[u8; 32]>(), 0..70),
        entry in any_entry(),
    ) {
        let (size, other) = (sizes.0 >> shift, sizes.1 >> shift);
        let signed = signer().sign(size, root);
        prop_assert!(verify_entry(signer().public(), &signed.note(), index, &entry, &proof).is_err());
        let _ = check_anchor(&signed, &Anchor { size: other, root: [1; 32] }, &proof);
        let _ = (tiles_for_entry(index, size), tiles_for_consistency(size, other));
        let none = TileMap::default();
        let _ = (inclusion_proof(&none, index, size), consistency_proof(&none, size, other), LogWriter::load(&none, size));
    }

    /// Tiles of any content and length under the right names.
    #[test]
    fn proofs_from_rubbish(size in 1u64..100_000, index in any::<prop::sample::Index>(), bytes in any_bytes(700), full in any::<bool>()) {
        let index = index.index(size as usize) as u64;
        let mut tiles = TileMap::default();
        for path in tiles_for_entry(index, size).unwrap() {
            let mut content = bytes.clone();
            content.resize(if full { 8_192 } else { bytes.len() }, 7);
            tiles.insert(path, content);
        }
        let _ = (inclusion_proof(&tiles, index, size), LogWriter::load(&tiles, size));
    }
}
