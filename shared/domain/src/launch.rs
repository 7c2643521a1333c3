//! What the user's client starts paying or signing with, and the request that it was obtained by.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the user pays or signs (支付场景).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A mobile app.
    App,
    /// A page inside WeChat (公众号).
    OfficialAccount,
    /// A mini program (小程序).
    MiniProgram,
    /// A QR code.
    Native,
    /// A browser outside WeChat.
    H5,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::App, Self::OfficialAccount, Self::MiniProgram, Self::Native, Self::H5];

    /// Its name in configuration and requests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::OfficialAccount => "official_account",
            Self::MiniProgram => "mini_program",
            Self::Native => "native",
            Self::H5 => "h5",
        }
    }

    /// V2 `trade_type` of an order in it.
    #[must_use]
    pub fn trade_type(self) -> &'static str {
        match self {
            Self::App => "APP",
            Self::OfficialAccount | Self::MiniProgram => "JSAPI",
            Self::Native => "NATIVE",
            Self::H5 => "MWEB",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A request to WeChat, exactly as it is sent: on record before it is sent, so that it can be repeated unchanged.
///
/// It holds a signature and perhaps an openid, so it does not show in `Debug` output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestText(String);

impl RequestText {
    /// The request of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RequestText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

/// What WeChat answered for the user's client to start with. Each part has a life of its own, counted from `obtained_at`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// `prepay_id`, for two hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepay_id: Option<String>,
    /// `code_url` of NATIVE, for two hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_url: Option<String>,
    /// `mweb_url` of MWEB, V3's `h5_url`, for five minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mweb_url: Option<String>,
    /// `pre_entrustweb_id` of APP pure signing, for two minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_entrustweb_id: Option<String>,
    /// `miniprogram_username` of APP pure signing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miniprogram_username: Option<String>,
    /// `miniprogram_path` of APP pure signing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miniprogram_path: Option<String>,
    /// `redirect_url` of H5 pure signing, for ten minutes and one visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// When WeChat answered.
    pub obtained_at: Timestamp,
}

impl Launch {
    /// Nothing yet, obtained now.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self {
            prepay_id: None,
            code_url: None,
            mweb_url: None,
            pre_entrustweb_id: None,
            miniprogram_username: None,
            miniprogram_path: None,
            redirect_url: None,
            obtained_at: now,
        }
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch").field("obtained_at", &self.obtained_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_what_it_obtained_do_not_show_in_debug_output() {
        let launch = Launch { prepay_id: Some("wx2016".into()), ..Launch::at(Timestamp::UNIX_EPOCH) };
        let shown = format!("{:?} {launch:?}", RequestText::new("<xml><openid>oUpF8</openid></xml>"));
        assert_eq!(shown, "[33 bytes] Launch { obtained_at: 1970-01-01T00:00:00Z, .. }");
    }

    #[test]
    fn a_channel_is_called_the_same_everywhere() {
        for channel in Channel::ALL {
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.as_str());
        }
    }
}
