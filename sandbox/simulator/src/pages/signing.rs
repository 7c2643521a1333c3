//! The signing page of a contract without a payment.

use maud::{Markup, html};

use super::{message, page, user_row, yuan};
use crate::config::{Mode, Template};
use crate::model::{Contract, ContractState};
use crate::time::spaced;

/// What a user sees who was sent to sign, and later in his list of services.
pub(crate) fn signing(contract: &Contract, template: Option<&Template>, said: &str) -> Markup {
    let body = html! {
        h1 { (template.map_or("自动续费服务", |template| &template.name)) }
        (message(said))
        @match contract.state {
            ContractState::Signed => {
                p.done { "已开通自动续费" }
                form method="post" { button type="submit" name="act" value="terminate" { "关闭自动续费" } }
            }
            ContractState::Signing => p.message { "开通中" },
            ContractState::Terminated => p.message { "自动续费已关闭" },
            ContractState::Cancelled => p.message { "未开通" },
            ContractState::Offered if contract.is_opened() => form method="post" {
                div.card { (user_row(None)) }
                button.main type="submit" name="act" value="sign" { "确认开通" }
                button type="submit" name="act" value="cancel" { "取消" }
            },
            ContractState::Offered => p.message { "请从商户页面进入" },
        }
        div.card {
            div.row { span { "开通账号" } span { (contract.display_account) } }
            div.row { span { "商户号" } span { (contract.mch_id) } }
            div.row { span { "签约协议号" } span { (contract.contract_code) } }
            @if let Some(template) = template {
                div.row { span { "每次扣费" } span { (amount(template)) } }
                div.row { span { "扣费方式" } span { (mode(template.mode)) } }
            }
            @if let Some(signed) = &contract.signed {
                div.row { span { "开通时间" } span { (spaced(signed.at_ms)) } }
                div.row { span { "微信用户" } span { (signed.user) } }
            }
        }
    };
    page("自动续费", false, &body)
}

fn amount(template: &Template) -> String {
    match template.amount {
        Some(amount) => yuan(amount),
        None => format!("不超过{}", yuan(template.limit())),
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Notice24h => "扣费前24小时通知",
        Mode::PreNotice => "商户提前通知后扣费",
    }
}
