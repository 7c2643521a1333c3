//! The pages. `maud` escapes every value; nothing is written as it came.

mod cashier;
mod list;
mod signing;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use cashier::{Offer, cashier};
pub(crate) use list::list;
pub(crate) use signing::signing;

const STYLE: &str = "
body{margin:0;background:#ededed;color:#191919;font:16px/1.5 system-ui,'PingFang SC','Microsoft YaHei',sans-serif}
main{max-width:420px;margin:0 auto;padding:0 16px 48px}
main.wide{max-width:960px}
header{text-align:center;padding:12px;color:#576b95;font-size:13px}
h1{font-size:17px;text-align:center;margin:24px 0 0;font-weight:500}
.amount{font-size:42px;text-align:center;margin:4px 0 20px;font-weight:600}
.card{background:#fff;border-radius:12px;padding:4px 16px;margin:12px 0}
.row{display:flex;justify-content:space-between;gap:16px;padding:12px 0;border-bottom:1px solid #eee}
.row:last-child{border:0}
.row span:first-child{color:#888;white-space:nowrap}
.message{background:#fff3e0;border-radius:8px;padding:10px 14px;text-align:center;color:#b35c00}
.done{text-align:center;color:#07c160;font-size:22px;margin:32px 0 8px}
button{width:100%;border:0;border-radius:8px;padding:13px;font-size:17px;margin-top:12px;background:#e4e4e4;color:#191919}
button.main{background:#07c160;color:#fff}
input[type=checkbox]{width:22px;height:22px;accent-color:#07c160}
input[type=text]{border:0;text-align:right;font-size:16px;background:transparent;width:100%}
small{color:#888}
table{border-collapse:collapse;width:100%;font-size:14px}
td,th{text-align:left;padding:8px 6px;border-bottom:1px solid #eee}
a{color:#576b95}
";

/// A page around a body.
fn page(title: &str, is_wide: bool, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="zh-CN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { "微信支付模拟器 · 本机测试，不产生真实交易 · " a href="/" { "全部" } }
                main.wide[is_wide] { (body) }
            }
        }
    }
}

/// One sentence and nothing else.
pub(crate) fn notice(text: &str) -> Markup {
    page("微信支付", false, &html! { h1 { "微信支付" } p.message { (text) } })
}

fn message(text: &str) -> Markup {
    html! { @if !text.is_empty() { p.message { (text) } } }
}

/// Fen as yuan.
fn yuan(fen: u64) -> String {
    format!("¥{}.{:02}", fen / 100, fen % 100)
}

/// Who sits before the page: on a phone WeChat knows it.
fn user_row(known: Option<&str>) -> Markup {
    html! {
        div.row {
            span { "微信用户" }
            @match known {
                Some(user) => span { (user) },
                None => input type="text" name="user" value="alice" autocomplete="off" aria-label="微信用户";,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_outside_is_text_on_a_page() {
        let page = notice("<script>alert(1)</script>").into_string();
        assert!(page.contains("&lt;script&gt;"), "{page}");
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn fen_are_shown_as_yuan() {
        assert_eq!(yuan(5), "¥0.05");
        assert_eq!(yuan(1_800), "¥18.00");
    }
}
