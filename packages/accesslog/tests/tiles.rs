//! Tile names and contents (C2SP tlog-tiles), and proofs made from them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{cases, entries, serve};
use medrec_accesslog::{
    LogWriter, TileContent, TileError, TileHashes, TileMap, TilePath, TileReader, VerifyError, bundle_paths,
    consistency_proof, decode_bundle, decode_tile, encode_bundle, encode_tile, inclusion_proof,
    tiles_for_consistency, tiles_for_entry,
};
use medrec_merkle::{Hash, Tree, leaf_hash, root_at, verify_consistency, verify_inclusion};
use proptest::prelude::*;

fn hashes(level: u8, index: u64, width: u16) -> TilePath {
    TilePath { content: TileContent::Hashes { level }, index, width }
}

fn bundle(index: u64, width: u16) -> TilePath {
    TilePath { content: TileContent::Entries, index, width }
}

/// Examples of the specification: index 1234067, and what a tree of 70,000 and of 256 is made of.
#[test]
fn paths_of_the_specification() {
    assert_eq!(hashes(0, 1_234_067, 256).to_string(), "tile/0/x001/x234/067");
    assert_eq!(bundle(1_234_067, 8).to_string(), "tile/entries/x001/x234/067.p/8");
    assert_eq!(hashes(63, 0, 1).to_string(), "tile/63/000.p/1");
    assert_eq!(hashes(1, 1000, 256).to_string(), "tile/1/x001/000");

    let tiles = |level: u8, size: u64| -> Vec<TilePath> {
        (0..).map_while(|index| TilePath::in_log(TileContent::Hashes { level }, index, size)).collect()
    };
    let shape = |size| {
        (0..8).map(move |level| (tiles(level, size).len(), tiles(level, size).last().map(|t| t.width)))
    };
    let none = (0, None);
    let expected = [(274, Some(112)), (2, Some(17)), (1, Some(1)), none, none, none, none, none];
    assert_eq!(shape(70_000).collect::<Vec<_>>(), expected);
    let expected = [(1, Some(256)), (1, Some(1)), none, none, none, none, none, none];
    assert_eq!(shape(256).collect::<Vec<_>>(), expected);
    assert_eq!(shape(0).collect::<Vec<_>>(), [none; 8]);
    assert_eq!(bundle_paths(0, 513).collect::<Vec<_>>(), [bundle(0, 256), bundle(1, 256), bundle(2, 1)]);
    assert_eq!(bundle_paths(511, 513).collect::<Vec<_>>(), [bundle(1, 256), bundle(2, 1)]);
    assert_eq!(bundle_paths(513, 513).count(), 0);
    assert_eq!(bundle_paths(600, 513).count(), 0);
}

#[test]
fn only_the_one_spelling_of_a_path_is_taken() {
    for good in ["tile/0/000", "tile/0/x001/x234/067.p/8", "tile/63/999", "tile/entries/255.p/255"] {
        assert_eq!(good.parse::<TilePath>().unwrap().to_string(), good);
    }
    let bad = [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+0/000",
        "tile/0/+00",
        "tile/0/x000/000",
        "tile/0/001/234",
        "tile/0/x001",
        "tile/0/x001/x234",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/2",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/../000",
        "tile/entries/",
        "tile/Entries/000",
        "tile/0/000.P/1",
        "tile/0/٠٠٠",
        "tile/0/x099/x999/x999/x999/x999/x999/999",
    ];
    for path in bad {
        assert_eq!(path.parse::<TilePath>(), Err(TileError::Path), "{path}");
    }
    assert_eq!(hashes(0, u64::MAX, 256).to_string().parse(), Ok(hashes(0, u64::MAX, 256)));
}

#[test]
fn tiles_and_bundles_are_exactly_as_long_as_their_path_says() {
    let path = hashes(0, 0, 3);
    let three: Vec<Hash> = (0..3u8).map(|i| [i; 32]).collect();
    assert_eq!(decode_tile(&path, &encode_tile(&three)), Ok(three.clone()));
    for length in [0, 95, 97, 128, 8192] {
        let refused = decode_tile(&path, &vec![0; length]).unwrap_err();
        assert_eq!(refused, TileError::Length { path, expected: 96, actual: length });
    }
    assert!(decode_tile(&bundle(0, 3), &[0; 96]).is_err());

    let (entries, path) = (entries(3), bundle(0, 3));
    let bytes = encode_bundle(&entries);
    assert_eq!(bytes.len(), 3 * 514);
    assert_eq!(decode_bundle(&path, &bytes), Ok(entries));
    assert!(decode_bundle(&path, &bytes[1..]).is_err());
    assert!(decode_bundle(&bundle(0, 2), &bytes).is_err());
    assert!(decode_bundle(&hashes(0, 0, 3), &bytes).is_err());
    let mut wrong = bytes.clone();
    wrong[514] = 1;
    assert_eq!(decode_bundle(&path, &wrong), Err(TileError::EntryLength { path, position: 1, actual: 256 }));
}

fn leaf(at: usize) -> Hash {
    leaf_hash(&at.to_be_bytes())
}

/// A log of 66,000 leaves crosses two tile levels; every size it is published at proves itself.
#[test]
fn tiles_give_the_proofs_of_the_whole_tree() {
    let mut sizes = vec![1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, 66_000];
    let (mut writer, mut tiles, mut tree) = (LogWriter::new(), TileMap::default(), Tree::new());
    let mut roots = std::collections::BTreeMap::new();
    for at in 0..66_000 {
        writer.append(leaf(at)).unwrap();
        tree.push(leaf(at)).unwrap();
        if sizes.contains(&(at + 1)) {
            for (path, bytes) in writer.take_tiles() {
                assert_eq!(TilePath::in_log(path.content, path.index, at as u64 + 1), Some(path));
                tiles.insert(path, bytes);
            }
            assert_eq!(writer.root(), tree.root());
            roots.insert(at as u64 + 1, tree.root());
        }
    }
    sizes.dedup();
    for (&size, root) in &roots {
        assert_eq!(root_at(&TileHashes::new(&tiles, size), size).unwrap(), *root, "{size}");
        for index in [0, size / 3, size / 2, size - 1] {
            let proof = inclusion_proof(&tiles, index, size).unwrap();
            assert_eq!(proof, medrec_merkle::inclusion_proof(&tree, index, size).unwrap());
            verify_inclusion(&leaf(index as usize), index, size, &proof, root).unwrap();
        }
        for (&old, old_root) in roots.range(..=size) {
            let proof = consistency_proof(&tiles, old, size).unwrap();
            verify_consistency(old, old_root, size, root, &proof).unwrap();
        }
        assert_eq!(consistency_proof(&tiles, 0, size), Ok(Vec::new()));
        let again = LogWriter::load(&tiles, size).unwrap();
        assert_eq!((again.size(), again.root()), (size, *root));
    }
    assert!(inclusion_proof(&tiles, 66_000, 66_000).is_err());
    assert!(consistency_proof(&tiles, 66_001, 66_000).is_err());
}

/// A writer taken up again goes on as if it had never stopped.
#[test]
fn a_loaded_writer_writes_the_same_tiles() {
    for stop in [0usize, 1, 200, 255, 256, 257, 512, 600] {
        let mut stored = TileMap::default();
        let (mut through, mut before) = (LogWriter::new(), LogWriter::new());
        for at in 0..stop {
            through.append(leaf(at)).unwrap();
            before.append(leaf(at)).unwrap();
        }
        through.take_tiles();
        before.take_tiles().into_iter().for_each(|(path, bytes)| stored.insert(path, bytes));
        let mut after = LogWriter::load(&stored, stop as u64).unwrap();
        for at in stop..stop + 300 {
            through.append(leaf(at)).unwrap();
            after.append(leaf(at)).unwrap();
        }
        assert_eq!(after.take_tiles(), through.take_tiles(), "{stop}");
        assert_eq!(after.root(), through.root());
        assert_eq!(after.take_tiles(), []);
    }
}

#[test]
fn a_full_tile_serves_where_the_partial_one_is_gone() {
    let old = serve(entries(300), &[]);
    let new = serve(entries(600), &[]);
    let proof = inclusion_proof(&new.tiles, 10, 300).unwrap();
    assert_eq!(proof, inclusion_proof(&old.tiles, 10, 300).unwrap());
    verify_inclusion(&old.entries[10].leaf_hash(), 10, 300, &proof, &old.checkpoint.checkpoint.root).unwrap();
    // Level 1 is not full yet, and its tile of size 300 was never published: said so, not guessed.
    let path = hashes(1, 0, 1);
    let refused = inclusion_proof(&new.tiles, 299, 300).unwrap_err();
    assert_eq!(refused, VerifyError::Tile(TileError::Missing { path }));
    let wanted = hashes(0, 1, 44);
    assert_eq!(new.tiles.tile(&wanted).unwrap()[..44 * 32], old.tiles.tile(&wanted).unwrap()[..]);
}

proptest! {
    #![proptest_config(cases(256))]

    /// The tiles named beforehand are those a proof needs, and enough.
    #[test]
    fn named_tiles_suffice(size in 1u64..3_000, at in any::<prop::sample::Index>(), old in any::<prop::sample::Index>()) {
        let mut writer = LogWriter::new();
        (0..size).for_each(|at| writer.append(leaf(at as usize)).unwrap());
        let tiles: TileMap = writer.take_tiles().into_iter().collect();
        let only = |paths: std::collections::BTreeSet<TilePath>| -> TileMap {
            paths.into_iter().map(|path| (path, tiles.tile(&path).unwrap())).collect()
        };
        let (index, old) = (at.index(size as usize) as u64, old.index(size as usize + 1) as u64);
        let few = only(tiles_for_entry(index, size).unwrap());
        let proof = inclusion_proof(&few, index, size).unwrap();
        verify_inclusion(&leaf(index as usize), index, size, &proof, &writer.root()).unwrap();
        let few = only(tiles_for_consistency(old, size).unwrap());
        prop_assert_eq!(consistency_proof(&few, old, size), consistency_proof(&tiles, old, size));
    }

    #[test]
    fn every_path_parses_back(level in 0u8..64, index in any::<u64>(), shift in 0u32..64, width in 1u16..=256) {
        for path in [hashes(level, index >> shift, width), bundle(index >> shift, width)] {
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
    }
}
