"""An account whose X-Ray has traces and whose functions log, and what the API is asked about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from moto.xray.responses import XRayResponse

from chalicelib import wiring
from chalicelib.api import traces as module
from local.xray import XRay
from tests.account import TABLE, TestAccount
from tests.api.client import Api
from tests.samples import ACCOUNT, REGION
from tests.tracing.playing import NOW, SETTINGS, chain, trace_id

ANSWERED = ("trace_summaries", "traces", "service_graph", "trace_graph", "trace_segments")


class Traced:
    """X-Ray as the tests fill it, log groups, and the API five minutes after the traces."""

    def __init__(self, account: TestAccount, api: Api) -> None:
        self.account, self.api = account, api
        self.xray = XRay(ACCOUNT, lambda: 0.0)
        self.xray.plug_in()
        account.clock.at = NOW + 300

    def put(self, *traces: Sequence[Mapping[str, Any]]) -> None:
        """Have traces come in."""
        for one in traces:
            for document in one:
                self.xray.put.put(document)

    def log(self, group: str, *lines: str) -> None:
        """Have a group of log lines, written when the traces came in."""
        logs = self.account.client("logs")
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="one")
        events = [{"timestamp": int((NOW + number) * 1000), "message": line} for number, line in enumerate(lines)]
        logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)


@contextmanager
def traced(account: TestAccount) -> Iterator[Traced]:
    """The environment of the API."""
    before, answers = list(wiring._given), {name: getattr(XRayResponse, name) for name in ANSWERED}
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        file = Path(folder) / "parapet.toml"
        file.write_text(SETTINGS, "utf-8")
        for name, value in {
            "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_SETTINGS": str(file),
        }.items():  # fmt: skip
            patch.setenv(name, value)
        wiring.use(account.functions)
        forget()
        try:
            yield Traced(account, Api(account))
        finally:
            forget()
            for name, answer in answers.items():
                setattr(XRayResponse, name, answer)
    wiring._given[:] = before


def forget() -> None:
    """Have the API look at an account for the first time."""
    module.maps.cache_clear()
    module.found_before.cache_clear()


def play(account: TestAccount) -> None:
    """Ask all that there is to ask."""
    with traced(account) as room:
        room.put(chain(1, 500))
        room.log("/aws/lambda/orders", f"failed {trace_id(1)}")
        assert room.api.get("/v1/traces/map")["status"] == "ok"
        assert room.api.get("/v1/traces")["traces"]
        assert room.api.get(f"/v1/traces/{trace_id(1)}")["lines"]["lines"]
