"""WeChat's answers to V3 calls (`answers_v3.json`) signed by wechatpayv3, by public key and by certificate: the client must believe them."""

import json
import sys
from base64 import b64encode
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from wechatpayv3.utils import load_private_key, rsa_sign

KEYS = Path(__file__).resolve().parents[2] / "sandbox/counterparty/keys"
API_V3_KEY = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
PRIVATE_KEY = load_private_key((KEYS / "wechat_pay_private_key.pem").read_text())
CERTIFICATE_SERIAL = "440024045C4A427599D09BB4E3DE0279F2E813FD"
SERIALS = ["PUB_KEY_ID_0116571234562024052000123400000000", CERTIFICATE_SERIAL]
NOW = 1795223700


def content(answer):
    if "seal" not in answer:
        return answer["body"]
    nonce = "nonce-answer"
    certificate = (KEYS / answer["seal"]).read_bytes()
    sealed = AESGCM(API_V3_KEY.encode()).encrypt(nonce.encode(), certificate, b"certificate")
    ciphertext = b64encode(sealed).decode()
    encrypted = {"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "certificate", "ciphertext": ciphertext}
    times = {"effective_time": "2022-05-10T10:04:30+08:00", "expire_time": "2027-05-09T10:04:30+08:00"}
    return {"data": [{"serial_no": CERTIFICATE_SERIAL, **times, "encrypt_certificate": encrypted}]}


def signed(number, answer, serial):
    body = content(answer)
    body = "" if body is None else json.dumps(body, ensure_ascii=False)
    nonce = f"{number:032}"
    headers = {
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": rsa_sign(PRIVATE_KEY, f"{NOW}\n{nonce}\n{body}\n"),
        "Wechatpay-Timestamp": str(NOW),
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }
    id_ = f"{answer['call']}: {answer['name']}, {serial[:10]}"
    return {"id": id_, "call": answer["call"], "status": answer["status"], "headers": headers, "body": body}


answers = json.loads(Path(__file__).with_name("answers_v3.json").read_text(encoding="utf-8"))
pairs = [(answer, serial) for answer in answers for serial in SERIALS]
json.dump(
    {
        "made_by": f"wechatpayv3 {version('wechatpayv3')}",
        "script": "tests/judges/make_v3_answers.py",
        "now": NOW,
        "v3": [signed(number, *pair) for number, pair in enumerate(pairs, 1)],
    },
    sys.stdout,
    ensure_ascii=False,
    indent=1,
)
print()
