//! The net history of one account: what all that was told comes to, worked out anew from
//! the first message to the last. Nothing is kept but the messages themselves.

use std::collections::BTreeMap;

use stopline::domain::{
    AccountKey, Amount, CardKey, Channel, Currency, DeviceKey, EntryMode, EventTime, IdKey,
    Initiator, IpKey, MerchantKey, MessageClass, Offset, Outcome, OutcomeElsewhere, Processing,
};

use super::policy::{Counts, Policy};

/// One message that left something, and what it was to its authorisation when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) class: MessageClass,
    pub(crate) role: Role,
    pub(crate) input: Offset,
    /// The broker's time.
    pub(crate) heard_at: EventTime,
    /// Its own time, within the allowed lateness.
    pub(crate) at: EventTime,
    /// Its own id; of a reversal, by which it takes back once.
    pub(crate) id: IdKey,
    /// What it is about: what a reversal takes back, else its own id.
    pub(crate) about: IdKey,
    /// The original that an incremental adds to.
    pub(crate) adds_to: Option<IdKey>,
    pub(crate) card: Option<CardKey>,
    pub(crate) amount: Option<Amount>,
    /// Its amount in the policy's currency.
    pub(crate) policy_minor_units: Option<i64>,
    pub(crate) merchant: Option<MerchantKey>,
    pub(crate) country: Option<[u8; 2]>,
    pub(crate) category: Option<u16>,
    pub(crate) processing: Processing,
    pub(crate) initiator: Initiator,
    pub(crate) entry_mode: Option<EntryMode>,
    pub(crate) channel: Option<Channel>,
    pub(crate) device: Option<DeviceKey>,
    pub(crate) ip: Option<IpKey>,
    pub(crate) account: AccountKey,
    /// Our decision, of a request.
    pub(crate) ours: Option<Outcome>,
    /// The outcome that an advice or notice tells.
    pub(crate) host: Option<OutcomeElsewhere>,
}

/// What a message was to its authorisation when it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// A request or advice: nothing was known under its id.
    Begins,
    /// A request: only an advice was known under its id, and it takes its place.
    TakesOver,
    /// It tells something of one that is known.
    Adds,
    /// It tells something of one that has not come.
    Waits,
    /// It only moves the windows: a refund, or a request that is counted already.
    Moves,
}

/// What two messages about one authorisation must share, where both know it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    pub(crate) currency: Option<Currency>,
    pub(crate) card: Option<CardKey>,
}

impl Marks {
    pub(crate) fn agree(self, other: Self) -> bool {
        let currencies = self.currency.zip(other.currency);
        let cards = self.card.zip(other.card);
        currencies.is_none_or(|(one, other)| one == other)
            && cards.is_none_or(|(one, other)| one == other)
    }
}

impl Told {
    pub(crate) fn marks(&self) -> Marks {
        Marks { currency: self.amount.map(Amount::currency), card: self.card }
    }

    /// What it asks for, in its own currency.
    pub(super) fn asked(&self) -> i64 {
        self.amount.map_or(0, Amount::minor_units)
    }

    /// Requests and advices move their account's windows; what is told of one does not.
    pub(super) fn moves_to(&self) -> Option<EventTime> {
        matches!(self.class, MessageClass::Request | MessageClass::Advice).then_some(self.at)
    }
}

/// One authorisation.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// The message that describes it: its request, or an advice until that comes.
    pub(crate) stands: Told,
    /// What the host was told to have said.
    pub(crate) words: Vec<OutcomeElsewhere>,
    /// The reversals that name it itself.
    pub(super) reversals: Vec<Told>,
}

impl Life {
    /// The strongest word of the host, which wins over our decision.
    pub(crate) fn outcome(&self) -> Counts {
        match (self.words.iter().max(), self.stands.ours) {
            (Some(OutcomeElsewhere::Approved), _) | (None, Some(Outcome::Approve)) => {
                Counts::Approved
            }
            (Some(OutcomeElsewhere::Declined), _) | (None, Some(Outcome::Decline)) => {
                Counts::Declined
            }
            (Some(OutcomeElsewhere::SteppedUp), _) | (None, Some(Outcome::StepUp)) => {
                Counts::SteppedUp
            }
            (Some(OutcomeElsewhere::Failed), _) => Counts::Failed,
            (None, None) => unreachable!("an advice tells an outcome"),
        }
    }
}

/// An original and the incrementals that name it, and what was taken back of them. It
/// lasts as long as one of them is in the windows.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain {
    pub(super) members: Vec<usize>,
    pub(super) reversals: Vec<Told>,
}

/// One authorisation as windows count it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) stands: Told,
    pub(crate) counts: Counts,
    /// What is left of its amount, in the policy's currency.
    pub(crate) minor_units: Option<i64>,
    /// It adds to one that is known: money, but not another authorisation.
    pub(crate) is_incremental: bool,
}

/// What the messages of one account come to.
pub(crate) struct Net<'p> {
    policy: &'p Policy,
    /// The latest time of its requests and advices.
    pub(crate) newest: Option<EventTime>,
    /// Where the windows stand.
    pub(crate) stands_at: EventTime,
    /// What is so old or older is in no window any more, and unknown.
    before_windows: EventTime,
    pub(super) lives: Vec<Life>,
    chains: BTreeMap<IdKey, Chain>,
    /// What was told of authorisations that have not come, in order.
    pub(crate) waiting: Vec<Told>,
}

impl<'p> Net<'p> {
    /// What `history` comes to at `clock`, the partition's time, where a message whose own
    /// time is `now` is being looked at.
    pub(crate) fn of(
        history: &[Told],
        clock: EventTime,
        now: Option<EventTime>,
        policy: &'p Policy,
    ) -> Self {
        let mut net = Self {
            policy,
            newest: None,
            stands_at: EventTime::EARLIEST,
            before_windows: EventTime::EARLIEST,
            lives: Vec::new(),
            chains: BTreeMap::new(),
            waiting: Vec::new(),
        };
        for told in history {
            // An advice of a known one is heard before it moves the windows.
            if told.role == Role::Adds {
                net.go_to(told.heard_at, None);
                net.hear(told);
            }
            net.go_to(told.heard_at, told.moves_to());
            if told.role != Role::Adds {
                net.hear(told);
            }
        }
        net.go_to(clock, now);
        net
    }

    /// Windows stand at the newest time of the account, and never further behind the
    /// partition's than any message may be late. They do not move back.
    fn go_to(&mut self, clock: EventTime, now: Option<EventTime>) {
        self.newest = self.newest.max(now);
        let longest_delay = self.policy.longest_delay();
        let latest = clock.minus(longest_delay);
        self.stands_at = self.newest.map_or(latest, |newest| newest.max(latest));
        self.before_windows = self.stands_at.minus(self.policy.longest_window());
        self.waiting.retain(|told| clock.since(told.heard_at) <= longest_delay);
    }

    fn hear(&mut self, told: &Told) {
        match told.role {
            Role::Moves => {}
            Role::Waits => self.waiting.push(*told),
            Role::Adds if told.class == MessageClass::Reversal => {
                self.take_back_once(told);
            }
            Role::Adds => {
                let life = self.latest(told.about).expect("it was known");
                self.lives[life].words.extend(told.host);
            }
            Role::Begins => {
                let words = told.host.into_iter().collect();
                self.lives.push(Life { stands: *told, words, reversals: Vec::new() });
                self.join(self.lives.len() - 1);
            }
            Role::TakesOver => {
                let life = self.latest(told.about).expect("it was known");
                // What was told of another card or currency was told of something else.
                if !self.lives[life].stands.marks().agree(told.marks()) {
                    self.lives[life].words.clear();
                }
                self.lives[life].stands = *told;
                self.join(life);
            }
        }
    }

    /// Puts an authorisation in its chains, and gives it what waits for it.
    fn join(&mut self, life: usize) {
        let stands = self.lives[life].stands;
        for id in [Some(stands.id), stands.adds_to].into_iter().flatten() {
            let chain = self.chain_to_change(id);
            if !chain.members.contains(&life) {
                chain.members.push(life);
            }
        }
        for told in std::mem::take(&mut self.waiting) {
            let is_reversal = told.class == MessageClass::Reversal;
            if told.about == stands.id {
                // What contradicts it is let go of.
                if !stands.marks().agree(told.marks()) {
                } else if is_reversal {
                    self.take_back_once(&told);
                } else {
                    self.lives[life].words.extend(told.host);
                }
            } else if is_reversal && stands.adds_to == Some(told.about) {
                // It waits on with the incremental, for as long as that one is there.
                self.take_back_once(&told);
            } else {
                self.waiting.push(told);
            }
        }
    }

    fn take_back_once(&mut self, reversal: &Told) {
        let chain = self.chain_to_change(reversal.about);
        if chain.reversals.iter().any(|known| known.id == reversal.id) {
            return;
        }
        chain.reversals.push(*reversal);
        let named = self.latest(reversal.about).filter(|life| self.is_in_windows(*life));
        if let Some(life) = named {
            self.lives[life].reversals.push(*reversal);
        }
    }

    /// The chain of `id`, begun anew where nothing of it is in the windows.
    fn chain_to_change(&mut self, id: IdKey) -> &mut Chain {
        let is_there = self.chain(id).is_some();
        let chain = self.chains.entry(id).or_default();
        if !is_there {
            *chain = Chain::default();
        }
        chain
    }

    /// The chain of `id`, where something of it is in the windows.
    pub(super) fn chain(&self, id: IdKey) -> Option<&Chain> {
        let chain = self.chains.get(&id)?;
        chain.members.iter().any(|life| self.is_in_windows(*life)).then_some(chain)
    }

    fn is_in_windows(&self, life: usize) -> bool {
        self.lives[life].stands.at > self.before_windows
    }

    fn latest(&self, id: IdKey) -> Option<usize> {
        self.lives.iter().rposition(|life| life.stands.id == id)
    }

    /// The authorisation `id`, where it is in the windows.
    pub(crate) fn known(&self, id: IdKey) -> Option<&Life> {
        let life = self.latest(id)?;
        self.is_in_windows(life).then(|| &self.lives[life])
    }

    /// True where something of the chain of `id` is in the windows.
    pub(crate) fn has_chain(&self, id: IdKey) -> bool {
        self.chain(id).is_some()
    }

    /// The original of the chain of `id`, which may have left the windows before its
    /// incrementals.
    pub(crate) fn original(&self, id: IdKey) -> Option<&Life> {
        let members = &self.chain(id)?.members;
        let original = members.iter().rfind(|life| self.lives[**life].stands.id == id)?;
        Some(&self.lives[*original])
    }

    /// True where the reversal `reversal` of `id` is known.
    pub(crate) fn has_taken_back(&self, id: IdKey, reversal: IdKey) -> bool {
        let chain = self.chain(id);
        chain.is_some_and(|chain| chain.reversals.iter().any(|known| known.id == reversal))
    }

    /// All authorisations in the windows, by their own time, ties in the order of their
    /// messages.
    pub(crate) fn counted(&self) -> Vec<Counted> {
        let mut counted: Vec<Counted> = (0..self.lives.len())
            .filter(|life| self.is_in_windows(*life))
            .map(|life| self.count(life))
            .collect();
        counted.sort_by_key(|one| (one.stands.at, one.stands.input));
        counted
    }

    /// True where nothing is left of `id`, which is still remembered.
    pub(crate) fn is_undone(&self, id: IdKey) -> bool {
        self.counted().iter().any(|one| one.stands.id == id && one.counts == Counts::Reversed)
    }

    fn count(&self, life: usize) -> Counted {
        let Life { stands, .. } = &self.lives[life];
        let chain = stands.adds_to.unwrap_or(stands.id);
        let left = self.left_of_chain(chain).get(&life).copied().flatten();
        let in_policy = |left: i64| {
            let taken = i128::from(stands.asked() - left);
            let policy = stands.policy_minor_units?;
            // Its share of what was taken back, rounded down.
            let taken = (i128::from(policy) * taken).checked_div(i128::from(stands.asked()));
            Some(policy - i64::try_from(taken.unwrap_or(0)).expect("a part of an amount"))
        };
        Counted {
            stands: *stands,
            counts: left.map_or(Counts::Reversed, |_| self.lives[life].outcome()),
            minor_units: left.and_then(in_policy),
            is_incremental: stands.adds_to.is_some()
                && self.original(chain).is_some_and(|it| it.stands.marks().agree(stands.marks())),
        }
    }
}
