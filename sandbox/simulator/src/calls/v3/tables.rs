//! The bodies of V3, from the tables of the documentation.

use super::form::Kind::{
    Address, Bytes, Code, Flag, List, NotifyUrl, Number, Object, OrderNumber, Positive, RefundNumber, Text, Time, Word,
};
use super::form::{Member, optional, required};

const CURRENCY: [&str; 1] = ["CNY"];

const AMOUNT: [Member; 2] = [required("total", Positive), optional("currency", Word(&CURRENCY))];

const GOODS: [Member; 5] = [
    required("merchant_goods_id", Text(32)),
    optional("wechatpay_goods_id", Text(32)),
    optional("goods_name", Text(256)),
    required("quantity", Positive),
    required("unit_price", Number),
];

const DETAIL: [Member; 3] =
    [optional("cost_price", Number), optional("invoice_id", Text(32)), optional("goods_detail", List(&GOODS))];

const STORE: [Member; 4] = [
    required("id", Text(32)),
    optional("name", Text(256)),
    optional("area_code", Text(32)),
    optional("address", Text(512)),
];

const SCENE: [Member; 3] =
    [required("payer_client_ip", Address), optional("device_id", Text(32)), optional("store_info", Object(&STORE))];

const H5_TYPES: [&str; 3] = ["Wap", "iOS", "Android"];

const H5: [Member; 5] = [
    required("type", Word(&H5_TYPES)),
    optional("app_name", Text(64)),
    optional("app_url", Text(128)),
    optional("bundle_id", Text(128)),
    optional("package_name", Text(128)),
];

const H5_SCENE: [Member; 4] = [
    required("payer_client_ip", Address),
    optional("device_id", Text(32)),
    optional("store_info", Object(&STORE)),
    required("h5_info", Object(&H5)),
];

const SETTLEMENT: [Member; 1] = [optional("profit_sharing", Flag)];
const PAYER: [Member; 1] = [required("openid", Text(128))];

/// <https://pay.weixin.qq.com/doc/v3/merchant/4013070347>, and native.
pub(super) const ORDER: [Member; 12] = [
    required("appid", Text(32)),
    required("mchid", Text(32)),
    required("description", Text(127)),
    required("out_trade_no", OrderNumber),
    optional("time_expire", Time),
    optional("attach", Text(128)),
    required("notify_url", NotifyUrl(255)),
    optional("goods_tag", Text(32)),
    optional("support_fapiao", Flag),
    required("amount", Object(&AMOUNT)),
    optional("detail", Object(&DETAIL)),
    optional("settle_info", Object(&SETTLEMENT)),
];

pub(super) const SCENE_INFO: [Member; 1] = [optional("scene_info", Object(&SCENE))];

/// JSAPI alone: <https://pay.weixin.qq.com/doc/v3/merchant/4012791856>.
pub(super) const JSAPI: [Member; 2] = [required("payer", Object(&PAYER)), optional("scene_info", Object(&SCENE))];

/// H5 alone: <https://pay.weixin.qq.com/doc/v3/merchant/4012791834>.
pub(super) const H5_ORDER: [Member; 1] = [required("scene_info", Object(&H5_SCENE))];

/// <https://pay.weixin.qq.com/doc/v3/merchant/4013070360>
pub(super) const CLOSE: [Member; 1] = [required("mchid", Text(32))];

const ACCOUNTS: [&str; 2] = ["AVAILABLE", "UNAVAILABLE"];
const FROM: [Member; 2] = [required("account", Word(&ACCOUNTS)), required("amount", Positive)];

const REFUND_AMOUNT: [Member; 4] = [
    required("refund", Positive),
    required("total", Positive),
    required("currency", Word(&CURRENCY)),
    optional("from", List(&FROM)),
];

const REFUND_GOODS: [Member; 6] = [
    required("merchant_goods_id", Text(32)),
    optional("wechatpay_goods_id", Text(32)),
    optional("goods_name", Text(256)),
    required("unit_price", Number),
    required("refund_amount", Number),
    required("refund_quantity", Positive),
];

const FUNDS: [&str; 2] = ["AVAILABLE", "UNSETTLED"];

/// <https://pay.weixin.qq.com/doc/v3/merchant/4013071036>
pub(super) const REFUND: [Member; 8] = [
    optional("transaction_id", Text(32)),
    optional("out_trade_no", OrderNumber),
    required("out_refund_no", RefundNumber),
    optional("reason", Bytes(80)),
    optional("notify_url", NotifyUrl(256)),
    optional("funds_account", Word(&FUNDS)),
    required("amount", Object(&REFUND_AMOUNT)),
    optional("goods_detail", List(&REFUND_GOODS)),
];

const REPAIRS: [&str; 2] = ["USER_BANK_CARD", "MERCHANT_BANK_CARD"];

/// <https://pay.weixin.qq.com/doc/v3/merchant/4013071193>
pub(super) const ABNORMAL: [Member; 5] = [
    required("out_refund_no", RefundNumber),
    required("type", Word(&REPAIRS)),
    optional("bank_type", Text(16)),
    optional("bank_account", Text(1024)),
    optional("real_name", Text(1024)),
];

/// <https://pay.weixin.qq.com/doc/v3/merchant/4014551946>
pub(super) const ECHO: [Member; 3] = [
    required("echo_message", Text(1024)),
    optional("encrypted_echo_message", Text(1024)),
    optional("notify_url", NotifyUrl(256)),
];

const ESTIMATE: [Member; 2] = [required("amount", Number), optional("currency", Word(&CURRENCY))];
const UNITS: [&str; 1] = ["DAY"];
const DURATION: [Member; 2] = [required("count", Number), required("unit", Word(&UNITS))];

/// <https://pay.weixin.qq.com/wiki/doc/api/wxpay_v2/papay/chapter3_10.shtml>
pub(super) const PRE_NOTICE: [Member; 4] = [
    required("mchid", Text(32)),
    required("appid", Text(32)),
    optional("deduct_duration", Object(&DURATION)),
    required("estimated_amount", Object(&ESTIMATE)),
];

/// What every pre-sign of a password-exempt contract has.
pub(super) const PRE_SIGN: [Member; 4] = [
    required("service_id", Positive),
    required("out_contract_code", Code(32)),
    required("notify_url", NotifyUrl(256)),
    required("contract_display_account", Text(32)),
];

/// After a payment.
pub(super) const PREPAY: [Member; 1] = [required("prepay_id", Text(64))];

/// <https://pay.weixin.qq.com/doc/v3/merchant/4012472874>
pub(super) const NORMAL: [Member; 2] = [required("appid", Text(32)), required("openid", Text(128))];

/// <https://pay.weixin.qq.com/doc/v3/partner/4012471286>
pub(super) const QS: [Member; 5] = [
    required("appid", Text(32)),
    required("sub_appid", Text(32)),
    required("sub_mchid", Text(32)),
    optional("openid", Text(128)),
    optional("sub_openid", Text(128)),
];

/// <https://pay.weixin.qq.com/doc/v3/partner/4012471272>
pub(super) const SERVICE_PROVIDER: [Member; 5] = [
    required("sp_appid", Text(32)),
    required("sub_appid", Text(32)),
    required("sub_mchid", Text(32)),
    optional("sp_openid", Text(128)),
    optional("sub_openid", Text(128)),
];

/// <https://pay.weixin.qq.com/doc/v3/merchant/4012472858>
pub(super) const EXEMPT_TERMINATION: [Member; 1] = [required("contract_termination_remark", Text(256))];
