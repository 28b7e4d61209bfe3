//! Reads protobuf where it lies: fields are borrowed, nothing is copied or allocated.
//!
//! What a field is worth follows prost, which follows the specification: the last
//! value of a field counts, unknown fields are skipped, and 32-bit fields keep the
//! low bits of a longer varint. A test holds this reader against prost.
//!
//! Source: protobuf.dev, "Encoding".

use std::str;

/// Groups within groups, as deep as they are skipped; prost's own limit.
const GROUP_DEPTH_MAX: u32 = 100;
const VARINT_BYTES_MAX: u32 = 10;

/// How the value behind a key is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WireType {
    Varint,
    SixtyFourBit,
    LengthDelimited,
    StartGroup,
    EndGroup,
    ThirtyTwoBit,
}

/// Why bytes are no protobuf message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Torn {
    CutShort,
    VarintTooLong,
    BadKey,
    OtherWireType,
    NotUtf8,
    BadGroup,
}

impl Torn {
    /// The same for a person, behind a field's name.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::CutShort => "is cut short: the message ends before its value does",
            Self::VarintTooLong => "has a varint longer than ten bytes",
            Self::BadKey => "is followed by a key that is none",
            Self::OtherWireType => "has another wire type than the contract gives it",
            Self::NotUtf8 => "is not UTF-8",
            Self::BadGroup => "has a group that is not closed, or groups nested too deep",
        }
    }
}

/// The rest of a message, read from its start.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field's number and layout; `None` at the end of the message.
    pub(super) fn key(&mut self) -> Result<Option<(u32, WireType)>, Torn> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = u32::try_from(self.varint()?).map_err(|_| Torn::BadKey)?;
        let wire_type = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::SixtyFourBit,
            2 => WireType::LengthDelimited,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::ThirtyTwoBit,
            _ => return Err(Torn::BadKey),
        };
        match key >> 3 {
            0 => Err(Torn::BadKey),
            number => Ok(Some((number, wire_type))),
        }
    }

    /// The next varint, whatever it means.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Torn> {
        match self.rest.split_first() {
            // Nearly all keys, lengths and enum values are one byte.
            Some((byte @ 0..0x80, rest)) => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Torn> {
        let mut value = 0_u64;
        for index in 0..VARINT_BYTES_MAX {
            let (byte, rest) = self.rest.split_first().ok_or(Torn::CutShort)?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if index == VARINT_BYTES_MAX - 1 && bits > 1 {
                return Err(Torn::VarintTooLong);
            }
            value |= bits << (7 * index);
            if *byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Torn::VarintTooLong)
    }

    pub(super) fn bool(&mut self, wire_type: WireType) -> Result<bool, Torn> {
        Ok(self.uint64(wire_type)? != 0)
    }

    pub(super) fn uint64(&mut self, wire_type: WireType) -> Result<u64, Torn> {
        if wire_type == WireType::Varint { self.varint() } else { Err(Torn::OtherWireType) }
    }

    pub(super) fn int64(&mut self, wire_type: WireType) -> Result<i64, Torn> {
        self.uint64(wire_type).map(u64::cast_signed)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the specification keeps the low 32 bits")]
    pub(super) fn uint32(&mut self, wire_type: WireType) -> Result<u32, Torn> {
        self.uint64(wire_type).map(|value| value as u32)
    }

    /// The number of an enum value, known or not.
    pub(super) fn enumeration(&mut self, wire_type: WireType) -> Result<i32, Torn> {
        self.uint32(wire_type).map(u32::cast_signed)
    }

    pub(super) fn bytes(&mut self, wire_type: WireType) -> Result<&'a [u8], Torn> {
        if wire_type != WireType::LengthDelimited {
            return Err(Torn::OtherWireType);
        }
        let length = usize::try_from(self.varint()?).map_err(|_| Torn::CutShort)?;
        self.take(length)
    }

    pub(super) fn text(&mut self, wire_type: WireType) -> Result<&'a str, Torn> {
        str::from_utf8(self.bytes(wire_type)?).map_err(|_| Torn::NotUtf8)
    }

    /// Passes over the value of field `number`.
    pub(super) fn skip(&mut self, number: u32, wire_type: WireType) -> Result<(), Torn> {
        self.skip_within(number, wire_type, GROUP_DEPTH_MAX)
    }

    fn skip_within(
        &mut self,
        number: u32,
        wire_type: WireType,
        depth_left: u32,
    ) -> Result<(), Torn> {
        match wire_type {
            WireType::Varint => self.varint().map(|_| ()),
            WireType::SixtyFourBit => self.take(8).map(|_| ()),
            WireType::ThirtyTwoBit => self.take(4).map(|_| ()),
            WireType::LengthDelimited => self.bytes(wire_type).map(|_| ()),
            WireType::EndGroup => Err(Torn::BadGroup),
            WireType::StartGroup => {
                let depth_left = depth_left.checked_sub(1).ok_or(Torn::BadGroup)?;
                loop {
                    match self.key()? {
                        Some((inner, WireType::EndGroup)) if inner == number => return Ok(()),
                        Some((inner, wire_type)) => {
                            self.skip_within(inner, wire_type, depth_left)?;
                        }
                        None => return Err(Torn::CutShort),
                    }
                }
            }
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Torn> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Torn::CutShort)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_read_up_to_ten_bytes() {
        let cases: [(&[u8], Result<u64, Torn>); 8] = [
            (&[0], Ok(0)),
            (&[0x7f], Ok(127)),
            (&[0x80, 0x01], Ok(128)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], Ok(u64::MAX)),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
                Err(Torn::VarintTooLong),
            ),
            (&[0x80; 11], Err(Torn::VarintTooLong)),
            (&[0x80], Err(Torn::CutShort)),
            (&[], Err(Torn::CutShort)),
        ];
        for (bytes, expected) in cases {
            assert_eq!(Reader::new(bytes).varint(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn unknown_fields_are_skipped_and_torn_ones_named() {
        let open_groups = [0x0b; 200];
        let cases: [(&[u8], Result<(), Torn>); 11] = [
            (&[0x08, 0x01], Ok(())),
            (&[0x09, 1, 2, 3, 4, 5, 6, 7, 8], Ok(())),
            (&[0x0d, 1, 2, 3, 4], Ok(())),
            (&[0x0a, 2, 1, 2], Ok(())),
            (&[0x0b, 0x13, 0x08, 0x01, 0x14, 0x0c], Ok(())),
            (&[0x0a, 3, 1, 2], Err(Torn::CutShort)),
            (&[0x0b, 0x14], Err(Torn::BadGroup)),
            (&[0x0c], Err(Torn::BadGroup)),
            (&[0x0b, 0x08, 0x01], Err(Torn::CutShort)),
            (&open_groups, Err(Torn::BadGroup)),
            (&[0x0e], Err(Torn::BadKey)),
        ];
        for (bytes, expected) in cases {
            let mut reader = Reader::new(bytes);
            let skipped = reader.key().and_then(|key| {
                let (number, wire_type) = key.expect("a key");
                reader.skip(number, wire_type)
            });
            assert_eq!(skipped, expected, "{bytes:?}");
        }
    }
}
