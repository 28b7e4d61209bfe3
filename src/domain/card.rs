//! Keyed hashes made at the door: what state hangs on. None can be turned back
//! into a card number, and none shows itself in a log.

use std::fmt;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u128);

        impl $name {
            /// The key whose 128 bits are `bits`; only `wire` makes them.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// Its 128 bits.
            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }
    };
}

key! {
    /// The account that velocity hangs on.
    AccountKey
}
key! {
    /// A card: the keyed hash of its token, or the tag of its number. Tokens and
    /// numbers are hashed in domains of their own, so the two never meet.
    CardKey
}
key! {
    /// A merchant: acquirer and card acceptor id together.
    MerchantKey
}
key! {
    /// An acquirer.
    AcquirerKey
}
key! {
    /// A device of a cardholder.
    DeviceKey
}
key! {
    /// The network address of such a device, however it was written.
    IpKey
}
key! {
    /// The digest of a cardholder's e-mail address.
    EmailKey
}
key! {
    /// An authorisation id.
    IdKey
}
key! {
    /// A stop order's id.
    OrderKey
}
