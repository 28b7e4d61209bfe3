//! What follows an authorisation, or comes before it: the host's answers, advices,
//! reversals, incrementals, the same again, late and in any order, and what is wrong.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::draw::{any_point, chance, pick};
use super::generator::{CardNumber, Due, Traffic, TrafficSettings, repeat_of};
use crate::wire::proto::{Authorisation, MessageType, ProcessingCode, authorisation};

/// Which of the generator's random streams is for what follows.
const STREAM: u64 = 3;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// How often something happens to an authorisation, each from 0 (never) to 1 (always).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Shares {
    /// A message is sent again, 0101 for 0100.
    pub repeats: f64,
    /// The host tells its answer (0110, 0210).
    pub notices: f64,
    /// It was decided elsewhere and advised (0120, 0220); half of the time no request comes.
    pub advices: f64,
    /// Of what the host tells: nobody decided (91, 96).
    pub failures: f64,
    /// All of it is taken back.
    pub full_reversals: f64,
    /// Some of it is taken back, in one or more parts.
    pub partial_reversals: f64,
    /// One to three incrementals add to its amount.
    pub incrementals: f64,
    /// It is money towards the cardholder.
    pub refunds: f64,
    /// A message takes its time, so that others overtake it.
    pub late: f64,
    /// A message about it does not fit it, or comes under an id that was used.
    pub contradictory: f64,
    /// The switch asks whether we are there (0800).
    pub echoes: f64,
}

impl Shares {
    /// Nothing but requests, as [`Traffic`] makes them.
    pub const NONE: Self = Self {
        repeats: 0.0,
        notices: 0.0,
        advices: 0.0,
        failures: 0.0,
        full_reversals: 0.0,
        partial_reversals: 0.0,
        incrementals: 0.0,
        refunds: 0.0,
        late: 0.0,
        contradictory: 0.0,
        echoes: 0.0,
    };

    /// Every kind of message, far more often than a switch sends it: for trials.
    pub const EVERY_KIND: Self = Self {
        repeats: 0.06,
        notices: 0.35,
        advices: 0.08,
        failures: 0.10,
        full_reversals: 0.08,
        partial_reversals: 0.08,
        incrementals: 0.08,
        refunds: 0.03,
        late: 0.10,
        contradictory: 0.04,
        echoes: 0.02,
    };
}

/// How long things take, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delays {
    /// The most that a late message is late.
    pub late_max: i64,
    /// The most that something comes after what it is about; half comes within seconds.
    pub after_max: i64,
}

/// Traffic with every kind of message: authorisations and what becomes of them, in the order
/// in which it arrives. Time is the traffic's own.
#[derive(Clone, Debug)]
pub struct LifeCycles {
    traffic: Traffic,
    cards_count: u32,
    start_unix_millis: i64,
    shares: Shares,
    delays: Delays,
    random: ChaCha8Rng,
    /// What is under way, by when it arrives.
    under_way: BTreeMap<(i64, u64), Authorisation>,
    sent_count: u64,
    /// When the next authorisation is made: nothing under way arrives before it is known.
    made_until_millis: i64,
}

impl LifeCycles {
    /// Traffic that has not begun. `settings.rate_per_second` is of authorisations; what
    /// follows them comes on top.
    pub fn new(settings: TrafficSettings, shares: Shares, delays: Delays) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        random.set_stream(STREAM);
        Self {
            traffic: Traffic::new(settings),
            cards_count: settings.cards_count.max(1),
            start_unix_millis: settings.start_unix_millis,
            shares,
            delays,
            random,
            under_way: BTreeMap::new(),
            sent_count: 0,
            made_until_millis: settings.start_unix_millis,
        }
    }

    /// The next message to arrive. Its own time is when it was made.
    pub fn next_due(&mut self) -> Due {
        loop {
            let is_first_known = self
                .under_way
                .first_key_value()
                .is_some_and(|((arrival, _), _)| *arrival <= self.made_until_millis);
            if is_first_known && let Some(((arrival, _), request)) = self.under_way.pop_first() {
                let after_start = (arrival - self.start_unix_millis).max(0).cast_unsigned();
                return Due { after_start_nanos: after_start * NANOS_PER_MILLI, request };
            }
            let request = self.traffic.next_due().request;
            self.made_until_millis = self.made_until_millis.max(request.authorised_at_millis);
            self.live(request);
        }
    }

    /// Sends a request and all that becomes of it.
    fn live(&mut self, mut request: Authorisation) {
        if self.happens(self.shares.refunds) {
            let is_refund = self.happens(0.5);
            let code = if is_refund { ProcessingCode::Refund } else { ProcessingCode::Credit };
            request.processing_code = code.into();
        }
        let is_elsewhere = self.happens(self.shares.advices);
        if is_elsewhere {
            let code = self.code();
            let advice = told_of(&request, advice_type(&request), code);
            let made_at = self.after(request.authorised_at_millis);
            self.send(Authorisation { authorised_at_millis: made_at, ..advice });
        }
        if !is_elsewhere || self.happens(0.5) {
            self.send(request.clone());
        }
        if self.happens(self.shares.notices) {
            self.tell_outcome(&request);
        }
        if self.happens(self.shares.incrementals) {
            for number in 0..self.random.random_range(1..=3) {
                self.add_to(&request, number);
            }
        }
        self.take_back(&request);
        if self.happens(self.shares.contradictory) {
            self.contradict(&request);
        }
        if self.happens(self.shares.echoes) {
            self.send(echo_beside(&request));
        }
    }

    fn tell_outcome(&mut self, request: &Authorisation) {
        let code = self.code();
        let mut notice = told_of(request, notice_type(request), code);
        notice.authorised_at_millis = self.after(request.authorised_at_millis);
        if self.happens(0.5) {
            notice.amount_minor_units = None;
            notice.currency = String::new();
        }
        self.send(notice.clone());
        // Some hosts change their mind.
        if self.happens(0.1) {
            let code = self.code();
            let later = self.after(notice.authorised_at_millis);
            notice.response_code = Some(code.to_owned());
            self.send(Authorisation { authorised_at_millis: later, ..notice });
        }
    }

    fn add_to(&mut self, request: &Authorisation, number: u32) {
        let added = Authorisation {
            authorisation_id: format!("{}-i{number}", request.authorisation_id),
            original_id: Some(request.authorisation_id.clone()),
            incremental: true,
            authorised_at_millis: self.after(request.authorised_at_millis),
            ..self.part_of(request)
        };
        self.send(added.clone());
        if self.happens(self.shares.notices) {
            self.tell_outcome(&added);
        }
        self.take_back(&added);
    }

    fn take_back(&mut self, request: &Authorisation) {
        if self.happens(self.shares.partial_reversals) {
            for number in 0..self.random.random_range(1..=3) {
                let part = self.part_of(request);
                self.reverse(request, &format!("p{number}"), Some(part));
            }
        }
        if self.happens(self.shares.full_reversals) {
            self.reverse(request, "r", None);
        }
    }

    /// Takes back all of `request`, or what `part` says.
    fn reverse(&mut self, request: &Authorisation, tag: &str, part: Option<Authorisation>) {
        let made_at = self.after(request.authorised_at_millis);
        let mut reversal = reversal_of(request, tag, part);
        reversal.authorised_at_millis = made_at;
        self.send(reversal);
    }

    /// Sends something that does not fit `request`.
    fn contradict(&mut self, request: &Authorisation) {
        let other_card = || {
            let token = format!("other-{}", request.authorisation_id);
            Some(authorisation::Card::CardToken(token))
        };
        let part = self.part_of(request);
        let code = self.code();
        let mut message = match self.random.random_range(0..8) {
            0 => Authorisation { card: other_card(), ..reversal_of(request, "c", None) },
            1 => Authorisation {
                currency: other_currency(request),
                ..reversal_of(request, "c", Some(part))
            },
            2 => {
                Authorisation { card: other_card(), ..told_of(request, notice_type(request), code) }
            }
            3 => Authorisation {
                currency: other_currency(request),
                ..told_of(request, advice_type(request), code)
            },
            4 => Authorisation {
                account_reference: self.any_account(),
                ..reversal_of(request, "c", None)
            },
            5 => Authorisation {
                account_reference: self.any_account(),
                ..told_of(request, advice_type(request), code)
            },
            6 => Authorisation {
                amount_minor_units: request.amount_minor_units.map(|amount| amount + 1),
                ..request.clone()
            },
            _ => {
                let amount_minor_units = request.amount_minor_units.map(|amount| amount * 2 + 1);
                reversal_of(request, "c", Some(Authorisation { amount_minor_units, ..part }))
            }
        };
        message.authorised_at_millis = self.after(request.authorised_at_millis);
        self.send(message);
    }

    /// Puts `message` under way, and its repeats.
    fn send(&mut self, message: Authorisation) {
        let mut arrival = message.authorised_at_millis;
        if self.happens(self.shares.late) {
            arrival += self.random.random_range(0..=self.delays.late_max);
        }
        if self.happens(self.shares.repeats) {
            let again = if self.happens(0.7) { repeat_of(&message) } else { message.clone() };
            let arrival = self.after(arrival);
            self.put_under_way(arrival, again);
        }
        self.put_under_way(arrival, message);
    }

    fn put_under_way(&mut self, arrival: i64, message: Authorisation) {
        self.sent_count += 1;
        self.under_way.insert((arrival, self.sent_count), message);
    }

    /// Some time after `moment_millis`: half within seconds.
    fn after(&mut self, moment_millis: i64) -> i64 {
        let longest = if self.happens(0.5) { 3_000 } else { self.delays.after_max };
        moment_millis + self.random.random_range(0..=longest)
    }

    /// `request` over a part of its amount.
    fn part_of(&mut self, request: &Authorisation) -> Authorisation {
        // A quarter of it at a time: four parts are all, and five are too much.
        let quarters = self.random.random_range(1..=4);
        let part = |amount: i64| amount * quarters / 4;
        Authorisation {
            amount_minor_units: request.amount_minor_units.map(part),
            billing_amount_minor_units: request.billing_amount_minor_units.map(part),
            ..request.clone()
        }
    }

    /// What a host answers.
    fn code(&mut self) -> &'static str {
        const CODES: [(f64, &str); 4] = [(0.80, "00"), (0.12, "51"), (0.04, "05"), (0.04, "1A")];
        if self.happens(self.shares.failures) {
            return if self.happens(0.5) { "91" } else { "96" };
        }
        pick(&CODES, any_point(&mut self.random)).copied().unwrap_or("00")
    }

    fn any_account(&mut self) -> String {
        let card = self.random.random_range(0..self.cards_count);
        self.traffic.account_reference(CardNumber(u64::from(card)))
    }

    fn happens(&mut self, share: f64) -> bool {
        chance(&mut self.random, share)
    }
}

fn told_of(request: &Authorisation, message_type: MessageType, code: &str) -> Authorisation {
    Authorisation {
        message_type: message_type.into(),
        response_code: Some(code.to_owned()),
        ..request.clone()
    }
}

fn reversal_of(request: &Authorisation, tag: &str, part: Option<Authorisation>) -> Authorisation {
    let is_all = part.is_none();
    let base = part.unwrap_or_else(|| request.clone());
    let is_financial = request.message_type() == MessageType::MessageType0200;
    let reversal =
        if is_financial { MessageType::MessageType0420 } else { MessageType::MessageType0400 };
    Authorisation {
        message_type: reversal.into(),
        authorisation_id: format!("{}-{tag}", request.authorisation_id),
        original_id: Some(request.authorisation_id.clone()),
        original_authorised_at_millis: Some(request.authorised_at_millis),
        incremental: false,
        amount_minor_units: base.amount_minor_units.filter(|_| !is_all),
        currency: if is_all { String::new() } else { base.currency },
        billing_amount_minor_units: None,
        billing_currency: None,
        ..request.clone()
    }
}

fn echo_beside(request: &Authorisation) -> Authorisation {
    Authorisation {
        message_type: MessageType::MessageType0800.into(),
        authorisation_id: format!("{}-e", request.authorisation_id),
        account_reference: request.account_reference.clone(),
        authorised_at_millis: request.authorised_at_millis,
        ..Authorisation::default()
    }
}

fn other_currency(request: &Authorisation) -> String {
    if request.currency == "USD" { "EUR" } else { "USD" }.to_owned()
}

fn advice_type(request: &Authorisation) -> MessageType {
    if request.message_type() == MessageType::MessageType0200 {
        MessageType::MessageType0220
    } else {
        MessageType::MessageType0120
    }
}

fn notice_type(request: &Authorisation) -> MessageType {
    if request.message_type() == MessageType::MessageType0200 {
        MessageType::MessageType0210
    } else {
        MessageType::MessageType0110
    }
}
