//! Which keys WeChat Pay signs and seals with, for one merchant: <https://pay.weixin.qq.com/doc/v3/merchant/4012154180>.

use std::collections::BTreeSet;

use counterparty::{Error, PlatformCertificate, WechatPay};
use serde::{Deserialize, Serialize};

use super::MerchantKeys;
use crate::time::{DAY, Ms};

/// The part of the notices that the public key signs on each day of the change to it.
const GREY_DAYS: [f64; 7] = [0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0];

/// The keys of a merchant beyond those it was configured with.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Keys {
    pub(crate) mode: KeyMode,
    issued: Vec<Issued>,
    withdrawn: BTreeSet<String>,
    renewal: Option<Renewal>,
    pub(crate) api_v3_key: Option<ChangedKey>,
    /// Those of the merchant.
    pub(crate) merchant: MerchantKeys,
    notices: Share,
    /// With all of the above applied.
    #[serde(skip)]
    current: Option<WechatPay>,
}

/// By what WeChat Pay signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyMode {
    /// By platform certificates alone: the change has not begun, or was stopped.
    Certificate,
    /// The change goes on (开始更换).
    Grey { since_ms: Ms },
    /// By the public key; certificates can still be fetched (确认切换).
    #[default]
    Confirmed,
    /// By the public key; there are no certificates any more (作废平台证书).
    PublicKey,
}

/// A certificate that was made while the simulator ran.
#[derive(Clone, Serialize, Deserialize)]
struct Issued {
    serial: String,
    certificate_pem: String,
    private_key_pem: String,
    effective: i64,
    expires: i64,
}

/// The change from the first certificate to a new one.
#[derive(Clone, Serialize, Deserialize)]
struct Renewal {
    serial: String,
    share: f64,
    counted: Share,
}

/// An APIv3 key that is not the configured one.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ChangedKey {
    key: String,
    /// The one before; none: the configured one.
    old: Option<String>,
    /// What part the old one still seals.
    old_share: f64,
    counted: Share,
    pub(crate) at_ms: Ms,
}

/// Counts instead of drawing: of 100 with a share of 0.1 it is each tenth.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Share(f64);

impl Share {
    fn next(&mut self, share: f64) -> bool {
        const ROUNDING: f64 = 1e-9;
        self.0 += share.clamp(0.0, 1.0);
        let is_full = self.0 >= 1.0 - ROUNDING;
        if is_full {
            self.0 -= 1.0;
        }
        is_full
    }
}

impl Keys {
    /// WeChat Pay with the keys as they are now.
    pub(crate) fn wechat(&mut self, configured: &WechatPay) -> Result<WechatPay, Error> {
        if let Some(current) = &self.current {
            return Ok(current.clone());
        }
        let mut wechat = configured.clone();
        for issued in &self.issued {
            wechat = wechat.with_platform_certificate(issued.certificate())?;
        }
        for serial in &self.withdrawn {
            wechat = wechat.without_platform_certificate(serial);
        }
        if let Some(changed) = &self.api_v3_key {
            wechat = wechat.with_api_v3_key(&changed.key)?;
        }
        self.current = Some(wechat.clone());
        Ok(wechat)
    }

    /// WeChat Pay with the APIv3 key that seals the next message.
    pub(crate) fn sealer(&mut self, configured: &WechatPay) -> Result<WechatPay, Error> {
        let wechat = self.wechat(configured)?;
        let Some(changed) = self.api_v3_key.as_mut() else { return Ok(wechat) };
        match (changed.counted.next(changed.old_share), &changed.old) {
            (false, _) => Ok(wechat),
            (true, Some(old)) => wechat.with_api_v3_key(old),
            (true, None) => Ok(wechat.with_api_v3_key_of(configured)),
        }
    }

    /// The serial or id of the key that signs the next delivery of a notice.
    pub(crate) fn of_notice(&mut self, wechat: &WechatPay, now: Ms) -> Option<String> {
        let by_public_key = match self.mode {
            KeyMode::Certificate => false,
            KeyMode::Grey { since_ms } => self.notices.next(grey_share(since_ms, now)),
            KeyMode::Confirmed | KeyMode::PublicKey => true,
        };
        self.named(wechat, by_public_key)
    }

    /// The serial or id of the key that signs an answer to a call with this `Wechatpay-Serial`.
    pub(crate) fn of_answer(&mut self, wechat: &WechatPay, asked: Option<&str>) -> Option<String> {
        let by_public_key = match self.mode {
            // Before the change has begun the header is ignored.
            KeyMode::Certificate => false,
            KeyMode::Grey { .. } => asked.is_some_and(|asked| Some(asked) == wechat.public_key_id()),
            KeyMode::Confirmed | KeyMode::PublicKey => true,
        };
        self.named(wechat, by_public_key)
    }

    /// What part of the notices the public key signs now.
    pub(crate) fn share(&self, now: Ms) -> f64 {
        match self.mode {
            KeyMode::Certificate => 0.0,
            KeyMode::Grey { since_ms } => grey_share(since_ms, now),
            KeyMode::Confirmed | KeyMode::PublicKey => 1.0,
        }
    }

    /// What part of what certificates sign a certificate signs.
    pub(crate) fn certificate_share(&self, wechat: &WechatPay, serial: &str) -> f64 {
        let renewed = self.renewal.as_ref().filter(|renewal| wechat.has_key(&renewal.serial));
        let is_first = wechat.certificate_serial() == Some(serial);
        match renewed {
            Some(renewal) if renewal.serial == serial => renewal.share,
            Some(renewal) if is_first => 1.0 - renewal.share,
            None if is_first => 1.0,
            Some(_) | None => 0.0,
        }
    }

    pub(crate) fn set_mode(&mut self, mode: KeyMode) {
        (self.mode, self.notices) = (mode, Share::default());
    }

    pub(crate) fn add(&mut self, certificate: PlatformCertificate) {
        self.current = None;
        self.issued.push(Issued {
            serial: certificate.serial,
            certificate_pem: certificate.certificate_pem,
            private_key_pem: certificate.private_key_pem,
            effective: certificate.effective,
            expires: certificate.expires,
        });
    }

    pub(crate) fn withdraw(&mut self, serial: &str) {
        self.current = None;
        self.withdrawn.insert(serial.to_owned());
    }

    pub(crate) fn renew(&mut self, serial: &str, share: f64) {
        self.renewal = Some(Renewal { serial: serial.to_owned(), share, counted: Share::default() });
    }

    pub(crate) fn change_api_v3_key(&mut self, key: &str, old_share: f64, now: Ms) {
        self.current = None;
        let old = self.api_v3_key.take().map(|changed| changed.key);
        let counted = Share::default();
        self.api_v3_key = Some(ChangedKey { key: key.to_owned(), old, old_share, counted, at_ms: now });
    }

    fn named(&mut self, wechat: &WechatPay, by_public_key: bool) -> Option<String> {
        let renewal = self.renewal.as_mut().filter(|renewal| !by_public_key && wechat.has_key(&renewal.serial));
        let renewed = renewal.and_then(|renewal| {
            let is_next = renewal.counted.next(renewal.share);
            is_next.then_some(renewal.serial.as_str())
        });
        let certificate = renewed.or_else(|| wechat.certificate_serial());
        let public_key = wechat.public_key_id();
        let chosen = if by_public_key { public_key.or(certificate) } else { certificate.or(public_key) };
        chosen.map(ToOwned::to_owned)
    }
}

impl Issued {
    fn certificate(&self) -> PlatformCertificate {
        PlatformCertificate {
            serial: self.serial.clone(),
            certificate_pem: self.certificate_pem.clone(),
            private_key_pem: self.private_key_pem.clone(),
            effective: self.effective,
            expires: self.expires,
        }
    }
}

fn grey_share(since_ms: Ms, now: Ms) -> f64 {
    let days = usize::try_from(now.saturating_sub(since_ms).div_euclid(DAY)).unwrap_or_default();
    GREY_DAYS.get(days).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_public_key(keys: &mut Keys, wechat: &WechatPay, now: Ms, of: usize) -> usize {
        (0..of).filter(|_| keys.of_notice(wechat, now).as_deref() == wechat.public_key_id()).count()
    }

    #[test]
    fn each_day_of_the_change_has_its_documented_share_of_notices_by_the_public_key() {
        let wechat = WechatPay::test_merchant().unwrap();
        for (day, expected) in [(0, 1), (1, 10), (2, 50), (3, 100), (4, 200), (5, 500), (6, 1000), (30, 1000)] {
            let mut keys = Keys::default();
            keys.set_mode(KeyMode::Grey { since_ms: 0 });
            assert_eq!(by_public_key(&mut keys, &wechat, day * DAY, 1000), expected, "day {day}");
        }
        let mut keys = Keys::default();
        assert_eq!(by_public_key(&mut keys, &wechat, 0, 10), 10, "by default the change is done");
        keys.set_mode(KeyMode::Certificate);
        assert_eq!(by_public_key(&mut keys, &wechat, 0, 10), 0);
    }

    #[test]
    fn an_answer_is_signed_by_the_key_that_was_asked_for_only_while_the_change_goes_on() {
        let wechat = WechatPay::test_merchant().unwrap();
        let (public_key, certificate) = (wechat.public_key_id(), wechat.certificate_serial());
        for (mode, asked, expected) in [
            (KeyMode::Certificate, public_key, certificate),
            (KeyMode::Grey { since_ms: 0 }, public_key, public_key),
            (KeyMode::Grey { since_ms: 0 }, certificate, certificate),
            (KeyMode::Grey { since_ms: 0 }, None, certificate),
            (KeyMode::Confirmed, None, public_key),
            (KeyMode::PublicKey, certificate, public_key),
        ] {
            let mut keys = Keys::default();
            keys.set_mode(mode);
            assert_eq!(keys.of_answer(&wechat, asked).as_deref(), expected, "{mode:?} {asked:?}");
        }
    }
}
