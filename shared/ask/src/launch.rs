//! What WeChat offered, and what is kept of it.

use domain::{Channel, Launch, Timestamp};
use wechat::Offer;

/// What is kept of an offer.
#[must_use]
pub fn launch(offer: &Offer, obtained_at: Timestamp) -> Launch {
    let mut launch = Launch::at(obtained_at);
    match offer {
        Offer::App { prepay_id }
        | Offer::Jsapi { prepay_id }
        | Offer::V3App { prepay_id }
        | Offer::V3Jsapi { prepay_id } => launch.prepay_id = Some(prepay_id.clone()),
        Offer::V3Native { code_url } => launch.code_url = Some(code_url.clone()),
        Offer::V3H5 { h5_url } => launch.mweb_url = Some(h5_url.clone()),
        Offer::Native { code_url, prepay_id } => {
            launch.prepay_id = Some(prepay_id.clone());
            launch.code_url = Some(code_url.clone());
        }
        Offer::Mweb { mweb_url, prepay_id } => {
            launch.prepay_id = Some(prepay_id.clone());
            launch.mweb_url = Some(mweb_url.clone());
        }
        Offer::PreEntrust { pre_entrustweb_id, miniprogram_username, miniprogram_path } => {
            launch.pre_entrustweb_id = Some(pre_entrustweb_id.clone());
            launch.miniprogram_username.clone_from(miniprogram_username);
            launch.miniprogram_path.clone_from(miniprogram_path);
        }
        Offer::H5 { redirect_url } => launch.redirect_url = Some(redirect_url.clone()),
        // Made of what is on record, each time anew.
        Offer::MiniProgram { .. } => {}
    }
    launch
}

/// The offer of a payment that was kept, for the channel that it was made for.
#[must_use]
pub fn offer(launch: &Launch, channel: Channel) -> Option<Offer> {
    let prepay_id = launch.prepay_id.clone()?;
    Some(match channel {
        Channel::App => Offer::App { prepay_id },
        Channel::OfficialAccount | Channel::MiniProgram => Offer::Jsapi { prepay_id },
        Channel::Native => Offer::Native { code_url: launch.code_url.clone()?, prepay_id },
        Channel::H5 => Offer::Mweb { mweb_url: launch.mweb_url.clone()?, prepay_id },
    })
}

/// The offer of a V3 payment that was kept, for the channel that it was made for.
#[must_use]
pub fn v3_offer(launch: &Launch, channel: Channel) -> Option<Offer> {
    Some(match channel {
        Channel::App => Offer::V3App { prepay_id: launch.prepay_id.clone()? },
        Channel::OfficialAccount | Channel::MiniProgram => Offer::V3Jsapi { prepay_id: launch.prepay_id.clone()? },
        Channel::Native => Offer::V3Native { code_url: launch.code_url.clone()? },
        Channel::H5 => Offer::V3H5 { h5_url: launch.mweb_url.clone()? },
    })
}
