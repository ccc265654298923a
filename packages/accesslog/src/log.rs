//! From leaves to tiles, and from tiles to proofs.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use medrec_merkle::{Frontier, Hash, HashReader};

use crate::{
    TILE_WIDTH, TileContent, TileError, TilePath,
    tile::{decode_tile, encode_tile, tile_of},
};

/// Where a log's tiles of hashes come from.
pub trait TileReader {
    type Error: From<medrec_merkle::Error> + From<TileError>;

    /// Bytes of the tile at `path`, or of the same tile once it became full ([`TilePath::full`]).
    fn tile(&self, path: &TilePath) -> Result<Vec<u8>, Self::Error>;
}

/// Hashes of a log of `size` entries, read from its tiles; each tile once.
pub struct TileHashes<'a, R> {
    reader: &'a R,
    size: u64,
    seen: RefCell<BTreeMap<TilePath, Vec<Hash>>>,
}

impl<'a, R: TileReader> TileHashes<'a, R> {
    pub fn new(reader: &'a R, size: u64) -> Self {
        Self { reader, size, seen: RefCell::default() }
    }

    fn with_tile<T>(&self, path: TilePath, find: impl FnOnce(&[Hash]) -> T) -> Result<T, R::Error> {
        if let Some(hashes) = self.seen.borrow().get(&path) {
            return Ok(find(hashes));
        }
        let bytes = self.reader.tile(&path)?;
        let is_full = bytes.len() == path.full().byte_len();
        let hashes = decode_tile(&if is_full { path.full() } else { path }, &bytes)?;
        let found = find(&hashes);
        self.seen.borrow_mut().insert(path, hashes);
        Ok(found)
    }
}

impl<R: TileReader> HashReader for TileHashes<'_, R> {
    type Error = R::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, R::Error> {
        let place = Place::of(level, index).ok_or(medrec_merkle::Error::MissingNode { level, index })?;
        let path = place.path(self.size).ok_or(medrec_merkle::Error::MissingNode { level, index })?;
        let hash = self.with_tile(path, |hashes| {
            let nodes = hashes.get(place.first..place.first.checked_add(place.count)?)?;
            Some(medrec_merkle::root(nodes))
        })?;
        Ok(hash.ok_or(medrec_merkle::Error::MissingNode { level, index })?)
    }
}

/// Where in the tiles a node of the tree is: the root over `count` hashes of one tile.
struct Place {
    level: u8,
    index: u64,
    first: usize,
    count: usize,
}

impl Place {
    fn of(level: u8, index: u64) -> Option<Self> {
        let height = u32::from(level % 8);
        let first = index.checked_shl(height).filter(|first| first >> height == index)?;
        let (index, first) = tile_of(first);
        Some(Self { level: level / 8, index, first, count: 1usize.checked_shl(height)? })
    }

    fn path(&self, size: u64) -> Option<TilePath> {
        TilePath::in_log(TileContent::Hashes { level: self.level }, self.index, size)
    }
}

/// Proof that entry `index` is in the log of `size` entries.
pub fn inclusion_proof<R: TileReader>(reader: &R, index: u64, size: u64) -> Result<Vec<Hash>, R::Error> {
    medrec_merkle::inclusion_proof(&TileHashes::new(reader, size), index, size)
}

/// Proof that the log of `old` entries is the start of the one of `new`. Nothing precedes an empty log: no hashes.
pub fn consistency_proof<R: TileReader>(reader: &R, old: u64, new: u64) -> Result<Vec<Hash>, R::Error> {
    if old == 0 {
        return Ok(Vec::new());
    }
    medrec_merkle::consistency_proof(&TileHashes::new(reader, new), old, new)
}

/// Tiles that [`inclusion_proof`] reads: for those who must fetch them first.
pub fn tiles_for_entry(index: u64, size: u64) -> Result<BTreeSet<TilePath>, medrec_merkle::Error> {
    let wanted = Wanted { size, paths: RefCell::default() };
    medrec_merkle::inclusion_proof(&wanted, index, size)?;
    Ok(wanted.paths.into_inner())
}

/// Tiles that [`consistency_proof`] reads.
pub fn tiles_for_consistency(old: u64, new: u64) -> Result<BTreeSet<TilePath>, medrec_merkle::Error> {
    let wanted = Wanted { size: new, paths: RefCell::default() };
    if old > 0 {
        medrec_merkle::consistency_proof(&wanted, old, new)?;
    }
    Ok(wanted.paths.into_inner())
}

/// Notes which tiles are asked for.
struct Wanted {
    size: u64,
    paths: RefCell<BTreeSet<TilePath>>,
}

impl HashReader for Wanted {
    type Error = medrec_merkle::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, medrec_merkle::Error> {
        let path = Place::of(level, index).and_then(|place| place.path(self.size));
        self.paths.borrow_mut().insert(path.ok_or(medrec_merkle::Error::MissingNode { level, index })?);
        Ok([0; 32])
    }
}

/// The growing end of a log: takes leaf hashes, gives the tiles to store.
#[derive(Debug, Clone, Default)]
pub struct LogWriter {
    frontier: Frontier,
    /// The partial tile of each level, and full ones not yet taken.
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
    changed: BTreeSet<(u8, u64)>,
}

impl LogWriter {
    /// A log without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on where a stored log of `size` entries ends.
    pub fn load<R: TileReader>(reader: &R, size: u64) -> Result<Self, R::Error> {
        let hashes = TileHashes::new(reader, size);
        let mut tiles = BTreeMap::new();
        for level in 0..8u8 {
            let nodes = size.checked_shr(u32::from(level).saturating_mul(8)).unwrap_or(0);
            let (index, _) = tile_of(nodes);
            if let Some(path) = TilePath::in_log(TileContent::Hashes { level }, index, size) {
                let kept =
                    hashes.with_tile(path, |all| all.iter().copied().take(path.width.into()).collect())?;
                tiles.insert((level, index), kept);
            }
        }
        Ok(Self { frontier: Frontier::read(&hashes, size)?, tiles, changed: BTreeSet::new() })
    }

    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Root over all entries so far.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Appends one entry by its leaf hash.
    pub fn append(&mut self, leaf_hash: Hash) -> Result<(), medrec_merkle::Error> {
        let (tiles, changed) = (&mut self.tiles, &mut self.changed);
        self.frontier.push_with(leaf_hash, |level, index, hash| {
            // Tiles keep every eighth level of the tree.
            if level % 8 == 0 {
                let tile = (level / 8, tile_of(index).0);
                tiles.entry(tile).or_default().push(hash);
                changed.insert(tile);
            }
        })
    }

    /// Tiles that changed since the last call, to be stored before a checkpoint of [`LogWriter::size`] is published.
    pub fn take_tiles(&mut self) -> Vec<(TilePath, Vec<u8>)> {
        let mut taken = Vec::with_capacity(self.changed.len());
        for tile in core::mem::take(&mut self.changed) {
            let Some(hashes) = self.tiles.get(&tile) else { continue };
            let ((level, index), width) = (tile, u16::try_from(hashes.len()).unwrap_or(TILE_WIDTH));
            let path = TilePath { content: TileContent::Hashes { level }, index, width };
            taken.push((path, encode_tile(hashes)));
            if !path.is_partial() {
                self.tiles.remove(&tile);
            }
        }
        taken
    }
}

/// Tiles in memory: for those who fetched a few, and for tests.
#[derive(Debug, Clone, Default)]
pub struct TileMap(BTreeMap<TilePath, Vec<u8>>);

impl TileMap {
    pub fn insert(&mut self, path: TilePath, bytes: Vec<u8>) {
        self.0.insert(path, bytes);
    }
}

impl FromIterator<(TilePath, Vec<u8>)> for TileMap {
    fn from_iter<I: IntoIterator<Item = (TilePath, Vec<u8>)>>(tiles: I) -> Self {
        Self(tiles.into_iter().collect())
    }
}

impl TileReader for TileMap {
    type Error = crate::VerifyError;

    fn tile(&self, path: &TilePath) -> Result<Vec<u8>, crate::VerifyError> {
        let found = self.0.get(path).or_else(|| self.0.get(&path.full()));
        Ok(found.cloned().ok_or(TileError::Missing { path: *path })?)
    }
}
