//! `papay clock`: moves the one clock of the local stack.

use std::path::Path;
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};

use crate::failure::Failure;

/// Move the local stack's clock: `papay clock +2h`, `papay clock -- -30m`, `papay clock reset`; without an argument, tell it.
#[derive(clap::Args)]
pub(crate) struct Clock {
    /// How far to move it (`+2h`, `+1d`, `-30m`), or `reset`.
    #[arg(allow_hyphen_values = true)]
    by: Option<String>,
}

impl Clock {
    pub(crate) fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        crate::failure::running(data)?;
        let clock = host::clock::Clock::in_folder(data);
        let moved = match self.by.as_deref() {
            None => Ok(()),
            Some("reset") => clock.set_offset_ms(0),
            Some(by) => clock.advance_ms(milliseconds(by)?),
        };
        moved.map_err(|error| Failure::new(format_args!("the clock's file cannot be written: {error}")))?;
        let now = Timestamp::from_millisecond(clock.now_ms()).unwrap_or_default();
        let offset = SignedDuration::from_millis(clock.offset_ms());
        println!("{} ({})", now.strftime("%Y-%m-%d %H:%M:%S UTC"), described(offset));
        Ok(ExitCode::SUCCESS)
    }
}

fn milliseconds(by: &str) -> Result<i64, Failure> {
    let wrong = || {
        Failure::new(format_args!("{by:?} is no time to move by"))
            .next("write for instance +2h, +90s, +1d, -30m, or reset")
    };
    let (sign, length) = match by.split_at_checked(1) {
        Some(("+", length)) => (1, length),
        Some(("-", length)) => (-1, length),
        _ => return Err(wrong()),
    };
    let (number, unit) = length.split_at_checked(length.len().saturating_sub(1)).ok_or_else(wrong)?;
    let unit = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(i64::from(number).saturating_mul(unit).saturating_mul(sign))
}

fn described(offset: SignedDuration) -> String {
    if offset.is_zero() { "the system's time".to_owned() } else { format!("moved by {offset:#}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_move_by_has_a_sign_a_number_and_a_unit() {
        assert_eq!(milliseconds("+2h").unwrap(), 7_200_000);
        assert_eq!(milliseconds("-30m").unwrap(), -1_800_000);
        assert_eq!(milliseconds("+1d").unwrap(), 86_400_000);
        for wrong in ["2h", "+h", "+2", "+2w", "", "+", "+-2h", "+2小"] {
            assert!(milliseconds(wrong).is_err(), "{wrong}");
        }
    }
}
