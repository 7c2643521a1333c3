//! Pure signing (纯签约): the user signs and pays nothing. Four ways, of which two call WeChat.

use std::collections::BTreeMap;
use std::net::IpAddr;

use domain::AppId;
use verify::SignAlgorithm;

use crate::answer::Received;
use crate::errors::{Said, tables};
use crate::fields::Fields;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Hosts, Invalid, Keys, Moment, Offer, Signing, check};

/// WeChat answers 502 to a longer address.
const URL_BYTES: usize = 1024;

/// In WeChat's own browser (公众号纯签约): an address that the page opens. WeChat is not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntrustWeb {
    /// The official account.
    pub appid: AppId,
    /// What is signed.
    pub signing: Signing,
    /// Where the signing is told.
    pub notify_url: String,
    /// After signing, back to the page that the user came from.
    pub return_web: bool,
}

/// In our mobile app (APP纯签约): `POST /papay/preentrustweb`, on the user's click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreEntrustWeb {
    /// The mobile app.
    pub appid: AppId,
    /// What is signed.
    pub signing: Signing,
    /// Where the signing is told.
    pub notify_url: String,
    /// After signing, back to the app.
    pub return_app: bool,
}

/// In a browser outside WeChat (H5纯签约): `GET /papay/h5entrustweb`.
#[derive(Clone, PartialEq, Eq)]
pub struct H5EntrustWeb {
    /// Any of the merchant's.
    pub appid: AppId,
    /// What is signed.
    pub signing: Signing,
    /// Where the signing is told.
    pub notify_url: String,
    /// The user's public address.
    pub client_ip: IpAddr,
    /// The app to go back to after signing.
    pub return_appid: Option<AppId>,
}

/// In our mini program (小程序纯签约): data that it hands to WeChat's. WeChat is not called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MiniProgramSigning {
    /// The mini program.
    pub appid: AppId,
    /// What is signed.
    pub signing: Signing,
    /// Where the signing is told.
    pub notify_url: String,
}

impl EntrustWeb {
    /// The address, signed over the raw values and escaped once.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule; an address has at most 1024 bytes.
    pub fn url(&self, keys: &Keys, at: &Moment, hosts: &Hosts) -> Result<String, Invalid> {
        let query = self.fields(keys, at)?.signed_query(keys, SignAlgorithm::Md5)?;
        let url = format!("{}/papay/entrustweb?{query}", hosts.first());
        check_length(url.len())?;
        Ok(url)
    }

    pub(crate) fn fields(&self, keys: &Keys, at: &Moment) -> Result<Fields, Invalid> {
        let fields = common(&self.appid, &self.signing, &self.notify_url, keys, at)?.with("version", "1.0");
        Ok(fields.with_optional("return_web", self.return_web.then_some("1")))
    }
}

impl MiniProgramSigning {
    /// The data, signed.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn offer(&self, keys: &Keys, at: &Moment) -> Result<Offer, Invalid> {
        let fields = self.fields(keys, at)?;
        let sign = fields.sign(keys, SignAlgorithm::Md5)?;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut extra_data: BTreeMap<_, _> = fields.iter().map(owned).collect();
        extra_data.insert("sign".to_owned(), sign);
        Ok(Offer::MiniProgram { extra_data })
    }

    pub(crate) fn fields(&self, keys: &Keys, at: &Moment) -> Result<Fields, Invalid> {
        common(&self.appid, &self.signing, &self.notify_url, keys, at)
    }
}

impl PreEntrustWeb {
    /// Checks and signs the request.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        let fields = common(&self.appid, &self.signing, &self.notify_url, keys, at)?.with("version", "1.0");
        super::prepared(&fields.with_optional("return_app", self.return_app.then_some("Y")), keys)
    }
}

impl H5EntrustWeb {
    /// Checks and signs the request. This one is signed by HMAC-SHA256, which is meant where `sign_type` is not sent.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule; the address has at most 1024 bytes.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        let query = self.fields(keys, at)?.signed_query(keys, SignAlgorithm::HmacSha256)?;
        let target = format!("{}?{query}", Self::ROUTE.path);
        let hosts = Hosts::default();
        check_length(hosts.first().len().max(hosts.second().len()).saturating_add(target.len()))?;
        Ok(Prepared::new(target, ""))
    }

    pub(crate) fn fields(&self, keys: &Keys, at: &Moment) -> Result<Fields, Invalid> {
        let fields = common(&self.appid, &self.signing, &self.notify_url, keys, at)?.with("version", "1.0");
        let return_appid = self.return_appid.as_ref().map(AppId::as_str);
        Ok(fields
            .with("clientip", self.client_ip.to_canonical().to_string())
            .with_optional("return_appid", return_appid))
    }
}

/// The fields of all four; none of them takes a `nonce_str`.
fn common(appid: &AppId, signing: &Signing, notify_url: &str, keys: &Keys, at: &Moment) -> Result<Fields, Invalid> {
    let fields = signing.fields(Fields::new(appid, keys), "outerid")?.notify_url("notify_url", notify_url)?;
    Ok(fields.with("timestamp", at.seconds().to_string()))
}

fn check_length(bytes: usize) -> Result<(), Invalid> {
    check::holds(bytes <= URL_BYTES, "url", "at most 1024 bytes: a shorter notify_url or display account")
}

impl sealed::Known for PreEntrustWeb {}

impl Call for PreEntrustWeb {
    type Answer = Offer;

    const ROUTE: Route = Route {
        name: "preentrustweb",
        path: "/papay/preentrustweb",
        form: Form::V2,
        certificate: false,
        // Within two hours, says the page.
        repeatable: true,
        asks_only: false,
        errors: tables::PRE_SIGNING,
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let opened = received.v2()?;
        let fields = opened.success()?;
        let text = |name| fields.trimmed(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let pre_entrustweb_id = text("pre_entrustweb_id");
        Ok(Offer::PreEntrust {
            pre_entrustweb_id: pre_entrustweb_id
                .ok_or_else(|| CallError::unreadable(&Self::ROUTE, "pre_entrustweb_id"))?,
            miniprogram_username: text("miniprogram_username"),
            miniprogram_path: text("miniprogram_path"),
        })
    }
}

impl sealed::Known for H5EntrustWeb {}

impl Call for H5EntrustWeb {
    type Answer = Offer;

    const ROUTE: Route = Route {
        name: "h5entrustweb",
        path: "/papay/h5entrustweb",
        form: Form::V2Query,
        certificate: false,
        repeatable: false,
        asks_only: false,
        errors: tables::PRE_SIGNING,
    };

    /// The answer is not signed. It leads a browser to a page and proves nothing; `querycontract` does.
    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let fields = received.v2_unsigned()?;
        let text = |name| fields.trimmed(name).filter(|value| !value.is_empty());
        if (text("return_code"), text("result_code")) != (Some("SUCCESS"), Some("SUCCESS")) {
            // The code stands where other calls have a text.
            let said = text("result_msg").or(text("return_msg")).unwrap_or_default();
            let code = Some(said).filter(|said| said.is_ascii() && !said.is_empty());
            return Err(CallError::refused(&Self::ROUTE, Said { code, text: said }, false));
        }
        let url = text("redirect_url").filter(|url| url.parse().is_ok_and(|uri| check::is_safe_origin(&uri)));
        let redirect_url = url.ok_or_else(|| CallError::unreadable(&Self::ROUTE, "redirect_url"))?.to_owned();
        Ok(Offer::H5 { redirect_url })
    }
}

/// Without the user's address.
impl std::fmt::Debug for H5EntrustWeb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H5EntrustWeb").field("signing", &self.signing).finish_non_exhaustive()
    }
}
