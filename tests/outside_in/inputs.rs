//! Traffic for the tests: small, seeded, with what the answers must be.

use std::time::SystemTime;

use prost::Message;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stopline::wire::proto::{
    Authorisation, CheckResult, ErrorReason, Initiator, MessageType, Scheme, authorisation::Card,
};

use crate::topics::Outbound;

/// How a message is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    Protobuf,
    Json,
}

impl Format {
    /// Its name in the header `content-type`.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// The bytes of `message`.
    pub(crate) fn encode(self, message: &Authorisation) -> Vec<u8> {
        match self {
            Self::Protobuf => message.encode_to_vec(),
            Self::Json => serde_json::to_vec(message).expect("JSON"),
        }
    }
}

/// What an input must be answered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Expected {
    Decision,
    /// Under this message type.
    Acknowledgement(u32),
    Error(ErrorReason),
}

/// A record for the authorisations topic, and what is known about it.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    /// As it is sent.
    pub(crate) record: Outbound,
    /// What it says, before any damage.
    pub(crate) message: Authorisation,
    /// How it is written, and so its answer; `None` where it names another.
    pub(crate) format: Option<Format>,
    /// What must come back.
    pub(crate) expected: Expected,
}

impl Input {
    /// `message` as a sender of the contract writes it.
    pub(crate) fn new(message: Authorisation, format: Format, expected: Expected) -> Self {
        let key = message.account_reference.clone().into_bytes();
        Self {
            record: Outbound {
                partition: None,
                key: (!key.is_empty()).then_some(key),
                value: Some(format.encode(&message)),
                headers: vec![("content-type", format.content_type().into())],
            },
            message,
            format: Some(format),
            expected,
        }
    }
}

/// Now, as Unix milliseconds.
pub(crate) fn now_millis() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock of this age")
}

/// A seeded source of traffic: few accounts with much, many with little; mostly home
/// merchants; some repeats, echo tests and advices.
pub(crate) struct Traffic {
    rng: ChaCha8Rng,
    /// What makes ids unique among the tests of one run.
    name: &'static str,
    made_count: u64,
    now_millis: i64,
    recent: Vec<Authorisation>,
}

const ACCOUNTS_COUNT: f64 = 3_000.0;

impl Traffic {
    /// Traffic whose clock starts half a minute ago and goes 1 ms a message.
    pub(crate) fn new(name: &'static str, seed: u64) -> Self {
        eprintln!("{name}: seed {seed}");
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            name,
            made_count: 0,
            now_millis: now_millis() - 30_000,
            recent: Vec::new(),
        }
    }

    /// The next input that a switch means well.
    pub(crate) fn next_input(&mut self) -> Input {
        let format = self.format();
        let kind = self.rng.random_range(0..200);
        match kind {
            0 => self.echo_test(format),
            1 => self.advice(format),
            2..5 if !self.recent.is_empty() => self.repeat(format),
            _ => {
                let message = self.request();
                self.recent.push(message.clone());
                if self.recent.len() > 100 {
                    self.recent.remove(0);
                }
                Input::new(message, format, Expected::Decision)
            }
        }
    }

    /// Protobuf or JSON, by halves.
    pub(crate) fn format(&mut self) -> Format {
        *[Format::Protobuf, Format::Json].choose(&mut self.rng).expect("two")
    }

    /// A request that was sent a short while ago.
    pub(crate) fn earlier_request(&mut self) -> Option<Authorisation> {
        self.recent.choose(&mut self.rng).cloned()
    }

    /// A request of an account drawn with skew.
    pub(crate) fn request(&mut self) -> Authorisation {
        let share: f64 = self.rng.random();
        #[expect(clippy::cast_possible_truncation, reason = "an index below the count")]
        #[expect(clippy::cast_sign_loss, reason = "a share is not negative")]
        let account = (share.powi(4) * ACCOUNTS_COUNT) as u32;
        self.request_of(&format!("account-{account}"))
    }

    /// A request of this account.
    pub(crate) fn request_of(&mut self, account: &str) -> Authorisation {
        self.made_count += 1;
        self.now_millis += 1;
        let rng = &mut self.rng;
        let is_abroad = rng.random_bool(0.05);
        let message_type =
            [MessageType::MessageType0100, MessageType::MessageType0200].choose(rng).expect("two");
        Authorisation {
            message_type: i32::from(*message_type),
            authorisation_id: format!("{}-{}", self.name, self.made_count),
            card: Some(Card::CardToken(format!("token-of-{account}"))),
            account_reference: account.to_owned(),
            amount_minor_units: Some(amount(rng)),
            currency: if is_abroad { "USD" } else { "CNY" }.to_owned(),
            // A switch's queues reorder a little.
            authorised_at_millis: self.now_millis - rng.random_range(0..2_000),
            merchant_id: Some(format!("merchant-{}", rng.random_range(0..400))),
            acquirer_id: Some(format!("acquirer-{}", rng.random_range(0..4))),
            merchant_category_code: Some(*[5411, 5812, 6051, 7995, 4814].choose(rng).expect("5")),
            merchant_country: Some(if is_abroad { "US" } else { "CN" }.to_owned()),
            initiator: i32::from(if rng.random_bool(0.1) {
                Initiator::Merchant
            } else {
                Initiator::Cardholder
            }),
            eci: Some(*[5, 6, 7].choose(rng).expect("three")),
            cvv2_result: i32::from(if rng.random_bool(0.03) {
                CheckResult::NoMatch
            } else {
                CheckResult::Match
            }),
            ip_country: Some(if rng.random_bool(0.03) { "RU" } else { "CN" }.to_owned()),
            scheme: i32::from(*[Scheme::Visa, Scheme::Unionpay].choose(rng).expect("two")),
            portfolio: Some("consumer".to_owned()),
            ..Authorisation::default()
        }
    }

    fn repeat(&mut self, format: Format) -> Input {
        let mut message = self.earlier_request().expect("there is one");
        message.message_type += 1; // 0100 and 0200 become 0101 and 0201.
        Input::new(message, format, Expected::Decision)
    }

    fn advice(&mut self, format: Format) -> Input {
        let message = Authorisation {
            message_type: i32::from(MessageType::MessageType0120),
            response_code: Some("00".to_owned()),
            ..self.request()
        };
        Input::new(message, format, Expected::Acknowledgement(130))
    }

    /// A probe of one partition or another.
    pub(crate) fn echo_test(&mut self, format: Format) -> Input {
        let message = Authorisation {
            message_type: i32::from(MessageType::MessageType0800),
            ..Authorisation::default()
        };
        let mut input = Input::new(message, format, Expected::Acknowledgement(810));
        input.record.partition = Some(self.rng.random_range(0..4));
        input
    }
}

/// Mostly small, now and then large, in minor units.
fn amount(rng: &mut ChaCha8Rng) -> i64 {
    let largest = *[5_000, 50_000, 3_000_000].choose(rng).expect("three");
    rng.random_range(100..largest)
}
