//! How much each card pays, and which card pays next.
//!
//! Cards are numbered by rank: the higher the number, the more a month. So a card's
//! activity and the draw in proportion to it are both formulas of its number, and ten
//! million cards cost no memory. Names are hashes of the number: the rank shows nowhere.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::draw::{any_point, chance};

/// Median authorisations of a card in a month.
const MEDIAN: f64 = 6.0;
/// Spread of the logarithm: with the median and the tail it gives a mean of 11.2, p90 25, p99 78.
const SIGMA: f64 = 1.0989;
/// One card in so many is heavy (a company's, a reseller's): 0.03 %.
const CARDS_PER_HEAVY: u64 = 3_333;
/// Where the heavy cards' Pareto tail (exponent 1) begins and ends, a month.
const HEAVY_FROM: f64 = 220.0;
const HEAVY_TO: f64 = 6_000.0;

/// The activity of a population of cards.
///
/// Source: `reference/hotpath.md` section 1; the card behind a random message has about 71
/// authorisations a month.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    ordinary_count: u64,
    heavy_count: u64,
    /// Share of all messages that come from heavy cards.
    heavy_share: f64,
}

impl Activity {
    /// That of `cards_count` cards, at least one.
    pub(super) fn new(cards_count: u32) -> Self {
        let cards_count = u64::from(cards_count.max(1));
        let heavy_count = cards_count / CARDS_PER_HEAVY;
        let ordinary_count = cards_count - heavy_count;
        let ordinary_sum = ordinary_count as f64 * MEDIAN * (SIGMA * SIGMA / 2.0).exp();
        let span = 1.0 - HEAVY_FROM / HEAVY_TO;
        let heavy_mean = HEAVY_FROM * (HEAVY_TO / HEAVY_FROM).ln() / span;
        let heavy_sum = heavy_count as f64 * heavy_mean;
        Self { ordinary_count, heavy_count, heavy_share: heavy_sum / (ordinary_sum + heavy_sum) }
    }

    /// The number of the card that pays next: each in proportion to its activity.
    pub(super) fn draw(&self, random: &mut impl Rng) -> u64 {
        if chance(random, self.heavy_share) {
            // In proportion to activity, the Pareto tail with exponent 1 is log-uniform.
            let point = any_point(random);
            let activity = HEAVY_FROM * (HEAVY_TO / HEAVY_FROM).powf(point);
            let rank = (1.0 - HEAVY_FROM / activity) / (1.0 - HEAVY_FROM / HEAVY_TO);
            return self.ordinary_count + card_at(rank, self.heavy_count);
        }
        // In proportion to itself, a lognormal is the same lognormal moved by sigma.
        let normal: f64 = StandardNormal.sample(random);
        card_at(normal_share_below(normal + SIGMA), self.ordinary_count)
    }

    /// The number of any card, each as likely as the other.
    pub(super) fn draw_evenly(&self, random: &mut impl Rng) -> u64 {
        random.random_range(0..self.ordinary_count + self.heavy_count)
    }

    /// Authorisations of `card` in a month, on average. Slow: for tests and reports.
    pub(super) fn per_month(&self, card: u64) -> f64 {
        if card >= self.ordinary_count {
            let heavy = (card - self.ordinary_count) as f64 + 0.5;
            let rank = (heavy / self.heavy_count.max(1) as f64).min(1.0);
            return HEAVY_FROM / (1.0 - rank * (1.0 - HEAVY_FROM / HEAVY_TO));
        }
        let rank = (card as f64 + 0.5) / self.ordinary_count as f64;
        let (mut below, mut above) = (-9.0, 9.0);
        for _ in 0..50 {
            let middle = f64::midpoint(below, above);
            if normal_share_below(middle) < rank {
                below = middle;
            } else {
                above = middle;
            }
        }
        MEDIAN * (SIGMA * below).exp()
    }
}

fn card_at(rank: f64, count: u64) -> u64 {
    ((rank * count as f64) as u64).min(count.saturating_sub(1))
}

/// The share of a standard normal below `limit`, to seven digits.
///
/// Source: Numerical Recipes in C, 2nd edition, section 6.2, `erfcc` (Chebyshev fit).
fn normal_share_below(limit: f64) -> f64 {
    const COEFFICIENTS: [f64; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ];
    let distance = limit.abs() / std::f64::consts::SQRT_2;
    let fit = 1.0 / (1.0 + 0.5 * distance);
    let exponent = COEFFICIENTS.iter().fold(0.0, |sum, coefficient| sum * fit + coefficient);
    let half_tail = 0.5 * fit * (exponent - distance * distance).exp();
    if limit < 0.0 { half_tail } else { 1.0 - half_tail }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn assert_near(found: f64, expected: f64, tolerance: f64, what: &str) {
        assert!(
            (found - expected).abs() <= tolerance,
            "{what}: {found} is not {expected} +- {tolerance}"
        );
    }

    #[test]
    fn the_normal_share_is_right_to_six_digits() {
        // Source: standard normal tables.
        for (limit, share) in [
            (-3.0, 0.001_349_898),
            (-1.0, 0.158_655_254),
            (0.0, 0.5),
            (1.281_551_566, 0.9),
            (2.326_347_874, 0.99),
        ] {
            assert_near(normal_share_below(limit), share, 2e-7, "share");
        }
    }

    #[test]
    fn cards_are_as_active_as_measured_portfolios() {
        let cards_count = 1_000_000;
        let activity = Activity::new(cards_count);
        let at = |share: f64| activity.per_month((share * f64::from(cards_count)) as u64);
        assert_near(at(0.5), 6.0, 0.1, "median");
        assert_near(at(0.9), 25.0, 1.0, "p90");
        assert_near(at(0.99), 78.0, 2.0, "p99");
        assert_near(at(0.999), 199.0, 10.0, "p99.9");
        assert!(at(0.999_999_9) <= HEAVY_TO);
        let sample = (0..u64::from(cards_count)).step_by(10);
        let mean = sample.map(|card| activity.per_month(card)).sum::<f64>() / 100_000.0;
        assert_near(mean, 11.2, 0.3, "mean");
    }

    #[test]
    fn the_card_behind_a_random_message_is_a_busy_one() {
        let seed = 7;
        for cards_count in [100_000, 1_000_000, 10_000_000] {
            let activity = Activity::new(cards_count);
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let draws = 100_000;
            let sum: f64 = (0..draws).map(|_| activity.per_month(activity.draw(&mut random))).sum();
            assert_near(sum / f64::from(draws), 71.0, 5.0, "mean behind a message");
        }
    }

    #[test]
    fn every_draw_is_a_card_of_the_population() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for cards_count in [0, 1, 2, 3_333, 10_000] {
            let activity = Activity::new(cards_count);
            for _ in 0..10_000 {
                assert!(activity.draw(&mut random) < u64::from(cards_count.max(1)));
                assert!(activity.draw_evenly(&mut random) < u64::from(cards_count.max(1)));
            }
        }
    }
}
