//! How often a stream is tried: the longer it has failed, the less often. There is nothing to remember; how long it has
//! waited says how often it was tried.

use domain::{Stream, Timestamp};
use publish::Waiting;

/// What has waited for so many minutes is tried once in so many minutes; above the last, once in half an hour.
const STEPS: [(i64, i64); 3] = [(10, 1), (60, 5), (24 * 60, 15)];
const LAST: i64 = 30;

/// Splits what waits into what is to be tried now and what may wait for another minute, in both what has waited shortest
/// first: what has failed for days shall not use up the time of what has just been missed.
pub(crate) fn plan(mut waiting: Vec<Waiting>, now: Timestamp) -> (Vec<Stream>, Vec<Stream>) {
    waiting.sort_by(|a, b| (b.since, &a.stream).cmp(&(a.since, &b.stream)));
    let (due, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| is_due(waiting, now));
    let streams = |waiting: Vec<Waiting>| waiting.into_iter().map(|waiting| waiting.stream).collect();
    (streams(due), streams(later))
}

fn is_due(waiting: &Waiting, now: Timestamp) -> bool {
    let minute = now.as_second() / 60;
    let waited = minute - waiting.since.as_second() / 60;
    let every = STEPS.iter().find(|(below, _)| waited < *below).map_or(LAST, |(_, every)| *every);
    (minute + spread(&waiting.stream)) % every == 0
}

/// Keeps streams that began to fail together from being tried together.
fn spread(stream: &Stream) -> i64 {
    stream.as_str().bytes().fold(0, |sum, byte| (sum * 31 + i64::from(byte)) % 1_000_003)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(name: &str, minutes: i64) -> Waiting {
        let since = now(-minutes);
        Waiting { stream: Stream::named(name), since, entries: 1 }
    }

    fn now(minute: i64) -> Timestamp {
        Timestamp::from_second(1_760_000_040 + minute * 60).unwrap()
    }

    #[test]
    fn a_stream_is_tried_less_often_the_longer_it_has_waited() {
        let tries = |waited: i64| {
            let stream = waiting("1#C#A", waited);
            // Half an hour during which it has waited this long, to the minute.
            let at = |minute: i64| Waiting { since: now(minute - waited), ..stream.clone() };
            (0..30).filter(|minute| is_due(&at(*minute), now(*minute))).count()
        };
        assert_eq!([1, 9, 10, 59, 60, 1439, 1440, 100_000].map(tries), [30, 30, 6, 6, 2, 2, 1, 1]);
    }

    #[test]
    fn nothing_is_left_out_and_the_youngest_comes_first() {
        let all: Vec<_> = (0..100).map(|n| waiting(&format!("1#C#{n}"), n * 60)).collect();
        let (due, later) = plan(all, now(0));
        assert_eq!(due.len() + later.len(), 100);
        assert_eq!(due.first(), Some(&Stream::named("1#C#0")));
        assert!(later.len() > 50, "most have failed for long: {}", later.len());
    }
}
