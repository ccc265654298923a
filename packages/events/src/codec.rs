//! One field in, one attribute out; and the list macro that keeps both directions together.

use cosmwasm_std::Binary;
use medrec_api::registrar::RegistrationPolicy;
use medrec_api::{GrantKind, Party};
use medrec_rules::GrantTags;

use crate::CONTRACT_ATTRIBUTE;

#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Our own contract broke its word: stop and say so.
    #[error("event {kind}: attribute {attribute}: {found}; contract and reader are of different versions")]
    Schema { kind: &'static str, attribute: &'static str, found: String },
    /// Bytes that a user chose: record and skip.
    #[error("event {kind}: attribute {attribute}: {found}; skip this event")]
    Payload { kind: &'static str, attribute: &'static str, found: String },
}

/// Why one attribute's text is no value of its type.
pub enum Unreadable {
    Schema(String),
    Payload(String),
}

/// A value that travels as one attribute.
pub trait Field: Sized {
    /// Text of the attribute; none: the attribute is left out.
    fn write(&self) -> Option<String>;
    fn read(text: &str) -> Result<Self, Unreadable>;
    /// The value when the attribute is missing.
    fn absent() -> Option<Self> {
        None
    }
}

macro_rules! number_field {
    ($($number:ty),*) => {$(
        impl Field for $number {
            fn write(&self) -> Option<String> {
                Some(self.to_string())
            }
            fn read(text: &str) -> Result<Self, Unreadable> {
                // Exactly as written: no sign, no leading zeros.
                text.parse::<$number>()
                    .ok()
                    .filter(|number| number.to_string() == text)
                    .ok_or_else(|| Unreadable::Schema(format!("{text:?} is no {}", stringify!($number))))
            }
        }
    )*};
}
number_field!(u8, u32, u64);

impl Field for String {
    fn write(&self) -> Option<String> {
        Some(self.clone())
    }
    fn read(text: &str) -> Result<Self, Unreadable> {
        Ok(text.to_owned())
    }
}

impl Field for Binary {
    fn write(&self) -> Option<String> {
        Some(self.to_base64())
    }
    fn read(text: &str) -> Result<Self, Unreadable> {
        Self::from_base64(text).map_err(|_| Unreadable::Payload("no base64".to_owned()))
    }
}

impl Field for GrantTags {
    fn write(&self) -> Option<String> {
        Some(Binary::new(self.to_bytes().to_vec()).to_base64())
    }
    fn read(text: &str) -> Result<Self, Unreadable> {
        let bytes = Binary::read(text)?;
        Self::parse(&bytes).map_err(|error| Unreadable::Payload(error.to_string()))
    }
}

fn word<T>(text: &str, found: Option<T>) -> Result<T, Unreadable> {
    found.ok_or_else(|| Unreadable::Schema(format!("unknown word {text:?}")))
}

impl Field for Party {
    fn write(&self) -> Option<String> {
        Some(self.as_str().to_owned())
    }
    fn read(text: &str) -> Result<Self, Unreadable> {
        word(text, Self::from_word(text))
    }
}

impl Field for GrantKind {
    fn write(&self) -> Option<String> {
        Some(self.as_str().to_owned())
    }
    fn read(text: &str) -> Result<Self, Unreadable> {
        word(text, Self::from_word(text))
    }
}

impl Field for RegistrationPolicy {
    fn write(&self) -> Option<String> {
        Some(
            match self {
                Self::Institutions => "institutions",
                Self::Consortium => "consortium",
            }
            .to_owned(),
        )
    }
    fn read(text: &str) -> Result<Self, Unreadable> {
        let found = [Self::Institutions, Self::Consortium]
            .into_iter()
            .find(|policy| policy.write().as_deref() == Some(text));
        word(text, found)
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self) -> Option<String> {
        self.as_ref().and_then(T::write)
    }
    fn read(text: &str) -> Result<Self, Unreadable> {
        T::read(text).map(Some)
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// The attributes of one event of our contract.
pub struct Attributes<'a> {
    kind: &'static str,
    found: &'a [(&'a str, &'a str)],
}

impl<'a> Attributes<'a> {
    /// None unless exactly one `_contract_address` stands there and names this contract.
    pub fn of(contract: &str, kind: &'static str, found: &'a [(&'a str, &'a str)]) -> Option<Self> {
        let mut speakers = found.iter().filter(|(key, _)| *key == CONTRACT_ATTRIBUTE);
        let ours = speakers.next().is_some_and(|(_, speaker)| *speaker == contract);
        (ours && speakers.next().is_none()).then_some(Self { kind, found })
    }

    fn single(&self, attribute: &'static str) -> Result<Option<&'a str>, DecodeError> {
        let mut values = self.found.iter().filter(|(key, _)| *key == attribute).map(|(_, value)| *value);
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(self.schema(attribute, "is there twice".to_owned())),
        }
    }

    const fn schema(&self, attribute: &'static str, found: String) -> DecodeError {
        DecodeError::Schema { kind: self.kind, attribute, found }
    }

    pub fn take<T: Field>(&self, attribute: &'static str) -> Result<T, DecodeError> {
        let Some(text) = self.single(attribute)? else {
            return T::absent().ok_or_else(|| self.schema(attribute, "is missing".to_owned()));
        };
        T::read(text).map_err(|unreadable| match unreadable {
            Unreadable::Schema(found) => self.schema(attribute, found),
            Unreadable::Payload(found) => DecodeError::Payload { kind: self.kind, attribute, found },
        })
    }
}

/// Declares a contract's events: an enum, its attributes and its decoder, with keys named as the fields.
macro_rules! events {
    ($(#[$enum_doc:meta])* pub enum Event { $(
        $(#[$doc:meta])*
        $variant:ident = $kind:literal { $($field:ident: $type:ty),* $(,)? }
    ),* $(,)? }) => {
        $(#[$enum_doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $variant { $($field: $type),* }),*
        }

        impl Event {
            /// The kinds, without wasmd's prefix.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// The kind, without wasmd's prefix.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $kind),*
                }
            }

            /// Key and text of each attribute; absent options are left out.
            #[must_use]
            pub fn attributes(&self) -> Vec<(&'static str, String)> {
                match self {
                    $(Self::$variant { $($field),* } => [
                        $((stringify!($field), $crate::codec::Field::write($field))),*
                    ]
                    .into_iter()
                    .filter_map(|(key, text)| text.map(|text| (key, text)))
                    .collect()),*
                }
            }

            /// Reads an event as `block_results` gives it; the crate's page says what the answers mean.
            pub fn decode(
                contract: &str,
                kind: &str,
                attributes: &[(&str, &str)],
            ) -> Result<Option<Self>, $crate::DecodeError> {
                match kind.strip_prefix($crate::KIND_PREFIX) {
                    $(Some($kind) => {
                        let Some(found) = $crate::codec::Attributes::of(contract, $kind, attributes) else {
                            return Ok(None);
                        };
                        Ok(Some(Self::$variant { $($field: found.take(stringify!($field))?),* }))
                    })*
                    _ => Ok(None),
                }
            }
        }

        impl From<Event> for cosmwasm_std::Event {
            fn from(event: Event) -> Self {
                Self::new(event.kind()).add_attributes(event.attributes())
            }
        }
    };
}
pub(crate) use events;
