//! Two implementations of one protocol meet: every call of `wechat` is taken by the simulator, which shares no code with it,
//! and every answer of the simulator is believed by `wechat`.

use std::sync::Arc;
use std::time::Duration;

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, TEST_MERCHANT};
use domain::{
    AppId, ContractCode, ContractId, Fact, FactBody, Fen, MchId, OpenId, OutRefundNo, OutTradeNo, PlanId, Timestamp,
};
use host::Store;
use host::clock::Clock;
use serde_json::{Value, json};
use simulator::{Config, Control, Merchant, Mode, Pace, Simulator, Template};
use verify::sign::v3::MerchantSigner;
use wechat::{
    Client, CloseAnswer, CloseOrder, ContractOrder, ContractRef, DeleteContract, EntrustWeb, H5EntrustWeb, Hosts, Http,
    Keys, MiniProgramSigning, Moment, Next, OrderQuery, OrderRef, PapOrderQuery, PapPayApply, Payment,
    PreDeductionNotice, PreEntrustWeb, Presign, QueryContract, Refund, RefundQuery, RefundRef, Signing,
};

use crate::harness::{MCH_ID, keys};

const APPID: &str = "wx2421b1c4370ec43b";

/// 2026-03-02 10:00:00 in Beijing.
const MORNING: i64 = 1_772_416_800_000;

struct Desk {
    simulator: Simulator,
    clock: Clock,
    client: Client<Http>,
    hosts: Hosts,
    keys: Keys,
}

impl Desk {
    async fn start() -> Self {
        let clock = Clock::in_memory();
        clock.set_offset_ms(MORNING - clock.now_ms()).unwrap();
        let templates =
            vec![Template::new(MCH_ID, "12535"), Template { mode: Mode::PreNotice, ..Template::new(MCH_ID, "12536") }];
        let merchants = vec![Merchant::of_test(MCH_ID).unwrap()];
        let config =
            Config { port: 0, store: Store::Memory, clock: clock.clone(), merchants, templates, pace: Pace::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let hosts = || Hosts::parse(&simulator.endpoint()).unwrap();
        let signer = MerchantSigner::new(MCH_ID, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
        let keys = Keys::new(Arc::new(keys(&TEST_MERCHANT))).with_signer(Arc::new(signer));
        let client = Client::new(hosts()).unwrap();
        Self { clock, client, hosts: hosts(), keys, simulator }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now_ms()).unwrap()
    }

    fn at(&self) -> Moment {
        Moment::new(self.now())
    }

    fn control(&self) -> Control {
        self.simulator.control()
    }

    fn pass(&self, time: Duration) {
        self.clock.advance_ms(time.as_millis().try_into().unwrap()).unwrap();
    }

    async fn act(&self, path: &str, body: Value) -> Value {
        self.control().post(&format!("/{MCH_ID}{path}"), body).await.unwrap()
    }

    async fn open(&self, opening: Value) -> Value {
        self.control().post("/open", opening).await.unwrap_or_else(|error| panic!("{error}"))
    }

    fn order(&self, code: &str, payment: Payment) -> ContractOrder {
        ContractOrder {
            appid: appid(),
            out_trade_no: OutTradeNo::parse(&format!("{code}F0")).unwrap(),
            body: "月度会员".to_owned(),
            detail: None,
            attach: Some("支付测试".to_owned()),
            total: Fen::parse("total", "1800").unwrap(),
            client_ip: "123.12.12.123".parse().unwrap(),
            time_start: Some(self.now()),
            time_expire: Some(self.now() + jiff::SignedDuration::from_mins(30)),
            notify_url: nowhere(),
            contract_notify_url: nowhere(),
            payment,
            signing: signing(code, "12535"),
            no_credit: false,
            goods_tag: None,
            device_info: None,
        }
    }

    /// Orders, pays and signs; answers the contract_id.
    async fn subscribe(&self, code: &str, plan_id: &str) -> ContractId {
        let mut order = self.order(code, Payment::App);
        order.signing = signing(code, plan_id);
        let prepared = order.prepare(&self.keys, &self.at()).unwrap();
        self.client.send(&prepared, &self.keys, self.now()).await.unwrap();
        let paid = self.act(&format!("/orders/{code}F0/pay"), json!({ "user": "alice" })).await;
        ContractId::parse(paid["contract_id"].as_str().unwrap()).unwrap()
    }

    /// What our query makes of a contract.
    async fn contract(&self, code: &str, plan_id: &str) -> String {
        let contract = ContractRef::Code { plan_id: plan(plan_id), contract_code: contract_code(code) };
        let query = QueryContract { appid: appid(), contract }.prepare(&self.keys, &self.at()).unwrap();
        let answer = self.client.send(&query, &self.keys, self.now()).await.unwrap();
        said(answer.fact(&mch_id(), &contract_code(code)).unwrap())
    }

    /// What our query makes of an order.
    async fn order_state(&self, out_trade_no: &str) -> String {
        let out_trade_no = OutTradeNo::parse(out_trade_no).unwrap();
        let query = OrderQuery { appid: appid(), order: OrderRef::OutTradeNo(out_trade_no.clone()) };
        let query = query.prepare(&self.keys, &self.at()).unwrap();
        let answer = self.client.send(&query, &self.keys, self.now()).await.unwrap();
        said(answer.fact(&mch_id(), &out_trade_no).unwrap())
    }

    fn deduction(&self, contract_id: &ContractId, number: &str) -> PapPayApply {
        PapPayApply {
            appid: appid(),
            out_trade_no: OutTradeNo::parse(number).unwrap(),
            contract_id: contract_id.clone(),
            body: "月度会员续费".to_owned(),
            detail: None,
            attach: None,
            total: Fen::parse("total", "1800").unwrap(),
            client_ip: "123.12.12.123".parse().unwrap(),
            notify_url: nowhere(),
            goods_tag: None,
            receipt: false,
        }
    }
}

/// The one word that counts in a fact.
fn said(fact: Fact) -> String {
    let word = match fact.body {
        FactBody::Payment(payment) => serde_json::to_value(payment.result).unwrap()["result"].clone(),
        FactBody::Contract(contract) => serde_json::to_value(contract.change).unwrap()["change"].clone(),
        FactBody::Refund(refund) => serde_json::to_value(refund.result).unwrap()["result"].clone(),
        other => panic!("{other:?}"),
    };
    word.as_str().unwrap().to_owned()
}

fn appid() -> AppId {
    AppId::parse(APPID).unwrap()
}

fn mch_id() -> MchId {
    MchId::parse(MCH_ID).unwrap()
}

fn plan(number: &str) -> PlanId {
    PlanId::parse(number).unwrap()
}

fn contract_code(code: &str) -> ContractCode {
    ContractCode::parse(code).unwrap()
}

/// The discard port: what is told is not the subject here.
fn nowhere() -> String {
    "http://127.0.0.1:9/v2/10000100".to_owned()
}

fn signing(code: &str, plan_id: &str) -> Signing {
    let request_serial = code.bytes().fold(1_000_000_000, |sum: u64, byte| sum + u64::from(byte).pow(4));
    Signing {
        plan_id: plan(plan_id),
        contract_code: contract_code(code),
        request_serial,
        display_account: "会员张三".to_owned(),
        outerid: None,
    }
}

#[tokio::test]
async fn pay_and_sign_is_taken_in_every_channel_and_wechat_opens_what_the_client_is_given() {
    let desk = Desk::start().await;
    let openid = desk.control().get(&format!("/openids/{APPID}/alice")).await.unwrap()["openid"].clone();
    let openid = OpenId::parse(openid.as_str().unwrap()).unwrap();
    for (code, payment, kind) in [
        ("CODEA1", Payment::App, "app"),
        ("CODEA2", Payment::Jsapi { openid }, "jsapi"),
        ("CODEA3", Payment::Native { product_id: "monthly".to_owned() }, "code_url"),
        ("CODEA4", Payment::Mweb, "mweb_url"),
    ] {
        let prepared = desk.order(code, payment).prepare(&desk.keys, &desk.at()).unwrap();
        let answer = desk.client.send(&prepared, &desk.keys, desk.now()).await.unwrap();
        assert!(matches!(answer.presign, Presign::Offered), "{code}");
        let launch = answer.offer.launch(&appid(), &desk.keys, &desk.at(), None).unwrap();
        let params = serde_json::to_value(&launch).unwrap()["params"].clone();
        let handed_out = params.get(kind).unwrap_or(&params).clone();
        let opened = desk.open(json!({ kind: handed_out })).await;
        assert_eq!(opened["out_trade_no"], format!("{code}F0"));
        let again = desk.client.send(&prepared, &desk.keys, desk.now()).await.unwrap();
        assert!(again.offer != answer.offer, "{code}: a new prepay_id");
    }
    let mut unknown = desk.order("CODEA5", Payment::App);
    unknown.signing = signing("CODEA5", "99999");
    let prepared = unknown.prepare(&desk.keys, &desk.at()).unwrap();
    let answer = desk.client.send(&prepared, &desk.keys, desk.now()).await.unwrap();
    assert!(matches!(answer.presign, Presign::Failed { .. }));
}

#[tokio::test]
async fn every_way_of_pure_signing_is_opened_as_it_is_handed_out() {
    let desk = Desk::start().await;
    let sign = |code: &'static str| desk.act_later(code);
    let (notify_url, at) = (nowhere(), desk.at());

    let page = EntrustWeb {
        appid: appid(),
        signing: signing("CODEB1", "12535"),
        notify_url: notify_url.clone(),
        return_web: true,
    };
    desk.open(json!({ "entrustweb": page.url(&desk.keys, &at, &desk.hosts).unwrap() })).await;
    sign("CODEB1").await;

    let app = PreEntrustWeb {
        appid: appid(),
        signing: signing("CODEB2", "12535"),
        notify_url: notify_url.clone(),
        return_app: true,
    };
    let prepared = app.prepare(&desk.keys, &at).unwrap();
    let offer = desk.client.send(&prepared, &desk.keys, desk.now()).await.unwrap();
    let offer = serde_json::to_value(&offer).unwrap();
    desk.open(json!({ "pre_entrustweb_id": offer["pre_entrustweb_id"] })).await;
    sign("CODEB2").await;

    let browser = H5EntrustWeb {
        appid: appid(),
        signing: signing("CODEB3", "12535"),
        notify_url: notify_url.clone(),
        client_ip: "12.1.1.12".parse().unwrap(),
        return_appid: None,
    };
    let prepared = browser.prepare(&desk.keys, &at).unwrap();
    let offer = desk.client.send(&prepared, &desk.keys, desk.now()).await.unwrap();
    desk.open(json!({ "h5": serde_json::to_value(&offer).unwrap()["redirect_url"] })).await;
    sign("CODEB3").await;

    let mini = MiniProgramSigning { appid: appid(), signing: signing("CODEB4", "12535"), notify_url };
    let offer = serde_json::to_value(mini.offer(&desk.keys, &at).unwrap()).unwrap();
    desk.open(json!({ "mini_program": offer["extra_data"] })).await;
    sign("CODEB4").await;
}

impl Desk {
    /// Another user each time; the contract is in force then, and our query says so.
    async fn act_later(&self, code: &str) {
        self.act(&format!("/contracts/{code}/sign"), json!({})).await;
        assert_eq!(self.contract(code, "12535").await, "signed", "{code}");
    }
}

#[tokio::test]
async fn orders_and_contracts_are_asked_closed_and_ended() {
    let desk = Desk::start().await;
    let contract_id = desk.subscribe("CODEC1", "12535").await;
    assert_eq!(desk.order_state("CODEC1F0").await, "succeeded");
    assert_eq!(desk.order_state("CODEC9F0").await, "not_found");
    assert_eq!(desk.contract("CODEC1", "12535").await, "signed");
    assert_eq!(desk.contract("CODEC9", "12535").await, "absent");
    let remark = "用户退订".to_owned();
    let end = DeleteContract { appid: appid(), contract: ContractRef::Id(contract_id), remark };
    let end = end.prepare(&desk.keys, &desk.at()).unwrap();
    desk.client.send(&end, &desk.keys, desk.now()).await.unwrap();
    assert_eq!(desk.contract("CODEC1", "12535").await, "terminated");

    let unpaid = desk.order("CODEC2", Payment::App).prepare(&desk.keys, &desk.at()).unwrap();
    desk.client.send(&unpaid, &desk.keys, desk.now()).await.unwrap();
    assert_eq!(desk.order_state("CODEC2F0").await, "unpaid");
    let close = |number: &str| {
        let close = CloseOrder { appid: appid(), out_trade_no: OutTradeNo::parse(number).unwrap() };
        close.prepare(&desk.keys, &desk.at()).unwrap()
    };
    let too_early = desk.client.send(&close("CODEC2F0"), &desk.keys, desk.now()).await.unwrap_err();
    assert!(too_early.next != Next::RepeatSame, "{too_early}");
    desk.pass(Duration::from_secs(300));
    for (number, expected) in [
        ("CODEC2F0", CloseAnswer::Closed),
        ("CODEC2F0", CloseAnswer::AlreadyClosed),
        ("CODEC9F0", CloseAnswer::NeverPlaced),
    ] {
        assert!(desk.client.send(&close(number), &desk.keys, desk.now()).await.unwrap() == expected, "{number}");
    }
    assert_eq!(desk.order_state("CODEC2F0").await, "closed");
    let paid = desk.client.send(&close("CODEC1F0"), &desk.keys, desk.now()).await.unwrap_err();
    assert_eq!(paid.next, Next::QueryFirst);
}

#[tokio::test]
async fn deductions_are_noticed_accepted_and_asked() {
    let desk = Desk::start().await;
    let contract_id = desk.subscribe("CODED1", "12536").await;
    desk.pass(Duration::from_secs(86_400));
    let apply = desk.deduction(&contract_id, "CODED1P0001A01").prepare(&desk.keys, &desk.at()).unwrap();
    let refused = desk.client.send(&apply, &desk.keys, desk.now()).await.unwrap_err();
    assert_eq!(refused.meaning, wechat::Meaning::NoticeRequired);
    let estimated = Fen::parse("estimated", "1800").unwrap();
    let notice = PreDeductionNotice { appid: appid(), contract_id: contract_id.clone(), estimated };
    for already in [false, true] {
        let notice = notice.prepare(&desk.keys, &desk.at()).unwrap();
        assert_eq!(desk.client.send(&notice, &desk.keys, desk.now()).await.unwrap().already, already);
    }
    desk.pass(Duration::from_secs(2 * 86_400));
    let apply = desk.deduction(&contract_id, "CODED1P0001A02").prepare(&desk.keys, &desk.at()).unwrap();
    desk.client.send(&apply, &desk.keys, desk.now()).await.unwrap();
    desk.pass(Duration::from_secs(1));
    for number in ["CODED1P0001A02", "CODED1F0"] {
        // The second one is no deduction: the client falls back to the other query.
        let number = OutTradeNo::parse(number).unwrap();
        let query = PapOrderQuery { appid: appid(), order: OrderRef::OutTradeNo(number.clone()) };
        let query = query.prepare(&desk.keys, &desk.at()).unwrap();
        let answer = desk.client.query_deduction(&query, &desk.keys, desk.now()).await.unwrap();
        assert!(answer.proven(), "{number}");
        assert_eq!(said(answer.fact(&mch_id(), &number).unwrap()), "succeeded", "{number}");
    }
    let again = desk.client.send(&apply, &desk.keys, desk.now()).await.unwrap_err();
    assert_eq!(again.meaning, wechat::Meaning::AlreadyPaid);
}

#[tokio::test]
async fn refunds_are_accepted_and_asked() {
    let desk = Desk::start().await;
    desk.subscribe("CODEE1", "12535").await;
    let (order, number) = (OutTradeNo::parse("CODEE1F0").unwrap(), OutRefundNo::parse("CODEE1F0R1").unwrap());
    let fen = |text: &str| Fen::parse("refund", text).unwrap();
    let refund = |amount: &str| Refund {
        appid: appid(),
        order: OrderRef::OutTradeNo(order.clone()),
        out_refund_no: number.clone(),
        total: fen("1800"),
        refund: fen(amount),
        reason: Some("用户退订".to_owned()),
        from_recharge: false,
        notify_url: Some(nowhere()),
    };
    let first = refund("800").prepare(&desk.keys, &desk.at()).unwrap();
    let accepted = desk.client.send(&first, &desk.keys, desk.now()).await.unwrap();
    assert!(accepted.refund_id.is_some());
    let other = refund("801").prepare(&desk.keys, &desk.at()).unwrap();
    let mismatch = desk.client.send(&other, &desk.keys, desk.now()).await.unwrap_err();
    assert_eq!(mismatch.meaning, wechat::Meaning::AmountMismatch);
    let query = RefundQuery { appid: appid(), refund: RefundRef::OutRefundNo(number.clone()), offset: None };
    for (seconds, expected) in [(0, "processing"), (1, "succeeded")] {
        desk.pass(Duration::from_secs(seconds));
        let query = query.prepare(&desk.keys, &desk.at()).unwrap();
        let answer = desk.client.send(&query, &desk.keys, desk.now()).await.unwrap();
        assert_eq!(said(answer.fact(&mch_id(), &order, &number).unwrap()), expected);
    }
}
