//! From words to an answer's bytes: what the engine, or the journal, tells of a message.

use crate::domain::{MessageClass, Met, Offset, Record};
use crate::engine::{Answer, AnswerKind, Binding, Engine, Journalled};
use crate::service::telemetry::Told;
use crate::service::{FiredRules, TakenBy};
use crate::wire::{Incoming, Refusal, SwitchContext, encode_record};

/// What goes out for a message, not in its format yet.
pub(super) struct Telling<'p> {
    pub(super) canonical: &'p [u8],
    pub(super) told: Told,
    pub(super) decides: Option<Offset>,
    pub(super) switch_context: Option<&'p [u8]>,
}

/// Remembers what the journal tells of what came in, and tells it again.
pub(super) fn tell_again<'p>(
    incoming: &'p Result<Incoming<'_>, Refusal>,
    met: &Met,
    engine: &mut Engine,
    binding: Binding<'p>,
) -> Telling<'p> {
    let mut told_context = None;
    if let Ok(Incoming::Message { auth, switch_context }) = incoming {
        engine.adopt(auth, met, Journalled::Decided(binding));
        told_context = *switch_context;
    }
    Telling {
        canonical: binding.value,
        told: Told::Repeated,
        decides: Some(met.input.offset),
        switch_context: told_context,
    }
}

/// Decides or notes what came in, or says why it was refused.
pub(super) fn tell<'p>(
    incoming: &'p Result<Incoming<'_>, Refusal>,
    met: &Met,
    engine: &'p mut Engine,
    refusal: &'p mut Vec<u8>,
    fired: &mut FiredRules,
) -> Telling<'p> {
    match incoming {
        Ok(Incoming::Message { auth, switch_context }) => {
            let answer = engine.decide(auth, met);
            if let AnswerKind::Fresh(Record::Decision(decision)) = &answer.kind {
                fired.count(decision);
            }
            let told = told_of(&answer, auth.message_type.class);
            let decides = decided_input(&answer);
            Telling { canonical: answer.value, told, decides, switch_context: *switch_context }
        }
        Ok(Incoming::Echo { id, authorised_at, switch_context }) => {
            let answer = engine.echo(*id, *authorised_at, met);
            let told = Told::Noted(MessageClass::EchoTest);
            let switch_context = *switch_context;
            Telling { canonical: answer.value, told, decides: None, switch_context }
        }
        Err(refused) => {
            let error = refused.clone().into_input_error(met.input);
            refusal.clear();
            encode_record(&Record::Error(Box::new(error)), refusal);
            Telling {
                canonical: refusal,
                told: Told::Refused(refused.reason),
                decides: None,
                switch_context: refused.switch_context.as_ref().map(SwitchContext::bytes),
            }
        }
    }
}

/// The input that `answer` decides, where it is a decision.
fn decided_input(answer: &Answer<'_>) -> Option<Offset> {
    match answer.kind {
        AnswerKind::Repeated { outcome, input } => outcome.and(Some(input)),
        AnswerKind::Fresh(Record::Decision(decision)) => Some(decision.request.input.offset),
        AnswerKind::Fresh(Record::Acknowledgement(_) | Record::Error(_)) => None,
    }
}

fn told_of(answer: &Answer<'_>, class: MessageClass) -> Told {
    match answer.kind {
        AnswerKind::Repeated { .. } => Told::Repeated,
        AnswerKind::Fresh(Record::Decision(decision)) => Told::Decided {
            outcome: decision.outcome,
            reason: decision.reason,
            causes: decision.causes,
            taken_by: TakenBy::of(decision),
        },
        AnswerKind::Fresh(Record::Acknowledgement(_)) => Told::Noted(class),
        AnswerKind::Fresh(Record::Error(error)) => Told::Refused(error.reason),
    }
}
