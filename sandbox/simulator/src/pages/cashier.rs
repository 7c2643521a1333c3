//! The cashier page of an order.

use maud::{Markup, html};

use super::{message, page, user_row, yuan};
use crate::config::Template;
use crate::model::{Contract, ContractState, Order};
use crate::time::{Ms, spaced};

/// What a user sees who was sent to pay: the amount, the switch, the buttons; afterwards the result.
pub(crate) fn cashier(
    order: &Order,
    contract: Option<&Contract>,
    template: Option<&Template>,
    said: &str,
    now: Ms,
) -> Markup {
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
                    div.row { span { "自动续费" } span { (outcome(contract)) } }
                }
            }
            (None, Some(why)) => p.message { (why) },
            (None, None) => (open(order, contract, template)),
        }
        div.card {
            div.row { span { "商户号" } span { (order.mch_id) } }
            div.row { span { "商户订单号" } span { (order.out_trade_no) } }
            div.row { span { "支付方式" } span { (order.trade_type()) } }
        }
    };
    page("微信支付", false, &body)
}

fn open(order: &Order, contract: Option<&Contract>, template: Option<&Template>) -> Markup {
    let known = order.asked("openid").filter(|_| order.trade_type() == "JSAPI");
    let is_offered = order.cashier().is_some_and(|cashier| cashier.presign_failure.is_none());
    html! {
        form method="post" {
            div.card {
                (user_row(known))
                @if let (true, Some(contract)) = (is_offered, contract) {
                    div.row {
                        span { "自动续费" }
                        // The user's to tick: no parameter presets it.
                        input type="checkbox" name="sign" value="on" aria-label="自动续费";
                    }
                    div.row { span { "服务" } span { (template.map_or("", |template| &template.name)) } }
                    div.row { span { "开通账号" } span { (contract.display_account) } }
                }
            }
            button.main type="submit" name="act" value="pay" { "支付" }
            button type="submit" name="act" value="wrong-password" { "密码错误" }
            button type="submit" name="act" value="cancel" { "取消" }
        }
    }
}

fn outcome(contract: Option<&Contract>) -> &'static str {
    match contract.map(|contract| contract.state) {
        Some(ContractState::Signed) => "已开通",
        Some(ContractState::Signing) => "开通中",
        Some(ContractState::Terminated) => "已关闭",
        Some(ContractState::Offered | ContractState::Cancelled) | None => "未开通",
    }
}
