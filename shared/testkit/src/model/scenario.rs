//! Pairs of notices whose histories are explored one and all.

use domain::{
    Called, Changes, Check, Contract, ContractChange, ContractId, Fact, FactBody, Fen, Opened, Order, OrderKind,
    OrderState, PaymentResult, RefundResult, Timestamp, TransactionId,
};
use record::{Route, Routing};

use super::design::Design;
use super::oracle::projection;
use super::rest::{run, sweep};
use super::task::{Notice, Task};
use super::world::World;
use crate::generate::Generator;

/// How often each thing may happen in one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budgets {
    /// Deliveries of each notice, whether it was acknowledged or not: WeChat may send twice at once.
    pub deliveries: u8,
    /// Relays that are woken; an insert for which none is left is a doorbell that was lost.
    pub relays: u8,
    /// Sweeps.
    pub sweeps: u8,
    /// Effects that fail, or whose answer is lost.
    pub faults: u8,
    /// Jumps of the clock beyond the queues' memory of deduplication ids.
    pub jumps: u8,
    /// Whether the index of pending entries lags behind the table.
    pub lag: bool,
    /// Whether effects that one actor waits for at once are done in any order, or in that in which it asked.
    pub any_order: bool,
}

/// A start, and what may happen from there.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// The world at its start.
    pub world: World,
    /// How often each thing may happen.
    pub budgets: Budgets,
    /// What the facts lead to without faults, in any order.
    pub expected: Vec<String>,
}

/// Two deliveries of each notice, and a relay beside a sweeper.
const BUDGETS: Budgets =
    Budgets { deliveries: 2, relays: 1, sweeps: 1, faults: 0, jumps: 0, lag: false, any_order: false };

/// A pair of notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// The payment of a pay-and-sign order, and the signing.
    PaymentAndAdd,
    /// The signing and the termination of one contract.
    AddAndDelete,
    /// A payment that a query told of before, and a refund of it.
    PaymentAndRefund,
    /// A deduction of which a query says that it failed and a notice that it succeeded.
    FailureAndSuccess,
    /// One payment under two notice ids.
    TwoEqualPayments,
    /// A deduction that succeeded, and the termination of its contract: two items, one stream.
    DeductionAndDelete,
    /// The signing, and a query that answers that the user is still at it: it makes no event.
    AddAndQuery,
    /// Our own calls: a deduction is put on record, and the end of its contract is asked for.
    DeductionAndTermination,
    /// The payment of an order that had been closed, and the signing: both take the user's guard back.
    LatePaymentAndAdd,
}

impl Pair {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::PaymentAndAdd,
        Self::AddAndDelete,
        Self::PaymentAndRefund,
        Self::FailureAndSuccess,
        Self::TwoEqualPayments,
        Self::DeductionAndDelete,
        Self::AddAndQuery,
        Self::DeductionAndTermination,
        Self::LatePaymentAndAdd,
    ];

    /// Its scenario.
    #[must_use]
    pub fn scenario(self) -> Scenario {
        match self {
            Self::PaymentAndAdd => Cast::new(1).payment_and_add(),
            Self::AddAndDelete => Cast::new(2).add_and_delete(),
            Self::PaymentAndRefund => Cast::new(3).payment_and_refund(),
            Self::FailureAndSuccess => Cast::new(4).failed_and_paid_deduction(),
            Self::TwoEqualPayments => Cast::new(5).two_equal_payments(),
            Self::DeductionAndDelete => Cast::new(7).deduction_and_delete(),
            Self::AddAndQuery => Cast::new(6).add_and_query(),
            Self::DeductionAndTermination => Cast::new(8).deduction_and_termination(),
            Self::LatePaymentAndAdd => Cast::new(9).late_payment_and_add(),
        }
    }

    /// Its scenario with other budgets.
    #[must_use]
    pub fn with(self, change: impl FnOnce(&mut Budgets)) -> Scenario {
        let mut scenario = self.scenario();
        change(&mut scenario.budgets);
        scenario
    }
}

/// The things that the notices are about.
struct Cast {
    generator: Generator,
    now: Timestamp,
    contract: Contract,
    contract_id: ContractId,
    order: Order,
    transaction_id: TransactionId,
}

impl Cast {
    fn new(seed: u64) -> Self {
        let mut generator = Generator::new(seed);
        let now: Timestamp = "2026-11-01T08:00:00Z".parse().expect("a time");
        let code = generator.contract_code();
        let contract = Contract { created_at: now, ..generator.contract(&code) };
        let order = Order { created_at: now, ..generator.order(OrderKind::PayAndSign, Some(&code)) };
        let (contract_id, transaction_id) = (generator.contract_id(), generator.transaction_id());
        Self { generator, now, contract, contract_id, order, transaction_id }
    }

    fn payment_and_add(mut self) -> Scenario {
        let notices = vec![self.paid(), self.signed()];
        self.scenario("payment success and ADD", &[], notices)
    }

    fn late_payment_and_add(mut self) -> Scenario {
        self.contract.user = Some(self.generator.user());
        let closed = Generator::answered(self.generator.payment(&self.order, PaymentResult::Closed));
        let notices = vec![self.paid(), self.signed()];
        self.scenario("a payment after closing, and ADD", &[closed], notices)
    }

    fn add_and_delete(mut self) -> Scenario {
        let notices = vec![self.signed(), self.terminated()];
        self.scenario("ADD and DELETE", &[], notices)
    }

    /// A refund is made once the payment is known, here from a query: its notice comes late.
    fn payment_and_refund(mut self) -> Scenario {
        let paid = self.paid();
        let paid_order = Order { transaction_id: Some(self.transaction_id.clone()), ..self.order.clone() };
        let refund = self.generator.refund(&self.order, Fen::new(1));
        let refunded = RefundResult::Succeeded { at: Some(self.now) };
        let refunded = self.generator.refund_changed(&refund, &paid_order, refunded, Some(self.now));
        let before = [Generator::answered(paid.clone())];
        let notices = vec![paid, refunded];
        let mut scenario = self.scenario("payment success and refund success", &before, notices);
        let notices = scenario.world.tasks.to_vec();
        scenario.world.restart(vec![Task::Refund(refund)]);
        run_all(&mut scenario.world);
        scenario.world.restart(notices);
        scenario.expected = serial(&scenario.world);
        scenario
    }

    fn failed_and_paid_deduction(mut self) -> Scenario {
        self.deduct();
        let failed = PaymentResult::Failed { code: "NOTENOUGH".to_owned() };
        let failed = Generator::answered(self.generator.payment(&self.order, failed));
        let notices = vec![failed, self.paid()];
        let before = [self.signed()];
        self.scenario("deduction failure and deduction success", &before, notices)
    }

    fn deduction_and_delete(mut self) -> Scenario {
        self.deduct();
        let notices = vec![self.paid(), self.terminated()];
        let before = [self.signed()];
        self.scenario("deduction success and DELETE", &before, notices)
    }

    /// One of them loses: what was on record first may be charged, and nothing after it.
    fn deduction_and_termination(mut self) -> Scenario {
        let deduction = Order {
            kind: OrderKind::Deduction,
            out_trade_no: self.generator.deduction(&self.contract.contract_code, 2, 1),
            contract_id: Some(self.contract_id.clone()),
            state: OrderState::Created,
            ..self.order.clone()
        };
        let contract_code = self.contract.contract_code.clone();
        let bodies = [
            FactBody::Opened(Opened::Deduction { order: Box::new(deduction) }),
            FactBody::Called(Called::TerminationAsked { contract_code }),
        ];
        let ours = bodies.map(|body| Fact::ours(self.order.mch_id.clone(), body)).into();
        let before = [self.signed()];
        self.scenario("a deduction and a termination", &before, ours)
    }

    /// The order is a deduction that WeChat accepted.
    fn deduct(&mut self) {
        let number = self.generator.deduction(&self.contract.contract_code, 2, 1);
        self.order = Order {
            kind: OrderKind::Deduction,
            out_trade_no: number,
            state: OrderState::Accepted,
            check: Some(Check::new(self.now, 0)),
            ..self.order.clone()
        };
    }

    fn two_equal_payments(mut self) -> Scenario {
        let notices = vec![self.paid(), self.paid()];
        self.scenario("two equal successes", &[], notices)
    }

    /// A query that answers that the user is still signing only moves the next check: it makes no event.
    fn add_and_query(mut self) -> Scenario {
        self.contract.check = Some(Check::new(self.now, 0));
        let signing = self.generator.contract_changed(&self.contract, None, ContractChange::InProgress);
        let notices = vec![self.signed(), Generator::answered(signing)];
        self.scenario("ADD and a query", &[], notices)
    }

    fn paid(&mut self) -> Fact {
        self.generator.paid(&self.order, &self.transaction_id, self.now)
    }

    fn signed(&mut self) -> Fact {
        self.generator.signed(&self.contract, &self.contract_id, self.now)
    }

    fn terminated(&mut self) -> Fact {
        self.generator.terminated(&self.contract, &self.contract_id, self.now)
    }

    /// The world after the rows were created and some facts were recorded and published.
    fn scenario(self, name: &'static str, before: &[Fact], notices: Vec<Fact>) -> Scenario {
        let now = self.now;
        let numbered = |facts: &[Fact]| -> Vec<Task> {
            let notices = (1..).zip(facts).map(|(number, fact)| Notice::new(fact.clone(), number, now));
            notices.map(Task::Notice).collect()
        };
        let mut world = World::new(numbered(before), routing(), now);
        let mch_id = self.order.mch_id.clone();
        world.create(&mch_id, Changes { order: Some(self.order), contract: Some(self.contract), ..Changes::default() });
        run_all(&mut world);
        sweep(&Design::REAL, &mut world);
        world.restart(numbered(&notices));
        let expected = serial(&world);
        Scenario { name, world, budgets: BUDGETS, expected }
    }
}

/// Two consumers: one of everything, and one of the contracts' events, whose `previous` has gaps in the stream.
fn routing() -> Routing {
    let route = |consumer: &str, types: &[&str]| Route {
        consumer: consumer.to_owned(),
        merchants: Vec::new(),
        types: types.iter().map(|text| (*text).to_owned()).collect(),
    };
    Routing { routes: vec![route("all", &[]), route("some", &["papay.subscription.*", "papay.deduction.*"])] }
}

/// The states that the tasks of a world lead to, one after the other without a fault.
fn serial(world: &World) -> Vec<String> {
    let mut world = world.clone();
    run_all(&mut world);
    projection(&world.store)
}

fn run_all(world: &mut World) {
    for number in 0..world.tasks.len() {
        run(world, &Design::REAL.doing(world, number));
    }
}
