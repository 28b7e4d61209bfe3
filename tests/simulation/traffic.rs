//! What is sent: the traffic of a switch from `stopline::lab::traffic`, with every message
//! type, to few accounts; and on top of it what a switch should not do.
//!
//! Whose message it is and what it says comes from there; when it is sent is up to the world
//! of the seed. Senders keep what they promise: see [`Traffic::keeps_promises`].

use std::collections::BTreeMap;

use prost::Message as _;
use stopline::domain::Offset;
use stopline::lab::traffic::{
    CardNumber, Delays, LifeCycles, Shares, Traffic as Payments, TrafficSettings, repeat_of,
    to_json,
};
use stopline::service::log::partition_of_key;
use stopline::wire::proto::{Authorisation, MessageType, ProcessingCode};

use crate::policy::ANSWERS_AGE;
use crate::sim::{Length, Sim};
use crate::support::{BEGINNING, loss_order, purchase};

/// Whatever brokers' clocks do, an answer is remembered for so long.
const REMEMBERED_FOR_MILLIS: i64 = 100_000;
const ACCOUNTS_COUNT: u32 = 5;
/// By the switch's own clock: what follows an authorisation comes among the next dozens.
const AUTHORISATIONS_PER_SECOND: f64 = 1.0;
const DELAYS: Delays = Delays { late_max: 30_000, after_max: 90_000 };

/// A message that was sent or is known, and when it was sent or mentioned first.
#[derive(Clone, Debug)]
struct Sent {
    message: Authorisation,
    first_at: i64,
}

/// All that was sent.
#[derive(Debug)]
pub(crate) struct Traffic {
    length: Length,
    switch: LifeCycles,
    pub(crate) accounts: Vec<String>,
    /// Messages that may be repeated.
    sent: Vec<Sent>,
    /// The first message with each key, sent or kept back.
    firsts: BTreeMap<Key, Sent>,
    /// When each id was mentioned first.
    mentioned: BTreeMap<String, i64>,
    /// Requests that others are about, and that have not come.
    kept_back: Vec<Sent>,
    ids_count: usize,
    messages_count: usize,
}

/// Class, id and response code: messages alike in these repeat each other.
type Key = (i32, String, Option<String>);

impl Traffic {
    pub(crate) fn new(seed: u64, length: Length) -> Self {
        let settings = TrafficSettings {
            seed,
            cards_count: ACCOUNTS_COUNT,
            start_unix_millis: BEGINNING,
            rate_per_second: AUTHORISATIONS_PER_SECOND,
            rest_millis: 0,
        };
        let payments = Payments::new(settings);
        let cards = (0..u64::from(ACCOUNTS_COUNT)).map(CardNumber);
        Self {
            length,
            switch: LifeCycles::new(settings, Shares::EVERY_KIND, DELAYS),
            accounts: cards.map(|card| payments.account_reference(card)).collect(),
            sent: Vec::new(),
            firsts: BTreeMap::new(),
            mentioned: BTreeMap::new(),
            kept_back: Vec::new(),
            ids_count: 0,
            messages_count: 0,
        }
    }

    pub(crate) fn sent_count(&self) -> usize {
        self.messages_count
    }

    /// Sends something.
    pub(crate) fn send_any(&mut self, sim: &Sim) {
        match sim.below(40) {
            0 => self.send_poison(sim),
            1..=5 => self.send_again(sim),
            _ => self.send_next(sim),
        }
    }

    /// Sends the switch's next message, or keeps it back: it is told of or taken back before
    /// it comes, or it never comes.
    fn send_next(&mut self, sim: &Sim) {
        let message = self.next_of_switch(sim);
        let is_new = !self.mentioned.contains_key(&message.authorisation_id);
        if !self.keeps_promises(&message, sim.now.get()) {
            return;
        }
        if is_new && is_request(&message) && sim.chance(400) {
            self.note_first(&message, sim.now.get());
            self.kept_back.push(Sent { message, first_at: sim.now.get() });
            return;
        }
        self.send(sim, message);
    }

    /// The switch's next message, at a time of this world: as late as the switch made it,
    /// sometimes later, sometimes ahead. What is repeated keeps its time.
    fn next_of_switch(&mut self, sim: &Sim) -> Authorisation {
        let due = self.switch.next_due();
        let arrival = BEGINNING + (due.after_start_nanos / 1_000_000).cast_signed();
        let now = sim.now.get();
        let mut message = due.request;
        let apart = match sim.below(10) {
            0 => -sim.between(0..700_000),
            1 => sim.between(0..120_000),
            _ => -sim.between(0..500),
        };
        let took = arrival - message.authorised_at_millis;
        let first = self.firsts.get(&key_of(&message));
        message.authorised_at_millis =
            first.map_or(now - took + apart, |first| first.message.authorised_at_millis);
        if let Some(at) = message.original_authorised_at_millis {
            let original = message.original_id.as_ref().and_then(|id| self.request(id));
            let at = original.map_or(now - (arrival - at), |it| it.message.authorised_at_millis);
            message.original_authorised_at_millis = Some(at);
        }
        message
    }

    /// The first request under `id`.
    fn request(&self, id: &str) -> Option<&Sent> {
        self.firsts.get(&(100, id.to_owned(), None))
    }

    /// True where `message` is what senders promise, and what we promise something for.
    ///
    /// Where hours pass, nothing is about what is older than stored answers. What contradicts
    /// an earlier message, or takes back what was in no window, is told apart by the answer
    /// to that one: it comes while that is remembered.
    fn keeps_promises(&self, message: &Authorisation, now: i64) -> bool {
        let ids = || mentioned_by(message);
        let is_since = |at: i64| ids().filter_map(|id| self.mentioned.get(id)).all(|it| *it >= at);
        if self.length == Length::Hours && !is_since(now - ANSWERS_AGE.millis() / 2) {
            return false;
        }
        let same = self.firsts.get(&key_of(message));
        let is_same = |first: &Sent| is_alike(&first.message, message);
        let is_plain = same.is_none_or(is_same)
            && ids().filter_map(|id| self.request(id)).all(|it| is_about(message, &it.message));
        is_plain || is_since(now - REMEMBERED_FOR_MILLIS)
    }

    /// Sends a few requests for each account, what was kept back and is under way, and a
    /// repeat of each of the last messages.
    pub(crate) fn send_probes(&mut self, sim: &Sim) {
        self.probe_accounts(sim);
        let mut again: Vec<Sent> = self.sent.iter().rev().take(120).cloned().collect();
        again.sort_by_key(|sent| key_of(&sent.message));
        again.dedup_by_key(|sent| key_of(&sent.message));
        // What waits for a request that has not come has its effect now.
        for kept_back in std::mem::take(&mut self.kept_back) {
            if self.keeps_promises(&kept_back.message, sim.now.get()) {
                self.send(sim, kept_back.message);
            }
        }
        for _ in 0..30 {
            self.send_next(sim);
        }
        for sent in again {
            let repeat = repeat_of(&sent.message);
            if self.keeps_promises(&repeat, sim.now.get()) {
                self.send(sim, repeat);
            }
        }
        self.probe_accounts(sim);
    }

    fn probe_accounts(&mut self, sim: &Sim) {
        for account in self.accounts.clone() {
            let probe = self.purchase(sim, "probe", &account);
            self.send(sim, probe);
        }
    }

    fn purchase(&mut self, sim: &Sim, kind: &str, account: &str) -> Authorisation {
        self.ids_count += 1;
        let id = format!("{kind}-{}", self.ids_count);
        Authorisation { authorised_at_millis: sim.now.get(), ..purchase(&id, account) }
    }

    fn any_account(&self, sim: &Sim) -> String {
        self.accounts[sim.below(self.accounts.len())].clone()
    }

    /// Publishes an order against an account, or lifts one.
    pub(crate) fn send_stop_order(&mut self, sim: &Sim) {
        let number = sim.below(3);
        let mut order = loss_order(&format!("order-{number}"), &self.accounts[number]);
        if sim.chance(3_000) {
            order.lifted_at_millis = Some(sim.now.get());
            order.lift_reason = Some("found".to_owned());
        }
        let mut broker = sim.broker.borrow_mut();
        let (key, value) = (order.order_id.as_bytes(), order.encode_to_vec());
        broker.stop_orders.append(sim.now.get(), Some(key), Some(&value), Vec::new());
        drop(broker);
        sim.tell(0, "publishes a stop order", || order.order_id.clone());
    }

    /// Sends what was sent before, as a repeat or under its own type.
    fn send_again(&mut self, sim: &Sim) {
        let now = sim.now.get();
        let reach = if sim.chance(8_000) { 8 } else { 60 };
        let last = self.sent.iter().rev();
        let able: Vec<&Sent> =
            last.filter(|sent| self.keeps_promises(&sent.message, now)).take(reach).collect();
        if able.is_empty() {
            return;
        }
        let message = able[sim.below(able.len())].message.clone();
        let mut again = if sim.chance(7_000) { repeat_of(&message) } else { message };
        if sim.chance(700) {
            again.amount_minor_units = again.amount_minor_units.map(|amount| amount + 1);
        }
        if self.keeps_promises(&again, now) {
            self.send(sim, again);
        }
    }

    fn send_poison(&mut self, sim: &Sim) {
        let account = self.any_account(sim);
        match sim.below(5) {
            0 => self.send_raw(sim, &account, Some(b"no message")),
            1 => self.send_raw(sim, &account, None),
            2 => {
                // Without any name.
                let kind = MessageType::MessageType0800 as i32;
                let echo = Authorisation { message_type: kind, ..Authorisation::default() };
                self.send_raw(sim, &account, Some(&echo.encode_to_vec()));
            }
            3 => self.send(sim, purchase("", &account)),
            _ => {
                // To a partition that its key does not belong to.
                let request = self.purchase(sim, "misrouted", &account);
                let place = sim.below(sim.profile.partitions_count);
                let key = request.account_reference.clone();
                self.put(sim, place, key.as_bytes(), Some(&request.encode_to_vec()), false);
            }
        }
    }

    fn send(&mut self, sim: &Sim, message: Authorisation) {
        let as_json = sim.chance(1_000);
        let value = if as_json { to_json(&message).unwrap() } else { message.encode_to_vec() };
        let key = message.account_reference.clone();
        sim.tell(0, "sends", || in_words(&message));
        sim.coverage.borrow_mut().sent(&message);
        self.put(sim, place_of(sim, &key), key.as_bytes(), Some(&value), as_json);
        let first = self.note_first(&message, sim.now.get());
        // Nobody repeats what was refused.
        if is_alike(&first.message, &message) {
            let first_at = first.first_at;
            self.sent.push(Sent { message, first_at });
        }
    }

    fn note_first(&mut self, message: &Authorisation, now: i64) -> &Sent {
        for id in mentioned_by(message) {
            self.mentioned.entry(id.clone()).or_insert(now);
        }
        let first = || Sent { message: message.clone(), first_at: now };
        self.firsts.entry(key_of(message)).or_insert_with(first)
    }

    fn send_raw(&mut self, sim: &Sim, key: &str, value: Option<&[u8]>) {
        sim.tell(0, "sends", || "what is no authorisation".to_owned());
        self.put(sim, place_of(sim, key), key.as_bytes(), value, false);
    }

    fn put(&mut self, sim: &Sim, place: usize, key: &[u8], value: Option<&[u8]>, as_json: bool) {
        let mut headers = vec![("correlation-id".to_owned(), b"c".to_vec())];
        if as_json {
            headers.push(("content-type".to_owned(), b"application/json".to_vec()));
        }
        let now = sim.now.get();
        let Offset(offset) =
            sim.broker.borrow_mut().append_input(now, place, Some(key), value, headers);
        self.messages_count += 1;
        sim.tell(0, "has as input", || format!("{place}:{offset}"));
    }
}

fn place_of(sim: &Sim, key: &str) -> usize {
    let count = u32::try_from(sim.profile.partitions_count).unwrap();
    partition_of_key(key.as_bytes(), count).0 as usize
}

/// The ids that `message` is about: its own and, where it changes what that is, the
/// original's.
fn mentioned_by(message: &Authorisation) -> impl Iterator<Item = &String> {
    let changes_original = message.incremental || class_of(message) == 400;
    let original = message.original_id.as_ref().filter(|_| changes_original);
    std::iter::once(&message.authorisation_id).chain(original)
}

/// True where `message`, with the key of `first`, may be it again.
fn is_alike(first: &Authorisation, message: &Authorisation) -> bool {
    let same = |it: &Authorisation| Authorisation {
        message_type: class_of(it) + it.message_type / 200,
        authorised_at_millis: 0,
        original_authorised_at_millis: None,
        ..it.clone()
    };
    same(first) == same(message)
}

/// True where `message` agrees with the request that it is about, and that is in windows.
fn is_about(message: &Authorisation, request: &Authorisation) -> bool {
    let is_purchase =
        ![ProcessingCode::Refund, ProcessingCode::Credit].contains(&request.processing_code());
    let is_same_money = message.currency.is_empty() || message.currency == request.currency;
    message.account_reference == request.account_reference
        && message.card == request.card
        && is_same_money
        && (is_purchase || class_of(message) == 100)
}

fn is_request(message: &Authorisation) -> bool {
    matches!(message.message_type, 100 | 200)
}

/// The type of the message's kind, requests being 100 and 200 alike.
fn class_of(message: &Authorisation) -> i32 {
    match message.message_type / 10 % 10 {
        0 if message.message_type < 300 => 100,
        _ if message.message_type / 100 == 4 => 400,
        1 => 110,
        2 => 120,
        _ => message.message_type,
    }
}

/// Class and id, as far as repeats go.
fn key_of(message: &Authorisation) -> Key {
    (class_of(message), message.authorisation_id.clone(), message.response_code.clone())
}

fn in_words(message: &Authorisation) -> String {
    let Authorisation { message_type, authorisation_id, account_reference, .. } = message;
    let about = message.original_id.as_ref().map(|id| format!(" about {id}")).unwrap_or_default();
    let code = message.response_code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let amount = message.amount_minor_units.map(|amount| format!(" {amount}")).unwrap_or_default();
    let currency = &message.currency;
    format!(
        "{message_type:04}{code} {authorisation_id}{about} of {account_reference}{amount}{currency}"
    )
}
