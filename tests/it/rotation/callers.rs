//! What the app and the back end do meanwhile: they buy, look, pay, and give the money back, and each of it is a call of ours to WeChat.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::certificate::PATIENCE;
use super::drill::Drill;
use crate::harness::{MCH_ID, SINCE_THE_LAST_LOOK, Side, Town, once, poll};
use crate::outcome::{text, token};

/// The price of an `ebook`.
const PRICE: u64 = 990;

/// What could not be done in time: the same call again, with the same `Idempotency-Key`.
const UNAVAILABLE: u16 = 503;

/// The app and the back end, which do not stop.
pub(super) struct Callers {
    pub(super) told: Arc<Told>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
pub(super) struct Told {
    /// The orders that were paid and given back.
    pub(super) bought: std::sync::Mutex<Vec<String>>,
    failed: std::sync::Mutex<Vec<String>>,
    /// Calls that were answered, by caller.
    answered: Vec<AtomicUsize>,
    pub(super) second_tries: AtomicUsize,
    is_over: AtomicBool,
}

impl Callers {
    pub(super) fn start(drill: &Drill) -> Self {
        let answered = (0..drill.load.senders).map(|_| AtomicUsize::default()).collect();
        let told = Arc::new(Told { answered, ..Told::default() });
        let mut tasks = JoinSet::new();
        for at in 0..drill.load.senders {
            let caller = Caller { town: drill.town.clone(), told: told.clone(), at };
            tasks.spawn(caller.buys_on());
        }
        Self { told, tasks }
    }

    pub(super) fn calls(&self) -> usize {
        self.told.answered.iter().map(|answered| answered.load(Ordering::SeqCst)).sum()
    }

    /// Waits until what each caller has under way now is answered.
    pub(super) async fn all_move_on(&self) {
        let before: Vec<_> = self.told.answered.iter().map(|answered| answered.load(Ordering::SeqCst)).collect();
        poll("each call is answered", async || {
            let now = self.told.answered.iter().map(|answered| answered.load(Ordering::SeqCst));
            now.zip(&before).all(|(now, before)| now > *before)
        })
        .await;
    }

    pub(super) fn none_failed(&self, drill: &Drill) {
        let failed = self.told.failed.lock().unwrap().clone();
        assert!(failed.is_empty(), "{failed:#?}\n{:#?}", drill.complaints());
    }

    pub(super) async fn end(&mut self, drill: &Drill) {
        self.told.is_over.store(true, Ordering::SeqCst);
        while let Some(done) = self.tasks.join_next().await {
            done.unwrap();
        }
        self.none_failed(drill);
    }
}

/// One after the other buys something, looks at it, pays, and gets the money back.
struct Caller {
    town: Arc<Town>,
    told: Arc<Told>,
    at: usize,
}

impl Caller {
    async fn buys_on(self) {
        let mut turn = 0;
        while !self.told.is_over.load(Ordering::SeqCst) {
            turn += 1;
            if let Err(failed) = self.buys(&format!("buyer{}x{turn}", self.at)).await {
                return self.told.failed.lock().unwrap().push(failed);
            }
        }
    }

    async fn buys(&self, user: &str) -> Result<(), String> {
        let token = token(&self.town, user);
        let wanted = json!({ "product": "ebook", "channel": "app" });
        let begun = self.answered(&[201], &OurCall::of_app(&token, "/orders").with(user, wanted)).await?;
        let order = text(&begun["out_trade_no"]);
        let path = format!("/orders/{order}");
        let look = OurCall::of_app(&token, &path);
        self.town.move_clock_under_load(SINCE_THE_LAST_LOOK).await;
        self.answered(&[200], &look).await?;
        let pay = self.town.stack.simulator.control().post(&format!("/{MCH_ID}/orders/{order}/pay"), json!({})).await;
        pay.map_err(|error| format!("{order}: {error}"))?;
        let started = Instant::now();
        while self.answered(&[200], &look).await?["status"] != "paid" {
            if started.elapsed() > PATIENCE {
                return Err(format!("{order} was not seen to be paid"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let number = refund_of(&order);
        // 200: WeChat has given it back already, as the clock is moved meanwhile.
        let refund = json!({ "out_trade_no": order, "out_refund_no": number, "amount": PRICE });
        self.answered(&[200, 202], &OurCall::of_back_end("/refunds").with(&number, refund)).await?;
        self.answered(&[200], &OurCall::of_back_end(&format!("/refunds/{number}"))).await?;
        self.told.bought.lock().unwrap().push(order);
        Ok(())
    }

    /// What a call answers, which must be this; what was not available is called a second time.
    async fn answered(&self, wanted: &[u16], ours: &OurCall) -> Result<Value, String> {
        let mut answer = self.call(ours).await;
        if answer.0 == UNAVAILABLE {
            self.told.second_tries.fetch_add(1, Ordering::SeqCst);
            answer = self.call(ours).await;
        }
        self.told.answered[self.at].fetch_add(1, Ordering::SeqCst);
        let (status, body) = answer;
        if wanted.contains(&status) {
            Ok(body)
        } else {
            Err(format!("{}: {status} and not {wanted:?}: {body}", ours.path))
        }
    }

    async fn call(&self, ours: &OurCall) -> (u16, Value) {
        let method = if ours.body.is_some() { Method::POST } else { Method::GET };
        let body = ours.body.as_ref().map(|(key, body)| (key.as_str(), body.clone()));
        once(self.town.request(&ours.side, method, &ours.path, body)).await
    }
}

/// A call of the app or of the back end: a `POST` where it has a body.
struct OurCall {
    side: Side,
    path: String,
    /// With its `Idempotency-Key`.
    body: Option<(String, Value)>,
}

impl OurCall {
    fn of_app(token: &str, path: &str) -> Self {
        Self { side: Side::App(token.to_owned()), path: path.to_owned(), body: None }
    }

    fn of_back_end(path: &str) -> Self {
        Self { side: Side::BackEnd, path: path.to_owned(), body: None }
    }

    fn with(self, key: &str, body: Value) -> Self {
        Self { body: Some((key.to_owned(), body)), ..self }
    }
}

/// The number of the refund of an order.
pub(super) fn refund_of(order: &str) -> String {
    format!("{order}R")
}
