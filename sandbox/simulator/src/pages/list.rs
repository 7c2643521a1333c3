//! Everything there is, for whoever runs the stack.

use maud::{Markup, html};

use super::{page, yuan};
use crate::model::{Contract, Form, NoticeState, Order, World};
use crate::time::spaced;

/// Rows of each table, the newest first.
const ROWS: usize = 50;

/// Orders, contracts and notices, with links to their pages.
pub(crate) fn list(world: &World) -> Markup {
    let mut orders: Vec<&Order> = world.orders.values().collect();
    orders.sort_by_key(|order| std::cmp::Reverse(order.made_ms));
    let mut contracts: Vec<&Contract> = world.contracts.values().collect();
    contracts.sort_by_key(|contract| std::cmp::Reverse(contract.offered_ms));
    let body = html! {
        h1 { "订单" }
        div.card { (orders_table(&orders)) }
        h1 { "签约" }
        div.card { (contracts_table(&contracts)) }
        h1 { "通知" }
        div.card { (notices_table(world)) }
    };
    page("微信支付模拟器", true, &body)
}

fn orders_table(orders: &[&Order]) -> Markup {
    html! {
        table {
            tr { th { "订单号" } th { "金额" } th { "方式" } th { "状态" } th { "时间" } }
            @for order in orders.iter().take(ROWS) {
                tr {
                    td { a href={ "/cashier/" (order.mch_id) "/" (order.out_trade_no) } { (order.out_trade_no) } }
                    td { (yuan(order.total_fee)) }
                    td { (order.trade_type()) }
                    td { (order.state.described()) }
                    td { (spaced(order.made_ms)) }
                }
            }
        }
    }
}

fn contracts_table(contracts: &[&Contract]) -> Markup {
    html! {
        table {
            tr { th { "签约协议号" } th { "模板" } th { "方式" } th { "状态" } th { "时间" } }
            @for contract in contracts.iter().take(ROWS) {
                tr {
                    td { a href={ "/signing/" (contract.mch_id) "/" (contract.contract_code) } { (contract.contract_code) } }
                    td { (contract.plan_id) }
                    td { (form(&contract.form)) }
                    td { (format!("{:?}", contract.state)) }
                    td { (spaced(contract.offered_ms)) }
                }
            }
        }
    }
}

fn notices_table(world: &World) -> Markup {
    html! {
        table {
            tr { th { "通知" } th { "关于" } th { "次数" } th { "状态" } th { "下次" } }
            @for notice in world.notices.values().rev().take(ROWS) {
                tr {
                    td { (notice.kind.as_str()) }
                    td { (notice.numbers.join(" ")) }
                    td { (notice.deliveries.len()) }
                    td { (state(notice.state)) }
                    td { (notice.next_at_ms.map(spaced).unwrap_or_default()) }
                }
            }
        }
    }
}

fn form(form: &Form) -> &'static str {
    match form {
        Form::Order { .. } => "支付中签约",
        Form::Web { .. } => "公众号",
        Form::App { .. } => "APP",
        Form::H5 { .. } => "H5",
        Form::MiniProgram { .. } => "小程序",
    }
}

fn state(state: NoticeState) -> &'static str {
    match state {
        NoticeState::Waiting => "待通知",
        NoticeState::Accepted => "商户已接收",
        NoticeState::GivenUp => "已放弃",
    }
}
