//! Money in fen.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::InvalidValue;

/// An amount in fen (分, a hundredth of a yuan): V2 `total_fee`, V3 `amount.total`. Always an integer, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Fen(u64);

impl Fen {
    /// Nothing.
    pub const ZERO: Fen = Fen(0);

    /// So many fen.
    #[must_use]
    pub const fn new(fen: u64) -> Self {
        Self(fen)
    }

    /// The number of fen.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Reads the decimal text of V2: digits only, so `888` and never `888.0`.
    ///
    /// # Errors
    ///
    /// [`InvalidValue`] for anything but 1 to 18 digits.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, InvalidValue> {
        let rule = "an integer number of fen, 1 to 18 digits";
        if text.is_empty() || text.len() > 18 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidValue { field, rule });
        }
        text.parse().map(Self).map_err(|_| InvalidValue { field, rule })
    }

    /// The sum; it stays at the largest amount rather than wrap.
    #[must_use]
    pub const fn plus(self, other: Fen) -> Fen {
        Fen(self.0.saturating_add(other.0))
    }

    /// The difference; nothing where `other` is larger.
    #[must_use]
    pub const fn minus(self, other: Fen) -> Fen {
        Fen(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_fen_are_an_amount() {
        assert_eq!(Fen::parse("total_fee", "888").unwrap(), Fen::new(888));
        for bad in ["", "888.0", "-1", "+1", " 1", "1234567890123456789"] {
            assert!(Fen::parse("total_fee", bad).is_err(), "{bad}");
        }
    }
}
