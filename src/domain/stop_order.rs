//! One entry of the stop list: a card or account that must stop paying.

use super::{
    AccountKey, Authorisation, CardKey, EventTime, Initiator, Offset, OrderKey, Reason, Text,
};

/// One order as it stands after its latest record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopOrder {
    /// The order's own id.
    pub id: Text,
    /// The keyed hash of `id`.
    pub key: OrderKey,
    /// Where its latest record lies: names the order in decisions.
    pub offset: Offset,
    /// The card by its token.
    pub card: Option<CardKey>,
    /// The card by the tag of its number.
    pub pan: Option<CardKey>,
    /// It names a tag of another key too, which no request has: that part stops
    /// nothing, and whoever wrote it should know.
    pub has_foreign_tag: bool,
    /// The account.
    pub account: Option<AccountKey>,
    /// Why.
    pub cause: StopCause,
    /// What it covers.
    pub scope: StopScope,
    /// How it was reported.
    pub report_channel: ReportChannel,
    /// When it was reported.
    pub reported_at: EventTime,
    /// From when it stops, judged by `appended_at`.
    pub in_force_from: EventTime,
    /// When it ends by itself.
    pub lapses_at: Option<EventTime>,
    /// From when it is lifted.
    pub lifted_at: Option<EventTime>,
}

impl StopOrder {
    /// True where it stops at `moment`: from `in_force_from` on, before it lapses or is lifted.
    ///
    /// ```text
    ///        in_force_from          lapses_at / lifted_at
    /// ─────────────●━━━━━━━━━━━━━━━━━━━━━○──────────────▶
    /// ```
    pub fn is_in_force_at(&self, moment: EventTime) -> bool {
        self.in_force_from <= moment
            && self.lapses_at.is_none_or(|end| moment < end)
            && self.lifted_at.is_none_or(|end| moment < end)
    }

    /// True where it is lifted at `moment`: a lift may be told ahead of its time.
    pub fn is_lifted_at(&self, moment: EventTime) -> bool {
        self.lifted_at.is_some_and(|end| end <= moment)
    }

    /// True where it will not stop anything at or after `moment`.
    pub fn is_over_at(&self, moment: EventTime) -> bool {
        self.lapses_at.is_some_and(|end| end <= moment) || self.is_lifted_at(moment)
    }
}

/// Why a card must stop paying.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StopCause {
    /// Lost.
    Lost,
    /// Stolen.
    Stolen,
    /// Counterfeit found.
    Counterfeit,
    /// Malicious overdraft.
    MaliciousOverdraft,
    /// Terms violated.
    TermsViolated,
    /// Frozen by the cardholder.
    CardholderFreeze,
    /// By law.
    Legal,
    /// One payment stopped (R0).
    StopPayment,
    /// One authorisation to charge revoked (R1).
    RevokeAuthorisation,
    /// All authorisations to charge revoked (R3).
    RevokeAllAuthorisations,
}

impl StopCause {
    /// What a decision says of it. 41 and 43 come only from `Lost` and `Stolen`.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Lost => Reason::LostCard,
            Self::Stolen => Reason::StolenCard,
            Self::Counterfeit => Reason::CounterfeitCard,
            Self::MaliciousOverdraft | Self::TermsViolated | Self::Legal => Reason::RestrictedCard,
            Self::CardholderFreeze => Reason::CardholderFreeze,
            Self::StopPayment => Reason::PaymentStopped,
            Self::RevokeAuthorisation => Reason::AuthorisationRevoked,
            Self::RevokeAllAuthorisations => Reason::AllAuthorisationsRevoked,
        }
    }
}

/// What an order covers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum StopScope {
    /// Everything.
    All,
    /// Payments to one merchant. Names, not a [`super::MerchantKey`]: that one hashes the
    /// acquirer in, and an order may leave it open.
    Merchant {
        /// DE42.
        merchant_id: Text,
        /// DE32; `None` is any acquirer, or none.
        acquirer_id: Option<Text>,
    },
    /// Payments to one merchant category.
    MerchantCategory(u16),
    /// All merchant-initiated payments.
    MerchantInitiated,
}

impl StopScope {
    /// True where a payment like `auth` is within it.
    pub fn covers(&self, auth: &Authorisation<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Merchant { merchant_id, acquirer_id } => {
                auth.merchant_id == Some(merchant_id.as_identifier())
                    && acquirer_id
                        .as_ref()
                        .is_none_or(|acquirer| auth.acquirer_id == Some(acquirer.as_identifier()))
            }
            Self::MerchantCategory(category) => auth.merchant_category == Some(*category),
            Self::MerchantInitiated => auth.initiator == Initiator::Merchant,
        }
    }
}

/// How an order was reported.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReportChannel {
    /// Provisional.
    Telephone,
    /// Formal.
    Written,
    /// Formal.
    Online,
    /// Formal, by the issuer itself.
    Issuer,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> EventTime {
        EventTime::from_unix_millis(1_700_000_000_000 + seconds * 1_000).expect("in range")
    }

    fn order(lapses_at: Option<EventTime>, lifted_at: Option<EventTime>) -> StopOrder {
        StopOrder {
            id: crate::domain::Identifier::new("order-1", 64).expect("valid").to_text(),
            key: OrderKey::from_bits(1),
            offset: Offset(0),
            card: None,
            pan: None,
            has_foreign_tag: false,
            account: Some(AccountKey::from_bits(1)),
            cause: StopCause::Lost,
            scope: StopScope::All,
            report_channel: ReportChannel::Telephone,
            reported_at: at(0),
            in_force_from: at(10),
            lapses_at,
            lifted_at,
        }
    }

    #[test]
    fn an_order_stops_from_its_start_until_right_before_its_end() {
        let cases = [
            (9, None, None, false),
            (10, None, None, true),
            (19, Some(20), None, true),
            (20, Some(20), None, false),
            (14, Some(20), Some(15), true),
            (15, Some(20), Some(15), false),
            (1_000_000, None, None, true),
        ];
        for (moment, lapses, lifted, expected) in cases {
            let order = order(lapses.map(at), lifted.map(at));
            assert_eq!(
                order.is_in_force_at(at(moment)),
                expected,
                "{moment} {lapses:?} {lifted:?}"
            );
            let is_lifted = lifted.is_some_and(|lifted| lifted <= moment);
            assert_eq!(order.is_lifted_at(at(moment)), is_lifted, "{moment} {lifted:?}");
        }
    }
}
