//! Numbers, names, amounts and times.

use domain::{
    AppId, Check, Consumer, ContractCode, ContractId, Fen, Launch, MchId, OpenId, OutRefundNo, OutTradeNo, PlanId,
    ProductId, RefundId, RequestText, Timestamp, TransactionId, UserId,
};
use fastrand::Rng;

const BASE32: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The merchant of generated items, unless one is given.
const MERCHANT: &str = "10000100";

/// Makes valid values out of a seed.
#[derive(Clone, Debug)]
pub struct Generator {
    pub(super) rng: Rng,
    mch_id: MchId,
}

impl Generator {
    /// A generator whose values follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), mch_id: MchId::parse(MERCHANT).unwrap() }
    }

    /// The same, with the items of another merchant.
    #[must_use]
    pub fn of_merchant(mut self, mch_id: MchId) -> Self {
        self.mch_id = mch_id;
        self
    }

    /// The merchant.
    pub fn mch_id(&self) -> MchId {
        self.mch_id.clone()
    }

    /// A contract number of our making: 20 upper-case base32 characters.
    pub fn contract_code(&mut self) -> ContractCode {
        ContractCode::parse(&self.base32(20)).unwrap()
    }

    /// The number of the first order of a contract.
    pub fn first_order(&mut self, code: &ContractCode) -> OutTradeNo {
        code.first_order().unwrap()
    }

    /// The number of a deduction.
    pub fn deduction(&mut self, code: &ContractCode, period: u16, attempt: u8) -> OutTradeNo {
        OutTradeNo::parse(&format!("{code}P{:04}A{:02}", period % 10_000, attempt % 100)).unwrap()
    }

    /// An order number that names no contract.
    pub fn out_trade_no(&mut self) -> OutTradeNo {
        OutTradeNo::parse(&format!("one-{}", self.base32(16))).unwrap()
    }

    /// WeChat's number of an order.
    pub fn transaction_id(&mut self) -> TransactionId {
        TransactionId::parse(&format!("42000{}", self.digits(20))).unwrap()
    }

    /// WeChat's number of a contract.
    pub fn contract_id(&mut self) -> ContractId {
        ContractId::parse(&self.digits(24)).unwrap()
    }

    /// A refund number.
    pub fn out_refund_no(&mut self) -> OutRefundNo {
        OutRefundNo::parse(&format!("R{}", self.base32(16))).unwrap()
    }

    /// WeChat's number of a refund.
    pub fn refund_id(&mut self) -> RefundId {
        RefundId::parse(&format!("50{}", self.digits(26))).unwrap()
    }

    /// A deduction template.
    pub fn plan_id(&mut self) -> PlanId {
        PlanId::parse(&format!("1{}", self.digits(5))).unwrap()
    }

    /// An application.
    pub fn appid(&mut self) -> AppId {
        AppId::parse(&format!("wx{}", self.digits(16))).unwrap()
    }

    /// A user.
    pub fn openid(&mut self) -> OpenId {
        OpenId::parse(&format!("o{}", self.base32(27))).unwrap()
    }

    /// A user of the merchant's app.
    pub fn user(&mut self) -> UserId {
        UserId::parse(&format!("user|{}", self.base32(12))).unwrap()
    }

    /// A product of the catalogue.
    pub fn product(&mut self) -> ProductId {
        ProductId::parse(&format!("vip-{}", self.base32(4))).unwrap()
    }

    /// A request, as it is stored.
    pub fn request(&mut self) -> RequestText {
        RequestText::new(format!("<xml><nonce_str>{}</nonce_str><body>续费</body></xml>", self.base32(32)))
    }

    /// What a client starts with, in any combination.
    pub fn launch(&mut self) -> Launch {
        Launch {
            prepay_id: self.option(|it| format!("wx{}", it.digits(20))),
            code_url: self.option(|it| format!("weixin://wxpay/bizpayurl?pr={}", it.base32(7))),
            mweb_url: self.option(|it| format!("https://wx.tenpay.com/checkmweb?prepay_id={}", it.digits(20))),
            pre_entrustweb_id: self.option(|it| it.digits(20)),
            miniprogram_username: self.option(|it| format!("gh_{}", it.base32(12))),
            miniprogram_path: self.option(|it| format!("pages/index?id={}", it.base32(8))),
            redirect_url: self.option(|it| format!("https://pay.wechatpay.cn/{}", it.base32(8))),
            obtained_at: self.time(),
        }
    }

    /// An amount between 1 fen and 1 000 yuan.
    pub fn amount(&mut self) -> Fen {
        Fen::new(self.rng.u64(1..=100_000))
    }

    /// A time in 2026, to the millisecond.
    pub fn time(&mut self) -> Timestamp {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let year = 365 * 86_400_000;
        Timestamp::from_millisecond(start.as_millisecond() + self.rng.i64(0..year)).unwrap()
    }

    /// A due check.
    pub fn check(&mut self) -> Check {
        Check { asked: self.rng.bool(), ..Check::new(self.time(), self.rng.u32(0..6)) }
    }

    /// A hash.
    pub fn body_hash(&mut self) -> [u8; 32] {
        let mut hash = [0; 32];
        self.rng.fill(&mut hash);
        hash
    }

    /// The name of a consumer.
    pub fn consumer(&mut self) -> Consumer {
        format!("consumer-{}", self.base32(6).to_lowercase())
    }

    /// Text of any script, as a caller's metadata may be.
    pub fn text(&mut self) -> String {
        let words = ["plain", "续费", "a\"b\\c", "<&>", "été", "🙂", "line\nbreak", " "];
        (0..self.rng.usize(1..4)).map(|_| words[self.rng.usize(..words.len())]).collect()
    }

    /// One of several values.
    pub fn one_of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.rng.usize(..values.len())].clone()
    }

    /// A value, or none.
    pub fn option<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.rng.bool().then(|| make(self))
    }

    fn base32(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(BASE32[self.rng.usize(..BASE32.len())])).collect()
    }

    fn digits(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b'0' + self.rng.u8(..10))).collect()
    }
}
