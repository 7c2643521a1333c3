//! The rules that values keep before they are sent. Lengths count bytes of UTF-8 where the protocol does not say what they count:
//! what is short enough in bytes is short enough in characters. (The account that the user is shown has characters.)

use std::net::IpAddr;

use domain::Fen;
use http::Uri;

use crate::Invalid;

type Checked = Result<(), Invalid>;

/// WeChat takes at most this much of an address.
const URL_BYTES: usize = 256;

/// Free text that is signed. V2 signing has no escaping, so a value with separators could be read as other fields; a character of
/// four bytes is refused by WeChat; blanks at an end are lost on the way, and the signature with them.
pub(crate) fn text(field: &'static str, value: &str, max_bytes: usize) -> Checked {
    holds(!value.is_empty(), field, "not empty")?;
    holds(value.len() <= max_bytes, field, "short enough (bytes of UTF-8)")?;
    holds(!value.contains(['&', '=']), field, "no & and no =")?;
    holds(value.chars().all(|c| c.len_utf8() <= 3), field, "no character of 4 bytes, such as emoji")?;
    holds(!value.chars().any(char::is_control), field, "no control character")?;
    holds(value.trim() == value, field, "no blank at either end")
}

/// Free text of V3, whose pages count characters. What stands in JSON needs no more care than that WeChat takes it.
pub(crate) fn characters(field: &'static str, value: &str, max: usize) -> Checked {
    holds(!value.is_empty(), field, "not empty")?;
    holds(value.chars().count() <= max, field, "short enough (characters)")?;
    plain(field, value)
}

/// Free text of V3 where the page counts bytes.
pub(crate) fn bytes(field: &'static str, value: &str, max: usize) -> Checked {
    holds(!value.is_empty(), field, "not empty")?;
    holds(value.len() <= max, field, "short enough (bytes of UTF-8)")?;
    plain(field, value)
}

fn plain(field: &'static str, value: &str) -> Checked {
    holds(value.chars().all(|c| c.len_utf8() <= 3), field, "no character of 4 bytes, such as emoji")?;
    holds(!value.chars().any(char::is_control), field, "no control character")
}

/// An address that WeChat sends notices to.
pub(crate) fn notify_url(field: &'static str, value: &str) -> Checked {
    notify_url_of(field, value, URL_BYTES)
}

pub(crate) fn notify_url_of(field: &'static str, value: &str, max_bytes: usize) -> Checked {
    holds(value.len() <= max_bytes, field, "short enough: 256 bytes, or 255 in an order of V3")?;
    holds(value.bytes().all(|byte| byte.is_ascii_graphic()), field, "visible ASCII")?;
    holds(!value.contains(['?', '#']), field, "no query string and no fragment")?;
    let uri: Uri = value.parse().map_err(|_| Invalid::new(field, "an absolute URL"))?;
    holds(is_safe_origin(&uri), field, "https with a host, or http on loopback")
}

/// Plain http is for the local stack alone. Who is named in an address must be its host.
pub(crate) fn is_safe_origin(uri: &Uri) -> bool {
    let Some(authority) = uri.authority() else { return false };
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return false;
    }
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_loopback(authority.host()),
        _ => false,
    }
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

pub(crate) fn amount(field: &'static str, value: Fen) -> Checked {
    holds(value.get() >= 1, field, "at least 1 fen")
}

/// 6 to 32 characters; what `domain` reads is wider, since WeChat's answers may be.
pub(crate) fn out_trade_no(value: &str) -> Checked {
    let fits = (6..=32).contains(&value.len()) && value.bytes().all(is_order_character);
    holds(fits, "out_trade_no", "6 to 32 letters, digits and _ - * |")
}

/// `contractorder` allows 32 characters, the other pages 128: the shorter, and letters and digits alone.
pub(crate) fn contract_code(value: &str) -> Checked {
    let fits = (1..=32).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    holds(fits, "contract_code", "1 to 32 letters and digits")
}

/// The code of a password-exempt contract; used up by each attempt.
pub(crate) fn out_contract_code(value: &str) -> Checked {
    let fits = (1..=32).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    holds(fits, "out_contract_code", "1 to 32 letters and digits")
}

/// The merchant's number of goods.
pub(crate) fn goods_id(field: &'static str, value: &str) -> Checked {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    holds((1..=32).contains(&value.len()) && value.bytes().all(fits), field, "1 to 32 letters, digits and _ -")
}

/// Ordering number of a signing; the shortest of the pages allows 12 digits.
pub(crate) fn request_serial(value: u64) -> Checked {
    holds((1..1_000_000_000_000).contains(&value), "request_serial", "1 to 12 digits, not beginning with 0")
}

/// What the user sees as 开通账号. Special characters in it break the way back to the app.
pub(crate) fn display_account(value: &str) -> Checked {
    let fits =
        (1..=32).contains(&value.chars().count()) && value.chars().all(|c| c.is_ascii_alphanumeric() || is_han(c));
    holds(fits, "contract_display_account", "1 to 32 letters, digits or Han characters")
}

/// The field has 16 characters, so an IPv6 address does not fit.
pub(crate) fn ipv4(field: &'static str, value: IpAddr) -> Result<String, Invalid> {
    match value.to_canonical() {
        IpAddr::V4(address) => Ok(address.to_string()),
        IpAddr::V6(_) => Err(Invalid::new(field, "an IPv4 address")),
    }
}

pub(crate) fn holds(rule_holds: bool, field: &'static str, rule: &'static str) -> Checked {
    if rule_holds { Ok(()) } else { Err(Invalid::new(field, rule)) }
}

fn is_order_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'*' | b'|')
}

/// Han characters of three bytes: the unified ideographs, their first extension, the compatibility ones, and 〇.
fn is_han(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '〇')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_notify_url_is_absolute_and_plain_only_on_loopback() {
        for good in [
            "https://weixin.qq.com",
            "https://pay.example.com/v2/10000100",
            "https://pay.example.com:8443/v2/10000100",
            "http://127.0.0.1:9010/v2/10000100",
            "http://localhost:9010/v2/10000100",
            "http://[::1]:9010/v2",
        ] {
            assert_eq!(notify_url("notify_url", good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "www.qq.com/test/papay",
            "/v2/10000100",
            "ftp://example.com/",
            "http://yoursite.com/wxpay.html",
            "http://127.0.0.1.example.com/",
            "https://user@example.com/",
            "https://example.com/?a=b",
            "https://example.com/?",
            "https://example.com/#a",
            "https://example.com/支付",
            "https://example.com/a b",
            "https:///path",
        ] {
            assert!(notify_url("notify_url", bad).is_err(), "{bad}");
        }
        assert!(notify_url("notify_url", &format!("https://example.com/{}", "a".repeat(236))).is_ok());
        assert!(notify_url("notify_url", &format!("https://example.com/{}", "a".repeat(237))).is_err());
    }

    #[test]
    fn a_serial_has_at_most_twelve_digits() {
        assert!(request_serial(0).is_err());
        assert_eq!(request_serial(1), Ok(()));
        assert_eq!(request_serial(999_999_999_999), Ok(()));
        assert!(request_serial(1_000_000_000_000).is_err());
    }

    #[test]
    fn a_display_account_is_letters_digits_and_han() {
        for good in ["name1", "微信代扣", "张三", "〇", &"汉".repeat(32)] {
            assert_eq!(display_account(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "a&b", "a=b", "张-三", "😀", "é", "𠀀", &"汉".repeat(33), "会员！", "か"] {
            assert!(display_account(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_order_number_is_longer_than_five_characters() {
        for good in ["123456", "01JD3Q0VZC5W8K2M7N4PP0002A01", "a_b-c*d|e"] {
            assert_eq!(out_trade_no(good), Ok(()), "{good}");
        }
        for bad in ["12345", "12345@", "12345 6", &"1".repeat(33)] {
            assert!(out_trade_no(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_ipv6_address_does_not_fit_into_sixteen_characters() {
        assert_eq!(ipv4("spbill_create_ip", "::ffff:12.1.1.12".parse().unwrap()).unwrap(), "12.1.1.12");
        assert!(ipv4("spbill_create_ip", "2001:db8::1".parse().unwrap()).is_err());
    }

    proptest! {
        /// What the check lets through, signing lets through: no request fails between the two.
        #[test]
        fn checked_text_can_be_signed(value in any::<String>()) {
            if text("attach", &value, 127).is_ok() {
                let key = verify::ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d").unwrap();
                let field = verify::sign::v2::Field::text("attach", &value);
                prop_assert!(verify::sign::v2::sign(&[field], &key, verify::SignAlgorithm::Md5).is_ok());
                prop_assert!(value.len() <= 127 && !value.is_empty());
            }
        }

        #[test]
        fn text_with_a_separator_an_emoji_or_a_control_is_refused(
            before in "[a-z汉字]{0,20}", bad in "[&=\u{0}-\u{1f}\u{7f}\u{1F600}-\u{1F64F}\u{20000}-\u{20010}]", after in "[a-z汉字]{0,20}"
        ) {
            let value = format!("{before}{bad}{after}");
            prop_assert!(text("attach", &value, 200).is_err());
        }

        #[test]
        fn a_display_account_that_passes_is_text_that_passes(value in any::<String>()) {
            if display_account(&value).is_ok() {
                prop_assert_eq!(text("contract_display_account", &value, 96), Ok(()));
            }
        }
    }
}
