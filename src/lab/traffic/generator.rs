//! The generator itself: one message after the other, each made whole.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::activity::Activity;
use super::arrivals::Arrivals;
use super::cards::Card;
use super::draw::{Trait, any_point, chance, hash, name, number};
use super::merchants::{Country, HOME};
use super::payment::{Checks, Kind, Payment};
use super::rest::Rest;
use crate::wire::proto::{
    Authorisation, Channel, EntryMode, Initiator, MessageType, ProcessingCode, Scheme,
    authorisation,
};

/// Which of the generator's random streams is for the messages.
const STREAM: u64 = 2;
/// How often a busy card is drawn again while it rests, and then any card.
const DRAWS_IN_PROPORTION: usize = 6;
const DRAWS_EVENLY: usize = 40;

/// What traffic to make.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TrafficSettings {
    /// The same seed makes the same messages, byte for byte, on one kind of machine.
    pub seed: u64,
    /// Cards that pay, at least one. Ten million cost no memory, unless they rest.
    pub cards_count: u32,
    /// When the traffic begins, in Unix milliseconds: wall time or a time of its own.
    /// Authorisation ids differ from start to start.
    pub start_unix_millis: i64,
    /// Messages a second on average, for [`Traffic::next_due`].
    pub rate_per_second: f64,
    /// How long a card rests between two ordinary payments; 0 is not at all. Traffic that
    /// is faster than its cards really pay needs it, or every card looks like a burst.
    pub rest_millis: i64,
}

/// A card of the traffic, by its number. Those from `cards_count` on belong to nobody:
/// stories are told with them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CardNumber(pub u64);

/// A message and when it is due.
#[derive(Clone, PartialEq, Debug)]
pub struct Due {
    /// Nanoseconds after the start.
    pub after_start_nanos: u64,
    /// The message.
    pub request: Authorisation,
}

/// Makes authorisations that look like card-not-present traffic.
#[derive(Clone, Debug)]
pub struct Traffic {
    settings: TrafficSettings,
    activity: Activity,
    rest: Option<Rest>,
    random: ChaCha8Rng,
    arrivals: Arrivals,
    run: String,
    messages_count: u64,
}

impl Traffic {
    /// Traffic that has not begun.
    pub fn new(settings: TrafficSettings) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        random.set_stream(STREAM);
        let start = settings.start_unix_millis.cast_unsigned();
        let run = u128::from(hash(settings.seed, Trait::Run, start));
        Self {
            settings,
            activity: Activity::new(settings.cards_count),
            rest: Rest::new(settings.cards_count, settings.rest_millis),
            random,
            arrivals: Arrivals::new(settings.seed, settings.rate_per_second),
            run: name("a", run, 9),
            messages_count: 0,
        }
    }

    /// The next ordinary request, authorised at `at_unix_millis`.
    pub fn next_request(&mut self, at_unix_millis: i64) -> Authorisation {
        let card = self.draw_card(at_unix_millis);
        self.payment_of(card, at_unix_millis)
    }

    /// The next ordinary request of an open loop that began at the settings' start.
    pub fn next_due(&mut self) -> Due {
        let after_start_nanos = self.arrivals.next().unwrap_or(u64::MAX);
        let passed_millis = (after_start_nanos / 1_000_000).cast_signed();
        Due {
            after_start_nanos,
            request: self.next_request(self.settings.start_unix_millis + passed_millis),
        }
    }

    /// An ordinary request of `card`.
    pub fn payment_of(&mut self, card: CardNumber, at_unix_millis: i64) -> Authorisation {
        let card = Card::new(self.settings.seed, card.0);
        let payment = Payment::draw(self.settings.seed, &card, &mut self.random);
        let checks = Checks::draw(payment.kind, card.scheme, &mut self.random);
        self.write(&card, payment, checks, at_unix_millis)
    }

    /// A request of `card` that gives nobody cause for doubt: at a shop at home that it pays
    /// often, authenticated in full.
    pub fn calm_payment_of(&mut self, card: CardNumber, at_unix_millis: i64) -> Authorisation {
        let card = Card::new(self.settings.seed, card.0);
        let payment = Payment::calm(self.settings.seed, &card);
        let checks = Checks::faultless(card.scheme);
        self.write(&card, payment, checks, at_unix_millis)
    }

    /// One attempt of somebody who tries whether `card` works: a small amount at any shop,
    /// and every check is passed. Only the pace betrays it.
    pub fn burst(&mut self, card: CardNumber, at_unix_millis: i64) -> Authorisation {
        let card = Card::new(self.settings.seed, card.0);
        let payment = Payment::trial(self.settings.seed, &mut self.random);
        let checks = Checks::faultless(card.scheme);
        self.write(&card, payment, checks, at_unix_millis)
    }

    /// The `which`-th card that ordinary traffic never uses.
    pub fn spare_card(&self, which: u32) -> CardNumber {
        CardNumber(u64::from(self.settings.cards_count.max(1)) + u64::from(which))
    }

    /// How messages name `card`.
    pub fn card_token(&self, card: CardNumber) -> String {
        Card::new(self.settings.seed, card.0).token()
    }

    /// How messages name the account of `card`.
    pub fn account_reference(&self, card: CardNumber) -> String {
        Card::new(self.settings.seed, card.0).account_reference()
    }

    /// Authorisations of `card` in a month, on average. Slow: for reports.
    pub fn monthly_authorisations_of(&self, card: CardNumber) -> f64 {
        self.activity.per_month(card.0)
    }

    fn draw_card(&mut self, at_unix_millis: i64) -> CardNumber {
        let Some(rest) = &mut self.rest else {
            return CardNumber(self.activity.draw(&mut self.random));
        };
        let moment_millis = at_unix_millis - self.settings.start_unix_millis;
        let mut card = 0;
        for attempt in 0..DRAWS_IN_PROPORTION + DRAWS_EVENLY {
            card = if attempt < DRAWS_IN_PROPORTION {
                self.activity.draw(&mut self.random)
            } else {
                self.activity.draw_evenly(&mut self.random)
            };
            if rest.is_over(card, moment_millis) {
                break;
            }
        }
        rest.pays(card, moment_millis);
        CardNumber(card)
    }

    fn write(
        &mut self,
        card: &Card,
        payment: Payment,
        checks: Checks,
        at_unix_millis: i64,
    ) -> Authorisation {
        let place = payment.merchant.country;
        let is_home = place == HOME;
        let mut request = Authorisation {
            message_type: message_type(card.scheme).into(),
            authorisation_id: self.next_id(),
            original_id: payment.original_id,
            processing_code: processing_code(payment.kind).into(),
            card: Some(authorisation::Card::CardToken(card.token())),
            account_reference: card.account_reference(),
            amount_minor_units: Some(if is_home || payment.amount_fen == 0 {
                payment.amount_fen
            } else {
                place.minor_units_of(payment.amount_fen)
            }),
            currency: place.currency.to_owned(),
            billing_amount_minor_units: (!is_home).then_some(payment.amount_fen),
            billing_currency: (!is_home).then(|| HOME.currency.to_owned()),
            authorised_at_millis: at_unix_millis,
            merchant_id: Some(payment.merchant.id()),
            acquirer_id: Some(payment.merchant.acquirer_id()),
            terminal_id: Some(payment.merchant.terminal_id()),
            merchant_category_code: Some(payment.merchant.category_code()),
            merchant_country: Some(place.code.to_owned()),
            entry_mode: checks.entry_mode.into(),
            channel: checks.channel.into(),
            initiator: checks.initiator.into(),
            eci: checks.eci,
            cavv_result: checks.cavv.into(),
            cvv2_result: checks.cvv2.into(),
            avs_result: checks.avs.into(),
            expiry_result: checks.expiry.into(),
            bin: Some(card.bin()),
            scheme: card.scheme.into(),
            portfolio: Some(card.portfolio.to_owned()),
            ..Authorisation::default()
        };
        if checks.initiator == Initiator::Cardholder {
            self.add_device(&mut request, card, checks);
        }
        request
    }

    /// The cardholder's own device, where one is used.
    fn add_device(&mut self, request: &mut Authorisation, card: &Card, checks: Checks) {
        let by_device = [Channel::App, Channel::Browser].contains(&checks.channel);
        if !by_device || checks.entry_mode == EntryMode::Manual {
            return;
        }
        let device = match any_point(&mut self.random) {
            ..0.85 => 0,
            ..0.95 => 1,
            _ => 2 + self.messages_count,
        };
        let address_country = if chance(&mut self.random, 0.97) {
            HOME
        } else {
            Country::foreign(any_point(&mut self.random))
        };
        request.device_id = Some(card.device(device));
        request.ip_address = Some(card.address(device));
        request.ip_country = Some(address_country.code.to_owned());
        request.email_digest = Some(card.email_digest());
    }

    fn next_id(&mut self) -> String {
        self.messages_count += 1;
        number(&self.run, self.messages_count, 11)
    }
}

/// UnionPay payments are financial requests; the other schemes authorise first.
fn message_type(scheme: Scheme) -> MessageType {
    if scheme == Scheme::Unionpay {
        MessageType::MessageType0200
    } else {
        MessageType::MessageType0100
    }
}

fn processing_code(kind: Kind) -> ProcessingCode {
    if kind == Kind::AccountCheck { ProcessingCode::AccountCheck } else { ProcessingCode::Purchase }
}

/// The same request again, as a switch sends it that had no answer in time: 0101 for 0100.
#[must_use]
pub fn repeat_of(request: &Authorisation) -> Authorisation {
    let message_type = match request.message_type() {
        MessageType::MessageType0100 => MessageType::MessageType0101,
        MessageType::MessageType0120 => MessageType::MessageType0121,
        MessageType::MessageType0200 => MessageType::MessageType0201,
        MessageType::MessageType0220 => MessageType::MessageType0221,
        MessageType::MessageType0400 => MessageType::MessageType0401,
        MessageType::MessageType0420 => MessageType::MessageType0421,
        already @ (MessageType::Unspecified
        | MessageType::MessageType0101
        | MessageType::MessageType0110
        | MessageType::MessageType0121
        | MessageType::MessageType0201
        | MessageType::MessageType0210
        | MessageType::MessageType0221
        | MessageType::MessageType0401
        | MessageType::MessageType0421
        | MessageType::MessageType0800) => already,
    };
    Authorisation { message_type: message_type.into(), ..request.clone() }
}
