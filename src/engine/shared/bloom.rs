//! A guard before the stop list: the common card costs one cache line.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A set of 128-bit keys that says "surely not" or "perhaps"; it only grows.
///
/// Made of levels, each twice as large as the one before and opened when that one
/// is full, so that nothing is ever rebuilt under a reader. In a level all bits of
/// a key lie in one block of 512 bits, that is one cache line.
///
/// Source: Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom
/// Filters" (2007); Almeida et al., "Scalable Bloom Filters" (2007).
#[derive(Debug)]
pub(super) struct Bloom {
    levels: [OnceLock<Level>; LEVELS_COUNT_MAX],
    keys_count: AtomicUsize,
}

#[derive(Debug)]
struct Level {
    blocks: Box<[Block]>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Block([AtomicU64; 8]);

const _: () = assert!(size_of::<Block>() == 64);

/// Keys that the first level holds at its design rate of false "perhaps".
const FIRST_LEVEL_KEYS: usize = 1 << 16;
/// 2^16 keys at first, doubled 13 times: 10^9 keys in all.
const LEVELS_COUNT_MAX: usize = 14;
/// Bits of space per key: about 0.4 % false "perhaps" with six bits set.
const BITS_PER_KEY: usize = 16;
/// Bits set per key; each takes 9 of the key's high bits.
const BITS_SET: u32 = 6;

impl Default for Bloom {
    fn default() -> Self {
        Self {
            levels: [const { OnceLock::new() }; LEVELS_COUNT_MAX],
            keys_count: AtomicUsize::new(0),
        }
    }
}

impl Bloom {
    /// False where `key` was surely never added. Hot path: one cache line a level.
    pub(super) fn may_hold(&self, key: u128) -> bool {
        self.levels
            .iter()
            .map_while(OnceLock::get)
            .any(|level| level.block(key).is_some_and(|block| block.holds(key)))
    }

    /// Adds `key`. Adding it again takes space again: add a key once.
    pub(super) fn add(&self, key: u128) {
        let keys_before = self.keys_count.fetch_add(1, Ordering::Relaxed);
        let (number, capacity) = level_for(keys_before);
        // Every level up to this one must be open, since readers stop at the first that is not.
        for (earlier, level) in self.levels.iter().enumerate().take(number) {
            level.get_or_init(|| Level::for_keys(FIRST_LEVEL_KEYS << earlier));
        }
        let Some(level) = self.levels.get(number) else {
            return;
        };
        let level = level.get_or_init(|| Level::for_keys(capacity));
        if let Some(block) = level.block(key) {
            block.add(key);
        }
    }
}

/// The level that takes the key after `keys_before` others, and how many it is made for.
fn level_for(keys_before: usize) -> (usize, usize) {
    let mut first_key = 0;
    for number in 0..LEVELS_COUNT_MAX - 1 {
        let capacity = FIRST_LEVEL_KEYS << number;
        if keys_before < first_key + capacity {
            return (number, capacity);
        }
        first_key += capacity;
    }
    (LEVELS_COUNT_MAX - 1, FIRST_LEVEL_KEYS << (LEVELS_COUNT_MAX - 1))
}

impl Level {
    fn for_keys(keys: usize) -> Self {
        let blocks_count = (keys * BITS_PER_KEY / 512).next_power_of_two();
        Self { blocks: (0..blocks_count).map(|_| Block::default()).collect() }
    }

    fn block(&self, key: u128) -> Option<&Block> {
        let mask = self.blocks.len() - 1;
        // The low half of the key picks the block, the high half the bits.
        let place = key as usize & mask;
        self.blocks.get(place)
    }
}

impl Block {
    fn add(&self, key: u128) {
        for (word, bit) in bits(key) {
            if let Some(word) = self.0.get(word) {
                word.fetch_or(bit, Ordering::Release);
            }
        }
    }

    fn holds(&self, key: u128) -> bool {
        bits(key).all(|(word, bit)| {
            self.0.get(word).is_some_and(|word| word.load(Ordering::Acquire) & bit != 0)
        })
    }
}

/// Word and bit within a block, six times, from the high half of `key`.
fn bits(key: u128) -> impl Iterator<Item = (usize, u64)> {
    (0..BITS_SET).map(move |number| {
        let nine = (key >> (64 + 9 * number)) & 0x1FF;
        let nine = nine as usize;
        (nine >> 6, 1 << (nine & 63))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Well-spread keys from a counter (splitmix64, twice).
    fn key(number: u64) -> u128 {
        let mix = |seed: u64| {
            let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            x ^ (x >> 31)
        };
        u128::from(mix(number)) << 64 | u128::from(mix(number ^ 0xABCD_EF01))
    }

    #[test]
    fn a_key_that_was_added_is_never_denied_over_several_levels() {
        let bloom = Bloom::default();
        let count = 5 * FIRST_LEVEL_KEYS as u64;
        for number in 0..count {
            bloom.add(key(number));
        }
        assert!((0..count).all(|number| bloom.may_hold(key(number))));
    }

    #[test]
    fn a_full_level_says_perhaps_for_few_others() {
        let bloom = Bloom::default();
        let count = FIRST_LEVEL_KEYS as u64;
        for number in 0..count {
            bloom.add(key(number));
        }
        let wrong = (count..2 * count).filter(|number| bloom.may_hold(key(*number))).count();
        assert!(wrong * 100 < FIRST_LEVEL_KEYS, "{wrong} of {count} wrongly perhaps");
    }

    #[test]
    fn an_empty_filter_denies_everything() {
        assert!(!Bloom::default().may_hold(key(1)));
    }
}
