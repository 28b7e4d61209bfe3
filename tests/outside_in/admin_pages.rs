//! The pages for whoever runs the engine.

use std::time::Duration;

use crate::broker::{Broker, OwnBroker};
use crate::engine::Installation;
use crate::inputs::Traffic;
use crate::ledger::Ledger;
use crate::poison::poison;
use crate::topics::{Reader, Topics, Writer};
use crate::waiting::eventually;

/// The sum of all samples of `name` on a metrics page.
fn sum_of(page: &str, name: &str) -> f64 {
    let samples = page.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn the_pages_say_healthy_ready_and_how_much_was_answered() {
    let broker = Broker::shared();
    let topics = Topics::named_for("pages");
    topics.create(broker);
    let installation = Installation::new("pages", broker.address(), &topics);
    let mut engine = installation.start();
    engine.await_ready();
    let (writer, mut traffic) = (Writer::new(broker), Traffic::new("pages", 4));
    let mut ledger = Ledger::default();
    let mut inputs: Vec<_> = (0..200).map(|_| traffic.next_input()).collect();
    inputs.push(poison(0, &mut traffic, 0));
    ledger.send(&writer, &topics.authorisations, inputs);
    let mut decisions = Reader::new(broker, &topics.decisions);
    ledger.await_answers(&mut decisions, Duration::from_mins(1));

    assert!(matches!(engine.page("/-/healthy"), Some((200, _))));
    assert!(matches!(engine.page("/-/other"), Some((404, _))));
    let page = eventually("metrics count all answers", Duration::from_secs(10), || {
        let (status, page) = engine.page("/metrics")?;
        assert_eq!(status, 200);
        (sum_of(&page, "stopline_records_acknowledged_total") >= 201.0).then_some(page)
    });
    let malformed = "stopline_refused_total{reason=\"malformed\"} 1\n";
    assert!(page.contains(malformed), "{page}");
    assert!(page.contains("# TYPE stopline_"), "{page}");
    assert!(!page.contains("account-"), "no account in a metric");
    assert!(!engine.log().contains("account-"), "no account in a log");
}

#[test]
fn an_engine_whose_brokers_are_silent_is_not_ready_until_they_answer() {
    const SOON: Duration = Duration::from_secs(15);
    let own = OwnBroker::start();
    let topics = Topics::named_for("silent");
    topics.create(own.as_broker());
    let installation = Installation::new("silent", own.as_broker().address(), &topics);
    let mut engine = installation.start();
    engine.await_ready();
    eventually("the metric says ready", SOON, || {
        (engine.metric("stopline_ready") == 1).then_some(())
    });
    own.stall();
    eventually("it is not ready and says why", SOON, || {
        let (status, page) = engine.page("/-/ready")?;
        (status == 503 && page.contains("brokers: no broker has answered")).then_some(())
    });
    eventually("the metrics say so", SOON, || {
        let since = engine.metric("stopline_kafka_seconds_since_broker_answered");
        (engine.metric("stopline_ready") == 0 && since >= 3).then_some(())
    });
    own.go_on();
    eventually("it is ready again", Duration::from_mins(1), || engine.is_ready().then_some(()));
    eventually("the log tells both", SOON, || {
        let log = engine.log();
        let says = ["brokers are silent", "brokers answer again"];
        says.iter().all(|line| log.matches(line).count() == 1).then_some(())
    });
}

#[test]
fn a_sum_takes_all_samples_of_a_name_and_no_other() {
    let page = "# TYPE a_total counter\na_total 1\na_total{x=\"y\"} 2\na_total_more 4\nb 8\n";
    assert!((sum_of(page, "a_total") - 3.0).abs() < f64::EPSILON);
}
