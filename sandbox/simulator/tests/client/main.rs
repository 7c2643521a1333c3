//! The client that papay asks WeChat with, against the rules of the simulator: two readings of one protocol page.

#![allow(clippy::unwrap_used, reason = "a test may unwrap, and so may its helpers")]

mod requests;

use counterparty::TEST_MERCHANT;
use domain::*;
use host::Store;
use host::clock::Clock;
use serde_json::{Value, json};
use simulator::{Config, Control, Merchant, Mode, Pace, Simulator, Template};
use wechat::{
    Call, CallError, Client, CloseAnswer, CloseOrder, DeleteContract, EntrustWeb, H5EntrustWeb, Hosts, Keys, Launch,
    Meaning, MiniProgramSigning, Moment, NoticeSent, Offer, OrderQuery, OrderRef, PapOrderQuery, Payment,
    PreDeductionNotice, PreEntrustWeb, Prepared, Presign, QueryContract, Refund, RefundQuery, RefundRef,
};

use crate::requests::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// 2026-03-02 10:00:00 in Beijing, a Monday.
const MONDAY_AT_TEN: i64 = 1_772_416_800_000;

struct World {
    simulator: Simulator,
    control: Control,
    clock: Clock,
    client: Client,
    keys: Keys,
}

impl World {
    async fn start() -> Self {
        let clock = Clock::in_memory();
        clock.set_offset_ms(MONDAY_AT_TEN - clock.now_ms()).unwrap();
        let templates = vec![
            Template::new(TEST_MERCHANT.mch_id, "12535"),
            Template { mode: Mode::PreNotice, ..Template::new(TEST_MERCHANT.mch_id, "12536") },
        ];
        let merchants = vec![Merchant::of_test(TEST_MERCHANT.mch_id).unwrap()];
        let (store, pace) = (Store::Memory, Pace::default());
        let config = Config { port: 0, store, clock: clock.clone(), merchants, templates, pace };
        let simulator = Simulator::start(config).await.unwrap();
        let client = Client::new(Hosts::parse(&simulator.endpoint()).unwrap()).unwrap();
        Self { control: simulator.control(), simulator, clock, client, keys: keys() }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now_ms()).unwrap()
    }

    fn at(&self) -> Moment {
        Moment::new(self.now())
    }

    fn pass(&self, ms: i64) {
        self.clock.advance_ms(ms).unwrap();
    }

    async fn send<C: Call>(&self, prepared: Result<Prepared<C>, wechat::Invalid>) -> Result<C::Answer, CallError> {
        self.client.send(&prepared.unwrap(), &self.keys, self.now()).await
    }

    /// What the user's client does with what it was given.
    async fn open(&self, offer: &Offer) -> Value {
        let launch = offer.launch(&appid(), &self.keys, &self.at(), None).unwrap();
        let body = match launch {
            Launch::App(params) => json!({ "app": params }),
            Launch::Jsapi(params) => json!({ "jsapi": params }),
            Launch::Native { code_url } => json!({ "code_url": code_url }),
            Launch::Mweb { mweb_url } => json!({ "mweb_url": mweb_url }),
            Launch::Page { url } => json!({ "h5": url }),
            Launch::NavigateToMiniProgram(program) => json!({ "mini_program": program.extra_data }),
            Launch::WxLaunchMiniProgram(program) => {
                let (_, id) = program.path.rsplit_once('=').unwrap();
                json!({ "pre_entrustweb_id": id })
            }
            Launch::WxOpenBusinessWebview { query_info, .. } => {
                json!({ "pre_entrustweb_id": query_info.pre_entrustweb_id })
            }
        };
        self.control.post("/open", body).await.unwrap()
    }

    async fn act(&self, path: &str, body: Value) -> Value {
        self.control.post(&format!("/{}{path}", TEST_MERCHANT.mch_id), body).await.unwrap()
    }

    /// Orders, and pays; answers WeChat's number of the contract.
    async fn subscribe(&self, code: &str, plan_id: &str) -> ContractId {
        let answer = self.send(order(code, plan_id, Payment::App).prepare(&self.keys, &self.at())).await.unwrap();
        assert_eq!(answer.presign, Presign::Offered);
        assert_eq!(self.open(&answer.offer).await["out_trade_no"], first(code).as_str());
        let paid = self.act(&format!("/orders/{}/pay", first(code)), json!({ "user": "alice" })).await;
        ContractId::parse(paid["contract_id"].as_str().unwrap()).unwrap()
    }

    async fn payment(&self, number: &OutTradeNo) -> PaymentResult {
        let query = OrderQuery { appid: appid(), order: OrderRef::OutTradeNo(number.clone()) };
        let answer = self.send(query.prepare(&self.keys, &self.at())).await.unwrap();
        let FactBody::Payment(payment) = answer.fact(&mch_id(), number).unwrap().body else { panic!() };
        payment.result
    }

    async fn deducted(&self, number: &OutTradeNo) -> PaymentResult {
        let query = PapOrderQuery { appid: appid(), order: OrderRef::OutTradeNo(number.clone()) };
        let prepared = query.prepare(&self.keys, &self.at()).unwrap();
        let answer = self.client.query_deduction(&prepared, &self.keys, self.now()).await.unwrap();
        let FactBody::Payment(payment) = answer.fact(&mch_id(), number).unwrap().body else { panic!() };
        payment.result
    }

    async fn contract(&self, code: &str, plan_id: &str) -> ContractChange {
        let query = QueryContract { appid: appid(), contract: by_code(code, plan_id) };
        let answer = self.send(query.prepare(&self.keys, &self.at())).await.unwrap();
        let code = ContractCode::parse(code).unwrap();
        let FactBody::Contract(contract) = answer.fact(&mch_id(), &code).unwrap().body else { panic!() };
        contract.change
    }
}

#[tokio::test]
async fn a_subscription_from_the_order_to_its_termination() {
    let world = World::start().await;
    let (code, plan_id) = ("SUBSCRIPTION0000001A", "12535");
    assert_eq!(world.payment(&first(code)).await, PaymentResult::NotFound);
    assert_eq!(world.contract(code, plan_id).await, ContractChange::Absent);
    let contract_id = world.subscribe(code, plan_id).await;
    assert!(matches!(world.payment(&first(code)).await, PaymentResult::Succeeded { total, .. } if total.get() == 1800));
    assert!(matches!(world.contract(code, plan_id).await, ContractChange::Signed { .. }));

    let close = CloseOrder { appid: appid(), out_trade_no: first(code) };
    let paid = world.send(close.prepare(&world.keys, &world.at())).await.unwrap_err();
    assert_eq!(paid.meaning, Meaning::AlreadyPaid);

    // The day after, since the first twelve hours deduct at once.
    world.pass(24 * HOUR);
    let number = OutTradeNo::parse(&format!("{code}P0001A01")).unwrap();
    let prepared = deduction(&number, &contract_id).prepare(&world.keys, &world.at());
    world.send(prepared.clone()).await.unwrap();
    assert_eq!(world.send(prepared).await.unwrap_err().meaning, Meaning::AlreadyAccepted);
    assert_eq!(world.deducted(&number).await, PaymentResult::Accepted);
    world.pass(25 * HOUR);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(matches!(world.deducted(&number).await, PaymentResult::Succeeded { .. }));

    refunded(&world, code).await;
    let delete =
        DeleteContract { appid: appid(), contract: by_code(code, plan_id), remark: "用户申请解约".to_owned() };
    world.send(delete.prepare(&world.keys, &world.at())).await.unwrap();
    assert!(matches!(world.contract(code, plan_id).await, ContractChange::Terminated { .. }));
    let next = OutTradeNo::parse(&format!("{code}P0002A01")).unwrap();
    let gone = world.send(deduction(&next, &contract_id).prepare(&world.keys, &world.at())).await.unwrap_err();
    assert_eq!(gone.meaning, Meaning::ContractGone);
    world.simulator.shutdown().await;
}

async fn refunded(world: &World, code: &str) {
    let number = OutRefundNo::parse(&format!("{code}R1")).unwrap();
    let refund = Refund {
        appid: appid(),
        order: OrderRef::OutTradeNo(first(code)),
        out_refund_no: number.clone(),
        total: Fen::new(1800),
        refund: Fen::new(900),
        reason: Some("用户申请".to_owned()),
        from_recharge: false,
        notify_url: Some(NOTIFY_URL.to_owned()),
    };
    let accepted = world.send(refund.prepare(&world.keys, &world.at())).await.unwrap();
    assert_eq!(accepted.refund, Some(Fen::new(900)));
    let other = Refund { refund: Fen::new(901), ..refund };
    let error = world.send(other.prepare(&world.keys, &world.at())).await.unwrap_err();
    assert_eq!(error.meaning, Meaning::AmountMismatch);
    world.pass(MINUTE);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let query = RefundQuery { appid: appid(), refund: RefundRef::OutRefundNo(number.clone()), offset: None };
    let answer = world.send(query.prepare(&world.keys, &world.at())).await.unwrap();
    let FactBody::Refund(refund) = answer.fact(&mch_id(), &first(code), &number).unwrap().body else { panic!() };
    assert!(matches!(refund.result, RefundResult::Succeeded { .. }), "{:?}", refund.result);
}

#[tokio::test]
async fn an_order_of_each_trade_type_is_opened_and_closed() {
    let world = World::start().await;
    let openid = world.control.get(&format!("/openids/{}/alice", appid())).await.unwrap();
    let openid = OpenId::parse(openid["openid"].as_str().unwrap()).unwrap();
    for (code, payment) in [
        ("TRADETYPEAPP00000001", Payment::App),
        ("TRADETYPEJSAPI000001", Payment::Jsapi { openid }),
        ("TRADETYPENATIVE00001", Payment::Native { product_id: "vip-monthly".to_owned() }),
        ("TRADETYPEMWEB0000001", Payment::Mweb),
    ] {
        let prepared = order(code, "12535", payment).prepare(&world.keys, &world.at());
        let offer = world.send(prepared.clone()).await.unwrap().offer;
        assert_eq!(world.open(&offer).await["out_trade_no"], first(code).as_str());
        assert!(world.send(prepared).await.is_ok(), "an identical repeat");
        assert_eq!(world.payment(&first(code)).await, PaymentResult::Unpaid);
        let close = CloseOrder { appid: appid(), out_trade_no: first(code) };
        let early = world.send(close.prepare(&world.keys, &world.at())).await.unwrap_err();
        assert_eq!(early.meaning, Meaning::WrongState);
        world.pass(6 * MINUTE);
        assert_eq!(world.send(close.prepare(&world.keys, &world.at())).await, Ok(CloseAnswer::Closed));
        assert_eq!(world.payment(&first(code)).await, PaymentResult::Closed);
    }
    world.simulator.shutdown().await;
}

#[tokio::test]
async fn a_contract_is_signed_in_each_of_the_four_ways() {
    let world = World::start().await;
    let (keys, notify_url) = (&world.keys, || NOTIFY_URL.to_owned());
    let app = PreEntrustWeb {
        appid: appid(),
        signing: signing("PUREAPP1", "12535"),
        notify_url: notify_url(),
        return_app: true,
    };
    let offer = world.send(app.prepare(keys, &world.at())).await.unwrap();
    assert_eq!(world.open(&offer).await["contract_code"], "PUREAPP1");
    let h5 = H5EntrustWeb {
        appid: appid(),
        signing: signing("PUREH5", "12535"),
        notify_url: notify_url(),
        client_ip: "2001:db8::7".parse().unwrap(),
        return_appid: Some(appid()),
    };
    let offer = world.send(h5.prepare(keys, &world.at())).await.unwrap();
    assert_eq!(world.open(&offer).await["contract_code"], "PUREH5");
    let program =
        MiniProgramSigning { appid: appid(), signing: signing("PUREMINI", "12535"), notify_url: notify_url() };
    let offer = program.offer(keys, &world.at()).unwrap();
    assert_eq!(world.open(&offer).await["contract_code"], "PUREMINI");
    let web =
        EntrustWeb { appid: appid(), signing: signing("PUREWEB", "12535"), notify_url: notify_url(), return_web: true };
    let url = web.url(keys, &world.at(), world.client.hosts()).unwrap();
    let opened = world.control.post("/open", json!({ "entrustweb": url })).await.unwrap();
    assert_eq!(opened["contract_code"], "PUREWEB");
    for code in ["PUREAPP1", "PUREH5", "PUREMINI", "PUREWEB"] {
        assert!(!matches!(world.contract(code, "12535").await, ContractChange::Signed { .. }), "{code}");
        world.act(&format!("/contracts/{code}/sign"), json!({ "user": code })).await;
        assert!(matches!(world.contract(code, "12535").await, ContractChange::Signed { .. }), "{code}");
    }
    world.simulator.shutdown().await;
}

#[tokio::test]
async fn a_deduction_that_wants_a_notice_gets_one_first() {
    let world = World::start().await;
    let (code, plan_id) = ("NOTICE00000000000001", "12536");
    let contract_id = world.subscribe(code, plan_id).await;
    world.pass(24 * HOUR);
    let number = OutTradeNo::parse(&format!("{code}P0001A01")).unwrap();
    let early = world.send(deduction(&number, &contract_id).prepare(&world.keys, &world.at())).await.unwrap_err();
    assert_eq!(early.meaning, Meaning::NoticeRequired);
    let notice = PreDeductionNotice { appid: appid(), contract_id: contract_id.clone(), estimated: Fen::new(1800) };
    let prepared = notice.prepare(&world.keys, &world.at());
    assert_eq!(world.send(prepared.clone()).await, Ok(NoticeSent { already: false }));
    assert_eq!(world.send(prepared).await, Ok(NoticeSent { already: true }));
    world.pass(48 * HOUR);
    world.send(deduction(&number, &contract_id).prepare(&world.keys, &world.at())).await.unwrap();
    world.pass(MINUTE);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(matches!(world.deducted(&number).await, PaymentResult::Succeeded { .. }));
    world.simulator.shutdown().await;
}
