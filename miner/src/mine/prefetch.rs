//! Asking the memory for an entry before it is needed.

use medrec_pow::ENTRY_BYTES;

/// Has the place of an entry looked up, and brings its first line.
#[inline]
pub fn first_line(entry: &[u8; ENTRY_BYTES]) {
    if let Some(line) = entry.first_chunk() {
        bring(line);
    }
}

/// Brings all lines of an entry.
#[inline]
pub fn whole(entry: &[u8; ENTRY_BYTES]) {
    for line in entry.as_chunks().0 {
        bring(line);
    }
}

/// Brings a line towards the core without waiting for it. A load in its place would hold the core up until the line is
/// there, for longer than the hash of an entry takes. It is read once: page tables have the outer caches to themselves.
#[inline]
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the instruction takes a pointer; it reads nothing and faults on nothing")]
fn bring(line: &[u8; 64]) {
    use std::arch::x86_64::{_MM_HINT_NTA, _mm_prefetch};
    // SAFETY: a hint about the address of a reference.
    unsafe { _mm_prefetch::<_MM_HINT_NTA>(line.as_ptr().cast()) };
}

#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn bring(line: &[u8; 64]) {
    std::hint::black_box(line.first());
}
