//! An instance that is frozen past its time in the group and goes on: its partitions are
//! another's by then. It ends with 75; what it writes all the same is found and, where it
//! binds, becomes what the state of the other is made of.

use std::time::Duration;

use prost::Message;
use stopline::wire::proto::{Authorisation, Outcome, Record, record::Answer};

use super::answers::Answers;
use super::form::{PATIENCE, by_form, seed};
use super::instances::{await_settled, finish, judge, partitions_of};
use super::judge::Row;
use super::load::Load;
use crate::broker::Broker;
use crate::engine::{Engine, Installation};
use crate::fail_policy::FAIL_POLICY;
use crate::inputs::{Expected, Format, Input, Traffic};
use crate::ledger::{Ledger, answered_place};
use crate::topics::{Inbound, PARTITIONS_COUNT, Place, Reader, Topics, Writer};
use crate::waiting::{eventually, look_for};

/// Rules that see declines, and decline what is larger than a limit.
const RULES: &str = r#"
currency = "CNY"

[bands]
step_up_at = 300
decline_at = 700
merchant_initiated_step_up = "decline"

[thresholds]
largest_amount = "LIMIT CNY"

[[velocity]]
name = "attempts_1h"
key = "account"
what = "count"
window = "1h"

[[velocity]]
name = "declines_1h"
key = "account"
what = "count"
window = "1h"
where = "outcome == declined"

[[rule]]
name = "too_large"
when = "amount > thresholds.largest_amount"
then = { decline = "velocity_amount_exceeded" }
mode = "live"

[[rule]]
name = "after_a_decline"
when = "velocity.declines_1h >= 1"
then = { points = 1, reason = "velocity_count_exceeded" }
mode = "live"
"#;

/// From its going on to its end: it must see by itself that its time is over.
const STEPS_DOWN_WITHIN: Duration = Duration::from_secs(20);

fn rules(limit: &str) -> String {
    format!("{}{FAIL_POLICY}", RULES.replace("LIMIT", limit))
}

/// Waits until all partitions are with this one.
fn await_taken(engine: &Engine) {
    let all = u64::from(PARTITIONS_COUNT.unsigned_abs());
    eventually("the partitions of a frozen instance are taken", PATIENCE, || {
        (partitions_of(&[engine]) == all).then_some(())
    });
}

/// Lets a frozen instance go on; it must see that its time is over.
fn expect_stepping_down(row: &mut Row, frozen: &mut Engine) {
    frozen.thaw();
    if frozen.outlives(STEPS_DOWN_WITHIN) {
        row.expect(false, || "frozen past its time, and it does not step down".to_owned());
        frozen.kill();
        return;
    }
    let code = frozen.exit_status().and_then(|status| status.code());
    row.expect(code == Some(75), || format!("frozen past its time, then exit {code:?}, not 75"));
}

#[test]
fn an_instance_frozen_past_its_time_steps_down_and_leaves_one_truth() {
    let mut row = Row::begin("frozen");
    let broker = Broker::shared();
    let topics = Topics::named_for("frozen");
    topics.create(broker);
    let installation = Installation::new("frozen", broker.address(), &topics);
    let (first, second) = (installation.member("a"), installation.member("b"));
    let (mut frozen, other) = (first.start(), second.start());
    await_settled(&[&frozen, &other]);
    let load = Load::start(broker, &topics.authorisations, "frozen", seed());
    for _ in 0..by_form(1, 10) {
        await_settled(&[&frozen, &other]);
        frozen.freeze();
        await_taken(&other);
        expect_stepping_down(&mut row, &mut frozen);
        frozen = first.start();
        frozen.await_ready();
        row.kills += 1;
        row.rebalances += 2;
    }
    row.runs = 1;
    let sent = load.stop();
    row.foreign = other.metric("stopline_foreign_records_total");
    row.amended = other.metric("stopline_amended_total");
    judge(&mut row, &topics, &sent, vec![frozen, other], &installation);
    row.end();
}

/// One that is frozen between the check of its lease and a record, under load, and writes
/// that record when another has answered long since.
fn write_as_a_zombie(row: &mut Row, name: &str, seed: u64) {
    let broker = Broker::shared();
    let topics = Topics::named_for(name);
    topics.create(broker);
    let installation = Installation::new(name, broker.address(), &topics);
    let (first, second) = (installation.member("a"), installation.member("b"));
    let first = first.with_rules(&rules("100.00"));
    let mut zombie = first.start_under(&[("STOPLINE_FREEZE_BEFORE_SEND", "2000")]);
    let mut other = second.start();
    await_settled(&[&zombie, &other]);
    let load = Load::start(broker, &topics.authorisations, "zombies", seed);
    zombie.await_frozen(PATIENCE);
    await_taken(&other);
    other.await_ready();
    let enough = load.sent_count() as u64;
    let decisions = Reader::new(broker, &topics.decisions);
    eventually("the other answers", PATIENCE, || (decisions.end() >= enough).then_some(()));
    expect_stepping_down(row, &mut zombie);
    let sent = load.stop();
    let mut answers = Answers::of(broker, &topics.decisions);
    answers.await_each(&sent.places, PATIENCE);
    await_metric(row, &other, "stopline_foreign_records_total");
    row.foreign += other.metric("stopline_foreign_records_total");
    row.amended += other.metric("stopline_amended_total");
    finish(row, [other]);
    answers.read_rest();
    let void = row.void();
    row.verify(&installation);
    let void = row.void() - void;
    row.expect(void > 0, || "the zombie wrote nothing, or the same".to_owned());
    row.runs += 1;
    row.kills += 1;
    row.rebalances += 1;
}

/// Waits until a metric counts something, and notes it where it never does.
fn await_metric(row: &mut Row, engine: &Engine, name: &str) {
    look_for(Duration::from_secs(10), || (engine.metric(name) > 0).then_some(()));
    row.expect(engine.metric(name) > 0, || format!("{name} is 0"));
}

#[test]
fn what_a_zombie_writes_too_late_is_found_and_void() {
    let mut row = Row::begin("zombies");
    let seed = seed();
    for number in 0..by_form(1, 5) {
        write_as_a_zombie(&mut row, &format!("zombies-{number}"), seed + number);
    }
    row.end();
}

/// One account, one request after the other.
struct Account<'b> {
    topics: Topics,
    writer: Writer,
    decisions: Reader,
    traffic: Traffic,
    ledger: Ledger,
    broker: &'b Broker,
}

impl<'b> Account<'b> {
    fn new(name: &str, broker: &'b Broker, seed: u64) -> Self {
        let topics = Topics::named_for(name);
        topics.create(broker);
        Self {
            writer: Writer::new(broker),
            decisions: Reader::new(broker, &topics.decisions),
            traffic: Traffic::new("amended", seed),
            ledger: Ledger::default(),
            topics,
            broker,
        }
    }

    /// A request for this amount.
    fn request(&mut self, amount_minor_units: i64) -> Authorisation {
        Authorisation {
            amount_minor_units: Some(amount_minor_units),
            currency: "CNY".to_owned(),
            ..self.traffic.request_of("account-of-one")
        }
    }

    fn send(&mut self, message: Authorisation) -> Place {
        let input = Input::new(message, Format::Protobuf, Expected::Decision);
        self.ledger.send(&self.writer, &self.topics.authorisations, vec![input])[0]
    }

    /// The first record on this input.
    fn answer_to(&mut self, place: Place) -> Inbound {
        let of_input = |record: &&Inbound| answered_place(record) == place;
        let what = format!("an answer to {place:?}");
        let found = |records: &[Inbound]| records.iter().any(|record| of_input(&record));
        self.decisions.read_until(&what, PATIENCE, found);
        self.decisions.records().iter().find(of_input).expect("the answer").clone()
    }
}

fn outcome(record: &Inbound) -> Outcome {
    match Record::decode(record.value.as_slice()).expect("a record").answer {
        Some(Answer::Decision(decision)) => decision.outcome(),
        other => panic!("no decision: {other:?}"),
    }
}

/// True where the rule fired that sees a decline.
fn sees_a_decline(record: &Inbound) -> bool {
    match Record::decode(record.value.as_slice()).expect("a record").answer {
        Some(Answer::Decision(decision)) => {
            decision.fired_rules.iter().any(|rule| rule.name == "after_a_decline")
        }
        other => panic!("no decision: {other:?}"),
    }
}

/// A zombie's decline lands after its successor has read the journal to its end and before
/// the successor's approval of the same request: the decline binds.
fn amend(row: &mut Row, name: &str, seed: u64) {
    const BEFORE_COUNT: usize = 5;
    let mut account = Account::new(name, Broker::shared(), seed);
    let installation = Installation::new(name, account.broker.address(), &account.topics);
    let strict = installation.member("strict").with_rules(&rules("1000.00"));
    let lenient = installation.member("lenient").with_rules(&rules("100000.00"));
    let freeze_at = (BEFORE_COUNT + 1).to_string();
    let mut zombie = strict.start_under(&[("STOPLINE_FREEZE_BEFORE_SEND", &freeze_at)]);
    zombie.await_ready();
    for _ in 0..BEFORE_COUNT {
        let message = account.request(5_000);
        let place = account.send(message);
        let answer = account.answer_to(place);
        assert_eq!(outcome(&answer), Outcome::Approve);
    }
    let disputed = account.request(500_000);
    let place = account.send(disputed.clone());
    zombie.await_frozen(PATIENCE);

    let mut other = lenient.start_under(&[("STOPLINE_FREEZE_BEFORE_SEND", "1")]);
    other.await_frozen(PATIENCE);
    expect_stepping_down(row, &mut zombie);
    let bound = account.answer_to(place);
    assert_eq!(outcome(&bound), Outcome::Decline, "the zombie's");
    other.thaw();
    await_metric(row, &other, "stopline_amended_total");
    row.foreign += other.metric("stopline_foreign_records_total");
    row.amended += other.metric("stopline_amended_total");
    row.expect(other.metric("stopline_foreign_records_total") > 0, || "none foreign".to_owned());

    let next = account.request(5_000);
    let next_place = account.send(next);
    let next_answer = account.answer_to(next_place);
    row.expect(sees_a_decline(&next_answer), || {
        "a decision after the amendment does not see the decline".to_owned()
    });
    let repeat_place = account.send(disputed);
    let repeat = account.answer_to(repeat_place);
    row.expect(repeat.value == bound.value, || {
        format!("the repeat is answered {:?}, which does not bind", outcome(&repeat))
    });
    let status = other.exit_status();
    row.expect(status.is_none(), || format!("the successor ended by itself: {status:?}"));
    if status.is_none() {
        finish(row, [other]);
    }
    row.verify(&installation);
    row.runs += 1;
    row.kills += 1;
    row.rebalances += 1;
}

#[test]
fn what_a_zombie_writes_first_binds_and_amends_the_state_of_its_successor() {
    let mut row = Row::begin("amended");
    let seed = seed();
    for number in 0..by_form(1, 5) {
        amend(&mut row, &format!("amended-{number}"), seed + number);
    }
    row.end();
}
