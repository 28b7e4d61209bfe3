//! From a message to what it told, and from that to what is known of a card.

use stopline::domain::{Authorisation, CardKey, EventTime, MessageClass, Offset};

use super::net::{Counted, Role, Told};
use super::{Answer, Oracle, adds_to, clip};

impl Oracle {
    pub(super) fn told(
        &self,
        auth: &Authorisation<'_>,
        input: Offset,
        role: Role,
        answer: &Answer,
    ) -> Told {
        let lateness = match auth.message_type.class {
            MessageClass::Advice => self.policy.advice_lateness,
            _ => self.policy.lateness,
        };
        Told {
            class: auth.message_type.class,
            role,
            input,
            heard_at: self.clock,
            at: clip(auth.authorised_at, self.clock, lateness),
            id: auth.id_key,
            about: match auth.message_type.class {
                MessageClass::Reversal => auth.original_key.unwrap_or(auth.id_key),
                _ => auth.id_key,
            },
            adds_to: adds_to(auth),
            card: auth.card,
            amount: auth.amount,
            policy_minor_units: auth.minor_units_in(self.policy.currency.1),
            merchant: auth.merchant,
            country: auth.merchant_country,
            category: auth.merchant_category,
            processing: auth.processing,
            initiator: auth.initiator,
            entry_mode: auth.entry_mode,
            channel: auth.channel,
            device: auth.device,
            ip: auth.ip,
            account: auth.account,
            ours: match answer {
                Answer::Decided(decided) => Some(decided.outcome),
                _ => None,
            },
            host: auth.outcome_elsewhere,
        }
    }

    /// What accounts remember of `card`, by its own time, and the card's latest time.
    pub(super) fn counted_of(&self, card: CardKey) -> (Vec<Counted>, Option<EventTime>) {
        let accounts = self.accounts.get(&card).into_iter().flatten();
        let mut counted: Vec<Counted> = Vec::new();
        let mut newest = None;
        for account in accounts {
            let remembered = self.net(*account, None).counted();
            counted.extend(remembered.into_iter().filter(|one| one.stands.card == Some(card)));
            let history = self.histories.get(account).map_or(&[][..], Vec::as_slice);
            let of_card = history.iter().filter(|told| told.card == Some(card));
            newest = of_card.filter_map(Told::moves_to).max().max(newest);
        }
        counted.sort_by_key(|one| (one.stands.at, one.stands.input));
        (counted, newest)
    }
}
