//! How long the certificates still last, told before they end.

use domain::{MchId, Timestamp};
use setup::SigningKeys;
use verify::WechatpayKeys;

use crate::Merchants;

const DAY: i64 = 86_400;

impl Merchants {
    /// Writes `CertificateDaysLeft` by kind, `platform` and `client`, for each of these merchants: whole days, negative after the
    /// end. An expired certificate is not refused here: WeChat decides what it signs with and whom it lets in.
    pub fn measure_certificates<'m>(&self, merchants: impl IntoIterator<Item = &'m MchId>, now: Timestamp) {
        for mch_id in merchants {
            let Ok(keys) = self.signing(mch_id) else { continue };
            for (kind, end) in ends(&keys) {
                let days = end.saturating_sub(now.as_second()).div_euclid(DAY);
                let days = i32::try_from(days).unwrap_or(i32::MAX);
                metrics::histogram!("CertificateDaysLeft", "kind" => kind).record(f64::from(days));
            }
        }
    }
}

/// The last second of what can end, Unix time.
fn ends(keys: &SigningKeys) -> impl Iterator<Item = (&'static str, i64)> {
    let client = keys.client.as_ref().and_then(|client| end_of(client.certificate_pem()));
    let platform = platform_end(&keys.merchant.wechatpay);
    platform.map(|end| ("platform", end)).into_iter().chain(client.map(|end| ("client", end)))
}

/// The end of the platform certificate that lasts longest: while one replaces another there are two. With a public key, which has
/// no end, none is needed.
fn platform_end(keys: &WechatpayKeys) -> Option<i64> {
    let validities = || keys.ids().map(|id| keys.validity(id));
    if validities().any(|validity| validity.is_none()) {
        return None;
    }
    validities().flatten().map(|validity| validity.not_after).max()
}

fn end_of(certificate_pem: &str) -> Option<i64> {
    let mut keys = WechatpayKeys::default();
    let serial = keys.insert_certificate(certificate_pem).ok()?;
    Some(keys.validity(&serial)?.not_after)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = include_str!("../../../tests/vectors/wechat/java_wechat_pay_certificate.pem");
    const PUBLIC: &str = include_str!("../../../sandbox/counterparty/keys/wechat_pay_public_key.pem");

    #[test]
    fn a_certificate_ends_when_it_says() {
        let mut keys = WechatpayKeys::default();
        assert_eq!(platform_end(&keys), None);
        let serial = keys.insert_certificate(FIRST).unwrap();
        let end = keys.validity(&serial).unwrap().not_after;
        assert_eq!((platform_end(&keys), end_of(FIRST)), (Some(end), Some(end)));
        assert_eq!(end_of("no PEM"), None);
    }

    #[test]
    fn where_there_is_a_public_key_no_certificate_is_needed() {
        let mut keys = WechatpayKeys::default();
        keys.insert_certificate(FIRST).unwrap();
        keys.insert_public_key("PUB_KEY_ID_0116571234562024052000123400000000", PUBLIC).unwrap();
        assert_eq!(platform_end(&keys), None);
    }
}
