//! Notices, written as soon as there is something to tell.

use counterparty::{
    ContractChange, ContractNotice, DeductionNotice, Error, Numbers, Occasion, PaymentNotice, RefundNoticeV2,
    RefundResultV2, SignType, SignedRequest, TradeType, V2Notice as _, V3Notice,
};

use super::{Scene, nonce, v3};
use crate::model::{
    Contract, Failure, Message, Notice, NoticeKind, NoticeState, Order, Paid, Refund, RefundState, Source,
};
use crate::time::{seconds, spaced};

/// The user has paid.
pub(super) fn payment(scene: &mut Scene<'_>, order: &Order, paid: &Paid) -> Result<u64, Error> {
    let numbers = of_order(scene, order, paid);
    let trade_type = match order.trade_type() {
        "JSAPI" => TradeType::Jsapi,
        "NATIVE" => TradeType::Native,
        "MWEB" => TradeType::Mweb,
        _ => TradeType::App,
    };
    if order.v3.is_some() {
        return v3::tell_payment(scene, order, paid, V3Notice::payment(&numbers, trade_type)?);
    }
    let mut notice = PaymentNotice::new(&numbers, trade_type)?;
    for echo in ["attach", "device_info"] {
        if let Some(value) = order.asked(echo) {
            notice = notice.with(echo, value);
        }
    }
    if paid.coupon > 0 {
        notice = notice.coupon(order.total_fee, paid.coupon);
    }
    let request = notice.with("nonce_str", &nonce()).signed(&scene.merchant.wechat, sign_type(order.hmac))?;
    Ok(send(scene, NoticeKind::Payment, vec![order.out_trade_no.clone()], &order.notify_url, request))
}

/// A deduction has succeeded.
pub(super) fn deducted(scene: &mut Scene<'_>, order: &Order, paid: &Paid, contract: &Contract) -> Result<u64, Error> {
    let mut numbers = of_order(scene, order, paid);
    contract.contract_id().clone_into(&mut numbers.contract_id);
    deduction(scene, order, contract, DeductionNotice::success(&numbers)?)
}

/// A deduction has failed.
pub(super) fn not_deducted(
    scene: &mut Scene<'_>,
    order: &Order,
    contract: &Contract,
    failure: &Failure,
) -> Result<u64, Error> {
    let mut numbers = scene.numbers(&order.appid);
    numbers.out_trade_no.clone_from(&order.out_trade_no);
    contract.contract_id().clone_into(&mut numbers.contract_id);
    deduction(scene, order, contract, DeductionNotice::failure(&numbers, &failure.err_code, &failure.err_code_des))
}

fn deduction(
    scene: &mut Scene<'_>,
    order: &Order,
    contract: &Contract,
    mut notice: DeductionNotice,
) -> Result<u64, Error> {
    if let Some(attach) = order.asked("attach") {
        notice = notice.with("attach", attach);
    }
    let request = notice.with("nonce_str", &nonce()).signed(&scene.merchant.wechat, sign_type(order.hmac))?;
    let numbers = vec![order.out_trade_no.clone(), contract.contract_code.clone()];
    Ok(send(scene, NoticeKind::Deduction, numbers, &order.notify_url, request))
}

/// A contract was signed. `after`: not before that notice was accepted.
pub(super) fn signed(scene: &mut Scene<'_>, contract: &Contract) -> Result<u64, Error> {
    let numbers = of_contract(scene, contract);
    let mut notice =
        ContractNotice::bare(&numbers, ContractChange::Add)?.with("request_serial", &contract.request_serial);
    if let Some(signed) = &contract.signed {
        notice = notice.with("contract_expired_time", &spaced(signed.expires_ms));
    }
    let request = notice.signed(&scene.merchant.wechat, sign_type(contract.hmac))?;
    let mut about = vec![contract.contract_code.clone()];
    if let crate::model::Form::Order { out_trade_no } = &contract.form {
        about.push(out_trade_no.clone());
    }
    Ok(send(scene, NoticeKind::ContractAdd, about, &contract.notify_url, request))
}

/// A contract has ended: told to the template's address, whoever ended it.
pub(super) fn terminated(scene: &mut Scene<'_>, contract: &Contract) -> Result<Option<u64>, Error> {
    let Some(url) = termination_url(scene, contract) else { return Ok(None) };
    let (Some(_), Some(ended)) = (&contract.signed, &contract.ended) else { return Ok(None) };
    let numbers = of_contract(scene, contract);
    let notice = ContractNotice::bare(&numbers, ContractChange::Delete)?
        .with("contract_termination_mode", &ended.mode.to_string())
        .with("request_serial", &contract.request_serial);
    let request = notice.signed(&scene.merchant.wechat, sign_type(contract.hmac))?;
    Ok(Some(send(scene, NoticeKind::ContractDelete, vec![contract.contract_code.clone()], &url, request)))
}

/// The merchant is asked whether it wants to keep a user who is about to leave: V3 JSON at the same address.
pub(super) fn retention(scene: &mut Scene<'_>, contract: &Contract) -> Result<Option<u64>, Error> {
    let Some(url) = termination_url(scene, contract) else { return Ok(None) };
    let numbers = of_contract(scene, contract);
    let notice = V3Notice::termination_retention(&numbers)?;
    send_v3(scene, NoticeKind::Retention, vec![contract.contract_code.clone()], &url, &notice).map(Some)
}

/// A refund has come to an end.
pub(super) fn refunded(scene: &mut Scene<'_>, refund: &Refund) -> Result<Option<u64>, Error> {
    let result = match refund.state {
        RefundState::Processing => return Ok(None),
        RefundState::Success => RefundResultV2::Success,
        RefundState::Change => RefundResultV2::Change,
        RefundState::RefundClose => RefundResultV2::RefundClose,
    };
    let Some(url) = refund.notify_url.clone() else { return Ok(None) };
    let mut numbers = scene.numbers(&refund.appid);
    numbers.out_trade_no.clone_from(&refund.out_trade_no);
    numbers.out_refund_no.clone_from(&refund.out_refund_no);
    numbers.transaction_id.clone_from(&refund.transaction_id);
    numbers.refund_id.clone_from(&refund.refund_id);
    (numbers.total, numbers.refund) = (refund.total_fee, refund.refund_fee);
    // Without an address in the call, or by hand, the notice is V2's, at the usual address.
    if refund.v3.as_ref().is_some_and(|v3| v3.body.get("notify_url").is_some()) {
        return v3::tell_refund(scene, refund, &numbers, &url).map(Some);
    }
    let mut notice = RefundNoticeV2::new(&numbers, result)?.with_inner("refund_account", &refund.account);
    if refund.source == Source::VendorPlatform {
        notice = notice.from_platform();
    }
    let request = notice.sealed(&scene.merchant.wechat)?;
    let about = vec![refund.out_refund_no.clone(), refund.out_trade_no.clone()];
    Ok(Some(send(scene, NoticeKind::Refund, about, &url, request)))
}

/// Lets a notice wait until another one was accepted or given up.
pub(super) fn hold_back(scene: &mut Scene<'_>, id: u64, until: u64) {
    if let Some(notice) = scene.world.notices.get_mut(&id) {
        notice.after = Some(until);
    }
}

fn termination_url(scene: &Scene<'_>, contract: &Contract) -> Option<String> {
    let template = scene.settings.template(&contract.mch_id, &contract.plan_id);
    let own = template.and_then(|template| template.termination_url.clone());
    let base = &scene.callbacks.contract;
    own.or_else(|| (!base.is_empty()).then(|| format!("{base}/v2/{}", contract.mch_id)))
}

fn of_order(scene: &Scene<'_>, order: &Order, paid: &Paid) -> Numbers {
    let mut numbers = scene.numbers(&order.appid);
    numbers.out_trade_no.clone_from(&order.out_trade_no);
    numbers.transaction_id.clone_from(&paid.transaction_id);
    numbers.openid.clone_from(&paid.openid);
    numbers.total = order.total_fee;
    numbers.now = seconds(paid.at_ms);
    numbers
}

fn of_contract(scene: &Scene<'_>, contract: &Contract) -> Numbers {
    let mut numbers = scene.numbers(&contract.appid);
    numbers.contract_code.clone_from(&contract.contract_code);
    numbers.plan_id.clone_from(&contract.plan_id);
    if let Some(signed) = &contract.signed {
        numbers.contract_id.clone_from(&signed.contract_id);
        numbers.openid.clone_from(&signed.openid);
    }
    numbers
}

fn sign_type(hmac: bool) -> SignType {
    if hmac { SignType::HmacSha256 } else { SignType::Md5 }
}

fn send(scene: &mut Scene<'_>, kind: NoticeKind, numbers: Vec<String>, url: &str, request: SignedRequest) -> u64 {
    let message = Message { headers: request.headers.clone(), body: request.body_lossy() };
    put(scene, kind, numbers, url, message, false)
}

/// Seals a V3 notice now, and leaves its signature to each delivery.
pub(super) fn send_v3(
    scene: &mut Scene<'_>,
    kind: NoticeKind,
    numbers: Vec<String>,
    url: &str,
    notice: &V3Notice,
) -> Result<u64, Error> {
    let occasion = Occasion::derived(seconds(scene.now), &nonce());
    let configured = &scene.merchant.wechat;
    let sealer = scene.world.keys_of(configured.mch_id()).sealer(configured)?;
    let body = String::from_utf8_lossy(&notice.sealed(&sealer, &occasion)?).into_owned();
    Ok(put(scene, kind, numbers, url, Message { headers: Vec::new(), body }, true))
}

fn put(scene: &mut Scene<'_>, kind: NoticeKind, numbers: Vec<String>, url: &str, message: Message, is_v3: bool) -> u64 {
    scene.world.send(Notice {
        id: 0,
        kind,
        mch_id: scene.mch_id().to_owned(),
        numbers,
        url: url.to_owned(),
        is_v3,
        message,
        state: NoticeState::Waiting,
        next_at_ms: Some(scene.now),
        after: None,
        swapped_ms: None,
        deliveries: Vec::new(),
        doubles: Vec::new(),
    })
}
