//! What WeChat gave us to hand to the user, how long it is good for, and what the user's client gets of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use domain::{AppId, Timestamp};
use serde::{Deserialize, Serialize};
use verify::SignAlgorithm;
use verify::sign::v2;

use crate::fields::escaped;
use crate::launch::{Launch, MiniProgram, PreEntrustInfo, SigningMiniProgram};
use crate::{Invalid, Keys, Moment};

/// What the user signs or pays with. It is stored beside the time at which it was obtained.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Offer {
    /// An order paid in our mobile app.
    App {
        /// Two hours.
        prepay_id: String,
    },
    /// An order paid in our official account or mini program.
    Jsapi {
        /// Two hours.
        prepay_id: String,
    },
    /// An order paid by QR code.
    Native {
        /// What the QR code says; two hours.
        code_url: String,
        /// The same order.
        prepay_id: String,
    },
    /// An order paid in a browser outside WeChat.
    Mweb {
        /// Five minutes.
        mweb_url: String,
        /// The same order.
        prepay_id: String,
    },
    /// A V3 order paid in our mobile app.
    V3App {
        /// Two hours.
        prepay_id: String,
    },
    /// A V3 order paid in our official account or mini program.
    V3Jsapi {
        /// Two hours.
        prepay_id: String,
    },
    /// A V3 order paid by QR code.
    V3Native {
        /// What the QR code says; two hours.
        code_url: String,
    },
    /// A V3 order paid in a browser outside WeChat.
    V3H5 {
        /// Five minutes.
        h5_url: String,
    },
    /// A contract signed in our mobile app; two minutes.
    PreEntrust {
        /// For the old way.
        pre_entrustweb_id: String,
        /// For the new way: WeChat's mini program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        miniprogram_username: Option<String>,
        /// Its page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        miniprogram_path: Option<String>,
    },
    /// A contract signed in a browser outside WeChat.
    H5 {
        /// Ten minutes, one visit.
        redirect_url: String,
    },
    /// A contract signed in our mini program.
    MiniProgram {
        /// Signed by us, with the time.
        extra_data: BTreeMap<String, String>,
    },
}

const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);

/// WeChat takes a signed time that is about five minutes off.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

impl Offer {
    /// How long it is good for.
    #[must_use]
    pub fn life(&self) -> Duration {
        match self {
            Self::App { .. } | Self::Jsapi { .. } | Self::Native { .. } => TWO_HOURS,
            Self::V3App { .. } | Self::V3Jsapi { .. } | Self::V3Native { .. } => TWO_HOURS,
            Self::Mweb { .. } | Self::V3H5 { .. } => Duration::from_secs(5 * 60),
            Self::PreEntrust { .. } => Duration::from_secs(2 * 60),
            Self::H5 { .. } => Duration::from_secs(10 * 60),
            Self::MiniProgram { .. } => CLOCK_TOLERANCE,
        }
    }

    /// Whether what was obtained then is still good now. One whose time lies ahead of us is not trusted to be.
    #[must_use]
    pub fn is_fresh(&self, obtained_at: Timestamp, now: Timestamp) -> bool {
        let age = now.duration_since(obtained_at);
        Duration::try_from(age).is_ok_and(|age| age < self.life())
    }

    /// The order's session, which a password-exempt contract can be pre-signed for. What a page or a QR code leads to names none.
    #[must_use]
    pub fn prepay_id(&self) -> Option<&str> {
        match self {
            Self::App { prepay_id }
            | Self::Jsapi { prepay_id }
            | Self::Native { prepay_id, .. }
            | Self::Mweb { prepay_id, .. }
            | Self::V3App { prepay_id }
            | Self::V3Jsapi { prepay_id } => Some(prepay_id),
            Self::V3Native { .. }
            | Self::V3H5 { .. }
            | Self::PreEntrust { .. }
            | Self::H5 { .. }
            | Self::MiniProgram { .. } => None,
        }
    }

    /// What the client opens WeChat with. Parameters are signed anew each time as the order was: by MD5, or a V3 order's by RSA. A browser may be sent back
    /// to `redirect_url` after paying.
    ///
    /// # Errors
    /// [`Invalid`] for what WeChat gave that cannot be signed.
    pub fn launch(
        &self,
        appid: &AppId,
        keys: &Keys,
        at: &Moment,
        redirect_url: Option<&str>,
    ) -> Result<Launch, Invalid> {
        let unsignable = |error: verify::sign::Unsignable| Invalid::unsignable(&error, ["prepay_id", "appid"]);
        let (appid, md5) = (appid.as_str(), SignAlgorithm::Md5);
        Ok(match self {
            Self::App { prepay_id } => {
                let launch = v2::app(appid, keys.mch_id(), prepay_id, at.nonce(), at.seconds(), keys.v2()?, md5);
                Launch::App(launch.map_err(unsignable)?)
            }
            Self::Jsapi { prepay_id } => {
                let launch = v2::jsapi(appid, prepay_id, at.nonce(), at.seconds(), keys.v2()?, md5);
                Launch::Jsapi(launch.map_err(unsignable)?)
            }
            Self::Native { code_url, .. } => Launch::Native { code_url: code_url.clone() },
            Self::Mweb { mweb_url, .. } => Launch::Mweb { mweb_url: with_redirect(mweb_url, redirect_url) },
            Self::V3App { prepay_id } => {
                let launch = keys.v3()?.app(appid, prepay_id, at.nonce(), at.seconds());
                Launch::V3App(launch.map_err(unsignable)?)
            }
            Self::V3Jsapi { prepay_id } => {
                let launch = keys.v3()?.jsapi(appid, prepay_id, at.nonce(), at.seconds());
                Launch::V3Jsapi(launch.map_err(unsignable)?)
            }
            Self::V3Native { code_url } => Launch::Native { code_url: code_url.clone() },
            Self::V3H5 { h5_url } => Launch::Mweb { mweb_url: with_redirect(h5_url, redirect_url) },
            Self::PreEntrust { pre_entrustweb_id, miniprogram_username, miniprogram_path } => {
                pre_entrust(pre_entrustweb_id, miniprogram_username.as_deref(), miniprogram_path.as_deref())
            }
            Self::H5 { redirect_url } => Launch::Page { url: redirect_url.clone() },
            Self::MiniProgram { extra_data } => Launch::NavigateToMiniProgram(MiniProgram::with(extra_data.clone())),
        })
    }
}

/// The address already has a query string.
fn with_redirect(mweb_url: &str, redirect_url: Option<&str>) -> String {
    match redirect_url {
        Some(url) => format!("{mweb_url}&redirect_url={}", escaped(url)),
        None => mweb_url.to_owned(),
    }
}

/// WeChat names its mini program to merchants who may use it; the others have the old way.
fn pre_entrust(pre_entrustweb_id: &str, username: Option<&str>, path: Option<&str>) -> Launch {
    match (username, path) {
        (Some(username), Some(path)) => Launch::WxLaunchMiniProgram(SigningMiniProgram {
            user_name: username.to_owned(),
            path: path.to_owned(),
            miniprogram_type: 0,
        }),
        _ => Launch::WxOpenBusinessWebview {
            business_type: 12,
            query_info: PreEntrustInfo { pre_entrustweb_id: pre_entrustweb_id.to_owned() },
        },
    }
}

/// Whoever holds it can pay or sign in the user's place.
impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::App { .. } => "App",
            Self::Jsapi { .. } => "Jsapi",
            Self::Native { .. } => "Native",
            Self::Mweb { .. } => "Mweb",
            Self::V3App { .. } => "V3App",
            Self::V3Jsapi { .. } => "V3Jsapi",
            Self::V3Native { .. } => "V3Native",
            Self::V3H5 { .. } => "V3H5",
            Self::PreEntrust { .. } => "PreEntrust",
            Self::H5 { .. } => "H5",
            Self::MiniProgram { .. } => "MiniProgram",
        })
    }
}
