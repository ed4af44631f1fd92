"""The function as Lambda calls it: a message in, one notice in Slack's part of the outbox."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chalice import Chalice

from chalicelib import telemetry, wiring
from chalicelib.enrich import asked, places
from chalicelib.enrich.asked import Asked
from chalicelib.functions import enrich as module
from chalicelib.model import Destination
from local import costs
from local.cloudwatch import api
from local.costs import CostExplorer
from tests.account import TABLE, TestAccount
from tests.enrich.fakes import notice, signal
from tests.functions.test_notify import Context
from tests.rights import CHANGES, LEDGER, QUEUES
from tests.samples import ACCOUNT, REGION

GROUP = "/aws/lambda/checkout"
DIMENSIONS = [{"Name": "FunctionName", "Value": "checkout"}]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    token = telemetry.stream.set(written)
    yield written
    telemetry.stream.reset(token)


@contextmanager
def enriching(account: TestAccount) -> Iterator[None]:
    """The environment of the function."""
    with pytest.MonkeyPatch.context() as patch, api.plugged():
        for name, value in {
            "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_SLACK_QUEUE": account.queue,
            "PARAPET_ALERT_QUEUE": account.client("sqs").create_queue(QueueName=QUEUES["alerts"][0])["QueueUrl"],
        }.items():  # fmt: skip
            patch.setenv(name, value)
        before = list(wiring._given)
        wiring.use(account.functions)
        places._aliases.clear()
        Chalice(app_name="parapet").register_blueprint(module.blueprint)
        yield
        wiring._given[:] = before


@pytest.fixture
def stage(account: TestAccount) -> Iterator[TestAccount]:
    with enriching(account):
        yield account


def play(account: TestAccount) -> None:
    """Gather evidence of each kind."""
    costs.plug_in(CostExplorer(time.time))
    ecs = account.client("ecs")
    log = {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/shop"}}
    container = {"name": "a", "image": "shop", "memory": 64, "logConfiguration": log}
    task = ecs.register_task_definition(family="shop", containerDefinitions=[container])
    ecs.create_cluster(clusterName="prod")
    ecs.create_service(
        cluster="prod", serviceName="shop", taskDefinition=task["taskDefinition"]["taskDefinitionArn"], desiredCount=0
    )
    select = ({"Id": "q1", "Expression": "SELECT MAX(Errors) FROM Shop GROUP BY Service", "Period": 60},)
    of = {"ClusterName": "prod", "ServiceName": "shop"}
    # A ledger that is new, so that CloudTrail is asked as well.
    account.client("dynamodb").create_table(TableName=LEDGER, **CHANGES)
    with enriching(account), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARAPET_LEDGER", LEDGER)
        since = fails(account)
        told = [
            wanted(since),
            wanted(since, metrics=select, dimensions=of, tags={}),
            wanted(since, metrics=(), children=("a",), kind="composite"),
            wanted(since, source="budget"),
        ]
        assert invoke(account, *told) == []


def invoke(account: TestAccount, *bodies: str) -> list[str]:
    """Hand messages to the function; returns which of them go back."""
    records = [
        {"messageId": str(number), "receiptHandle": "r", "body": body, "attributes": {}, "eventSource": "aws:sqs"}
        for number, body in enumerate(bodies)
    ]
    answer = account.running("enrich", module.enrich)({"Records": records}, Context())
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def fails(account: TestAccount) -> float:
    """Let a function fail for five minutes, and log why; returns since when."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    since = now - timedelta(minutes=6)
    data = [
        {"MetricName": "Errors", "Dimensions": DIMENSIONS, "Value": 9.0, "Timestamp": now - timedelta(minutes=minute)}
        for minute in range(1, 6)
    ]
    account.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=data)
    logs = account.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    at = int(since.timestamp() * 1000)
    logs.put_log_events(
        logGroupName=GROUP, logStreamName="s",
        logEvents=[{"timestamp": at + number, "message": f"ValueError: bad order {number}"} for number in range(3)],
    )  # fmt: skip
    account.client("iam").create_account_alias(AccountAlias="shop-prod")
    return since.timestamp()


def wanted(since: float, **changes: Any) -> str:
    tagged = {"tags": {"runbook": "https://wiki.example.com/x"}, **changes}
    return asked.dump(Asked(notice(), signal(since=since, **tagged)))


def test_evidence_goes_into_the_alerts_thread(stage: TestAccount, log: io.StringIO) -> None:
    assert invoke(stage, wanted(fails(stage))) == []
    [told] = stage.notices()
    assert told.thread == notice().thread
    assert f"3 × ValueError: bad order # ({GROUP})" in told.lines
    # moto knows no LookupEvents: that is said, and the rest is there.
    assert [line for line in told.lines if line.startswith("changes: ")]
    assert dict(told.facts)["Errors (Sum) now"] == "9"
    assert dict(told.facts)["Account"] == f"shop-prod ({ACCOUNT})"
    assert dict(told.links)["Runbook"] == "https://wiki.example.com/x"
    assert told.picture.startswith("iVBORw0KGgo")
    assert len(told.picture) < 40_000
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    [line] = [one for one in lines if one["message"] == "told"]
    assert line["sections"]["graph"] == "found"
    assert line["notice"] == notice().key


def test_what_is_left_of_the_error_budget_is_told_with_it(
    stage: TestAccount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log: io.StringIO
) -> None:
    since = fails(stage)
    at = datetime.fromtimestamp(since + 120, UTC)
    counted = {"MetricName": "Invocations", "Dimensions": DIMENSIONS, "Value": 450.0, "Timestamp": at}
    stage.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=[counted])
    entry = '{ kind = "lambda_function", function = "checkout" }'
    (tmp_path / "parapet.toml").write_text(f'[[services]]\nname = "checkout"\nentry = {entry}\n', "utf-8")
    monkeypatch.setenv("PARAPET_SETTINGS", str(tmp_path / "parapet.toml"))
    assert invoke(stage, wanted(since, service="checkout")) == []
    [told] = stage.notices()
    # 45 of 450 were bad, where a thousandth may be: a hundred budgets are gone, 99 more than there are.
    assert dict(told.facts)["Error budget of checkout-availability"].startswith(
        "The month's budget is spent, and 9900 % more"
    )


def test_what_is_no_question_goes_back_and_the_others_are_answered(stage: TestAccount, log: io.StringIO) -> None:
    assert invoke(stage, "rubbish", wanted(fails(stage))) == ["0"]
    assert len(stage.notices()) == 1
    assert "asks for no evidence" in log.getvalue()


def test_without_its_rights_it_says_which_are_missing(stage: TestAccount, log: io.StringIO) -> None:
    since = fails(stage)
    own = stage.roles.documents["enrich"]
    kept = [one for one in own["Statement"] if one["Sid"] in ("Queue", "Outbox", "Log", "Traces")]
    stage.hold("enrich", {**own, "Statement": kept})
    assert invoke(stage, wanted(since)) == []
    [told] = stage.notices()
    for action in ("cloudwatch:GetMetricData", "cloudwatch:GetMetricWidgetImage", "logs:FilterLogEvents"):
        assert any(f"not allowed: {action}" in line for line in told.lines), action
    assert told.picture == ""


def test_where_nobody_reads_it_nothing_is_looked_up(stage: TestAccount, log: io.StringIO) -> None:
    body = asked.dump(Asked(notice(destination=Destination(email=("a@example.com",))), signal()))
    assert invoke(stage, body) == []
    assert stage.notices() == []
    assert "leads to no Slack channel" in log.getvalue()


def test_when_it_cannot_tell_the_message_goes_back(
    stage: TestAccount, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    monkeypatch.setenv("PARAPET_SLACK_QUEUE", f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/gone.fifo")
    assert invoke(stage, wanted(fails(stage))) == ["0"]
    assert "no evidence: " in log.getvalue()
