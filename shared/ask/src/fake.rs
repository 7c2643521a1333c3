//! A WeChat for tests, which answers what it is told to: signed, about the numbers that it was asked for. Its rules are the
//! simulator's business.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "it answers tests only, and a broken one must stop the test that meets it"
)]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use verify::sign::v2::{Field, render_xml, signed_xml};
use verify::{ApiV2Key, Content, Generations, MerchantKeys, SignAlgorithm, WechatpayKeys};
use wechat::{Failure, Incoming, Outgoing, Transport};

/// The key that it signs with, and wants to be asked with: a published test key.
pub const KEY: &str = "192006250b4c09247ec02edce69f6a2d";

/// The merchant that it knows.
pub const MCH_ID: &str = "10000100";

/// What is repeated from a question in its answer.
const ECHOED: [&str; 7] = ["appid", "mch_id", "nonce_str", "out_trade_no", "out_refund_no", "contract_code", "plan_id"];

/// A WeChat. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct FakeWeChat(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    standing: HashMap<String, Reply>,
    once: HashMap<String, VecDeque<Reply>>,
    asked: Vec<Asked>,
    v3: Option<SignV3>,
}

/// An answer as V3 signs it: status, body, and the Unix time of the question.
pub type SignV3 = fn(u16, &str, i64) -> Incoming;

/// A question that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path, such as `/pay/orderquery`.
    pub path: String,
    /// The fields of a V2 request.
    pub fields: BTreeMap<String, String>,
    /// The body as it came.
    pub body: String,
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Success, with these fields, signed.
    Fields(Vec<(String, String)>),
    /// This status and JSON of V3's. A success repeats what it was asked with.
    Json(u16, Value),
    /// This status and JSON of V3's, without signature.
    UnsignedJson(u16, Value),
    /// A refusal with this `err_code`, signed.
    Refuses(&'static str),
    /// A refusal with this `err_code`, without signature.
    RefusesUnsigned(&'static str),
    /// This status, without a body.
    Status(u16),
    /// Nothing.
    Silence,
}

/// Success, with these fields.
#[must_use]
pub fn fields(fields: &[(&str, &str)]) -> Reply {
    Reply::Fields(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

impl FakeWeChat {
    /// From here it answers questions to this path so.
    pub fn on(&self, path: &str, reply: Reply) {
        self.state().standing.insert(path.to_owned(), reply);
    }

    /// It answers the next question to this path so; several are answered in turn.
    pub fn once(&self, path: &str, reply: Reply) {
        self.state().once.entry(path.to_owned()).or_default().push_back(reply);
    }

    /// From here V3's answers are signed so.
    pub fn sign_v3(&self, sign: SignV3) {
        self.state().v3 = Some(sign);
    }

    /// What it was asked, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// The paths that it was asked for since it was looked at last.
    #[must_use]
    pub fn take_paths(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked).into_iter().map(|asked| asked.path).collect()
    }

    /// Keys that verify what it answers and sign what it is asked.
    #[must_use]
    pub fn keys() -> Arc<MerchantKeys> {
        let key = Generations::only(ApiV2Key::parse(KEY).unwrap());
        Arc::new(MerchantKeys::new(MCH_ID, Some(key), None, WechatpayKeys::default()).unwrap())
    }

    fn json(&self, request: &Outgoing<'_>, status: u16, told: Value) -> Incoming {
        let sign = self.state().v3.expect("nobody said how V3 signs");
        let mut answer = match serde_json::from_str(request.body) {
            Ok(asked @ Value::Object(_)) if status < 300 => asked,
            _ => Value::Object(serde_json::Map::new()),
        };
        if let (Some(answer), Value::Object(told)) = (answer.as_object_mut(), told) {
            answer.extend(told);
        }
        let body = if status == 204 { String::new() } else { answer.to_string() };
        sign(status, &body, asked_at(request))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn reply(&self, asked: Asked) -> Reply {
        let mut state = self.state();
        let path = asked.path.clone();
        state.asked.push(asked);
        let once = state.once.get_mut(&path).and_then(VecDeque::pop_front);
        let reply = once.or_else(|| state.standing.get(&path).cloned());
        reply.unwrap_or_else(|| panic!("nobody said what is answered at {path}"))
    }
}

impl Transport for FakeWeChat {
    async fn exchange(&self, request: Outgoing<'_>) -> Result<Incoming, Failure> {
        let path = request.url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        // A question of V3's names the merchant after its path.
        let path = path.split('?').next().unwrap_or_default().to_owned();
        let fields = v2_fields(request.body);
        let reply = self.reply(Asked { path, fields: fields.clone(), body: request.body.to_owned() });
        let body = match reply {
            Reply::Silence => return Err(Failure::TimedOut),
            Reply::Status(status) => return Ok(Incoming { status, headers: Vec::new(), body: Vec::new() }),
            Reply::Json(status, told) => return Ok(self.json(&request, status, told)),
            Reply::UnsignedJson(status, told) => {
                return Ok(Incoming { status, headers: Vec::new(), body: told.to_string().into_bytes() });
            }
            Reply::Fields(told) => signed(&fields, &told),
            Reply::Refuses(code) => {
                signed(&fields, &[("result_code".into(), "FAIL".into()), ("err_code".into(), code.into())])
            }
            Reply::RefusesUnsigned(code) => render_xml(&[
                Field::text("return_code", "SUCCESS"),
                Field::text("result_code", "FAIL"),
                Field::text("err_code", code),
            ]),
        };
        Ok(Incoming { status: 200, headers: Vec::new(), body: body.into_bytes() })
    }
}

/// The time of a V3 request's signature.
fn asked_at(request: &Outgoing<'_>) -> i64 {
    let signed = request.headers.iter().find(|(name, _)| *name == "authorization").map(|(_, value)| value);
    let time = signed.and_then(|header| header.split("timestamp=\"").nth(1)).and_then(|rest| rest.split('"').next());
    time.unwrap().parse().unwrap()
}

/// The fields of a V2 request, whose signature must fit.
fn v2_fields(body: &str) -> BTreeMap<String, String> {
    if !body.starts_with('<') {
        return BTreeMap::new();
    }
    let keys = FakeWeChat::keys();
    let verified = keys.verify_v2(body.as_bytes()).unwrap();
    let Content::V2(fields) = verified.content() else { panic!("not a V2 request") };
    fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn signed(asked: &BTreeMap<String, String>, told: &[(String, String)]) -> String {
    let mut all: BTreeMap<&str, &str> = BTreeMap::from([("return_code", "SUCCESS"), ("result_code", "SUCCESS")]);
    all.extend(asked.iter().filter(|(name, _)| ECHOED.contains(&name.as_str())).map(|(n, v)| (n.as_str(), v.as_str())));
    all.extend(told.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let fields: Vec<Field<'_>> = all.into_iter().map(|(name, value)| Field::configured_url(name, value)).collect();
    signed_xml(&fields, &ApiV2Key::parse(KEY).unwrap(), SignAlgorithm::Md5).unwrap()
}
