//! Make an order (下单): `POST /v3/pay/transactions/{app, jsapi, native, h5}`.

use std::net::IpAddr;

use domain::{AppId, Fen, OpenId, OutTradeNo, Timestamp};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::order_parts::{Detail, H5App, OrderDetails, Store};
use super::{Amount, beijing, posted, route, tables};
use crate::answer::Received;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, Offer, check};

/// WeChat raises what is earlier silently.
const SHORTEST: SignedDuration = SignedDuration::from_mins(1);
/// WeChat closes unpaid orders after seven days; what becomes of one that may be paid longer is not documented.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A one-off payment. Sent again with the same body while it is unpaid, it gets a fresh `prepay_id`; with another one it is refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    /// The application that the user pays in; an APP payment needs the mobile application's.
    pub appid: AppId,
    /// Our number, 6 to 32 characters; never used twice.
    pub out_trade_no: OutTradeNo,
    /// What the user reads, at most 127 characters.
    pub description: String,
    /// At least 1 fen.
    pub total: Fen,
    /// How the user pays.
    pub payment: Payment,
    /// Where the payment is told.
    pub notify_url: String,
    /// Until when it can be paid: from a minute to seven days ahead; seven days if it is left out.
    pub time_expire: Option<Timestamp>,
    /// Comes back in query, notice and bill; at most 128 characters.
    pub attach: Option<String>,
    /// The user's address; an H5 order needs it.
    pub client_ip: Option<IpAddr>,
    /// The rest.
    pub more: OrderDetails,
}

/// How an order is paid.
#[derive(Clone, PartialEq, Eq)]
pub enum Payment {
    /// In our mobile app.
    App,
    /// In our official account or mini program, by this user of it.
    Jsapi {
        /// Under the order's appid.
        openid: OpenId,
    },
    /// By QR code.
    Native,
    /// In a browser outside WeChat.
    H5 {
        /// What the browser runs on.
        kind: H5Kind,
    },
}

/// What an H5 payment is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum H5Kind {
    /// A page, or unknown.
    Wap,
    /// An app on iOS.
    #[serde(rename = "iOS")]
    Ios,
    /// An app on Android.
    Android,
}

#[derive(Serialize)]
struct Body<'a> {
    appid: &'a str,
    mchid: &'a str,
    description: &'a str,
    out_trade_no: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_expire: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attach: Option<&'a str>,
    notify_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    goods_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    support_fapiao: Option<bool>,
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a Detail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene_info: Option<SceneInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_info: Option<SettleInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<Payer<'a>>,
}

#[derive(Serialize)]
struct SceneInfo<'a> {
    payer_client_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_info: Option<&'a Store>,
    #[serde(skip_serializing_if = "Option::is_none")]
    h5_info: Option<H5Info<'a>>,
}

#[derive(Serialize)]
struct H5Info<'a> {
    r#type: H5Kind,
    #[serde(flatten)]
    app: &'a H5App,
}

#[derive(Serialize)]
struct SettleInfo {
    profit_sharing: bool,
}

#[derive(Serialize)]
struct Payer<'a> {
    openid: &'a str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Placed {
    prepay_id: Option<String>,
    code_url: Option<String>,
    h5_url: Option<String>,
}

impl Order {
    /// Checks the order. It is signed when it is sent, each time anew.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        check::out_trade_no(self.out_trade_no.as_str())?;
        check::characters("description", &self.description, 127)?;
        self.attach.as_deref().map_or(Ok(()), |attach| check::characters("attach", attach, 128))?;
        check::notify_url_of("notify_url", &self.notify_url, 255)?;
        self.check_time(at.now())?;
        self.more.check()?;
        let target = format!("{}{}", Self::ROUTE.path, self.payment.path());
        posted(keys, target, &self.body(keys)?)
    }

    fn body<'a>(&'a self, keys: &'a Keys) -> Result<Body<'a>, Invalid> {
        let more = &self.more;
        Ok(Body {
            appid: self.appid.as_str(),
            mchid: keys.mch_id(),
            description: &self.description,
            out_trade_no: self.out_trade_no.as_str(),
            time_expire: self.time_expire.map(beijing),
            attach: self.attach.as_deref(),
            notify_url: &self.notify_url,
            goods_tag: more.goods_tag.as_deref(),
            support_fapiao: more.support_fapiao,
            amount: Amount::checked(self.total)?,
            detail: more.detail.as_ref(),
            scene_info: self.scene_info()?,
            settle_info: more.profit_sharing.map(|profit_sharing| SettleInfo { profit_sharing }),
            payer: self.payment.openid().map(|openid| Payer { openid: openid.as_str() }),
        })
    }

    /// The address is what the whole of it cannot be without.
    fn scene_info(&self) -> Result<Option<SceneInfo<'_>>, Invalid> {
        let more = &self.more;
        let h5_info = match &self.payment {
            Payment::H5 { kind } => Some(H5Info { r#type: *kind, app: &more.app }),
            Payment::App | Payment::Jsapi { .. } | Payment::Native => None,
        };
        let needs_address = h5_info.is_some() || more.device_id.is_some() || more.store.is_some();
        let Some(client_ip) = self.client_ip else {
            check::holds(!needs_address, "scene_info.payer_client_ip", "given")?;
            return Ok(None);
        };
        let (device_id, store_info) = (more.device_id.as_deref(), more.store.as_ref());
        let payer_client_ip = client_ip.to_canonical().to_string();
        Ok(Some(SceneInfo { payer_client_ip, device_id, store_info, h5_info }))
    }

    fn check_time(&self, now: Timestamp) -> Result<(), Invalid> {
        let ahead = self.time_expire.map(|end| end.duration_since(now));
        let fits = ahead.is_none_or(|ahead| (SHORTEST..=LONGEST).contains(&ahead));
        check::holds(fits, "time_expire", "from a minute to seven days ahead")
    }
}

impl Payment {
    fn path(&self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Jsapi { .. } => "jsapi",
            Self::Native => "native",
            Self::H5 { .. } => "h5",
        }
    }

    fn openid(&self) -> Option<&OpenId> {
        match self {
            Self::Jsapi { openid } => Some(openid),
            Self::App | Self::Native | Self::H5 { .. } => None,
        }
    }
}

impl sealed::Known for Order {}

impl Call for Order {
    type Answer = Offer;

    const ROUTE: Route = Route { errors: tables::ORDER, ..route("v3-order", "/v3/pay/transactions/", Form::V3) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let placed: Placed = received.v3_json()?;
        let given = |name: &'static str, value: Option<String>| {
            value.filter(|value| !value.is_empty()).ok_or_else(|| CallError::unreadable(&Self::ROUTE, name))
        };
        match received.target.strip_prefix(Self::ROUTE.path) {
            Some("app") => Ok(Offer::V3App { prepay_id: given("prepay_id", placed.prepay_id)? }),
            Some("jsapi") => Ok(Offer::V3Jsapi { prepay_id: given("prepay_id", placed.prepay_id)? }),
            Some("native") => Ok(Offer::V3Native { code_url: given("code_url", placed.code_url)? }),
            Some("h5") => Ok(Offer::V3H5 { h5_url: given("h5_url", placed.h5_url)? }),
            _ => Err(CallError::unreadable(&Self::ROUTE, "request")),
        }
    }
}

/// Without the user.
impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order")
            .field("out_trade_no", &self.out_trade_no)
            .field("total", &self.total)
            .field("payment", &self.payment)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Payment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path())
    }
}
