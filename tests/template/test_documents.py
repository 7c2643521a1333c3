"""What the documents name must be there: tests, pages, outputs and parameters, in both languages."""

import re
import unittest

from scenarios import metrics
from test_template import DEPLOYED, TEMPLATE
from translated import ROOT, of_type

PAIRS = ["deploy", "cost", "upgrading", "disaster-recovery", "security", "wechat-checks", "runbook/README"]


def read(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


class Documents(unittest.TestCase):
    def test_each_document_is_there_in_both_languages_and_links_to_the_other(self):
        for name in PAIRS:
            last = name.rsplit("/", 1)[-1]
            self.assertIn(f"]({last}.zh-CN.md)", read(f"{name}.md"), name)
            self.assertIn(f"]({last}.md)", read(f"{name}.zh-CN.md"), name)

    def test_the_two_languages_have_the_same_code_and_headings_in_number(self):
        for name in PAIRS:
            english, chinese = read(f"{name}.md"), read(f"{name}.zh-CN.md")
            headings = [len(re.findall(r"(?m)^## ", text)) for text in (english, chinese)]
            self.assertEqual(headings[0], headings[1], name)
            rows = [len(re.findall(r"(?m)^\|", text)) for text in (english, chinese)]
            self.assertEqual(rows[0], rows[1], name)

    def test_every_link_leads_somewhere(self):
        for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]:
            for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
                if "://" not in target:
                    self.assertTrue((path.parent / target).exists(), f"{path.relative_to(ROOT)} -> {target}")

    def test_every_check_of_wechats_names_tests_that_there_are(self):
        sources = [path for folder in ("shared", "functions", "tests", "sandbox", "cli") for path in (ROOT / folder).rglob("*.rs")
                   if "target" not in path.parts]
        rust = "\n".join(path.read_text(encoding="utf-8") for path in sources)
        there = set(re.findall(r"#\[(?:tokio::)?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn ([a-z0-9_]+)", rust))
        # The cases of the test that every ledger passes.
        contract = (ROOT / "shared/testkit/src/contract/ledger.rs").read_text(encoding="utf-8")
        there |= set(re.findall(r"async fn (\w+)\(ledger: ", contract))
        without = {"wechat-checks.md": "One has no test", "wechat-checks.zh-CN.md": "有一项没有测试"}
        for name in ("wechat-checks.md", "wechat-checks.zh-CN.md"):
            rows = re.findall(r"(?m)^\| (\d+) \|.*\| ([^|]*) \|$", read(name))
            self.assertEqual([int(number) for number, _ in rows], list(range(1, 28)))
            self.assertEqual([number for number, shown in rows if "`" not in shown], ["19"])
            self.assertIn(without[name], read(name))
            for number, shown in rows:
                for test in re.findall(r"`([a-z0-9_]+)`", shown):
                    self.assertIn(test, there, f"{name}, check {number}")

    def test_the_costs_add_up_and_count_what_the_template_has(self):
        looked_at = [metric for alarm in of_type(DEPLOYED, "AWS::CloudWatch::Alarm").values() for metric in metrics(alarm)]
        alarms = len(of_type(DEPLOYED, "AWS::CloudWatch::Alarm"))
        for name in ("cost.md", "cost.zh-CN.md"):
            words = read(name)
            self.assertRegex(words, rf"\b{alarms} \D*{len(looked_at)} \D*\$0\.10\D* \| \${len(looked_at) / 10:.2f} \|")
            products = re.findall(r"([\d. ]+) × ([\d.]+) = \$([\d.]+)", words)
            self.assertEqual(len(products), 7)
            for count, price, product in products:
                self.assertAlmostEqual(float(count.replace(" ", "")) * float(price), float(product), delta=0.006)
            variable = sum(float(product) for *_, product in products[:6])
            self.assertIn(f"**${variable:.2f}**", words)
            monthly = re.findall(r"(?m)^\| [^|]+ \|([^|]*)\| \$([\d.]+) \|$", words)
            [total] = re.findall(r"\| \| \*\*\$(\d+)\*\* \|", words)
            self.assertEqual(round(sum(float(cost) for _, cost in monthly)), int(total), name)
            [own] = [(int(re.search(r"\d+", what)[0]), float(cost)) for what, cost in monthly if "$0.30" in what]
            self.assertAlmostEqual(own[0] * 0.30, own[1], delta=0.006)
            for number, rest in re.findall(r"(?m)^\| ([\d ]+) \| (\$.*) \|$", words):
                varies, fixed, storage, all_of_it = [float(part.strip(" *$").replace(" ", "")) for part in rest.split("|")]
                self.assertAlmostEqual(varies, variable * float(number.replace(" ", "")) / 1e6, delta=0.6)
                self.assertEqual(fixed, int(total))
                self.assertAlmostEqual(varies + fixed + storage, all_of_it, delta=0.6)

    def test_the_deployment_page_explains_every_parameter_and_callback_output(self):
        for name in ("deploy.md", "deploy.zh-CN.md"):
            words = read(name)
            for parameter in TEMPLATE["Parameters"]:
                self.assertIn(f"`{parameter}`", words, name)
            for output in TEMPLATE["Outputs"]:
                if "NotifyUrl" in output:
                    self.assertIn(f"`{output}`", words, name)


if __name__ == "__main__":
    unittest.main()
