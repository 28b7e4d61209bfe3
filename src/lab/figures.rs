//! Latencies as they are told, and numbers as people read them.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Significant digits that latencies are kept with.
const DIGITS: u8 = 3;
/// The longest latency that is told apart: an hour in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;

/// The distribution of a latency, in whatever unit it was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Percentiles {
    /// Half are no longer.
    pub p50: u64,
    /// 99 of 100 are no longer.
    pub p99: u64,
    /// 999 of 1,000 are no longer.
    pub p999: u64,
    /// 9,999 of 10,000 are no longer.
    pub p9999: u64,
    /// The longest.
    pub max: u64,
}

impl Percentiles {
    /// As they are shown; dashes where nothing was measured.
    pub(super) fn columns(self, written: impl Fn(u64) -> String) -> [String; 5] {
        if self.is_empty() {
            return [(); 5].map(|()| "-".to_owned());
        }
        [self.p50, self.p99, self.p999, self.p9999, self.max].map(written)
    }

    /// True where nothing was measured.
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// Latencies as they come in.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Option<Histogram<u64>>);

impl Latencies {
    /// None yet.
    pub(super) fn new() -> Self {
        // Both are within the library's range, so there always is one.
        Self(Histogram::new_with_max(LONGEST, DIGITS).ok())
    }

    /// Adds one.
    pub(super) fn record(&mut self, latency: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(latency);
        }
    }

    /// How they are distributed: zeros for none.
    pub(super) fn percentiles(&self) -> Percentiles {
        self.0
            .as_ref()
            .filter(|histogram| !histogram.is_empty())
            .map(|histogram| Percentiles {
                p50: histogram.value_at_quantile(0.5),
                p99: histogram.value_at_quantile(0.99),
                p999: histogram.value_at_quantile(0.999),
                p9999: histogram.value_at_quantile(0.9999),
                max: histogram.max(),
            })
            .unwrap_or_default()
    }
}

/// `number` with a comma before every third digit: 1,234,567.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `nanos` in microseconds with one decimal: 1,234.5.
pub(super) fn micros(nanos: u64) -> String {
    format!("{}.{}", grouped(nanos / 1_000), nanos % 1_000 / 100)
}

/// `nanos` with the unit that suits it: 870 µs, 12.5 ms.
pub(super) fn duration(nanos: u64) -> String {
    if nanos < 10_000_000 {
        format!("{} µs", grouped(nanos / 1_000))
    } else {
        format!("{} ms", micros(nanos / 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(micros(1_234_567), "1,234.5");
        assert_eq!(duration(870_400), "870 µs");
        assert_eq!(duration(12_560_000), "12.5 ms");
    }

    #[test]
    fn percentiles_of_nothing_are_zero_and_of_something_are_its_own() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.percentiles(), Percentiles::default());
        assert_eq!(latencies.percentiles().columns(grouped).concat(), "-----");
        (1..=1_000).for_each(|latency| latencies.record(latency));
        let found = latencies.percentiles();
        assert_eq!((found.p50, found.p99, found.max), (500, 990, 1_000));
    }
}
