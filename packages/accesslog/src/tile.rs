//! Names and contents of tiles and entry bundles: C2SP tlog-tiles.

use core::{fmt, str::FromStr};

use medrec_merkle::Hash;

use crate::{ENTRY_LEN, Entry, EntryError};

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// The same, to count entries with.
pub const BUNDLE: u64 = TILE_WIDTH as u64;

const MAX_LEVEL: u8 = 63;
/// 2^8 hashes a tile.
const BITS: u32 = 8;

/// A tile or bundle at its width: `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TilePath {
    pub content: TileContent,
    pub index: u64,
    /// 1 to 256; below 256 the tile is partial.
    pub width: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TileContent {
    /// Hashes of subtrees over `256^level` entries.
    Hashes {
        level: u8,
    },
    Entries,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    #[error("this is not the path of a tile (tile/<L>/<N>[.p/<W>], C2SP tlog-tiles)")]
    Path,
    #[error("{path} is {expected} bytes, not {actual}")]
    Length { path: TilePath, expected: usize, actual: usize },
    #[error("{path} is not made of entries of {ENTRY_LEN} bytes: number {position} has {actual}")]
    EntryLength { path: TilePath, position: usize, actual: usize },
    #[error("{path} does not belong to a log of {size} entries")]
    Outside { path: TilePath, size: u64 },
    #[error("{path} was not provided")]
    Missing { path: TilePath },
    #[error("{path} holds no hashes")]
    NotHashes { path: TilePath },
    #[error(transparent)]
    Entry(#[from] EntryError),
}

impl TilePath {
    pub fn is_partial(&self) -> bool {
        self.width < TILE_WIDTH
    }

    /// The same tile once it is full.
    pub fn full(&self) -> Self {
        Self { width: TILE_WIDTH, ..*self }
    }

    /// Bytes of this tile at its width.
    pub fn byte_len(&self) -> usize {
        let each = match self.content {
            TileContent::Hashes { .. } => 32,
            TileContent::Entries => ENTRY_LEN.saturating_add(2),
        };
        usize::from(self.width).saturating_mul(each)
    }

    /// Tile `index` as wide as a log of `size` entries has it; `None` if it has none.
    pub fn in_log(content: TileContent, index: u64, size: u64) -> Option<Self> {
        let level = match content {
            TileContent::Hashes { level } => u32::from(level),
            TileContent::Entries => 0,
        };
        let nodes = size.checked_shr(level.saturating_mul(BITS)).unwrap_or(0);
        let before = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = nodes.saturating_sub(before).min(u64::from(TILE_WIDTH));
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self { content, index, width })
    }
}

/// Tile that holds a node (or entry) of its level, and the place in that tile.
pub(crate) fn tile_of(node: u64) -> (u64, usize) {
    let [.., place] = node.to_be_bytes();
    (node >> BITS, usize::from(place))
}

/// Bundles that hold entries `from..size` of a log of `size` entries.
pub fn bundle_paths(from: u64, size: u64) -> impl Iterator<Item = TilePath> {
    let first = from >> BITS;
    let end = if from < size { size.div_ceil(u64::from(TILE_WIDTH)) } else { first };
    (first..end).filter_map(move |index| TilePath::in_log(TileContent::Entries, index, size))
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            TileContent::Hashes { level } => write!(f, "tile/{level}/")?,
            TileContent::Entries => write!(f, "tile/entries/")?,
        }
        let digits = self.index.to_string();
        let width = digits.len().div_ceil(3).saturating_mul(3);
        let padded = format!("{digits:0>width$}");
        let (groups, _) = padded.as_bytes().as_chunks::<3>();
        for (position, [a, b, c]) in groups.iter().enumerate() {
            let last = position.saturating_add(1) == groups.len();
            let (start, end) = if last { ("", "") } else { ("x", "/") };
            write!(f, "{start}{}{}{}{end}", char::from(*a), char::from(*b), char::from(*c))?;
        }
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    /// Accepts exactly what [`fmt::Display`] writes: one path for one tile.
    fn from_str(path: &str) -> Result<Self, TileError> {
        let parsed = parse(path).ok_or(TileError::Path)?;
        if parsed.to_string() == path { Ok(parsed) } else { Err(TileError::Path) }
    }
}

fn parse(path: &str) -> Option<TilePath> {
    let (content, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let content = match content {
        "entries" => TileContent::Entries,
        level => TileContent::Hashes { level: level.parse().ok().filter(|level| *level <= MAX_LEVEL)? },
    };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
        None => (rest, TILE_WIDTH),
    };
    let mut number = 0u64;
    for group in index.split('/') {
        let digits: u64 =
            group.strip_prefix('x').unwrap_or(group).parse().ok().filter(|digits| *digits < 1000)?;
        number = number.checked_mul(1000)?.checked_add(digits)?;
    }
    Some(TilePath { content, index: number, width })
}

/// Bytes of a tile.
pub fn encode_tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// Hashes of a tile, as many as `path` says.
pub fn decode_tile(path: &TilePath, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
    if path.content == TileContent::Entries {
        return Err(TileError::NotHashes { path: *path });
    }
    match bytes.as_chunks() {
        (hashes, []) if hashes.len() == usize::from(path.width) => Ok(hashes.to_vec()),
        _ => Err(wrong_length(path, bytes)),
    }
}

/// Bytes of a bundle: each entry behind its length, `u16`.
pub fn encode_bundle<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&LENGTH_PREFIX);
        bytes.extend_from_slice(entry.as_bytes());
    }
    bytes
}

/// Entries of a bundle, as many as `path` says.
pub fn decode_bundle(path: &TilePath, bytes: &[u8]) -> Result<Vec<Entry>, TileError> {
    if bytes.len() != path.byte_len() || path.content != TileContent::Entries {
        return Err(wrong_length(path, bytes));
    }
    let mut entries = Vec::with_capacity(usize::from(path.width));
    for (position, framed) in bytes.chunks_exact(ENTRY_LEN.saturating_add(2)).enumerate() {
        let (prefix, entry) = framed.split_first_chunk::<2>().ok_or_else(|| wrong_length(path, bytes))?;
        if *prefix != LENGTH_PREFIX {
            let actual = usize::from(u16::from_be_bytes(*prefix));
            return Err(TileError::EntryLength { path: *path, position, actual });
        }
        entries.push(Entry::try_from(entry)?);
    }
    Ok(entries)
}

/// 512 as `u16`.
const LENGTH_PREFIX: [u8; 2] = [2, 0];

fn wrong_length(path: &TilePath, bytes: &[u8]) -> TileError {
    TileError::Length { path: *path, expected: path.byte_len(), actual: bytes.len() }
}
