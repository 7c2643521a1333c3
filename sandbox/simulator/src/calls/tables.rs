//! The forms of the V2 calls: the tables of the documentation, and nothing beside them.

use super::form::{Algorithm, Field, Form, Kind};

const fn field(name: &'static str, is_required: bool, kind: Kind) -> Field {
    Field { name, is_required, kind }
}

const fn required(name: &'static str, longest: usize) -> Field {
    field(name, true, Kind::Text(longest))
}

const fn optional(name: &'static str, longest: usize) -> Field {
    field(name, false, Kind::Text(longest))
}

const APPID: Field = required("appid", 32);
const MCH_ID: Field = required("mch_id", 32);
const NONCE: Field = field("nonce_str", true, Kind::Code(32));
const VERSION: Field = field("version", true, Kind::Version);
const OUT_TRADE_NO: Field = field("out_trade_no", true, Kind::OrderNumber);
const ANY_TRADE_NO: Field = field("out_trade_no", false, Kind::OrderNumber);
const TRANSACTION_ID: Field = optional("transaction_id", 32);
const TOTAL_FEE: Field = field("total_fee", true, Kind::Positive);
const NOTIFY_URL: Field = field("notify_url", true, Kind::NotifyUrl);
const PLAN_ID: Field = field("plan_id", true, Kind::Positive);
const REQUEST_SERIAL: Field = field("request_serial", true, Kind::Serial);
const TIMESTAMP: Field = field("timestamp", true, Kind::Positive);

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011987320>
pub(crate) const CONTRACT_ORDER: Form = Form {
    path: "/pay/contractorder",
    fields: &[
        APPID,
        MCH_ID,
        required("contract_mchid", 32),
        required("contract_appid", 32),
        OUT_TRADE_NO,
        optional("device_info", 32),
        NONCE,
        required("body", 128),
        optional("detail", 8192),
        optional("attach", 127),
        NOTIFY_URL,
        TOTAL_FEE,
        required("spbill_create_ip", 16),
        optional("time_start", 14),
        optional("time_expire", 14),
        optional("goods_tag", 32),
        required("trade_type", 16),
        optional("product_id", 32),
        optional("limit_pay", 32),
        optional("openid", 128),
        PLAN_ID,
        field("contract_code", true, Kind::Code(32)),
        REQUEST_SERIAL,
        required("contract_display_account", 32),
        field("contract_notify_url", true, Kind::NotifyUrl),
        optional("contract_outerid", 32),
        // Not in the table, and accepted in practice.
        optional("fee_type", 16),
    ],
    algorithm: Algorithm::Md5,
    signs_error: false,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011986768>
pub(crate) const ENTRUST_WEB: Form = Form {
    path: "/papay/entrustweb",
    fields: &[
        APPID,
        MCH_ID,
        PLAN_ID,
        field("contract_code", true, Kind::Code(128)),
        REQUEST_SERIAL,
        required("contract_display_account", 128),
        NOTIFY_URL,
        VERSION,
        TIMESTAMP,
        field("return_web", false, Kind::Number),
        optional("outerid", 32),
    ],
    algorithm: Algorithm::Md5,
    signs_error: true,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011986804>
pub(crate) const PRE_ENTRUST_WEB: Form = Form {
    path: "/papay/preentrustweb",
    fields: &[
        APPID,
        MCH_ID,
        PLAN_ID,
        field("contract_code", true, Kind::Code(128)),
        REQUEST_SERIAL,
        required("contract_display_account", 128),
        NOTIFY_URL,
        VERSION,
        TIMESTAMP,
        optional("return_app", 1),
        optional("outerid", 32),
    ],
    algorithm: Algorithm::Md5Unless,
    signs_error: true,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011987295>
pub(crate) const H5_ENTRUST_WEB: Form = Form {
    path: "/papay/h5entrustweb",
    fields: &[
        APPID,
        MCH_ID,
        PLAN_ID,
        field("contract_code", true, Kind::Code(128)),
        REQUEST_SERIAL,
        required("contract_display_account", 128),
        NOTIFY_URL,
        VERSION,
        TIMESTAMP,
        required("clientip", 45),
        optional("return_appid", 32),
        optional("outerid", 32),
    ],
    algorithm: Algorithm::HmacUnless,
    signs_error: true,
};

/// The `extraData` of <https://pay.weixin.qq.com/doc/v2/merchant/4011987274>: no version, no nonce.
pub(crate) const MINI_PROGRAM: Form = Form {
    path: "(mini program)",
    fields: &[
        APPID,
        MCH_ID,
        PLAN_ID,
        field("contract_code", true, Kind::Code(128)),
        REQUEST_SERIAL,
        required("contract_display_account", 128),
        NOTIFY_URL,
        TIMESTAMP,
        optional("outerid", 32),
    ],
    algorithm: Algorithm::Md5,
    signs_error: true,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011987640>
pub(crate) const QUERY_CONTRACT: Form = Form {
    path: "/papay/querycontract",
    fields: &[
        APPID,
        MCH_ID,
        optional("contract_id", 32),
        field("plan_id", false, Kind::Positive),
        field("contract_code", false, Kind::Code(128)),
        VERSION,
    ],
    algorithm: Algorithm::Md5,
    signs_error: true,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011987432>
pub(crate) const DELETE_CONTRACT: Form = Form {
    path: "/papay/deletecontract",
    fields: &[
        APPID,
        MCH_ID,
        optional("contract_id", 32),
        field("plan_id", false, Kind::Positive),
        field("contract_code", false, Kind::Code(128)),
        required("contract_termination_remark", 512),
        VERSION,
    ],
    algorithm: Algorithm::Md5,
    signs_error: true,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011987377>
pub(crate) const PAP_PAY_APPLY: Form = Form {
    path: "/pay/pappayapply",
    fields: &[
        APPID,
        MCH_ID,
        NONCE,
        required("body", 128),
        optional("detail", 8192),
        optional("attach", 128),
        OUT_TRADE_NO,
        TOTAL_FEE,
        optional("fee_type", 16),
        optional("spbill_create_ip", 16),
        optional("goods_tag", 32),
        NOTIFY_URL,
        required("trade_type", 16),
        required("contract_id", 32),
        optional("receipt", 8),
    ],
    algorithm: Algorithm::Md5,
    signs_error: true,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4013894074>
pub(crate) const PAP_ORDER_QUERY: Form = Form {
    path: "/pay/paporderquery",
    fields: &[APPID, MCH_ID, TRANSACTION_ID, ANY_TRADE_NO, NONCE],
    algorithm: Algorithm::Md5,
    signs_error: true,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011987538>
pub(crate) const ORDER_QUERY: Form = Form {
    path: "/pay/orderquery",
    fields: &[APPID, MCH_ID, TRANSACTION_ID, ANY_TRADE_NO, NONCE],
    algorithm: Algorithm::Md5Unless,
    signs_error: false,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011987803>
pub(crate) const CLOSE_ORDER: Form = Form {
    path: "/pay/closeorder",
    fields: &[APPID, MCH_ID, OUT_TRADE_NO, NONCE],
    algorithm: Algorithm::Md5Unless,
    signs_error: false,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011987741>. WeChat asks for the merchant's TLS certificate; plain HTTP has none.
pub(crate) const REFUND: Form = Form {
    path: "/secapi/pay/refund",
    fields: &[
        APPID,
        MCH_ID,
        NONCE,
        TRANSACTION_ID,
        ANY_TRADE_NO,
        field("out_refund_no", true, Kind::Text(64)),
        TOTAL_FEE,
        field("refund_fee", true, Kind::Positive),
        optional("refund_fee_type", 8),
        optional("refund_desc", 80),
        optional("refund_account", 30),
        field("notify_url", false, Kind::NotifyUrl),
    ],
    algorithm: Algorithm::Md5Unless,
    signs_error: false,
};

/// <https://pay.weixin.qq.com/doc/v2/merchant/4011987766>
pub(crate) const REFUND_QUERY: Form = Form {
    path: "/pay/refundquery",
    fields: &[
        APPID,
        MCH_ID,
        NONCE,
        optional("refund_id", 32),
        optional("out_refund_no", 64),
        TRANSACTION_ID,
        ANY_TRADE_NO,
        field("offset", false, Kind::Number),
    ],
    algorithm: Algorithm::Md5Unless,
    signs_error: false,
};
