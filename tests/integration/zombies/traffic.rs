//! What is sent: few accounts, many repeats, poison, echo tests, times out of order.

use prost::Message as _;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use stopline::domain::{Offset, PartitionId};
use stopline::wire::proto;

use crate::support::{AUTHORISATIONS, Rig, purchase};

const ACCOUNTS: [&str; 4] = ["account-0", "account-1", "account-2", "account-3"];
const LATENESS_MILLIS: i64 = 600_000;
const ANSWERS_AGE_MILLIS: i64 = 600_000;

/// One input, as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) partition: PartitionId,
    pub(super) offset: Offset,
    pub(super) appended_at: i64,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Vec<u8>,
    /// What a request asks for; nothing for poison and echo tests.
    pub(super) request: Option<Asked>,
}

/// What a request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) minor_units: i64,
    pub(super) authorised_at: i64,
    pub(super) is_repeat: bool,
    /// When its id was first sent.
    pub(super) first_at: i64,
}

impl Asked {
    /// The time that windows use.
    pub(super) fn event_at(&self, appended_at: i64) -> i64 {
        self.authorised_at.clamp(appended_at - LATENESS_MILLIS, appended_at)
    }

    fn message(&self) -> proto::Authorisation {
        let kind = if self.is_repeat {
            proto::MessageType::MessageType0101
        } else {
            proto::MessageType::MessageType0100
        };
        proto::Authorisation {
            message_type: kind as i32,
            amount_minor_units: Some(self.minor_units),
            authorised_at_millis: self.authorised_at,
            ..purchase(&self.id, &self.account)
        }
    }
}

/// All that was sent.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) sent: Vec<Sent>,
    ids_count: usize,
    /// No id comes again later than its answer is kept. An id that is judged again while its
    /// first is in a window is counted or not by what a take-over still reads of the log.
    repeats_soon: bool,
}

impl Traffic {
    pub(super) fn new(repeats_soon: bool) -> Self {
        Self { repeats_soon, ..Self::default() }
    }

    /// Sends something.
    pub(super) fn send_any(&mut self, rig: &Rig, random: &mut ChaCha8Rng) {
        match random.random_range(0..20) {
            0 => self.send_value(rig, b"account-1", b"no message", None),
            1 => {
                let echo = proto::Authorisation {
                    message_type: proto::MessageType::MessageType0800 as i32,
                    ..proto::Authorisation::default()
                };
                self.send_value(rig, b"account-2", &echo.encode_to_vec(), None);
            }
            2..=7 => {
                if let Some(mut asked) = self.any_earlier(rig.clock.unix_millis(), random) {
                    asked.is_repeat = random.random_bool(0.7);
                    if random.random_bool(0.1) {
                        asked.minor_units += 1;
                    }
                    self.send(rig, asked);
                }
            }
            _ => {
                let account = ACCOUNTS[random.random_range(0..ACCOUNTS.len())];
                let minor_units = [1_000, 5_000, 200_000, 600_000][random.random_range(0..4)];
                let apart = match random.random_range(0..10) {
                    0 => -random.random_range(0..700_000),
                    1 => random.random_range(0..120_000),
                    _ => -random.random_range(0..500),
                };
                let authorised_at = rig.clock.unix_millis() + apart;
                self.send_new(rig, account, minor_units, authorised_at);
            }
        }
    }

    /// Sends a few requests for each account, and a repeat of each of the last ids.
    pub(super) fn send_probes(&mut self, rig: &Rig) {
        let mut ids: Vec<Asked> =
            self.sent.iter().rev().filter_map(|sent| sent.request.clone()).collect();
        for account in ACCOUNTS {
            self.send_new(rig, account, 1_000, rig.clock.unix_millis());
        }
        ids.sort_by(|one, other| one.id.cmp(&other.id));
        ids.dedup_by(|one, other| one.id == other.id);
        let now = rig.clock.unix_millis();
        ids.retain(|asked| self.may_repeat(asked, now));
        for mut asked in ids {
            asked.is_repeat = true;
            self.send(rig, asked);
        }
        for account in ACCOUNTS {
            self.send_new(rig, account, 1_000, rig.clock.unix_millis());
        }
    }

    /// Sends the same inputs, at the same times, to another log.
    pub(super) fn replay(&self, rig: &Rig) {
        let mut inputs: Vec<&Sent> = self.sent.iter().collect();
        inputs.sort_by_key(|sent| sent.appended_at);
        for sent in inputs {
            let wait = sent.appended_at - rig.clock.unix_millis();
            rig.clock.advance(std::time::Duration::from_millis(wait.try_into().unwrap()));
            let (key, value) = (sent.key.as_deref(), Some(&sent.value[..]));
            let offset = rig.broker.produce(AUTHORISATIONS, sent.partition, key, value, &[]);
            assert_eq!(offset, Ok(sent.offset));
        }
    }

    fn may_repeat(&self, asked: &Asked, now: i64) -> bool {
        !self.repeats_soon || asked.first_at >= now - ANSWERS_AGE_MILLIS
    }

    fn any_earlier(&self, now: i64, random: &mut ChaCha8Rng) -> Option<Asked> {
        let requests = self
            .sent
            .iter()
            .rev()
            .filter_map(|sent| sent.request.as_ref())
            .filter(|asked| self.may_repeat(asked, now));
        let reach = if random.random_bool(0.8) { 6 } else { 40 };
        requests.take(reach).nth(random.random_range(0..reach)).cloned()
    }

    fn send_new(&mut self, rig: &Rig, account: &str, minor_units: i64, authorised_at: i64) {
        self.ids_count += 1;
        let (id, account) = (format!("id-{}", self.ids_count), account.to_owned());
        let first_at = rig.clock.unix_millis();
        let asked = Asked { id, account, minor_units, authorised_at, is_repeat: false, first_at };
        self.send(rig, asked);
    }

    fn send(&mut self, rig: &Rig, asked: Asked) {
        let value = asked.message().encode_to_vec();
        let key = asked.account.clone();
        self.send_value(rig, key.as_bytes(), &value, Some(asked));
    }

    fn send_value(&mut self, rig: &Rig, key: &[u8], value: &[u8], request: Option<Asked>) {
        let (partition, offset) =
            rig.broker.produce_keyed(AUTHORISATIONS, key, Some(value), &[]).unwrap();
        let (key, value) = (Some(key.to_vec()), value.to_vec());
        let appended_at = rig.clock.unix_millis();
        self.sent.push(Sent { partition, offset, appended_at, key, value, request });
    }
}
