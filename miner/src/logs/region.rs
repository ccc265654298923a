//! Entries in memory: one region a log, in chunks, so that it grows without moving.

use std::sync::Arc;

use medrec_pow::ENTRY_BYTES;

/// Entries of a chunk: 32 MiB.
const CHUNK: usize = 1 << 16;
const CHUNK_BITS: u32 = CHUNK.trailing_zeros();

/// One entry, on eight lines of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub struct Cell(pub [u8; ENTRY_BYTES]);

/// The first entries of a log. A clone shares the memory.
#[derive(Clone, Default)]
pub struct Region {
    /// All but the last are full.
    chunks: Vec<Arc<Vec<Cell>>>,
    len: u64,
}

impl Region {
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub fn get(&self, index: u64) -> Option<&[u8; ENTRY_BYTES]> {
        let index = usize::try_from(index).ok()?;
        let chunk = self.chunks.get(index >> CHUNK_BITS)?;
        chunk.get(index & CHUNK.wrapping_sub(1)).map(|cell| &cell.0)
    }

    /// Keeps the first `len` entries and puts others behind them. Others who hold this region see nothing of it.
    pub fn replace_from(&mut self, len: u64, entries: impl IntoIterator<Item = [u8; ENTRY_BYTES]>) {
        self.truncate(len);
        for entry in entries {
            self.push(entry);
        }
    }

    fn truncate(&mut self, len: u64) {
        if len >= self.len {
            return;
        }
        let kept = usize::try_from(len).unwrap_or(usize::MAX);
        self.chunks.truncate(kept.div_ceil(CHUNK));
        let rest = kept & CHUNK.wrapping_sub(1);
        if let Some(last) = self.chunks.last_mut().filter(|_| rest > 0) {
            own(last).truncate(rest);
        }
        self.len = len;
    }

    fn push(&mut self, entry: [u8; ENTRY_BYTES]) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => own(last).push(Cell(entry)),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(Cell(entry));
                self.chunks.push(Arc::new(chunk));
            }
        }
        self.len = self.len.saturating_add(1);
    }
}

impl FromIterator<[u8; ENTRY_BYTES]> for Region {
    fn from_iter<I: IntoIterator<Item = [u8; ENTRY_BYTES]>>(entries: I) -> Self {
        let mut region = Self::default();
        region.replace_from(0, entries);
        region
    }
}

/// A chunk that is ours alone, with room for all of it.
fn own(chunk: &mut Arc<Vec<Cell>>) -> &mut Vec<Cell> {
    if Arc::get_mut(chunk).is_none() {
        let mut copy = Vec::with_capacity(CHUNK);
        copy.extend_from_slice(chunk);
        *chunk = Arc::new(copy);
    }
    Arc::make_mut(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(range: std::ops::Range<u32>) -> impl Iterator<Item = [u8; ENTRY_BYTES]> {
        range.map(|n| std::array::from_fn(|at| n.to_be_bytes()[at % 4]))
    }

    #[test]
    fn it_grows_over_chunks_and_others_keep_what_they_saw() {
        let mut region: Region = entries(0..70_000).collect();
        let before = region.clone();
        region.replace_from(69_000, entries(69_000..140_000));
        assert_eq!((before.len(), region.len()), (70_000, 140_000));
        for (index, entry) in (0..).zip(entries(0..140_000)) {
            assert_eq!(region.get(index), Some(&entry));
        }
        assert_eq!(before.get(69_999), region.get(69_999));
        assert!(before.get(70_000).is_none() && region.get(140_000).is_none());
        region.replace_from(65_536, []);
        assert!(region.get(65_535).is_some() && region.get(65_536).is_none());
        region.replace_from(0, []);
        assert!(region.is_empty() && region.get(0).is_none());
    }
}
