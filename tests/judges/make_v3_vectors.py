"""V3 notices signed by wechatpayv3 and sealed by cryptography, with fixed inputs and the published test keys."""

import json
import sys
from base64 import b64encode
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from wechatpayv3.utils import aes_decrypt, load_private_key, rsa_sign

KEYS = Path(__file__).resolve().parents[2] / "sandbox/counterparty/keys"
API_V3_KEY = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
PRIVATE_KEY = load_private_key((KEYS / "wechat_pay_private_key.pem").read_text())
PUBLIC_KEY_ID = "PUB_KEY_ID_0116571234562024052000123400000000"
CERTIFICATE_SERIAL = "440024045C4A427599D09BB4E3DE0279F2E813FD"
NOW = 1795223700

PAYMENT = {
    "mchid": "10000100",
    "appid": "wx2421b1c4370ec43b",
    "out_trade_no": "01JD3Q0VZC5W8K2M7N4PF0",
    "transaction_id": "4200000000202611210000000001",
    "trade_type": "APP",
    "trade_state": "SUCCESS",
    "trade_state_desc": "支付成功",
    "bank_type": "OTHERS",
    "attach": "连续包月 & <会员>",
    "success_time": "2026-11-21T09:15:00+08:00",
    "payer": {"openid": "onqOjjmM1tad-3ROpncN-yUfa6ua"},
    "amount": {"total": 1800, "payer_total": 1700, "currency": "CNY", "payer_currency": "CNY"},
}
REFUND = {
    "mchid": "10000100",
    "out_trade_no": "01JD3Q0VZC5W8K2M7N4PF0",
    "transaction_id": "4200000000202611210000000001",
    "out_refund_no": "01JD3Q0VZC5W8K2M7N4PF0R1",
    "refund_id": "50000000002026112100000000001",
    "refund_status": "SUCCESS",
    "success_time": "2026-11-21T09:16:00+08:00",
    "user_received_account": "招商银行信用卡0403",
    "amount": {"total": 1800, "refund": 1800, "payer_total": 1700, "payer_refund": 1700},
}
CASES = [
    ("payment", "TRANSACTION.SUCCESS", "transaction", PAYMENT, "transaction", PUBLIC_KEY_ID, {}),
    ("payment by certificate", "TRANSACTION.SUCCESS", "transaction", PAYMENT, "transaction", CERTIFICATE_SERIAL, {}),
    ("payment with unknown members", "TRANSACTION.SUCCESS", "transaction", PAYMENT | {"新字段": ["值", None, 1.5]}, "transaction", PUBLIC_KEY_ID, {"new_member": "新"}),
    ("payment without associated_data", "TRANSACTION.SUCCESS", "transaction", PAYMENT, None, PUBLIC_KEY_ID, {}),
    ("refund, empty associated_data", "REFUND.SUCCESS", "refund", REFUND, "", PUBLIC_KEY_ID, {}),
    ("refund abnormal", "REFUND.ABNORMAL", "refund", {k: v for k, v in REFUND.items() if k != "success_time"} | {"refund_status": "ABNORMAL"}, "refund", PUBLIC_KEY_ID, {}),
]


def case(number, name, event_type, original_type, content, associated_data, serial, extra):
    plaintext = json.dumps(content, ensure_ascii=False)
    nonce = f"nonce-{number:06}"
    aad = associated_data or ""
    sealed = AESGCM(API_V3_KEY.encode()).encrypt(nonce.encode(), plaintext.encode(), aad.encode())
    ciphertext = b64encode(sealed).decode()
    assert aes_decrypt(nonce, ciphertext, aad, API_V3_KEY) == plaintext
    resource = {"original_type": original_type, "algorithm": "AEAD_AES_256_GCM", "ciphertext": ciphertext, "nonce": nonce}
    if associated_data is not None:
        resource["associated_data"] = associated_data
    envelope = {
        "id": f"EV-{number}",
        "create_time": "2026-11-21T09:15:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": "通知",
        "resource": resource,
    }
    body = json.dumps(envelope | extra, ensure_ascii=False)
    header_nonce = f"{number:032}"
    signature = rsa_sign(PRIVATE_KEY, f"{NOW}\n{header_nonce}\n{body}\n")
    return {
        "id": name,
        "headers": {
            "Wechatpay-Serial": serial,
            "Wechatpay-Signature": signature,
            "Wechatpay-Timestamp": str(NOW),
            "Wechatpay-Nonce": header_nonce,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        },
        "body": body,
        "plaintext": plaintext,
    }


json.dump(
    {
        "made_by": f"wechatpayv3 {version('wechatpayv3')} and cryptography {version('cryptography')}",
        "script": "tests/judges/make_v3_vectors.py",
        "now": NOW,
        "api_v3_key": API_V3_KEY,
        "keys": "sandbox/counterparty/keys/wechat_pay_*.pem",
        "cases": [case(number, *given) for number, given in enumerate(CASES, 1)],
    },
    sys.stdout,
    ensure_ascii=False,
    indent=1,
)
print()
