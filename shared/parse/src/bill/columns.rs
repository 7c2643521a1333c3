//! Columns and totals, by their names: old and newer ones.

use domain::{Fen, TradeType};

use super::{BillEntry, BillError, BillRefund, BillRefundStatus, BillRow, money};

/// 商户号
pub(super) const MERCHANT: &str = "商户号";

const AN_AMOUNT: &str = "yuan with at most two decimals";

/// An amount that the totals count, and what its total is called.
struct Summed {
    columns: &'static [&'static str],
    totals: &'static [&'static str],
}

const SETTLED: Summed =
    Summed { columns: &["总金额", "应结订单金额"], totals: &["总交易额", "应结订单总金额"] };
const REFUNDED: Summed = Summed { columns: &["退款金额"], totals: &["总退款金额", "退款总金额"] };
const ORDERED: Summed = Summed { columns: &["订单金额"], totals: &["订单总金额"] };
const ASKED_BACK: Summed = Summed { columns: &["申请退款金额"], totals: &["申请退款总金额"] };

/// 总交易单数
const COUNT: &str = "总交易单数";

/// Where each column stands.
pub(super) struct Columns {
    count: usize,
    merchant: usize,
    out_trade_no: usize,
    transaction_id: usize,
    trade_type: usize,
    state: usize,
    settled: usize,
    /// In newer bills.
    ordered: Option<usize>,
    refund_id: usize,
    out_refund_no: usize,
    refunded: usize,
    /// In newer bills.
    asked_back: Option<usize>,
    refund_status: usize,
}

/// The values of a line that are read.
pub(super) struct Values<'a> {
    line: usize,
    pub(super) mch_id: &'a str,
    out_trade_no: &'a str,
    transaction_id: &'a str,
    trade_type: &'a str,
    state: &'a str,
    refund_id: &'a str,
    out_refund_no: &'a str,
    refund_status: &'a str,
    settled: Fen,
    refunded: Fen,
    ordered: Option<Fen>,
    asked_back: Option<Fen>,
}

impl Columns {
    pub(super) fn read(line: usize, names: &str) -> Result<Self, BillError> {
        let names = split_names(line, names)?;
        let place = |wanted: &[&str]| names.iter().position(|name| wanted.contains(name));
        let at = |wanted: &'static [&'static str]| {
            let missing = BillError { line, column: wanted.first().copied(), rule: "a column of this name" };
            place(wanted).ok_or(missing)
        };
        Ok(Self {
            count: names.len(),
            merchant: at(&[MERCHANT])?,
            out_trade_no: at(&["商户订单号"])?,
            transaction_id: at(&["微信订单号"])?,
            trade_type: at(&["交易类型"])?,
            state: at(&["交易状态"])?,
            settled: at(SETTLED.columns)?,
            ordered: place(ORDERED.columns),
            refund_id: at(&["微信退款单号"])?,
            out_refund_no: at(&["商户退款单号"])?,
            refunded: at(REFUNDED.columns)?,
            asked_back: place(ASKED_BACK.columns),
            refund_status: at(&["退款状态"])?,
        })
    }

    pub(super) fn row<'a>(&self, line: usize, text: &'a str) -> Result<Values<'a>, BillError> {
        let values = split_values(line, text)?;
        if values.len() != self.count {
            return Err(BillError::line(line, "as many values as columns"));
        }
        let value = |place: usize| values.get(place).copied().unwrap_or_default();
        let amount = |place: usize, name: &'static str| amount(line, name, value(place));
        let optional = |place: Option<usize>, name| place.map(|place| amount(place, name)).transpose();
        Ok(Values {
            line,
            mch_id: value(self.merchant),
            out_trade_no: value(self.out_trade_no),
            transaction_id: value(self.transaction_id),
            trade_type: value(self.trade_type),
            state: value(self.state),
            refund_id: value(self.refund_id),
            out_refund_no: value(self.out_refund_no),
            refund_status: value(self.refund_status),
            settled: amount(self.settled, "总金额")?,
            refunded: amount(self.refunded, "退款金额")?,
            ordered: optional(self.ordered, "订单金额")?,
            asked_back: optional(self.asked_back, "申请退款金额")?,
        })
    }
}

impl Values<'_> {
    pub(super) fn read(&self) -> Result<BillRow, BillError> {
        let needed = |name: &'static str, value: &str| match value {
            "" | "0" => Err(BillError::column(self.line, name, "a number")),
            number => Ok(number.to_owned()),
        };
        let entry = match self.state {
            "SUCCESS" => BillEntry::Paid { total: self.ordered.unwrap_or(self.settled) },
            "REFUND" => BillEntry::Refund(BillRefund {
                out_refund_no: needed("商户退款单号", self.out_refund_no)?,
                refund_id: needed("微信退款单号", self.refund_id)?,
                amount: self.asked_back.unwrap_or(self.refunded),
                status: BillRefundStatus::read(self.refund_status),
            }),
            "REVOKED" => BillEntry::Revoked,
            state => BillEntry::Other { state: state.to_owned() },
        };
        Ok(BillRow {
            out_trade_no: needed("商户订单号", self.out_trade_no)?,
            transaction_id: needed("微信订单号", self.transaction_id)?,
            trade_type: TradeType::read(self.trade_type),
            entry,
        })
    }
}

/// What the lines add up to.
#[derive(Default)]
pub(super) struct Totals {
    rows: usize,
    paid: usize,
    settled: Sum,
    refunded: Sum,
    ordered: Option<Sum>,
    asked_back: Option<Sum>,
}

/// What a line about a refund has for the amount of its order, and whether it counts as 交易, is not documented: either sum is right, and
/// neither is where a line was lost.
#[derive(Clone, Copy, Default)]
struct Sum {
    of_all: Fen,
    of_payments: Fen,
}

impl Totals {
    pub(super) fn add(&mut self, row: &Values<'_>) -> Result<(), BillError> {
        let is_payment = row.state == "SUCCESS";
        self.rows = self.rows.saturating_add(1);
        self.paid = self.paid.saturating_add(usize::from(is_payment));
        let more = |sum: Sum, amount| sum.with(amount, is_payment, row.line);
        self.settled = more(self.settled, row.settled)?;
        self.refunded = more(self.refunded, row.refunded)?;
        if let Some(amount) = row.ordered {
            self.ordered = Some(more(self.ordered.unwrap_or_default(), amount)?);
        }
        if let Some(amount) = row.asked_back {
            self.asked_back = Some(more(self.asked_back.unwrap_or_default(), amount)?);
        }
        Ok(())
    }

    pub(super) fn check(&self, names: (usize, &str), values: (usize, &str)) -> Result<(), BillError> {
        let names = split_names(names.0, names.1)?;
        let (line, values) = (values.0, split_values(values.0, values.1)?);
        if names.len() != values.len() {
            return Err(BillError::line(line, "as many totals as names"));
        }
        let total = |wanted: &[&str]| {
            let place = names.iter().position(|name| wanted.contains(name))?;
            values.get(place).copied()
        };
        let count = total(&[COUNT]).ok_or(BillError::column(line, COUNT, "a total of this name"))?;
        if ![self.rows, self.paid].iter().any(|counted| counted.to_string() == count) {
            return Err(BillError::column(line, COUNT, "the number of the lines above"));
        }
        let sums = [
            (SETTLED, Some(self.settled), true),
            (REFUNDED, Some(self.refunded), true),
            (ORDERED, self.ordered, false),
            (ASKED_BACK, self.asked_back, false),
        ];
        for (summed, counted, is_required) in sums {
            let name = summed.totals.first().copied().unwrap_or_default();
            match (total(summed.totals), counted) {
                (Some(told), Some(counted)) if !counted.fits(amount(line, name, told)?) => {
                    return Err(BillError::column(line, name, "the sum of the lines above"));
                }
                (None, _) if is_required => return Err(BillError::column(line, name, "a total of this name")),
                (Some(_) | None, _) => {}
            }
        }
        Ok(())
    }
}

impl Sum {
    fn with(self, amount: Fen, is_payment: bool, line: usize) -> Result<Self, BillError> {
        let of_all = self.of_all.get().checked_add(amount.get());
        let of_all = of_all.ok_or(BillError::line(line, "amounts that can be added up"))?;
        let of_payments = if is_payment { self.of_payments.plus(amount) } else { self.of_payments };
        Ok(Self { of_all: Fen::new(of_all), of_payments })
    }

    fn fits(self, total: Fen) -> bool {
        self.of_all == total || self.of_payments == total
    }
}

/// Nothing is no fen: in lines without a refund its amount can be empty.
fn amount(line: usize, name: &'static str, text: &str) -> Result<Fen, BillError> {
    match text {
        "" => Ok(Fen::ZERO),
        text => money::fen(text).ok_or(BillError::column(line, name, AN_AMOUNT)),
    }
}

/// Each name once: of two columns of one name, two readers could take two.
fn split_names(line: usize, text: &str) -> Result<Vec<&str>, BillError> {
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_first = |(place, name): (usize, &&str)| names.iter().position(|other| other == name) == Some(place);
    match names.iter().enumerate().all(is_first) {
        true => Ok(names),
        false => Err(BillError::line(line, "each name once")),
    }
}

fn split_values(line: usize, text: &str) -> Result<Vec<&str>, BillError> {
    let values = text.strip_prefix('`').ok_or(BillError::line(line, "a back-tick before each value"))?;
    Ok(values.split(",`").map(str::trim).collect())
}
