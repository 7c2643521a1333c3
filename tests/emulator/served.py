"""Which version of each function everybody calls: that of the alias `live`.

    served.py                     prints it as JSON
    served.py BEFORE NAME...      fails unless it is another than BEFORE for these functions and no others, and the versions of BEFORE are kept
"""

import json
import sys

import boto3

AWS = boto3.client("lambda")


def main(before, names):
    now = served()
    if before is None:
        print(json.dumps(now))
        return
    before = json.loads(before)
    new = {name for name in now if now[name] != before[name]}
    if new != set(names):
        sys.exit(f"served: new versions of {sorted(new)}, and not of {sorted(names)}")
    gone = [name for name in now if before[name] not in published(name)]
    if gone:
        sys.exit(f"served: the version before is gone of {gone}")
    print(f"new versions of {len(new)} of {len(now)} functions are served, and the ones before are kept")


def served():
    functions = [function["FunctionName"] for page in AWS.get_paginator("list_functions").paginate() for function in page["Functions"]]
    return {name: AWS.get_alias(FunctionName=name, Name="live")["FunctionVersion"] for name in functions if not name.endswith("-fingerprint")}


def published(name):
    pages = AWS.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    return {version["Version"] for page in pages for version in page["Versions"]}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None, sys.argv[2:])
