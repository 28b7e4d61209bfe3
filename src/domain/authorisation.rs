//! What the switch sends: a request, repeat, advice, reversal, outcome notice or
//! echo test.

use super::{
    AccountKey, AcquirerKey, Amount, CardKey, Currency, DeviceKey, EmailKey, EventTime, IdKey,
    Identifier, IpKey, MerchantKey,
};

/// One message from the switch, understood and bounded, borrowing its names from
/// the bytes it came in. Field by field as `proto/stopline/v1/authorisation.proto`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Authorisation<'a> {
    /// What kind of message it is.
    pub message_type: MessageType,
    /// The switch's id of it.
    pub id: Identifier<'a>,
    /// The keyed hash of `id`: what repeats are found by.
    pub id_key: IdKey,
    /// The authorisation that it refers to.
    pub original_id: Option<Identifier<'a>>,
    /// The keyed hash of `original_id`: what its original is found by.
    pub original_key: Option<IdKey>,
    /// What kind of payment it is.
    pub processing: Processing,
    /// Adds to the original's amount instead of standing for itself.
    pub incremental: bool,
    /// What velocity hangs on.
    pub account: AccountKey,
    /// The card; requests always have one.
    pub card: Option<CardKey>,
    /// In the transaction currency; requests always have one.
    pub amount: Option<Amount>,
    /// In the billing currency, where it differs.
    pub billing_amount: Option<Amount>,
    /// The switch's time, as received.
    pub authorised_at: EventTime,
    /// The switch's time of the original.
    pub original_authorised_at: Option<EventTime>,
    /// Until when the answer is of use.
    pub deadline: Option<EventTime>,
    /// DE42, for the record.
    pub merchant_id: Option<Identifier<'a>>,
    /// DE32, for the record.
    pub acquirer_id: Option<Identifier<'a>>,
    /// Acquirer and merchant id, hashed: what merchants are told apart by.
    pub merchant: Option<MerchantKey>,
    /// DE32, hashed.
    pub acquirer: Option<AcquirerKey>,
    /// DE18, 1 to 9999.
    pub merchant_category: Option<u16>,
    /// DE19 / DE43: two capital letters.
    pub merchant_country: Option<[u8; 2]>,
    /// DE22.
    pub entry_mode: Option<EntryMode>,
    /// Where the order was placed.
    pub channel: Option<Channel>,
    /// Who started it; absent is the cardholder.
    pub initiator: Initiator,
    /// Electronic commerce indicator, 0 to 99.
    pub eci: Option<u8>,
    /// Cardholder authentication value.
    pub cavv_result: Option<CheckResult>,
    /// Card verification code.
    pub cvv2_result: Option<CheckResult>,
    /// Address.
    pub avs_result: Option<CheckResult>,
    /// Expiry date.
    pub expiry_result: Option<CheckResult>,
    /// The first six to eight digits of the card number.
    pub bin: Option<u32>,
    /// The cardholder's device, hashed.
    pub device: Option<DeviceKey>,
    /// Its address, hashed.
    pub ip: Option<IpKey>,
    /// The sender's digest of the cardholder's e-mail address, hashed.
    pub email: Option<EmailKey>,
    /// Country of the cardholder's device address.
    pub ip_country: Option<[u8; 2]>,
    /// Card scheme; absent is generic ISO 8583.
    pub scheme: Option<Scheme>,
    /// The issuer's product line.
    pub portfolio: Option<Identifier<'a>>,
    /// DE39 as decided elsewhere.
    pub response_code: Option<[u8; 2]>,
    /// What `response_code` says: advices and outcome notices always have one.
    pub outcome_elsewhere: Option<OutcomeElsewhere>,
}

impl Authorisation<'_> {
    /// What it is known by: a request and its repeat share it.
    pub fn key(&self) -> MessageKey {
        MessageKey { class: self.message_type.class, id: self.id_key }
    }

    /// Its amount in `currency`: the transaction amount, else the billing amount,
    /// else none. Amounts are never compared across currencies.
    pub fn minor_units_in(&self, currency: Currency) -> Option<i64> {
        [self.amount, self.billing_amount]
            .into_iter()
            .flatten()
            .find(|amount| amount.currency() == currency)
            .map(Amount::minor_units)
    }
}

/// What a message is known by in its partition (journal rule J9).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MessageKey {
    /// Requests and repeats are one class; the others one each.
    pub class: MessageClass,
    /// The keyed hash of its id.
    pub id: IdKey,
}

/// A message type indicator that Stopline speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MessageType {
    /// DE0 as a number: 100 is 0100.
    pub indicator: u16,
    /// What is done with it.
    pub class: MessageClass,
    /// True for a last digit of 1: the same message again.
    pub is_repeat: bool,
}

impl MessageType {
    /// The message type with DE0 `indicator` (100 is 0100), or `None` for one not spoken here.
    pub const fn from_indicator(indicator: u16) -> Option<Self> {
        let (class, is_repeat) = match indicator {
            100 | 200 => (MessageClass::Request, false),
            101 | 201 => (MessageClass::Request, true),
            110 | 210 => (MessageClass::OutcomeNotice, false),
            120 | 220 => (MessageClass::Advice, false),
            121 | 221 => (MessageClass::Advice, true),
            400 | 420 => (MessageClass::Reversal, false),
            401 | 421 => (MessageClass::Reversal, true),
            800 => (MessageClass::EchoTest, false),
            _ => return None,
        };
        Some(Self { indicator, class, is_repeat })
    }

    /// DE0 of the answer: 110 for 100 and 101, 130 for 120, 410 for 400, 430 for 420,
    /// 810 for 800; an outcome notice is acknowledged under its own type.
    pub const fn answer_indicator(self) -> u16 {
        match self.class {
            MessageClass::OutcomeNotice => self.indicator,
            MessageClass::Request
            | MessageClass::Advice
            | MessageClass::Reversal
            | MessageClass::EchoTest => self.indicator - self.indicator % 10 + 10,
        }
    }
}

/// What is done with a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MessageClass {
    /// 0100, 0200 and their repeats: decided.
    Request,
    /// 0120, 0220: decided elsewhere.
    Advice,
    /// 0400, 0420: undoes all or part.
    Reversal,
    /// 0110, 0210: the host's final answer.
    OutcomeNotice,
    /// 0800: answered without state.
    EchoTest,
}

/// DE39, as our word: what somebody else decided. The later one here is the stronger
/// word: of two that contradict each other it counts, whichever came first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum OutcomeElsewhere {
    /// Nobody decided: a host that was down, a line that broke. It is no evidence.
    Failed,
    /// The cardholder was asked to authenticate.
    SteppedUp,
    /// No.
    Declined,
    /// Yes: the money may be gone, and only a reversal brings it back.
    Approved,
}

/// DE3, as our word. Absent is a purchase.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Processing {
    /// 00.
    #[default]
    Purchase,
    /// 01.
    Cash,
    /// 09, 11.
    QuasiCash,
    /// 20: money towards the cardholder.
    Refund,
    /// 26, 28: money towards the cardholder.
    Credit,
    /// 33, 38, 39: no money at all.
    AccountCheck,
}

/// DE22, as our word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EntryMode {
    /// Keyed by hand.
    Manual,
    /// Electronic commerce.
    Ecommerce,
    /// Credential on file.
    CredentialOnFile,
    /// Chip.
    Chip,
    /// Contactless.
    Contactless,
    /// Magnetic stripe.
    MagneticStripe,
    /// Code scanned.
    QrCode,
}

/// Where the order was placed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Channel {
    /// In a browser.
    Browser,
    /// In an application.
    App,
    /// By telephone.
    Telephone,
    /// By post.
    Mail,
    /// At a terminal.
    Terminal,
}

/// Who started the payment. Absent is the cardholder.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Initiator {
    /// CIT.
    #[default]
    Cardholder,
    /// MIT: nobody is there to authenticate.
    Merchant,
}

/// The result of a check that somebody else made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CheckResult {
    /// Right.
    Match,
    /// Wrong.
    NoMatch,
    /// Right in part.
    PartialMatch,
    /// Present but not processed.
    NotProcessed,
    /// Not given.
    NotProvided,
}

/// Card scheme.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// China UnionPay.
    UnionPay,
    /// American Express.
    AmericanExpress,
    /// JCB.
    Jcb,
    /// Discover, Diners Club.
    Discover,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_type_has_its_class_repeat_flag_and_answer() {
        use MessageClass::{Advice, EchoTest, OutcomeNotice, Request, Reversal};
        let cases = [
            (100, Request, false, 110),
            (101, Request, true, 110),
            (110, OutcomeNotice, false, 110),
            (120, Advice, false, 130),
            (121, Advice, true, 130),
            (200, Request, false, 210),
            (201, Request, true, 210),
            (210, OutcomeNotice, false, 210),
            (220, Advice, false, 230),
            (221, Advice, true, 230),
            (400, Reversal, false, 410),
            (401, Reversal, true, 410),
            (420, Reversal, false, 430),
            (421, Reversal, true, 430),
            (800, EchoTest, false, 810),
        ];
        for (indicator, class, is_repeat, answer) in cases {
            let found = MessageType::from_indicator(indicator).expect("spoken here");
            assert_eq!((found.class, found.is_repeat), (class, is_repeat), "{indicator}");
            assert_eq!(found.answer_indicator(), answer, "{indicator}");
        }
        for unknown in [0, 1, 102, 130, 410, 500, 810, u16::MAX] {
            assert_eq!(MessageType::from_indicator(unknown), None, "{unknown}");
        }
    }
}
