"""What SAM makes of template.yaml: plain CloudFormation, as it would be deployed."""

import copy
import json
import logging
import pathlib

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

# The translator tells of feature switches that it lacks, once for each function.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARAMETERS = {"Merchants": "10000100,10000200"}


class NoManagedPolicies:
    """The template names no policy of AWS's; one that appears would not be found here."""

    def load(self):
        return {}


def source():
    """The template as it is written."""
    return yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))


def translate(template, catalogue="s3://bucket/key"):
    """The template as it would be deployed, with the catalogue at that address."""
    template = copy.deepcopy(template)
    parameters = {name: spec["Default"] for name, spec in template["Parameters"].items() if "Default" in spec}
    functions = [r for r in template["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
    for function in functions:
        # `sam package` puts the uploaded archive's address here.
        function["Properties"]["CodeUri"] = "s3://bucket/key"
    for layer in template["Resources"].values():
        if layer["Type"] == "AWS::Serverless::LayerVersion":
            layer["Properties"]["ContentUri"] = catalogue
    return transform(template, parameters | PARAMETERS, NoManagedPolicies())


def of_type(template, kind):
    """Logical name to properties, of all resources of a type."""
    resources = template["Resources"].items()
    return {name: resource["Properties"] for name, resource in resources if resource["Type"] == kind}


def text(value):
    """An intrinsic as short text: `LedgerTable.Arn`, `MembershipQueue`, or the text that is substituted into."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return value["Ref"]
    if "Fn::GetAtt" in value:
        parts = value["Fn::GetAtt"]
        return parts if isinstance(parts, str) else ".".join(parts)
    if "Fn::Sub" in value:
        return value["Fn::Sub"] if isinstance(value["Fn::Sub"], str) else value["Fn::Sub"][0]
    if "Fn::If" in value:
        condition, met, otherwise = value["Fn::If"]
        return f"{condition} ? {text(met)} : {text(otherwise)}"
    raise AssertionError(f"an intrinsic that this test does not know: {json.dumps(value)}")


def many(value):
    """A list, where CloudFormation lets one element stand for it."""
    return value if isinstance(value, list) else [value]


def allowed(template, role):
    """All that a role may do, as `(action, resource)`; a statement of another kind is an error."""
    properties = template["Resources"][role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for policy in properties.get("ManagedPolicyArns", []):
        documents.append(template["Resources"][policy["Ref"]]["Properties"]["PolicyDocument"])
    pairs = set()
    for statement in (statement for document in documents for statement in document["Statement"]):
        if set(statement) - {"Sid"} != {"Effect", "Action", "Resource"} or statement["Effect"] != "Allow":
            raise AssertionError(f"a statement that this test does not know: {json.dumps(statement)}")
        actions, resources = many(statement["Action"]), many(statement["Resource"])
        pairs |= {(action, text(resource)) for action in actions for resource in resources}
    return pairs
