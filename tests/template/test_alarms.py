"""Alarms and dashboard: each looks at a metric that something really writes, and each alarm has a page that says what to do."""

import ast
import json
import re
import unittest

from test_template import CONSUMERS, DEPLOYED, FUNCTIONS
from translated import ROOT, of_type, text

RUNBOOK = ROOT / "docs" / "runbook"
ALARMS = of_type(DEPLOYED, "AWS::CloudWatch::Alarm")
# What the functions wrote while these things happened, collected from their logs by tests/it/alarms.rs: for each function
# and metric the sum and the extremes of its values.
EMITTED = json.loads((ROOT / "tests/template/emitted.json").read_text(encoding="utf-8"))
# Metrics that AWS writes, and the dimensions that they have.
OF_AWS = {
    "AWS/Lambda": ({"Errors", "Throttles", "IteratorAge", "Url5xxCount", "UrlRequestCount", "UrlRequestLatency"}, "FunctionName"),
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}, "QueueName"),
    "AWS/DynamoDB": ({"ReadThrottleEvents", "WriteThrottleEvents", "TransactionConflict", "ConsumedWriteCapacityUnits"}, "TableName"),
}
MOST_METRICS = 10


def crate(logical_name):
    """`DeductionCallback` is the function `deduction-callback`, here and on a laptop."""
    return re.sub(r"(?<!^)([A-Z])", r"-\1", logical_name).lower()


def metrics(alarm):
    """What an alarm looks at: its metrics as `(id, namespace, name, dimension, resource, statistic)`."""
    if "MetricName" in alarm:
        [dimension] = alarm["Dimensions"]
        return [("value", alarm["Namespace"], alarm["MetricName"], dimension["Name"], text(dimension["Value"]), alarm["Statistic"])]
    found = []
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            dimension, *_ = metric["Dimensions"]
            found.append((query["Id"], metric["Namespace"], metric["MetricName"], dimension["Name"],
                          text(dimension["Value"]), query["MetricStat"]["Stat"]))
    return found


def own(alarm):
    return {namespace for _, namespace, *_ in metrics(alarm)} == {"papay"}


class Missing:
    """A metric without a value: only FILL gives it one."""


class Choices(ast.NodeTransformer):
    """IF as Python's own: it must not divide where its condition is false."""

    def visit_Call(self, call):
        self.generic_visit(call)
        if call.func.id != "IF":
            return call
        condition, yes, no = call.args
        return ast.IfExp(condition, yes, no)


def evaluate(alarm, values):
    """Whether the alarm goes off where the metrics have these values, as CloudWatch's metric math would say."""
    if "MetricName" in alarm:
        value = values["value"]
    else:
        [expression] = [query["Expression"] for query in alarm["Metrics"] if "Expression" in query]
        functions = {
            "FILL": lambda value, filled: filled if value is Missing else value,
            "MAX": lambda many: max((value for value in many if value is not Missing), default=Missing),
        }
        tree = ast.fix_missing_locations(Choices().visit(ast.parse(expression, mode="eval")))
        value = eval(compile(tree, "expression", "eval"), functions | values)
    if value is Missing:
        return alarm["TreatMissingData"] == "breaching"
    above, below = alarm["ComparisonOperator"] == "GreaterThanThreshold", alarm["ComparisonOperator"] == "LessThanThreshold"
    assert above or below, alarm["ComparisonOperator"]
    return value > alarm["Threshold"] if above else value < alarm["Threshold"]


def emitted(scenario, alarm):
    """The values of an alarm's metrics in a scenario."""
    statistic = {"Sum": "sum", "Maximum": "max", "Minimum": "min"}
    values = {}
    for key, _, name, _, resource, stat in metrics(alarm):
        written = EMITTED[scenario].get(crate(resource), {}).get(name)
        values[key] = written[statistic[stat]] if written else Missing
    return values


# What trips which alarm.
TRIPPED_BY = {
    "SignaturesRefusedAlarm": "forged",
    "KeyFaultsAlarm": "wrong_api_v3_key",
    "QuarantineAlarm": "contradiction",
    "OutboxAgeAlarm": "queue_down",
    "OutboxAgeCriticalAlarm": "queue_down",
    "StreamsUndrainedAlarm": "outbox_unreadable",
    "SweeperDeadAlarm": "sweeper_dead",
    "DueLagAlarm": "work_queue_down",
    "WechatUnansweredAlarm": "wechat_down",
    "WechatRefusesAlarm": "wechat_refuses",
    "PresignFailedAlarm": "presign_failed",
    "GivenUpAlarm": "given_up",
    "SilenceAlarm": "notices_lost",
    "BillDifferencesAlarm": "bill_differs",
    "BillsUncomparedAlarm": "bills_uncompared",
    "CertificateExpiryAlarm": "old_certificate",
}


class Alarms(unittest.TestCase):
    def test_an_alarm_names_a_page_of_the_runbook_in_both_languages(self):
        for name, alarm in ALARMS.items():
            with self.subTest(name):
                [page] = re.findall(r"docs/runbook/([a-z-]+)\.md$", alarm["AlarmDescription"])
                for file in (f"{page}.md", f"{page}.zh-CN.md"):
                    words = (RUNBOOK / file).read_text(encoding="utf-8")
                    self.assertIn(f"`{text(alarm['AlarmName']).removeprefix('${AWS::StackName}-')}`", words, file)

    def test_no_page_of_the_runbook_is_without_its_alarm(self):
        named = {re.findall(r"docs/runbook/([a-z-]+)\.md", alarm["AlarmDescription"])[0] for alarm in ALARMS.values()}
        pages = {path.name.removesuffix(".md").removesuffix(".zh-CN") for path in RUNBOOK.glob("*.md")}
        self.assertEqual(pages - {"README"}, named)

    def test_an_alarm_tells_somebody_when_it_begins_and_when_it_ends(self):
        for name, alarm in ALARMS.items():
            for actions in ("AlarmActions", "OKActions"):
                self.assertEqual([text(action) for action in alarm[actions]], ["AlarmTopic"], name)
            self.assertEqual(text(alarm["AlarmName"]), "${AWS::StackName}-" + crate(name.removesuffix("Alarm")))

    def test_an_alarm_of_ours_looks_at_what_a_function_of_ours_writes(self):
        written = {(function, metric) for scenario in EMITTED.values() for function, all in scenario.items() for metric in all}
        for name, alarm in ALARMS.items():
            some = [metric for metric in metrics(alarm) if metric[1] == "papay"]
            for _, _, metric, dimension, resource, _ in some:
                self.assertEqual((dimension, resource in FUNCTIONS), ("function", True), name)
            # A counter that stands for a fault may not have gone up in each function.
            self.assertTrue(not some or any((crate(m[4]), m[2]) in written for m in some), name)

    def test_an_alarm_of_aws_looks_at_a_metric_that_there_is_with_its_dimension(self):
        for name, alarm in ALARMS.items():
            for _, namespace, metric, dimension, resource, _ in metrics(alarm):
                if namespace != "papay":
                    known, expected = OF_AWS[namespace]
                    self.assertIn(metric, known, name)
                    self.assertEqual(dimension, expected, name)
                    self.assertIn(resource.split(".")[0], DEPLOYED["Resources"], name)

    def test_an_alarm_adds_up_no_more_than_cloudwatch_can(self):
        for name, alarm in ALARMS.items():
            self.assertLessEqual(len(metrics(alarm)), MOST_METRICS, name)
            ids = [key for key, *_ in metrics(alarm)]
            self.assertEqual(len(set(ids)), len(ids), name)
            for query in alarm.get("Metrics", []):
                self.assertEqual(query.get("ReturnData", True), "Expression" in query, name)
                used = set(re.findall(r"\b[a-z][0-9]*\b", query.get("Expression", "")))
                self.assertTrue(not used or used == set(ids), name)

    def test_an_alarm_that_fills_gaps_looks_again_when_a_value_came_late(self):
        filling = {name: alarm for name, alarm in ALARMS.items() if "FILL(" in json.dumps(alarm)}
        self.assertGreater(len(filling), 10)
        for name, alarm in filling.items():
            self.assertGreater(alarm["EvaluationPeriods"], 1, name)
            if alarm["EvaluationPeriods"] == alarm["DatapointsToAlarm"]:
                self.assertGreaterEqual(alarm["EvaluationPeriods"], 3, name)

    def test_a_certificates_days_count_for_a_day_though_the_worker_does_not_always_run(self):
        alarm = ALARMS["CertificateExpiryAlarm"]
        self.assertEqual((alarm["Period"] * alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]), (86400, 1))

    def test_missing_values_are_a_fault_for_what_runs_by_the_clock_alone(self):
        breaching = [name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] != "notBreaching"]
        self.assertEqual(breaching, ["SweeperDeadAlarm", "BillsUncomparedAlarm"])

    def test_every_function_queue_and_table_is_watched(self):
        watched = {}
        for alarm in ALARMS.values():
            for _, _, metric, _, resource, _ in metrics(alarm):
                watched.setdefault(metric, set()).add(resource.split(".")[0])
        self.assertEqual(watched["Errors"], set(FUNCTIONS))
        self.assertEqual(watched["Throttles"], set(FUNCTIONS))
        queues = of_type(DEPLOYED, "AWS::SQS::Queue")
        self.assertEqual(watched["ApproximateNumberOfMessagesVisible"], {name for name in queues if name.endswith("DeadLetterQueue")})
        self.assertEqual(watched["ApproximateAgeOfOldestMessage"], {f"{name}Queue" for name in [*CONSUMERS, "Work"]})
        self.assertEqual(watched["WriteThrottleEvents"], set(of_type(DEPLOYED, "AWS::DynamoDB::Table")))

    def test_every_alarm_of_ours_is_tripped_by_its_fault(self):
        self.assertEqual({name for name, alarm in ALARMS.items() if any(m[1] == "papay" for m in metrics(alarm))}, set(TRIPPED_BY))
        for name, scenario in TRIPPED_BY.items():
            with self.subTest(name):
                self.assertTrue(evaluate(ALARMS[name], emitted(scenario, ALARMS[name])), EMITTED[scenario])

    def test_no_alarm_of_ours_moves_on_an_ordinary_day_or_when_wechat_probes(self):
        for scenario in ("ordinary", "probes"):
            self.assertGreater(len(EMITTED[scenario]), 0)
            for name in TRIPPED_BY:
                # Bills have a scenario of their own.
                if name == "BillsUncomparedAlarm":
                    continue
                self.assertFalse(evaluate(ALARMS[name], emitted(scenario, ALARMS[name])), (scenario, name))

    def test_bills_that_were_compared_or_cannot_be_fetched_are_not_missed(self):
        alarm = ALARMS["BillsUncomparedAlarm"]
        self.assertFalse(evaluate(alarm, emitted("bill_differs", alarm)))
        self.assertFalse(evaluate(alarm, {"c": Missing, "k": 1}))
        labels = {text(part["Name"]): text(part["Value"]) for part in alarm["Metrics"][2]["MetricStat"]["Metric"]["Dimensions"]}
        self.assertEqual(labels, {"function": "BillReconciler", "reason": "no_v3_key"})
        rust = (ROOT / "functions/bill-reconciler/src/handler.rs").read_text(encoding="utf-8")
        self.assertIn('"BillsUncompared", "reason" => "no_v3_key"', rust)


class Dashboard(unittest.TestCase):
    def widgets(self):
        [dashboard] = of_type(DEPLOYED, "AWS::CloudWatch::Dashboard").values()
        # As CloudFormation would substitute it.
        body = re.sub(r"\$\{([^}]+)\}", r"\1", dashboard["DashboardBody"]["Fn::Sub"])
        return json.loads(body)["widgets"]

    def test_the_dashboard_is_json_and_its_widgets_do_not_overlap(self):
        places = [(widget["x"], widget["y"]) for widget in self.widgets()]
        self.assertEqual(len(set(places)), len(places))

    def test_the_dashboard_shows_metrics_that_there_are(self):
        written = {metric for scenario in EMITTED.values() for all in scenario.values() for metric in all}
        for widget in self.widgets():
            for metric in widget["properties"]["metrics"]:
                if isinstance(metric[0], dict):
                    self.assertIn(re.search(r'MetricName="([A-Za-z]+)"', metric[0]["expression"])[1], written)
                elif metric[0] == "papay":
                    self.assertIn(metric[1], written)
                    self.assertIn(metric[3], FUNCTIONS)
                else:
                    self.assertIn(metric[1], OF_AWS[metric[0]][0])
                    self.assertEqual(metric[2], OF_AWS[metric[0]][1])


if __name__ == "__main__":
    unittest.main()
