//! Bytes as a text of 85 signs. A seal is mostly bytes and each costs gas: base64 makes a third more of them, this a
//! quarter.
//!
//! The signs are those of Z85 (ZeroMQ RFC 32), which JSON does not escape. Four bytes are a number of five digits, the
//! highest first; the last k < 4 bytes are one of k + 1 digits. Every text reads as one list of bytes, and the other way.

use std::{fmt, ops::Deref};

use cosmwasm_schema::{
    cw_schema::{DefinitionReference, SchemaVisitor, Schemaifier},
    schemars::JsonSchema,
    serde::{Deserialize, Deserializer, Serialize, Serializer, de},
};

const SIGNS: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
/// By byte: the sign's value, 85 if it is none.
const VALUES: [u8; 256] = values();
const DIGITS: usize = 5;
const BYTES: usize = 4;

/// Bytes that are such a text in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(crate = "cosmwasm_schema::schemars")]
pub struct Base85(#[schemars(with = "String")] Vec<u8>);

impl Base85 {
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.len().div_ceil(BYTES).saturating_mul(DIGITS));
        for group in self.chunks(BYTES) {
            let mut number = group.iter().fold(0u32, |number, byte| (number << 8) | u32::from(*byte));
            let mut digits = ['0'; DIGITS];
            for digit in digits.iter_mut().rev() {
                *digit = SIGNS.get((number % 85) as usize).copied().map_or('0', char::from);
                number /= 85;
            }
            text.extend(digits.iter().skip(BYTES.saturating_sub(group.len())));
        }
        text
    }

    /// None if the text is not what [`Self::to_text`] gives.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (groups, rest) = text.as_bytes().as_chunks::<DIGITS>();
        let of_rest = rest.len().saturating_sub(1);
        let mut bytes = vec![0; groups.len().saturating_mul(BYTES).saturating_add(of_rest)];
        let (of_groups, last) = bytes.as_chunks_mut::<BYTES>();
        for (group, four) in groups.iter().zip(of_groups) {
            *four = u32::try_from(number(group)?).ok()?.to_be_bytes();
        }
        if !rest.is_empty() {
            let number = number(rest)?.to_be_bytes();
            let (above, below) = number.split_at_checked(number.len().saturating_sub(of_rest))?;
            if last.is_empty() || above.iter().any(|byte| *byte != 0) {
                return None;
            }
            last.copy_from_slice(below);
        }
        Some(Self(bytes))
    }
}

/// Of five digits at most, so nothing wraps; saturating arithmetic of 64 bits is dear in wasm.
fn number(digits: &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for sign in digits {
        let value = VALUES.get(usize::from(*sign)).copied().filter(|value| *value < 85)?;
        number = number.wrapping_mul(85).wrapping_add(u64::from(value));
    }
    Some(number)
}

#[expect(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "there are 85 signs")]
const fn values() -> [u8; 256] {
    let mut values = [85; 256];
    let mut value = 0;
    while value < SIGNS.len() {
        values[SIGNS[value] as usize] = value as u8;
        value += 1;
    }
    values
}

impl Schemaifier for Base85 {
    fn visit_schema(visitor: &mut SchemaVisitor) -> DefinitionReference {
        String::visit_schema(visitor)
    }
}

impl From<Vec<u8>> for Base85 {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for Base85 {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Base85 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for Base85 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Base85;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a text of base 85")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Base85, E> {
                Base85::from_text(text).ok_or_else(|| E::custom("this is no text of base 85"))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        Base85::from(bytes.to_vec()).to_text()
    }

    #[test]
    fn the_published_example() {
        // ZeroMQ RFC 32.
        let bytes = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
        assert_eq!(text(&bytes), "HelloWorld");
    }

    #[test]
    fn every_length_comes_back_in_json_without_an_escape() {
        for len in 0..300u32 {
            let bytes: Vec<u8> = (0..len).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let given = Base85::from(bytes);
            let json = serde_json::to_string(&given).unwrap();
            assert_eq!(json.len(), given.len() + given.len().div_ceil(4) + 2);
            assert!(!json.contains('\\'));
            assert_eq!(serde_json::from_str::<Base85>(&json).unwrap(), given);
        }
        assert_eq!(Base85::from_text(&text(&[0xff; 7])).unwrap()[..], [0xff; 7]);
    }

    #[test]
    fn a_text_has_one_reading() {
        // A digit alone, signs that are none, groups above what their bytes hold.
        for wrong in ["0", "HelloW", "Hell\"", "Hell\\", "Hell ", "Hello\u{e9}", "#####", "####", "###", "##"]
        {
            assert_eq!(Base85::from_text(wrong), None, "{wrong}");
        }
        for last in [[0xff; 4], [0; 4]] {
            for len in 1..=4 {
                let text = text(&last[..len]);
                assert_eq!(text.len(), len + 1);
                assert_eq!(Base85::from_text(&text).unwrap()[..], last[..len]);
            }
        }
        // 255 and 256 in two digits.
        assert_eq!((text(&[255]).as_str(), Base85::from_text("31")), ("30", None));
    }
}
