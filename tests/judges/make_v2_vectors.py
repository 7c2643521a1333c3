"""V2 notices signed by wechatpy, with fixed inputs: the Rust side must agree with every one of them."""

import json
import sys
from importlib.metadata import version

from wechatpy.pay.utils import calculate_signature, calculate_signature_hmac, dict_to_xml

KEY = "192006250b4c09247ec02edce69f6a2d"
SIGN = {"MD5": calculate_signature, "HMAC-SHA256": calculate_signature_hmac}

PAYMENT = {
    "appid": "wx2421b1c4370ec43b",
    "bank_type": "OTHERS",
    "cash_fee": "1800",
    "fee_type": "CNY",
    "is_subscribe": "N",
    "mch_id": "10000100",
    "nonce_str": "5d2b6c2a8db53831f7eda20af46e531c",
    "openid": "onqOjjmM1tad-3ROpncN-yUfa6ua",
    "out_trade_no": "01JD3Q0VZC5W8K2M7N4PF0",
    "result_code": "SUCCESS",
    "return_code": "SUCCESS",
    "time_end": "20261121091500",
    "total_fee": "1800",
    "trade_type": "APP",
    "transaction_id": "4200000000202611210000000001",
}
DEDUCTION = PAYMENT | {
    "contract_id": "202611210000000001",
    "trade_state": "SUCCESS",
    "trade_type": "PAP",
    "out_trade_no": "01JD3Q0VZC5W8K2M7N4PP0002A01",
}
FAILURE = {
    "appid": "wx2421b1c4370ec43b",
    "contract_id": "202611210000000001",
    "err_code": "NOTENOUGH",
    "err_code_des": "余额不足",
    "mch_id": "10000100",
    "nonce_str": "8b2c7d3b9ec64942080eeb31bf57f642",
    "out_trade_no": "01JD3Q0VZC5W8K2M7N4PP0002A01",
    "result_code": "FAIL",
    "return_code": "SUCCESS",
    "return_msg": "OK",
}
CONTRACT = {
    "change_type": "ADD",
    "contract_code": "01JD3Q0VZC5W8K2M7N4P",
    "contract_id": "202611210000000001",
    "mch_id": "10000100",
    "openid": "onqOjjmM1tad-3ROpncN-yUfa6ua",
    "operate_time": "2026-11-21 09:15:00",
    "plan_id": "12535",
    "request_serial": "1795223700000",
    "result_code": "SUCCESS",
    "return_code": "SUCCESS",
}
CASES = {
    "payment": PAYMENT,
    "payment with Chinese attach": PAYMENT | {"attach": "连续包月 & <会员>，每月 18 元"},
    "payment with unknown fields": PAYMENT | {"some_future_field": "未知的值", "Upper": "A", "_under": "b", "zero": "0"},
    "payment with an empty field": PAYMENT | {"device_info": ""},
    "payment with values that look signed": PAYMENT | {"attach": "a=1&key=2"},
    "deduction": DEDUCTION,
    "deduction failure": FAILURE,
    "contract signed": CONTRACT,
    "contract terminated": CONTRACT
    | {"change_type": "DELETE", "contract_termination_mode": "2", "operate_time": "2026-12-20 08:30:00"},
}


def case(name, fields, sign_type):
    sign = SIGN[sign_type](fields, KEY)
    return {
        "id": f"{name}, {sign_type}",
        "sign_type": sign_type,
        "fields": fields,
        "sign": sign,
        "body": dict_to_xml(fields, sign),
    }


json.dump(
    {
        "made_by": f"wechatpy {version('wechatpy')}",
        "script": "tests/judges/make_v2_vectors.py",
        "api_v2_key": KEY,
        "cases": [case(name, fields, sign_type) for name, fields in CASES.items() for sign_type in SIGN],
    },
    sys.stdout,
    ensure_ascii=False,
    indent=1,
)
print()
