//! When messages are due: an open loop, which does not wait for answers.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::draw::any_point;

/// Due times after the start, in nanoseconds, without end: a Poisson process, as many
/// independent senders make it. A slow receiver does not slow it down, so the wait that it
/// causes is seen and counted.
#[derive(Clone, Debug)]
pub struct Arrivals {
    random: ChaCha8Rng,
    gap_nanos_mean: f64,
    due_nanos: f64,
}

/// Which of the generator's random streams is for due times.
const STREAM: u64 = 1;

impl Arrivals {
    /// `rate_per_second` of them on average; at least one an hour.
    pub fn new(seed: u64, rate_per_second: f64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(STREAM);
        Self { random, gap_nanos_mean: 1e9 / rate_per_second.max(1.0 / 3_600.0), due_nanos: 0.0 }
    }
}

impl Iterator for Arrivals {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let left = 1.0 - any_point(&mut self.random);
        self.due_nanos -= self.gap_nanos_mean * left.ln();
        Some(self.due_nanos as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_come_at_their_rate_in_order_and_bunched() {
        let due: Vec<u64> = Arrivals::new(1, 2_000.0).take(100_000).collect();
        assert!(due.is_sorted());
        let seconds = due.last().copied().unwrap_or_default() as f64 / 1e9;
        assert!((49.0..51.0).contains(&seconds), "{seconds} s");
        // Exponential gaps: 1 - 1/e of them are shorter than the mean.
        let gaps = due.windows(2).map(|pair| pair[1] - pair[0]);
        let short = gaps.filter(|&gap| gap < 500_000).count();
        assert!((62_000..64_500).contains(&short), "{short}");
    }
}
