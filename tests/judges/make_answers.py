"""WeChat's answers (`answers.json`) signed by wechatpy: the client must believe each of them, and none that is altered."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from wechatpy.pay.utils import calculate_signature, calculate_signature_hmac, dict_to_xml

KEY = "192006250b4c09247ec02edce69f6a2d"
SIGN = {"MD5": calculate_signature, "HMAC-SHA256": calculate_signature_hmac}
ANSWERS = json.loads(Path(__file__).with_name("answers.json").read_text(encoding="utf-8"))


def case(answer, sign_type):
    body = dict_to_xml(answer["fields"], SIGN[sign_type](answer["fields"], KEY))
    return {"id": f"{answer['call']}: {answer['name']}, {sign_type}", "call": answer["call"], "body": body}


json.dump(
    {
        "made_by": f"wechatpy {version('wechatpy')}",
        "script": "tests/judges/make_answers.py",
        "cases": [case(answer, sign_type) for answer in ANSWERS for sign_type in SIGN],
    },
    sys.stdout,
    ensure_ascii=False,
    indent=1,
)
print()
