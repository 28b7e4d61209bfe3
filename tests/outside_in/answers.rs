//! Every input gets one answer, in its own partition and format, and it is the answer
//! that `stopline score` gives; a stopped card is declined from its order on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use prost::Message;
use stopline::wire::proto::{Decision, Outcome, Reason, StopCause, StopOrder, record::Answer};

use crate::broker::Broker;
use crate::engine::Installation;
use crate::inputs::{Expected, Format, Input, Traffic};
use crate::ledger::{Answered, Ledger};
use crate::poison::poison;
use crate::topics::{Inbound, Outbound, PARTITIONS_COUNT, Reader, Topics, Writer};

const INPUTS_COUNT: usize = 20_000;

/// Accounts that get a stop order when half of the inputs are sent: the busiest.
const STOPPED_COUNT: usize = 10;

/// From the acknowledgement of an order to the first decline for it, with room for a
/// machine that is busy with other tests; what is promised is measured elsewhere.
const ENFORCED_WITHIN: Duration = Duration::from_secs(10);

const CAUSES: [(StopCause, Reason); 5] = [
    (StopCause::Lost, Reason::LostCard),
    (StopCause::Stolen, Reason::StolenCard),
    (StopCause::Counterfeit, Reason::CounterfeitCard),
    (StopCause::Legal, Reason::RestrictedCard),
    (StopCause::CardholderFreeze, Reason::CardholderFreeze),
];

/// A stop order as it was published.
struct Published {
    id: String,
    reason: Reason,
    offset: i64,
    appended_at_millis: i64,
}

/// The binary with its three topics, and what the test sent to them.
struct Scene {
    topics: Topics,
    writer: Writer,
    decisions: Reader,
    traffic: Traffic,
    ledger: Ledger,
    elsewhere: i32,
}

impl Scene {
    /// Sends `count` inputs, one in a hundred of them poison, and waits for the answers.
    fn send(&mut self, count: usize) {
        let inputs = (0..count)
            .map(|number| {
                if number % 100 == 99 {
                    poison(number / 100, &mut self.traffic, self.elsewhere)
                } else {
                    self.traffic.next_input()
                }
            })
            .collect();
        let topic = &self.topics.authorisations;
        self.ledger.send(&self.writer, topic, inputs);
        let within = Duration::from_mins(2);
        self.ledger.await_answers(&mut self.decisions, within);
    }

    /// Sends one request of `account` and returns where it lies and its answer.
    fn ask(&mut self, account: &str) -> (i32, Inbound) {
        let message = self.traffic.request_of(account);
        let input = Input::new(message, Format::Json, Expected::Decision);
        let topic = &self.topics.authorisations;
        let place = self.ledger.send(&self.writer, topic, vec![input])[0];
        let within = Duration::from_secs(30);
        self.ledger.await_answers(&mut self.decisions, within);
        let last = self.decisions.records().last().expect("the answer");
        (place.0, last.clone())
    }
}

#[test]
fn every_input_gets_one_answer_and_it_is_the_one_that_score_gives() {
    let broker = Broker::shared();
    let topics = Topics::named_for("answers");
    topics.create(broker);
    let installation = Installation::new("answers", broker.address(), &topics);
    let mut engine = installation.start();
    engine.await_ready();
    let mut scene = Scene {
        writer: Writer::new(broker),
        decisions: Reader::new(broker, &topics.decisions),
        topics,
        traffic: Traffic::new("answers", 1),
        ledger: Ledger::default(),
        elsewhere: 0,
    };
    let (home, _) = scene.ask("wanderer");
    scene.elsewhere = (home + 1) % PARTITIONS_COUNT;

    scene.send(INPUTS_COUNT / 2);
    let orders = publish_orders(broker, &scene);
    await_enforcement(&mut scene);
    scene.send(INPUTS_COUNT / 2);
    engine.terminate();
    assert_eq!(engine.await_exit(Duration::from_secs(30)), Some(0));

    let answers = scene.ledger.answers(scene.decisions.read_to_end());
    check_stops(&scene.ledger, &answers, &orders);
    check_against_score(&installation, &scene.ledger, &answers, &orders);
}

fn stopped_account(number: usize) -> String {
    format!("account-{number}")
}

/// Publishes an order per stopped account, by account or by card in turn.
fn publish_orders(broker: &Broker, scene: &Scene) -> HashMap<String, Published> {
    let records: Vec<Outbound> = (0..STOPPED_COUNT)
        .map(|number| {
            let account = stopped_account(number);
            let is_by_card = number % 2 == 0;
            let order = StopOrder {
                order_id: format!("order-{number}"),
                card_token: is_by_card.then(|| format!("token-of-{account}")),
                account_reference: (!is_by_card).then_some(account),
                cause: i32::from(CAUSES[number % CAUSES.len()].0),
                ..StopOrder::default()
            };
            Outbound {
                key: Some(order.order_id.clone().into_bytes()),
                value: Some(order.encode_to_vec()),
                headers: vec![("content-type", Format::Protobuf.content_type().into())],
                partition: Some(0),
            }
        })
        .collect();
    scene.writer.send(&scene.topics.stop_orders, &records);
    Reader::of_partitions(broker, &scene.topics.stop_orders, 1)
        .read_to_end()
        .iter()
        .enumerate()
        .map(|(number, inbound)| {
            let order = Published {
                id: format!("order-{number}"),
                reason: CAUSES[number % CAUSES.len()].1,
                offset: inbound.place.1,
                appended_at_millis: inbound.appended_at_millis,
            };
            (stopped_account(number), order)
        })
        .collect()
}

/// Asks for the account that was stopped last until it is declined for its order.
fn await_enforcement(scene: &mut Scene) {
    let began = Instant::now();
    loop {
        let (_, inbound) = scene.ask(&stopped_account(STOPPED_COUNT - 1));
        let record: stopline::wire::proto::Record =
            serde_json::from_slice(&inbound.value).expect("a record as JSON");
        let took = began.elapsed();
        match record.answer {
            Some(Answer::Decision(decision)) if decision.stop_order.is_some() => {
                eprintln!("answers: a stop order was enforced after {took:?}");
                return;
            }
            _ => assert!(took < ENFORCED_WITHIN, "not enforced after {took:?}"),
        }
    }
}

/// A request is declined for an order exactly where the order was known and in force.
fn check_stops(ledger: &Ledger, answers: &[Answered], orders: &HashMap<String, Published>) {
    let mut stopped_count = 0;
    for ((input, place), answered) in ledger.inputs().iter().zip(ledger.places()).zip(answers) {
        let Some(decision) = answered.decision() else {
            continue;
        };
        let decided = decision.decided_input.expect("the input decided");
        if (decided.partition, decided.offset) != *place {
            continue; // A repeat has the answer of what it repeats.
        }
        let order = orders.get(&input.message.account_reference).filter(|order| {
            decision.stop_list_version > order.offset
                && decision.appended_at_millis >= order.appended_at_millis
        });
        let seen = decision.stop_order.as_ref();
        match order {
            Some(order) => {
                let seen = seen.expect("declined for its stop order");
                assert_eq!(decision.outcome(), Outcome::Decline, "{decision:?}");
                assert_eq!(decision.reason(), order.reason, "{decision:?}");
                assert_eq!((&seen.order_id, seen.offset), (&order.id, order.offset));
                stopped_count += 1;
            }
            None => assert_eq!(seen, None, "{decision:?}"),
        }
    }
    // The busiest tenth of a per cent of the accounts has a good part of the traffic.
    assert!(stopped_count > INPUTS_COUNT / 50, "only {stopped_count}");
}

/// What the rules made of a request; times and positions are each run's own.
fn essence(answer: &Answer) -> String {
    match answer {
        Answer::Decision(decision) => {
            let Decision {
                authorisation_id,
                message_type,
                outcome,
                reason,
                response_code,
                score,
                fired_rules,
                shadow_rules,
                evidence,
                rule_set,
                event_at_millis,
                ..
            } = decision;
            format!(
                "{authorisation_id} {message_type} {outcome} {reason} {response_code} {score} \
                 {fired_rules:?} {shadow_rules:?} {evidence:?} {rule_set} {event_at_millis}"
            )
        }
        Answer::Acknowledgement(noted) => format!("{} {:?}", noted.message_type, noted.noted()),
        Answer::Error(error) => format!("{:?} {}", error.reason(), error.field),
    }
}

/// The same messages through `stopline score`, in the order of sending, give the same.
fn check_against_score(
    installation: &Installation,
    ledger: &Ledger,
    answers: &[Answered],
    orders: &HashMap<String, Published>,
) {
    let compared: Vec<_> = ledger
        .inputs()
        .iter()
        .zip(answers)
        .filter(|(input, _)| {
            let is_poison = matches!(input.expected, Expected::Error(_));
            !is_poison && !orders.contains_key(&input.message.account_reference)
        })
        .collect();
    let lines: Vec<_> = compared
        .iter()
        .map(|(input, _)| serde_json::to_string(&input.message).expect("JSON"))
        .collect();
    let mut fired_count = 0;
    for ((input, answered), scored) in compared.iter().zip(installation.score(&lines)) {
        let scored = scored.answer.expect("an answer");
        assert_eq!(essence(&answered.answer), essence(&scored), "{input:?}");
        fired_count += usize::from(
            answered.decision().is_some_and(|decision| !decision.fired_rules.is_empty()),
        );
    }
    assert!(fired_count > 100, "rules fired for only {fired_count}");
}
