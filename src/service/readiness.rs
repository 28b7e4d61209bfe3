//! What of the process is looked at once a second: whether brokers answer it, whether the stop
//! list is followed, and whether all of it is ready. Said as metrics, and in the log when it
//! changes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::{describe_gauge, gauge};
use tracing::{info, warn};

use super::log::kafka::KafkaFigures;
use super::{FollowerStatus, Health};

const READY: &str = "stopline_ready";
const FOLLOWED: &str = "stopline_stop_list_followed";
const SINCE_ANSWERED: &str = "stopline_kafka_seconds_since_broker_answered";

/// Brokers answer several times a second: after so long without, something is wrong.
const SILENT_AFTER: Duration = Duration::from_secs(3);
/// The part of the process that reads the stop list.
pub(super) const STOP_LIST: &str = "stop list";

/// The clients of the process, by the part that each serves.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients(Arc<Mutex<Vec<Client>>>);

/// A part of the process, and what its client says of itself.
type Client = (String, Arc<KafkaFigures>);

impl Clients {
    /// Watches the client of `part`.
    pub(super) fn watch(&self, part: &str, figures: &Arc<KafkaFigures>) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.push((part.to_owned(), Arc::clone(figures)));
    }

    /// For how long no broker has answered each of them.
    fn silent_for(&self) -> Vec<(String, Duration)> {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().map(|(part, figures)| (part.clone(), figures.silent_for())).collect()
    }
}

/// Looks at the process, and remembers what it said last.
#[derive(Debug)]
pub(super) struct Readiness {
    health: Arc<Health>,
    clients: Clients,
    follower: Arc<FollowerStatus>,
    was_silent: bool,
    /// `None` before the first look.
    was_ready: Option<bool>,
}

impl Readiness {
    /// Of a process with these parts.
    pub(super) fn new(
        health: Arc<Health>,
        clients: Clients,
        follower: Arc<FollowerStatus>,
    ) -> Self {
        describe_gauge!(READY, "1 while /-/ready says so.");
        describe_gauge!(FOLLOWED, "1 while every new stop order would be met at once.");
        describe_gauge!(SINCE_ANSWERED, "Since the brokers that a client reads from answered it.");
        Self { health, clients, follower, was_silent: false, was_ready: None }
    }

    /// Looks once.
    pub(super) fn look(&mut self) {
        let clients = self.clients.silent_for();
        for (part, silent) in &clients {
            gauge!(SINCE_ANSWERED, "client" => part.clone()).set(silent.as_secs_f64());
        }
        let silent: Vec<_> = clients.iter().filter(|(_, span)| *span > SILENT_AFTER).collect();
        self.tell_brokers(&silent);
        self.tell_stop_list(silent.iter().any(|(part, _)| part == STOP_LIST));
        self.tell_ready();
    }

    fn tell_brokers(&mut self, silent: &[&(String, Duration)]) {
        let each: Vec<_> =
            silent.iter().map(|(part, span)| format!("{part} for {} s", span.as_secs())).collect();
        let each = each.join(", ");
        if silent.is_empty() {
            self.health.ready("brokers");
        } else {
            self.health.not_ready("brokers", &format!("no broker has answered {each}"));
        }
        let is_silent = !silent.is_empty();
        if std::mem::replace(&mut self.was_silent, is_silent) != is_silent {
            if is_silent {
                warn!("brokers are silent: none that is read from has answered {each}");
            } else {
                info!("brokers answer again");
            }
        }
    }

    fn tell_stop_list(&self, is_silent: bool) {
        let is_whole = self.follower.is_whole();
        let unknown = self.follower.topic_unknown_for();
        gauge!(FOLLOWED).set(f64::from(is_whole && !is_silent && unknown.is_none()));
        match unknown {
            Some(span) => {
                let secs = span.as_secs();
                let why = format!("not followed for {secs} s: the brokers do not know its topic");
                self.health.not_ready(STOP_LIST, &why);
            }
            None if is_whole => self.health.ready(STOP_LIST),
            None => {} // Not read to its end yet, as was said.
        }
    }

    fn tell_ready(&mut self) {
        let wrong = self.health.why_not_ready();
        let is_ready = wrong.is_empty();
        gauge!(READY).set(f64::from(is_ready));
        let why = wrong.join("; ");
        match (self.was_ready.replace(is_ready), is_ready) {
            (Some(false) | None, true) => info!("ready"),
            (Some(true), false) => warn!(why, "not ready"),
            (None, false) => info!(why, "not ready yet"),
            (Some(true), true) | (Some(false), false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Clock;

    /// What a consumer of one broker says of itself: the broker was last heard `micros` ago.
    fn heard(micros: i64) -> Vec<u8> {
        let broker = format!(r#"{{"nodeid":1,"state":"UP","rxidle":{micros},"rtt":{{"p99":1}}}}"#);
        format!(r#"{{"brokers":{{"a":{broker}}}}}"#).into_bytes()
    }

    struct Scene {
        clock: Clock,
        health: Arc<Health>,
        follower: Arc<FollowerStatus>,
        figures: Arc<KafkaFigures>,
        readiness: Readiness,
    }

    fn scene() -> Scene {
        let clock = Clock::manual(0);
        let health = Arc::new(Health::new(clock.clone(), Duration::from_secs(10)));
        let follower = Arc::new(FollowerStatus::default());
        let clients = Clients::default();
        let figures = Arc::new(KafkaFigures::new(clock.clone()));
        clients.watch(STOP_LIST, &figures);
        health.not_ready(STOP_LIST, "not read to its end yet");
        let readiness = Readiness::new(Arc::clone(&health), clients, Arc::clone(&follower));
        Scene { clock, health, follower, figures, readiness }
    }

    #[test]
    fn brokers_that_do_not_answer_for_three_seconds_make_it_not_ready_until_they_do() {
        let mut scene = scene();
        scene.follower.set_whole();
        scene.clock.advance(Duration::from_secs(3));
        scene.readiness.look();
        assert_eq!(scene.health.why_not_ready(), [""; 0]);
        scene.clock.advance(Duration::from_secs(2));
        scene.readiness.look();
        let why = ["brokers: no broker has answered stop list for 5 s"];
        assert_eq!(scene.health.why_not_ready(), why);
        scene.figures.take_consumers(&heard(4_000_000)); // It is told, but of what was before.
        scene.readiness.look();
        assert_eq!(scene.health.why_not_ready().len(), 1);
        scene.figures.take_consumers(&heard(100_000));
        scene.readiness.look();
        assert_eq!(scene.health.why_not_ready(), [""; 0]);
    }

    #[test]
    fn a_stop_list_whose_topic_is_unknown_is_not_ready_and_says_for_how_long() {
        let mut scene = scene();
        scene.readiness.look();
        assert_eq!(scene.health.why_not_ready(), ["stop list: not read to its end yet"]);
        scene.follower.set_whole();
        scene.follower.set_topic_unknown_for(Some(Duration::from_secs(6)));
        scene.readiness.look();
        let why = ["stop list: not followed for 6 s: the brokers do not know its topic"];
        assert_eq!(scene.health.why_not_ready(), why);
        scene.follower.set_topic_unknown_for(None);
        scene.readiness.look();
        assert_eq!(scene.health.why_not_ready(), [""; 0]);
    }
}
