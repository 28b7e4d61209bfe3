//! Lets cards rest between payments, for traffic that is faster than its cards.

/// The longest rest of a card: more than any burst is long.
const REST_MILLIS_MAX: u64 = 600_000;
/// How long cards rest between two payments: as long as so many cards at such a rate allow,
/// so that ordinary traffic does not look like a burst by itself.
pub fn rest_millis(cards_count: u32, rate_per_second: u32) -> i64 {
    // At four fifths of what is possible a card that has rested is still found quickly.
    let possible = u64::from(cards_count) * 1_000 / u64::from(rate_per_second.max(1));
    i64::try_from((possible * 4 / 5).min(REST_MILLIS_MAX)).unwrap_or(0)
}

/// When each card paid last. Real cards pay every few days: where a few cards carry
/// thousands of messages a second, without rest all of them would look like bursts.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    rest_millis: i64,
    /// Milliseconds after the start, plus one; 0 is never.
    paid_at: Vec<u32>,
}

impl Rest {
    /// For `cards_count` cards, each resting `rest_millis`; `None` where that is nothing.
    pub(super) fn new(cards_count: u32, rest_millis: i64) -> Option<Self> {
        (rest_millis > 0)
            .then(|| Self { rest_millis, paid_at: vec![0; cards_count.max(1) as usize] })
    }

    /// True where `card` has rested at `moment_millis` after the start.
    pub(super) fn is_over(&self, card: u64, moment_millis: i64) -> bool {
        let paid_at = usize::try_from(card)
            .ok()
            .and_then(|card| self.paid_at.get(card))
            .copied()
            .unwrap_or(0);
        paid_at == 0 || moment_millis - i64::from(paid_at - 1) >= self.rest_millis
    }

    /// Notes that `card` pays at `moment_millis` after the start.
    pub(super) fn pays(&mut self, card: u64, moment_millis: i64) {
        let slot = usize::try_from(card).ok().and_then(|card| self.paid_at.get_mut(card));
        if let Some(slot) = slot {
            let moment = moment_millis.saturating_add(1);
            *slot = u32::try_from(moment.max(1)).unwrap_or(u32::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_rests_until_its_rest_is_over() {
        let mut rest = Rest::new(2, 100).expect("rests");
        assert!(rest.is_over(0, 0));
        rest.pays(0, 0);
        assert!(!rest.is_over(0, 99));
        assert!(rest.is_over(0, 100));
        assert!(rest.is_over(1, 0));
        assert!(rest.is_over(9, 0), "cards outside the population never rest");
        assert!(Rest::new(2, 0).is_none());
    }
}
