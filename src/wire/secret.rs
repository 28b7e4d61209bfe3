//! Secrets as written in key files: hexadecimal digits.

use std::fmt;

use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// Why a text is no secret. Never repeats the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SecretFault {
    /// It has another length.
    #[error(
        "has {digits_count} hexadecimal digits; expected {expected}, \
         as `openssl rand -hex {}` writes them",
        .expected / 2
    )]
    Length {
        /// How many characters were found.
        digits_count: usize,
        /// How many there must be.
        expected: usize,
    },
    /// It has a character that is no hexadecimal digit.
    #[error("has a character that is no hexadecimal digit, at position {position}")]
    NotHexadecimal {
        /// Where, counted from 1.
        position: usize,
    },
    /// All its digits are the same: nobody drew it.
    #[error("is one digit repeated, which is no secret; draw it at random")]
    NotRandom,
}

/// A short name of a secret, fit for logs and snapshots: the first 4 bytes of a
/// hash of it, 8 hexadecimal digits. Says whether two processes share a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SecretId(u32);

impl SecretId {
    /// The id of `secret`, which is used for `purpose`.
    pub(super) fn of(purpose: &str, secret: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update(secret);
        let digest = hash.finalize();
        let mut id = 0_u32;
        for byte in digest.iter().take(4) {
            id = id << 8 | u32::from(*byte);
        }
        Self(id)
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The `N` bytes that `text` writes as `2 × N` hexadecimal digits, white space
/// around them left out; wiped when dropped.
pub(super) fn from_hex<const N: usize>(text: &str) -> Result<Zeroizing<[u8; N]>, SecretFault> {
    let text = text.trim();
    let digits_count = text.chars().count();
    let mut bytes = Zeroizing::new([0_u8; N]);
    for (position, digit) in text.chars().enumerate() {
        let digit = digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let Some(mut digit) = digit else {
            return Err(SecretFault::NotHexadecimal { position: position + 1 });
        };
        if let Some(byte) = bytes.get_mut(position / 2) {
            *byte = *byte << 4 | digit;
        }
        digit.zeroize();
    }
    if digits_count != 2 * N {
        return Err(SecretFault::Length { digits_count, expected: 2 * N });
    }
    let mut digits = text.bytes();
    let first = digits.next();
    if digits.all(|digit| Some(digit) == first) {
        return Err(SecretFault::NotRandom);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_hexadecimal_digits_and_its_faults_are_named() {
        let length = |digits_count| SecretFault::Length { digits_count, expected: 4 };
        let cases = [
            ("00ff", Ok([0x00, 0xff])),
            ("ABcd\n", Ok([0xab, 0xcd])),
            ("", Err(length(0))),
            ("abc", Err(length(3))),
            ("abcde", Err(length(5))),
            ("ab-d", Err(SecretFault::NotHexadecimal { position: 3 })),
            ("卡", Err(SecretFault::NotHexadecimal { position: 1 })),
            ("0000", Err(SecretFault::NotRandom)),
        ];
        for (text, expected) in cases {
            assert_eq!(from_hex::<2>(text).map(|bytes| *bytes), expected, "{text}");
        }
        assert!(length(3).to_string().contains("openssl rand -hex 2"));
    }

    #[test]
    fn secrets_have_different_ids_by_value_and_by_purpose() {
        let id = SecretId::of("seed", &[1; 16]);
        assert_ne!(id, SecretId::of("seed", &[2; 16]));
        assert_ne!(id, SecretId::of("card", &[1; 16]));
        assert_eq!(id.to_string().len(), 8);
    }
}
