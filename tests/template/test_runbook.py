"""What the documents tell a person to do can be done: routes, log filters, tables and names of resources are there."""

import json
import re
import unittest

from test_template import DEPLOYED
from translated import ROOT, of_type

PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
         for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/runbook/*.md"), *ROOT.glob("README*.md")]}
# Written by Lambda, and not by a function of ours.
OF_LAMBDA = {"@message", "@timestamp", "@logStream", "level", "message"}


def code():
    """What functions and the crates that they are made of are written in, tests left out."""
    files = [file for folder in ("functions", "shared") for file in (ROOT / folder).glob("*/src/**/*.rs")]
    files = [file for file in files if "testkit" not in file.parts and "tests" not in (*file.parts, file.stem)]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


CODE = code()


def routes():
    """`(GET, /v1/{}/orders/{})`, of both APIs."""
    found = set()
    for name in ("sign-api", "merchant-api"):
        document = json.loads((ROOT / f"docs/openapi/{name}.json").read_text(encoding="utf-8"))
        found |= {(method.upper(), unnamed(path)) for path, methods in document["paths"].items() for method in methods}
    return found


def unnamed(path):
    return re.sub(r"\{[^}]*\}", "{}", path)


class Runbook(unittest.TestCase):
    def test_each_route_that_a_document_names_is_there(self):
        known, named = routes(), 0
        for page, words in PAGES.items():
            for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (?:/v1/\{mch_id\}|…|<SignApiAddress>)(/[^\s`?]*)`", words):
                with self.subTest(page, route=f"{method} {path}"):
                    whole = unnamed("/v1/{mch_id}" + path)
                    # `…/termination` leaves out more than the beginning.
                    self.assertTrue(any(one == method and (there == whole or path.count("/") == 1 and there.endswith(path)) for one, there in known))
                    named += 1
        self.assertGreater(named, 15)

    def test_no_document_names_a_route_in_another_way(self):
        others = re.compile(r"`(?:GET|POST|PUT|PATCH|DELETE) (?!/v1/\{mch_id\}/|…/|<SignApiAddress>/|<DeductionNotifyUrlV2>|<the |<该)[^`]*`")
        for page, words in PAGES.items():
            self.assertEqual(others.findall(words), [], page)

    def test_the_words_of_each_log_filter_are_in_what_the_functions_write(self):
        texts = [text for line in CODE.splitlines() for text in re.findall(r'"((?:[^"\\]|\\.)*)"', line)]
        looked_for = 0
        for page, words in PAGES.items():
            for line in re.findall(r"`filter ([^`]*)`", words):
                line = line.split(" | ")[0]
                for field, begins, words_of in re.findall(r"([@\w]+) like /(\^?)([^/]*)/", line):
                    if field == "@message":
                        continue
                    with self.subTest(page, words=words_of):
                        self.assertTrue(any(text.startswith(words_of) if begins else words_of in text for text in texts) or field == "reason" and words_of in CODE)
                        looked_for += 1
                for field, text in re.findall(r'(\w+) = "([^"…]*)"', line):
                    if field == "level":
                        continue
                    with self.subTest(page, text=text):
                        self.assertTrue(text in texts or "".join(part.capitalize() for part in text.split("_")) in CODE)
                        looked_for += 1
                for field in re.findall(r"([@\w]+) (?:like|=|>=)|ispresent\((\w+)\)", line):
                    field = "".join(field)
                    self.assertTrue(field in OF_LAMBDA or re.search(rf"\b{field}\b", CODE), f"{page}: {field}")
        self.assertGreater(looked_for, 30)

    def test_both_languages_filter_for_the_same_and_run_the_same_commands(self):
        for page, words in PAGES.items():
            chinese = PAGES.get(page.removesuffix(".md") + ".zh-CN.md")
            if chinese is None or not page.startswith("docs/runbook/"):
                continue
            said = lambda text: (re.findall(r"`filter ([^`]*)`", text), re.findall(r"(?:GET|POST) …[^`]*", text), re.findall(r"(?m)^    aws .*$", text))
            self.assertEqual(said(words), said(chinese), page)

    def test_the_commands_that_read_the_record_name_the_tables_and_their_keys(self):
        keys = {table["TableName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): table["KeySchema"][0]["AttributeName"]
                for table in of_type(DEPLOYED, "AWS::DynamoDB::Table").values()}
        for page in ("docs/runbook/README.md", "docs/runbook/README.zh-CN.md"):
            asked = dict(re.findall(r"aws dynamodb get-item --table-name \"\$STACK-(\w+)\" .*--key '\{\"(\w+)\"", PAGES[page]))
            asked |= dict(re.findall(r"aws dynamodb query --table-name \"\$STACK-(\w+)\" .*'\{\"#k\": \"(\w+)\"\}'", PAGES[page]))
            self.assertEqual(asked, keys, page)

    def test_the_resources_that_a_command_asks_cloudformation_for_are_in_the_stack(self):
        for page in ("docs/upgrading.md", "docs/upgrading.zh-CN.md"):
            [functions] = re.findall(r"for F in ([\w ]+); do", PAGES[page])
            named = set()
            for name in re.findall(r'--logical-resource-id "?([^\s"]+)"?', PAGES[page]):
                named |= {name.replace("${F}", function) for function in functions.split()}
            self.assertEqual(named, {name for name, resource in DEPLOYED["Resources"].items() if resource["Type"].startswith("AWS::CodeDeploy::")})


if __name__ == "__main__":
    unittest.main()
