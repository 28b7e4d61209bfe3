//! One message, bytes in to bytes out: the worker's inner path, and everybody
//! else's who wants the same answers (`score`, the demo, the benches).

mod circumstances;
mod telling;

use std::sync::Arc;

use self::circumstances::Watched;
use self::telling::{Telling, tell, tell_again};
use super::log::{Message, Outgoing, partition_of_key};
use super::telemetry::{StageNanos, Told};
use super::{Clock, FiredRules};
use crate::domain::{ErrorReason, Input, Offset, PartitionId, Span};
use crate::engine::{Binding, Engine, Journalled};
use crate::wire::{
    Door, Format, Incoming, KafkaKey, KeyMaker, Refusal, Scratch, SwitchContext, record_as_json,
};

pub use self::circumstances::Circumstances;

/// What a pipeline is told.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// Format of a request that names none.
    pub default_format: Format,
    /// Headers of a request that its answer carries unchanged.
    pub echo_headers: Vec<String>,
    /// Who writes: instance and incarnation, for the header `stopline-writer`.
    pub writer: String,
    /// Partitions of the authorisations topic: a message's key must be its account
    /// reference and belong to the partition it came in. `None` for files, which have
    /// no keys.
    pub partitions_count: Option<u32>,
}

/// Decodes, decides and encodes, one message at a time.
pub struct Pipeline {
    door: Arc<Door>,
    engine: Engine,
    clock: Clock,
    settings: PipelineSettings,
    watched: Watched,
    scratch: Scratch,
    refusal: Vec<u8>,
    json: Vec<u8>,
    text: HeaderText,
    fired: FiredRules,
}

/// What became of a message, and what it took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answered {
    /// For counting.
    pub told: Told,
    /// Time inside, by stage.
    pub nanos: StageNanos,
    /// From the broker's append to now.
    pub age: Span,
    /// The input that the record decides, where it is a decision.
    pub decides: Option<Offset>,
}

/// Header values that are made for each record, in buffers that are reused.
#[derive(Debug, Default)]
struct HeaderText {
    input: Vec<u8>,
    age_millis: Vec<u8>,
    stage_nanos: Vec<u8>,
}

const CONTENT_TYPE: &str = "content-type";
/// What is echoed is bounded: an answer must fit where its request did.
const ECHOED_BYTES_MAX: usize = 1_024;
const ECHOED_COUNT_MAX: usize = 16;
/// A key that an answer repeats is no longer than an account reference.
const KEY_BYTES_MAX: usize = 64;
/// A card number has 13 to 19 digits, whatever stands between them.
const CARD_NUMBER_DIGITS_MIN: usize = 13;
/// Our own seven, and a few that are echoed.
const HEADERS_COUNT_USUAL: usize = 12;

impl Pipeline {
    /// A pipeline that owns `engine`.
    pub fn new(door: Door, engine: Engine, clock: Clock, settings: PipelineSettings) -> Self {
        Self {
            door: Arc::new(door),
            engine,
            clock,
            settings,
            watched: Watched::default(),
            scratch: Scratch::default(),
            refusal: Vec::new(),
            json: Vec::new(),
            text: HeaderText::default(),
            fired: FiredRules::default(),
        }
    }

    /// The same, asking `circumstances` how a message is met.
    #[must_use]
    pub fn under(mut self, circumstances: Circumstances) -> Self {
        self.watched = Watched::new(circumstances);
        self
    }

    /// Says that `partition` is to be restored: its messages wait from now on.
    pub fn note_restoring(&mut self, partition: PartitionId) {
        self.watched.restoring(partition, self.clock.unix_millis());
    }

    /// Says that `partition` is restored: its messages wait no longer.
    pub fn note_restored(&mut self, partition: PartitionId) {
        self.watched.restored(partition, self.clock.unix_millis());
    }

    /// Says that `partition` is not to be restored any more: it is another's.
    pub fn note_not_restored(&mut self, partition: PartitionId) {
        self.watched.not_restored(partition);
    }

    /// A pipeline that answers as this one does, with an engine of its own that has no
    /// partitions: state is restored in it, beside the worker.
    #[must_use]
    pub fn sibling(&self) -> Self {
        Self {
            door: Arc::clone(&self.door),
            engine: self.engine.sibling(),
            clock: self.clock.clone(),
            settings: self.settings.clone(),
            watched: Watched::default(),
            scratch: Scratch::default(),
            refusal: Vec::new(),
            json: Vec::new(),
            text: HeaderText::default(),
            fired: FiredRules::default(),
        }
    }

    /// Sets the step of the overload ladder that messages are met with; 0 is none.
    pub fn set_overload_step(&mut self, step: u8) {
        self.watched.overload_step = step;
    }

    /// Which rules fired since it was asked last is added to `to`.
    pub(super) fn hand_over_fired(&mut self, to: &mut FiredRules) {
        self.fired.hand_over(to);
    }

    /// What makes keys from names.
    pub fn keys(&self) -> &KeyMaker {
        self.door.keys()
    }

    /// What it is told.
    pub fn settings(&self) -> &PipelineSettings {
        &self.settings
    }

    /// The engine, to open and close partitions.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The engine, to look at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Lets the engine remember `message` as the journal tells it, and answers nothing.
    /// False where a message that left something is not understood (any more): the door
    /// refuses today what it let in then.
    pub fn adopt(&mut self, message: &Message<'_>, journalled: Journalled<'_>) -> bool {
        let Self { door, engine, clock, settings, watched, scratch, .. } = self;
        let met = watched.meet(message, clock);
        let Admitted { incoming, .. } = admit(door, settings, message, scratch);
        match incoming {
            Ok(Incoming::Message { auth, .. }) => {
                engine.adopt(&auth, &met, journalled);
                true
            }
            Ok(Incoming::Echo { .. }) => true,
            Err(_) => matches!(journalled, Journalled::LeftNothing | Journalled::Unanswered),
        }
    }

    /// Answers `message` and hands the record to `send`. Hot path. Every message
    /// has an answer: what cannot be understood gets an error record.
    pub fn answer<R>(
        &mut self,
        message: &Message<'_>,
        send: impl FnOnce(&Outgoing<'_>) -> R,
    ) -> (Answered, R) {
        self.respond(message, None, send)
    }

    /// Answers `message`, whose decision is in the journal already as the answer to a repeat:
    /// it is adopted, and a copy of it goes out (journal rule J2).
    pub fn answer_again<R>(
        &mut self,
        message: &Message<'_>,
        binding: Binding<'_>,
        send: impl FnOnce(&Outgoing<'_>) -> R,
    ) -> (Answered, R) {
        self.respond(message, Some(binding), send)
    }

    fn respond<R>(
        &mut self,
        message: &Message<'_>,
        binding: Option<Binding<'_>>,
        send: impl FnOnce(&Outgoing<'_>) -> R,
    ) -> (Answered, R) {
        let Self { door, engine, clock, settings, watched, scratch, refusal, json, text, fired } =
            self;
        let started = clock.monotonic_nanos();
        let mut met = watched.meet(message, clock);
        let age = met.age;
        let Admitted { format, incoming } = admit(door, settings, message, scratch);
        let incoming = watched.read_deadline(message, incoming, &mut met);
        let decode_end = clock.monotonic_nanos();

        let Telling { canonical, told, decides, switch_context } = match binding {
            Some(binding) => tell_again(&incoming, &met, engine, binding),
            None => tell(&incoming, &met, engine, refusal, fired),
        };
        let judge_end = clock.monotonic_nanos();

        let (format, value) = in_format(format, canonical, json);
        let nanos = StageNanos {
            decode: decode_end - started,
            decide: judge_end - decode_end,
            encode: clock.monotonic_nanos() - judge_end,
        };
        text.write(message.input, age, nanos);
        let mut headers: Vec<(&str, &[u8])> = Vec::with_capacity(HEADERS_COUNT_USUAL);
        headers.push((CONTENT_TYPE, format.content_type().as_bytes()));
        headers.push(("stopline-input", &text.input));
        headers.push(("stopline-writer", settings.writer.as_bytes()));
        if told == Told::Repeated {
            headers.push(("stopline-repeat", b"1"));
        }
        headers.push(("stopline-age-millis", &text.age_millis));
        headers.push(("stopline-stage-nanos", &text.stage_nanos));
        if let Some(context) = switch_context {
            headers.push(("stopline-switch-context", context));
        }
        let is_echoed = |name: &str| settings.echo_headers.iter().any(|echoed| echoed == name);
        let echoed = message
            .headers()
            .filter(|(name, value)| is_echoed(name) && value.len() <= ECHOED_BYTES_MAX);
        headers.extend(echoed.take(ECHOED_COUNT_MAX));

        // The key of an accepted message is its account reference, which was looked at.
        let key = match &incoming {
            Ok(Incoming::Message { .. }) => message.key,
            Ok(Incoming::Echo { .. }) | Err(_) => message.key.filter(|key| may_be_repeated(key)),
        };
        let outcome = send(&Outgoing { answers: message.input, key, value, headers: &headers });
        (Answered { told, nanos, age, decides }, outcome)
    }
}

/// A message at the door.
struct Admitted<'s> {
    /// The format of its answer.
    format: Format,
    incoming: Result<Incoming<'s>, Refusal>,
}

fn admit<'s>(
    door: &Door,
    settings: &PipelineSettings,
    message: &Message<'s>,
    scratch: &'s mut Scratch,
) -> Admitted<'s> {
    let named = message.header(CONTENT_TYPE);
    let asked = Format::from_content_type(named, settings.default_format);
    let format = *asked.as_ref().unwrap_or(&settings.default_format);
    let key = match settings.partitions_count {
        Some(_) => KafkaKey::Record(message.key),
        None => KafkaKey::Unchecked,
    };
    let incoming = asked
        .and_then(|format| door.decode(format, key, message.value, scratch))
        .and_then(|incoming| {
            check_route(&incoming, message, settings.partitions_count)?;
            Ok(incoming)
        });
    Admitted { format, incoming }
}

/// False for a key that nobody looked at and that is too long for an answer or may hold a
/// card number.
pub(super) fn may_be_repeated(key: &[u8]) -> bool {
    let digits_count = key.iter().filter(|byte| byte.is_ascii_digit()).count();
    key.len() <= KEY_BYTES_MAX && digits_count < CARD_NUMBER_DIGITS_MIN
}

/// Refuses a message whose key belongs to another partition: its account's windows are
/// there. An echo test asks for the partition it was sent to.
fn check_route(
    incoming: &Incoming<'_>,
    message: &Message<'_>,
    partitions_count: Option<u32>,
) -> Result<(), Refusal> {
    let (Some(count), Some(key), Incoming::Message { auth, switch_context }) =
        (partitions_count, message.key, incoming)
    else {
        return Ok(());
    };
    if partition_of_key(key, count) == message.input.partition {
        return Ok(());
    }
    Err(Refusal {
        reason: ErrorReason::Misrouted,
        field: "account_reference",
        detail: "belongs to another partition by its key; produce with the murmur2_random \
                 partitioner, the Java client's default"
            .to_owned(),
        id: Some(auth.id.to_text()),
        switch_context: switch_context.map(SwitchContext::of),
    })
}

/// `canonical` in `format`; `json` is where JSON is written. An answer that a newer version
/// gave, and that has no JSON form here, stays protobuf.
fn in_format<'p>(format: Format, canonical: &'p [u8], json: &'p mut Vec<u8>) -> (Format, &'p [u8]) {
    json.clear();
    match format {
        Format::Json if record_as_json(canonical, json).is_ok() => (Format::Json, json),
        Format::Json | Format::Protobuf => (Format::Protobuf, canonical),
    }
}

impl HeaderText {
    fn write(&mut self, input: Input, age: Span, nanos: StageNanos) {
        let Self { input: position, age_millis, stage_nanos } = self;
        let Input { partition: PartitionId(partition), offset: Offset(offset) } = input;
        position.clear();
        push_number(position, partition.into());
        position.push(b':');
        push_number(position, offset);
        age_millis.clear();
        push_number(age_millis, age.millis());
        stage_nanos.clear();
        let StageNanos { decode, decide, encode } = nanos;
        push_digits(stage_nanos, decode);
        stage_nanos.push(b',');
        push_digits(stage_nanos, decide);
        stage_nanos.push(b',');
        push_digits(stage_nanos, encode);
    }
}

fn push_number(text: &mut Vec<u8>, number: i64) {
    if number < 0 {
        text.push(b'-');
    }
    push_digits(text, number.unsigned_abs());
}

/// Hot path: five numbers a message, which the standard formatting takes 100 ns for.
fn push_digits(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        count += 1;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 7, 10, 987, -1, i64::MAX, i64::MIN] {
            let mut text = b"=".to_vec();
            push_number(&mut text, number);
            assert_eq!(String::from_utf8(text).expect("digits"), format!("={number}"));
        }
        let mut text = Vec::new();
        push_digits(&mut text, u64::MAX);
        assert_eq!(text, u64::MAX.to_string().into_bytes());
    }
}
