"""The requests that the pre-traffic hooks of template.yaml send, as the hooks' own program makes them.

    python tests/template/probes.py > tests/template/probes.json

tests/it/alarms.rs sends these to the real functions.
"""

import json
import re
import sys
import types

from translated import source

PROBES = ["CallbackProbe", "ApiProbe"]
MCH_ID = "10000100"


def program(template, environment=None, boto3=types.SimpleNamespace()):
    """The hooks' program; both have the same."""
    names = {}
    sys.modules["boto3"] = boto3
    try:
        exec(template["Mappings"]["Probe"]["Python"]["Source"], names)
    finally:
        del sys.modules["boto3"]
    names["os"] = types.SimpleNamespace(environ=environment or {})
    return names


def probes(template):
    """For each request of each hook: the function, the answer that the hook wants, and the event."""
    request = program(template)["request"]
    found = []
    for probe in PROBES:
        targets, _ = template["Resources"][probe]["Properties"]["Environment"]["Variables"]["TARGETS"]["Fn::Sub"]
        for target in json.loads(targets.replace("${MchId}", MCH_ID)):
            [name] = re.findall(r"^\$\{(\w+)Version\}$", target["version"])
            function = template["Resources"][name]["Metadata"]["BuildProperties"]["Binary"]
            found.append({"function": function, "status": target["status"], "event": request(target["method"], target["path"])})
    return found


if __name__ == "__main__":
    json.dump(probes(source()), sys.stdout, indent=2)
    print()
