//! The daily trade bill (申请交易账单): `GET /v3/bill/tradebill` names a file, which is fetched at once: the link lives for five minutes, or
//! for thirty seconds by older pages.

use std::fmt;

use domain::Date;
use serde::Deserialize;

use super::{asked, route, tables};
use crate::answer::Received;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment};

/// Asks for the bill of a day: every payment and refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeBill {
    /// The day in Beijing: before today, and at most three months back.
    pub day: Date,
}

/// Whether there is a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillAnswer {
    /// Fetch it with [`crate::Client::download`].
    Made(BillFile),
    /// NO_STATEMENT_EXIST: nothing was paid or given back on that day.
    Nothing,
    /// STATEMENT_CREATING: ask again after 10:00.
    Creating,
}

/// A bill that WeChat has made. Whoever has its address can fetch it for a while: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct BillFile {
    origin: String,
    target: String,
    /// SHA-1 over the file, uncompressed.
    hash: [u8; 20],
}

/// Fetches the file.
#[derive(Debug)]
pub(crate) struct BillDownload;

#[derive(Deserialize)]
struct Named {
    hash_type: String,
    hash_value: String,
    download_url: String,
}

impl TradeBill {
    /// Makes the question. (`at` is not used: it is signed when it is sent.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        asked(keys, format!("{}?bill_date={}&bill_type=ALL", Self::ROUTE.path, self.day))
    }
}

impl sealed::Known for TradeBill {}

impl Call for TradeBill {
    type Answer = BillAnswer;

    const ROUTE: Route =
        Route { errors: tables::TRADE_BILL, ..route("v3-trade-bill", "/v3/bill/tradebill", Form::V3Get) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        match received.v3_json::<Named>() {
            Ok(named) => BillFile::read(&named)
                .map(BillAnswer::Made)
                .ok_or_else(|| CallError::unreadable(&Self::ROUTE, "download_url")),
            Err(error) if error.says("NO_STATEMENT_EXIST") => Ok(BillAnswer::Nothing),
            Err(error) if error.says("STATEMENT_CREATING") => Ok(BillAnswer::Creating),
            Err(error) => Err(error),
        }
    }
}

impl sealed::Known for BillDownload {}

impl Call for BillDownload {
    type Answer = Vec<u8>;

    const ROUTE: Route = route("v3-bill-download", "/", Form::V3Get);
    const IS_FILE: bool = true;

    /// The file has no signature.
    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        match received.incoming.status {
            200 => Ok(received.incoming.body.clone()),
            _ => Err(received.v3_refused(received.v3_verified().err().as_ref())),
        }
    }
}

impl BillFile {
    fn read(named: &Named) -> Option<Self> {
        let uri: http::Uri = named.download_url.parse().ok()?;
        let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
        let target = uri.path_and_query()?.as_str().to_owned();
        let hash = Some(&named.hash_value).filter(|_| named.hash_type == "SHA1").and_then(|text| unhex(text))?;
        Some(Self { origin, target, hash })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn prepared(&self) -> Prepared<BillDownload> {
        Prepared::new(self.target.clone(), String::new())
    }

    pub(crate) fn has_hash_of(&self, bytes: &[u8]) -> bool {
        verify::sha1(bytes) == self.hash
    }
}

fn unhex(text: &str) -> Option<[u8; 20]> {
    let mut hash = [0; 20];
    let digits = text.as_bytes();
    if digits.len() != 40 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

impl fmt::Debug for BillFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BillFile").field("origin", &self.origin).finish_non_exhaustive()
    }
}
