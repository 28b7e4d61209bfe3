//! When a reader of answers may stop.

/// How long it looks for records too many once every request has its own.
const AFTERMATH_NANOS: u64 = 200_000_000;

/// Decides when to stop, once all is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    /// How long answers may take after the last request.
    grace_nanos: u64,
    ends_at_nanos: Option<u64>,
}

impl Closing {
    /// Answers may take `grace_nanos` after the last request.
    pub(super) fn new(grace_nanos: u64) -> Self {
        Self { grace_nanos, ends_at_nanos: None }
    }

    /// True where the reader may stop at `now_nanos`; to be asked once all is sent.
    /// `is_whole`: every request has its answer.
    pub(super) fn is_over(&mut self, now_nanos: u64, is_whole: bool) -> bool {
        let patience = if is_whole { AFTERMATH_NANOS } else { self.grace_nanos };
        let ends_at = self.ends_at_nanos.get_or_insert(now_nanos.saturating_add(patience));
        if is_whole {
            *ends_at = (*ends_at).min(now_nanos.saturating_add(AFTERMATH_NANOS));
        }
        now_nanos >= *ends_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_set_of_answers_ends_soon_and_a_missing_one_is_awaited() {
        let mut closing = Closing::new(5_000_000_000);
        assert!(!closing.is_over(1_000_000_000, false));
        assert!(!closing.is_over(5_999_999_999, false));
        assert!(closing.is_over(6_000_000_000, false));

        let mut closing = Closing::new(5_000_000_000);
        assert!(!closing.is_over(1_000_000_000, false));
        assert!(!closing.is_over(2_000_000_000, true));
        assert!(!closing.is_over(2_199_999_999, true));
        assert!(closing.is_over(2_200_000_000, true));
    }
}
