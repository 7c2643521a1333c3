//! The functions that speak with WeChat, and those that nobody outside calls: WeChat is the simulator, on this machine.

use std::time::Duration;

use counterparty::fixtures;
use counterparty::{Numbers, TEST_MERCHANT};
use papay::story::new_code;
use papay::token::TokenUser;
use serde_json::{Value, json};

use super::Emulated;
use crate::harness::{MCH_ID, attribute, poll};
use crate::outcome::text;

/// A function URL's event whose caller AWS recognised, as AWS documents it.
const IAM_EVENT: &str =
    include_str!("../../../functions/merchant-api/src/routes/tests/events/function_url_aws_iam.json");

/// The principal to whom `prepare.py` grants everything.
const BACK_END: &str = "arn:aws:sts::000000000000:assumed-role/BackEnd/payments";
const STRANGER: &str = "arn:aws:sts::000000000000:assumed-role/Reports/nightly";

const PRICE: u64 = 1_800;

/// An order is asked about 30 s after it was made.
const FIRST_CHECK: Duration = Duration::from_secs(31);

/// A subscription that an app user has begun.
pub(super) struct Subscription {
    code: String,
    order: String,
}

impl Emulated {
    /// An app user begins a purchase and a subscription with an HS256 token; nobody does without one, or with one that another secret
    /// signed.
    pub(super) async fn an_app_user_subscribes(&self) -> Subscription {
        let token = papay::token::token(
            &self.config,
            &domain::MchId::parse(MCH_ID).unwrap(),
            &TokenUser { user: format!("alice{}", new_code(Self::now().as_millisecond())), ..TokenUser::default() },
            Self::now() + domain::SignedDuration::from_hours(1),
        )
        .unwrap();
        let forged = format!("{}.{}", token.rsplit_once('.').unwrap().0, "A".repeat(43));
        let wanted = json!({ "product": "vip-monthly", "channel": "app" });
        for (token, code) in [(None, "token_missing"), (Some(forged), "token_invalid")] {
            let (status, told) = self.app("/subscriptions", token.as_deref(), &wanted).await;
            assert_eq!((status, told["code"].as_str()), (401, Some(code)), "{told}");
        }
        assert_eq!(self.at_wechat("orders").await, json!([]), "WeChat was asked for nothing");
        let (status, bought) =
            self.app("/orders", Some(&token), &json!({ "product": "ebook", "channel": "app" })).await;
        assert_eq!((status, &bought["launch"]["type"]), (201, &json!("App")), "{bought}");
        let (status, begun) = self.app("/subscriptions", Some(&token), &wanted).await;
        assert_eq!((status, &begun["launch"]["type"]), (201, &json!("App")), "{begun}");
        let order = text(&begun["payment"]["out_trade_no"]);
        assert_eq!(self.at_wechat(&format!("orders/{order}")).await["state"], "NOTPAY");
        println!(
            "sign-api              SignApiAddress        201: a purchase and a subscription, both at WeChat; 401 without a token and with a forged one"
        );
        Subscription { code: text(&begun["contract_code"]), order }
    }

    async fn app(&self, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.url("SignApiAddress"));
        let mut request = self.http.post(url).header("Idempotency-Key", path).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// She pays and signs at WeChat, whose notice never comes; a message in the work queue makes the worker ask once that is due.
    pub(super) async fn the_worker_asks(&mut self, Subscription { code, order }: &Subscription) {
        let pay = format!("/{MCH_ID}/orders/{order}/pay");
        self.wechat.control().post(&pay, json!({ "user": "wx-alice" })).await.unwrap();
        tokio::time::sleep(FIRST_CHECK).await;
        let job = json!({ "mch_id": MCH_ID, "kind": "order", "number": order }).to_string();
        let work = format!("{}/000000000000/papay-work", self.endpoint);
        self.clients.sqs.send_message().queue_url(work).message_body(job).send().await.unwrap();
        let expected = ["contract.signed", "payment.succeeded", "subscription.settled"];
        self.hears(code, &expected).await;
        let dump = self.dump().await;
        let states =
            [('O', order), ('C', code)].map(|(kind, number)| attribute(dump.state(MCH_ID, kind, number), "state"));
        assert_eq!(states, ["paid", "signed"]);
        assert_eq!(self.cause("payment.succeeded", code), "query", "nobody told it");
        println!(
            "worker                a message of work     O is paid, C is signed: asked of WeChat, {}",
            expected.join(", ")
        );
    }

    /// Only who proves himself to AWS, and has a grant, gets anything; he gives the money back.
    pub(super) async fn a_back_end_refunds(&self, Subscription { order, .. }: &Subscription) -> String {
        let path = format!("/v1/{MCH_ID}/orders/{order}");
        let url = format!("{}{path}", self.url("MerchantApiUrl").trim_end_matches('/'));
        let stranger = self.http.get(url).send().await.unwrap();
        assert_eq!(stranger.status(), 403, "it is not signed");
        let get = |arn: &str| event("GET", &path, arn, &Value::Null);
        let (status, told) = self.back_end(&get(STRANGER)).await;
        assert_eq!((status, &told["code"]), (404, &json!("not_found")), "{told}");
        let mut unknown = get(BACK_END);
        unknown["requestContext"]["authorizer"] = Value::Null;
        let (status, told) = self.back_end(&unknown).await;
        assert_eq!((status, &told["code"]), (403, &json!("unknown_principal")), "{told}");
        let (status, told) = self.back_end(&get(BACK_END)).await;
        assert_eq!((status, &told["state"]), (200, &json!("paid")), "{told}");

        let number = format!("{order}R1");
        let wanted = json!({ "out_trade_no": order, "out_refund_no": number, "amount": PRICE });
        let (status, told) = self.back_end(&event("POST", &format!("/v1/{MCH_ID}/refunds"), BACK_END, &wanted)).await;
        assert_eq!(status, 202, "{told}");
        println!("merchant-api          MerchantApiUrl        403 for whom did not sign");
        println!(
            "merchant-api          invoked               200 and 202 for a principal with a grant, whose refund WeChat has; 404 and 403 for others"
        );
        number
    }

    async fn back_end(&self, event: &Value) -> (u64, Value) {
        let answer = self.invoke("merchant-api", event).await.unwrap();
        let body = answer["body"].as_str().unwrap_or_default();
        (answer["statusCode"].as_u64().unwrap(), serde_json::from_str(body).unwrap())
    }

    /// The notice of a refund is sealed and not signed: a reason to ask, which the sweeper hands to the worker.
    pub(super) async fn an_unsigned_notice_makes_the_sweeper_have_it_asked(&mut self, of: &Subscription, number: &str) {
        let mut refund = Value::Null;
        poll("WeChat has given it back", async || {
            refund = self.at_wechat(&format!("refunds/{number}")).await;
            refund["state"] == "SUCCESS"
        })
        .await;
        let contract = self.at_wechat(&format!("contracts/{}", of.code)).await;
        let numbers = Numbers {
            mch_id: TEST_MERCHANT.mch_id.to_owned(),
            out_trade_no: of.order.clone(),
            contract_code: of.code.clone(),
            contract_id: text(&contract["contract_id"]),
            transaction_id: text(&refund["transaction_id"]),
            out_refund_no: number.to_owned(),
            refund_id: text(&refund["refund_id"]),
            refund: PRICE,
            total: PRICE,
            ..Numbers::example(Self::now().as_second())
        };
        let fixture = fixtures::find("refund-v2").unwrap();
        let request = fixtures::build("refund-v2", &numbers).unwrap();
        for _ in 0..2 {
            self.is_acknowledged(fixture, "RefundNotifyUrlV2", &request).await;
        }
        assert_eq!(
            attribute(self.dump().await.state(MCH_ID, 'R', number), "state"),
            "processing",
            "nothing was proved"
        );
        assert_eq!(self.invoke("sweeper", &json!({})).await, Ok(Value::Null));
        let expected = ["refund.succeeded"];
        self.hears(&of.code, &expected).await;
        assert_eq!(attribute(self.dump().await.state(MCH_ID, 'R', number), "state"), "succeeded");
        assert_eq!(self.cause("refund.succeeded", &of.code), "query");
        println!("refund-v2             RefundNotifyUrlV2     R is processing: a reason to ask");
        println!(
            "sweeper               invoked               what is due is asked by the worker: R is succeeded, {}",
            expected.join(", ")
        );
    }

    /// The bill of a day, and a day that has none yet.
    pub(super) async fn a_bill_is_compared(&self) {
        let today = domain::bill_day(Self::now());
        let day = today.yesterday().unwrap().yesterday().unwrap();
        assert_eq!(self.invoke("bill-reconciler", &json!({ "day": day })).await, Ok(Value::Null));
        poll("the comparison is counted", async || {
            self.log("bill-reconciler").await.iter().any(|line| line.contains("\"BillsCompared\""))
        })
        .await;
        let refused = self.invoke("bill-reconciler", &json!({ "day": today })).await.unwrap_err();
        let message = text(&refused["errorMessage"]);
        assert!(message.contains("is made on the day after it"), "{refused}");
        println!("bill-reconciler       invoked               the bill of {day} is compared; of today: {message}");
    }
}

fn event(method: &str, path: &str, arn: &str, body: &Value) -> Value {
    let mut event: Value = serde_json::from_str(IAM_EVENT).unwrap();
    (event["rawPath"], event["rawQueryString"]) = (json!(path), json!(""));
    event["headers"] = json!({ "content-type": "application/json", "idempotency-key": "back end" });
    let context = &mut event["requestContext"];
    // The example has the name of a place here, and no host.
    context["domainName"] = json!("a1b2c3d4e5f6.lambda-url.us-east-1.on.aws");
    (context["http"]["method"], context["http"]["path"]) = (json!(method), json!(path));
    context["authorizer"]["iam"]["userArn"] = json!(arn);
    event["body"] = if body.is_null() { Value::Null } else { json!(body.to_string()) };
    event.as_object_mut().unwrap().remove("queryStringParameters");
    event
}
