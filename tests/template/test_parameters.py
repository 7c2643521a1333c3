"""Wrong input is refused before anything is made, by a message that names the rule."""

import re
import unittest

from samcli.yamlhelper import yaml_parse

from translated import ROOT

TEMPLATES = {name: yaml_parse((ROOT / name).read_text(encoding="utf-8")) for name in ("template.yaml", "edge.yaml")}
HOST = "abc0123.lambda-url.ap-east-1.on.aws"
# What must be taken and what must not, element by element where a parameter is a list.
EXAMPLES = {
    "Merchants": (["10000100"], ["", "wx10000100", "1" * 33, "10000100 "]),
    "SecretPrefix": (["papay/", "team-a_papay/"], ["", "papay", "papay/staging/", "/papay/", "papay*/"]),
    "Routing": (['[{"consumer": "a"}]', '[\n{"consumer": "a", "types": ["papay.refund.*"]}\n]'], ["", "[]", "membership", '{"consumer": "a"}', "[{consumer: a}]"]),
    "Issuers": (["[]", '[{"issuer": "https://id.example.com"}]'], ["", "https://id.example.com", "[issuer]"]),
    "Principals": (["[]", '[{"principal": "arn:aws:iam::123456789012:role/a"}]'], ["", "arn:aws:iam::123456789012:role/a"]),
    "RefundsByV3": (["", "10000100", "10000100,10000200"], ["wx10000100", "10000100,", "10000100, 10000200", "1" * 33]),
    "CorsOrigins": (["", "https://a.example", "https://a.example:8443,https://b.example"],
                    ["http://a.example", "https://a.example/", "*", "a.example", "https://a.example, https://b.example"]),
    "MembershipReaders": (["", "arn:aws:iam::123456789012:role/reader", "arn:aws-cn:iam::123456789012:root"],
                          ["*", "123456789012", "arn:aws:iam::1:root", "arn:aws:sts::123456789012:assumed-role/a/b"]),
    "AlarmEmail": (["", "ops@example.com"], ["ops", "ops@example", "a b@example.com"]),
    "EdgeDomain": (["", "pay.example.com"], ["https://pay.example.com", "pay", "Pay.example.com", "pay.example.com/"]),
    "Revision": (["1", "2026-11-22.leak_1"], ["", "a b", "1" * 65]),
    "OriginSecrets": (["", "a" * 32, "a" * 64 + "," + "b" * 32], ["short", "a" * 65, "a" * 32 + ",", "a" * 31 + "!"]),
    "Domain": (["pay.example.com"], ["", "https://pay.example.com"]),
    "CertificateArn": (["arn:aws:acm:us-east-1:123456789012:certificate/0a-1"], ["arn:aws:acm:ap-east-1:123456789012:certificate/0a-1", ""]),
    "OriginSecret": (["a" * 32], ["", "a" * 31, "a" * 32 + "," + "b" * 32]),
    "DeductionCallbackHost": ([HOST], ["", f"https://{HOST}/", "evil.example.com"]),
    "WechatAddresses": (["101.226.103.0/25", "81.71.199.64/32"], ["81.71.199.64", "any", ""]),
}
EXAMPLES["LedgerReaders"] = EXAMPLES["MembershipReaders"]
for other in ("ContractCallbackHost", "PaymentCallbackHost", "RefundCallbackHost", "SignApiHost"):
    EXAMPLES[other] = EXAMPLES["DeductionCallbackHost"]


class Parameters(unittest.TestCase):
    def all(self):
        return [(name, spec) for template in TEMPLATES.values() for name, spec in template["Parameters"].items()]

    def test_each_parameter_says_what_it_is_for_and_has_a_rule(self):
        for name, spec in self.all():
            with self.subTest(name):
                self.assertGreater(len(spec["Description"]), 20)
                numeric = spec["Type"] == "Number" and {"MinValue", "MaxValue"} <= set(spec)
                self.assertTrue("AllowedPattern" in spec or "AllowedValues" in spec or numeric)

    def test_a_pattern_or_a_range_that_is_broken_is_told_in_words(self):
        for name, spec in self.all():
            if "AllowedValues" not in spec:
                # CloudFormation shows this text instead of the pattern.
                self.assertGreater(len(spec["ConstraintDescription"]), 10, name)

    def test_patterns_take_what_is_right_and_refuse_what_is_wrong(self):
        with_pattern = {name for name, spec in self.all() if "AllowedPattern" in spec}
        self.assertLessEqual(with_pattern, set(EXAMPLES) | {"ServerIp"})
        for name, spec in self.all():
            if name not in EXAMPLES:
                continue
            good, bad = EXAMPLES[name]
            for text in good:
                self.assertRegex(text, re.compile(f"\\A(?:{spec['AllowedPattern']})\\Z"), name)
            for text in bad:
                self.assertNotRegex(text, re.compile(f"\\A(?:{spec['AllowedPattern']})\\Z"), name)

    def test_a_default_keeps_its_own_rule(self):
        for name, spec in self.all():
            if "Default" not in spec:
                continue
            default = str(spec["Default"])
            parts = default.split(",") if spec["Type"] == "CommaDelimitedList" else [default]
            for part in parts:
                if "AllowedPattern" in spec:
                    self.assertRegex(part, re.compile(f"\\A(?:{spec['AllowedPattern']})\\Z"), name)
                if "AllowedValues" in spec:
                    self.assertIn(part, map(str, spec["AllowedValues"]), name)

    def test_a_domain_without_the_secret_that_guards_it_is_refused_with_the_reason(self):
        [rule] = TEMPLATES["template.yaml"]["Rules"].values()
        self.assertEqual(rule["RuleCondition"], {"Fn::Not": [{"Fn::Equals": [{"Ref": "EdgeDomain"}, ""]}]})
        [assertion] = rule["Assertions"]
        self.assertEqual(assertion["Assert"], {"Fn::Not": [{"Fn::Equals": [{"Ref": "OriginSecrets"}, ""]}]})
        self.assertIn("OriginSecrets is needed", assertion["AssertDescription"])


if __name__ == "__main__":
    unittest.main()
