//! The headers of a V3 delivery: time, nonce and signature are new each time, and so may be the key.

use counterparty::{Occasion, SIGNTEST, WechatPay};

use crate::config::Settings;
use crate::faults::Misbehaviour;
use crate::model::{Message, Notice, World};
use crate::rules::nonce;
use crate::time::{Ms, seconds};

/// Who signs the next delivery.
pub(super) struct Signer {
    wechat: WechatPay,
    key: Option<String>,
}

/// Chooses the key of a delivery. None for a merchant that was taken out of the configuration.
pub(super) fn signer(world: &mut World, settings: &Settings, notice: &Notice, now: Ms) -> Option<Signer> {
    let merchant = settings.merchants.get(&notice.mch_id)?;
    let keys = world.keys_of(&notice.mch_id);
    let wechat = keys.wechat(&merchant.wechat).ok()?;
    let key = keys.of_notice(&wechat, now);
    Some(Signer { wechat, key })
}

/// Which key signed a message.
pub(super) fn serial(message: &Message) -> Option<String> {
    let mut headers = message.headers.iter();
    headers.find(|(name, _)| name == "Wechatpay-Serial").map(|(_, serial)| serial.clone())
}

impl Signer {
    /// Signs a delivery, or does it wrongly where that is the fault. Without a key at all the headers stay away.
    pub(super) fn sign(&self, message: &mut Message, at_ms: Ms, fault: Option<&Misbehaviour>) {
        let back = match fault {
            Some(Misbehaviour::Stale { ms }) => *ms,
            _ => 0,
        };
        let occasion = Occasion { now: seconds(at_ms.saturating_sub(back)), nonce: nonce() };
        let body = message.body.clone().into_bytes();
        let Ok(signed) = self.wechat.v3_request(body, self.key.as_deref(), &occasion) else { return };
        message.headers = signed.headers;
        if fault == Some(&Misbehaviour::Probe) {
            for (_, value) in message.headers.iter_mut().filter(|(name, _)| name == "Wechatpay-Signature") {
                SIGNTEST.clone_into(value);
            }
        }
    }
}
