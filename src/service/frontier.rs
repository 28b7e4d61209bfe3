//! How far a partition's inputs are answered for good.

use std::collections::VecDeque;

use crate::domain::Offset;

/// The first input whose record is not acknowledged: what may be committed.
///
/// ```text
///   inputs   ●──●──●──○──●──○──▶        ● its record is acknowledged
///                     ↑                 ○ it is not, yet
///                  frontier: a restart reads from here and skips nothing
/// ```
#[derive(Debug)]
pub struct Frontier {
    waiting: VecDeque<Waiting>,
    position: Offset,
    committed: Option<Offset>,
}

#[derive(Debug)]
struct Waiting {
    input: Offset,
    is_acknowledged: bool,
}

impl Frontier {
    /// A frontier at `start`: nothing sent yet.
    pub fn new(start: Offset) -> Self {
        Self { waiting: VecDeque::new(), position: start, committed: None }
    }

    /// Notes that the record for `input` was handed to the log.
    ///
    /// # Panics
    /// Where inputs do not come in log order: positions would be skipped.
    pub fn sent(&mut self, input: Offset) {
        let last = self.waiting.back().map(|waiting| waiting.input);
        assert!(
            last.is_none_or(|last| last < input) && self.position <= input,
            "Invariant: a partition's inputs come in log order, each once."
        );
        self.waiting.push_back(Waiting { input, is_acknowledged: false });
    }

    /// Notes that the record for `input` is in the log. False where that was known.
    pub fn acknowledged(&mut self, input: Offset) -> bool {
        let Ok(place) = self.waiting.binary_search_by_key(&input, |waiting| waiting.input) else {
            return false;
        };
        let is_news = self
            .waiting
            .get_mut(place)
            .is_some_and(|waiting| !std::mem::replace(&mut waiting.is_acknowledged, true));
        while self.waiting.front().is_some_and(|waiting| waiting.is_acknowledged) {
            if let Some(first) = self.waiting.pop_front() {
                self.position = first.input.next();
            }
        }
        is_news
    }

    /// The first input whose record is not acknowledged.
    pub fn position(&self) -> Offset {
        self.position
    }

    /// How many records are not acknowledged.
    pub fn outstanding_count(&self) -> usize {
        self.waiting.iter().filter(|waiting| !waiting.is_acknowledged).count()
    }

    /// True where every record is acknowledged.
    pub fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The position, where it is news since the last [`Self::committed`].
    pub fn to_commit(&self) -> Option<Offset> {
        (self.committed != Some(self.position)).then_some(self.position)
    }

    /// Notes that `position` was handed to the group coordinator.
    pub fn committed(&mut self, position: Offset) {
        self.committed = Some(position);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(inputs: &[i64]) -> Frontier {
        let mut frontier = Frontier::new(Offset(10));
        for input in inputs {
            frontier.sent(Offset(*input));
        }
        frontier
    }

    #[test]
    fn the_frontier_stops_at_the_first_input_without_an_acknowledged_record() {
        let mut frontier = sent(&[10, 11, 12, 13]);
        for (acknowledged, position) in [(11, 10), (13, 10), (10, 12), (12, 14)] {
            assert!(frontier.acknowledged(Offset(acknowledged)));
            assert_eq!(frontier.position(), Offset(position), "after {acknowledged}");
        }
        assert!(frontier.is_settled());
    }

    #[test]
    fn holes_between_inputs_are_stepped_over() {
        let mut frontier = sent(&[12, 20]);
        assert!(frontier.acknowledged(Offset(12)));
        assert_eq!(frontier.position(), Offset(13));
        assert!(frontier.acknowledged(Offset(20)));
        assert_eq!(frontier.position(), Offset(21));
    }

    #[test]
    fn an_acknowledgement_counts_once() {
        let mut frontier = sent(&[10, 11]);
        assert!(frontier.acknowledged(Offset(11)));
        assert!(!frontier.acknowledged(Offset(11)));
        assert!(!frontier.acknowledged(Offset(99)));
        assert_eq!((frontier.position(), frontier.outstanding_count()), (Offset(10), 1));
    }

    #[test]
    fn only_news_is_committed() {
        let mut frontier = sent(&[10]);
        assert_eq!(frontier.to_commit(), Some(Offset(10)));
        frontier.committed(Offset(10));
        assert_eq!(frontier.to_commit(), None);
        frontier.acknowledged(Offset(10));
        assert_eq!(frontier.to_commit(), Some(Offset(11)));
    }

    #[test]
    #[should_panic(expected = "Invariant")]
    fn an_input_out_of_order_breaks_the_invariant() {
        sent(&[11, 10]);
    }
}
