//! What an authorisation hangs on besides its account and merchant, kept only where some
//! feature reads it.

use std::collections::VecDeque;
use std::fmt;

use crate::domain::{AcquirerKey, Authorisation, CardKey, DeviceKey, EmailKey, IpKey};

/// One kind of key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Slot {
    /// The account.
    Account,
    /// The card.
    Card,
    /// The cardholder's device.
    Device,
    /// Its address.
    Ip,
    /// The acquirer.
    Acquirer,
    /// The first digits of the card number.
    Bin,
    /// The digest of the cardholder's e-mail address.
    Email,
}

impl Slot {
    /// All of them, in the order in which they are kept.
    pub const ALL: [Self; 7] =
        [Self::Account, Self::Card, Self::Device, Self::Ip, Self::Acquirer, Self::Bin, Self::Email];

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Some kinds of keys.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SlotSet(u8);

impl SlotSet {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// This set and `slot`.
    #[must_use]
    pub const fn with(self, slot: Slot) -> Self {
        Self(self.0 | slot.bit())
    }

    /// This set but for `slot`.
    #[must_use]
    pub const fn without(self, slot: Slot) -> Self {
        Self(self.0 & !slot.bit())
    }

    /// True where `slot` is in it.
    pub const fn holds(self, slot: Slot) -> bool {
        self.0 & slot.bit() != 0
    }

    /// True where it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are in it.
    pub(super) const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// How many are in it before `slot`.
    const fn place_of(self, slot: Slot) -> usize {
        (self.0 & (slot.bit() - 1)).count_ones() as usize
    }
}

/// The keys of one authorisation. No key is zero: of a hash of 128 bits that is as likely as
/// a collision.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Keys([u128; Slot::ALL.len()]);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Slot::ALL.into_iter().filter(|slot| self.get(*slot).is_some());
        f.debug_tuple("Keys").field(&known.collect::<Vec<_>>()).finish()
    }
}

impl Keys {
    /// Those of `auth`.
    pub fn of(auth: &Authorisation<'_>) -> Self {
        Self::default()
            .with(Slot::Account, Some(auth.account.bits()))
            .with(Slot::Card, auth.card.map(CardKey::bits))
            .with(Slot::Device, auth.device.map(DeviceKey::bits))
            .with(Slot::Ip, auth.ip.map(IpKey::bits))
            .with(Slot::Acquirer, auth.acquirer.map(AcquirerKey::bits))
            .with(Slot::Bin, auth.bin.map(u128::from))
            .with(Slot::Email, auth.email.map(EmailKey::bits))
    }

    /// These, with `bits` as the key of the kind `slot`.
    #[must_use]
    pub fn with(mut self, slot: Slot, bits: Option<u128>) -> Self {
        if let Some(own) = self.0.get_mut(slot as usize) {
            *own = bits.unwrap_or(0);
        }
        self
    }

    /// The bits of the key of the kind `slot`; `None` where there is none.
    pub fn get(&self, slot: Slot) -> Option<u128> {
        self.0.get(slot as usize).copied().filter(|bits| *bits != 0)
    }
}

/// The keys of a ring's events, as many as are kept of each, side by side in their order.
///
/// ```text
///  kept: card, ip      ┊ event 0     ┊ event 1     ┊ event 2     ┊
///  values              ┊ card ┊ ip   ┊ card ┊ 0    ┊ card ┊ ip   ┊    0: it has none
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct KeyRows {
    kept: SlotSet,
    values: VecDeque<u128>,
}

/// No key shows itself.
impl fmt::Debug for KeyRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRows").field("kept", &self.kept).finish_non_exhaustive()
    }
}

impl KeyRows {
    /// Rows with the kinds in `kept`.
    pub(super) fn new(kept: SlotSet) -> Self {
        Self { kept, values: VecDeque::new() }
    }

    /// True where the kind `slot` is kept.
    pub(super) fn keeps(&self, slot: Slot) -> bool {
        self.kept.holds(slot)
    }

    /// Puts a row before that at `place`.
    pub(super) fn insert(&mut self, place: usize, keys: &Keys) {
        let start = place * self.kept.len();
        let kept = Slot::ALL.into_iter().filter(|slot| self.kept.holds(*slot));
        for (at, slot) in kept.enumerate() {
            self.values.insert(start + at, keys.get(slot).unwrap_or(0));
        }
    }

    /// Takes the row at `place` out.
    pub(super) fn remove(&mut self, place: usize) {
        let start = place * self.kept.len();
        for _ in 0..self.kept.len() {
            self.values.remove(start);
        }
    }

    /// The key of the kind `slot` at `place`. Hot path.
    pub(super) fn get(&self, place: usize, slot: Slot) -> Option<u128> {
        if !self.kept.holds(slot) {
            return None;
        }
        let at = place * self.kept.len() + self.kept.place_of(slot);
        self.values.get(at).copied().filter(|bits| *bits != 0)
    }

    /// The row at `place`.
    pub(super) fn row(&self, place: usize) -> Keys {
        let slots = Slot::ALL.into_iter();
        slots.fold(Keys::default(), |keys, slot| keys.with(slot, self.get(place, slot)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(card: u128, ip: u128) -> Keys {
        let bits = |it: u128| (it != 0).then_some(it);
        Keys::default()
            .with(Slot::Card, bits(card))
            .with(Slot::Device, Some(99))
            .with(Slot::Ip, bits(ip))
    }

    #[test]
    fn rows_keep_what_is_asked_for_through_insertion_and_removal() {
        let mut rows = KeyRows::new(SlotSet::NONE.with(Slot::Ip).with(Slot::Card));
        for (place, card, ip) in [(0, 1, 11), (1, 2, 0), (1, 3, 13), (0, 4, 14)] {
            rows.insert(place, &keys(card, ip));
        }
        let shown = |rows: &KeyRows, count: usize| {
            let get = |at, slot| rows.get(at, slot).unwrap_or(0);
            (0..count).map(|at| (get(at, Slot::Card), get(at, Slot::Ip))).collect::<Vec<_>>()
        };
        assert_eq!(shown(&rows, 4), [(4, 14), (1, 11), (3, 13), (2, 0)]);
        rows.remove(2);
        rows.remove(0);
        assert_eq!(shown(&rows, 2), [(1, 11), (2, 0)]);
        assert_eq!(rows.get(0, Slot::Device), None, "nobody asked for it");
        assert_eq!(rows.row(0), keys(1, 11).with(Slot::Device, None));
    }
}
