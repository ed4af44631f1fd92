"""On the local account: from the moment a dangerous call has returned until the rule is gone."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time

from benchmarks import moto

RUNS = 15


def measure() -> float:
    """Return the median milliseconds; raises RuntimeError when a rule stays."""
    ports = {name: str(_free()) for name in ("PARAPET_PORT", "PARAPET_INBOX_PORT", "PARAPET_API_PORT")}
    environment = {**os.environ, **ports}
    environment = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "local"], env=environment, cwd=moto.ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        if not any("ready in" in line for line in process.stdout):
            raise RuntimeError("the local account does not come up: try make up")
        return statistics.median([_one(int(ports["PARAPET_PORT"]), number) for number in range(RUNS)][1:])
    finally:
        process.terminate()
        process.wait()


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _one(port: int, number: int) -> float:
    ec2 = moto.client(f"http://127.0.0.1:{port}", "ec2")
    group, _ = moto.opened(ec2, f"gone-{number}")
    returned = time.perf_counter()
    while time.perf_counter() - returned < 10:
        rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        if not any(rule.get("FromPort") == 22 for rule in rules["SecurityGroupRules"]):
            return (time.perf_counter() - returned) * 1000
        time.sleep(0.005)
    raise RuntimeError(f"port 22 of {group} stays open")
