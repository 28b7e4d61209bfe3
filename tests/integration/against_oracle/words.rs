//! A history in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use stopline::wire::proto::{Authorisation, MessageType, authorisation};

use super::pair::Sent;

/// `history`, message by message, with short names for what it is about.
pub(super) fn told(history: &[Sent]) -> String {
    let start = history.first().map_or(0, |sent| sent.at_millis);
    let mut names = Names::default();
    let mut text = String::new();
    for Sent { at_millis, message, bound } in history {
        let seconds = |millis: i64| {
            let millis = millis - start;
            let sign = if millis < 0 { "-" } else { "" };
            format!("{sign}{}.{:03} s", millis.abs() / 1_000, millis.abs() % 1_000)
        };
        let _ = write!(text, "  at {}: {}", seconds(*at_millis), names.line(message));
        if message.authorised_at_millis != *at_millis {
            let _ = write!(text, ", made at {}", seconds(message.authorised_at_millis));
        }
        if let Some(original) = message.original_authorised_at_millis {
            let _ = write!(text, ", of one at {}", seconds(original));
        }
        if let Some(outcome) = bound {
            let _ = write!(text, ", of which {} binds", outcome.name());
        }
        text.push('\n');
    }
    text
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
        let mut line = format!("{what} {id} of {account}");
        if message.incremental {
            line = format!("incremental {line}");
        }
        if let (Some(original), true) =
            (&message.original_id, message.incremental || what.starts_with("reversal"))
        {
            line += &format!(", original {}", self.short("id", original));
        }
        if let Some(authorisation::Card::CardToken(token)) = &message.card {
            line += &format!(", {}", self.short("card", token));
        }
        if let Some(amount) = message.amount_minor_units {
            line += &format!(", {amount} {}", message.currency);
        }
        if let Some(amount) = message.billing_amount_minor_units {
            line += &format!(" ({amount} {})", message.billing_currency());
        }
        if let Some(code) = &message.response_code {
            line += &format!(", code {code}");
        }
        if message.processing_code > 1 {
            line += &format!(", {}", message.processing_code().as_str_name());
        }
        line
    }
}
