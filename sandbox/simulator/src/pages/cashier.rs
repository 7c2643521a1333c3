//! The cashier page of an order.

use maud::{Markup, html};

use super::{message, page, user_row, yuan};
use crate::config::Template;
use crate::model::{Contract, ContractState, Exempt, ExemptState, Order};
use crate::time::{Ms, spaced};

/// What the page offers beside the payment.
pub(crate) enum Offer {
    /// Nothing: the ordinary cashier.
    Nothing,
    /// A switch, and what became of it.
    Switch {
        /// 自动续费, 免密支付
        label: &'static str,
        service: String,
        account: String,
        outcome: &'static str,
        is_open: bool,
    },
}

impl Offer {
    /// The contract of a pay-and-sign order.
    pub(crate) fn of_contract(contract: &Contract, template: Option<&Template>) -> Self {
        Self::Switch {
            label: "自动续费",
            service: template.map(|template| template.name.clone()).unwrap_or_default(),
            account: contract.display_account.clone(),
            outcome: match contract.state {
                ContractState::Signed => "已开通",
                ContractState::Signing => "开通中",
                ContractState::Terminated => "已关闭",
                ContractState::Offered | ContractState::Cancelled => "未开通",
            },
            is_open: true,
        }
    }

    /// A password-exempt contract that was pre-signed for the order.
    pub(crate) fn of_exempt(exempt: &Exempt, service: Option<String>, now: Ms) -> Self {
        Self::Switch {
            label: "免密支付",
            service: service.unwrap_or_default(),
            account: exempt.display_account.clone(),
            outcome: match exempt.state {
                ExemptState::Signed => "已开通",
                ExemptState::Terminated => "已关闭",
                ExemptState::Offered => "未开通",
            },
            is_open: exempt.is_open(now),
        }
    }
}

/// What a user sees who was sent to pay: the amount, the switch, the buttons; afterwards the result.
pub(crate) fn cashier(order: &Order, offer: &Offer, said: &str, now: Ms) -> Markup {
    let body = html! {
        h1 { (order.asked("body").unwrap_or("商户订单")) }
        div.amount { (yuan(order.total_fee)) }
        (message(said))
        @match (&order.paid, order.unpayable(now)) {
            (Some(paid), _) => {
                p.done { "支付成功" }
                div.card {
                    div.row { span { "支付时间" } span { (spaced(paid.at_ms)) } }
                    div.row { span { "交易单号" } span { (paid.transaction_id) } }
                    div.row { span { "微信用户" } span { (paid.user) } }
                    @if let Offer::Switch { label, outcome, .. } = offer {
                        div.row { span { (label) } span { (outcome) } }
                    }
                }
            }
            (None, Some(why)) => p.message { (why) },
            (None, None) => (open(order, offer)),
        }
        div.card {
            div.row { span { "商户号" } span { (order.mch_id) } }
            div.row { span { "商户订单号" } span { (order.out_trade_no) } }
            div.row { span { "支付方式" } span { (order.trade_type()) } }
        }
    };
    page("微信支付", false, &body)
}

fn open(order: &Order, offer: &Offer) -> Markup {
    let known = order.asked("openid").filter(|_| order.trade_type() == "JSAPI");
    let is_offered = order.cashier().is_some_and(|cashier| cashier.presign_failure.is_none());
    html! {
        form method="post" {
            div.card {
                (user_row(known))
                @if let (true, Offer::Switch { label, service, account, is_open: true, .. }) = (is_offered, offer) {
                    div.row {
                        span { (label) }
                        // The user's to tick: no parameter presets it.
                        input type="checkbox" name="sign" value="on" aria-label=(label);
                    }
                    div.row { span { "服务" } span { (service) } }
                    div.row { span { "开通账号" } span { (account) } }
                }
            }
            button.main type="submit" name="act" value="pay" { "支付" }
            button type="submit" name="act" value="wrong-password" { "密码错误" }
            button type="submit" name="act" value="cancel" { "取消" }
        }
    }
}
