//! A try's hashes block by block: what `medrec_pow` defines, without buffers in between.

use medrec_pow::{ENTRY_BYTES, Hash};
use sha2_blocks::block_api::compress256;

/// SHA-256 before the first block (FIPS 180-4 section 5.3.3).
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// The bit behind the message.
const END: u8 = 0x80;
/// Bits of `header hash ‖ nonce` and of `mix ‖ entry`.
const FIRST_BITS: u64 = 320;
const NEXT_BITS: u64 = 4_352;
/// Blocks of `mix ‖ entry` with its padding.
const BLOCKS: usize = 9;

type Block = [u8; 64];

/// The blocks of `SHA-256(header hash ‖ u64(nonce))`; the header stays.
#[derive(Clone, Debug)]
pub struct First(Block);

/// The blocks of `SHA-256(mix ‖ entry)`; the padding stays.
#[derive(Clone, Debug)]
pub struct Next([Block; BLOCKS]);

impl First {
    pub fn new(header: &Hash) -> Self {
        let mut block = [0; 64];
        put(&mut block, 0, header);
        put(&mut block, 40, &[END]);
        put(&mut block, 56, &FIRST_BITS.to_be_bytes());
        Self(block)
    }

    /// What a try starts from ([`medrec_pow::first_mix`]).
    #[inline]
    pub fn mix(&mut self, nonce: u64) -> Hash {
        put(&mut self.0, 32, &nonce.to_be_bytes());
        let mut state = START;
        compress256(&mut state, core::slice::from_ref(&self.0));
        bytes(&state)
    }
}

impl Default for Next {
    fn default() -> Self {
        let mut blocks = [[0; 64]; BLOCKS];
        if let Some(last) = blocks.last_mut() {
            put(last, 32, &[END]);
            put(last, 56, &NEXT_BITS.to_be_bytes());
        }
        Self(blocks)
    }
}

impl Next {
    /// The next mix ([`medrec_pow::advance`]).
    #[inline]
    pub fn mix(&mut self, mix: &Hash, entry: &[u8; ENTRY_BYTES]) -> Hash {
        let message = self.0.as_flattened_mut();
        put(message, 0, mix);
        put(message, 32, entry);
        let mut state = START;
        compress256(&mut state, &self.0);
        bytes(&state)
    }
}

#[inline]
fn put(to: &mut [u8], at: usize, from: &[u8]) {
    if let Some(to) = to.get_mut(at..at.saturating_add(from.len())) {
        to.copy_from_slice(from);
    }
}

#[inline]
fn bytes(state: &[u32; 8]) -> Hash {
    let mut hash = [0; 32];
    for (to, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *to = word.to_be_bytes();
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_hash_as_the_spec_says() {
        let mut next = Next::default();
        for seed in 0..=255u8 {
            let (header, entry) =
                ([seed; 32], std::array::from_fn(|at| seed.wrapping_mul(31) ^ at.to_le_bytes()[0]));
            let nonce = u64::from(seed).wrapping_mul(0x0123_4567_89ab_cdef);
            let mix = First::new(&header).mix(nonce);
            assert_eq!(mix, medrec_pow::first_mix(&header, nonce));
            assert_eq!(next.mix(&mix, &entry), medrec_pow::advance(&mix, &entry));
        }
    }
}
