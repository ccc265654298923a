//! Bytes in JSON: base64 with padding, or lower-case hex, of fixed or free length.

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

fn array<'de, const N: usize, D: Deserializer<'de>>(bytes: Vec<u8>) -> Result<[u8; N], D::Error> {
    let got = bytes.len();
    bytes.try_into().map_err(|_| D::Error::custom(format!("{got} bytes, expected {N}")))
}

pub mod b64 {
    use super::*;
    use base64::{Engine as _, engine::general_purpose::STANDARD as B64};

    pub fn decode<'de, D: Deserializer<'de>>(text: &str) -> Result<Vec<u8>, D::Error> {
        B64.decode(text).map_err(D::Error::custom)
    }

    pub fn serialize<S: Serializer>(bytes: impl AsRef<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&B64.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        decode::<D>(&String::deserialize(from)?)
    }

    /// Arrays of `N` bytes.
    pub mod fixed {
        pub use super::serialize;
        use super::*;

        pub fn deserialize<'de, const N: usize, D: Deserializer<'de>>(from: D) -> Result<[u8; N], D::Error> {
            array::<N, D>(super::deserialize(from)?)
        }
    }

    /// Lists of hashes.
    pub mod hashes {
        use super::*;

        pub fn serialize<S: Serializer>(hashes: &[[u8; 32]], to: S) -> Result<S::Ok, S::Error> {
            to.collect_seq(hashes.iter().map(|h| B64.encode(h)))
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<[u8; 32]>, D::Error> {
            let texts = Vec::<String>::deserialize(from)?;
            texts.iter().map(|text| array::<32, D>(decode::<D>(text)?)).collect()
        }
    }
}

pub mod hex_fixed {
    use super::*;

    pub fn serialize<S: Serializer>(bytes: impl AsRef<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub fn deserialize<'de, const N: usize, D: Deserializer<'de>>(from: D) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(from)?;
        // One value, one spelling: upper case would be another text for the same bytes.
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(D::Error::custom("hex in upper case"));
        }
        array::<N, D>(hex::decode(&text).map_err(D::Error::custom)?)
    }
}
