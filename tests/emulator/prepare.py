"""What `sam build` made, without what the emulator has no notion of: CodeDeploy, and alarms that compute.

    prepare.py .aws-sam/build OUTPUT

Prints what was left out. Those parts are asserted on the translated template, in tests/template.
"""

import pathlib
import sys

from samcli.yamlhelper import yaml_dump, yaml_parse


def main(build, output):
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
    output.write_text(yaml_dump(template), encoding="utf-8")
    print(f"left out on the emulator: DeploymentPreference, {', '.join(sorted(left_out))}")


def is_unknown(name, resource):
    for_codedeploy = name == "DeploymentRole" or name.startswith(("CallbackProbe", "ApiProbe"))
    computes = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return for_codedeploy or computes


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
