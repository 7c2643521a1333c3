//! What follows from what we are told of a password-exempt contract.

use jiff::{SignedDuration, Timestamp};

use super::{ExemptContract, ExemptState};
use crate::order::differs;
use crate::{
    Cause, Changes, Check, Contradiction, Decision, ExemptChange, ExemptFact, Fact, Schedule, TerminationReason,
};

/// How long the user is asked after a pre-signing (protocol, 10.2), and a little more.
const SESSION: SignedDuration = SignedDuration::from_mins(125);

pub(crate) fn decide(contract: &ExemptContract, fact: &Fact, told: &ExemptFact, now: Timestamp) -> Decision {
    if let Some(contradiction) = contradiction(contract, told) {
        return Decision::Contradiction(contradiction);
    }
    let step = Step { contract, fact, told, now };
    match &told.change {
        ExemptChange::Reported => step.ask(),
        // Nobody signs in a session that is over. A contract that WeChat proves later counts all the same.
        ExemptChange::Absent if step.is_declined() => step.absent(),
        _ if !fact.evidence.proves() => step.later(Decision::Duplicate),
        ExemptChange::Signed { at } => step.signed(*at),
        ExemptChange::Terminated { at, reason } => step.terminated(*at, *reason),
        ExemptChange::Absent => step.absent(),
        ExemptChange::Undecided { .. } => step.later(Decision::Duplicate),
    }
}

fn contradiction(contract: &ExemptContract, told: &ExemptFact) -> Option<Contradiction> {
    if told.appid.as_ref().is_some_and(|appid| *appid != contract.appid) {
        Some(Contradiction::AppId)
    } else if differs(told.contract_id.as_ref(), contract.contract_id.as_ref()) {
        Some(Contradiction::ContractId)
    } else if differs(told.openid.as_ref(), contract.openid.as_ref()) {
        Some(Contradiction::OpenId)
    } else {
        None
    }
}

/// One fact about one contract.
struct Step<'a> {
    contract: &'a ExemptContract,
    fact: &'a Fact,
    told: &'a ExemptFact,
    now: Timestamp,
}

impl Step<'_> {
    /// A notice, of which nothing is believed but that there is something to ask.
    fn ask(&self) -> Decision {
        let asked = self.contract.check.as_ref().is_some_and(|check| check.asked);
        if self.fact.cause != Cause::Callback || self.contract.state == ExemptState::Terminated || asked {
            return self.later(Decision::Stale);
        }
        let check = Some(Check::asked(self.contract.check.as_ref(), self.now));
        let next = ExemptContract { check, ..self.contract.clone() };
        Decision::Ask(Box::new(Changes { exempt: Some(next), ..Changes::default() }))
    }

    fn signed(&self, at: Option<Timestamp>) -> Decision {
        match self.contract.state {
            ExemptState::Created | ExemptState::Offered | ExemptState::Refused | ExemptState::NotSigned => {
                let next = ExemptContract {
                    state: ExemptState::Signed,
                    signed_at: Some(at.unwrap_or(self.now)),
                    failure: None,
                    check: Some(Schedule::SignedContract.first(self.now)),
                    ..self.adopted()
                };
                self.settled(next, "SIGNED")
            }
            // It goes on being ended until WeChat says so.
            ExemptState::Signed | ExemptState::Terminating => self.later(Decision::Duplicate),
            ExemptState::Terminated => self.later(Decision::Stale),
        }
    }

    fn terminated(&self, at: Option<Timestamp>, reason: TerminationReason) -> Decision {
        match self.contract.state {
            ExemptState::Created
            | ExemptState::Offered
            | ExemptState::Refused
            | ExemptState::NotSigned
            | ExemptState::Signed
            | ExemptState::Terminating => {
                let next = ExemptContract {
                    state: ExemptState::Terminated,
                    terminated_at: Some(at.unwrap_or(self.now)),
                    termination_reason: Some(reason),
                    check: None,
                    ..self.adopted()
                };
                self.settled(next, "TERMINATED")
            }
            ExemptState::Terminated => self.later(Decision::Duplicate),
        }
    }

    /// Nobody is told of a user who declines: once the session is over, he has.
    fn is_declined(&self) -> bool {
        let over = self.now.duration_since(self.contract.created_at) >= SESSION;
        over && matches!(self.contract.state, ExemptState::Created | ExemptState::Offered)
    }

    fn absent(&self) -> Decision {
        match self.contract.state {
            ExemptState::Created | ExemptState::Offered if self.is_declined() => {
                let next = ExemptContract { state: ExemptState::NotSigned, check: None, ..self.contract.clone() };
                self.settled(next, "NOT_SIGNED")
            }
            ExemptState::Created | ExemptState::Offered | ExemptState::Refused | ExemptState::NotSigned => {
                self.later(Decision::Duplicate)
            }
            ExemptState::Signed | ExemptState::Terminating => Decision::Contradiction(Contradiction::State),
            ExemptState::Terminated => self.later(Decision::Stale),
        }
    }

    /// Nothing changes but the check that was answered, if one was due. Only a query answers it.
    fn later(&self, otherwise: Decision) -> Decision {
        let due = self.contract.check.as_ref().filter(|check| check.is_due(self.now));
        match (self.fact.cause, due) {
            (Cause::Query, Some(due)) => {
                let check = self.contract.schedule().after_answer(due, self.now);
                apply(ExemptContract { check, ..self.contract.clone() }, None)
            }
            (Cause::Callback | Cause::Query | Cause::Bill | Cause::Api, _) => otherwise,
        }
    }

    fn adopted(&self) -> ExemptContract {
        let contract = self.contract.clone();
        ExemptContract {
            contract_id: self.told.contract_id.clone().or(contract.contract_id),
            openid: self.told.openid.clone().or(contract.openid),
            ..contract
        }
    }

    /// `exempt#<service_id>#<contract_code>#<state>`; one that was offered anew can end unsigned once more.
    fn settled(&self, next: ExemptContract, state: &str) -> Decision {
        let key = format!("exempt#{}#{state}#{}", next.key(), next.created_at.as_millisecond());
        apply(next, Some(key))
    }
}

pub(super) fn apply(next: ExemptContract, key: Option<String>) -> Decision {
    let changes = Changes { exempt: Some(next), ..Changes::default() };
    Decision::Apply { changes: Box::new(changes), events: Vec::new(), key }
}
