//! Where a worker stands in the journal: up to where it knows every record.

use std::collections::BTreeMap;

use super::Gap;
use crate::domain::Offset;

/// Where a worker stands in one partition of the journal.
///
/// As long as it is the only writer its acknowledged offsets lie one behind the other. A
/// gap, or an acknowledgement without an offset, means that somebody else wrote, or that a
/// record of its own is there twice: what lies there must be read (journal rule J4), and
/// until then nothing behind it counts (J6).
///
/// ```text
///   known ──────────▶ next        ahead
///   ●────●────●────●  ○  ○  ○  ●────●      ○ unread: the gap
/// ```
#[derive(Debug)]
pub struct Place {
    next: Offset,
    /// Acknowledged behind a gap: the record's offset, and the input that it answers.
    ahead: BTreeMap<Offset, Offset>,
    /// Acknowledged without an offset: the inputs that those answer.
    unplaced: Vec<Offset>,
    is_being_read: bool,
}

impl Place {
    /// Everything before `next` is known.
    pub fn new(next: Offset) -> Self {
        Self { next, ahead: BTreeMap::new(), unplaced: Vec::new(), is_being_read: false }
    }

    /// The offset behind all that is known.
    pub fn next(&self) -> Offset {
        self.next
    }

    /// Notes that the record that answers `input` lies at `at`, where that is known. True
    /// where nothing unread lies before it: then it counts. Hot path: a comparison.
    pub fn acknowledged(&mut self, at: Option<Offset>, input: Offset) -> bool {
        match at {
            Some(at) if at == self.next => {
                self.next = at.next();
                true
            }
            // Read before its acknowledgement came.
            Some(at) if at < self.next => true,
            Some(at) => {
                self.ahead.insert(at, input);
                false
            }
            None => {
                self.unplaced.push(input);
                false
            }
        }
    }

    /// The next input whose record lies right behind all that is known, if it is waiting.
    pub fn pop_known(&mut self) -> Option<Offset> {
        let first = self.ahead.first_entry().filter(|first| *first.key() <= self.next)?;
        let (at, input) = first.remove_entry();
        if at == self.next {
            self.next = at.next();
        }
        Some(input)
    }

    /// What must be read and is not being read yet; it counts as being read from now on.
    pub fn gap_to_read(&mut self) -> Option<Gap> {
        if self.is_being_read || self.is_whole() {
            return None;
        }
        self.is_being_read = true;
        // One without a place may lie anywhere behind what is known: up to the end.
        let first_ahead = self.ahead.first_key_value().map(|(at, _)| *at);
        let to = if self.unplaced.is_empty() { first_ahead } else { None };
        Some(Gap { from: self.next, to })
    }

    /// Notes that all before `next` was read.
    pub fn read_to(&mut self, next: Offset) {
        self.is_being_read = false;
        self.next = self.next.max(next);
    }

    /// Notes that reading failed: it is to be tried again.
    pub fn read_failed(&mut self) {
        self.is_being_read = false;
    }

    /// Notes that the record that answers `input` was read: its place is known.
    pub fn placed(&mut self, input: Offset) {
        self.unplaced.retain(|unplaced| *unplaced != input);
    }

    /// True where all that was acknowledged is known and nothing is unread.
    pub fn is_whole(&self) -> bool {
        self.ahead.is_empty() && self.unplaced.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_behind_the_other_counts_at_once() {
        let mut place = Place::new(Offset(5));
        for at in 5..8 {
            assert!(place.acknowledged(Some(Offset(at)), Offset(at + 100)));
        }
        assert!(place.is_whole());
        assert_eq!((place.next(), place.gap_to_read()), (Offset(8), None));
        assert!(place.acknowledged(Some(Offset(6)), Offset(106)), "said twice");
        assert_eq!(place.next(), Offset(8));
    }

    #[test]
    fn nothing_behind_a_gap_counts_until_it_is_read() {
        let mut place = Place::new(Offset(5));
        assert!(!place.acknowledged(Some(Offset(8)), Offset(101)));
        assert!(!place.acknowledged(Some(Offset(9)), Offset(102)));
        assert_eq!(place.pop_known(), None);
        let gap = Gap { from: Offset(5), to: Some(Offset(8)) };
        assert_eq!(place.gap_to_read(), Some(gap));
        assert_eq!(place.gap_to_read(), None, "it is being read");
        place.read_failed();
        assert_eq!(place.gap_to_read(), Some(gap));
        place.read_to(Offset(8));
        assert_eq!(place.pop_known(), Some(Offset(101)));
        assert_eq!(place.pop_known(), Some(Offset(102)));
        assert_eq!(place.pop_known(), None);
        assert_eq!((place.next(), place.is_whole()), (Offset(10), true));
    }

    #[test]
    fn a_second_gap_is_read_after_the_first() {
        let mut place = Place::new(Offset(0));
        for (at, input) in [(2, 12), (5, 15)] {
            assert!(!place.acknowledged(Some(Offset(at)), Offset(input)));
        }
        assert_eq!(place.gap_to_read(), Some(Gap { from: Offset(0), to: Some(Offset(2)) }));
        place.read_to(Offset(2));
        assert_eq!((place.pop_known(), place.pop_known()), (Some(Offset(12)), None));
        assert_eq!(place.gap_to_read(), Some(Gap { from: Offset(3), to: Some(Offset(5)) }));
    }

    #[test]
    fn an_acknowledgement_without_an_offset_is_looked_for_up_to_the_end() {
        let mut place = Place::new(Offset(5));
        assert!(!place.acknowledged(None, Offset(101)));
        assert_eq!(place.gap_to_read(), Some(Gap { from: Offset(5), to: None }));
        assert!(!place.acknowledged(Some(Offset(7)), Offset(103)));
        place.placed(Offset(101));
        place.read_to(Offset(9));
        assert_eq!(place.pop_known(), Some(Offset(103)), "it was read, too");
        assert!(place.is_whole());
        assert_eq!(place.next(), Offset(9));
    }
}
