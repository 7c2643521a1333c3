"""What the parameters allow fits into a function: Lambda takes 4 KB of variables, and says so only half-way through a deployment."""

import json
import re
import unittest

from test_template import FUNCTIONS, TEMPLATE
from test_versions import Stack

LIMIT = 4096
# As Lambda measures them: JSON, in which the quotes of a value that is JSON take two characters each. Of these texts at most one
# character in four is a quote (the examples below).
QUOTES = 1 / 4
EXAMPLES = {
    "Routing": ['{"consumer":"crm","types":["papay.refund.*","papay.payment.*"],"merchants":["1900000001","1900000002"]}', '{"consumer":"crm"}'],
    "Issuers": ['{"issuer":"https://id.shop.cn","audience":"papay","merchants":["1900000001"],"algorithm":"HS256","secret":"papay/issuers/0"}'],
    "Principals": ['{"principal":"arn:aws:iam::123456789012:role/a","merchants":["1900000001"],"actions":["read","deduct","refund","terminate"]}'],
}
STACK_NAME = "s" * (64 - len("-deduction-callback"))
URL = "https://" + "u" * 32 + ".lambda-url.ap-northeast-1.on.aws/"


class Longest(Stack):
    """The template with everything as long as it may be."""

    def __init__(self):
        super().__init__(**{name: longest(name, spec) for name, spec in TEMPLATE["Parameters"].items()})

    def named(self, name):
        if name == "AWS::StackName":
            return STACK_NAME
        if name in self.parameters:
            return super().named(name)
        resource = self.template["Resources"][name]
        if resource["Type"] == "AWS::SQS::Queue":
            return "https://sqs.ap-northeast-1.amazonaws.com/123456789012/" + self.value(resource["Properties"]["QueueName"])
        return self.value(resource["Properties"]["TableName"]) if "TableName" in resource["Properties"] else super().named(name)

    def GetAtt(self, path):
        return URL if path[1] == "FunctionUrl" else super().GetAtt(path)


def longest(name, spec):
    if "AllowedValues" in spec:
        return str(max(spec["AllowedValues"], key=lambda value: len(str(value))))
    if name in EXAMPLES:
        quotes = int(spec["MaxLength"] * QUOTES)
        return '"' * quotes + "x" * (spec["MaxLength"] - quotes)
    if "MaxLength" in spec:
        return "x" * spec["MaxLength"]
    return {"SecretPrefix": "x" * 100 + "/", "OriginSecrets": "x" * 129, "ServerIp": "255.255.255.255", "Revision": "x" * 64}.get(name, "x")


class Sizes(unittest.TestCase):
    def test_the_longest_parameters_fit_into_every_function_together(self):
        told = {name: function["Environment"]["Variables"] for name, function in Longest().functions().items()}
        for name in FUNCTIONS:
            self.assertLess(len(json.dumps(told[name], separators=(",", ":"))), LIMIT, name)

    def test_no_parameter_that_a_function_is_told_is_without_a_limit(self):
        for name, spec in TEMPLATE["Parameters"].items():
            if name in ("MembershipReaders", "LedgerReaders", "AlarmEmail", "CallbackConcurrency"):
                continue
            bounded = "MaxLength" in spec or "AllowedValues" in spec or not re.search(r"[*+]", spec["AllowedPattern"])
            self.assertTrue(bounded, name)

    def test_what_may_be_json_is_ascii_and_has_no_more_quotes_than_are_reckoned_with(self):
        for name, examples in EXAMPLES.items():
            pattern = re.compile(f"\\A(?:{TEMPLATE['Parameters'][name]['AllowedPattern']})\\Z")
            for example in examples:
                self.assertRegex(f"[{example}]", pattern)
                self.assertLessEqual(example.count('"') / len(example), QUOTES, name)
            self.assertNotRegex(f"[{examples[0]}]".replace("1900000001", "一"), pattern)


if __name__ == "__main__":
    unittest.main()
