//! Where chance comes from: hashes for what stays, a seeded stream for what passes.

use rand::Rng;

/// What a hash is drawn for: one number each, so that no two traits of a card or
/// merchant depend on each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trait {
    Run = 1,
    CardToken,
    Account,
    Scheme,
    Portfolio,
    Device,
    Address,
    Email,
    FavouriteMerchant,
    FavouriteCountry,
    AgreementAmount,
    AgreementId,
    MerchantCategory,
    Acquirer,
    Terminal,
}

/// 64 bits that depend on all three: the same for as long as the seed is the same.
pub(super) fn hash(seed: u64, of: Trait, index: u64) -> u64 {
    finish(finish(seed ^ (of as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)) ^ index)
}

/// 128 such bits.
pub(super) fn hash_wide(seed: u64, of: Trait, index: u64) -> u128 {
    let high = hash(seed, of, index);
    (u128::from(high) << 64) | u128::from(finish(high ^ seed))
}

/// Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014, section
/// 5 (`mix64variant13`).
fn finish(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A number in [0, 1) from 64 bits.
pub(super) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Any number in [0, 1).
pub(super) fn any_point(random: &mut impl Rng) -> f64 {
    unit(random.next_u64())
}

/// True with the probability `share`.
pub(super) fn chance(random: &mut impl Rng, share: f64) -> bool {
    any_point(random) < share
}

/// The entry of `choices` that `point` in [0, 1) falls on, each as wide as its share. The
/// shares add up to 1; the first one takes what rounding leaves.
pub(super) fn pick<T>(choices: &[(f64, T)], point: f64) -> Option<&T> {
    let mut reached = 0.0;
    choices
        .iter()
        .find(|(share, _)| {
            reached += share;
            point < reached
        })
        .or(choices.first())
        .map(|(_, choice)| choice)
}

/// A rank in 1 to `count` by Zipf's law with exponent 1, from `point` in [0, 1): the second
/// has half the first one's share, and so on.
pub(super) fn zipf_rank(point: f64, count: u32) -> u32 {
    // The inverse of the continuous form: ranks are log-uniform.
    let rank = ((f64::from(count) + 1.0).ln() * point).exp() as u32;
    rank.clamp(1, count)
}

/// `prefix` and the lowest `digits_count` digits of `bits`, five bits each. Made by hand:
/// formatting machinery would cost more than the rest of the message.
pub(super) fn name(prefix: &str, bits: u128, digits_count: usize) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut text = String::with_capacity(prefix.len() + digits_count);
    text.push_str(prefix);
    for digit in 0..digits_count {
        let value = (bits >> (5 * digit)) & 31;
        let symbol = DIGITS.get(value as usize).copied().unwrap_or(b'0');
        text.push(char::from(symbol));
    }
    text
}

/// `prefix` and `number` with leading zeros.
pub(super) fn number(prefix: &str, number: u64, digits_count: u32) -> String {
    let mut text = String::with_capacity(prefix.len() + digits_count as usize);
    text.push_str(prefix);
    let mut divisor = 10_u64.saturating_pow(digits_count.saturating_sub(1));
    while divisor > 0 {
        let digit = (number / divisor % 10) as u8;
        text.push(char::from(b'0' + digit));
        divisor /= 10;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_have_the_length_asked_for() {
        assert_eq!(name("tok-", 0, 3), "tok-000");
        assert_eq!(name("", 31 + (1 << 5), 2), "Z1");
        assert_eq!(number("M", 42, 5), "M00042");
        assert_eq!(number("", 123_456, 3), "456");
    }

    #[test]
    fn a_pick_is_as_likely_as_its_share_is_wide() {
        let choices = [(0.25, 'a'), (0.75, 'b')];
        assert_eq!(pick(&choices, 0.0), Some(&'a'));
        assert_eq!(pick(&choices, 0.249), Some(&'a'));
        assert_eq!(pick(&choices, 0.25), Some(&'b'));
        assert_eq!(pick(&choices, 0.999), Some(&'b'));
        assert_eq!(pick::<char>(&[], 0.5), None);
    }

    #[test]
    fn zipf_ranks_stay_within_their_count_and_halve() {
        assert_eq!(zipf_rank(0.0, 1_000), 1);
        assert_eq!(zipf_rank(0.999_999_999, 1_000), 1_000);
        let drawn: Vec<u32> =
            (0..100_000).map(|step| zipf_rank(f64::from(step) / 100_000.0, 1_000)).collect();
        let share_of = |rank| drawn.iter().filter(|&&found| found == rank).count();
        assert!(share_of(1) > share_of(2) && share_of(2) > share_of(4));
    }
}
