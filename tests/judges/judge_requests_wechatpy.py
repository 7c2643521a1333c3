"""wechatpy judges the V2 requests of the client, makes some of them itself, and makes the launch parameters itself."""

import sys
from urllib.parse import parse_qsl, urlsplit

import wechatpy.pay
import xmltodict
from wechatpy.pay import WeChatPay
from wechatpy.pay.utils import calculate_signature, calculate_signature_hmac

from notices import Score
from requests_sent import read

keys, requests, launches = read(sys.argv[1])
key = keys["api_v2_key"]
pay = WeChatPay(keys["appid"], key, keys["mch_id"])
score = Score("wechatpy")


def is_signed(fields):
    sign = fields.pop("sign")
    # Without sign_type this call means HMAC-SHA256, and every other one MD5.
    algorithm = calculate_signature_hmac if len(sign) == 64 else calculate_signature
    return sign == algorithm(fields, key)


for request in requests:
    if request.is_v2():
        score.of(request, is_signed(request.fields()))
        assert (len(request.fields()["sign"]) == 64) == (request.name == "h5entrustweb"), request.name


class Caught(Exception):
    pass


def made_by_wechatpy(call, *args, **kwargs):
    """The fields of the request that wechatpy would send."""
    caught = {}

    def catch(**sent):
        caught.update(xmltodict.parse(sent["data"])["xml"])
        raise Caught

    pay._http.request = catch
    wechatpy.pay.random_string = lambda length: keys["nonce_str"]
    try:
        call(*args, **kwargs)
    except Caught:
        return caught
    sys.exit("wechatpy sent nothing")


number = "01JD3Q0VZC5W8K2M7N4PF0"
contract = {"plan_id": "12535", "contract_code": "01JD3Q0VZC5W8K2M7N4P"}
same = {
    "orderquery": made_by_wechatpy(pay.order.query, out_trade_no=number),
    "closeorder": made_by_wechatpy(pay.order.close, number),
    "paporderquery": made_by_wechatpy(pay.withhold.query_order, out_trade_no=number),
    "querycontract": made_by_wechatpy(pay.withhold.query_signing, **contract),
    "deletecontract": made_by_wechatpy(
        pay.withhold.apply_cancel_signing, contract_termination_remark="用户申请解约", **contract
    ),
}
for request in requests:
    if request.judgement == "genuine" and request.name in same:
        assert request.fields() == same.pop(request.name), request.name
assert not same, f"never sent: {list(same)}"

app, jsapi, mini_program, page = launches
prepay_id, timestamp = app["params"]["prepayid"], str(keys["timestamp"])
assert app == {
    "type": "App",
    "params": pay.order.get_appapi_params(prepay_id, timestamp=timestamp, nonce_str=keys["nonce_str"]),
}
assert jsapi == {
    "type": "Jsapi",
    "params": pay.jsapi.get_jsapi_params(prepay_id, timestamp=timestamp, nonce_str=keys["nonce_str"]),
}
assert is_signed(dict(mini_program["params"]["extraData"]))
assert is_signed(dict(parse_qsl(urlsplit(page["params"]["url"]).query, strict_parsing=True)))

score.end(genuine=14, forged=14)
