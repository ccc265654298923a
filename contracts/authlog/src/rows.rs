//! Plain byte rows: JSON would cost gas at every seal.

use medrec_merkle::Hash;

/// Reads a row from its start; every part is None once the row has ended.
pub struct Row<'a>(&'a [u8]);

impl<'a> Row<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*chunk)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.chunk().map(|[byte]| byte)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.chunk().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.chunk().map(u64::from_be_bytes)
    }

    pub fn hash(&mut self) -> Option<Hash> {
        self.chunk()
    }

    /// A text behind its length in one byte.
    pub fn text(&mut self) -> Option<String> {
        let len = usize::from(self.byte()?);
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    pub fn ended(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, if nothing is left.
    pub fn end<T>(self, value: T) -> Option<T> {
        self.ended().then_some(value)
    }
}

/// Appends a text behind its length in one byte; addresses are far shorter than 255 bytes.
pub fn push_text(row: &mut Vec<u8>, text: &str) {
    row.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    row.extend_from_slice(text.as_bytes());
}
