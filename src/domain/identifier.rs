//! Names that the outside gives to things: printable ASCII of bounded length.

use std::fmt;

use thiserror::Error;

/// An outside name, borrowed from the message: printable ASCII without spaces at
/// its ends, 1 to `cap` characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier<'a>(&'a str);

/// Why a text is no identifier. Never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum IdentifierFault {
    /// It has no characters.
    #[error("is empty; expected printable ASCII")]
    Empty,
    /// It has more characters than its field allows.
    #[error("is longer than {cap} characters")]
    TooLong {
        /// The most that its field allows.
        cap: usize,
    },
    /// It has a character outside 0x21 to 0x7E, or outside 0x20 to 0x7E within.
    #[error("has a character that is not printable ASCII")]
    NotPrintable,
}

impl<'a> Identifier<'a> {
    /// `text` as a name of at most `cap` characters.
    ///
    /// # Errors
    /// The first [`IdentifierFault`] found.
    pub fn new(text: &'a str, cap: usize) -> Result<Self, IdentifierFault> {
        if text.is_empty() {
            return Err(IdentifierFault::Empty);
        }
        if text.len() > cap {
            return Err(IdentifierFault::TooLong { cap });
        }
        let printable = text.bytes().all(|byte| (0x20..=0x7E).contains(&byte));
        if !printable || text.starts_with(' ') || text.ends_with(' ') {
            return Err(IdentifierFault::NotPrintable);
        }
        Ok(Self(text))
    }

    /// The name itself.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// An owned copy, for what outlives the message.
    pub fn to_text(self) -> Text {
        Text(self.0.into())
    }
}

impl fmt::Debug for Identifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A sender may have put a card number into any field: names are not shown.
        write!(f, "Identifier({} characters)", self.0.len())
    }
}

/// An owned [`Identifier`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Box<str>);

impl Text {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, borrowed.
    pub fn as_identifier(&self) -> Identifier<'_> {
        Identifier(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_identifier().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_printable_ascii_of_bounded_length() {
        let cases = [
            ("a", Ok(())),
            ("par 42", Ok(())),
            ("", Err(IdentifierFault::Empty)),
            (" a", Err(IdentifierFault::NotPrintable)),
            ("a\n", Err(IdentifierFault::NotPrintable)),
            ("卡", Err(IdentifierFault::NotPrintable)),
            ("123456789", Err(IdentifierFault::TooLong { cap: 8 })),
        ];
        for (text, expected) in cases {
            assert_eq!(Identifier::new(text, 8).map(|_| ()), expected, "{text:?}");
        }
    }

    #[test]
    fn an_identifier_is_not_shown_by_debug() {
        let shown = format!("{:?}", Identifier::new("4111111111111111", 64));
        assert!(!shown.contains("4111"), "{shown}");
    }
}
