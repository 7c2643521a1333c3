//! Yuan with a decimal point.

use domain::Fen;

/// Fen of a decimal number of yuan: `18`, `18.5`, `18.00`. Zeros beyond the second decimal say nothing.
pub(super) fn fen(text: &str) -> Option<Fen> {
    let (yuan, decimals) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if yuan.is_empty() || yuan.len() > 15 || !digits(yuan) || !digits(decimals) {
        return None;
    }
    let hundredths: u64 = match decimals.trim_end_matches('0') {
        "" => 0,
        tenths if tenths.len() == 1 => tenths.parse::<u64>().ok()?.checked_mul(10)?,
        hundredths if hundredths.len() == 2 => hundredths.parse().ok()?,
        _ => return None,
    };
    yuan.parse::<u64>().ok()?.checked_mul(100)?.checked_add(hundredths).map(Fen::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_become_fen_to_the_last_digit() {
        for (text, expected) in [
            ("0", 0),
            ("0.00", 0),
            ("0.01", 1),
            ("0.1", 10),
            ("0.10", 10),
            ("18", 1_800),
            ("18.5", 1_850),
            ("18.050", 1_805),
            ("0.29", 29),
            ("1.15", 115),
            ("4503599627370497.05".get(1..).unwrap(), 50_359_962_737_049_705),
            ("999999999999999.99", 99_999_999_999_999_999),
        ] {
            assert_eq!(fen(text), Some(Fen::new(expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1,000.00",
            "1e2",
            "0.001",
            "0.015",
            "1 ",
            "１",
            "1.2.3",
            "1000000000000000",
        ] {
            assert_eq!(fen(text), None, "{text}");
        }
    }
}
