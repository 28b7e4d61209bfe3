//! How is paid: the mix of card-not-present payments and what each kind carries.

use rand::Rng;

use super::cards::Card;
use super::draw::{Trait, any_point, chance, name, pick, unit};
use super::merchants::{Country, HOME, Merchant};
use crate::wire::proto::{Channel, CheckResult, EntryMode, Initiator, Scheme};

/// Share of payments at merchants of the card's home country.
const HOME_SHARE: f64 = 0.85;
/// Share of payments at a merchant that the card pays again and again.
const REPEAT_SHARE: f64 = 0.60;
/// Merchants at home that a card pays again and again, and how it spreads over them.
const FAVOURITES: [(f64, u64); 6] =
    [(0.32, 0), (0.24, 1), (0.17, 2), (0.12, 3), (0.09, 4), (0.06, 5)];
/// Merchants that charge a card by agreement.
const AGREEMENTS: [(f64, u64); 3] = [(0.5, 16), (0.3, 17), (0.2, 18)];
/// Places abroad that a card pays again and again start here.
const ABROAD: u64 = 32;

/// Payments at a merchant met before: 0.15, 0.27 and 0.18 of all.
const KINDS_REPEATED: [(f64, Kind); 3] =
    [(0.25, Kind::Agreement), (0.45, Kind::OnFile), (0.30, Kind::Shop)];
/// Payments elsewhere: 0.36, 0.03 and 0.01 of all.
const KINDS_ELSEWHERE: [(f64, Kind); 3] =
    [(0.90, Kind::Shop), (0.075, Kind::Dictated), (0.025, Kind::AccountCheck)];

/// What is paid how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Card data typed in at a shop on line.
    Shop,
    /// The cardholder pays with the card that the merchant keeps.
    OnFile,
    /// The merchant charges it by agreement: nobody is there.
    Agreement,
    /// By telephone or post.
    Dictated,
    /// No money: the merchant looks whether the card is good.
    AccountCheck,
}

/// Where and how a card pays next.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub(super) kind: Kind,
    pub(super) merchant: Merchant,
    /// In fen.
    pub(super) amount_fen: i64,
    /// The cardholder's first authorisation, of a charge by agreement.
    pub(super) original_id: Option<String>,
}

impl Payment {
    /// The next ordinary payment of `card`.
    pub(super) fn draw(seed: u64, card: &Card, random: &mut impl Rng) -> Self {
        let is_home = chance(random, HOME_SHARE);
        let is_repeated = chance(random, REPEAT_SHARE);
        let kinds = if is_repeated { &KINDS_REPEATED } else { &KINDS_ELSEWHERE };
        let point = any_point(random);
        let kind = pick(kinds, point).copied().unwrap_or(Kind::Shop);
        if !is_repeated {
            let merchant = draw_merchant(seed, is_home, random);
            let amount_fen =
                if kind == Kind::AccountCheck { 0 } else { merchant.draw_amount_fen(random) };
            return Self { kind, merchant, amount_fen, original_id: None };
        }
        let places =
            if kind == Kind::Agreement { AGREEMENTS.as_slice() } else { FAVOURITES.as_slice() };
        let place = pick(places, any_point(random)).copied();
        let place = place.unwrap_or_default() + if is_home { 0 } else { ABROAD };
        let merchant = favourite(seed, card, place, is_home);
        if kind != Kind::Agreement {
            return Self {
                kind,
                merchant,
                amount_fen: merchant.draw_amount_fen(random),
                original_id: None,
            };
        }
        // A subscription costs the same each time and names the payment it began with.
        let ratio = 0.5 + unit(card.bits(Trait::AgreementAmount, place));
        let agreement = u128::from(card.bits(Trait::AgreementId, place));
        Self {
            kind,
            merchant,
            amount_fen: merchant.amount_fen(ratio),
            original_id: Some(name("cit-", agreement, 12)),
        }
    }

    /// A payment like many before: at the shop that `card` pays most.
    pub(super) fn calm(seed: u64, card: &Card) -> Self {
        let merchant = favourite(seed, card, 0, true);
        Self { kind: Kind::Shop, merchant, amount_fen: merchant.amount_fen(1.0), original_id: None }
    }

    /// What somebody pays who tries whether stolen card data work: little, anywhere.
    pub(super) fn trial(seed: u64, random: &mut impl Rng) -> Self {
        Self {
            kind: Kind::Shop,
            merchant: draw_merchant(seed, true, random),
            amount_fen: random.random_range(1..20) * 100,
            original_id: None,
        }
    }
}

fn draw_merchant(seed: u64, is_home: bool, random: &mut impl Rng) -> Merchant {
    let country = if is_home { HOME } else { Country::foreign(any_point(random)) };
    Merchant::new(seed, country, any_point(random))
}

fn favourite(seed: u64, card: &Card, place: u64, is_home: bool) -> Merchant {
    let country = if is_home {
        HOME
    } else {
        Country::foreign(unit(card.bits(Trait::FavouriteCountry, place)))
    };
    let point = unit(card.bits(Trait::FavouriteMerchant, place));
    Merchant::new(seed, country, point)
}

/// The results of the checks that others made, and how the card's data came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Checks {
    pub(super) entry_mode: EntryMode,
    pub(super) channel: Channel,
    pub(super) initiator: Initiator,
    pub(super) eci: Option<u32>,
    pub(super) cavv: CheckResult,
    pub(super) cvv2: CheckResult,
    pub(super) avs: CheckResult,
    pub(super) expiry: CheckResult,
}

impl Checks {
    /// Those of a payment of this `kind` with a card of `scheme`.
    pub(super) fn draw(kind: Kind, scheme: Scheme, random: &mut impl Rng) -> Self {
        let app_or_browser = if chance(random, 0.7) { Channel::App } else { Channel::Browser };
        let checks = Self {
            entry_mode: EntryMode::CredentialOnFile,
            channel: app_or_browser,
            initiator: Initiator::Cardholder,
            eci: Some(eci(scheme, Authentication::None)),
            cavv: CheckResult::Unspecified,
            cvv2: CheckResult::NotProvided,
            avs: CheckResult::Unspecified,
            expiry: CheckResult::Match,
        };
        match kind {
            Kind::OnFile => checks,
            Kind::Agreement => Self {
                channel: Channel::Unspecified,
                initiator: Initiator::Merchant,
                eci: None,
                // The code may not be kept, so nobody has it.
                cvv2: CheckResult::Unspecified,
                ..checks
            },
            Kind::Shop | Kind::AccountCheck => Self {
                entry_mode: EntryMode::Ecommerce,
                ..checks.authenticated(scheme, random).checked(scheme, random)
            },
            Kind::Dictated => Self {
                entry_mode: EntryMode::Manual,
                channel: if chance(random, 0.8) { Channel::Telephone } else { Channel::Mail },
                eci: (scheme == Scheme::Visa).then_some(1),
                ..checks.checked(scheme, random)
            },
        }
    }

    /// Those of a shop on line where everything that can be checked was, and is right.
    pub(super) fn faultless(scheme: Scheme) -> Self {
        Self {
            entry_mode: EntryMode::Ecommerce,
            channel: Channel::App,
            initiator: Initiator::Cardholder,
            eci: Some(eci(scheme, Authentication::Full)),
            cavv: CheckResult::Match,
            cvv2: CheckResult::Match,
            avs: CheckResult::Unspecified,
            expiry: CheckResult::Match,
        }
    }

    /// With 3-D Secure as shops use it: three fifths in full.
    fn authenticated(self, scheme: Scheme, random: &mut impl Rng) -> Self {
        let point = any_point(random);
        let (authentication, cavv) = match point {
            ..0.60 => (Authentication::Full, CheckResult::Match),
            ..0.70 => (Authentication::Attempted, CheckResult::Match),
            ..0.701 => (Authentication::Full, CheckResult::NoMatch),
            _ => (Authentication::None, CheckResult::Unspecified),
        };
        Self { eci: Some(eci(scheme, authentication)), cavv, ..self }
    }

    /// With code, address and expiry checked; few do not match.
    fn checked(self, scheme: Scheme, random: &mut impl Rng) -> Self {
        let cvv2 = match any_point(random) {
            ..0.004 => CheckResult::NoMatch,
            ..0.054 => CheckResult::NotProvided,
            _ => CheckResult::Match,
        };
        let avs = match any_point(random) {
            ..0.01 => CheckResult::NoMatch,
            ..0.08 => CheckResult::PartialMatch,
            ..0.50 => CheckResult::Match,
            _ => CheckResult::NotProcessed,
        };
        let expiry = if chance(random, 0.002) { CheckResult::NoMatch } else { CheckResult::Match };
        Self {
            cvv2,
            // UnionPay has no address check.
            avs: if scheme == Scheme::Unionpay { CheckResult::Unspecified } else { avs },
            expiry,
            ..self
        }
    }
}

/// How far 3-D Secure came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Authentication {
    Full,
    Attempted,
    None,
}

/// Source: EMV 3-D Secure, as the schemes number it: Mastercard 2, 1, 0; the others 5, 6, 7.
fn eci(scheme: Scheme, authentication: Authentication) -> u32 {
    match (scheme == Scheme::Mastercard, authentication) {
        (true, Authentication::Full) => 2,
        (true, Authentication::Attempted) => 1,
        (true, Authentication::None) => 0,
        (false, Authentication::Full) => 5,
        (false, Authentication::Attempted) => 6,
        (false, Authentication::None) => 7,
    }
}
