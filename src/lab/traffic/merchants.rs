//! Where is paid: merchants large and small, at home and abroad.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::draw::{Trait, hash, name, number, pick, unit, zipf_rank};

/// Merchants of the home country, from the largest down.
const HOME_MERCHANTS_COUNT: u32 = 60_000;
/// Merchants of each other country.
const FOREIGN_MERCHANTS_COUNT: u32 = 8_000;
/// Acquirers of a country.
const ACQUIRERS_COUNT: u64 = 12;
/// The most that an ordinary payment asks for: 200,000.00 CNY.
const AMOUNT_FEN_MAX: f64 = 20_000_000.0;

/// A country and its currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(super) code: &'static str,
    /// ISO 4217.
    pub(super) currency: &'static str,
    /// What 100.00 CNY are there, in the currency's minor units.
    minor_units_per_100_yuan: i64,
}

/// Where the cards are at home.
pub(super) const HOME: Country =
    Country { code: "CN", currency: "CNY", minor_units_per_100_yuan: 10_000 };

const FOREIGN: [(f64, Country); 9] = [
    (0.30, country("HK", "HKD", 10_870)),
    (0.22, country("US", "USD", 1_389)),
    (0.16, country("JP", "JPY", 2_083)),
    (0.08, country("GB", "GBP", 1_087)),
    (0.07, country("SG", "SGD", 1_852)),
    (0.06, country("KR", "KRW", 19_230)),
    (0.05, country("TH", "THB", 48_000)),
    (0.03, country("AU", "AUD", 2_130)),
    (0.03, country("DE", "EUR", 1_282)),
];

const fn country(code: &'static str, currency: &'static str, minor_units: i64) -> Country {
    Country { code, currency, minor_units_per_100_yuan: minor_units }
}

impl Country {
    /// A country other than [`HOME`], from `point` in [0, 1).
    pub(super) fn foreign(point: f64) -> Self {
        pick(&FOREIGN, point).copied().unwrap_or(HOME)
    }

    /// What `fen` (1/100 CNY) are in its currency, in minor units, at least one.
    pub(super) fn minor_units_of(self, fen: i64) -> i64 {
        (fen * self.minor_units_per_100_yuan / 10_000).max(1)
    }
}

/// A kind of merchant: its code and what is paid there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Category {
    /// ISO 18245.
    code: u32,
    /// The median payment, in fen.
    median_fen: u32,
    /// The spread of the amount's logarithm, in hundredths.
    sigma_hundredths: u32,
}

/// Kinds of merchants on line, by share.
const CATEGORIES: [(f64, Category); 18] = [
    (0.16, category(5311, 16_000, 90)), // Department stores, marketplaces
    (0.12, category(5411, 9_000, 60)),  // Groceries
    (0.11, category(5812, 6_500, 50)),  // Restaurants, delivery
    (0.09, category(4121, 3_800, 60)),  // Taxis, ride hailing
    (0.08, category(5651, 24_000, 80)), // Clothing
    (0.07, category(4814, 10_000, 40)), // Telecommunications
    (0.06, category(5732, 60_000, 110)), // Electronics
    (0.05, category(5816, 6_000, 100)), // Digital games
    (0.05, category(5815, 2_500, 60)),  // Digital media
    (0.04, category(4900, 18_000, 50)), // Utilities
    (0.04, category(4722, 90_000, 90)), // Travel agencies
    (0.03, category(4511, 120_000, 70)), // Airlines
    (0.02, category(7011, 70_000, 70)), // Hotels
    (0.02, category(5912, 12_000, 70)), // Pharmacies
    (0.02, category(5968, 3_000, 50)),  // Subscriptions
    (0.02, category(8299, 40_000, 110)), // Schools, courses
    (0.01, category(5977, 30_000, 80)), // Cosmetics
    (0.01, category(6300, 50_000, 90)), // Insurance
];

const fn category(code: u32, median_fen: u32, sigma_hundredths: u32) -> Category {
    Category { code, median_fen, sigma_hundredths }
}

/// One merchant, made anew from its country and rank each time it is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Merchant {
    /// Where it is.
    pub(super) country: Country,
    rank: u32,
    bits: u64,
    category: Category,
}

impl Merchant {
    /// A merchant of `country`, large ones more often, from `point` in [0, 1).
    pub(super) fn new(seed: u64, country: Country, point: f64) -> Self {
        let count = if country == HOME { HOME_MERCHANTS_COUNT } else { FOREIGN_MERCHANTS_COUNT };
        let rank = zipf_rank(point, count);
        let place = country.code.bytes().fold(0, |place, byte| (place << 8) | u64::from(byte));
        let index = (place << 32) | u64::from(rank);
        let bits = hash(seed, Trait::Acquirer, index);
        let kind = unit(hash(seed, Trait::MerchantCategory, index));
        Self {
            country,
            rank,
            bits,
            category: pick(&CATEGORIES, kind).copied().unwrap_or(category(5999, 10_000, 80)),
        }
    }

    /// DE42.
    pub(super) fn id(&self) -> String {
        number(self.country.code, u64::from(self.rank), 13)
    }

    /// DE32.
    pub(super) fn acquirer_id(&self) -> String {
        let mut text = number("ACQ", self.bits % ACQUIRERS_COUNT, 4);
        text.push_str(self.country.code);
        text
    }

    /// DE41.
    pub(super) fn terminal_id(&self) -> String {
        name("W", u128::from(hash(self.bits, Trait::Terminal, 0)), 7)
    }

    /// DE18.
    pub(super) fn category_code(&self) -> u32 {
        self.category.code
    }

    /// What an ordinary payment here asks for, in fen.
    pub(super) fn draw_amount_fen(&self, random: &mut impl Rng) -> i64 {
        let normal: f64 = StandardNormal.sample(random);
        let sigma = f64::from(self.category.sigma_hundredths) / 100.0;
        self.amount_fen((normal * sigma).exp())
    }

    /// What a payment of `ratio` times the median asks for, in fen, at least 0.10 CNY.
    pub(super) fn amount_fen(&self, ratio: f64) -> i64 {
        let fen = f64::from(self.category.median_fen) * ratio;
        let jiao = (fen.min(AMOUNT_FEN_MAX) / 10.0) as i64;
        jiao.max(1) * 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of<T>(choices: &[(f64, T)]) -> f64 {
        choices.iter().map(|(share, _)| share).sum()
    }

    #[test]
    fn shares_add_up() {
        assert!((sum_of(&FOREIGN) - 1.0).abs() < 1e-9);
        assert!((sum_of(&CATEGORIES) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_merchant_keeps_its_kind_and_differs_by_country() {
        let home = Merchant::new(1, HOME, 0.5);
        assert_eq!(home, Merchant::new(1, HOME, 0.5));
        let abroad = Merchant::new(1, Country::foreign(0.0), 0.5);
        assert_ne!(home.id(), abroad.id());
        assert!(home.id().len() <= 15 && home.acquirer_id().len() <= 11);
        assert_eq!(home.terminal_id().len(), 8);
    }

    #[test]
    fn amounts_convert_to_the_merchants_currency() {
        let cases = [("HK", 10_870), ("US", 1_389), ("JP", 2_083)];
        for (code, expected) in cases {
            let found = FOREIGN.iter().find(|(_, place)| place.code == code);
            let (_, place) = found.expect("listed");
            assert_eq!(place.minor_units_of(10_000), expected, "{code}");
        }
        assert_eq!(HOME.minor_units_of(12_345), 12_345);
    }
}
