"""Our own time on top of the AWS calls, against moto in this process: what is not spent inside botocore."""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import time
from types import SimpleNamespace
from typing import Any

EVENTS = 80


class Stopwatch:
    """Adds up the time that passes inside botocore's calls."""

    def __init__(self) -> None:
        self.inside = 0.0

    def around(self, client_class: Any) -> None:
        """Measure every call of every client."""
        original = client_class._make_api_call

        def measured(client: Any, name: str, params: Any) -> Any:
            before = time.perf_counter()
            try:
                return original(client, name, params)
            finally:
                self.inside += time.perf_counter() - before

        client_class._make_api_call = measured


def measure() -> tuple[float, float]:
    """Return the median milliseconds of our own for a benign event and for a finding."""
    os.environ.update(
        AWS_ACCESS_KEY_ID="bench",
        AWS_SECRET_ACCESS_KEY="bench",
        AWS_REGION="eu-west-1",
        AWS_DEFAULT_REGION="eu-west-1",
        MOTO_EC2_LOAD_DEFAULT_AMIS="false",
    )
    import boto3
    from botocore.client import BaseClient
    from moto import mock_aws

    from benchmarks import moto as account
    from chalicelib.functions.guard_ec2 import guard_ec2
    from local import seams

    seams.cheap_transactions()
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:guard_ec2"
    found: dict[int, list[float]] = {8443: [], 22: []}
    # The log is written, as in Lambda, but not on the terminal.
    with mock_aws(), contextlib.redirect_stdout(io.StringIO()):
        queue = account.furnish(lambda service: account.client(None, service))
        os.environ.update(PARAPET_STAGE="bench", PARAPET_TABLE=account.TABLE, PARAPET_SLACK_QUEUE=queue)
        watch = Stopwatch()
        watch.around(BaseClient)
        ec2 = boto3.client("ec2")
        for number in range(EVENTS):
            for port, times in found.items():
                # Within the limits: beyond them a finding is asked about, which is less work.
                _, event = account.opened(ec2, f"own-{port}-{number}", port)
                watch.inside = 0.0
                before = time.perf_counter()
                guard_ec2(event, SimpleNamespace(invoked_function_arn=arn, aws_request_id=f"{port}-{number}"))
                times.append((time.perf_counter() - before - watch.inside) * 1000)
    return statistics.median(found[8443][5:]), statistics.median(found[22][5:20])
