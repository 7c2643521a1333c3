//! Daily bills: both sets of names, totals, and everything that is no bill.

use domain::{Fen, MchId, TradeType};
use parse::bill::{Bill, BillEntry, BillError, BillRefund, BillRefundStatus, BillRow, LONGEST, read};
use proptest::prelude::*;

/// Every column of older bills, in WeChat's order.
const OLD: &str = "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,总金额,\
代金券或立减优惠金额,微信退款单号,商户退款单号,退款金额,代金券或立减优惠退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率";

/// The same of newer ones.
const NEW: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,\
应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,\
申请退款金额,费率备注";

const OLD_TOTALS: &str = "总交易单数,总交易额,总退款金额,总代金券或立减优惠退款金额,手续费总金额";
const NEW_TOTALS: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

fn mch_id() -> MchId {
    MchId::parse("10000100").unwrap()
}

fn values(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}")).collect::<Vec<_>>().join(",")
}

fn old_line(number: &str, kind: &str, state: &str, total: &str, refund: [&str; 4]) -> String {
    let [refund_id, out_refund_no, amount, status] = refund;
    values(&[
        "2026-03-02 10:00:00",
        "wxd930ea5d5a258f4f",
        "10000100",
        "0",
        "",
        &format!("42{number}"),
        number,
        "openid",
        kind,
        state,
        "OTHERS",
        "CNY",
        total,
        "0.00",
        refund_id,
        out_refund_no,
        amount,
        "0.00",
        "",
        status,
        "会员,月度",
        "",
        "0.00000",
        "0.60%",
    ])
}

const NO_REFUND: [&str; 4] = ["0", "0", "0.00", ""];

/// A deduction, a payment, and its refund.
fn old_bill() -> Vec<String> {
    vec![
        OLD.to_owned(),
        old_line("A1000001", "PAP", "SUCCESS", "18.00", NO_REFUND),
        old_line("A1000002", "APP", "SUCCESS", "9.9", NO_REFUND),
        old_line("A1000002", "APP", "REFUND", "0.00", ["50001", "R1", "0.29", "PROCESSING"]),
        OLD_TOTALS.to_owned(),
        values(&["3", "27.90", "0.29", "0.00", "0.00000"]),
    ]
}

fn text(lines: &[String]) -> String {
    lines.join("\r\n") + "\r\n"
}

fn row(number: &str, trade_type: TradeType, entry: BillEntry) -> BillRow {
    BillRow { out_trade_no: number.to_owned(), transaction_id: format!("42{number}"), trade_type, entry }
}

#[test]
fn an_older_bill_tells_of_deductions_payments_and_refunds_in_fen() {
    let refund = BillRefund {
        out_refund_no: "R1".to_owned(),
        refund_id: "50001".to_owned(),
        amount: Fen::new(29),
        status: BillRefundStatus::Processing,
    };
    let rows = vec![
        row("A1000001", TradeType::Pap, BillEntry::Paid { total: Fen::new(1_800) }),
        row("A1000002", TradeType::App, BillEntry::Paid { total: Fen::new(990) }),
        row("A1000002", TradeType::App, BillEntry::Refund(refund)),
    ];
    assert_eq!(read(text(&old_bill()).as_bytes(), &mch_id()), Ok(Bill { rows: rows.clone() }));
    let marked = format!("\u{feff}{}", text(&old_bill()));
    assert_eq!(read(marked.as_bytes(), &mch_id()), Ok(Bill { rows }), "with a byte-order mark");
}

#[test]
fn a_newer_bill_tells_the_amount_of_the_order_and_not_what_is_settled_of_it() {
    let line = |state: &str, settled: &str, refund: [&str; 4], ordered: &str, asked_back: &str| {
        let [refund_id, out_refund_no, amount, status] = refund;
        values(&[
            "2026-03-02 10:00:00",
            "wxd930ea5d5a258f4f",
            "10000100",
            "0",
            "",
            "42A1000001",
            "A1000001",
            "openid",
            "APP",
            state,
            "OTHERS",
            "CNY",
            settled,
            "2.00",
            refund_id,
            out_refund_no,
            amount,
            "0.00",
            "ORIGINAL",
            status,
            "书",
            "",
            "0.00000",
            "0.60%",
            ordered,
            asked_back,
            "",
        ])
    };
    let lines = [
        NEW.to_owned(),
        line("SUCCESS", "16.00", NO_REFUND, "18.00", "0.00"),
        line("REFUND", "0.00", ["50001", "R1", "16.00", "SUCCESS"], "0.00", "18.00"),
        NEW_TOTALS.to_owned(),
        values(&["2", "16.00", "16.00", "0.00", "0.00000", "18.00", "18.00"]),
    ];
    let bill = read(text(&lines).as_bytes(), &mch_id()).unwrap();
    assert_eq!(bill.rows[0].entry, BillEntry::Paid { total: Fen::new(1_800) });
    let BillEntry::Refund(refund) = &bill.rows[1].entry else { panic!("{:?}", bill.rows[1]) };
    assert_eq!((refund.amount, &refund.status), (Fen::new(1_800), &BillRefundStatus::Succeeded));
}

#[test]
fn a_word_that_nobody_knows_is_kept_and_never_guessed() {
    let mut lines = old_bill();
    lines[1] = lines[1].replace("`SUCCESS", "`FROZEN");
    lines[3] = lines[3].replace("`PROCESSING", "`WAITING");
    let bill = read(text(&lines).as_bytes(), &mch_id()).unwrap();
    assert_eq!(bill.rows[0].entry, BillEntry::Other { state: "FROZEN".to_owned() });
    assert_eq!((bill.rows[0].state(), bill.rows[2].state()), ("FROZEN", "WAITING"));
}

#[test]
fn added_columns_and_totals_are_passed_over() {
    let lines: Vec<_> = old_bill()
        .into_iter()
        .map(|line| if line.starts_with('`') { line + ",`more" } else { line + ",新增" })
        .collect();
    assert_eq!(read(text(&lines).as_bytes(), &mch_id()), read(text(&old_bill()).as_bytes(), &mch_id()));
}

#[test]
fn what_is_wrong_with_a_bill_is_named_by_line_and_column() {
    let wrong = |line: usize, from: &str, to: &str| {
        let mut lines = old_bill();
        assert!(lines[line].contains(from), "{from}");
        lines[line] = lines[line].replacen(from, to, 1);
        let BillError { line, column, .. } = read(text(&lines).as_bytes(), &mch_id()).unwrap_err();
        (line, column.unwrap_or_default())
    };
    assert_eq!(wrong(0, "商户订单号", "订单号"), (1, "商户订单号"));
    assert_eq!(wrong(0, "设备号", "商户号"), (1, ""), "a name that comes twice");
    assert_eq!(wrong(1, "`18.00", "`18.001"), (2, "总金额"));
    assert_eq!(wrong(1, "`18.00", "`-18.00"), (2, "总金额"));
    assert_eq!(wrong(1, "`10000100", "`10000200"), (2, "商户号"));
    assert_eq!(wrong(1, "`A1000001", "`"), (2, "商户订单号"));
    assert_eq!(wrong(1, "会员,月度", "会员,`月度"), (2, ""), "a value too many");
    assert_eq!(wrong(3, "`R1", "`0"), (4, "商户退款单号"));
    assert_eq!(wrong(5, "`3", "`4"), (6, "总交易单数"));
    assert_eq!(wrong(5, "`27.90", "`27.91"), (6, "总交易额"));
    assert_eq!(wrong(5, "`0.29", "`0.30"), (6, "总退款金额"));
    assert_eq!(wrong(4, "总退款金额", "退款"), (6, "总退款金额"));
}

#[test]
fn a_bill_that_lost_its_end_or_a_line_is_refused() {
    let lines = old_bill();
    for kept in 0..lines.len() {
        assert!(read(text(&lines[..kept]).as_bytes(), &mch_id()).is_err(), "{kept} lines");
    }
    for lost in 0..lines.len() {
        let mut lines = lines.clone();
        lines.remove(lost);
        assert!(read(text(&lines).as_bytes(), &mch_id()).is_err(), "without line {lost}");
    }
    let more = text(&lines) + &lines[1];
    assert_eq!(read(more.as_bytes(), &mch_id()).unwrap_err().line, 7);
}

#[test]
fn what_is_too_long_or_no_text_is_refused_before_it_is_split() {
    assert_eq!(read(&vec![b'`'; LONGEST + 1], &mch_id()).unwrap_err().rule, "at most 64 MiB");
    assert_eq!(read(b"\xff\xfe", &mch_id()).unwrap_err().rule, "UTF-8");
}

#[test]
fn an_error_shows_no_value() {
    let mut lines = old_bill();
    lines[1] = lines[1].replace("18.00", "secret");
    let error = read(text(&lines).as_bytes(), &mch_id()).unwrap_err();
    assert_eq!(error.to_string(), "the bill's line 2, 总金额: yuan with at most two decimals");
}

/// Fen as WeChat writes them.
fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

proptest! {
    #[test]
    fn what_is_written_as_a_bill_is_read_as_it_was(amounts in proptest::collection::vec(0_u64..100_000_000, 0..40)) {
        let number = |index: usize| format!("A{index:07}");
        let mut lines = vec![OLD.to_owned()];
        for (index, amount) in amounts.iter().enumerate() {
            lines.push(old_line(&number(index), "PAP", "SUCCESS", &yuan(*amount), NO_REFUND));
        }
        lines.push(OLD_TOTALS.to_owned());
        let count = amounts.len().to_string();
        lines.push(values(&[&count, &yuan(amounts.iter().sum()), "0.00", "0.00", "0.00"]));
        let bill = read(text(&lines).as_bytes(), &mch_id()).unwrap();
        let paid = amounts.iter().enumerate();
        let rows: Vec<_> = paid
            .map(|(index, amount)| row(&number(index), TradeType::Pap, BillEntry::Paid { total: Fen::new(*amount) }))
            .collect();
        prop_assert_eq!(bill.rows, rows);
    }

    #[test]
    fn a_bill_with_one_digit_of_an_amount_changed_is_refused(line in 1_usize..3, digit in 0_u8..10) {
        let mut lines = old_bill();
        let (before, after) = if line == 1 { ("`18.00", format!("`1{digit}.00")) } else { ("`9.9,", format!("`{digit}.9,")) };
        let changed = lines[line].replacen(before, &after, 1);
        prop_assume!(changed != lines[line]);
        lines[line] = changed;
        prop_assert!(read(text(&lines).as_bytes(), &mch_id()).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_of_bills_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, &mch_id());
    }

    #[test]
    fn no_damage_to_a_bill_makes_its_reader_panic(place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = text(&old_bill()).into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if cut {
            bytes.truncate(place);
        }
        let _ = read(&bytes, &mch_id());
    }
}
