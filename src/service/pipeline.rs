//! One message, bytes in to bytes out: the worker's inner path, and everybody
//! else's who wants the same answers (`score`, the demo, the benches).

use std::io::Write as _;

use super::Clock;
use super::log::{Message, Outgoing, partition_of_key};
use super::telemetry::{StageNanos, Told};
use crate::domain::{
    ErrorReason, EventTime, Input, MessageClass, Met, Offset, PartitionId, Record, Span,
};
use crate::engine::{Answer, AnswerKind, Engine};
use crate::wire::{
    Door, Format, Incoming, KafkaKey, Refusal, Scratch, encode_record, record_as_json,
};

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
    door: Door,
    engine: Engine,
    clock: Clock,
    settings: PipelineSettings,
    scratch: Scratch,
    refusal: Vec<u8>,
    json: Vec<u8>,
    text: HeaderText,
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
            door,
            engine,
            clock,
            settings,
            scratch: Scratch::default(),
            refusal: Vec::new(),
            json: Vec::new(),
            text: HeaderText::default(),
        }
    }

    /// The engine, to open and close partitions.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// The engine, to look at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Answers `message` and hands the record to `send`. Hot path. Every message
    /// has an answer: what cannot be understood gets an error record.
    pub fn answer<R>(
        &mut self,
        message: &Message<'_>,
        send: impl FnOnce(&Outgoing<'_>) -> R,
    ) -> (Answered, R) {
        let Self { door, engine, clock, settings, scratch, refusal, json, text } = self;
        let started = clock.monotonic_nanos();
        let age_millis = clock.unix_millis().saturating_sub(message.appended_at_unix_millis);
        let age = Span::from_millis(age_millis);
        let met = Met {
            input: message.input,
            appended_at: EventTime::nearest_to(message.appended_at_unix_millis),
            age,
            overload_step: 0,
        };
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
        let decode_end = clock.monotonic_nanos();

        let Telling { canonical, told, switch_context } = tell(&incoming, &met, engine, refusal);
        let judge_end = clock.monotonic_nanos();

        let value = in_format(format, canonical, json);
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
        (Answered { told, nanos, age }, outcome)
    }
}

/// False for a key that nobody looked at and that is too long for an answer or may hold a
/// card number.
fn may_be_repeated(key: &[u8]) -> bool {
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
    let (Some(count), Some(key), Incoming::Message { auth, .. }) =
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
    })
}

/// What goes out for a message, not in its format yet.
struct Telling<'p> {
    canonical: &'p [u8],
    told: Told,
    switch_context: Option<&'p [u8]>,
}

/// Decides or notes what came in, or says why it was refused.
fn tell<'p>(
    incoming: &'p Result<Incoming<'_>, Refusal>,
    met: &Met,
    engine: &'p mut Engine,
    refusal: &'p mut Vec<u8>,
) -> Telling<'p> {
    match incoming {
        Ok(Incoming::Message { auth, switch_context }) => {
            let answer = engine.decide(auth, met);
            let told = told_of(&answer, auth.message_type.class);
            Telling { canonical: answer.value, told, switch_context: *switch_context }
        }
        Ok(Incoming::Echo { id, authorised_at, switch_context }) => {
            let answer = engine.echo(*id, *authorised_at, met);
            let told = Told::Noted(MessageClass::EchoTest);
            Telling { canonical: answer.value, told, switch_context: *switch_context }
        }
        Err(refused) => {
            let error = refused.clone().into_input_error(met.input);
            refusal.clear();
            encode_record(&Record::Error(Box::new(error)), refusal);
            Telling {
                canonical: refusal,
                told: Told::Refused(refused.reason),
                switch_context: None,
            }
        }
    }
}

/// `canonical` in `format`; `json` is where JSON is written.
fn in_format<'p>(format: Format, canonical: &'p [u8], json: &'p mut Vec<u8>) -> &'p [u8] {
    match format {
        Format::Protobuf => canonical,
        Format::Json => {
            json.clear();
            record_as_json(canonical, json)
                .expect("Invariant: a record of our own has a JSON form.");
            json
        }
    }
}

impl HeaderText {
    fn write(&mut self, input: Input, age: Span, nanos: StageNanos) {
        let Self { input: position, age_millis, stage_nanos } = self;
        let Input { partition: PartitionId(partition), offset: Offset(offset) } = input;
        write_over(position, format_args!("{partition}:{offset}"));
        write_over(age_millis, format_args!("{}", age.millis()));
        let StageNanos { decode, decide, encode } = nanos;
        write_over(stage_nanos, format_args!("{decode},{decide},{encode}"));
    }
}

fn write_over(buffer: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    buffer.clear();
    buffer.write_fmt(text).expect("Invariant: a buffer takes any text.");
}

fn told_of(answer: &Answer<'_>, class: MessageClass) -> Told {
    match answer.kind {
        AnswerKind::Repeated { .. } => Told::Repeated,
        AnswerKind::Fresh(Record::Decision(decision)) => Told::Decided {
            outcome: decision.outcome,
            reason: decision.reason,
            is_late: decision.is_late,
            history_truncated: decision.history_truncated,
        },
        AnswerKind::Fresh(Record::Acknowledgement(_)) => Told::Noted(class),
        AnswerKind::Fresh(Record::Error(error)) => Told::Refused(error.reason),
    }
}
