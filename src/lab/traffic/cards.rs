//! Who pays: what a card is called, where it is at home and what it is paid with.

use super::draw::{Trait, hash, hash_wide, name, number, pick, unit};
use crate::wire::proto::Scheme;

/// Card schemes of a Chinese issuer, by share, with the first digits of their numbers.
const SCHEMES: [(f64, (Scheme, &str)); 5] = [
    (0.55, (Scheme::Unionpay, "6210")),
    (0.28, (Scheme::Visa, "4000")),
    (0.15, (Scheme::Mastercard, "5200")),
    (0.01, (Scheme::Jcb, "3528")),
    (0.01, (Scheme::AmericanExpress, "3700")),
];

/// Product lines, by share.
const PORTFOLIOS: [(f64, (&str, u64)); 5] = [
    (0.45, ("credit-classic", 10)),
    (0.25, ("debit", 20)),
    (0.18, ("credit-gold", 11)),
    (0.07, ("credit-platinum", 12)),
    (0.05, ("virtual", 30)),
];

/// One card, made anew from its number each time it is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    seed: u64,
    number: u64,
    /// Its scheme.
    pub(super) scheme: Scheme,
    bin_prefix: &'static str,
    /// Its product line.
    pub(super) portfolio: &'static str,
    bin_suffix: u64,
}

impl Card {
    /// The card `number` under `seed`.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let scheme_point = unit(hash(seed, Trait::Scheme, number));
        let portfolio_point = unit(hash(seed, Trait::Portfolio, number));
        let generic = (Scheme::Unspecified, "9000");
        let (scheme, bin_prefix) = pick(&SCHEMES, scheme_point).copied().unwrap_or(generic);
        let (portfolio, bin_suffix) =
            pick(&PORTFOLIOS, portfolio_point).copied().unwrap_or_default();
        Self { seed, number, scheme, bin_prefix, portfolio, bin_suffix }
    }

    /// Its token: opaque, never digits only.
    pub(super) fn token(&self) -> String {
        name("tok-", hash_wide(self.seed, Trait::CardToken, self.number), 24)
    }

    /// The account it is paid from, in the form of a payment account reference.
    pub(super) fn account_reference(&self) -> String {
        name("PAR0", hash_wide(self.seed, Trait::Account, self.number), 25)
    }

    /// The first eight digits of its number.
    pub(super) fn bin(&self) -> String {
        number(self.bin_prefix, self.bin_suffix, 4)
    }

    /// The device `which` of its holder; 0 is the one used most.
    pub(super) fn device(&self, which: u64) -> String {
        name("dev-", hash_wide(self.seed, Trait::Device, self.at(which)), 16)
    }

    /// Where that device is, in the range that RFC 2544 keeps for trials.
    pub(super) fn address(&self, which: u64) -> String {
        let bits = hash(self.seed, Trait::Address, self.at(which));
        let mut text = String::with_capacity(15);
        text.push_str(if bits & 1 == 0 { "198.18." } else { "198.19." });
        push_octet(&mut text, (bits >> 8) as u8);
        text.push('.');
        push_octet(&mut text, (bits >> 16) as u8);
        text
    }

    /// The digest of its holder's e-mail address.
    pub(super) fn email_digest(&self) -> String {
        name("eml-", hash_wide(self.seed, Trait::Email, self.number), 22)
    }

    /// 64 bits of its own for the `which`-th of something.
    pub(super) fn bits(&self, of: Trait, which: u64) -> u64 {
        hash(self.seed, of, self.at(which))
    }

    fn at(&self, which: u64) -> u64 {
        self.number ^ which.rotate_right(8)
    }
}

fn push_octet(text: &mut String, octet: u8) {
    for (divisor, needed_from) in [(100, 100), (10, 10), (1, 0)] {
        if octet >= needed_from {
            text.push(char::from(b'0' + octet / divisor % 10));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_keeps_its_names_and_shares_none() {
        let (one, two) = (Card::new(1, 7), Card::new(1, 8));
        assert_eq!(one.token(), Card::new(1, 7).token());
        assert_ne!(one.token(), two.token());
        assert_ne!(one.token(), Card::new(2, 7).token());
        assert_ne!(one.device(0), one.device(1));
        assert_ne!(one.device(1), two.device(0));
        assert_eq!(one.account_reference().len(), 29);
        assert_eq!(one.bin().len(), 8);
    }

    #[test]
    fn addresses_are_four_octets_of_the_trial_range() {
        for number in 0..1_000 {
            let text = Card::new(3, number).address(0);
            let address: std::net::Ipv4Addr = text.parse().expect("an address");
            assert!(address.octets().starts_with(&[198]), "{text}");
        }
    }
}
