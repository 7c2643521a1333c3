"""wechatpy (jxtech/wechatpy) judges V2: MD5, HMAC-SHA256 and req_info."""

import sys

import xmltodict
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.pay import WeChatPay
from wechatpy.pay.utils import calculate_signature_hmac

from notices import Score, read

keys, notices = read(sys.argv[1])
pay = WeChatPay(keys["numbers"]["appid"], keys["api_v2_key"], keys["mch_id"])
score = Score("wechatpy")


def opened_refund(xml):
    try:
        return pay.parse_refund_notify_result(xml)
    except Exception:  # garbage after the wrong key fails wherever it happens to fail
        return None


def signed_by_hmac(xml):
    fields = xmltodict.parse(xml)["xml"]
    sign = fields.pop("sign")
    return fields if sign == calculate_signature_hmac(fields, keys["api_v2_key"]) else None


def signed_by_md5(xml):
    try:
        return pay.parse_payment_result(xml)
    except InvalidSignatureException:
        return None


def judged(xml):
    if b"<req_info>" in xml:
        return opened_refund(xml)
    sign = xmltodict.parse(xml)["xml"].get("sign") or ""
    return signed_by_hmac(xml) if len(sign) == 64 else signed_by_md5(xml)


def expect(notice, fields):
    """What was read is what was meant."""
    numbers = notice.numbers or keys["numbers"]
    if "refund" in notice.name:
        assert fields["out_refund_no"] == numbers["out_refund_no"], notice.name
        assert fields["refund_fee"] == numbers["refund"], notice.name
        assert fields["refund_recv_accout"] == "支付用户零钱", notice.name
    elif "contract" in notice.name or notice.name == "wrong-endpoint":
        assert fields["contract_code"] == numbers["contract_code"], notice.name
    elif notice.kind == "notice":
        assert fields["out_trade_no"] == numbers["out_trade_no"], notice.name
        if "failure" not in notice.name:
            assert int(fields["total_fee"]) == numbers["total"], notice.name
    if "attach" in fields:
        assert fields["attach"] == "支付测试 & <值> ]]> \"引号\"", notice.name


for notice in notices:
    if notice.protocol == "V2" and notice.judgement != "other":
        fields = judged(notice.body)
        score.of(notice, fields is not None)
        if fields is not None:
            expect(notice, fields)

score.end(genuine=30, forged=19)
