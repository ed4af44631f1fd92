"""A moto server in a process of its own, and the security groups that the benchmarks open."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).parent.parent
TABLE = "parapet-bench"
KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "eu-west-1"}


@contextmanager
def server() -> Iterator[dict[str, str]]:
    """Run a moto server with Parapet's table and queue in it; yields the environment of its users."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    quiet = {**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    process = subprocess.Popen(command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait(port)
        yield {
            **KEYS,
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PARAPET_STAGE": "bench",
            "PARAPET_TABLE": TABLE,
            "PARAPET_SLACK_QUEUE": furnish(lambda service: client(endpoint, service)),
        }
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the moto server does not come up")


def client(endpoint: str | None, service: str) -> Any:
    """Return a client of the account's people."""
    make: Any = boto3.client
    return make(
        service, endpoint_url=endpoint, region_name="eu-west-1", aws_access_key_id="b", aws_secret_access_key="b"
    )


def furnish(connect: Callable[[str], Any]) -> str:
    """Make Parapet's table and queue; returns the queue's URL."""
    table = json.loads((ROOT / ".chalice" / "resources.json").read_text("utf-8"))["Resources"]["Journal"]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    connect("dynamodb").create_table(TableName=TABLE, **{name: table[name] for name in wanted})
    return str(connect("sqs").create_queue(QueueName="bench.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"])


def forget_limits(endpoint: str) -> None:
    """Forget how much was fixed lately, as ten minutes without a finding would."""
    key = {"pk": {"S": "LIMIT#ec2_security_group_open"}, "sk": {"S": "LIMIT"}}
    client(endpoint, "dynamodb").delete_item(TableName=TABLE, Key=key)


def opened(ec2: Any, name: str, port: int = 22) -> tuple[str, dict[str, Any]]:
    """Make a group and open a port of it to the world; returns its id and the event that CloudTrail makes of it."""
    group = ec2.create_security_group(GroupName=name, Description="bench")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    sample = json.loads((ROOT / "tests" / "events" / "ec2_security_group_open.json").read_text("utf-8"))
    detail = sample["detail"]
    detail["eventID"] = f"bench-{name}"
    detail["requestParameters"]["groupId"] = group
    rules = [{"groupId": group, "securityGroupRuleId": r["SecurityGroupRuleId"]} for r in made["SecurityGroupRules"]]
    detail["responseElements"] = {"_return": True, "securityGroupRuleSet": {"items": rules}}
    return group, sample
