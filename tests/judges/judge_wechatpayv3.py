"""wechatpayv3 (minibear2021/wechatpayv3) judges V3: signature by key id and by certificate serial, and the seal."""

import sys
from pathlib import Path

import wechatpayv3.core
from wechatpayv3 import WeChatPay, WeChatPayType

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate

from notices import Score, read

KEYS = Path(__file__).resolve().parents[2] / "sandbox/counterparty/keys"

keys, notices = read(sys.argv[1])
score = Score("wechatpayv3")


def client(key_id, public_key_pem):
    pay = WeChatPay(
        wechatpay_type=WeChatPayType.APP,
        mchid=keys["mch_id"],
        private_key=None,
        cert_serial_no=None,
        appid=keys["numbers"]["appid"],
        apiv3_key=keys["api_v3_key"],
        public_key=public_key_pem,
        public_key_id=key_id,
    )
    # It would ask WeChat for the certificate of an unknown serial; there is no WeChat here.
    pay._core._update_certificates = lambda: None
    return pay


def certified(serial, pem):
    public_key = load_pem_x509_certificate(pem.encode()).public_key()
    return client(serial, public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


clients = {
    keys["public_key_id"]: client(keys["public_key_id"], keys["public_key_pem"]),
    keys["certificate_serial"]: certified(keys["certificate_serial"], keys["certificate_pem"]),
}
if "renewed" in keys:
    clients[keys["renewed"]["serial"]] = certified(keys["renewed"]["serial"], keys["renewed"]["pem"])


def judged(notice):
    pay = clients.get(notice.headers.get("Wechatpay-Serial"), clients[keys["public_key_id"]])
    try:
        if notice.kind == "answer":
            return pay._core._verify_signature(notice.headers, notice.body.decode()) or None
        return pay.callback(notice.headers, notice.body)
    except Exception:  # it has no error type of its own: a missing header, an unknown type and a strange serial all raise
        return None


def expect(notice, data):
    resource = data["resource"]
    numbers = notice.numbers or keys["numbers"]
    if data["event_type"].startswith("TRANSACTION."):
        assert resource["out_trade_no"] == numbers["out_trade_no"], notice.name
        assert resource["amount"]["total"] == numbers["total"], notice.name
    elif data["event_type"].startswith("REFUND."):
        assert resource["out_refund_no"] == numbers["out_refund_no"], notice.name
        assert resource["amount"]["refund"] == numbers["refund"], notice.name
        assert data["event_type"] == "REFUND." + resource["refund_status"], notice.name
    elif data["event_type"].startswith("ENTRUST."):
        assert resource["out_contract_code"] == numbers["contract_code"], notice.name
    if "attach" in resource:
        assert resource["attach"] == "自定义数据 😀", notice.name


def fetched(answer):
    """Whether it takes the certificates as it would download them, and the answer as signed by the newest of them."""

    class Response:
        status_code = 200
        headers = answer.headers
        text = answer.body.decode()

    wechatpayv3.core.requests.get = lambda **_: Response
    pay = WeChatPay(
        wechatpay_type=WeChatPayType.APP,
        mchid=keys["mch_id"],
        private_key=(KEYS / "merchant_private_key.pem").read_text(),
        cert_serial_no="1",
        appid=keys["numbers"]["appid"],
        apiv3_key=keys["api_v3_key"],
    )
    [certificate] = pay._core._certificates
    assert certificate == load_pem_x509_certificate(answer.certificate_pem.encode()), "another certificate"
    return pay._core._verify_signature(answer.headers, Response.text) or None


for notice in notices:
    if notice.kind == "certificates":
        score.of(notice, fetched(notice) is not None)
    elif notice.protocol == "V3" and notice.judgement != "other":
        data = judged(notice)
        score.of(notice, data is not None)
        if data is not None and notice.kind == "notice":
            expect(notice, data)

score.end(genuine=21, forged=22)
