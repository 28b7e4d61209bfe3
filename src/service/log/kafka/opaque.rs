//! What the client carries for us with each record, and gives back with its delivery.
//!
//! That is a pointer's worth: how often the record's partition had been released, in 16
//! bits, and the offset of the input that it answers in the others.

use crate::domain::Offset;

const _: () = assert!(usize::BITS >= 64, "both fit a delivery's opaque");
const OFFSET_BITS: u32 = 48;

/// The opaque of a record that answers the input at `offset`.
pub(super) fn to_opaque(release: u16, offset: Offset) -> usize {
    let offset = usize::try_from(offset.0).unwrap_or(0);
    usize::from(release) << OFFSET_BITS | offset & ((1 << OFFSET_BITS) - 1)
}

/// What [`to_opaque`] put together.
pub(super) fn from_opaque(opaque: usize) -> (u16, Offset) {
    let offset = opaque & ((1 << OFFSET_BITS) - 1);
    let release = u16::try_from(opaque >> OFFSET_BITS).unwrap_or(0);
    (release, Offset(i64::try_from(offset).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opaque_carries_release_and_offset() {
        for (release, offset) in [(0, 0), (1, 7), (u16::MAX, (1 << OFFSET_BITS) - 1)] {
            let opaque = to_opaque(release, Offset(offset));
            assert_eq!(from_opaque(opaque), (release, Offset(offset)));
        }
    }
}
