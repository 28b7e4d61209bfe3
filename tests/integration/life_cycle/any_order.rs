//! Any interleaving, repetition and delay of a set of messages leaves the windows that a
//! recount of the net history gives, and so does a take-over from the journal.
//!
//! The recount is plain: it looks at which messages were ever sent, not at their order, and
//! works out each authorisation from the definitions in `src/engine/life_cycle/mod.rs`.
//! A history that fails is shrunk to the shortest one and told in words.
//! `STOPLINE_HISTORIES` sets how many histories are tried.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use stopline::domain::{EventTime, Input, Met, Offset, Outcome, PartitionId, Record, Span};
use stopline::engine::rules::RuleSet;
use stopline::engine::shared::Shared;
use stopline::engine::{
    Amendment, AnswerKind, Binding, Engine, EngineSettings, History, Journalled, PartitionSize,
    RecentAnswersLimits,
};
use stopline::wire::proto::Authorisation;
use stopline::wire::{Door, Format, Incoming, KafkaKey, Scratch, encode_record};

use super::recount::{features, recount};
use super::story::{Story, stories};
use crate::support::{BEGINNING, FAIL_POLICY, door, purchase, rule_set};

const HISTORIES_COUNT: u32 = 100_000;
const PARTITION: PartitionId = PartitionId(0);

/// Merchants abroad are declined, so that our outcome hangs on the message alone.
const POLICY: &str = r#"
currency = "CNY"
[bands]
step_up_at = 300
decline_at = 700
merchant_initiated_step_up = "decline"
[[velocity]]
name = "count"
key = "account"
what = "count"
window = "30d"
[[velocity]]
name = "count_20m"
key = "account"
what = "count"
window = "20m"
[[velocity]]
name = "declined"
key = "account"
what = "count"
window = "30d"
where = "outcome == declined"
[[velocity]]
name = "spent"
key = "account"
what = "sum"
window = "30d"
where = "outcome == approved"
[[velocity]]
name = "spent_20m"
key = "account"
what = "sum"
window = "20m"
where = "outcome == approved"
[[velocity]]
name = "largest"
key = "account"
what = "max"
window = "30d"
where = "outcome != declined"
[[velocity]]
name = "since"
key = "account"
what = "seconds_since_last"
window = "30d"
[[velocity]]
name = "merchants"
key = "account"
what = "distinct"
of = "merchant"
window = "30d"
[[rule]]
name = "abroad"
when = "merchant_country != 'CN'"
then = { decline = "not_permitted" }
mode = "live"
"#;

static RULES: LazyLock<Arc<RuleSet>> =
    LazyLock::new(|| rule_set(&format!("{POLICY}{FAIL_POLICY}")));
static DOOR: LazyLock<Door> = LazyLock::new(door);

/// An engine whose clock is the story's.
pub(super) struct Desk {
    engine: Engine,
    next: i64,
}

/// What a message was answered with, as the journal would tell it.
pub(super) enum Told {
    Decided { outcome: Outcome, event_at: EventTime, is_counted_before: bool, value: Vec<u8> },
    Noted(Vec<u8>),
    Nothing,
}

impl Desk {
    pub(super) fn new() -> Self {
        let settings = EngineSettings {
            engine_version: "test".into(),
            lateness: Span::from_seconds(86_400),
            advice_lateness: Span::from_seconds(86_400),
            answer_within: None,
            cards_count_max: 10,
            recent_answers: RecentAnswersLimits {
                age_max: Span::from_seconds(600),
                bytes_max: 1 << 20,
            },
        };
        let shared = Arc::new(Shared::default());
        let mut engine = Engine::new(Arc::clone(&RULES), shared, settings, encode_record);
        engine.open_partition(PARTITION, History::Whole);
        Self { engine, next: 0 }
    }

    fn met(&mut self, clock: i64) -> Met {
        let input = Input { partition: PARTITION, offset: Offset(self.next) };
        self.next += 1;
        let appended_at = EventTime::nearest_to(BEGINNING + clock * 1_000);
        Met::fresh(input, appended_at)
    }

    pub(super) fn decide(
        &mut self,
        message: &Authorisation,
        clock: i64,
    ) -> (Told, Vec<Option<i64>>) {
        let met = self.met(clock);
        let mut evidence = Vec::new();
        let told = with_words(message, |auth| {
            let answer = self.engine.decide(auth, &met);
            let value = answer.value.to_vec();
            match answer.kind {
                AnswerKind::Fresh(Record::Decision(decision)) => {
                    evidence.clone_from(&decision.evidence);
                    Told::Decided {
                        outcome: decision.outcome,
                        event_at: decision.request.event_at,
                        is_counted_before: decision.is_counted_before,
                        value,
                    }
                }
                AnswerKind::Fresh(Record::Acknowledgement(_))
                | AnswerKind::Repeated { outcome: None, .. } => Told::Noted(value),
                AnswerKind::Fresh(Record::Error(_))
                | AnswerKind::Repeated { outcome: Some(_), .. } => Told::Nothing,
            }
        });
        (told, evidence)
    }

    fn adopt(&mut self, message: &Authorisation, clock: i64, told: &Told) {
        let journalled = match told {
            &Told::Decided { outcome, event_at, is_counted_before, ref value } => {
                Journalled::Decided(Binding {
                    outcome,
                    event_at,
                    value,
                    is_counted_before,
                    is_by_policy: false,
                })
            }
            Told::Noted(value) => Journalled::Noted { value },
            Told::Nothing => Journalled::LeftNothing,
        };
        self.adopt_as(message, clock, journalled);
    }

    pub(super) fn adopt_as(
        &mut self,
        message: &Authorisation,
        clock: i64,
        journalled: Journalled<'_>,
    ) {
        let met = self.met(clock);
        with_words(message, |auth| self.engine.adopt(auth, &met, journalled));
    }

    /// What the journal says binds in the place of our own decision of the first message.
    pub(super) fn amend_first(&mut self, account: &str, id: &str, outcome: Outcome, at: i64) {
        let keys = DOOR.keys();
        let event_at = EventTime::nearest_to(at);
        let binding = Binding {
            outcome,
            event_at,
            value: b"",
            is_counted_before: false,
            is_by_policy: false,
        };
        let amendment = Amendment {
            account: keys.account_key(account),
            id: keys.id_key(id),
            decided: Offset(0),
            binding,
        };
        assert!(self.engine.amend(PARTITION, &amendment));
    }

    pub(super) fn size(&self) -> PartitionSize {
        self.engine.sizes().next().expect("one partition").1
    }

    /// What the windows of `account` hold at `clock`.
    pub(super) fn probe(&mut self, account: &str, clock: i64) -> Vec<Option<i64>> {
        let probe = Authorisation {
            merchant_id: Some("merchant-9".to_owned()),
            authorised_at_millis: BEGINNING + clock * 1_000,
            amount_minor_units: Some(1),
            ..purchase(&format!("probe-{account}"), account)
        };
        self.decide(&probe, clock).1
    }
}

fn with_words<R>(
    message: &Authorisation,
    use_words: impl FnOnce(&stopline::domain::Authorisation<'_>) -> R,
) -> R {
    let bytes = prost::Message::encode_to_vec(message);
    let mut scratch = Scratch::default();
    match DOOR.decode(Format::Protobuf, KafkaKey::Unchecked, Some(&bytes), &mut scratch) {
        Ok(Incoming::Message { auth, .. }) => use_words(&auth),
        other => panic!("not let in: {other:?}"),
    }
}

fn check(story: &Story) -> Result<(), TestCaseError> {
    // The messages come behind all times that they speak of.
    const FIRST: i64 = 40_000;
    let (mut live, mut taken_over) = (Desk::new(), Desk::new());
    let mut clock = FIRST;
    for (sent, gap) in &story.log {
        clock += gap;
        let message = story.message(*sent);
        let (told, _) = live.decide(&message, clock);
        taken_over.adopt(&message, clock, &told);
    }
    let now = FIRST + story.end();
    for account in ["first", "second"] {
        let expected = features(&recount(story, account), now);
        prop_assert_eq!(live.probe(account, now), expected.clone(), "{} {:?}", account, story);
        let adopted = taken_over.probe(account, now);
        prop_assert_eq!(adopted, expected, "taken over: {} {:?}", account, story);
    }
    Ok(())
}

#[test]
fn windows_equal_a_recount_of_the_net_history_in_any_order() {
    let wanted = std::env::var("STOPLINE_HISTORIES").ok();
    let cases = wanted.map_or(HISTORIES_COUNT, |count| count.parse().expect("a number"));
    let config = ProptestConfig { cases, failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    if let Err(failure) = runner.run(&stories(), |story| check(&story)) {
        panic!("{failure}");
    }
}
