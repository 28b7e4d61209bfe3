//! What the journal says of inputs that have not come yet, or not again.

use std::collections::BTreeMap;

use super::{JournalRecord, Said};
use crate::domain::{EventTime, Offset, Outcome};
use crate::engine::{Binding, Journalled};

/// Records by the inputs that they answer and decide. They are fed in the journal's order:
/// the first of an input counts.
#[derive(Debug, Default)]
pub struct Kept {
    inputs: BTreeMap<Offset, KeptRecord>,
}

/// What is kept of one input.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeptRecord {
    answered: Option<Answered>,
    binding: Option<Bound>,
}

/// How an input was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Answered {
    /// By a note with these canonical bytes.
    Noted(Box<[u8]>),
    /// By a decision, its own or an earlier input's, by an earlier input's note, or by an error.
    Otherwise,
}

/// The decision of an input, whichever input its record answers.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Bound {
    outcome: Outcome,
    event_at: EventTime,
    value: Box<[u8]>,
    is_counted_before: bool,
    is_by_policy: bool,
}

impl Kept {
    /// Keeps what `record` says of inputs from `from` on, and its bytes too.
    pub fn add(&mut self, record: &JournalRecord, from: Offset) {
        self.add_with(record, from, &record.value);
    }

    /// The same without the bytes: nobody asks for an answer that old any more.
    pub fn add_old(&mut self, record: &JournalRecord, from: Offset) {
        self.add_with(record, from, &[]);
    }

    fn add_with(&mut self, record: &JournalRecord, from: Offset, value: &[u8]) {
        let answered = match &record.said {
            Said::Noted => Answered::Noted(value.into()),
            Said::Decision(_) | Said::NotedBefore | Said::Error | Said::NotUnderstood => {
                Answered::Otherwise
            }
        };
        if let Said::Decision(decision) = &record.said
            && decision.decided >= from
        {
            let kept = self.inputs.entry(decision.decided).or_default();
            kept.binding.get_or_insert_with(|| Bound {
                outcome: decision.outcome,
                event_at: decision.event_at,
                value: value.into(),
                is_counted_before: decision.is_counted_before,
                is_by_policy: decision.is_by_policy,
            });
        }
        if record.answers >= from {
            self.inputs.entry(record.answers).or_default().answered.get_or_insert(answered);
        }
    }

    /// True where `input` is known to have a record of its own.
    pub fn has_answer(&self, input: Offset) -> bool {
        self.inputs.get(&input).is_some_and(|kept| kept.answered.is_some())
    }

    /// What is kept of `input`. What is kept of earlier ones goes: they do not come any more.
    pub fn take(&mut self, input: Offset) -> Option<KeptRecord> {
        while let Some(first) = self.inputs.first_entry() {
            if *first.key() > input {
                break;
            }
            let (found, kept) = first.remove_entry();
            if found == input {
                return Some(kept);
            }
        }
        None
    }

    /// How many inputs something is kept of.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// True where nothing is kept. Hot path.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }
}

impl KeptRecord {
    /// What its input left, where it has a record of its own.
    pub fn journalled(&self) -> Option<Journalled<'_>> {
        let answered = self.answered.as_ref()?;
        // Only decisions bind: one that came behind an error counts all the same.
        Some(match (self.binding(), answered) {
            (Some(binding), _) => Journalled::Decided(binding),
            (None, Answered::Noted(value)) => Journalled::Noted { value },
            (None, Answered::Otherwise) => Journalled::LeftNothing,
        })
    }

    /// The decision of its input that binds, where one is in the journal.
    pub fn binding(&self) -> Option<Binding<'_>> {
        self.binding.as_ref().map(|bound| Binding {
            outcome: bound.outcome,
            event_at: bound.event_at,
            value: &bound.value,
            is_counted_before: bound.is_counted_before,
            is_by_policy: bound.is_by_policy,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::DecisionSaid;
    use super::*;
    use crate::domain::AccountKey;

    fn record(offset: i64, answers: i64, said: Said) -> JournalRecord {
        JournalRecord {
            offset: Offset(offset),
            answers: Offset(answers),
            writer: "engine-0/1".to_owned(),
            said,
            value: offset.to_string().into_bytes(),
        }
    }

    fn decided(input: i64) -> Said {
        Said::Decision(DecisionSaid {
            decided: Offset(input),
            id: input.to_string(),
            account: AccountKey::from_bits(1),
            outcome: Outcome::Approve,
            event_at: EventTime::EARLIEST,
            is_counted_before: false,
            is_by_policy: false,
        })
    }

    fn value(journalled: Option<Journalled<'_>>) -> Option<&[u8]> {
        match journalled {
            Some(Journalled::Decided(binding)) => Some(binding.value),
            Some(Journalled::Noted { value }) => Some(value),
            Some(Journalled::LeftNothing | Journalled::Unanswered) | None => None,
        }
    }

    #[test]
    fn the_decision_at_the_lowest_offset_binds_whichever_input_it_answered() {
        let mut kept = Kept::default();
        // The repeat's copy lies before the original's own record (journal rule J2).
        kept.add(&record(205, 14, decided(10)), Offset(0));
        kept.add(&record(206, 10, decided(10)), Offset(0));
        assert_eq!(value(kept.take(Offset(10)).expect("kept").journalled()), Some(&b"205"[..]));
        let repeat = kept.take(Offset(14)).expect("kept");
        assert_eq!(repeat.journalled(), Some(Journalled::LeftNothing));
        assert!(kept.is_empty());
    }

    #[test]
    fn an_input_whose_decision_answers_a_repeat_only_is_bound_and_unanswered() {
        let mut kept = Kept::default();
        kept.add(&record(205, 14, decided(10)), Offset(0));
        assert!(!kept.has_answer(Offset(10)) && kept.has_answer(Offset(14)));
        let original = kept.take(Offset(10)).expect("kept");
        assert_eq!(original.journalled(), None);
        assert_eq!(original.binding().map(|binding| binding.value), Some(&b"205"[..]));
    }

    #[test]
    fn an_error_answers_and_binds_nothing() {
        let mut kept = Kept::default();
        kept.add(&record(1, 9, Said::Error), Offset(0));
        kept.add(&record(2, 10, Said::Error), Offset(0));
        kept.add(&record(3, 10, decided(10)), Offset(0));
        let refused = kept.take(Offset(9)).expect("kept");
        assert_eq!(refused.journalled(), Some(Journalled::LeftNothing));
        assert_eq!(value(kept.take(Offset(10)).expect("kept").journalled()), Some(&b"3"[..]));
    }

    #[test]
    fn what_lies_before_is_neither_kept_nor_found_again() {
        let mut kept = Kept::default();
        for input in [3, 5, 7] {
            kept.add(&record(input, input, decided(input)), Offset(5));
        }
        assert_eq!(kept.len(), 2);
        assert!(kept.take(Offset(6)).is_none());
        assert_eq!(kept.len(), 1, "5 does not come any more");
        assert!(kept.take(Offset(7)).is_some());
    }
}
