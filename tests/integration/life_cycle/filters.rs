//! What features count, by outcome and by kind of payment: a decline mix that tells declines
//! at the host, failures, step-ups and account checks apart.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use stopline::domain::{Input, Offset, PartitionId};
use stopline::engine::History;
use stopline::engine::rules::RuleSet;
use stopline::engine::shared::Shared;
use stopline::service::Clock;
use stopline::service::log::Batch;
use stopline::wire::evidence_from_wire;
use stopline::wire::proto::{self, Authorisation, ProcessingCode};

use super::{notice, of, request, reversal};
use crate::support::{BEGINNING, FAIL_POLICY, decision, engine_by, pipeline_of, rule_set};

/// Each feature counts by one filter; a payment of more than 1 000.00 CNY is stepped up.
static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| {
    let mut text = r#"
currency = "CNY"
[bands]
step_up_at = 300
decline_at = 700
merchant_initiated_step_up = "decline"
[[rule]]
name = "large"
when = "amount > '1000.00 CNY'"
then = { step_up = true }
mode = "live"
"#
    .to_owned();
    text.push_str(FAIL_POLICY);
    for (number, filter) in FILTERS.iter().enumerate() {
        write!(
            text,
            "[[velocity]]\nname = \"f{number}\"\nkey = \"account\"\nwhat = \"count\"\n\
             window = \"1h\"\nwith_current = false\nwhere = \"{filter}\"\n"
        )
        .expect("written");
    }
    rule_set(&text)
});

const FILTERS: [&str; 8] = [
    "outcome == approved",
    "outcome == stepped_up",
    "outcome == declined",
    "outcome == failed",
    "outcome != approved",
    "outcome in [declined, failed]",
    "processing_code == account_check",
    "outcome == approved && processing_code != account_check",
];

/// What each filter counts behind `messages`.
fn mix(messages: &[Authorisation]) -> Vec<i64> {
    let shared = Arc::new(Shared::default());
    let mut engine = engine_by(Arc::clone(&RULES), &shared);
    engine.open_partition(PartitionId(0), History::Whole);
    let mut pipeline = pipeline_of("test", engine, &Clock::manual(BEGINNING), 1);
    let mut last = None;
    for (offset, message) in (0..).zip(messages.iter().chain([&request("probe")])) {
        let value = prost::Message::encode_to_vec(message);
        let input = Input { partition: PartitionId(0), offset: Offset(offset) };
        let mut batch = Batch::default();
        batch.push(input, BEGINNING, Some(b"account"), Some(&value), []);
        let message = batch.iter().next().expect("one");
        let (_, answer) = pipeline.answer(&message, |record| record.value.to_vec());
        last = Some(prost::Message::decode(answer.as_slice()).expect("a record"));
    }
    let last: proto::Record = last.expect("the probe's");
    let evidence = decision(&last).evidence.iter();
    evidence.map(|wire| evidence_from_wire(*wire).expect("a count")).collect()
}

#[test]
fn a_decline_at_the_host_is_seen_by_decline_features_though_we_approved() {
    assert_eq!(mix(&[request("a")]), [1, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(mix(&[request("a"), notice("a", "51")]), [0, 0, 1, 0, 1, 1, 0, 0]);
}

#[test]
fn a_technical_failure_is_counted_only_where_its_own_word_asks_for_it() {
    for code in ["06", "68", "91", "96"] {
        let found = mix(&[request("a"), notice("a", code), request("b"), notice("b", "05")]);
        assert_eq!(found, [0, 0, 1, 1, 1, 2, 0, 0], "{code}");
    }
}

#[test]
fn what_was_stepped_up_is_neither_spend_nor_decline() {
    assert_eq!(mix(&[of(200_000, request("a"))]), [0, 1, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn an_account_check_is_counted_as_what_it_is() {
    let check = Authorisation {
        processing_code: ProcessingCode::AccountCheck as i32,
        ..of(0, request("a"))
    };
    assert_eq!(mix(&[check.clone(), request("b")]), [2, 0, 0, 0, 0, 0, 1, 1]);
    // Failed at the host, it is a check of which nothing is known.
    assert_eq!(mix(&[check, notice_of_check("a", "91")]), [0, 0, 0, 1, 0, 1, 0, 0]);
}

fn notice_of_check(id: &str, code: &str) -> Authorisation {
    Authorisation {
        processing_code: ProcessingCode::AccountCheck as i32,
        ..of(0, notice(id, code))
    }
}

#[test]
fn what_was_taken_back_whole_is_counted_by_no_filter() {
    assert_eq!(mix(&[request("a"), reversal("r", "a")]), [0; 8]);
    assert_eq!(mix(&[request("a"), notice("a", "91"), reversal("r", "a")]), [0; 8]);
}
