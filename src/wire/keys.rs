//! Outside names become 128-bit keys: seeded, and apart by kind.

use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip128::{Hasher128, SipHasher13};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::domain::{
    AccountKey, AcquirerKey, CardKey, DeviceKey, EmailKey, IdKey, IpKey, MerchantKey, OrderKey,
};

use super::secret::{SecretFault, SecretId, from_hex};

/// The cluster's seed of all keys but those of card numbers: 16 bytes, shared by
/// all processes, in a file of its own. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct KeySeed([u8; 16]);

impl KeySeed {
    /// The seed with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The seed that `text` writes as 32 hexadecimal digits.
    ///
    /// # Errors
    /// A [`SecretFault`] that says what is wrong, without the text.
    pub fn from_hex(text: &str) -> Result<Self, SecretFault> {
        from_hex::<16>(text).map(|bytes| Self(*bytes))
    }
}

/// Makes keys from names. One key never stands for names of two kinds: each kind
/// has a hash key of its own, derived from the seed.
///
/// Source: `SipHash` 1-3 with 128 bits (Aumasson and Bernstein 2012): quick on
/// short names, and not to be flooded by senders who do not know the seed. With
/// 10^9 names the chance of any collision is below 2 × 10^-21.
pub struct KeyMaker {
    account: KindKey,
    card_token: KindKey,
    merchant: KindKey,
    acquirer: KindKey,
    device: KindKey,
    ip: KindKey,
    email: KindKey,
    id: KindKey,
    order: KindKey,
    seed_id: SecretId,
}

impl KeyMaker {
    /// The maker whose keys hang on `seed`.
    pub fn new(seed: &KeySeed) -> Self {
        let kind = |name: &str| KindKey::derive(seed, name);
        Self {
            account: kind("account"),
            card_token: kind("card token"),
            merchant: kind("merchant"),
            acquirer: kind("acquirer"),
            device: kind("device"),
            ip: kind("ip address"),
            email: kind("email digest"),
            id: kind("authorisation id"),
            order: kind("stop order id"),
            seed_id: SecretId::of("stopline key seed", &seed.0),
        }
    }

    /// Names the seed in logs and snapshots, without giving it away.
    pub const fn seed_id(&self) -> SecretId {
        self.seed_id
    }

    /// The key of an account reference.
    pub fn account_key(&self, account_reference: &str) -> AccountKey {
        AccountKey::from_bits(self.account.hash(account_reference))
    }

    /// The key of a card token.
    pub fn card_token_key(&self, card_token: &str) -> CardKey {
        CardKey::from_bits(self.card_token.hash(card_token))
    }

    /// The key of an acquirer id.
    pub fn acquirer_key(&self, acquirer_id: &str) -> AcquirerKey {
        AcquirerKey::from_bits(self.acquirer.hash(acquirer_id))
    }

    /// The key of a device id.
    pub fn device_key(&self, device_id: &str) -> DeviceKey {
        DeviceKey::from_bits(self.device.hash(device_id))
    }

    /// The key of an address, the same however it is written: an IPv4 address within IPv6
    /// is that IPv4 address.
    pub fn ip_key(&self, address: IpAddr) -> IpKey {
        IpKey::from_bits(match address.to_canonical() {
            IpAddr::V4(four) => self.ip.hash_bytes(&four.octets()),
            IpAddr::V6(six) => self.ip.hash_bytes(&six.octets()),
        })
    }

    /// The key of a digest of an e-mail address.
    pub fn email_key(&self, email_digest: &str) -> EmailKey {
        EmailKey::from_bits(self.email.hash(email_digest))
    }

    /// The key of an authorisation id.
    pub fn id_key(&self, authorisation_id: &str) -> IdKey {
        IdKey::from_bits(self.id.hash(authorisation_id))
    }

    /// The key of a stop order's id.
    pub fn order_key(&self, order_id: &str) -> OrderKey {
        OrderKey::from_bits(self.order.hash(order_id))
    }

    /// The key of a merchant: acquirer and merchant id together, so that two
    /// acquirers may use one merchant id. Without an acquirer it is another one.
    pub fn merchant_key(&self, acquirer_id: Option<&str>, merchant_id: &str) -> MerchantKey {
        let mut hasher = self.merchant.hasher();
        // The length first: ("ab", "c") is not ("a", "bc"), and absent is not empty.
        let acquirer_bytes = acquirer_id.map_or(u64::MAX, |acquirer| acquirer.len() as u64);
        hasher.write(&acquirer_bytes.to_le_bytes());
        hasher.write(acquirer_id.unwrap_or_default().as_bytes());
        hasher.write(merchant_id.as_bytes());
        MerchantKey::from_bits(hasher.finish128().into())
    }
}

/// The hash key of one kind of names.
#[derive(Zeroize, ZeroizeOnDrop)]
struct KindKey([u8; 16]);

impl KindKey {
    fn derive(seed: &KeySeed, kind: &str) -> Self {
        let bits: u128 = SipHasher13::new_with_key(&seed.0).hash(kind.as_bytes()).into();
        Self(*Zeroizing::new(bits.to_le_bytes()))
    }

    fn hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }

    fn hash(&self, name: &str) -> u128 {
        self.hash_bytes(name.as_bytes())
    }

    fn hash_bytes(&self, bytes: &[u8]) -> u128 {
        self.hasher().hash(bytes).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(seed: u8) -> KeyMaker {
        KeyMaker::new(&KeySeed::from_bytes([seed; 16]))
    }

    #[test]
    fn one_name_has_another_key_in_each_kind_and_under_each_seed() {
        let keys = maker(1);
        let mut bits = vec![
            keys.account_key("a").bits(),
            keys.card_token_key("a").bits(),
            keys.id_key("a").bits(),
            keys.order_key("a").bits(),
            keys.merchant_key(None, "a").bits(),
            keys.acquirer_key("a").bits(),
            keys.device_key("a").bits(),
            keys.email_key("a").bits(),
            keys.ip_key("97.0.0.1".parse().expect("an address")).bits(),
            maker(2).account_key("a").bits(),
        ];
        bits.sort_unstable();
        bits.dedup();
        assert_eq!(bits.len(), 10);
        assert_ne!(keys.seed_id(), maker(2).seed_id());
        assert_eq!(keys.account_key("a"), maker(1).account_key("a"));
    }

    #[test]
    fn an_address_has_one_key_however_it_is_written() {
        let key = |text: &str| maker(1).ip_key(text.parse().expect("an address"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_eq!(key("2001:db8::1"), key("2001:0DB8:0:0::0001"));
        assert_ne!(key("192.0.2.1"), key("::192.0.2.1"));
    }

    #[test]
    fn a_merchant_is_known_by_acquirer_and_id_together() {
        let keys = maker(1);
        let mut bits: Vec<_> = [
            (None, "abc"),
            (Some(""), "abc"),
            (Some("a"), "bc"),
            (Some("ab"), "c"),
            (Some("abc"), ""),
        ]
        .map(|(acquirer, merchant)| keys.merchant_key(acquirer, merchant).bits())
        .to_vec();
        bits.sort_unstable();
        bits.dedup();
        assert_eq!(bits.len(), 5);
    }

    /// State and records hang on these keys: they may never change under one seed.
    #[test]
    fn keys_are_the_same_for_ever() {
        let keys = KeyMaker::new(
            &KeySeed::from_hex("000102030405060708090a0b0c0d0e0f").expect("32 digits"),
        );
        let shown = [
            keys.account_key("par-1").bits(),
            keys.card_token_key("tok-1").bits(),
            keys.id_key("auth-1").bits(),
            keys.order_key("order-1").bits(),
            keys.merchant_key(Some("acq-1"), "m-1").bits(),
        ]
        .map(|bits| format!("{bits:032x}"));
        assert_eq!(shown, GOLDEN_KEYS);
        assert_eq!(keys.seed_id().to_string(), GOLDEN_SEED_ID);
    }

    /// As an independent `SipHash` makes them.
    const GOLDEN_KEYS: [&str; 5] = [
        "d39607a66500382741fece54bf34d4a8",
        "251f19f5c4626e11341e941af11cf54d",
        "6d8f78c9a60b78a076009aa5e52942ee",
        "9262b6d0d09731604259231c7aa037be",
        "a14bccd98a5c22dc7a5708d429ffb96d",
    ];
    const GOLDEN_SEED_ID: &str = "1fd68196";
}
