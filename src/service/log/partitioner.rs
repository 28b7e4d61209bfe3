//! Which partition a key belongs to, as Java producers and `murmur2_random` place it.

use crate::domain::PartitionId;

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;
const SHIFT: u32 = 24;

/// The partition of `key` among `partitions_count`, which must not be zero.
///
/// Source: Kafka's `BuiltInPartitioner.partitionForKey`.
pub fn partition_of_key(key: &[u8], partitions_count: u32) -> PartitionId {
    let positive = murmur2(key) & 0x7fff_ffff;
    let partition = positive.checked_rem(partitions_count).unwrap_or(0);
    PartitionId(i32::try_from(partition).unwrap_or(0))
}

/// Source: Kafka's `Utils.murmur2`.
fn murmur2(bytes: &[u8]) -> u32 {
    // Java's array length is an int; a key longer than that does not exist.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        word ^= word >> SHIFT;
        hash = hash.wrapping_mul(MULTIPLIER) ^ word.wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        for (position, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * position);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hash_as_kafkas_own_tests_say() {
        // Source: Kafka's `UtilsTest.testMurmur2`.
        let cases: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key).cast_signed(), hash, "{key:?}");
        }
    }

    #[test]
    fn a_key_lands_inside_the_count() {
        for key in 0_u32..1_000 {
            let PartitionId(partition) = partition_of_key(&key.to_le_bytes(), 7);
            assert!((0..7).contains(&partition));
        }
        assert_eq!(partition_of_key(b"abc", 0), PartitionId(0));
    }
}
