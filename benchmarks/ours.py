"""One guard function as Lambda runs it: imported, then handed events; the counterpart of `bare.py`."""

from __future__ import annotations

import json
import sys
import time
from types import SimpleNamespace

from benchmarks.peak import peak
from chalicelib.functions.guard_ec2 import guard_ec2


def handle(event: object, number: int) -> None:
    """Hand one event to the function."""
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:guard_ec2"
    guard_ec2(event, SimpleNamespace(invoked_function_arn=arn, aws_request_id=f"bench-{number}"))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        events = json.load(file)
    for number, event in enumerate(events):
        before = time.process_time()
        handle(event, number)
        print((time.process_time() - before) * 1000)
    print(peak())
