//! Amounts in minor units. Money is never a float.

/// The largest amount of one message: 10^15 minor units. Sums of 9,000 such fit in an `i64`.
pub const AMOUNT_MINOR_UNITS_MAX: i64 = 1_000_000_000_000_000;

/// An ISO 4217 currency by its numeric code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Currency(u16);

impl Currency {
    /// The currency with the ISO 4217 numeric code `code` (156 is CNY); `wire`
    /// and `config` check it against the list.
    pub const fn from_numeric(code: u16) -> Self {
        Self(code)
    }

    /// Its ISO 4217 numeric code.
    pub const fn numeric(self) -> u16 {
        self.0
    }
}

/// An amount in minor units of a currency, 0 to [`AMOUNT_MINOR_UNITS_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Amount {
    minor_units: i64,
    currency: Currency,
}

impl Amount {
    /// `minor_units` of `currency`, or `None` outside 0 to [`AMOUNT_MINOR_UNITS_MAX`].
    pub fn new(minor_units: i64, currency: Currency) -> Option<Self> {
        (0..=AMOUNT_MINOR_UNITS_MAX)
            .contains(&minor_units)
            .then_some(Self { minor_units, currency })
    }

    /// How much, in minor units.
    pub const fn minor_units(self) -> i64 {
        self.minor_units
    }

    /// Of what.
    pub const fn currency(self) -> Currency {
        self.currency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_below_zero_or_beyond_the_limit_is_refused() {
        let yuan = Currency::from_numeric(156);
        let cases = [
            (-1, false),
            (0, true),
            (AMOUNT_MINOR_UNITS_MAX, true),
            (AMOUNT_MINOR_UNITS_MAX + 1, false),
        ];
        for (minor_units, accepted) in cases {
            assert_eq!(Amount::new(minor_units, yuan).is_some(), accepted, "{minor_units}");
        }
    }
}
