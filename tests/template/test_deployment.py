"""How a new version gets in: a probe first, then a tenth of the traffic, and back at once if an alarm goes off."""

import io
import json
import re
import types
import unittest
import unittest.mock

from probes import PROBES, probes, program
from scenarios import crate
from test_template import CALLBACKS, DEPLOYED, TEMPLATE
from translated import ROOT, allowed, of_type, text

APIS = ["SignApi", "MerchantApi"]
PROBED = {"CallbackProbe": CALLBACKS, "ApiProbe": APIS}


class Deployment(unittest.TestCase):
    def test_what_is_called_from_outside_is_probed_and_shifted_slowly_and_goes_back_by_alarm(self):
        groups = of_type(DEPLOYED, "AWS::CodeDeploy::DeploymentGroup")
        self.assertEqual(sorted(groups), sorted(f"{name}DeploymentGroup" for name in [*CALLBACKS, *APIS]))
        alarms = of_type(DEPLOYED, "AWS::CloudWatch::Alarm")
        for name in [*CALLBACKS, *APIS]:
            with self.subTest(name):
                group = groups[f"{name}DeploymentGroup"]
                self.assertIn("Canary10Percent10Minutes", json.dumps(group["DeploymentConfigName"]))
                self.assertIn("DEPLOYMENT_STOP_ON_ALARM", group["AutoRollbackConfiguration"]["Events"])
                self.assertIs(group["AutoRollbackConfiguration"]["Enabled"], True)
                wanted = {text(alarm["Name"]) for alarm in group["AlarmConfiguration"]["Alarms"]}
                self.assertLessEqual(wanted, set(alarms))
                kind = "Callback" if name in CALLBACKS else "Api"
                self.assertLessEqual({f"{kind}ErrorsAlarm", f"{kind}FaultsAlarm"}, wanted)
                update = DEPLOYED["Resources"][f"{name}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
                self.assertEqual(text(update["BeforeAllowTrafficHook"]), f"{kind}Probe")
                self.assertEqual(text(group["ServiceRoleArn"]), "DeploymentRole.Arn")

    def test_the_alarms_that_roll_back_trip_within_the_canarys_ten_minutes(self):
        alarms = of_type(DEPLOYED, "AWS::CloudWatch::Alarm")
        for group in of_type(DEPLOYED, "AWS::CodeDeploy::DeploymentGroup").values():
            for name in (text(alarm["Name"]) for alarm in group["AlarmConfiguration"]["Alarms"]):
                alarm = alarms[name]
                period = max(m["MetricStat"]["Period"] for m in alarm["Metrics"] if "MetricStat" in m)
                self.assertLessEqual(period * alarm["EvaluationPeriods"], 600, name)

    def test_codedeploy_can_shift_these_functions_and_call_the_probes_only(self):
        function = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-"
        # A whole name each: `${AWS::StackName}-*` would be the functions of the stack `papay-staging` to the stack `papay`, too.
        whole = lambda name: function.removesuffix("${AWS::StackName}-") + text(DEPLOYED["Resources"][name]["Properties"]["FunctionName"])
        actions = ["GetAlias", "UpdateAlias", "GetProvisionedConcurrencyConfig"]
        shifts = {(f"lambda:{action}", whole(name) + qualifier) for action in actions for name in [*CALLBACKS, *APIS] for qualifier in ("", ":*")}
        calls = {("lambda:InvokeFunction", whole(probe)) for probe in PROBES}
        self.assertEqual(allowed(DEPLOYED, "DeploymentRole"), {("cloudwatch:DescribeAlarms", "*")} | shifts | calls)

    def test_a_probe_calls_the_versions_it_knows_and_tells_codedeploy(self):
        group = "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:deploymentgroup:${ServerlessDeploymentApplication}/*"
        for probe, functions in PROBED.items():
            logs = {(action, f"{probe}Logs.Arn") for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
            calls = {("lambda:InvokeFunction", f"${{{name}.Arn}}:*") for name in functions}
            self.assertEqual(allowed(DEPLOYED, f"{probe}Role"), logs | calls | {("codedeploy:PutLifecycleEventHookExecutionStatus", group)})

    def test_no_resource_waits_for_itself(self):
        resources = DEPLOYED["Resources"]
        waits_for = {name: references(resource) & set(resources) for name, resource in resources.items()}
        done, path = set(), []

        def visit(name):
            self.assertNotIn(name, path, " -> ".join([*path, name]))
            if name not in done:
                path.append(name)
                for other in sorted(waits_for[name]):
                    visit(other)
                path.pop()
                done.add(name)

        for name in resources:
            visit(name)


def references(value):
    """The logical names that an intrinsic anywhere inside needs."""
    if isinstance(value, list):
        return set().union(*map(references, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, inner in value.items():
        if key == "Ref":
            found.add(inner)
        elif key == "Fn::GetAtt":
            found.add((inner if isinstance(inner, str) else inner[0]).split(".")[0])
        elif key == "Fn::Sub":
            pattern, variables = (inner, {}) if isinstance(inner, str) else inner
            names = set(re.findall(r"\$\{([A-Za-z0-9]+)", pattern)) - set(variables)
            found |= names | references(variables)
        elif key == "DependsOn":
            found |= {inner} if isinstance(inner, str) else set(inner)
        else:
            found |= references(inner)
    return found


class Probe(unittest.TestCase):
    """The program itself, with an AWS that answers as told."""

    VERSION = "arn:aws:lambda:ap-east-1:1:function:papay-deduction-callback:7"

    def status_for(self, answer):
        told, asked = [], []

        class Aws:
            def invoke(self, FunctionName, Payload):
                asked.append((FunctionName, json.loads(Payload)))
                if isinstance(answer, Exception):
                    raise answer
                status, error = answer
                reply = {"Payload": io.BytesIO(json.dumps({"statusCode": status}).encode())}
                return reply | ({"FunctionError": "Unhandled"} if error else {})

            def put_lifecycle_event_hook_execution_status(self, **words):
                told.append(words)

        target = {"version": self.VERSION, "method": "GET", "path": "/v2/10000100", "status": 405}
        environment = {"TARGETS": json.dumps([target]), "ORIGIN_SECRET": "s" * 32}
        hook = program(TEMPLATE, environment, types.SimpleNamespace(client=lambda service: Aws()))
        with unittest.mock.patch("builtins.print"):
            hook["handler"]({"DeploymentId": "d", "LifecycleEventHookExecutionId": "e"}, None)
        [(version, event)] = asked
        self.assertEqual((version, event["rawPath"], event["headers"]["x-origin-verify"]), (self.VERSION, "/v2/10000100", "s" * 32))
        [words] = told
        self.assertEqual((words["deploymentId"], words["lifecycleEventHookExecutionId"]), ("d", "e"))
        return words["status"]

    def test_the_requests_that_are_tried_on_the_real_functions_are_the_hooks_own(self):
        known = json.loads((ROOT / "tests/template/probes.json").read_text(encoding="utf-8"))
        self.assertEqual(known, probes(TEMPLATE), "python tests/template/probes.py > tests/template/probes.json")
        self.assertEqual({probe["function"] for probe in known}, {crate(name) for name in [*CALLBACKS, *APIS]})

    def test_a_version_that_refuses_a_stranger_may_take_traffic(self):
        self.assertEqual(self.status_for((405, False)), "Succeeded")

    def test_a_version_that_believes_fails_or_cannot_be_called_may_not(self):
        for answer in [(200, False), (403, False), (503, False), (None, True), RuntimeError("throttled")]:
            self.assertEqual(self.status_for(answer), "Failed", answer)


if __name__ == "__main__":
    unittest.main()
