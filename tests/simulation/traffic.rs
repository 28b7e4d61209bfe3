//! What is sent: every message type, few accounts, many repeats, poison, times out of order.

use prost::Message as _;
use stopline::domain::Offset;
use stopline::service::log::partition_of_key;
use stopline::wire::proto::{Authorisation, MessageType, ProcessingCode, authorisation::Card};

use crate::policy::ANSWERS_AGE;
use crate::sim::{Length, Sim};
use crate::support::{loss_order, purchase};

pub(crate) const ACCOUNTS: [&str; 4] = ["account-0", "account-1", "account-2", "account-3"];
/// Whatever brokers' clocks do, an answer is remembered for so long.
const CONTRADICTED_WITHIN_MILLIS: i64 = 100_000;
const CODES: [&str; 5] = ["00", "00", "51", "1A", "91"];

/// A message that was sent, and when it was sent first.
#[derive(Clone, Debug)]
struct Sent {
    message: Authorisation,
    first_at: i64,
}

/// All that was sent.
#[derive(Debug)]
pub(crate) struct Traffic {
    length: Length,
    /// Messages that may be repeated.
    sent: Vec<Sent>,
    /// Requests that others may be about, some of them never sent.
    requests: Vec<Sent>,
    ids_count: usize,
    messages_count: usize,
}

impl Traffic {
    pub(crate) fn new(length: Length) -> Self {
        Self { length, sent: Vec::new(), requests: Vec::new(), ids_count: 0, messages_count: 0 }
    }

    pub(crate) fn sent_count(&self) -> usize {
        self.messages_count
    }

    /// Sends something.
    pub(crate) fn send_any(&mut self, sim: &Sim) {
        match sim.below(40) {
            0 => self.send_poison(sim),
            1 => {
                let kind = MessageType::MessageType0800 as i32;
                let echo = Authorisation { message_type: kind, ..Authorisation::default() };
                self.send_raw(sim, "account-2", Some(&echo.encode_to_vec()));
            }
            2..=9 => self.send_again(sim),
            10..=14 => self.send_about(sim, Self::notice),
            15..=16 => self.send_about(sim, Self::advice),
            17..=21 => self.send_about(sim, Self::reversal),
            22..=23 => self.send_about(sim, Self::incremental),
            24 => {
                let mut refund = self.new_request(sim);
                let codes = [ProcessingCode::Refund, ProcessingCode::Credit];
                refund.processing_code = codes[sim.below(2)] as i32;
                self.send(sim, refund);
            }
            25 => {
                // Told of or taken back before it comes, or it never comes.
                let request = self.new_request(sim);
                let first_at = sim.now.get();
                self.requests.push(Sent { message: request, first_at });
            }
            _ => {
                let request = self.new_request(sim);
                let first_at = sim.now.get();
                self.requests.push(Sent { message: request.clone(), first_at });
                self.send(sim, request);
            }
        }
    }

    /// Sends a few requests for each account, and a repeat of each of the last messages.
    pub(crate) fn send_probes(&mut self, sim: &Sim) {
        self.probe_accounts(sim);
        let mut again: Vec<Sent> = self.sent.iter().rev().take(120).cloned().collect();
        again.sort_by(|one, other| key_of(&one.message).cmp(&key_of(&other.message)));
        again.dedup_by(|one, other| key_of(&one.message) == key_of(&other.message));
        let now = sim.now.get();
        again.retain(|sent| self.may_refer_to(sent, now));
        // What waits for a request that has not come has its effect now.
        let mut awaited: Vec<Sent> = self.requests.iter().rev().take(60).cloned().collect();
        awaited.retain(|sent| self.may_refer_to(sent, now));
        for sent in awaited {
            self.send(sim, sent.message);
        }
        for sent in again {
            self.send(sim, repeat_of(&sent.message));
        }
        self.probe_accounts(sim);
    }

    fn probe_accounts(&mut self, sim: &Sim) {
        for account in ACCOUNTS {
            let id = self.new_id("probe");
            let probe = Authorisation {
                amount_minor_units: Some(1_000),
                authorised_at_millis: sim.now.get(),
                ..purchase(&id, account)
            };
            self.send(sim, probe);
        }
    }

    /// Publishes an order against an account, or lifts one.
    pub(crate) fn send_stop_order(&mut self, sim: &Sim) {
        let number = sim.below(3);
        let mut order = loss_order(&format!("order-{number}"), ACCOUNTS[number]);
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

    fn new_id(&mut self, kind: &str) -> String {
        self.ids_count += 1;
        format!("{kind}-{}", self.ids_count)
    }

    fn new_request(&mut self, sim: &Sim) -> Authorisation {
        let account = ACCOUNTS[sim.below(ACCOUNTS.len())];
        let id = self.new_id("id");
        let is_financial = sim.chance(1_500);
        let kind =
            if is_financial { MessageType::MessageType0200 } else { MessageType::MessageType0100 };
        let country = if sim.chance(1_000) { "US" } else { "CN" };
        let currency = if sim.chance(500) { "USD" } else { "CNY" };
        Authorisation {
            message_type: kind as i32,
            amount_minor_units: Some([1_000, 5_000, 200_000, 600_000][sim.below(4)]),
            currency: currency.to_owned(),
            authorised_at_millis: some_time(sim),
            merchant_country: Some(country.to_owned()),
            merchant_id: Some(format!("merchant-{}", sim.below(4))),
            ..purchase(&id, account)
        }
    }

    /// True where `sent` is not too old for what this length promises.
    fn may_refer_to(&self, sent: &Sent, now: i64) -> bool {
        self.length != Length::Hours || sent.first_at >= now - ANSWERS_AGE.millis() / 2
    }

    fn any_of(&self, sim: &Sim, all: &[Sent]) -> Option<Sent> {
        let now = sim.now.get();
        let reach = if sim.chance(8_000) { 8 } else { 60 };
        let able: Vec<&Sent> =
            all.iter().rev().filter(|sent| self.may_refer_to(sent, now)).take(reach).collect();
        (!able.is_empty()).then(|| able[sim.below(able.len())].clone())
    }

    fn send_again(&mut self, sim: &Sim) {
        let Some(Sent { message, first_at }) = self.any_of(sim, &self.sent) else { return };
        let mut again = if sim.chance(7_000) { repeat_of(&message) } else { message };
        // Another amount under the same id is refused while the first answer is remembered;
        // later it breaks what senders promise, and nobody says what it comes to.
        if sim.chance(700) && first_at >= sim.now.get() - CONTRADICTED_WITHIN_MILLIS {
            again.amount_minor_units = again.amount_minor_units.map(|amount| amount + 1);
            self.send(sim, again);
            self.sent.pop(); // Nobody repeats it.
            return;
        }
        self.send(sim, again);
    }

    fn send_about(
        &mut self,
        sim: &Sim,
        make: impl Fn(&mut Self, &Sim, Authorisation) -> Authorisation,
    ) {
        let Some(Sent { message, .. }) = self.any_of(sim, &self.requests) else { return };
        let mut message = make(self, sim, message);
        message.authorised_at_millis = some_time(sim);
        if sim.chance(500) {
            message.card = Some(Card::CardToken("another".to_owned()));
        }
        self.send(sim, message);
    }

    fn notice(&mut self, sim: &Sim, about: Authorisation) -> Authorisation {
        let kind = in_family(&about, MessageType::MessageType0110, MessageType::MessageType0210);
        told(sim, about, kind)
    }

    fn advice(&mut self, sim: &Sim, about: Authorisation) -> Authorisation {
        let kind = in_family(&about, MessageType::MessageType0120, MessageType::MessageType0220);
        told(sim, about, kind)
    }

    fn reversal(&mut self, sim: &Sim, about: Authorisation) -> Authorisation {
        let kind = in_family(&about, MessageType::MessageType0400, MessageType::MessageType0420);
        let part = about.amount_minor_units.map(|amount| amount / 4 * sim.between(1..6));
        let is_all = sim.chance(5_000);
        Authorisation {
            message_type: kind,
            authorisation_id: self.new_id("undo"),
            original_id: Some(about.authorisation_id.clone()),
            incremental: false,
            amount_minor_units: part.filter(|_| !is_all),
            currency: if is_all { String::new() } else { about.currency.clone() },
            ..about
        }
    }

    fn incremental(&mut self, sim: &Sim, about: Authorisation) -> Authorisation {
        if about.incremental {
            return self.new_request(sim);
        }
        let added = Authorisation {
            authorisation_id: self.new_id("more"),
            original_id: Some(about.authorisation_id.clone()),
            incremental: true,
            amount_minor_units: Some(700),
            ..about
        };
        let first_at = sim.now.get();
        self.requests.push(Sent { message: added.clone(), first_at });
        added
    }

    fn send_poison(&mut self, sim: &Sim) {
        match sim.below(4) {
            0 => self.send_raw(sim, "account-1", Some(b"no message")),
            1 => self.send_raw(sim, "account-1", None),
            2 => {
                let nameless =
                    Authorisation { authorisation_id: String::new(), ..self.new_request(sim) };
                self.send(sim, nameless);
            }
            _ => {
                // To a partition that its key does not belong to.
                let request = self.new_request(sim);
                let place = sim.below(sim.profile.partitions_count);
                let key = request.account_reference.clone();
                self.put(sim, place, key.as_bytes(), Some(&request.encode_to_vec()), false);
            }
        }
    }

    fn send(&mut self, sim: &Sim, message: Authorisation) {
        let as_json = sim.chance(1_000);
        let value =
            if as_json { serde_json::to_vec(&message).unwrap() } else { message.encode_to_vec() };
        let key = message.account_reference.clone();
        let place = place_of(sim, &key);
        sim.tell(0, "sends", || in_words(&message));
        self.put(sim, place, key.as_bytes(), Some(&value), as_json);
        let first_at = self
            .sent
            .iter()
            .rev()
            .find(|sent| key_of(&sent.message) == key_of(&message))
            .map_or(sim.now.get(), |sent| sent.first_at);
        self.sent.push(Sent { message, first_at });
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

/// Mostly now; sometimes late, sometimes ahead.
fn some_time(sim: &Sim) -> i64 {
    let apart = match sim.below(10) {
        0 => -sim.between(0..700_000),
        1 => sim.between(0..120_000),
        _ => -sim.between(0..500),
    };
    sim.now.get() + apart
}

fn told(sim: &Sim, about: Authorisation, kind: i32) -> Authorisation {
    let code = CODES[sim.below(CODES.len())];
    Authorisation { message_type: kind, response_code: Some(code.to_owned()), ..about }
}

fn in_family(about: &Authorisation, of_100: MessageType, of_200: MessageType) -> i32 {
    if about.message_type / 100 == 2 { of_200 as i32 } else { of_100 as i32 }
}

/// Class and id, as far as repeats go.
fn key_of(message: &Authorisation) -> (i32, &str, Option<&str>) {
    let class = message.message_type / 10 * 10;
    (class, &message.authorisation_id, message.response_code.as_deref())
}

/// `message` as its sender repeats it.
fn repeat_of(message: &Authorisation) -> Authorisation {
    let has_repeat = matches!(message.message_type, 100 | 120 | 200 | 220 | 400 | 420);
    let kind = message.message_type + i32::from(has_repeat);
    Authorisation { message_type: kind, ..message.clone() }
}

fn in_words(message: &Authorisation) -> String {
    let Authorisation { message_type, authorisation_id, account_reference, .. } = message;
    let about = message.original_id.as_ref().map(|id| format!(" about {id}")).unwrap_or_default();
    let code = message.response_code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let amount = message.amount_minor_units.map(|amount| format!(" {amount}")).unwrap_or_default();
    format!("{message_type:04}{code} {authorisation_id}{about} of {account_reference}{amount}")
}
