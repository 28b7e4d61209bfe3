//! What makes a message a repeat of an earlier one.

use stopline::domain::{AccountKey, Amount, Authorisation, CardKey, EventTime, IdKey, Offset};

/// An answer that repeats get, and what they must look like.
pub(crate) struct Kept {
    pub(crate) given_at: EventTime,
    pub(crate) input: Offset,
    pub(crate) likeness: Likeness,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Likeness {
    /// 1 for 01xx, 2 for 02xx.
    pub(crate) family: u16,
    pub(crate) account: AccountKey,
    pub(crate) card: Option<CardKey>,
    pub(crate) amount: Option<Amount>,
    pub(crate) original: Option<IdKey>,
    pub(crate) code: Option<[u8; 2]>,
}

impl Likeness {
    pub(crate) fn of(auth: &Authorisation<'_>) -> Self {
        Self {
            family: auth.message_type.indicator / 100,
            account: auth.account,
            card: auth.card,
            amount: auth.amount,
            original: auth.original_key,
            code: auth.response_code,
        }
    }

    /// True where `other` differs by nothing but the outcome that it tells.
    pub(crate) fn is_with_another_code(&self, other: &Self) -> bool {
        Self { code: other.code, ..self.clone() } == *other
    }
}
