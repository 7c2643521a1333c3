//! Sends notices when they are due, and remembers what was heard.

mod headers;
mod raw;
mod send;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Settings;
use crate::faults::Misbehaviour;
use crate::model::{Delivery, Notice, NoticeState, World};
use crate::shared::{Inner, Shared};
use crate::time::{MINUTE, Ms};

/// How often the clock is looked at: it can be moved.
const LOOK: Duration = Duration::from_millis(50);

/// A swapped notice waits no longer.
const LONGEST_SWAP: Ms = MINUTE;

/// Deliveries at one time; the others wait a moment.
const AT_ONCE: usize = 64;

/// A notice that is due now, and what goes wrong with it.
pub(crate) struct Due {
    notice: Notice,
    due_ms: Ms,
    fault: Option<Misbehaviour>,
    signer: Option<headers::Signer>,
}

/// Runs until it is stopped. Deliveries that are under way then are cut; they are made again after the next start.
pub(crate) async fn run(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let client = send::client();
    let mut deliveries = JoinSet::new();
    loop {
        for due in shared.look(|inner| take_due(inner, &shared.settings, shared.clock.now_ms())) {
            deliveries.spawn(deliver(Arc::clone(&shared), client.clone(), due));
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = shared.wake.notified() => {}
            Some(_) = deliveries.join_next() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn deliver(shared: Arc<Shared>, client: reqwest::Client, due: Due) {
    let Due { mut notice, due_ms, fault, signer } = due;
    let at_ms = shared.clock.now_ms();
    if let Some(signer) = signer {
        signer.sign(&mut notice.message, at_ms, fault.as_ref());
    }
    let serial = headers::serial(&notice.message);
    let merchant = shared.settings.merchants.get(&notice.mch_id);
    let sent = send::send(&client, merchant, &notice, fault.as_ref()).await;
    let fault = fault.map(|fault| send::name(&fault));
    let deliveries = sent.into_iter().map(|sent| Delivery {
        at_ms,
        status: sent.status,
        accepted: sent.accepted,
        fault: sent.refused.map(ToOwned::to_owned).or_else(|| fault.clone()),
        serial: serial.clone(),
        ms: sent.ms,
    });
    let deliveries: Vec<Delivery> = deliveries.collect();
    shared.look(|inner| remember(inner, notice.id, due_ms, deliveries));
    shared.touch();
}

fn remember(inner: &mut Inner, id: u64, due_ms: Ms, deliveries: Vec<Delivery>) {
    inner.under_way.remove(&id);
    let Some(notice) = inner.world.notices.get_mut(&id) else { return };
    // A doubled delivery is one step of the schedule; its second answer is written down beside the first.
    let mut deliveries = deliveries.into_iter();
    let first = deliveries.next();
    let extra: Vec<Delivery> = deliveries.collect();
    let accepted_by_extra = extra.iter().any(|delivery| delivery.accepted);
    let Some(first) = first else { return };
    notice.delivered(due_ms, first);
    if accepted_by_extra {
        (notice.state, notice.next_at_ms) = (NoticeState::Accepted, None);
    }
    notice.doubles.extend(extra);
    if notice.next_at_ms.is_none() {
        inner.world.waiting.remove(&id);
    }
}

/// The notices whose time has come, with their faults; a fault that only puts a notice off is done here.
fn take_due(inner: &mut Inner, settings: &Settings, now: Ms) -> Vec<Due> {
    let waiting: Vec<u64> = inner.world.waiting.iter().copied().collect();
    let mut due = Vec::new();
    for id in waiting {
        if inner.under_way.len() >= AT_ONCE {
            break;
        }
        if inner.under_way.contains(&id) || !is_free(&inner.world, id, now) {
            continue;
        }
        let Some(notice) = inner.world.notices.get_mut(&id) else { continue };
        let Some(due_ms) = notice.next_at_ms.filter(|at| *at <= now) else { continue };
        match inner.faults.of_notice(notice.kind, &notice.numbers) {
            Some(Misbehaviour::Late { ms }) => notice.next_at_ms = Some(now.saturating_add(ms)),
            Some(Misbehaviour::Swapped) => notice.swapped_ms = Some(now),
            fault => {
                inner.under_way.insert(id);
                let notice = notice.clone();
                let signer = notice.is_v3.then(|| headers::signer(&mut inner.world, settings, &notice, now)).flatten();
                due.push(Due { notice, due_ms, fault, signer });
            }
        }
    }
    due
}

/// Whether there is a notice whose time has come.
pub(crate) fn is_any_due(world: &World, now: Ms) -> bool {
    let has_come = |id: &u64| world.notices.get(id).is_some_and(|notice| notice.next_at_ms.is_some_and(|at| at <= now));
    world.waiting.iter().any(|id| has_come(id) && is_free(world, *id, now))
}

/// Whether nothing holds a notice back.
fn is_free(world: &World, id: u64, now: Ms) -> bool {
    let Some(notice) = world.notices.get(&id) else { return false };
    let is_waiting = |id: &u64| world.notices.get(id).is_some_and(|other| other.state == NoticeState::Waiting);
    let overtaken = |since: Ms| {
        now >= since.saturating_add(LONGEST_SWAP)
            || world
                .notices
                .values()
                .any(|other| other.id != id && is_accepted_since(other, since) && is_kin(notice, other))
    };
    !notice.after.as_ref().is_some_and(is_waiting) && notice.swapped_ms.is_none_or(overtaken)
}

fn is_accepted_since(notice: &Notice, since: Ms) -> bool {
    notice.deliveries.iter().chain(&notice.doubles).any(|delivery| delivery.accepted && delivery.at_ms >= since)
}

fn is_kin(one: &Notice, other: &Notice) -> bool {
    one.mch_id == other.mch_id && one.numbers.iter().any(|number| other.numbers.contains(number))
}
