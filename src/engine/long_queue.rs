//! A queue that grows in pieces and so never moves what it holds.

use std::collections::VecDeque;

/// How many a piece holds.
const PIECE_COUNT: usize = 1_024;
const PIECE_NUMBERS: u64 = PIECE_COUNT as u64;

/// First in, first out; each is found by the number that it got.
///
/// ```text
///   pieces  [ · · 2 3 ][ 4 5 6 7 ][ 8 9     ]
///                 ↑ first
/// ```
#[derive(Debug)]
pub(super) struct LongQueue<T> {
    pieces: VecDeque<VecDeque<T>>,
    /// The number of the front one.
    first: u64,
    /// The number of the next one.
    next: u64,
}

impl<T> LongQueue<T> {
    /// An empty one.
    pub(super) const fn new() -> Self {
        Self { pieces: VecDeque::new(), first: 0, next: 0 }
    }

    /// The number that the next one gets.
    pub(super) fn next_number(&self) -> u64 {
        self.next
    }

    /// Puts `item` at the back.
    pub(super) fn push_back(&mut self, item: T) {
        if self.next.is_multiple_of(PIECE_NUMBERS) {
            self.pieces.push_back(VecDeque::with_capacity(PIECE_COUNT));
        }
        if let Some(last) = self.pieces.back_mut() {
            last.push_back(item);
            self.next += 1;
        }
    }

    /// The one at the front.
    pub(super) fn front(&self) -> Option<&T> {
        self.pieces.front()?.front()
    }

    /// Takes the one at the front, with its number.
    pub(super) fn pop_front(&mut self) -> Option<(u64, T)> {
        let piece = self.pieces.front_mut()?;
        let item = piece.pop_front()?;
        let number = self.first;
        self.first += 1;
        if self.first.is_multiple_of(PIECE_NUMBERS) {
            self.pieces.pop_front();
        }
        Some((number, item))
    }

    /// The one that got `number`, where it is still there.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let (piece, place) = self.place_of(number)?;
        self.pieces.get(piece)?.get(place)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let (piece, place) = self.place_of(number)?;
        self.pieces.get_mut(piece)?.get_mut(place)
    }

    fn place_of(&self, number: u64) -> Option<(usize, usize)> {
        let behind_first = number.checked_sub(self.first)?;
        let piece = number / PIECE_NUMBERS - self.first / PIECE_NUMBERS;
        let place = if piece == 0 { behind_first } else { number % PIECE_NUMBERS };
        Some((usize::try_from(piece).ok()?, usize::try_from(place).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_number_until_it_is_taken() {
        let mut queue = LongQueue::new();
        let count = 3 * PIECE_NUMBERS + 7;
        for number in 0..count {
            assert_eq!(queue.next_number(), number);
            queue.push_back(number * 2);
        }
        for number in 0..count {
            assert_eq!(queue.front(), Some(&(number * 2)));
            assert_eq!(queue.get(number), Some(&(number * 2)));
            assert_eq!(queue.get(count - 1), Some(&((count - 1) * 2)));
            assert_eq!(queue.pop_front(), Some((number, number * 2)));
            assert_eq!(queue.get(number), None);
        }
        assert_eq!(queue.pop_front(), None);
        assert_eq!((queue.front(), queue.get(count)), (None, None));
        queue.push_back(1);
        assert_eq!(queue.get_mut(count), Some(&mut 1));
        assert_eq!(queue.pop_front(), Some((count, 1)));
    }

    #[test]
    fn a_queue_that_is_emptied_at_the_end_of_a_piece_goes_on() {
        let mut queue = LongQueue::new();
        for number in 0..5 * PIECE_NUMBERS {
            queue.push_back(number);
            assert_eq!(queue.pop_front(), Some((number, number)));
        }
        assert!(queue.pieces.len() <= 1);
    }
}
