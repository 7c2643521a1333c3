"""wechatpayv3 judges the V3 requests of the client: it signs the same bytes itself, makes some of the requests itself, and opens sensitive fields."""

import json
import sys
from pathlib import Path

import wechatpayv3.utils
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.type import RequestType
from wechatpayv3.utils import build_authorization, load_private_key, rsa_decrypt

from notices import Score
from requests_sent import read, read_v3_launches

KEYS = Path(__file__).resolve().parents[2] / "sandbox/counterparty/keys"
MERCHANT_KEY = (KEYS / "merchant_private_key.pem").read_text()
WECHAT_KEY = (KEYS / "wechat_pay_private_key.pem").read_text()

keys, requests, _ = read(sys.argv[1])
requests = [request for request in requests if not request.is_v2()]
score = Score("wechatpayv3")
pay = WeChatPay(
    wechatpay_type=WeChatPayType.APP,
    mchid=keys["mch_id"],
    private_key=MERCHANT_KEY,
    cert_serial_no=keys["certificate_serial"],
    appid=keys["appid"],
    apiv3_key="a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb",
    notify_url="https://pay.example.com/v3/10000100",
    public_key=(KEYS / "wechat_pay_public_key.pem").read_text(),
    public_key_id=keys["public_key_id"],
)


def target(request):
    url = request.url
    return url.path + (f"?{url.query}" if url.query else "")


def parts(authorization):
    scheme, pairs = authorization.split(" ", 1)
    assert scheme == "WECHATPAY2-SHA256-RSA2048", scheme
    return dict(pair.split('="', 1) for pair in pairs.removesuffix('"').split('",'))


def is_signed(request):
    """RSA of PKCS#1 draws no random bytes: over the same bytes it makes the same header."""
    said = parts(request.headers["authorization"])
    wechatpayv3.utils.time.time = lambda: int(said["timestamp"])
    made = build_authorization(
        target(request),
        request.method,
        keys["mch_id"],
        keys["certificate_serial"],
        load_private_key(MERCHANT_KEY),
        data=request.body,
        nonce_str=said["nonce_str"],
    )
    return parts(made) == said


def check_sealed(request):
    for field, plaintext in request.sealed.items():
        key = load_private_key(request.private_key_pem or WECHAT_KEY)
        assert rsa_decrypt(json.loads(request.body)[field], key) == plaintext, f"{request.name}: {field}"


for request in requests:
    score.of(request, is_signed(request))
    if request.judgement == "genuine":
        headers = request.headers
        assert headers["accept"] == "application/json" and headers["user-agent"], request.name
        named = headers["wechatpay-serial"]
        assert (named == keys["public_key_id"]) != request.name.endswith("by certificate"), request.name
        check_sealed(request)


def made_by_wechatpayv3(call, **given):
    """Method, path and body of the request that wechatpayv3 would send."""
    caught = []

    def catch(path, method=RequestType.GET, data=None, **_):
        caught.append((method.value, path, data))
        return 200, ""

    pay._core.request = catch
    call(**given)
    return caught.pop()


ORDER, REFUND = "01JD3Q0VZC5W8K2M7N4PX1", "01JD3Q0VZC5W8K2M7N4PX1R1"
order = {
    "description": '会员月卡 <首月> "特惠" & 更多',
    "out_trade_no": ORDER,
    "amount": {"total": 1800, "currency": "CNY"},
    "time_expire": "2026-11-21T09:45:00+08:00",
    "attach": '{"活动":"冬季 + 100%"}',
    "goods_tag": "WXG",
    "scene_info": {"payer_client_ip": "2001:db8::7"},
}
openid = {"openid": "onqOjjmM1tad-3ROpncN-yUfa6ua"}
h5 = order | {"scene_info": {"payer_client_ip": "2001:db8::7", "h5_info": {"type": "Wap"}}}
same = {
    "v3 order app": made_by_wechatpayv3(pay.pay, **order, pay_type=WeChatPayType.APP),
    "v3 order jsapi": made_by_wechatpayv3(pay.pay, **order, payer=openid, pay_type=WeChatPayType.JSAPI),
    "v3 order native": made_by_wechatpayv3(pay.pay, **order, pay_type=WeChatPayType.NATIVE),
    "v3 order h5": made_by_wechatpayv3(pay.pay, **h5, pay_type=WeChatPayType.H5),
    "v3 query": made_by_wechatpayv3(pay.query, out_trade_no=ORDER),
    "v3 query by transaction": made_by_wechatpayv3(pay.query, transaction_id="4200000000202611210000000001"),
    "v3 close": made_by_wechatpayv3(pay.close, out_trade_no=ORDER),
    "v3 refund": made_by_wechatpayv3(
        pay.refund,
        out_refund_no=REFUND,
        amount={"refund": 900, "total": 1800, "currency": "CNY"},
        out_trade_no=ORDER,
        reason="用户申请",
    ),
    "v3 refund query": made_by_wechatpayv3(pay.query_refund, out_refund_no=REFUND),
}
for request in requests:
    if request.judgement == "genuine" and request.name in same:
        body = json.loads(request.body) if request.body else None
        assert (request.method, target(request), body) == same.pop(request.name), request.name
assert not same, f"never sent: {list(same)}"

app, jsapi = (launch["params"] for launch in read_v3_launches(sys.argv[1]))
assert app["sign"] == pay.sign([app["appId"], app["timeStamp"], app["nonceStr"], app["prepayId"]])
assert app["packageValue"] == "Sign=WXPay" and app["partnerId"] == keys["mch_id"]
assert jsapi["paySign"] == pay.sign([jsapi["appId"], jsapi["timeStamp"], jsapi["nonceStr"], jsapi["package"]])
assert jsapi["signType"] == "RSA" and jsapi["package"] == "prepay_id=" + app["prepayId"]

score.end(genuine=24, forged=24)
