//! The 24 words (BIP-39, English, no passphrase) from which everything comes back.

use bip39::{Language, Mnemonic};
use rand_core::CryptoRngCore;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::Error;

/// Words in a wallet.
pub const COUNT: usize = 24;

/// A wallet's recovery words; wiped from memory when dropped, never shown by `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Words(Mnemonic);

impl Words {
    /// New words from 256 random bits.
    pub fn generate(rng: &mut dyn CryptoRngCore) -> Result<Words, Error> {
        let mut entropy = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(entropy.as_mut());
        Words::from_entropy(&entropy)
    }

    /// The words of 32 given bytes of entropy.
    pub fn from_entropy(entropy: &[u8; 32]) -> Result<Words, Error> {
        let words = Mnemonic::from_entropy_in(Language::English, entropy);
        words.map(Words).map_err(|e| Error::Words(e.to_string()))
    }

    /// Reads words as a person types them: any white space between them, any case.
    pub fn parse(text: &str) -> Result<Words, Error> {
        let mut tidy = Zeroizing::new(String::with_capacity(text.len()));
        let mut count = 0usize;
        for word in text.split_whitespace() {
            if count > 0 {
                tidy.push(' ');
            }
            tidy.extend(word.chars().flat_map(char::to_lowercase));
            count = count.saturating_add(1);
        }
        if count != COUNT {
            return Err(Error::Words(format!("{count} words given, a wallet has {COUNT}")));
        }
        // The library's own errors name a position, never a word: safe to pass on.
        Mnemonic::parse_in_normalized(Language::English, &tidy).map(Words).map_err(|e| match e {
            bip39::Error::UnknownWord(at) => {
                Error::Words(format!("word number {} is not in the list", at.saturating_add(1)))
            }
            bip39::Error::InvalidChecksum => {
                Error::Words("the last word does not fit the others (checksum)".into())
            }
            other => Error::Words(other.to_string()),
        })
    }

    /// The words separated by single spaces, to be shown or stored encrypted.
    pub fn phrase(&self) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::with_capacity(COUNT.saturating_mul(9)));
        for (i, word) in self.0.words().enumerate() {
            if i > 0 {
                out.push(' ');
            }
            out.push_str(word);
        }
        out
    }

    /// BIP-39 seed.
    pub fn seed(&self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.0.to_seed_normalized(""))
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words(..)")
    }
}
