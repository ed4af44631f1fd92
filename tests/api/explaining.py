"""A function that fails since a release, in an account with all that is looked at to explain it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from chalice import Chalice
from moto.xray.responses import XRayResponse

from chalicelib import registry, settings, wiring
from chalicelib.api import explain as api
from chalicelib.explain import asked, explained, work
from chalicelib.explain.asked import Asked
from chalicelib.explain.sections import errors
from chalicelib.functions import enrich
from chalicelib.insights import lines
from chalicelib.ledger.book import Book
from local import seams
from local.cloudwatch import api as cloudwatch
from local.cloudwatch import keeping
from local.cloudwatch.clock import Clock
from local.cloudwatch.store import Metric
from local.querying import Querying
from local.xray import XRay
from tests.account import TABLE, TestAccount
from tests.alerts import office
from tests.api import watched
from tests.api.client import Api
from tests.explain.rehearsals.stage import change
from tests.functions import test_enrich as enriching
from tests.functions.test_ledger import stand
from tests.guardrails import test_lambda_alias_failing as functions
from tests.rights import LEDGER, QUEUES
from tests.samples import ACCOUNT, REGION

GROUP = "/aws/lambda/checkout"
FUNCTION = """
[[services]]
name = "shop"
entry = { kind = "lambda_function", function = "checkout" }
"""
# Minutes: so long it was well, so long it has failed.
WELL, ILL = 180, 8
XRAY = ("trace_summaries", "traces", "service_graph", "trace_graph", "trace_segments")


class Explaining:
    """The account, its API, and the function that explains thoroughly."""

    def __init__(self, account: TestAccount, queue: str) -> None:
        self.account, self.api, self.queue = account, Api(account), queue
        self.since = time.time() // 60 * 60 - ILL * 60
        account.clock.at = time.time()

    def fails(self) -> None:
        """Let the function fail since a release, log why, and leave traces."""
        store, of = cloudwatch.store(ACCOUNT, REGION), {"FunctionName": "checkout"}
        many, start = WELL + ILL, self.since - WELL * 60
        bad = [0.0] * WELL + [40.0] * ILL
        store.fill(Metric.of("AWS/Lambda", "Invocations", of), start, 60, [100.0] * many)
        store.fill(Metric.of("AWS/Lambda", "Errors", of), start, 60, bad)
        store.fill(Metric.of("AWS/Lambda", "Duration", of), start, 60, [80.0] * many)
        logs = self.account.client("logs")
        logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
        lines = [
            {"timestamp": int((self.since + 10 * number) * 1000), "message": f"[ERROR] KeyError: 'price' {number}"}
            for number in range(12)
        ]
        logs.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=lines)
        xray = self.account.client("xray")
        documents = [json.dumps(_segment(number, self.since)) for number in range(20)]
        for at in range(0, len(documents), 5):
            xray.put_trace_segments(TraceSegmentDocuments=documents[at : at + 5])
        release = change(self.since - 60, "UpdateFunctionCode20150331v2", "lambda.amazonaws.com", ("checkout",), "bob")
        book = Book(self.account.ours, LEDGER)
        book.begin(self.since - 86_400 * 30)
        book.write([release])

    def work(self) -> list[str]:
        """Have the function take what waits; returns which messages go back."""
        taken = self.account.client("sqs").receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
        bodies = [one["Body"] for one in taken.get("Messages", ())]
        return enriching.invoke(self.account, *bodies) if bodies else []


def _segment(number: int, since: float) -> dict[str, Any]:
    at = since + 20 * number
    ill = (
        {"fault": True, "cause": {"exceptions": [{"id": f"{number:016x}", "message": "'price'"}]}} if number % 2 else {}
    )
    return {
        "trace_id": f"1-{int(at):08x}-{number:024x}", "id": f"{number:016x}", "name": "checkout",
        "origin": "AWS::Lambda::Function", "start_time": at, "end_time": at + 0.1, **ill,
    }  # fmt: skip


@contextmanager
def explaining(account: TestAccount, *, whole: bool = False) -> Iterator[Explaining]:
    """The environment of the API and of the function; `whole` with one of every kind that the service stands on."""
    services = watched.SERVICES if whole else FUNCTION
    before, known = list(wiring._given), {name: getattr(XRayResponse, name) for name in XRAY}
    queue = account.client("sqs").create_queue(QueueName=QUEUES["enrich"][0])["QueueUrl"]
    with (
        pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder, keeping.plugged(),
        cloudwatch.plugged(Clock(wall=time.time)),
    ):  # fmt: skip
        file = Path(folder) / "parapet.toml"
        file.write_text(services, "utf-8")
        account.set(services=settings.load({"PARAPET_SETTINGS": str(file)}, registry.names(), ()).services)
        for name, value in {
            "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_SETTINGS": str(file),
            "PARAPET_LEDGER": LEDGER, "PARAPET_ENRICH_QUEUE": queue, "PARAPET_SLACK_QUEUE": account.queue,
        }.items():  # fmt: skip
            patch.setenv(name, value)
        watched.patient(patch)
        # The machine may have other things to do.
        for times in (explained.WHOLE, explained.FIRST, explained.THEN):
            for depth in ("quick", "full"):
                patch.setitem(cast("dict[str, float]", times), depth, 60.0)
        patch.setattr(api, "SOUGHT", 60.0)
        patch.setattr(work, "SOUGHT", 60.0)
        wiring.use(account.functions)
        watched.forget()
        work.watch.cache_clear()
        XRay(ACCOUNT, lambda: 0.0).plug_in()
        if whole:
            watched.stand(account)
        else:
            seams.account_settings()
            functions.build(account)
        stand(account)
        account.client("logs").create_log_group(logGroupName=GROUP)
        Chalice(app_name="parapet").register_blueprint(enrich.blueprint)
        yield Explaining(account, queue)
        watched.forget()
        work.watch.cache_clear()
    for name, function in known.items():
        setattr(XRayResponse, name, function)
    wiring._given[:] = before


def play(account: TestAccount) -> None:
    """Ask all that there is to ask, and have it worked on."""
    with explaining(account, whole=True) as room:
        room.fails()
        room.api.get("/v1/services/shop/explain")
        room.api.get("/v1/alarms/disk-full/explain")
        status, begun = room.api.call("GET", "/v1/services/shop/explain", {"depth": "full"})
        assert status == 202, begun
        assert room.work() == []
        assert room.api.get(f"/v1/explanations/{begun['id']}")["done"]
        room.api.get("/v1/timeline", service="shop")
        group = office.fires(account, "disk-full")
        assert enriching.invoke(account, asked.dump(Asked("alarm", "disk-full", group.opened, group.id))) == []
        # A query counts what is too much to be read; one that is not done in time is stopped.
        for takes, patience in (((0.0, 0.1), 60.0), ((0.0, 600.0), 3.0)):
            with busy(takes, patience):
                assert enriching.invoke(account, asked.dump(Asked("service", "shop", room.since + 300))) == []


@contextmanager
def busy(takes: tuple[float, float], patience: float) -> Iterator[None]:
    """Log groups with more lines than are read, and a Logs Insights that takes its time."""
    with pytest.MonkeyPatch.context() as patch, Querying(takes=takes).plugged():
        patch.setitem(cast("dict[str, float]", explained.THEN), "full", patience)
        patch.setattr(errors, "PAGES", 1)
        patch.setattr(lines, "EVENTS", 5)
        yield
