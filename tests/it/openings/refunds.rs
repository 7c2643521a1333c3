//! Refunds of one order that race on nothing but its amount: each is allowed alone, and no pause between them is asked for.

use domain::{Fen, Keys, Order, OrderKind, OrderState, Refund, RefundState, Refusal};
use futures_util::future::join_all;
use record::{Commit, Ledger, Opened, Opening, RecordError};
use testkit::generate::Generator;
use tokio::sync::Barrier;

use super::{fresh, now, put};
use crate::harness::Ground;

const PAID: Fen = Fen::new(990);

#[tokio::test(flavor = "multi_thread")]
async fn of_two_refunds_at_once_that_are_too_much_together_one_is_promised() {
    let ground = Ground::start().await;
    let mut generator = Generator::new(6);
    for _ in 0..10 {
        let order = paid(&ground, &mut generator).await;
        let openings = [600, 500].map(|amount| refund(&mut generator, &order, amount));
        let outcomes = all_at_once(&ground, &openings).await;
        let (winner, left) = if outcomes[0] == Opened::Opened { (600, 390) } else { (500, 490) };
        let refused = Opened::Refused(Refusal::MoreThanRefundable { refundable: Fen::new(left) });
        assert!(outcomes.contains(&Opened::Opened) && outcomes.contains(&refused), "{outcomes:?}");
        let after = row(&ground, &order).await;
        assert_eq!((after.reserved, after.refunds), (Fen::new(winner), 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_refunds_at_once_as_many_are_promised_as_were_paid_for() {
    let ground = Ground::start().await;
    let mut generator = Generator::new(7);
    let order = paid(&ground, &mut generator).await;
    let openings: Vec<_> = (0..20).map(|_| refund(&mut generator, &order, 300)).collect();
    let outcomes = all_at_once(&ground, &openings).await;
    let refused = Opened::Refused(Refusal::MoreThanRefundable { refundable: Fen::new(90) });
    let count = |wanted: &Opened| outcomes.iter().filter(|outcome| *outcome == wanted).count();
    assert_eq!((count(&Opened::Opened), count(&refused)), (3, 17), "{outcomes:?}");
    let after = row(&ground, &order).await;
    assert_eq!((after.reserved, after.refunds, after.refundable()), (Fen::new(900), 3, Fen::new(90)));
}

/// A paid order on record.
async fn paid(ground: &Ground, generator: &mut Generator) -> Order {
    let order = Order {
        state: OrderState::Paid,
        amount: PAID,
        transaction_id: Some(generator.transaction_id()),
        paid_at: Some(now()),
        check: None,
        ..generator.order(OrderKind::OneOff, None)
    };
    put(ground, Commit { order: Some(fresh(order.clone())), ..Commit::empty(order.mch_id.clone()) }).await;
    order
}

fn refund(generator: &mut Generator, order: &Order, amount: u64) -> Opening {
    let refund = Refund { state: RefundState::Created, ..generator.refund(order, Fen::new(amount)) };
    let opened = domain::Opened::Refund { refund: Box::new(refund) };
    Opening { mch_id: order.mch_id.clone(), opened, idempotency: None, openid: None, traceparent: None }
}

/// All of them have read before the first writes; whoever lost his three races tries again.
async fn all_at_once(ground: &Ground, openings: &[Opening]) -> Vec<Opened> {
    let barrier = Barrier::new(openings.len());
    let one = async |opening: &Opening| {
        let recorder = ground.together(&barrier);
        loop {
            match recorder.open(opening, now()).await {
                Ok(opened) => return opened,
                Err(RecordError::Contended) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    join_all(openings.iter().map(one)).await
}

async fn row(ground: &Ground, order: &Order) -> Order {
    let keys = Keys { order: Some(order.out_trade_no.clone()), ..Keys::default() };
    ground.ledger().load(&order.mch_id, &keys).await.unwrap().order.unwrap().value
}
