"""Alarms and dashboard: each looks at a metric that something really writes, and each alarm has a page that says what to do."""

import functools
import json
import re
import tomllib
import unittest

from cloudwatch import SPARE_PERIODS, Missing, Writes, datapoint, period, states
from scenarios import EMITTED, STACK, crate, deployed_name, goes_off, metrics, seen
from test_template import CALLBACKS, CONSUMERS, DEPLOYED, FUNCTIONS
from translated import ROOT, of_type, text

RUNBOOK = ROOT / "docs" / "runbook"
ALARMS = of_type(DEPLOYED, "AWS::CloudWatch::Alarm")
# Metrics that AWS writes, and the dimensions that they have.
OF_AWS = {
    "AWS/Lambda": ({"Errors", "Throttles", "IteratorAge", "Url5xxCount", "UrlRequestCount", "UrlRequestLatency"}, "FunctionName"),
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}, "QueueName"),
    "AWS/DynamoDB": ({"ReadThrottleEvents", "WriteThrottleEvents", "TransactionConflict", "ConsumedWriteCapacityUnits"}, "TableName"),
}
MOST_METRICS = 10

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
    "NotTakenAlarm": "not_taken",
    "SilenceAlarm": "notices_lost",
    "SilenceDeductionAlarm": "deduction_url_dead",
    "SilenceSigningAlarm": "signing_url_dead",
    "SilenceTerminationAlarm": "termination_url_dead",
    "SilencePaymentAlarm": "payment_url_dead",
    "SilenceRefundAlarm": "refund_url_dead",
    "SilenceRefundByHandAlarm": "refund_by_hand_untold",
    "BillDifferencesAlarm": "bill_differs",
    "BillsUncomparedAlarm": "bills_uncompared",
    "CertificateExpiryAlarm": "old_certificate",
}
# What trips none.
QUIET = ["ordinary", "probes", "deployment_probe", "quick_app", "quick_return", "ended_by_us", "refund_by_hand", "unpaid_orders"]
# What a single event does not trip: it may pass by itself.
PATIENT = {
    "OutboxAgeAlarm", "OutboxAgeCriticalAlarm", "StreamsUndrainedAlarm", "SweeperDeadAlarm", "DueLagAlarm", "NotTakenAlarm",
    "SilenceDeductionAlarm", "SilenceSigningAlarm", "SilenceTerminationAlarm", "SilencePaymentAlarm", "SilenceRefundAlarm",
}
# By metric, the functions that were seen to write it in no scenario, though an alarm or the dashboard looks at it: a fault need
# not happen in each function. Nothing but their code says that they can. The list may only grow on purpose.
BY_CODE_ALONE = {
    "AskFailed": {"sign-api"},
    "Asked": {"merchant-api", "sign-api"},
    "BillsUncompared": {"bill-reconciler"},
    "DeductionsUntold": {"merchant-api", "sign-api"},
    "EventsPublished": {"sweeper"},
    "KeyFaults": {"contract-callback", "deduction-callback", "refund-callback"},
    "PaymentsUntold": {"merchant-api", "worker"},
    "PresignFailed": {"worker"},
    "Quarantined": {
        "bill-reconciler", "contract-callback", "merchant-api", "payment-callback", "refund-callback", "sign-api", "worker",
    },
    "RefundsUntold": {"merchant-api"},
    "SignaturesRefused": {"contract-callback", "payment-callback", "refund-callback"},
    "SigningsUntold": {"merchant-api", "sign-api"},
    "TerminationsUntold": {"merchant-api"},
}
# Tripped by whatever compares no bill: it has tests of its own.
DAILY = "BillsUncomparedAlarm"


def code(crate_root):
    """What a crate is made of, its tests left out."""
    files = [file for file in crate_root.glob("src/**/*.rs") if "tests" not in (*file.relative_to(crate_root).parts, file.stem)]
    return "".join(file.read_text(encoding="utf-8").split("#[cfg(test)]\nmod tests {")[0] for file in files)


@functools.cache
def crates():
    """Each crate of ours: its folder, what it needs of our own, and its code."""
    found = {path.parent.name: path.parent for path in [*ROOT.glob("shared/*/Cargo.toml"), *ROOT.glob("functions/*/Cargo.toml")]}
    return {name: (path, set(tomllib.loads((path / "Cargo.toml").read_text(encoding="utf-8")).get("dependencies", {})) & set(found), code(path))
            for name, path in found.items()}


@functools.cache
def crates_that_write(metric):
    """The functions whose own code, or that of a crate they are made of, counts this metric."""
    writing = {name for name, (_, _, code_of_it) in crates().items() if f'"{metric}"' in code_of_it}
    grown = None
    while grown != writing:
        grown, writing = writing, writing | {name for name, (_, needs, _) in crates().items() if needs & writing}
    return {name for name in writing if crates()[name][0].parent.name == "functions"}


def was_seen_to_write(name, metric):
    """Whether a function wrote a metric in any scenario."""
    return any(metric in scenario["writes"].get(name, {}) for scenario in EMITTED.values())


def of_alarms():
    """Each metric of ours that an alarm looks at, as `(function, metric)`."""
    return {(crate(resource), metric) for alarm in ALARMS.values() for _, namespace, metric, _, resource, _ in metrics(alarm) if namespace == "papay"}


def of_widgets():
    """The same of the dashboard."""
    found = set()
    for metric in [metric for widget in widgets() for metric in widget["properties"]["metrics"]]:
        if isinstance(metric[0], dict):
            [(name, functions)] = re.findall(r"^SEARCH\('\{papay,function,[a-z,]+\} MetricName=\"(\w+)\" function=\(([^)]+)\)'", metric[0]["expression"])
            found |= {(crate(function.strip('"')), name) for function in functions.split(" OR ")}
        elif metric[0] == "papay":
            found.add((crate(metric[3]), metric[1]))
    return found


def widgets():
    """What the dashboard consists of, as CloudFormation would substitute it."""
    [dashboard] = of_type(DEPLOYED, "AWS::CloudWatch::Dashboard").values()
    return json.loads(re.sub(r"\$\{([^}]+)\}", r"\1", dashboard["DashboardBody"]["Fn::Sub"]))["widgets"]


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
        for name, alarm in ALARMS.items():
            for key, namespace, _, dimension, resource, _ in metrics(alarm):
                if namespace == "papay":
                    with self.subTest(name, id=key):
                        self.assertEqual(dimension, "function")
                        self.assertIn(resource, FUNCTIONS)

    def test_what_alarms_and_dashboard_look_at_was_written_in_a_scenario_or_is_listed_as_proved_by_code_alone(self):
        unseen = {(name, metric) for name, metric in of_alarms() | of_widgets() if not was_seen_to_write(name, metric)}
        self.assertEqual(unseen, {(name, metric) for metric, names in BY_CODE_ALONE.items() for name in names})
        for name, metric in unseen:
            self.assertIn(name, crates_that_write(metric), metric)

    def test_an_alarm_of_aws_looks_at_a_metric_that_there_is_with_its_dimension(self):
        for name, alarm in ALARMS.items():
            for _, namespace, metric, dimension, resource, _ in metrics(alarm):
                if namespace != "papay":
                    known, expected = OF_AWS[namespace]
                    self.assertIn(metric, known, name)
                    self.assertEqual(dimension, expected, name)
                    self.assertIn(re.split("[./]", resource)[0], DEPLOYED["Resources"], name)

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
        tables = of_type(DEPLOYED, "AWS::DynamoDB::Table")
        indexes = {f"{name}/{index['IndexName']}" for name, table in tables.items() for index in table.get("GlobalSecondaryIndexes", [])}
        self.assertEqual(watched["ReadThrottleEvents"], set(tables))
        self.assertEqual(watched["WriteThrottleEvents"], set(tables) | indexes)

    def test_the_functions_write_under_the_names_that_the_alarms_ask_for(self):
        asked = {deployed_name(m[4]) for alarm in ALARMS.values() for m in metrics(alarm) if m[1] == "papay"}
        self.assertEqual(asked, {f"{STACK}-{crate(name)}" for name in FUNCTIONS})

    def test_every_function_that_can_set_something_aside_or_miss_a_key_is_in_the_alarm_on_it(self):
        for name, metric in [("QuarantineAlarm", "Quarantined"), ("KeyFaultsAlarm", "KeyFaults"), ("SignaturesRefusedAlarm", "SignaturesRefused")]:
            looked_at = {crate(m[4]) for m in metrics(ALARMS[name]) if m[2] == metric}
            self.assertEqual(looked_at, crates_that_write(metric), name)

    def test_every_alarm_of_ours_is_tripped_by_its_fault(self):
        self.assertEqual({name for name, alarm in ALARMS.items() if any(m[1] == "papay" for m in metrics(alarm))}, set(TRIPPED_BY))
        for name, scenario in [*TRIPPED_BY.items(), ("StreamsUndrainedAlarm", "outbox_down")]:
            alarm = ALARMS[name]
            for around in ("ordinary", None):
                # A fault does not begin with a period.
                for offset in (0, period(alarm) // 3, period(alarm) - 1):
                    with self.subTest(name, around=around, offset=offset):
                        self.assertTrue(goes_off(alarm, scenario, around, offset), EMITTED[scenario])

    def test_an_alarm_that_wants_more_than_one_datapoint_does_not_go_off_at_one(self):
        self.assertEqual({name for name in TRIPPED_BY if ALARMS[name]["DatapointsToAlarm"] > 1}, PATIENT | {DAILY})
        for name in PATIENT:
            with self.subTest(name):
                self.assertFalse(goes_off(ALARMS[name], TRIPPED_BY[name], "ordinary", once=True))

    def test_no_alarm_of_ours_moves_on_an_ordinary_day_when_wechat_probes_or_when_we_deploy(self):
        for scenario in QUIET:
            self.assertGreater(len(EMITTED[scenario]["writes"]), 0)
            for name in set(TRIPPED_BY) - {DAILY}:
                for offset in (0, period(ALARMS[name]) - 1):
                    with self.subTest(scenario, alarm=name, offset=offset):
                        self.assertFalse(goes_off(ALARMS[name], scenario, "ordinary", offset))

    def test_signatures_that_one_function_alone_refuses_are_not_hidden_by_the_requests_of_the_others(self):
        alarm, seconds = ALARMS["SignaturesRefusedAlarm"], 300
        callbacks = [crate(name) for name in CALLBACKS]
        for one in callbacks:
            for refused, off in [(5, False), (6, True)]:
                writes = Writes()
                for at in range(6):
                    counted = {name: {"UrlRequestCount": {"sum": 60 if name == one else 6000}} for name in callbacks}
                    counted[one]["SignaturesRefused"] = {"sum": refused}
                    writes.add(at * seconds, counted)
                self.assertIs(any(states(alarm, seen(alarm, writes, 6 * seconds))), off, (one, refused))

    def test_the_alarm_on_silence_names_the_url_that_is_dead_or_all_of_them_and_no_other(self):
        silence = [name for name in TRIPPED_BY if name.startswith("Silence")]
        self.assertEqual(len(silence), 7)
        for dead in silence:
            off = [name for name in silence if goes_off(ALARMS[name], TRIPPED_BY[dead], "ordinary")]
            self.assertEqual(off, [dead])

    def test_silence_of_all_urls_is_told_after_one_quarter_of_an_hour_with_more_than_five_facts(self):
        alarm = ALARMS["SilenceAlarm"]
        self.assertEqual((period(alarm), alarm["DatapointsToAlarm"]), (900, 1))
        facts = [(function, metric) for _, _, metric, _, function, _ in metrics(alarm) if metric != "Callbacks"]
        self.assertEqual({function for _, _, metric, _, function, _ in metrics(alarm) if metric == "Callbacks"}, set(CALLBACKS))
        for function, metric in facts:
            for told in [None, *CALLBACKS]:
                for count, off in [(5, False), (6, told is None)]:
                    writes = Writes()
                    writes.add(4 * 900, {crate(function): {metric: {"sum": count}}})
                    if told:
                        writes.add(4 * 900, {crate(told): {"Callbacks": {"sum": 1}}})
                    self.assertIs(any(states(alarm, seen(alarm, writes, 5 * 900))), off, (function, metric, count, told))

    def test_a_dead_url_is_seen_within_half_a_day_at_one_fact_an_hour_or_in_four(self):
        # What a bill tells comes once a day.
        hourly = [name for name in PATIENT if name.startswith("Silence")]
        self.assertEqual(len(hourly), 5)
        for name in hourly:
            alarm = ALARMS[name]
            writes = Writes()
            for fact in range(12, 24, 4):
                writes.add(fact * 3600, EMITTED[TRIPPED_BY[name]]["writes"])
            self.assertTrue(any(states(alarm, seen(alarm, writes, 24 * 3600))), name)

    def test_a_refund_by_hand_of_which_a_bill_told_first_is_in_alarm_until_the_next_bill(self):
        alarm = ALARMS["SilenceRefundByHandAlarm"]
        writes = Writes()
        writes.add(30 * 3600, EMITTED["refund_by_hand_untold"]["writes"])
        self.assertIn(sum(states(alarm, seen(alarm, writes, 80 * 3600))), range(24, 24 + SPARE_PERIODS + 1))

    def test_notices_that_come_after_the_hour_in_which_a_question_was_quicker_are_no_silence(self):
        alarm = ALARMS["SilencePaymentAlarm"]
        for late in (15, 24 * 3600):
            writes = Writes()
            for day in range(1, 4):
                asked = day * 86400 - 1
                writes.add(asked, {"sign-api": {"PaymentsUntold": {"sum": 1}}})
                writes.add(asked + late, {"payment-callback": {"Callbacks": {"sum": 1}}})
            self.assertFalse(any(states(alarm, seen(alarm, writes, 6 * 86400))), late)

    def test_bills_that_were_compared_or_cannot_be_fetched_are_not_missed(self):
        alarm = ALARMS[DAILY]
        for hours, off in [(24, False), (26, True)]:
            writes = Writes()
            for day in range(4):
                writes.add(day * hours * 3600, EMITTED["bill_differs"]["writes"])
            self.assertIs(any(states(alarm, seen(alarm, writes, 3 * hours * 3600))), off, hours)
        self.assertFalse(any(states(alarm, [datapoint(alarm, {"c": Missing, "k": 1})] * 48)))
        labels = {text(part["Name"]): text(part["Value"]) for part in alarm["Metrics"][2]["MetricStat"]["Metric"]["Dimensions"]}
        self.assertEqual(labels, {"function": "BillReconciler", "reason": "no_v3_key"})
        rust = (ROOT / "functions/bill-reconciler/src/handler.rs").read_text(encoding="utf-8")
        self.assertIn('"BillsUncompared", "reason" => "no_v3_key"', rust)


class Dashboard(unittest.TestCase):
    def test_the_dashboard_is_json_and_its_widgets_do_not_overlap(self):
        places = [(widget["x"], widget["y"]) for widget in widgets()]
        self.assertEqual(len(set(places)), len(places))

    def test_the_dashboard_shows_metrics_that_there_are(self):
        # Those of ours are counted where those of the alarms are.
        self.assertLessEqual({name for name, _ in of_widgets()}, {crate(name) for name in FUNCTIONS})
        for widget in widgets():
            for metric in widget["properties"]["metrics"]:
                if metric[0] == "papay":
                    self.assertEqual(metric[2], "function")
                elif not isinstance(metric[0], dict):
                    self.assertIn(metric[1], OF_AWS[metric[0]][0])
                    self.assertEqual(metric[2], OF_AWS[metric[0]][1])


if __name__ == "__main__":
    unittest.main()
