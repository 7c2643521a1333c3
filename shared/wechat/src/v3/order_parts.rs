//! What an order may say besides what it must: goods, shop, page, profit sharing.

use domain::Fen;
use serde::Serialize;

use crate::{Invalid, check};

/// The rest of an order; nothing of it by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderDetails {
    /// Mark of a coupon (订单优惠标记), at most 32 characters.
    pub goods_tag: Option<String>,
    /// Whether the user can ask for an e-invoice.
    pub support_fapiao: Option<bool>,
    /// The goods, for coupons of single goods.
    pub detail: Option<Detail>,
    /// Device or shop window, at most 32 characters.
    pub device_id: Option<String>,
    /// The shop.
    pub store: Option<Store>,
    /// The page or app that the user pays in, of an H5 order.
    pub app: H5App,
    /// Whether the money is frozen for profit sharing.
    pub profit_sharing: Option<bool>,
}

/// The goods of an order (优惠功能).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// The price before coupons, fen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_price: Option<Fen>,
    /// Number of the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<String>,
    /// At least one.
    pub goods_detail: Vec<Goods>,
}

/// One kind of goods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Goods {
    /// At most 32 letters, digits and `_ -`.
    pub merchant_goods_id: String,
    /// WeChat's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechatpay_goods_id: Option<String>,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods_name: Option<String>,
    /// How many.
    pub quantity: u32,
    /// Of one of them.
    pub unit_price: Fen,
}

/// A shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Store {
    /// The merchant's number of it.
    pub id: String,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Administrative division.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area_code: Option<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What shows an H5 payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct H5App {
    /// Its name, at most 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<String>,
    /// Its address, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_url: Option<String>,
    /// iOS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<String>,
    /// Android.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package_name: Option<String>,
}

/// The whole of `detail`.
const DETAIL_BYTES: usize = 6144;

impl OrderDetails {
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        optional("goods_tag", self.goods_tag.as_deref(), 32)?;
        optional("scene_info.device_id", self.device_id.as_deref(), 32)?;
        self.detail.as_ref().map_or(Ok(()), Detail::check)?;
        self.store.as_ref().map_or(Ok(()), Store::check)?;
        self.app.check()
    }
}

impl Detail {
    fn check(&self) -> Result<(), Invalid> {
        optional("detail.invoice_id", self.invoice_id.as_deref(), 32)?;
        check::holds(!self.goods_detail.is_empty(), "detail.goods_detail", "at least one")?;
        self.goods_detail.iter().try_for_each(Goods::check)?;
        let bytes = serde_json::to_string(self).map_or(usize::MAX, |json| json.len());
        check::holds(bytes <= DETAIL_BYTES, "detail", "at most 6144 bytes")
    }
}

impl Goods {
    fn check(&self) -> Result<(), Invalid> {
        check::goods_id("merchant_goods_id", &self.merchant_goods_id)?;
        optional("wechatpay_goods_id", self.wechatpay_goods_id.as_deref(), 32)?;
        optional("goods_name", self.goods_name.as_deref(), 256)?;
        check::holds(self.quantity > 0, "quantity", "at least 1")
    }
}

impl Store {
    fn check(&self) -> Result<(), Invalid> {
        check::characters("store_info.id", &self.id, 32)?;
        optional("store_info.name", self.name.as_deref(), 256)?;
        optional("store_info.area_code", self.area_code.as_deref(), 32)?;
        optional("store_info.address", self.address.as_deref(), 512)
    }
}

impl H5App {
    fn check(&self) -> Result<(), Invalid> {
        optional("h5_info.app_name", self.app_name.as_deref(), 64)?;
        optional("h5_info.app_url", self.app_url.as_deref(), 128)?;
        optional("h5_info.bundle_id", self.bundle_id.as_deref(), 128)?;
        optional("h5_info.package_name", self.package_name.as_deref(), 128)
    }
}

fn optional(field: &'static str, value: Option<&str>, max: usize) -> Result<(), Invalid> {
    value.map_or(Ok(()), |value| check::characters(field, value, max))
}
