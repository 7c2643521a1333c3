"""What a deployment changes reaches the alias `live`, which all URLs, mappings and rules belong to: a new version of each function that
would work otherwise, and no change of a version that would not."""

import http.server
import json
import re
import threading
import unittest

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from test_template import CONSUMERS, DEPLOYED, FUNCTIONS, TEMPLATE
from translated import PARAMETERS, of_type, source, translate

# Another value of each parameter.
OTHERWISE = {
    "Merchants": "10000100,10000200,10000300",
    "SecretPrefix": "papay-b/",
    "Routing": '[{"consumer": "membership"}]',
    "Issuers": '[{"issuer": "https://id.example.com"}]',
    "CorsOrigins": "https://shop.example.com",
    "ServerIp": "203.0.113.7",
    "RefundsByV3": "10000100",
    "Principals": '[{"principal": "arn:aws:iam::123456789012:role/a"}]',
    "Architecture": "x86_64",
    "CallbackConcurrency": "7",
    **{f"{consumer}Readers": "arn:aws:iam::123456789012:root" for consumer in CONSUMERS},
    "AlarmEmail": "ops@example.com",
    "EdgeDomain": "pay.example.com",
    "OriginSecrets": "b" * 32 + "," + "a" * 32,
    "Revision": "2",
    "LogRetentionDays": "7",
}
# What no function is told, and what belongs to the function and not to its versions.
BESIDE = {"CallbackConcurrency", "AlarmEmail", "LogRetentionDays", *(f"{consumer}Readers" for consumer in CONSUMERS)}
NOT_OF_A_VERSION = {"Description", "ReservedConcurrentExecutions"}


class Stack:
    """The translated template with its intrinsics resolved, as far as functions and versions need them."""

    def __init__(self, template=DEPLOYED, **parameters):
        self.template = template
        defaults = {name: spec["Default"] for name, spec in template["Parameters"].items() if "Default" in spec}
        self.parameters = defaults | PARAMETERS | parameters

    def functions(self):
        """Of each function what CloudFormation compares with what is there."""
        return {name: self.value(self.template["Resources"][name]["Properties"]) for name in FUNCTIONS}

    def versions(self):
        """Of each function what CloudFormation compares with the version that is there: another name or property makes a new one."""
        found = {}
        for name in FUNCTIONS:
            [version] = [other for other in of_type(self.template, "AWS::Lambda::Version") if re.fullmatch(f"{name}Version\\w{{10}}", other)]
            found[name] = (version, self.value(self.template["Resources"][version]["Properties"]))
        return found

    def value(self, it):
        if isinstance(it, list):
            return [self.value(one) for one in it]
        if not isinstance(it, dict):
            return it
        if len(it) == 1:
            [(key, inner)] = it.items()
            if key == "Ref":
                return self.named(inner)
            if key.startswith("Fn::"):
                return getattr(self, key.removeprefix("Fn::"))(inner)
        return {key: self.value(inner) for key, inner in it.items()}

    def named(self, name):
        if name not in self.parameters:
            return f"<{name}>"
        value = self.parameters[name]
        return value.split(",") if self.template["Parameters"][name]["Type"] == "CommaDelimitedList" else value

    def GetAtt(self, path):
        if path == ["Configuration", "Fingerprint"]:
            return asked(self.value(self.template["Resources"]["Configuration"]["Properties"]))["Data"]["Fingerprint"]
        return f"<{'.'.join(path)}>"

    def Join(self, inner):
        separator, parts = inner
        return separator.join(self.value(parts))

    def Split(self, inner):
        separator, whole = inner
        return self.value(whole).split(separator)

    def Select(self, inner):
        index, parts = inner
        return self.value(parts)[index]

    def Sub(self, inner):
        pattern, values = (inner, {}) if isinstance(inner, str) else inner
        values = self.value(values)

        def put(match):
            name = match[1]
            return values[name] if name in values else self.GetAtt(name.split(".")) if "." in name else self.named(name)

        return re.sub(r"\$\{([^!}]+)\}", put, pattern)

    def If(self, inner):
        condition, met, otherwise = inner
        return self.value(met if self.condition(self.template["Conditions"][condition]) else otherwise)

    def condition(self, it):
        [(key, inner)] = it.items()
        if key == "Fn::Not":
            return not self.condition(inner[0])
        self.assert_equals(key)
        return self.value(inner[0]) == self.value(inner[1])

    @staticmethod
    def assert_equals(key):
        if key != "Fn::Equals":
            raise AssertionError(f"a condition that this test does not know: {key}")


def program():
    names = {}
    exec(TEMPLATE["Resources"]["Fingerprint"]["Properties"]["Code"]["ZipFile"], names)
    return names["handler"]


HANDLER = program()


def asked(properties, **words):
    """What the function of the template tells CloudFormation of a resource with these properties."""
    heard = []

    class CloudFormation(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), CloudFormation) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        request = {"RequestType": "Create", "StackId": "stack", "RequestId": "request", "LogicalResourceId": "Configuration",
                   "ResponseURL": f"http://127.0.0.1:{server.server_port}/?signed", "ResourceProperties": properties}
        HANDLER(request | words, None)
    [(content_type, answer)] = heard
    if content_type:
        raise AssertionError(f"the address is not signed for {content_type}")
    return answer


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


class Versions(unittest.TestCase):
    def test_another_value_of_a_parameter_that_a_function_is_told_makes_a_new_version_and_no_other_parameter_does(self):
        self.assertEqual(set(OTHERWISE), set(TEMPLATE["Parameters"]))
        before = Stack()
        for parameter, value in OTHERWISE.items():
            with self.subTest(parameter):
                after = Stack(**{parameter: value})
                told = lambda stack: {name: {key: value for key, value in properties.items() if key not in NOT_OF_A_VERSION}
                                      for name, properties in stack.functions().items()}
                new = changed(before.versions(), after.versions())
                self.assertLessEqual(changed(told(before), told(after)), new)
                self.assertEqual(new, set() if parameter in BESIDE else set(FUNCTIONS))
                # Of a function that is as it was Lambda publishes no version, and CloudFormation fails.
                description = lambda stack: {name: properties["Description"] for name, properties in stack.functions().items()}
                self.assertEqual(changed(description(before), description(after)), new)

    def test_a_table_or_a_queue_in_anothers_place_makes_a_new_version(self):
        # A function's own URL depends on its version, and changes with its function alone.
        references = set(re.findall(r'"Ref": "(\w+)"|\$\{(\w+)\}', json.dumps([DEPLOYED["Resources"][name]["Properties"]["Environment"] for name in FUNCTIONS])))
        named = {a or b for a, b in references} & set(DEPLOYED["Resources"])
        self.assertEqual(named, {"LedgerTable", "InboxTable", "OutboxTable", "WorkQueue", *(f"{consumer}Queue" for consumer in CONSUMERS)})
        values = DEPLOYED["Resources"]["Configuration"]["Properties"]["Values"]
        self.assertEqual({name: values.get(name) for name in named}, {name: {"Ref": name} for name in named})

    def test_another_catalogue_makes_a_new_version_of_those_that_read_it(self):
        versions = Stack(translate(TEMPLATE, catalogue="s3://bucket/other")).versions()
        self.assertEqual(changed(Stack().versions(), versions), {"SignApi", "MerchantApi"})

    def test_another_property_in_the_template_makes_a_new_version_of_that_function(self):
        for name in FUNCTIONS:
            template = source()
            template["Resources"][name]["Properties"]["MemorySize"] = 512
            self.assertEqual(changed(Stack().versions(), Stack(translate(template)).versions()), {name})

    def test_the_version_before_is_kept_to_go_back_to(self):
        for name, resource in DEPLOYED["Resources"].items():
            if resource["Type"] == "AWS::Lambda::Version":
                self.assertEqual((resource["DeletionPolicy"], resource["UpdateReplacePolicy"]), ("Retain", "Retain"), name)

    def test_another_description_replaces_a_version_as_cloudformations_schema_has_it(self):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::Lambda::Version").schema
        self.assertIn("/properties/Description", schema["createOnlyProperties"])

    def test_a_configuration_that_is_the_same_has_the_same_fingerprint(self):
        values = {"A": "1", "B": ["2", "3"]}
        known = asked({"Values": values})["Data"]["Fingerprint"]
        self.assertRegex(known, "^[0-9a-f]{16}$")
        self.assertEqual(asked({"Values": dict(reversed(values.items())), "ServiceToken": "another"})["Data"]["Fingerprint"], known)
        for other in ({"A": "1", "B": ["3", "2"]}, {"A": "2", "B": ["2", "3"]}, {"A": "1"}):
            self.assertNotEqual(asked({"Values": other})["Data"]["Fingerprint"], known)

    def test_cloudformation_is_answered_about_the_resource_that_it_asks_about(self):
        answer = asked({"Values": {}})
        self.assertEqual({key: answer[key] for key in ("Status", "StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")},
                         {"Status": "SUCCESS", "StackId": "stack", "RequestId": "request", "LogicalResourceId": "Configuration",
                          "PhysicalResourceId": "Configuration"})
        # Another id would have CloudFormation delete the one before.
        for request in ("Update", "Delete"):
            self.assertEqual(asked({"Values": {"A": "2"}}, RequestType=request, PhysicalResourceId="earlier")["PhysicalResourceId"], "earlier")

    def test_a_description_fits(self):
        for name, function in Stack().functions().items():
            self.assertLessEqual(len(function["Description"]), 256, name)


if __name__ == "__main__":
    unittest.main()
