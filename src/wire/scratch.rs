//! Where a JSON message lies while its words are in use, and how it is wiped.

use zeroize::Zeroize;

use super::fields::CardFields;
use super::proto;

/// Where a JSON message lies while its words are in use; reused from message to
/// message. It is wiped before the next one, after a refusal and when dropped.
/// (A protobuf message is read where the record lies and needs none.)
#[derive(Default)]
pub struct Scratch {
    /// All but the card.
    pub(super) message: proto::Authorisation,
    /// The card, apart: the message would keep the last of its two forms only.
    pub(super) card: CardTexts,
}

/// Both forms of a card, as far as they came; wiped when dropped.
#[derive(Default)]
pub(super) struct CardTexts {
    pub(super) token: Option<String>,
    pub(super) pan: Option<String>,
}

impl CardTexts {
    pub(super) fn fields(&self) -> CardFields<'_> {
        CardFields { token: self.token.as_deref(), pan: self.pan.as_deref() }
    }
}

impl Drop for CardTexts {
    fn drop(&mut self) {
        self.token.zeroize();
        self.pan.zeroize();
    }
}

impl Scratch {
    pub(super) fn wipe(&mut self) {
        drop(std::mem::take(&mut self.card));
        self.message.authorisation_id.zeroize();
        self.message.account_reference.zeroize();
        let texts = [
            &mut self.message.original_id,
            &mut self.message.billing_currency,
            &mut self.message.merchant_id,
            &mut self.message.acquirer_id,
            &mut self.message.terminal_id,
            &mut self.message.merchant_country,
            &mut self.message.bin,
            &mut self.message.device_id,
            &mut self.message.ip_address,
            &mut self.message.ip_country,
            &mut self.message.email_digest,
            &mut self.message.portfolio,
            &mut self.message.response_code,
        ];
        for text in texts {
            text.zeroize();
        }
        self.message.currency.zeroize();
        self.message.switch_context.zeroize();
        prost::Message::clear(&mut self.message);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.wipe();
    }
}
