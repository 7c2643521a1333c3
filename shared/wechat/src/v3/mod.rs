//! APIv3: one-off orders, their refunds, platform certificates, password-exempt contracts, the daily bill.
//!
//! A prepared request holds the exact body and no signature: time and nonce are signed when it is sent, each time anew. So the
//! stored body of an order can be sent again after two hours, and gives the same order a fresh `prepay_id`.
//!
//! An answer of 200 or 204 is believed if WeChat signed it. Errors may come without a signature: they are a hint for the next safe step
//! then, and never say that nothing was done.

mod abnormal_refund;
mod answer;
mod bill;
mod certificates;
mod close_order;
mod echo;
mod exempt;
mod exempt_contract;
mod numbers;
mod order;
mod order_parts;
mod order_query;
mod refund;
mod tables;
mod told;

pub use abnormal_refund::{AbnormalRefund, RepairTo};
pub(crate) use bill::BillDownload;
pub use bill::{BillAnswer, BillFile, TradeBill};
pub use certificates::{Certificates, PlatformCertificates};
pub use close_order::CloseOrder;
pub use echo::{Echoed, SecurityEcho};
pub use exempt::{PreSign, PreSignAfter, PreSignCaller, PreSigned, SigningSession, User};
pub use exempt_contract::{
    ExemptAnswer, ExemptContract, ExemptQuery, ExemptState, ExemptTermination, ExemptTerminationAsked,
};
pub use order::{H5Kind, Order, Payment};
pub use order_parts::{Detail, Goods, H5App, OrderDetails, Store};
pub use order_query::{OrderAnswer, OrderQuery};
pub use refund::{Refund, RefundAnswer, RefundDetails, RefundFrom, RefundQuery, RefundedGoods};

use domain::{Fen, Timestamp};
use jiff::tz::{Offset, TimeZone};
use serde::Serialize;

use crate::prepared::{Call, Form, Prepared, Route};
use crate::{Invalid, Keys, check};

/// What every V3 call has in common.
const fn route(name: &'static str, path: &'static str, form: Form) -> Route {
    Route {
        name,
        path,
        form,
        certificate: false,
        repeatable: true,
        asks_only: matches!(form, Form::V3Get),
        errors: &[],
    }
}

/// A request with a JSON body. What will sign it when it is sent must be there now.
fn posted<C: Call>(keys: &Keys, target: impl Into<String>, body: &impl Serialize) -> Result<Prepared<C>, Invalid> {
    check::holds(keys.signer.is_some(), "key", "the merchant's V3 key")?;
    let body = serde_json::to_string(body).map_err(|_| Invalid::new("body", "JSON"))?;
    Ok(Prepared::new(target, body))
}

/// A question without body.
fn asked<C: Call>(keys: &Keys, target: impl Into<String>) -> Result<Prepared<C>, Invalid> {
    check::holds(keys.signer.is_some(), "key", "the merchant's V3 key")?;
    Ok(Prepared::new(target, String::new()))
}

/// Yuan, in fen; refunds need the currency to be named.
#[derive(Serialize)]
struct Amount {
    total: u64,
    currency: &'static str,
}

impl Amount {
    fn checked(total: Fen) -> Result<Self, Invalid> {
        check::amount("amount.total", total)?;
        Ok(Self { total: total.get(), currency: "CNY" })
    }
}

/// `yyyy-MM-DDTHH:mm:ss+08:00`
fn beijing(time: Timestamp) -> String {
    const BEIJING: Offset = jiff::tz::offset(8);
    time.to_zoned(TimeZone::fixed(BEIJING)).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
