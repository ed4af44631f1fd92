"""The bare boto3 script that Parapet is measured against: it describes a group's rules and revokes the open one."""

from __future__ import annotations

import sys
import time
from typing import Any

from benchmarks.peak import peak


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


def warm(groups: list[str]) -> None:
    """Handle one group after another and print the CPU milliseconds of each."""
    import boto3

    ec2 = boto3.client("ec2")
    for group in groups:
        before = time.process_time()
        fix(ec2, group)
        print((time.process_time() - before) * 1000)


if __name__ == "__main__":
    if sys.argv[1] == "warm":
        warm(sys.argv[2:])
    else:
        import boto3

        fix(boto3.client("ec2"), sys.argv[1])
    print(peak())
