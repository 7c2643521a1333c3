//! Two implementations of one protocol meet: every call of `wechat` is taken by the simulator, which shares no code with it,
//! and every answer of the simulator is believed by `wechat`.

use std::time::Duration;

use domain::{Fen, OpenId, OutRefundNo, OutTradeNo};
use serde_json::json;
use wechat::{
    CloseAnswer, CloseOrder, ContractRef, DeleteContract, EntrustWeb, H5EntrustWeb, MiniProgramSigning, Next, OrderRef,
    PapOrderQuery, Payment, PreDeductionNotice, PreEntrustWeb, Presign, Refund, RefundQuery, RefundRef,
};

use super::desk::{APPID, Desk, appid, mch_id, nowhere, said, signing};

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
    let (notify_url, at) = (nowhere(), desk.at());

    let page = EntrustWeb {
        appid: appid(),
        signing: signing("CODEB1", "12535"),
        notify_url: notify_url.clone(),
        return_web: true,
    };
    desk.open(json!({ "entrustweb": page.url(&desk.keys, &at, &desk.hosts).unwrap() })).await;
    desk.sign("CODEB1").await;

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
    desk.sign("CODEB2").await;

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
    desk.sign("CODEB3").await;

    let mini = MiniProgramSigning { appid: appid(), signing: signing("CODEB4", "12535"), notify_url };
    let offer = serde_json::to_value(mini.offer(&desk.keys, &at).unwrap()).unwrap();
    desk.open(json!({ "mini_program": offer["extra_data"] })).await;
    desk.sign("CODEB4").await;
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
