//! A stack, WeChat that does not stop sending, and what became of each notice.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use counterparty::{Protocol, SignedRequest};
use papay::consumer::{ConsumerRule, Verdict};
use papay::wechat::Answer;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::way::Way;
use crate::harness::{MCH_ID, Town, papay, poll};

/// How much WeChat sends.
#[derive(Clone, Copy)]
pub(super) struct Load {
    /// Notices that are on their way at once.
    pub(super) senders: usize,
    /// Notices in each phase of a drill.
    pub(super) notices: usize,
}

impl Load {
    pub(super) const LIGHT: Self = Self { senders: 2, notices: 6 };
    pub(super) const HEAVY: Self = Self { senders: 4, notices: 100 };
}

/// What was verified and could not be recorded in time: the one answer after which WeChat sends again. A key that does not fit is answered
/// with 401 or 500, and a function that fails or dies with 502.
const UNAVAILABLE: u16 = 503;

/// Why a verified notice may be answered so, as the function's log has it.
const NOT_RECORDED: [&str; 3] = ["unavailable", "contended", "late"];

/// Of so many notices, begun, one may need WeChat's second try, and none a third. Measured on 2 cores at a load of ten: none of 1 600.
/// What keys refuse comes from a step on, for every notice that they touch.
pub(super) const ONE_IN: usize = 100;

/// For each phase.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) struct Drill {
    pub(super) town: Arc<Town>,
    pub(super) what: &'static str,
    pub(super) load: Load,
    ways: Arc<Mutex<Vec<Way>>>,
    told: Arc<Told>,
    senders: JoinSet<()>,
    files: TempDir,
    /// Where `papay keys` finds the stack.
    data: TempDir,
    _lock: File,
}

#[derive(Default)]
struct Told {
    /// The orders whose notices were taken.
    taken: Mutex<Vec<String>>,
    refused: Mutex<Vec<String>>,
    /// Of notices that were verified and not recorded in time.
    second_tries: AtomicUsize,
    slowest: Mutex<Duration>,
    started: AtomicUsize,
    is_over: AtomicBool,
}

impl Drill {
    /// From here WeChat sends without an end.
    pub(super) async fn start(what: &'static str, load: Load, way: Way) -> Self {
        Self::start_with(what, load, way, Vec::new()).await
    }

    /// The same with more variables for the functions.
    pub(super) async fn start_with(what: &'static str, load: Load, way: Way, variables: Vec<(String, String)>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let town = Arc::new(Town::start_with(variables).await);
        let lock = announced(&town, data.path());
        let (ways, told) = (Arc::new(Mutex::new(vec![way])), Arc::new(Told::default()));
        let mut senders = JoinSet::new();
        for _ in 0..load.senders {
            senders.spawn(send_on(town.clone(), ways.clone(), told.clone()));
        }
        Self { town, what, load, ways, told, senders, files: tempfile::tempdir().unwrap(), data, _lock: lock }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.data.path().to_owned()
    }

    pub(super) fn file(&self, name: &str, text: &str) -> String {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// `papay keys`, as an operator types it.
    pub(super) async fn keys(&self, args: &[&str]) {
        let args: Vec<String> =
            ["keys"].iter().chain(args).chain(&["--mch-id", MCH_ID]).map(ToString::to_string).collect();
        let data = self.data();
        let output = tokio::task::spawn_blocking(move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            papay(&data, &args)
        });
        let output = output.await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// From here WeChat signs in these ways, in turn.
    pub(super) fn wechat_signs<const N: usize>(&self, ways: [Way; N]) {
        *self.ways.lock().unwrap() = ways.to_vec();
    }

    /// Waits until as many notices as a phase has were answered from here on.
    pub(super) async fn notices(&self) {
        let (before, started) = (self.told.answered(), Instant::now());
        while self.told.answered() < before + self.load.notices {
            assert!(started.elapsed() < PATIENCE, "{}: a phase takes too long", self.what);
            self.none_refused();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The counter-proof: processes that start from here no longer believe what this way signs.
    pub(super) async fn is_refused_by_new_processes(&mut self, way: &Way, protocol: Protocol) {
        // A process that is killed with a notice in it answers 502.
        self.silence().await;
        let (endpoint, path, request) = way.notice(&self.town, &way.numbers(&self.town));
        self.town.stack.lambda.kill(endpoint.function());
        let mut answer = self.town.send_to(endpoint, &path, &request).await;
        if answer.status == UNAVAILABLE {
            // A process that was late to start has not verified anything.
            answer = self.town.send_to(endpoint, &path, &request).await;
        }
        assert!(answer.is_failure(protocol), "{}: the retired key still verifies: {answer:?}", self.what);
        assert_ne!(answer.status, UNAVAILABLE, "{}: nothing was verified", self.what);
    }

    /// WeChat stops, and has heard what became of everything that it sent.
    async fn silence(&mut self) {
        self.told.is_over.store(true, Ordering::SeqCst);
        while let Some(done) = self.senders.join_next().await {
            done.unwrap();
        }
    }

    fn none_refused(&self) {
        let refused = self.told.refused.lock().unwrap();
        assert!(refused.is_empty(), "{}: {refused:#?}\n{:#?}", self.what, self.complaints());
    }

    /// What the host says of functions that failed, and the functions of what they could not do.
    pub(super) fn complaints(&self) -> Vec<String> {
        let words = ["[host]", "panicked", r#""level":"WARN""#, r#""level":"ERROR""#];
        let lines = self.town.lines().into_iter().map(|line| format!("{}: {}", line.function, line.text));
        lines.filter(|line| words.iter().any(|word| line.contains(word))).collect()
    }

    /// Why verified notices were not recorded in time, and how often.
    fn not_recorded(&self) -> BTreeMap<String, usize> {
        let lines = self.town.lines();
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
        let refused = lines.filter(|line| line["message"] == "callback refused" && line["status"] == UNAVAILABLE);
        let mut reasons = BTreeMap::new();
        for line in refused {
            *reasons.entry(line["reason"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        reasons
    }

    /// Second tries are few, and each had a reason that no key can be.
    async fn few_second_tries(&self, notices: usize) -> usize {
        let second = self.told.second_tries.load(Ordering::SeqCst);
        // A function writes its line after it has answered.
        poll("each first try has its line", async || self.not_recorded().values().sum::<usize>() >= second).await;
        let reasons = self.not_recorded();
        assert!(
            second <= notices.div_ceil(ONE_IN),
            "{}: {second} of {notices} notices needed WeChat's second try: {reasons:?}",
            self.what
        );
        let unknown: Vec<_> = reasons.keys().filter(|reason| !NOT_RECORDED.contains(&reason.as_str())).collect();
        assert!(unknown.is_empty(), "{}: {unknown:?} is no reason to send again", self.what);
        assert_eq!(reasons.values().sum::<usize>(), second, "{}: {reasons:?}", self.what);
        second
    }

    /// WeChat stops; whatever it told was believed, at the second try at the latest, and is in the consumer's queue once, in order.
    /// Answers how often each order was told to be paid.
    pub(super) async fn end(mut self) -> BTreeMap<String, usize> {
        self.silence().await;
        self.none_refused();
        self.town.drained().await;
        let events = self.town.receive_what_is_there("membership").await;
        let mut rule = ConsumerRule::default();
        let mut paid: BTreeMap<String, usize> = BTreeMap::new();
        for event in &events {
            assert_eq!(rule.judge(event), Verdict::Next, "{}", event.id);
            if event.event_type == "papay.payment.succeeded.v1" {
                *paid.entry(event.subject.clone()).or_default() += 1;
            }
        }
        let taken = self.told.taken.lock().unwrap().clone();
        for order in &taken {
            assert_eq!(paid.get(order), Some(&1), "{}: events of {order}", self.what);
        }
        println!(
            "{:<22} {:>4} notices, 0 refused, {} at the second try, {:>4} payments told once each, slowest answer {:>5} ms",
            self.what,
            taken.len(),
            self.few_second_tries(taken.len()).await,
            paid.len(),
            self.told.slowest.lock().unwrap().as_millis()
        );
        let Self { town, told, ways, senders, .. } = self;
        drop((told, ways, senders));
        Arc::into_inner(town).unwrap().stop().await;
        paid
    }
}

impl Told {
    fn answered(&self) -> usize {
        self.taken.lock().unwrap().len() + self.refused.lock().unwrap().len()
    }

    fn note(&self, order: &str, request: &SignedRequest, answer: &Answer, protocol: Protocol) {
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = answer.elapsed.max(*slowest);
        if answer.is_success(protocol) {
            self.taken.lock().unwrap().push(order.to_owned());
        } else {
            self.refused.lock().unwrap().push(format!("{order}: {answer:?} to {} bytes", request.body.len()));
        }
    }
}

/// Tells `papay` where the stack is and how late, as one with its data in this folder does. The data lies in memory: how long a disk takes is not the
/// subject, and a busy one is the reason of most 503s.
fn announced(town: &Town, folder: &Path) -> File {
    let lock = File::create(folder.join("lock")).unwrap();
    lock.try_lock().unwrap();
    let running = serde_json::to_vec(&town.stack.running(&town.config)).unwrap();
    std::fs::write(folder.join("stack.json"), running).unwrap();
    std::os::unix::fs::symlink(town.stack.host.clock.file().unwrap(), folder.join(host::clock::CLOCK_FILE)).unwrap();
    lock
}

async fn send_on(town: Arc<Town>, ways: Arc<Mutex<Vec<Way>>>, told: Arc<Told>) {
    while !told.is_over.load(Ordering::SeqCst) {
        let turn = told.started.fetch_add(1, Ordering::SeqCst);
        let way = {
            let ways = ways.lock().unwrap();
            ways[turn % ways.len()].clone()
        };
        let numbers = way.numbers(&town);
        town.seed(way.story(), &numbers).await;
        let (endpoint, path, request) = way.notice(&town, &numbers);
        let mut answer = town.send_to(endpoint, &path, &request).await;
        if answer.status == UNAVAILABLE {
            told.second_tries.fetch_add(1, Ordering::SeqCst);
            answer = town.send_to(endpoint, &path, &request).await;
        }
        told.note(&numbers.out_trade_no, &request, &answer, way.protocol());
    }
}
