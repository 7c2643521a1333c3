//! What is to be bought, checked against catalogue and token.

use domain::{AppId, Channel};
use http_api::{Problem, User};
use setup::{Catalogue, Product, ProductKind};
use wechat::v3::{H5Kind, Payment};

use super::wanted::{appid_in, paying, sold};
use crate::view::NewPurchase;

/// The longest `attach`: characters (V3 page, 7.1).
const LONGEST_METADATA: usize = 128;

/// A product that this user may buy in this channel.
pub(crate) struct Goods<'a> {
    pub(crate) product: &'a Product,
    pub(crate) channel: Channel,
    pub(crate) appid: &'a AppId,
    pub(crate) payment: Payment,
    pub(crate) metadata: Option<&'a str>,
}

impl<'a> Goods<'a> {
    /// Catalogue prices only; who pays from the token.
    pub(crate) fn check(catalogue: &'a Catalogue, user: &User, new: &'a NewPurchase) -> Result<Self, Problem> {
        let product = sold(catalogue, user, &new.product, ProductKind::OneOff)?;
        let channel = Channel::from(new.channel);
        let appid = appid_in(product, channel)?;
        let metadata = new.metadata.as_deref().filter(|text| !text.is_empty());
        metadata.map_or(Ok(()), check_metadata)?;
        let payment = match channel {
            Channel::App => Payment::App,
            Channel::OfficialAccount | Channel::MiniProgram => Payment::Jsapi { openid: paying(user, appid)?.clone() },
            Channel::Native => Payment::Native,
            Channel::H5 => Payment::H5 { kind: H5Kind::Wap },
        };
        Ok(Self { product, channel, appid, payment, metadata })
    }
}

/// It goes to WeChat as `attach`.
fn check_metadata(text: &str) -> Result<(), Problem> {
    let fits = |c: char| c.len_utf8() <= 3 && !c.is_control();
    if text.chars().count() <= LONGEST_METADATA && text.chars().all(fits) {
        Ok(())
    } else {
        Err(Problem::invalid("metadata", "at most 128 characters, no control characters, no emoji"))
    }
}
