//! Cards and accounts that must stop paying, found under every key they have.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dashmap::DashMap;

use super::bloom::Bloom;
use crate::domain::{
    AccountKey, Authorisation, CardKey, EventTime, Offset, OrderKey, Reason, StopOrder,
    StopOrderSeen,
};

/// The stop list of a process: one writer (the follower), many readers (the workers).
#[derive(Debug, Default)]
pub struct StopList {
    /// Orders by each key they name. An order stands under up to three.
    by_holder: DashMap<u128, Vec<Arc<StopOrder>>>,
    /// Orders by their own id.
    by_id: DashMap<OrderKey, Arc<StopOrder>>,
    /// Keys that ever stood in `by_holder`.
    guard: Bloom,
    version: AtomicI64,
}

/// The order that declines a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopHit {
    /// What the decision says.
    pub reason: Reason,
    /// Which order it was.
    pub order: StopOrderSeen,
}

/// What the list says of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopLook {
    /// The order that declines it.
    pub hit: Option<StopHit>,
    /// The offset after the last order that was surely looked at.
    pub version: Offset,
}

/// What became of a tombstone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removal {
    /// The order was over and is forgotten.
    Forgotten,
    /// The order still stands: a tombstone does not lift it.
    StillStands,
    /// No such order is known.
    Unknown,
}

impl StopList {
    /// Puts `order` in force, in place of an earlier version of itself.
    pub fn apply(&self, order: StopOrder) {
        let order = Arc::new(order);
        let earlier = self.by_id.insert(order.key, Arc::clone(&order));
        for holder in holders(&order) {
            // To the map first, then the guard: whoever the guard lets through finds it.
            let is_new = self.put(holder, &order);
            if is_new && !self.guard.may_hold(holder) {
                self.guard.add(holder);
            }
        }
        for holder in earlier.iter().flat_map(|earlier| holders(earlier)) {
            if holders(&order).all(|kept| kept != holder) {
                self.take(holder, order.key);
            }
        }
    }

    /// Forgets the order `key`, if it is over at `moment`.
    pub fn remove(&self, key: OrderKey, moment: EventTime) -> Removal {
        let Some(order) = self.by_id.get(&key).map(|order| Arc::clone(order.value())) else {
            return Removal::Unknown;
        };
        if !order.is_over_at(moment) {
            return Removal::StillStands;
        }
        for holder in holders(&order) {
            self.take(holder, key);
        }
        self.by_id.remove(&key);
        Removal::Forgotten
    }

    /// The order that stops `auth` at `appended_at`, and the version that was looked
    /// at: never one that the order found is not part of. Hot path.
    ///
    /// The follower puts an order in force first and tells its version afterwards. In
    /// between the order is found already; as orders come one by one, everything up
    /// to it was then applied.
    ///
    /// ```text
    /// follower   apply(order 41) ───────────────────── set_version(42)
    /// worker                      version 41, hit 41
    ///                             └▶ says 42
    /// ```
    pub fn look_up(&self, auth: &Authorisation<'_>, appended_at: EventTime) -> StopLook {
        // The version first: whatever it covers is then found.
        let version = self.version();
        let hit = self.find(auth, appended_at);
        let behind_hit = hit.as_ref().map(|hit| hit.order.offset.next());
        StopLook { hit, version: behind_hit.map_or(version, |behind| version.max(behind)) }
    }

    /// The order that stops `auth` at `appended_at`: of several in force the one
    /// whose reason comes first, then the earliest. Hot path: one cache line a
    /// key for a card without orders.
    fn find(&self, auth: &Authorisation<'_>, appended_at: EventTime) -> Option<StopHit> {
        let card = auth.card.map(CardKey::bits);
        let strictest = [Some(auth.account.bits()), card]
            .into_iter()
            .flatten()
            .filter(|holder| self.guard.may_hold(*holder))
            .filter_map(|holder| self.strictest_under(holder, auth, appended_at))
            .min_by_key(|order| (order.cause.reason(), order.offset))?;
        Some(StopHit {
            reason: strictest.cause.reason(),
            order: StopOrderSeen { order_id: strictest.id.clone(), offset: strictest.offset },
        })
    }

    /// The offset after the last order applied.
    pub fn version(&self) -> Offset {
        Offset(self.version.load(Ordering::Acquire))
    }

    /// Says that everything before `version` is applied.
    pub fn set_version(&self, version: Offset) {
        self.version.store(version.0, Ordering::Release);
    }

    /// How many orders are known, over or not.
    pub fn orders_count(&self) -> usize {
        self.by_id.len()
    }

    fn strictest_under(
        &self,
        holder: u128,
        auth: &Authorisation<'_>,
        appended_at: EventTime,
    ) -> Option<Arc<StopOrder>> {
        let orders = self.by_holder.get(&holder)?;
        orders
            .iter()
            .filter(|order| order.is_in_force_at(appended_at) && order.scope.covers(auth))
            .min_by_key(|order| (order.cause.reason(), order.offset))
            .map(Arc::clone)
    }

    /// Puts `order` under `holder`; true where nothing stood there before.
    fn put(&self, holder: u128, order: &Arc<StopOrder>) -> bool {
        let mut orders = self.by_holder.entry(holder).or_default();
        let was_empty = orders.is_empty();
        orders.retain(|earlier| earlier.key != order.key);
        orders.push(Arc::clone(order));
        was_empty
    }

    fn take(&self, holder: u128, key: OrderKey) {
        self.by_holder.alter(&holder, |_, mut orders| {
            orders.retain(|order| order.key != key);
            orders
        });
        self.by_holder.remove_if(&holder, |_, orders| orders.is_empty());
    }
}

/// The keys that an order stands under; keys of different kinds never meet.
fn holders(order: &StopOrder) -> impl Iterator<Item = u128> + use<> {
    let card = order.card.map(CardKey::bits);
    let pan = order.pan.map(CardKey::bits);
    let account = order.account.map(AccountKey::bits);
    [card, pan, account].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Identifier, Initiator, ReportChannel, StopCause, StopScope, Text};
    use crate::engine::fixtures::{at, purchase};

    fn order(number: i64, cause: StopCause) -> StopOrder {
        StopOrder {
            id: Identifier::new("order", 64).expect("valid").to_text(),
            key: OrderKey::from_bits(u128::try_from(number).expect("positive")),
            offset: Offset(number),
            card: None,
            pan: None,
            has_foreign_tag: false,
            account: Some(AccountKey::from_bits(7)),
            cause,
            scope: StopScope::All,
            report_channel: ReportChannel::Telephone,
            reported_at: at(0),
            in_force_from: at(0),
            lapses_at: None,
            lifted_at: None,
        }
    }

    fn found(list: &StopList, auth: &Authorisation<'_>) -> Option<(Reason, i64)> {
        list.find(auth, at(10)).map(|hit| (hit.reason, hit.order.offset.0))
    }

    #[test]
    fn an_order_stops_its_account_its_card_token_and_its_card_number_tag() {
        let by_account = order(1, StopCause::Lost);
        let by_token = StopOrder {
            account: None,
            card: Some(CardKey::from_bits(7 << 64)),
            ..order(2, StopCause::Lost)
        };
        let by_number = StopOrder {
            account: None,
            pan: Some(CardKey::from_bits(7 << 64)),
            ..order(3, StopCause::Lost)
        };
        for order in [by_account, by_token, by_number] {
            let list = StopList::default();
            let offset = order.offset.0;
            list.apply(order);
            assert_eq!(found(&list, &purchase(7)), Some((Reason::LostCard, offset)));
            assert_eq!(found(&list, &purchase(8)), None);
        }
    }

    #[test]
    fn of_several_orders_the_first_reason_answers_then_the_earliest() {
        let list = StopList::default();
        for order in [
            order(1, StopCause::CardholderFreeze),
            order(2, StopCause::Stolen),
            order(3, StopCause::Lost),
            order(4, StopCause::Lost),
        ] {
            list.apply(order);
        }
        assert_eq!(found(&list, &purchase(7)), Some((Reason::LostCard, 3)));
    }

    #[test]
    fn an_order_not_in_force_stops_nothing() {
        let cases = [
            StopOrder { in_force_from: at(11), ..order(1, StopCause::Lost) },
            StopOrder { lapses_at: Some(at(10)), ..order(1, StopCause::Lost) },
            StopOrder { lifted_at: Some(at(9)), ..order(1, StopCause::Lost) },
        ];
        for order in cases {
            let list = StopList::default();
            let shown = format!("{order:?}");
            list.apply(order);
            assert_eq!(found(&list, &purchase(7)), None, "{shown}");
        }
    }

    fn merchant(merchant_id: &str, acquirer_id: Option<&str>) -> StopScope {
        let text = |name: &str| -> Text { name_of(name).to_text() };
        StopScope::Merchant { merchant_id: text(merchant_id), acquirer_id: acquirer_id.map(text) }
    }

    fn name_of(name: &str) -> Identifier<'_> {
        Identifier::new(name, 32).expect("a name")
    }

    #[test]
    fn an_order_stops_what_its_scope_covers() {
        let shop = |merchant_id, acquirer_id: Option<&'static str>| Authorisation {
            merchant_id: Some(name_of(merchant_id)),
            acquirer_id: acquirer_id.map(name_of),
            ..purchase(7)
        };
        let renewal = Authorisation { initiator: Initiator::Merchant, ..purchase(7) };
        let betting = Authorisation { merchant_category: Some(7_995), ..purchase(7) };
        let cases = [
            (StopScope::All, purchase(7), true),
            (merchant("m-1", None), shop("m-1", None), true),
            (merchant("m-1", None), shop("m-1", Some("acq-1")), true),
            (merchant("m-1", None), shop("m-2", Some("acq-1")), false),
            (merchant("m-1", None), purchase(7), false),
            (merchant("m-1", Some("acq-1")), shop("m-1", Some("acq-1")), true),
            (merchant("m-1", Some("acq-1")), shop("m-1", Some("acq-2")), false),
            (merchant("m-1", Some("acq-1")), shop("m-1", None), false),
            (merchant("m-1", Some("acq-1")), shop("m-2", Some("acq-1")), false),
            (StopScope::MerchantCategory(7_995), betting, true),
            (StopScope::MerchantCategory(7_994), betting, false),
            (StopScope::MerchantCategory(7_995), purchase(7), false),
            (StopScope::MerchantInitiated, renewal, true),
            (StopScope::MerchantInitiated, purchase(7), false),
        ];
        for (index, (scope, auth, is_stopped)) in cases.into_iter().enumerate() {
            let list = StopList::default();
            list.apply(StopOrder { scope, ..order(1, StopCause::StopPayment) });
            let expected = is_stopped.then_some((Reason::PaymentStopped, 1));
            assert_eq!(found(&list, &auth), expected, "case {index}");
        }
    }

    #[test]
    fn an_order_found_is_always_part_of_the_version_told() {
        let list = StopList::default();
        list.set_version(Offset(4));
        list.apply(order(5, StopCause::Lost));
        // In force already, its version not told yet.
        let look = list.look_up(&purchase(7), at(10));
        assert_eq!(look.hit.map(|hit| hit.order.offset), Some(Offset(5)));
        assert_eq!(look.version, Offset(6));
        assert_eq!(list.look_up(&purchase(8), at(10)).version, Offset(4));
        list.set_version(Offset(9));
        assert_eq!(list.look_up(&purchase(7), at(10)).version, Offset(9));
    }

    #[test]
    fn a_later_version_takes_the_place_of_the_earlier_one_under_every_key() {
        let list = StopList::default();
        list.apply(order(1, StopCause::Lost));
        let moved = StopOrder {
            account: Some(AccountKey::from_bits(8)),
            offset: Offset(9),
            ..order(1, StopCause::Stolen)
        };
        list.apply(moved);
        assert_eq!(found(&list, &purchase(7)), None);
        assert_eq!(found(&list, &purchase(8)), Some((Reason::StolenCard, 9)));
        assert_eq!(list.orders_count(), 1);
    }

    #[test]
    fn a_tombstone_counts_only_for_an_order_that_is_over() {
        let list = StopList::default();
        let key = OrderKey::from_bits(1);
        assert_eq!(list.remove(key, at(10)), Removal::Unknown);
        list.apply(order(1, StopCause::Lost));
        assert_eq!(list.remove(key, at(10)), Removal::StillStands);
        assert_eq!(found(&list, &purchase(7)), Some((Reason::LostCard, 1)));
        list.apply(StopOrder { lifted_at: Some(at(5)), ..order(1, StopCause::Lost) });
        assert_eq!(list.remove(key, at(10)), Removal::Forgotten);
        assert_eq!(list.orders_count(), 0);
    }
}
