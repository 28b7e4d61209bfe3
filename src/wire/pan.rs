//! The only place where a card number exists: it becomes a key and is wiped.
//!
//! A [`Pan`] is made from a message's `pan` field, hashed, and gone at the end of
//! the statement. It cannot be printed, copied, serialised or sent to another
//! thread (asserted below, at compile time), and it cannot leave this room.
//!
//! What is wiped: the digits in a [`Pan`], the secret key, and the copy that a
//! JSON message makes on its way. Protobuf makes none: the field is borrowed from
//! the record. What cannot be wiped from here: the record's own bytes in the
//! client's and the worker's receive buffers, the client's copy on the way from the
//! socket, and the JSON library's buffer where a sender wrote digits as escapes.
//! That is why `accept_pan` is off unless switched on.

use std::marker::PhantomData;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::domain::CardKey;

use super::secret::{SecretFault, SecretId, from_hex};

/// Fewest digits of a card number. Source: ISO/IEC 7812 and the schemes in use.
const DIGITS_MIN: usize = 13;
/// Most digits of a card number. Source: ISO/IEC 7812-1.
const DIGITS_MAX: usize = 19;

/// A card number: 13 to 19 digits with a valid check digit.
///
/// It cannot be named outside this room:
/// ```compile_fail
/// use stopline::wire::Pan;
/// ```
pub(super) struct Pan {
    digits: [u8; DIGITS_MAX],
    digits_count: usize,
    /// A pointer is not `Send`: a card number stays on the thread that read it.
    stays_here: PhantomData<*const ()>,
}

/// Why a text is no card number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PanFault {
    /// Not 13 to 19 digits and nothing else.
    Form,
    /// The check digit is wrong.
    CheckDigit,
}

impl Pan {
    /// The card number that `text` is.
    pub(super) fn read(text: &str) -> Result<Self, PanFault> {
        if !has_pan_form(text.as_bytes()) {
            return Err(PanFault::Form);
        }
        if !passes_luhn(text.as_bytes()) {
            return Err(PanFault::CheckDigit);
        }
        let mut pan =
            Self { digits: [0; DIGITS_MAX], digits_count: text.len(), stays_here: PhantomData };
        for (to, from) in pan.digits.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        Ok(pan)
    }
}

impl Drop for Pan {
    fn drop(&mut self) {
        self.digits.zeroize();
        self.digits_count.zeroize();
    }
}

/// The secret that card numbers are hashed with: 32 bytes, in a file of its own.
/// Whoever holds it can find a card number by trying all; keep it like a PIN key.
/// Wiped when dropped.
pub struct PanKey {
    // Keyed once: a tag then costs two compressions, not four.
    keyed: Hmac<Sha256>,
    id: SecretId,
}

impl PanKey {
    /// The secret with these bytes.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        // HMAC itself pads a short key with zeros to a whole block of the hash.
        let mut block = Zeroizing::new([0_u8; 64]);
        for (to, from) in block.iter_mut().zip(bytes) {
            *to = from;
        }
        let key = Self {
            keyed: Hmac::new((&*block).into()),
            id: SecretId::of("stopline pan key", &bytes),
        };
        bytes.zeroize();
        key
    }

    /// The secret that `text` writes as 64 hexadecimal digits.
    ///
    /// # Errors
    /// A [`SecretFault`] that says what is wrong, without the text.
    pub fn from_hex(text: &str) -> Result<Self, SecretFault> {
        from_hex::<32>(text).map(|bytes| Self::from_bytes(*bytes))
    }

    /// Names the secret in logs and stop orders, without giving it away.
    pub const fn id(&self) -> SecretId {
        self.id
    }

    /// The tag of `pan`, which is wiped: the first 16 bytes of its HMAC-SHA-256.
    ///
    /// Source: RFC 2104; truncated as RFC 2104 section 5 allows.
    pub(super) fn tag(&self, pan: Pan) -> CardKey {
        let mut mac = self.keyed.clone();
        mac.update(pan.digits.get(..pan.digits_count).unwrap_or_default());
        drop(pan);
        let tag = mac.finalize().into_bytes();
        let bits = tag.iter().take(16).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
        CardKey::from_bits(bits)
    }
}

/// True for 13 to 19 digits and nothing else.
pub(super) fn has_pan_form(text: &[u8]) -> bool {
    (DIGITS_MIN..=DIGITS_MAX).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

/// True for a text that is, as far as one can tell, a card number.
pub(super) fn is_like_pan(text: &[u8]) -> bool {
    has_pan_form(text) && passes_luhn(text)
}

/// True where the last digit checks the others. Source: ISO/IEC 7812-1 annex B.
fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(digit, weight)| {
            let weighted = u32::from(digit.wrapping_sub(b'0')) * weight;
            weighted / 10 + weighted % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Fails to compile where `Pan` has the trait: two candidates are then ambiguous.
macro_rules! assert_pan_is_never {
    ($($name:ident: $has:path),+ $(,)?) => {$(
        const _: fn() = || {
            trait $name<Candidate> {
                fn only_one() {}
            }
            impl<T: ?Sized> $name<()> for T {}
            struct WithTrait;
            impl<T: ?Sized + $has> $name<WithTrait> for T {}
            <Pan as $name<_>>::only_one();
        };
    )+};
}

assert_pan_is_never! {
    Shown: std::fmt::Debug,
    Printed: std::fmt::Display,
    Copied: Clone,
    Serialised: serde::Serialize,
    Sent: Send,
    Shared: Sync,
    Borrowed: AsRef<[u8]>,
    Compared: PartialEq,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_has_13_to_19_digits_and_a_valid_check_digit() {
        let cases = [
            ("4111111111111111", Ok(())),
            ("5555555555554444", Ok(())),
            ("6221260000000000000", Err(PanFault::CheckDigit)),
            ("6212345678900000003", Ok(())),
            ("4222222222222", Ok(())),
            ("378282246310005", Ok(())),
            ("4111111111111112", Err(PanFault::CheckDigit)),
            ("411111111111", Err(PanFault::Form)),
            ("41111111111111111111", Err(PanFault::Form)),
            ("4111 1111 1111 1111", Err(PanFault::Form)),
            ("", Err(PanFault::Form)),
            ("411111111111111١", Err(PanFault::Form)),
        ];
        for (text, expected) in cases {
            assert_eq!(Pan::read(text).map(|_| ()), expected, "{text}");
        }
    }

    /// Issuers make the same tags for their stop orders, with any HMAC library.
    #[test]
    fn the_tag_is_hmac_sha_256_cut_to_16_bytes() {
        let key = PanKey::from_bytes([0x0b; 32]);
        let tag = key.tag(Pan::read("4111111111111111").unwrap_or_else(|_| panic!("valid")));
        assert_eq!(format!("{:032x}", tag.bits()), GOLDEN_TAG);
    }

    /// As Python's `hmac` makes it.
    const GOLDEN_TAG: &str = "fa61b145ec820bc4a65f8a5c629f5aaa";
}
