//! WeChat at its worst, on request: faults of its answers and of its notices.

use serde::{Deserialize, Serialize};

use crate::model::{Failure, NoticeKind};

/// A fault that was asked for.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    #[serde(default)]
    pub(crate) id: u64,
    on: On,
    /// Calls at this path, or at one that begins so; any where none is given.
    path: Option<String>,
    /// Calls of V3 by their name.
    call: Option<String>,
    /// Notices of this kind; any where none is given.
    kind: Option<NoticeKind>,
    /// What it must be about: an order, a contract, a refund.
    number: Option<String>,
    #[serde(default = "once")]
    times: u32,
    fault: Misbehaviour,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum On {
    Call,
    Notice,
}

/// What goes wrong. Some of it only calls can have, some only notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Misbehaviour {
    /// Call: the answer comes late. Notice: the body comes in two parts, with a pause between them.
    Slow { ms: u64 },
    /// Call: not processed; this status.
    Status { code: u16 },
    /// Call: not processed, the connection is cut. Notice: delivered, and nobody waits for the answer.
    Disconnect,
    /// Call: processed, and the connection is cut.
    AnswerLost,
    /// Call: processed, and the answer comes late.
    AnsweredLate { ms: u64 },
    /// Call: processed, and 503 comes back.
    #[serde(rename = "answered_503")]
    Answered503,
    /// Signed with another key.
    WrongSignature,
    /// V3: the signature begins with `WECHATPAY/SIGNTEST/` and is none. A call is processed.
    Probe,
    /// V3: signed with a timestamp that lies so far back. A call is processed.
    Stale { ms: i64 },
    /// Call of V3: processed, and the answer has no signature.
    Unsigned,
    /// Call: not processed; this error.
    Error(ErrorCode),
    /// Call: processed; this error.
    ProcessedError(ErrorCode),
    /// Notice: this delivery is never made.
    Lost,
    /// Notice: this delivery is made later, by the movable clock.
    Late { ms: i64 },
    /// Notice: this delivery is made twice, at once.
    Double,
    /// Notice: not before another one of the same order or contract was accepted, or a minute has passed.
    Swapped,
}

/// An error code; a text is not needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorCode {
    err_code: String,
    #[serde(default)]
    err_code_des: String,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self::new(&code.err_code, &code.err_code_des)
    }
}

/// The faults that are asked for and have not all happened yet. Gone at a restart.
#[derive(Default)]
pub(crate) struct Faults {
    asked: Vec<Fault>,
    last_id: u64,
}

impl Faults {
    /// Asks for a fault. Refuses what the other kind of message has.
    pub(crate) fn ask(&mut self, mut fault: Fault) -> Result<u64, String> {
        use Misbehaviour as M;
        let fits = match (&fault.fault, fault.on) {
            (M::Slow { .. } | M::Disconnect | M::WrongSignature | M::Probe | M::Stale { .. }, _) => true,
            (M::Lost | M::Late { .. } | M::Double | M::Swapped, on) => on == On::Notice,
            (_, on) => on == On::Call,
        };
        if !fits {
            return Err(format!("no such fault here: {:?}", fault.fault));
        }
        self.last_id = self.last_id.saturating_add(1);
        fault.id = self.last_id;
        self.asked.push(fault);
        Ok(self.last_id)
    }

    pub(crate) fn asked(&self) -> &[Fault] {
        &self.asked
    }

    pub(crate) fn forget(&mut self) {
        self.asked.clear();
    }

    /// What goes wrong with a call that has these values.
    pub(crate) fn of_call<'a>(&mut self, path: &str, values: impl Iterator<Item = &'a str>) -> Option<Misbehaviour> {
        self.of_named_call("", path, values)
    }

    /// What goes wrong with a call of V3 that has this name and these values.
    pub(crate) fn of_named_call<'a>(
        &mut self,
        name: &str,
        path: &str,
        values: impl Iterator<Item = &'a str>,
    ) -> Option<Misbehaviour> {
        let values: Vec<&str> = values.collect();
        self.take(|fault| {
            fault.on == On::Call
                && fault.path.as_deref().is_none_or(|wanted| path.starts_with(wanted))
                && fault.call.as_deref().is_none_or(|wanted| wanted == name)
                && fault.number.as_deref().is_none_or(|wanted| values.contains(&wanted))
        })
    }

    /// What goes wrong with a delivery.
    pub(crate) fn of_notice(&mut self, kind: NoticeKind, numbers: &[String]) -> Option<Misbehaviour> {
        self.take(|fault| {
            fault.on == On::Notice
                && fault.kind.is_none_or(|wanted| wanted == kind)
                && fault.number.as_ref().is_none_or(|wanted| numbers.contains(wanted))
        })
    }

    fn take(&mut self, applies: impl Fn(&Fault) -> bool) -> Option<Misbehaviour> {
        let at = self.asked.iter().position(applies)?;
        let fault = self.asked.get_mut(at)?;
        let misbehaviour = fault.fault.clone();
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.asked.remove(at);
        }
        Some(misbehaviour)
    }
}

fn once() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(value: serde_json::Value) -> Fault {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_fault_happens_where_and_as_often_as_it_was_asked_for() {
        let mut faults = Faults::default();
        faults
            .ask(fault(
                json!({"on": "call", "path": "/pay/orderquery", "number": "A", "times": 2, "fault": "disconnect"}),
            ))
            .unwrap();
        assert_eq!(faults.of_call("/pay/closeorder", ["A"].into_iter()), None);
        assert_eq!(faults.of_call("/pay/orderquery", ["B"].into_iter()), None);
        assert_eq!(faults.of_notice(NoticeKind::Payment, &["A".to_owned()]), None);
        for expected in [Some(Misbehaviour::Disconnect), Some(Misbehaviour::Disconnect), None] {
            assert_eq!(faults.of_call("/pay/orderquery", ["A"].into_iter()), expected);
        }
    }

    #[test]
    fn a_fault_of_the_other_kind_of_message_is_refused() {
        let mut faults = Faults::default();
        assert!(faults.ask(fault(json!({"on": "call", "fault": "double"}))).is_err());
        assert!(faults.ask(fault(json!({"on": "notice", "fault": {"status": {"code": 503}}}))).is_err());
        assert!(faults.ask(fault(json!({"on": "notice", "kind": "payment", "fault": {"late": {"ms": 5}}}))).is_ok());
    }
}
