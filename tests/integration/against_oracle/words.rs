//! A history in words.

use std::collections::BTreeMap;

use stopline::wire::proto::{Authorisation, MessageType, ProcessingCode, authorisation};

use super::pair::Sent;

/// `history`, message by message, with short names for what it is about.
pub(super) fn told(history: &[Sent]) -> String {
    let start = history.first().map_or(0, |sent| sent.at_millis);
    let mut names = Names::default();
    history.iter().map(|sent| line(sent, start, &mut names)).collect()
}

fn line(sent: &Sent, start: i64, names: &mut Names) -> String {
    let Sent { at_millis, message, bound } = sent;
    let seconds = |millis: i64| {
        let millis = millis - start;
        let sign = if millis < 0 { "-" } else { "" };
        format!("{sign}{}.{:03} s", millis.abs() / 1_000, millis.abs() % 1_000)
    };
    let made_at = message.authorised_at_millis;
    let original = message.original_authorised_at_millis;
    let parts = [
        Some(format!("  at {}: {}", seconds(*at_millis), names.line(message))),
        (made_at != *at_millis).then(|| format!("made at {}", seconds(made_at))),
        original.map(|at| format!("of one at {}", seconds(at))),
        bound.map(|outcome| format!("of which {} binds", outcome.name())),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ") + "\n"
}

#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    /// What `name` is called here: the first account is `account 1`.
    fn short(&mut self, kind: &str, name: &str) -> String {
        let key = format!("{kind} {name}");
        let count = self.0.keys().filter(|key| key.starts_with(kind)).count();
        self.0.entry(key).or_insert_with(|| format!("{kind} {}", count + 1)).clone()
    }

    fn line(&mut self, message: &Authorisation) -> String {
        let id = self.short("id", &message.authorisation_id);
        let account = self.short("account", &message.account_reference);
        let what = match message.message_type() {
            MessageType::MessageType0100 | MessageType::MessageType0200 => "request",
            MessageType::MessageType0101 | MessageType::MessageType0201 => "repeat",
            MessageType::MessageType0110 | MessageType::MessageType0210 => "notice",
            MessageType::MessageType0120 | MessageType::MessageType0220 => "advice",
            MessageType::MessageType0121 | MessageType::MessageType0221 => "advice again",
            MessageType::MessageType0400 | MessageType::MessageType0420 => "reversal",
            MessageType::MessageType0401 | MessageType::MessageType0421 => "reversal again",
            MessageType::MessageType0800 => "echo test",
            MessageType::Unspecified => "nothing",
        };
        let kind = if message.incremental { "incremental " } else { "" };
        let names_original = message.incremental || what.starts_with("reversal");
        let original = message.original_id.as_deref().filter(|_| names_original);
        let token = message.card.as_ref().map(|card| match card {
            authorisation::Card::CardToken(token) => token.as_str(),
            authorisation::Card::Pan(_) => "by number",
        });
        let is_plain = message.processing_code <= ProcessingCode::Purchase as i32;
        let processing = (!is_plain).then(|| message.processing_code().as_str_name());
        let billed = message.billing_amount_minor_units;
        let parts = [
            Some(format!("{kind}{what} {id} of {account}")),
            original.map(|original| format!("original {}", self.short("id", original))),
            token.map(|token| self.short("card", token)),
            message.amount_minor_units.map(|amount| format!("{amount} {}", message.currency)),
            billed.map(|amount| format!("billed {amount} {}", message.billing_currency())),
            message.response_code.as_ref().map(|code| format!("code {code}")),
            processing.map(str::to_owned),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
