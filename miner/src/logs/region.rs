//! Entries in memory: one region a log, in chunks, so that it grows without moving.

use std::{
    alloc::{Layout, handle_alloc_error},
    sync::Arc,
};

use medrec_pow::ENTRY_BYTES;
use memmap2::MmapMut;

/// Entries of a chunk: 32 MiB.
const CHUNK: usize = 1 << 16;
const CHUNK_BITS: u32 = CHUNK.trailing_zeros();

type Entry = [u8; ENTRY_BYTES];

/// The first entries of a log. A clone shares the memory.
#[derive(Clone, Default)]
pub struct Region {
    /// All but the last are full.
    chunks: Vec<Arc<MmapMut>>,
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
    pub fn get(&self, index: u64) -> Option<&Entry> {
        if index >= self.len {
            return None;
        }
        let (chunk, place) = place(index)?;
        self.chunks.get(chunk)?.as_chunks().0.get(place)
    }

    /// Keeps the first `len` entries and puts others behind them. Others who hold this region see nothing of it.
    pub fn replace_from(&mut self, len: u64, entries: impl IntoIterator<Item = Entry>) {
        if len < self.len {
            self.len = len;
            let kept = usize::try_from(len).unwrap_or(usize::MAX);
            self.chunks.truncate(kept.div_ceil(CHUNK));
        }
        for entry in entries {
            self.push(&entry);
        }
    }

    fn push(&mut self, entry: &Entry) {
        let Some((chunk, place)) = place(self.len) else { return };
        if chunk == self.chunks.len() {
            self.chunks.push(Arc::new(room()));
        }
        let chunk = self.chunks.get_mut(chunk).map(|chunk| own(chunk, place));
        if let Some(free) = chunk.and_then(|chunk| chunk.get_mut(place)) {
            *free = *entry;
            self.len = self.len.saturating_add(1);
        }
    }
}

/// Chunk of an entry, and where it is in it.
#[inline]
fn place(index: u64) -> Option<(usize, usize)> {
    let index = usize::try_from(index).ok()?;
    Some((index >> CHUNK_BITS, index & CHUNK.wrapping_sub(1)))
}

/// Memory of a chunk, in large pages if the kernel has some: with small ones, each entry that is read at random costs a
/// longer way through the page tables.
fn room() -> MmapMut {
    let layout = Layout::new::<[Entry; CHUNK]>();
    // No memory: the end, as for a Vec.
    let Ok(map) = MmapMut::map_anon(layout.size()) else { handle_alloc_error(layout) };
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    map
}

/// A chunk that is ours alone, with its first `kept` entries.
fn own(chunk: &mut Arc<MmapMut>, kept: usize) -> &mut [Entry] {
    if Arc::get_mut(chunk).is_none() {
        let mut copy = room();
        for (to, from) in copy.as_chunks_mut::<ENTRY_BYTES>().0.iter_mut().zip(chunk.as_chunks().0).take(kept)
        {
            *to = *from;
        }
        *chunk = Arc::new(copy);
    }
    Arc::get_mut(chunk).map(|chunk| chunk.as_chunks_mut().0).unwrap_or_default()
}

impl FromIterator<Entry> for Region {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let mut region = Self::default();
        region.replace_from(0, entries);
        region
    }
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
