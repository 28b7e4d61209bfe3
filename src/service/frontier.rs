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
    /// The first input that has not come yet.
    ahead: Offset,
    committed: Option<Offset>,
}

#[derive(Debug)]
struct Waiting {
    input: Offset,
    /// The input that its record decides, where it is a decision.
    decides: Option<Offset>,
    is_acknowledged: bool,
    /// A decision of it lies in the journal, maybe as the answer to its repeat.
    is_bound: bool,
}

impl Frontier {
    /// A frontier at `start`: nothing sent yet.
    pub fn new(start: Offset) -> Self {
        Self { waiting: VecDeque::new(), position: start, ahead: start, committed: None }
    }

    /// Notes that the record for `input` is handed to the log.
    ///
    /// # Panics
    /// Where inputs do not come in log order: positions would be skipped.
    pub fn sent(&mut self, input: Offset) {
        assert!(
            self.ahead <= input,
            "Invariant: a partition's inputs come in log order, each once."
        );
        self.ahead = input.next();
        self.waiting.push_back(Waiting {
            input,
            decides: None,
            is_acknowledged: false,
            is_bound: false,
        });
    }

    /// Notes that the record for the last input sent is a decision of the input `decided`.
    pub fn last_decides(&mut self, decided: Offset) {
        if let Some(last) = self.waiting.back_mut() {
            last.decides = Some(decided);
        }
    }

    /// The first input that has not come yet.
    pub fn ahead(&self) -> Offset {
        self.ahead
    }

    /// True where the decision of `input`, which has come, is in the journal for good.
    pub fn is_bound(&self, input: Offset) -> bool {
        // Where it does not wait any more, its record and all before are acknowledged.
        self.waiting_at(input).is_none_or(|waiting| waiting.is_bound)
    }

    /// Notes that a decision of `input` is in the journal, whichever input it answers.
    pub fn bind(&mut self, input: Offset) {
        if let Ok(place) = self.place_of(input)
            && let Some(waiting) = self.waiting.get_mut(place)
        {
            waiting.is_bound = true;
        }
    }

    /// Notes that the record for `input` is in the log. False where that was known.
    pub fn acknowledged(&mut self, input: Offset) -> bool {
        let Ok(place) = self.place_of(input) else {
            return false;
        };
        let Some(waiting) = self.waiting.get_mut(place) else {
            return false;
        };
        let is_news = !std::mem::replace(&mut waiting.is_acknowledged, true);
        if let Some(decided) = waiting.decides {
            self.bind(decided);
        }
        while self.waiting.front().is_some_and(|waiting| waiting.is_acknowledged) {
            if let Some(first) = self.waiting.pop_front() {
                self.position = first.input.next();
            }
        }
        is_news
    }

    /// True where the record for `input`, which has come, is known to be in the log.
    pub fn is_acknowledged(&self, input: Offset) -> bool {
        self.waiting_at(input).is_none_or(|waiting| waiting.is_acknowledged)
    }

    fn place_of(&self, input: Offset) -> Result<usize, usize> {
        self.waiting.binary_search_by_key(&input, |waiting| waiting.input)
    }

    fn waiting_at(&self, input: Offset) -> Option<&Waiting> {
        self.waiting.get(self.place_of(input).ok()?)
    }

    /// The first input whose record is not acknowledged.
    pub fn position(&self) -> Offset {
        self.position
    }

    /// How many records are not acknowledged.
    pub fn outstanding_count(&self) -> usize {
        self.waiting.iter().filter(|waiting| !waiting.is_acknowledged).count()
    }

    /// How many records are not settled: not acknowledged, or behind one that is not. Cheap.
    pub fn unsettled_count(&self) -> usize {
        self.waiting.len()
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
            frontier.last_decides(Offset(*input));
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
    fn an_input_is_bound_by_its_own_record_or_by_that_of_its_repeat() {
        let mut frontier = sent(&[10, 11]);
        frontier.sent(Offset(14));
        frontier.last_decides(Offset(10));
        frontier.sent(Offset(15));
        let bound =
            |frontier: &Frontier| [10, 11, 14].map(|input| frontier.is_bound(Offset(input)));
        assert_eq!(bound(&frontier), [false, false, false]);
        frontier.acknowledged(Offset(14));
        assert_eq!(bound(&frontier), [true, false, false]);
        frontier.bind(Offset(11));
        frontier.acknowledged(Offset(15));
        assert_eq!(bound(&frontier), [true, true, false]);
        assert_eq!(frontier.position(), Offset(10), "bound is not acknowledged");
        assert!(frontier.is_bound(Offset(9)) && frontier.ahead() == Offset(16));
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
