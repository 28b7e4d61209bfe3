//! Writes protobuf in canonical form: fields in ascending order, absent ones left out.
//!
//! Source: protobuf.dev, "Encoding". A test holds it against prost, byte for byte.

use super::protobuf::WireType;

/// Appends fields to a buffer. Hot path: allocates only where the buffer grows.
pub(super) struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Writer<'o> {
    pub(super) const fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A number; zero is left out.
    pub(super) fn uint(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.some_uint(number, Some(value));
        }
    }

    /// A number that may be absent; zero is written.
    pub(super) fn some_uint(&mut self, number: u32, value: Option<u64>) {
        if let Some(value) = value {
            self.key(number, WireType::Varint);
            self.varint(value);
        }
    }

    /// A signed number in two's complement (`int64`); zero is left out.
    pub(super) fn int(&mut self, number: u32, value: i64) {
        self.uint(number, value.cast_unsigned());
    }

    /// A flag; false is left out.
    pub(super) fn flag(&mut self, number: u32, value: bool) {
        self.uint(number, u64::from(value));
    }

    /// A text; the empty one is left out.
    pub(super) fn text(&mut self, number: u32, value: &str) {
        if !value.is_empty() {
            self.some_text(number, Some(value));
        }
    }

    /// A text that may be absent; the empty one is written.
    pub(super) fn some_text(&mut self, number: u32, value: Option<&str>) {
        if let Some(value) = value {
            self.key(number, WireType::LengthDelimited);
            self.varint(value.len() as u64);
            self.out.extend_from_slice(value.as_bytes());
        }
    }

    /// `bits` as lower-case hexadecimal digits, the last `digits_count` of them.
    pub(super) fn hexadecimal(&mut self, number: u32, bits: u128, digits_count: u32) {
        self.key(number, WireType::LengthDelimited);
        self.varint(u64::from(digits_count));
        let mut digits = [0; 32];
        let (pairs, _) = digits.as_chunks_mut();
        for (pair, byte) in pairs.iter_mut().zip(bits.to_be_bytes()) {
            *pair = [hexadecimal_digit(byte >> 4), hexadecimal_digit(byte & 0xf)];
        }
        let from = digits.len().saturating_sub(digits_count as usize);
        self.out.extend_from_slice(digits.get(from..).unwrap_or_default());
    }

    /// A message or packed list, written by `body`; it is there also when empty.
    pub(super) fn nested(&mut self, number: u32, body: impl FnOnce(&mut Self)) {
        self.key(number, WireType::LengthDelimited);
        let start = self.out.len();
        body(self);
        // Its length is known only now: make room in front of it.
        let length = self.out.len() - start;
        self.varint(length as u64);
        let length_bytes = self.out.len() - start - length;
        if let Some(written) = self.out.get_mut(start..) {
            written.rotate_right(length_bytes);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time are written")]
    pub(super) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    fn key(&mut self, number: u32, wire_type: WireType) {
        let layout = match wire_type {
            WireType::Varint => 0,
            WireType::SixtyFourBit => 1,
            WireType::LengthDelimited => 2,
            WireType::StartGroup => 3,
            WireType::EndGroup => 4,
            WireType::ThirtyTwoBit => 5,
        };
        self.varint(u64::from(number << 3 | layout));
    }
}

/// Without a branch: digits are as good as random.
const fn hexadecimal_digit(value: u8) -> u8 {
    const LETTERS_BEHIND_DIGITS: u8 = b'a' - b'9' - 1;
    b'0' + value + (value > 9) as u8 * LETTERS_BEHIND_DIGITS
}

/// The `sint64` form of `value`: small numbers of either sign are short.
pub(super) const fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// The number whose `sint64` form is `wire`.
pub(super) const fn unzigzag(wire: u64) -> i64 {
    (wire >> 1).cast_signed() ^ -((wire & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::super::protobuf::Reader;
    use super::*;

    #[test]
    fn a_nested_message_is_written_behind_its_length() {
        for length in [0_usize, 1, 127, 128, 16_383, 16_384] {
            let mut out = b"before".to_vec();
            Writer::new(&mut out).nested(2, |to| to.out.resize(to.out.len() + length, 7));
            let mut reader = Reader::new(out.get(6..).expect("written"));
            assert_eq!(reader.key(), Ok(Some((2, WireType::LengthDelimited))));
            let body = reader.bytes(WireType::LengthDelimited).expect("whole");
            assert_eq!(body, vec![7; length], "{length}");
            assert!(reader.rest().is_empty(), "{length}");
        }
    }

    #[test]
    fn zigzag_is_undone_by_unzigzag() {
        for value in [0, -1, 1, 63, -64, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
        assert_eq!([zigzag(0), zigzag(-1), zigzag(1)], [0, 1, 2]);
    }
}
