//! ISO 4217: three letters to a currency, and back.

use crate::domain::Currency;

/// All currencies that ISO 4217 lists, sorted by their letters. Built once: the
/// library's own look-up compares text after text.
pub(super) struct Currencies {
    by_letters: Vec<([u8; 3], Currency)>,
}

impl Currencies {
    /// The list as this build knows it. Source: ISO 4217, by crate `iso_currency`.
    pub(super) fn listed() -> Self {
        let mut by_letters: Vec<_> = (0..1_000)
            .filter_map(iso_currency::Currency::from_numeric)
            .filter_map(|listed| {
                let letters = <[u8; 3]>::try_from(listed.code().as_bytes()).ok()?;
                Some((letters, Currency::from_numeric(listed.numeric())))
            })
            .collect();
        by_letters.sort_unstable();
        Self { by_letters }
    }

    /// The currency that `letters` stand for.
    pub(super) fn find(&self, letters: &str) -> Option<Currency> {
        let letters = <[u8; 3]>::try_from(letters.as_bytes()).ok()?;
        let found = self.by_letters.binary_search_by_key(&letters, |(listed, _)| *listed).ok()?;
        self.by_letters.get(found).map(|(_, currency)| *currency)
    }
}

/// The three letters of `currency`; empty for one that ISO 4217 does not list.
pub(super) fn letters_of(currency: Currency) -> &'static str {
    iso_currency::Currency::from_numeric(currency.numeric()).map_or("", |listed| listed.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_list_for_every_three_letters() {
        let currencies = Currencies::listed();
        let letters = || (b'A'..=b'Z').map(char::from);
        for first in letters() {
            for second in letters() {
                for third in letters() {
                    let text: String = [first, second, third].iter().collect();
                    let listed = iso_currency::Currency::from_code(&text);
                    let found = currencies.find(&text);
                    assert_eq!(
                        found.map(Currency::numeric),
                        listed.map(iso_currency::Currency::numeric),
                        "{text}"
                    );
                    if let Some(found) = found {
                        assert_eq!(letters_of(found), text);
                    }
                }
            }
        }
    }

    #[test]
    fn only_three_capital_letters_name_a_currency() {
        let currencies = Currencies::listed();
        for text in ["cny", "CN", "CNYX", "", "156", "人民币"] {
            assert_eq!(currencies.find(text), None, "{text}");
        }
        assert_eq!(currencies.find("CNY"), Some(Currency::from_numeric(156)));
    }
}
