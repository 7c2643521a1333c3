//! How many calls a merchant may make in a second.

use crate::time::{Ms, SECOND};

/// Refunds that are accepted: <https://pay.weixin.qq.com/doc/v3/merchant/4013071036>.
const MOST_ACCEPTED: u32 = 150;

/// Refunds that are refused, from the same page.
const MOST_REFUSED: u32 = 6;

/// A merchant's refunds in one second. Calls whose form is wrong are not counted: they come to no rule.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Frequency {
    second: Ms,
    accepted: u32,
    refused: u32,
}

impl Frequency {
    /// Whether one more call is one too many, whatever would come of it.
    pub(crate) fn is_exceeded(&self, now: Ms) -> bool {
        let is_this_second = self.second == second(now);
        is_this_second && (self.accepted >= MOST_ACCEPTED || self.refused >= MOST_REFUSED)
    }

    pub(crate) fn count(&mut self, now: Ms, is_accepted: bool) {
        if self.second != second(now) {
            *self = Self { second: second(now), ..Self::default() };
        }
        let counted = if is_accepted { &mut self.accepted } else { &mut self.refused };
        *counted = counted.saturating_add(1);
    }
}

fn second(now: Ms) -> Ms {
    now.div_euclid(SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_room_for_so_many_of_each_kind_and_the_next_one_again() {
        for (is_accepted, most) in [(true, 150), (false, 6)] {
            let mut frequency = Frequency::default();
            for call in 0..most {
                assert!(!frequency.is_exceeded(1_500), "{call}");
                frequency.count(1_500, is_accepted);
            }
            assert!(frequency.is_exceeded(1_999));
            assert!(!frequency.is_exceeded(2_000));
            frequency.count(2_000, !is_accepted);
            assert!(!frequency.is_exceeded(2_000), "the last second does not count any more");
        }
    }
}
