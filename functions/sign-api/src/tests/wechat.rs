//! A WeChat that is just large enough: it takes orders and contracts, and answers questions about them, signed.

mod v3;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use domain::Timestamp;
use jiff::tz::TimeZone;
use verify::sign::v2::{Field, render_xml, signed_xml};
use verify::{ApiV2Key, SignAlgorithm, V2Fields};
use wechat::{Failure, Incoming, Outgoing, Transport};

/// What goes wrong at the next call of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// It never answers, and has not heard it.
    Hangs,
    /// It does what it is asked for, and the answer is lost.
    AnswerLost,
    /// It refuses, signed, with this code.
    Refuses(&'static str),
    /// It refuses, signed, with this status and code: V3.
    Denies(u16, &'static str),
    /// It takes the order and offers no contract: code and text.
    NoContract(&'static str, &'static str),
}

#[derive(Clone, Default)]
pub(super) struct Fake(Arc<Mutex<World>>);

#[derive(Default)]
struct World {
    now: Timestamp,
    calls: Vec<(String, String)>,
    orders: BTreeMap<String, Placed>,
    contracts: BTreeMap<String, &'static str>,
    faults: VecDeque<(&'static str, Fault)>,
    v3: v3::V3,
}

#[derive(Clone)]
struct Placed {
    body: String,
    prepays: u32,
    state: &'static str,
}

impl Fake {
    pub(super) fn set_now(&self, now: Timestamp) {
        self.world().now = now;
    }

    pub(super) fn fail(&self, path: &'static str, fault: Fault) {
        self.world().faults.push_back((path, fault));
    }

    pub(super) fn pay(&self, out_trade_no: &str) {
        let mut world = self.world();
        if !world.v3.pay(out_trade_no) {
            world.orders.get_mut(out_trade_no).unwrap().state = "SUCCESS";
        }
    }

    /// State 0.
    pub(super) fn sign_contract(&self, code: &str) {
        self.world().contracts.insert(code.to_owned(), "0");
    }

    /// The user agreed to pay without a password.
    pub(super) fn sign_exempt(&self, code: &str) {
        self.world().v3.sign_contract(code);
    }

    /// State 1 by the user.
    pub(super) fn leave_contract(&self, code: &str) {
        self.world().contracts.insert(code.to_owned(), "1");
    }

    /// The bodies, or for a GET the query strings, that were sent to a path.
    pub(super) fn sent(&self, path: &str) -> Vec<String> {
        self.world().calls.iter().filter(|(called, _)| called == path).map(|(_, body)| body.clone()).collect()
    }

    pub(super) fn forget_calls(&self) {
        self.world().calls.clear();
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.world().calls.iter().map(|(path, _)| path.clone()).collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl Transport for Fake {
    async fn exchange(&self, request: Outgoing<'_>) -> Result<Incoming, Failure> {
        // Whoever else calls at the same time gets his turn here.
        tokio::task::yield_now().await;
        let target = request.url.strip_prefix("https://").unwrap();
        let target = &target[target.find('/').unwrap()..];
        let (path, query) = target.split_once('?').unwrap_or((target, request.body));
        let (fault, answer) = {
            let mut world = self.world();
            world.calls.push((path.to_owned(), query.to_owned()));
            let due = world.faults.front().is_some_and(|(at, _)| path.ends_with(at));
            let fault = if due { world.faults.pop_front().map(|(_, fault)| fault) } else { None };
            let heard = !matches!(fault, Some(Fault::Hangs | Fault::Refuses(_) | Fault::Denies(..)));
            (fault, if heard { world.heard(path, query, fault) } else { ok(Vec::new()) })
        };
        match fault {
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::AnswerLost) => Err(Failure::TimedOut),
            Some(Fault::Refuses(code)) => Ok(ok(signed(&[("result_code", "FAIL"), ("err_code", code)]))),
            Some(Fault::Denies(status, code)) => {
                let body = serde_json::json!({ "code": code, "message": "拒绝" });
                Ok(v3::signed(status, &body, self.world().now))
            }
            Some(Fault::NoContract(..)) | None => Ok(answer),
        }
    }
}

impl World {
    fn heard(&mut self, path: &str, query: &str, fault: Option<Fault>) -> Incoming {
        if path.starts_with("/v3/") {
            let (status, body) = self.v3.answer(path, query, self.now);
            return v3::signed(status, &body, self.now);
        }
        ok(self.answer(path, query, fault))
    }

    fn answer(&mut self, path: &str, query: &str, fault: Option<Fault>) -> Vec<u8> {
        if path == "/papay/h5entrustweb" {
            let code = query.split('&').find_map(|pair| pair.strip_prefix("contract_code=")).unwrap();
            let url = format!("https://payapp.weixin.qq.com/sign/{code}/{}", self.calls.len());
            let fields = [("return_code", "SUCCESS"), ("result_code", "SUCCESS"), ("redirect_url", url.as_str())];
            return render_xml(&fields.map(|(name, value)| Field::configured_url(name, value))).into_bytes();
        }
        let asked = V2Fields::parse_unverified(query.as_bytes()).unwrap();
        match path {
            "/pay/contractorder" => self.place(query, &asked, fault),
            "/pay/orderquery" => self.order(field(&asked, "out_trade_no")),
            "/pay/closeorder" => match self.orders.get_mut(field(&asked, "out_trade_no")) {
                Some(placed) => {
                    placed.state = "CLOSED";
                    signed(&[])
                }
                None => signed(&[("result_code", "FAIL"), ("err_code", "ORDERNOTEXIST")]),
            },
            "/papay/querycontract" => self.contract(&asked),
            "/papay/deletecontract" => {
                let code = field(&asked, "contract_id")
                    .strip_prefix("id")
                    .unwrap_or(field(&asked, "contract_code"))
                    .to_owned();
                self.contracts.insert(code, "1");
                signed(&[])
            }
            "/papay/preentrustweb" => {
                let id = format!("pre{}", self.calls.len());
                let fields =
                    [("pre_entrustweb_id", id.as_str()), ("miniprogram_username", "gh_1"), ("miniprogram_path", "p")];
                signed(&fields)
            }
            _ => panic!("{path}"),
        }
    }

    fn place(&mut self, body: &str, asked: &V2Fields<'_>, fault: Option<Fault>) -> Vec<u8> {
        let number = field(asked, "out_trade_no").to_owned();
        let placed = self.orders.entry(number.clone()).or_insert_with(|| Placed {
            body: body.to_owned(),
            prepays: 0,
            state: "NOTPAY",
        });
        if placed.body != body {
            return signed(&[("result_code", "FAIL"), ("err_code", "OUT_TRADE_NO_USED")]);
        }
        placed.prepays += 1;
        let prepay_id = format!("wx{number}{}", placed.prepays);
        let mut fields = vec![
            ("prepay_id", prepay_id.as_str()),
            ("trade_type", field(asked, "trade_type")),
            ("out_trade_no", number.as_str()),
            ("code_url", "weixin://wxpay/bizpayurl?pr=1"),
            ("mweb_url", "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=2"),
        ];
        if let Some(Fault::NoContract(code, text)) = fault {
            let failed =
                [("contract_result_code", "FAIL"), ("contract_err_code", code), ("contract_err_code_des", text)];
            fields.extend(failed);
        }
        signed(&fields)
    }

    fn order(&self, number: &str) -> Vec<u8> {
        let Some(placed) = self.orders.get(number) else {
            return signed(&[("result_code", "FAIL"), ("err_code", "ORDERNOTEXIST")]);
        };
        let placed_fields = V2Fields::parse_unverified(placed.body.as_bytes()).unwrap();
        let asked = |name: &str| placed_fields.trimmed(name).unwrap_or_default();
        let mut fields = vec![("out_trade_no", number), ("trade_state", placed.state)];
        let time = self.now.to_zoned(TimeZone::fixed(jiff::tz::offset(8))).strftime("%Y%m%d%H%M%S").to_string();
        if placed.state == "SUCCESS" {
            fields.extend([
                ("appid", asked("appid")),
                ("total_fee", asked("total_fee")),
                ("trade_type", asked("trade_type")),
                ("transaction_id", "4200000000000000000000000001"),
                ("time_end", time.as_str()),
                ("openid", if asked("openid").is_empty() { "oPayer" } else { asked("openid") }),
            ]);
        }
        signed(&fields)
    }

    fn contract(&self, asked: &V2Fields<'_>) -> Vec<u8> {
        let by_id = field(asked, "contract_id").strip_prefix("id");
        let code = by_id.unwrap_or(field(asked, "contract_code"));
        let Some(state) = self.contracts.get(code) else {
            let fields = [("return_code", "SUCCESS"), ("result_code", "FAIL"), ("err_code", "-25")];
            return render_xml(&fields.map(|(name, value)| Field::text(name, value))).into_bytes();
        };
        let contract_id = format!("id{code}");
        let mut fields = vec![
            ("contract_code", code),
            ("plan_id", "12535"),
            ("appid", field(asked, "appid")),
            ("contract_id", contract_id.as_str()),
            ("openid", "oPayer"),
            ("contract_state", *state),
            ("contract_signed_time", "2026-11-18 20:00:00"),
        ];
        if *state == "1" {
            fields.extend([("contract_terminated_time", "2026-11-19 20:00:00"), ("contract_termination_mode", "3")]);
        }
        signed(&fields)
    }
}

fn field<'a>(asked: &'a V2Fields<'_>, name: &str) -> &'a str {
    asked.trimmed(name).unwrap_or_default()
}

fn ok(body: Vec<u8>) -> Incoming {
    Incoming { status: 200, headers: Vec::new(), body }
}

/// Success of the test merchant, and these fields, which come later and win.
fn signed(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut all = BTreeMap::from([("return_code", "SUCCESS"), ("result_code", "SUCCESS"), ("mch_id", "10000100")]);
    all.extend(fields.iter().copied());
    let fields: Vec<_> = all.iter().map(|(name, value)| Field::configured_url(name, value)).collect();
    let key = ApiV2Key::parse(super::KEY).unwrap();
    signed_xml(&fields, &key, SignAlgorithm::Md5).unwrap().into_bytes()
}
