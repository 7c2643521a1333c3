//! Notices: what WeChat has to say, how often it has said it, and what it heard.

use serde::{Deserialize, Serialize};

use crate::time::{MINUTE, Ms, SECOND};

/// A notice on its way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Notice {
    pub(crate) id: u64,
    pub(crate) kind: NoticeKind,
    pub(crate) mch_id: String,
    /// The order, contract or refund numbers it is about.
    pub(crate) numbers: Vec<String>,
    pub(crate) url: String,
    /// JSON, signed anew in the headers at each delivery, instead of XML.
    #[serde(default)]
    pub(crate) is_v3: bool,
    pub(crate) message: Message,
    pub(crate) state: NoticeState,
    /// When it is sent the next time.
    pub(crate) next_at_ms: Option<Ms>,
    /// Another notice that has to be accepted, or given up, before.
    pub(crate) after: Option<u64>,
    /// Since when it waits for another one to overtake it.
    pub(crate) swapped_ms: Option<Ms>,
    /// What has been sent, one for each step of the schedule.
    pub(crate) deliveries: Vec<Delivery>,
    /// What was sent a second time, by a fault.
    pub(crate) doubles: Vec<Delivery>,
}

/// The bytes. Those of V2 stay the same from delivery to delivery; V3 has new headers each time.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeKind {
    Payment,
    Deduction,
    ContractAdd,
    ContractDelete,
    Refund,
    /// May this user be kept?
    Retention,
    /// WeChat's self-test.
    SecurityEcho,
    /// Whatever was asked for.
    Other,
}

/// What has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeState {
    Waiting,
    Accepted,
    GivenUp,
}

/// One sending.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// By the movable clock.
    pub(crate) at_ms: Ms,
    /// HTTP status; none without an answer.
    pub(crate) status: Option<u16>,
    pub(crate) accepted: bool,
    pub(crate) fault: Option<String>,
    /// The key that signed it, of V3.
    #[serde(default)]
    pub(crate) serial: Option<String>,
    /// How long the answer took, in real milliseconds.
    pub(crate) ms: u64,
}

/// Payment and refund: 15 s/15 s/30 s/3 m/10 m/20 m/30 m/30 m/30 m/60 m/3 h/3 h/3 h/6 h/6 h.
const PAYMENT: [Ms; 15] = {
    const H: Ms = 60 * MINUTE;
    [
        15 * SECOND,
        15 * SECOND,
        30 * SECOND,
        3 * MINUTE,
        10 * MINUTE,
        20 * MINUTE,
        30 * MINUTE,
        30 * MINUTE,
        30 * MINUTE,
        H,
        3 * H,
        3 * H,
        3 * H,
        6 * H,
        6 * H,
    ]
};

/// Deduction and self-test: 0/15/15/30/180/1800/1800/1800/1800/3600 s.
const DEDUCTION: [Ms; 9] = [
    15 * SECOND,
    15 * SECOND,
    30 * SECOND,
    180 * SECOND,
    1_800 * SECOND,
    1_800 * SECOND,
    1_800 * SECOND,
    1_800 * SECOND,
    3_600 * SECOND,
];

/// Contract: 0, 10 ×3, 30 ×3, 300 ×23 s, and then never again.
const CONTRACT: [Ms; 29] = {
    let mut pauses = [300 * SECOND; 29];
    let mut at = 0;
    while at < 6 {
        pauses[at] = if at < 3 { 10 * SECOND } else { 30 * SECOND };
        at += 1;
    }
    pauses
};

impl NoticeKind {
    /// The pauses between deliveries; there is one delivery more than pauses.
    pub(crate) fn pauses(self) -> &'static [Ms] {
        match self {
            Self::Payment | Self::Refund | Self::Other => &PAYMENT,
            Self::Deduction | Self::SecurityEcho => &DEDUCTION,
            Self::ContractAdd | Self::ContractDelete => &CONTRACT,
            Self::Retention => &[],
        }
    }

    /// How long WeChat waits for the answer, in milliseconds.
    pub(crate) fn patience_ms(self) -> u64 {
        match self {
            Self::Retention => 1_000,
            _ => 5_000,
        }
    }

    /// The word of the control API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Deduction => "deduction",
            Self::ContractAdd => "contract_add",
            Self::ContractDelete => "contract_delete",
            Self::Refund => "refund",
            Self::Retention => "retention",
            Self::SecurityEcho => "security_echo",
            Self::Other => "other",
        }
    }
}

impl Notice {
    /// The pauses between deliveries. V3 has one schedule for contracts, too, that of payments.
    fn pauses(&self) -> &'static [Ms] {
        match self.kind {
            NoticeKind::ContractAdd | NoticeKind::ContractDelete if self.is_v3 => &PAYMENT,
            kind => kind.pauses(),
        }
    }

    /// Writes down a delivery that was due at `due`, and when the next one is.
    pub(crate) fn delivered(&mut self, due: Ms, delivery: Delivery) {
        // One that overtook this one, by a fault, may have been accepted already.
        let accepted = delivery.accepted || self.state == NoticeState::Accepted;
        let pause = self.pauses().get(self.deliveries.len());
        self.deliveries.push(delivery);
        (self.state, self.next_at_ms) = match (accepted, pause) {
            (true, _) => (NoticeState::Accepted, None),
            (false, Some(pause)) => (NoticeState::Waiting, Some(due.saturating_add(*pause))),
            (false, None) => (NoticeState::GivenUp, None),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedules_are_as_long_as_the_protocol_says() {
        let total = |kind: NoticeKind| kind.pauses().iter().sum::<Ms>();
        assert_eq!(total(NoticeKind::Payment), (24 * 60 + 4) * MINUTE);
        assert_eq!(total(NoticeKind::Refund), (24 * 60 + 4) * MINUTE);
        assert_eq!(total(NoticeKind::Deduction), (15 + 15 + 30 + 180 + 4 * 1_800 + 3_600) * SECOND);
        assert_eq!(total(NoticeKind::ContractAdd), (60 + 57) * MINUTE);
        assert_eq!(NoticeKind::ContractDelete.pauses().len() + 1, 30);
    }

    #[test]
    fn a_notice_is_sent_until_it_is_accepted_or_the_schedule_ends() {
        let delivery = |accepted| Delivery { at_ms: 0, status: Some(200), accepted, fault: None, serial: None, ms: 1 };
        let mut notice = Notice {
            id: 1,
            kind: NoticeKind::Deduction,
            mch_id: String::new(),
            numbers: Vec::new(),
            url: String::new(),
            is_v3: false,
            message: Message { headers: Vec::new(), body: String::new() },
            state: NoticeState::Waiting,
            next_at_ms: Some(0),
            after: None,
            swapped_ms: None,
            deliveries: Vec::new(),
            doubles: Vec::new(),
        };
        let mut times = Vec::new();
        while let Some(due) = notice.next_at_ms {
            times.push(due.div_euclid(SECOND));
            notice.delivered(due, delivery(false));
        }
        assert_eq!(times, [0, 15, 30, 60, 240, 2_040, 3_840, 5_640, 7_440, 11_040]);
        assert_eq!(notice.state, NoticeState::GivenUp);
        notice.delivered(0, delivery(true));
        assert_eq!((notice.state, notice.next_at_ms), (NoticeState::Accepted, None));
    }
}
