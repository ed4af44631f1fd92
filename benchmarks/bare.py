"""The bare boto3 script that Parapet is measured against: it describes a group's rules and revokes the open one.

`bare.py PATH cold GROUP`, or `warm GROUP…`, with nothing but PATH and the standard library on the path.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any


def describe(ec2: Any, group: str) -> list[str]:
    """Return the ids of the rules that open port 22 to the world."""
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    return [
        rule["SecurityGroupRuleId"]
        for rule in rules["SecurityGroupRules"]
        if not rule["IsEgress"] and rule.get("CidrIpv4") == "0.0.0.0/0" and rule["FromPort"] == 22
    ]


def fix(ec2: Any, group: str) -> None:
    """Revoke what `describe` finds."""
    found = describe(ec2, group)
    if found:
        ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=found)


if __name__ == "__main__":
    path, *groups = sys.argv[1:]
    sys.path.insert(0, path)
    import boto3

    ec2 = boto3.client("ec2")
    spent = []
    for group in groups:
        before = time.process_time()
        fix(ec2, group)
        spent.append((time.process_time() - before) * 1000)
    sys.path.append(str(Path(__file__).parent.parent))
    from benchmarks.peak import peak

    print(json.dumps([*spent, peak()]))
