//! The worker is reminded of the platform certificates of each merchant, once an hour and each in another minute.

use std::time::Duration;

use domain::{MchId, Timestamp};
use record::DueItem;
use work::{BATCH, Job, WorkQueue};

pub(crate) async fn remind(queue: &impl WorkQueue, merchants: &[MchId], now: Timestamp) {
    let due = merchants.iter().filter(|mch_id| is_due(mch_id, now));
    let jobs: Vec<Job> = due.map(|mch_id| Job { mch_id: mch_id.clone(), item: DueItem::Certificates }).collect();
    for batch in jobs.chunks(BATCH) {
        for not_sent in queue.send(batch, Duration::ZERO).await.into_iter().filter_map(Result::err) {
            // The next hour is early enough.
            tracing::warn!(error = %not_sent, "the worker was not reminded of certificates");
        }
    }
}

fn is_due(mch_id: &MchId, now: Timestamp) -> bool {
    let spread = mch_id.as_str().bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 60);
    now.as_second().div_euclid(60).rem_euclid(60) == spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_merchant_has_one_minute_of_each_hour() {
        for mch_id in ["10000100", "10000200", "1"] {
            let mch_id = MchId::parse(mch_id).unwrap();
            let minutes = |from: i64| (from..from + 60).map(|minute| Timestamp::from_second(minute * 60 + 7).unwrap());
            assert_eq!(minutes(29_000_000).filter(|now| is_due(&mch_id, *now)).count(), 1);
            assert_eq!(minutes(29_000_017).filter(|now| is_due(&mch_id, *now)).count(), 1);
        }
    }
}
