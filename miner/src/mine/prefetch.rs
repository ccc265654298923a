//! Asking the memory for an entry before it is needed.

use medrec_pow::ENTRY_BYTES;

/// Brings an entry's lines towards the core without waiting for them. A load in its place would hold the core up until
/// the line is there, for longer than the hash of an entry takes.
#[inline]
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the instruction takes a pointer; it reads nothing and faults on nothing")]
pub fn prefetch(entry: &[u8; ENTRY_BYTES]) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in entry.as_chunks::<64>().0 {
        // SAFETY: a hint about the address of a reference.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

/// Brings an entry's lines towards the core.
#[inline]
#[cfg(not(target_arch = "x86_64"))]
pub fn prefetch(entry: &[u8; ENTRY_BYTES]) {
    for line in entry.as_chunks::<64>().0 {
        std::hint::black_box(line.first());
    }
}
