//! The daily trade bill (交易账单), whose form V2 and V3 share: the kind `ALL`.
//!
//! A line with the names of the columns, a line for each payment and refund, a line with the names of the totals, a line of totals.
//! Names are separated by commas. Of values each is preceded by a back-tick, so that the separator is a comma and a back-tick: names of
//! goods hold commas. Amounts are in yuan with a decimal point; here they become fen without ever being a floating-point number.

mod columns;
mod money;

use domain::{Fen, MchId, TradeType};

use self::columns::{Columns, Totals};

/// The longest bill that is read: some two hundred thousand lines.
pub const LONGEST: usize = 64 << 20;

/// A bill whose totals fit its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Its lines, in their order.
    pub rows: Vec<BillRow>,
}

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillRow {
    /// 商户订单号: as it stands there, since a merchant can have other systems with other numbers.
    pub out_trade_no: String,
    /// 微信订单号
    pub transaction_id: String,
    /// 交易类型
    pub trade_type: TradeType,
    /// What it tells of that order.
    pub entry: BillEntry,
}

/// What a line tells of an order, by its 交易状态.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillEntry {
    /// `SUCCESS`: it was paid.
    Paid {
        /// 订单金额, in older bills 总金额.
        total: Fen,
    },
    /// `REFUND`: some of it was to be given back.
    Refund(BillRefund),
    /// `REVOKED`: the payment was taken back.
    Revoked,
    /// A word that we do not know: undecided, never guessed.
    Other {
        /// WeChat's word.
        state: String,
    },
}

/// A refund in a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillRefund {
    /// 商户退款单号
    pub out_refund_no: String,
    /// 微信退款单号
    pub refund_id: String,
    /// 申请退款金额, in older bills 退款金额.
    pub amount: Fen,
    /// 退款状态
    pub status: BillRefundStatus,
}

/// 退款状态, as it was when the bill was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BillRefundStatus {
    /// `SUCCESS`
    Succeeded,
    /// `PROCESSING`
    Processing,
    /// `FAIL`
    Failed,
    /// `CHANGE`: the user's card is dead and the money waits.
    Abnormal,
    /// A word that we do not know.
    Other {
        /// WeChat's word.
        status: String,
    },
}

/// Why a bill cannot be read. It names line, column and rule, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bill's line {line}{}: {rule}", column.map(|name| format!(", {name}")).unwrap_or_default())]
pub struct BillError {
    /// Counted from 1; 0 where it is about the whole.
    pub line: usize,
    /// The column's name, where it is about one.
    pub column: Option<&'static str>,
    /// What must be so.
    pub rule: &'static str,
}

impl BillError {
    fn line(line: usize, rule: &'static str) -> Self {
        Self { line, column: None, rule }
    }

    fn column(line: usize, column: &'static str, rule: &'static str) -> Self {
        Self { line, column: Some(column), rule }
    }
}

impl BillRow {
    /// WeChat's word for the state of the line.
    #[must_use]
    pub fn state(&self) -> &str {
        match &self.entry {
            BillEntry::Paid { .. } => "SUCCESS",
            BillEntry::Refund(refund) => refund.status.as_str(),
            BillEntry::Revoked => "REVOKED",
            BillEntry::Other { state } => state,
        }
    }
}

impl BillRefundStatus {
    fn read(word: &str) -> Self {
        match word {
            "SUCCESS" => Self::Succeeded,
            "PROCESSING" => Self::Processing,
            "FAIL" => Self::Failed,
            "CHANGE" => Self::Abnormal,
            _ => Self::Other { status: word.to_owned() },
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Succeeded => "SUCCESS",
            Self::Processing => "PROCESSING",
            Self::Failed => "FAIL",
            Self::Abnormal => "CHANGE",
            Self::Other { status } => status,
        }
    }
}

/// Reads the bill of a merchant.
///
/// ```
/// let text = "微信订单号,商户号,商户订单号,交易类型,交易状态,总金额,微信退款单号,商户退款单号,退款金额,退款状态\n\
///     `4200000001,`10000100,`A1000001,`PAP,`SUCCESS,`18.00,`0,`0,`0.00,`\n\
///     总交易单数,总交易额,总退款金额\n`1,`18.00,`0.00\n";
/// let mch_id = domain::MchId::parse("10000100")?;
/// let bill = parse::bill::read(text.as_bytes(), &mch_id)?;
/// assert_eq!(bill.rows[0].entry, parse::bill::BillEntry::Paid { total: domain::Fen::new(1800) });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`BillError`]: longer than [`LONGEST`], no UTF-8, another merchant's, a column that is missing or twice, a line with another number of
/// values, an amount that is none, totals that do not fit the lines, or a bill that ends too early.
pub fn read(bytes: &[u8], mch_id: &MchId) -> Result<Bill, BillError> {
    if bytes.len() > LONGEST {
        return Err(BillError::line(0, "at most 64 MiB"));
    }
    let text = str::from_utf8(bytes).map_err(|_| BillError::line(0, "UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().zip(1_usize..).map(|(line, number)| (number, line.trim_end_matches('\r')));
    let mut next =
        || lines.find(|(_, line)| !line.is_empty()).ok_or(BillError::line(0, "names, lines, names and totals"));
    let (number, names) = next()?;
    let columns = Columns::read(number, names)?;
    let mut bill = Bill::default();
    let mut totals = Totals::default();
    let names_of_totals = loop {
        let (number, line) = next()?;
        if !line.starts_with('`') {
            break (number, line);
        }
        let row = columns.row(number, line)?;
        if row.mch_id != mch_id.as_str() {
            return Err(BillError::column(number, columns::MERCHANT, "the merchant whose bill was asked for"));
        }
        totals.add(&row)?;
        bill.rows.push(row.read()?);
    };
    let (number, line) = next()?;
    totals.check(names_of_totals, (number, line))?;
    match next() {
        Ok((number, _)) => Err(BillError::line(number, "nothing after the totals")),
        Err(_) => Ok(bill),
    }
}
