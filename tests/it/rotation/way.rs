//! How WeChat signs what it sends in a drill.

use counterparty::fixtures::{self, Endpoint};
use counterparty::{Numbers, Occasion, Protocol, SignedRequest, TradeType, V3Notice, WechatPay};
use papay::story::Story;

use crate::harness::{MCH_ID, Town};

/// How WeChat signs a notice.
#[derive(Clone)]
pub(super) enum Way {
    /// With the APIv2 key.
    V2(WechatPay),
    /// With the key of that id or serial, sealed with the APIv3 key.
    V3(WechatPay, String),
}

impl Way {
    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::V2(_) => Protocol::V2,
            Self::V3(..) => Protocol::V3,
        }
    }

    pub(super) fn story(&self) -> Story {
        match self {
            Self::V2(_) => Story::PayAndSign,
            Self::V3(..) => Story::OneOff,
        }
    }

    pub(super) fn numbers(&self, town: &Town) -> Numbers {
        town.numbers(self.story())
    }

    /// The notice that an order was paid, as of now.
    pub(super) fn notice(&self, town: &Town, numbers: &Numbers) -> (Endpoint, String, SignedRequest) {
        match self {
            Self::V2(wechat) => {
                let request = fixtures::build_with(wechat, "payment-v2", numbers).unwrap();
                (Endpoint::Deduction, format!("/v2/{MCH_ID}"), request)
            }
            Self::V3(wechat, signer) => {
                let notice = V3Notice::payment(numbers, TradeType::App).unwrap().signed_by(signer);
                let occasion = Occasion::derived(town.now().as_second(), &numbers.out_trade_no);
                (Endpoint::Payment, format!("/v3/{MCH_ID}"), notice.signed(wechat, &occasion).unwrap())
            }
        }
    }
}
