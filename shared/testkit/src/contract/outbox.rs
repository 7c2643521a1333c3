//! What an outbox promises.

use domain::{Consumer, OutboxEntry, Stream, Timestamp};
use publish::{Outbox, Waiting};
use record::Ledger;

use super::sample::{event, events};
use crate::generate::Generator;

/// Everything that an outbox promises of what its ledger committed. Its index has to be current, as an emulator's is.
pub async fn outbox(ledger: &impl Ledger, outbox: &impl Outbox, seed: u64) {
    let generator = &mut Generator::new(seed);
    what_was_committed_is_pending_in_order(ledger, outbox, generator).await;
    an_event_for_nobody_is_never_pending(ledger, outbox, generator).await;
    progress_is_kept_for_each_consumer(ledger, outbox, generator).await;
    a_second_mark_changes_nothing(ledger, outbox, generator).await;
    a_stream_is_not_its_neighbour(ledger, outbox, generator).await;
    streams_with_something_pending_come_oldest_first(ledger, outbox, generator).await;
}

async fn what_was_committed_is_pending_in_order(ledger: &impl Ledger, outbox: &impl Outbox, generator: &mut Generator) {
    let stream = stream(generator);
    let now = generator.time();
    assert_eq!(outbox.pending(&stream).await, Ok(Vec::new()));
    let entries: Vec<_> =
        [2, 9, 10, 100].into_iter().map(|at| event(generator, &stream, at, now, &["all", "some"])).collect();
    for pair in entries.rchunks(2) {
        write(ledger, generator, pair.to_vec()).await;
    }
    assert_eq!(outbox.pending(&stream).await, Ok(entries), "whole, and by number, not by its digits");
}

async fn an_event_for_nobody_is_never_pending(ledger: &impl Ledger, outbox: &impl Outbox, generator: &mut Generator) {
    let stream = stream(generator);
    let now = generator.time();
    let entries = vec![event(generator, &stream, 1, now, &[]), event(generator, &stream, 2, now, &["all"])];
    write(ledger, generator, entries.clone()).await;
    assert_eq!(outbox.pending(&stream).await, Ok(entries[1..].to_vec()));
}

async fn progress_is_kept_for_each_consumer(ledger: &impl Ledger, outbox: &impl Outbox, generator: &mut Generator) {
    let stream = stream(generator);
    let now = generator.time();
    let entries = [1, 2].map(|at| event(generator, &stream, at, now, &["a", "b", "c"]));
    write(ledger, generator, entries.to_vec()).await;
    mark(outbox, &entries[0], &["b"], now).await;
    let waiting = |pending: Vec<OutboxEntry>| -> Vec<(u64, Vec<Consumer>)> {
        pending.into_iter().map(|entry| (entry.sequence, entry.pending.into_iter().collect())).collect()
    };
    let of = |consumers: &[&str]| consumers.iter().map(|consumer| (*consumer).to_owned()).collect::<Vec<_>>();
    let pending = outbox.pending(&stream).await.unwrap();
    assert_eq!(pending[0].destinations, entries[0].destinations, "where it goes is frozen");
    assert_eq!(waiting(pending), [(1, of(&["a", "c"])), (2, of(&["a", "b", "c"]))]);
    // From the entry as it was read first: a mark is about consumers, not about what was read.
    mark(outbox, &entries[0], &["a", "c"], now).await;
    assert_eq!(waiting(outbox.pending(&stream).await.unwrap()), [(2, of(&["a", "b", "c"]))]);
    mark(outbox, &entries[1], &["a", "b", "c"], now).await;
    assert_eq!(outbox.pending(&stream).await, Ok(Vec::new()));
}

async fn a_second_mark_changes_nothing(ledger: &impl Ledger, outbox: &impl Outbox, generator: &mut Generator) {
    let stream = stream(generator);
    let now = generator.time();
    let entries = [1, 2].map(|at| event(generator, &stream, at, now, &["a", "b"]));
    write(ledger, generator, entries.to_vec()).await;
    for _ in 0..2 {
        mark(outbox, &entries[0], &["a"], now).await;
        let pending = outbox.pending(&stream).await.unwrap();
        assert_eq!(pending[0].pending, ["b".to_owned()].into());
    }
    for accepted in [["b"].as_slice(), &["b"], &["a", "b"], &["stranger"]] {
        mark(outbox, &entries[0], accepted, now).await;
        assert_eq!(outbox.pending(&stream).await, Ok(entries[1..].to_vec()));
    }
}

async fn a_stream_is_not_its_neighbour(ledger: &impl Ledger, outbox: &impl Outbox, generator: &mut Generator) {
    let stream = stream(generator);
    let longer = Stream::named(&format!("{stream}9"));
    let now = generator.time();
    let (ours, theirs) = (event(generator, &stream, 1, now, &["a"]), event(generator, &longer, 1, now, &["a"]));
    write(ledger, generator, vec![ours.clone(), theirs.clone()]).await;
    assert_eq!(outbox.pending(&stream).await, Ok(vec![ours.clone()]));
    mark(outbox, &ours, &["a"], now).await;
    assert_eq!(outbox.pending(&longer).await, Ok(vec![theirs.clone()]));
    mark(outbox, &theirs, &["a"], now).await;
}

async fn streams_with_something_pending_come_oldest_first(
    ledger: &impl Ledger,
    outbox: &impl Outbox,
    generator: &mut Generator,
) {
    // Before any time of the generator, so that what other tests left pending is younger.
    let second = |second| Timestamp::from_second(second).unwrap();
    let streams: Vec<_> = (0..5).map(|_| stream(generator)).collect();
    let mut first = Vec::new();
    // The oldest stream is written last, and has a second, younger event.
    for (age, stream) in streams.iter().enumerate().rev() {
        let age = i64::try_from(age).unwrap();
        let entries = [(1, second(100 + age * 10)), (2, second(500))]
            .map(|(sequence, time)| event(generator, stream, sequence, time, &["a", "b"]));
        write(ledger, generator, entries.to_vec()).await;
        first.insert(0, entries);
    }
    let due = async |before: i64, limit: usize| -> Vec<Stream> {
        let waiting = outbox.pending_streams(second(before), limit).await.unwrap();
        waiting.into_iter().map(|waiting| waiting.stream).collect()
    };
    assert_eq!(due(1_000, 10).await, streams, "each once, oldest first");
    assert_eq!(due(120, 10).await, streams[..3], "only what has waited since then or longer");
    assert_eq!(due(1_000, 2).await, streams[..2], "no more than the limit");
    let whole = Waiting { stream: streams[0].clone(), since: second(100), entries: 2 };
    assert_eq!(outbox.pending_streams(second(1_000), 10).await.unwrap()[0], whole);
    mark(outbox, &first[0][0], &["a"], second(600)).await;
    assert_eq!(due(1_000, 10).await, streams, "one of its queues still waits");
    mark(outbox, &first[0][0], &["b"], second(600)).await;
    let younger: Vec<_> = streams[1..].iter().chain(&streams[..1]).cloned().collect();
    assert_eq!(due(1_000, 10).await, younger, "its second event is younger");
    for entry in first.iter().flatten() {
        mark(outbox, entry, &["a", "b"], second(600)).await;
    }
    assert_eq!(due(1_000, 10).await, Vec::new());
}

async fn write(ledger: &impl Ledger, generator: &Generator, entries: Vec<OutboxEntry>) {
    assert_eq!(ledger.commit(&events(&generator.mch_id(), entries)).await, Ok(()));
}

async fn mark(outbox: &impl Outbox, entry: &OutboxEntry, accepted: &[&str], now: Timestamp) {
    let accepted: Vec<Consumer> = accepted.iter().map(|consumer| (*consumer).to_owned()).collect();
    assert_eq!(outbox.mark(entry, &accepted, now).await, Ok(()));
}

fn stream(generator: &mut Generator) -> Stream {
    Stream::contract(&generator.mch_id(), &generator.contract_code())
}
