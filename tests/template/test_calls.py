"""The roles against what the functions really ask of AWS, as tests/it/calls.rs recorded it over a whole day."""

import json
import re
import unittest

from test_template import DEPLOYED, FUNCTIONS
from translated import ROOT, allowed

RECORDED = json.loads((ROOT / "tests/template/calls.json").read_text(encoding="utf-8"))
# What Lambda itself does with a function's role: it writes the log, polls the source, and keeps what was given up.
BY_LAMBDA = {
    "logs:CreateLogStream", "logs:PutLogEvents",
    "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
    "s3:PutObject", "s3:ListBucket",
}
# Not in the recording: what is asked of the outbox only after a read that a transaction tore, which the emulator never makes
# (publish's own tests do).
NEVER_SEEN = {
    ("outbox-relay", "dynamodb:GetItem", "outbox"),
    ("sweeper", "dynamodb:GetItem", "outbox"),
}


def short(resource):
    """A resource as the recording calls it: `ledger`, `ledger/due`, `membership`, `verify`."""
    secret = re.search(r"secret:\$\{SecretPrefix\}(?:\*/([a-z]+)|(issuers)/\*)(?:-\?{6})?$", resource)
    if secret:
        return secret[1] or secret[2]
    index = re.match(r"\$\{(Ledger|Outbox|Inbox)Table\.Arn\}/index/([a-z_]+)$", resource)
    if index:
        return f"{index[1].lower()}/{index[2]}"
    return re.match(r"([A-Za-z]+?)(Table|Queue)\.Arn$", resource)[1].lower()


class Calls(unittest.TestCase):
    def test_nothing_is_granted_that_is_not_used_and_nothing_used_that_is_not_granted(self):
        self.assertEqual(len(RECORDED), len(FUNCTIONS))
        for name in FUNCTIONS:
            with self.subTest(name):
                function = re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()
                used = {(action, resource) for action, resources in RECORDED[function].items() for resource in resources}
                used |= {(action, resource) for who, action, resource in NEVER_SEEN if who == function}
                granted = {(action, short(resource)) for action, resource in allowed(DEPLOYED, f"{name}Role") if action not in BY_LAMBDA}
                self.assertEqual(used, granted)


if __name__ == "__main__":
    unittest.main()
