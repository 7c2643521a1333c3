//! Pay and sign (支付中签约): `POST /pay/contractorder`.

use std::net::IpAddr;

use domain::{AppId, Fen, OpenId, OutTradeNo, Timestamp};
use jiff::SignedDuration;
use jiff::tz::{Offset, TimeZone};
use verify::V2Fields;

use crate::answer::Received;
use crate::errors::tables;
use crate::fields::Fields;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, Offer, Signing, check};

/// One page says that an order may end one minute after its start, another five.
const SHORTEST: SignedDuration = SignedDuration::from_mins(5);

/// An order with a contract: the user pays, and ticks that he signs.
#[derive(Clone, PartialEq, Eq)]
pub struct ContractOrder {
    /// The application of the scene.
    pub appid: AppId,
    /// Our order number, 6 to 32 characters.
    pub out_trade_no: OutTradeNo,
    /// What is sold: the title of the paying page, at most 127 bytes.
    pub body: String,
    /// Its details, at most 8192 bytes.
    pub detail: Option<String>,
    /// Comes back unchanged in notice and query; at most 127 bytes, neither `&` nor `=`.
    pub attach: Option<String>,
    /// At least 1 fen.
    pub total: Fen,
    /// The user's address, for NATIVE the server's. The field takes IPv4 alone.
    pub client_ip: IpAddr,
    /// When the order begins.
    pub time_start: Option<Timestamp>,
    /// Until when it can be paid, at least five minutes later. It does not close by itself.
    pub time_expire: Option<Timestamp>,
    /// Where the payment is told.
    pub notify_url: String,
    /// Where the signing is told, and only that: a termination goes to the template's address.
    pub contract_notify_url: String,
    /// How the user pays.
    pub payment: Payment,
    /// What he signs.
    pub signing: Signing,
    /// No credit cards (`limit_pay`).
    pub no_credit: bool,
    /// For coupons.
    pub goods_tag: Option<String>,
    /// A terminal.
    pub device_info: Option<String>,
}

/// How the user pays (`trade_type`).
#[derive(Clone, PartialEq, Eq)]
pub enum Payment {
    /// In our mobile app.
    App,
    /// In our official account or mini program, as this user of it.
    Jsapi {
        /// The user under the order's appid.
        openid: OpenId,
    },
    /// By QR code.
    Native {
        /// Our product, at most 32 bytes.
        product_id: String,
    },
    /// In a browser outside WeChat (H5).
    Mweb,
}

/// An order that WeChat has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractOrderAnswer {
    /// What the user pays with.
    pub offer: Offer,
    /// Whether the paying page will offer the contract.
    pub presign: Presign,
}

/// Whether the paying page will offer the contract (预签约). It is never proof that anything is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presign {
    /// It will.
    Offered,
    /// The user has this contract (已签约): the page is the ordinary cashier.
    AlreadySigned,
    /// The page is the ordinary cashier: it takes money and signs nothing.
    Failed {
        /// `contract_err_code`.
        code: String,
        /// `contract_err_code_des`.
        description: String,
    },
}

impl ContractOrder {
    /// Checks and signs the request.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        super::prepared(&self.fields(keys, at)?, keys)
    }

    pub(crate) fn fields(&self, keys: &Keys, at: &Moment) -> Result<Fields, Invalid> {
        check::out_trade_no(self.out_trade_no.as_str())?;
        self.check_times()?;
        let fields = Fields::new(&self.appid, keys)
            .with("contract_mchid", keys.mch_id())
            .with("contract_appid", self.appid.as_str())
            .with("out_trade_no", self.out_trade_no.as_str())
            .optional_text("device_info", self.device_info.as_deref(), 32)?
            .with("nonce_str", at.nonce())
            .text("body", &self.body, 127)?
            .optional_text("detail", self.detail.as_deref(), 8192)?
            .optional_text("attach", self.attach.as_deref(), 127)?
            .notify_url("notify_url", &self.notify_url)?
            .amount("total_fee", self.total)?
            .with("spbill_create_ip", check::ipv4("spbill_create_ip", self.client_ip)?)
            .with_optional("time_start", self.time_start.map(compact).as_deref())
            .with_optional("time_expire", self.time_expire.map(compact).as_deref())
            .optional_text("goods_tag", self.goods_tag.as_deref(), 32)?
            .with_optional("limit_pay", self.no_credit.then_some("no_credit"))
            .notify_url("contract_notify_url", &self.contract_notify_url)?;
        self.signing.fields(self.payment.fields(fields)?, "contract_outerid")
    }

    fn check_times(&self) -> Result<(), Invalid> {
        let long_enough = match (self.time_start, self.time_expire) {
            (Some(start), Some(end)) => end.duration_since(start) >= SHORTEST,
            _ => true,
        };
        check::holds(long_enough, "time_expire", "at least five minutes after time_start")
    }
}

impl Payment {
    /// As WeChat writes it.
    #[must_use]
    pub fn trade_type(&self) -> &'static str {
        match self {
            Self::App => "APP",
            Self::Jsapi { .. } => "JSAPI",
            Self::Native { .. } => "NATIVE",
            Self::Mweb => "MWEB",
        }
    }

    fn fields(&self, fields: Fields) -> Result<Fields, Invalid> {
        let fields = fields.with("trade_type", self.trade_type());
        match self {
            Self::App | Self::Mweb => Ok(fields),
            Self::Jsapi { openid } => fields.text("openid", openid.as_str(), 128),
            Self::Native { product_id } => fields.text("product_id", product_id, 32),
        }
    }
}

impl sealed::Known for ContractOrder {}

impl Call for ContractOrder {
    type Answer = ContractOrderAnswer;

    const ROUTE: Route = Route {
        name: "contractorder",
        path: "/pay/contractorder",
        form: Form::V2,
        certificate: false,
        repeatable: true,
        asks_only: false,
        errors: tables::CONTRACT_ORDER,
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let opened = received.v2()?;
        let fields = opened.success()?;
        let offer = offer(fields).map_err(|field| CallError::unreadable(&Self::ROUTE, field))?;
        Ok(ContractOrderAnswer { offer, presign: presign(fields) })
    }
}

/// What the order's trade type needs; else the field that is missing.
fn offer(fields: &V2Fields<'_>) -> Result<Offer, &'static str> {
    let required =
        |name: &'static str| fields.trimmed(name).filter(|value| !value.is_empty()).map(str::to_owned).ok_or(name);
    let prepay_id = required("prepay_id")?;
    match fields.trimmed("trade_type") {
        Some("APP") => Ok(Offer::App { prepay_id }),
        Some("JSAPI") => Ok(Offer::Jsapi { prepay_id }),
        Some("NATIVE") => Ok(Offer::Native { code_url: required("code_url")?, prepay_id }),
        Some("MWEB") => Ok(Offer::Mweb { mweb_url: required("mweb_url")?, prepay_id }),
        _ => Err("trade_type"),
    }
}

/// Absent means that nothing failed: the official sample has no result of it.
fn presign(fields: &V2Fields<'_>) -> Presign {
    match fields.trimmed("contract_result_code") {
        None | Some("" | "SUCCESS") => Presign::Offered,
        Some(_) => {
            let text = |name| fields.trimmed(name).unwrap_or_default().to_owned();
            let (code, description) = (text("contract_err_code"), text("contract_err_code_des"));
            if description.contains("已签约") {
                Presign::AlreadySigned
            } else {
                Presign::Failed { code, description }
            }
        }
    }
}

/// `yyyyMMddHHmmss`, Beijing time.
fn compact(time: Timestamp) -> String {
    const BEIJING: Offset = jiff::tz::offset(8);
    time.to_zoned(TimeZone::fixed(BEIJING)).strftime("%Y%m%d%H%M%S").to_string()
}

/// Without the user.
impl std::fmt::Debug for ContractOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContractOrder")
            .field("out_trade_no", &self.out_trade_no)
            .field("total", &self.total)
            .field("trade_type", &self.payment.trade_type())
            .field("signing", &self.signing)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Payment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.trade_type())
    }
}
