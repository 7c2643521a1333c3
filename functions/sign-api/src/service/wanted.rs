//! What is wanted, checked against catalogue and token.

use domain::{AppId, Channel, OpenId, PlanId, ProductId};
use http_api::{Problem, User};
use lambda_http::http::StatusCode;
use setup::{Catalogue, Product, ProductKind};

use crate::view::NewAttempt;

/// The longest `attach`: bytes (V2 page, 2.1).
const LONGEST_METADATA: usize = 127;

/// Whether something is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// 支付中签约
    PayAndSign,
    /// 纯签约
    SignOnly,
}

impl Mode {
    /// The route, as idempotency keys are kept by it.
    pub(crate) fn route(self) -> &'static str {
        match self {
            Self::PayAndSign => "POST subscriptions",
            Self::SignOnly => "POST contracts",
        }
    }
}

/// A product that this user may have in this channel.
#[derive(Clone)]
pub(crate) struct Wanted<'a> {
    pub(crate) mode: Mode,
    pub(crate) product: &'a Product,
    pub(crate) plan_id: &'a PlanId,
    pub(crate) channel: Channel,
    pub(crate) appid: &'a AppId,
    /// Who pays, where WeChat wants to know it beforehand.
    pub(crate) payer: Option<&'a OpenId>,
    /// Who signs, where the token says it of this application.
    pub(crate) signer: Option<&'a OpenId>,
    pub(crate) account: &'a str,
    pub(crate) metadata: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// Catalogue prices and plans only; openid and account from the token.
    pub(crate) fn check(
        catalogue: &'a Catalogue,
        user: &'a User,
        new: &'a NewAttempt,
        mode: Mode,
    ) -> Result<Self, Problem> {
        let product = sold(catalogue, user, &new.product, ProductKind::Subscription)?;
        let plan_id = product.plan_id.as_ref().ok_or_else(Problem::internal)?;
        let channel = Channel::from(new.channel);
        if mode == Mode::SignOnly && channel == Channel::Native {
            return Err(Problem::invalid(
                "channel",
                "app, official_account, mini_program or h5: a QR code is for paying",
            ));
        }
        let appid = appid_in(product, channel)?;
        let metadata = new.metadata.as_deref().filter(|text| !text.is_empty());
        metadata.map_or(Ok(()), check_metadata)?;
        let payer = match (mode, channel) {
            (Mode::PayAndSign, Channel::OfficialAccount | Channel::MiniProgram) => Some(paying(user, appid)?),
            (Mode::PayAndSign | Mode::SignOnly, _) => None,
        };
        let account = user.display_account.as_deref();
        let account = account.ok_or_else(|| claim_needed("display_account", "what WeChat shows as the account"))?;
        let signer = payer.or_else(|| user.openid_of(appid));
        Ok(Self { mode, product, plan_id, channel, appid, payer, signer, account, metadata })
    }
}

/// The merchant's product of this kind.
pub(super) fn sold<'a>(
    catalogue: &'a Catalogue,
    user: &User,
    id: &str,
    kind: ProductKind,
) -> Result<&'a Product, Problem> {
    let product = ProductId::parse(id).ok().and_then(|id| catalogue.product(&id));
    product.filter(|product| product.mch_id == user.mch_id && product.kind == kind).ok_or_else(|| {
        let rule = match kind {
            ProductKind::Subscription => "a subscription of the catalogue",
            ProductKind::OneOff => "a one-off product of the catalogue",
        };
        Problem::invalid("product", rule)
    })
}

/// The application of the channel.
pub(super) fn appid_in(product: &Product, channel: Channel) -> Result<&AppId, Problem> {
    product.appids.get(&channel).ok_or_else(|| Problem::invalid("channel", "one that the product is offered in"))
}

/// Who pays inside WeChat.
pub(super) fn paying<'a>(user: &'a User, appid: &AppId) -> Result<&'a OpenId, Problem> {
    user.openid(appid).ok_or_else(|| claim_needed("openid", "who pays, under the channel's appid"))
}

/// It goes to WeChat as `attach`, which is signed without any escaping.
fn check_metadata(text: &str) -> Result<(), Problem> {
    let fits = |c: char| c.len_utf8() <= 3 && !c.is_control() && c != '&' && c != '=';
    if text.len() <= LONGEST_METADATA && text.chars().all(fits) && text.trim() == text {
        Ok(())
    } else {
        let rule = "at most 127 bytes, neither & nor =, no control characters, no emoji, no blank at either end";
        Err(Problem::invalid("metadata", rule))
    }
}

fn claim_needed(claim: &'static str, why: &'static str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "claim_needed", "The token lacks a claim that this call needs")
        .field(claim)
        .detail(why)
}
