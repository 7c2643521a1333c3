"""What `sam build` made, without what the emulator has no notion of (CodeDeploy, and alarms that compute), and with what a stack is
given: who may call, what is sold, and where WeChat is.

    prepare.py .aws-sam/build OUTPUT WECHAT CATALOGUE

WECHAT is the simulator's address; without it the functions would call WeChat itself. CATALOGUE is a file of this machine, since the
emulator runs functions as processes of it and has no /opt for their layers. Prints what was left out and what was given. What was left
out is asserted on the translated template, in tests/template.
"""

import json
import pathlib
import sys

from samcli.yamlhelper import yaml_dump, yaml_parse

# Whom the tests vouch for. The secret is one of sandbox/papay.toml.
PARAMETERS = {
    "Issuers": [{"issuer": "https://app.papay.local", "audience": "papay", "merchants": ["10000100"],
                 "algorithm": "HS256", "secret": "papay/issuers/0"}],
    "Principals": [{"principal": "arn:aws:sts::000000000000:assumed-role/BackEnd/*", "merchants": ["10000100"],
                    "actions": ["read", "deduct", "refund", "terminate", "replay"]}],
}

ASK_WECHAT = ("BillReconciler", "MerchantApi", "SignApi", "Worker")


def main(build, output, wechat, catalogue):
    template = yaml_parse((build / "template.yaml").read_text(encoding="utf-8"))
    resources = template["Resources"]
    left_out = [name for name, resource in resources.items() if is_unknown(name, resource)]
    for name in left_out:
        del resources[name]
    del template["Mappings"]["Probe"]
    if not template["Mappings"]:
        del template["Mappings"]
    for resource in resources.values():
        properties = resource.get("Properties", {})
        properties.pop("DeploymentPreference", None)
        for place in ("CodeUri", "ContentUri"):
            if place in properties:
                properties[place] = str((build / properties[place]).resolve())
    for name, value in PARAMETERS.items():
        template["Parameters"][name]["Default"] = json.dumps(value)
    for name in ASK_WECHAT:
        variables = resources[name]["Properties"]["Environment"]["Variables"]
        variables["PAPAY_WECHAT_HOSTS"] = wechat
        if "PAPAY_CATALOGUE" in variables:
            variables["PAPAY_CATALOGUE"] = str(catalogue.resolve())
    output.write_text(yaml_dump(template), encoding="utf-8")
    print(f"left out on the emulator: DeploymentPreference, {', '.join(sorted(left_out))}")
    print(f"given: {', '.join(PARAMETERS)}; to {', '.join(ASK_WECHAT)} the simulator as WeChat, and a catalogue outside their layer")


def is_unknown(name, resource):
    for_codedeploy = name == "DeploymentRole" or name.startswith(("CallbackProbe", "ApiProbe"))
    computes = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return for_codedeploy or computes


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4]))
