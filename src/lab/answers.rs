//! Who got an answer: every request once, and what came beyond that.

use std::hash::{DefaultHasher, Hasher};

/// The requests of a run, by number, and the first record that each got. 16 bytes a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// A hash of the first record's value.
    first: Vec<Option<u64>>,
    /// Requests with an answer.
    pub(super) answered: u64,
    /// Records beyond one per request.
    pub(super) duplicates: u64,
    /// Of these, those with another value than the first.
    pub(super) differing_copies: u64,
}

impl Answers {
    /// Notes a record with this `value` for the request `sequence`; false where it had one
    /// before.
    pub(super) fn note(&mut self, sequence: u64, value: &[u8]) -> bool {
        let place = usize::try_from(sequence).unwrap_or(usize::MAX);
        debug_assert!(place < usize::MAX, "Invariant: requests are counted in memory.");
        if place >= self.first.len() {
            self.first.resize(place.saturating_add(1), None);
        }
        let Some(first) = self.first.get_mut(place) else {
            return false;
        };
        let mut hasher = DefaultHasher::new();
        hasher.write(value);
        let hash = hasher.finish();
        if let Some(first) = *first {
            self.duplicates += 1;
            self.differing_copies += u64::from(first != hash);
            return false;
        }
        *first = Some(hash);
        self.answered += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_record_for_a_request_is_a_duplicate_and_may_differ() {
        let mut answers = Answers::default();
        assert!(answers.note(1, b"approve"));
        assert!(answers.note(0, b"approve"));
        assert!(!answers.note(1, b"approve"));
        assert_eq!((answers.answered, answers.duplicates, answers.differing_copies), (2, 1, 0));
        assert!(!answers.note(1, b"decline"));
        assert_eq!((answers.answered, answers.duplicates, answers.differing_copies), (2, 2, 1));
    }
}
