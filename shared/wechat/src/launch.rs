//! What the user's client opens WeChat with (调起支付, 调起签约), in the names that WeChat's SDKs take.

use std::collections::BTreeMap;

use serde::Serialize;
use verify::sign::{v2, v3};

/// What the user's client does.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "params")]
pub enum Launch {
    /// The app calls the SDK's pay request.
    App(v2::AppLaunch),
    /// The page or mini program calls `getBrandWCPayRequest` or `wx.requestPayment`.
    Jsapi(v2::JsapiLaunch),
    /// As [`Launch::App`], for a V3 order.
    #[serde(rename = "App")]
    V3App(v3::AppLaunch),
    /// As [`Launch::Jsapi`], for a V3 order.
    #[serde(rename = "Jsapi")]
    V3Jsapi(v3::JsapiLaunch),
    /// The page draws a QR code.
    Native {
        /// What the code says.
        code_url: String,
    },
    /// The page goes to this address.
    Mweb {
        /// From a domain that the merchant has configured.
        mweb_url: String,
    },
    /// The app calls the SDK's `WXLaunchMiniProgram`.
    #[serde(rename = "WXLaunchMiniProgram")]
    WxLaunchMiniProgram(SigningMiniProgram),
    /// The app calls the SDK's `WXOpenBusinessWebview`.
    #[serde(rename = "WXOpenBusinessWebview", rename_all = "camelCase")]
    WxOpenBusinessWebview {
        /// 12: signing.
        business_type: u8,
        /// What is signed.
        query_info: PreEntrustInfo,
    },
    /// The page goes to this address.
    Page {
        /// WeChat's signing page.
        url: String,
    },
    /// The mini program calls `wx.navigateToMiniProgram`.
    NavigateToMiniProgram(MiniProgram),
}

/// WeChat's signing mini program, as the app's SDK opens it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningMiniProgram {
    /// Its original id.
    pub user_name: String,
    /// Its page, with what is signed.
    pub path: String,
    /// 0: the released version.
    pub miniprogram_type: u8,
}

/// What is signed, for the old way.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PreEntrustInfo {
    /// From `preentrustweb`.
    pub pre_entrustweb_id: String,
}

/// WeChat's signing mini program, as a mini program opens it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MiniProgram {
    /// WeChat's.
    pub app_id: &'static str,
    /// Its page.
    pub path: &'static str,
    /// What is signed.
    pub extra_data: BTreeMap<String, String>,
}

impl MiniProgram {
    pub(crate) fn with(extra_data: BTreeMap<String, String>) -> Self {
        Self { app_id: "wxbd687630cd02ce1d", path: "pages/index/index", extra_data }
    }
}

/// Whoever holds them can pay or sign in the user's place.
impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::App(_) => "App",
            Self::Jsapi(_) => "Jsapi",
            Self::V3App(_) => "V3App",
            Self::V3Jsapi(_) => "V3Jsapi",
            Self::Native { .. } => "Native",
            Self::Mweb { .. } => "Mweb",
            Self::WxLaunchMiniProgram(_) => "WXLaunchMiniProgram",
            Self::WxOpenBusinessWebview { .. } => "WXOpenBusinessWebview",
            Self::Page { .. } => "Page",
            Self::NavigateToMiniProgram(_) => "NavigateToMiniProgram",
        })
    }
}
