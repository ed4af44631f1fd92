"""Who calls whom, counted from spans by the query that Logs Insights runs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chalicelib.services.model import Service, Target
from chalicelib.tracing import graph, spans
from chalicelib.tracing.graph import Node, Stats
from chalicelib.tracing.spans import Counted
from local.insights import parse, run
from tests.tracing.playing import NOW
from tests.tracing.spanning import Span, events, signalled, span, stored, trace, xray

SHOP = Service(
    "shop",
    Target("ecs", {"cluster": "main", "service": "shop-web"}),
    (
        Target("rds", {"instance": "shop-db"}), Target("dynamodb", {"table": "orders"}),
        Target("sqs", {"queue": "mails"}), Target("lambda_function", {"function": "shop-mail"}),
        Target("elasticache", {"node": "shop-cache"}),
    ),
)  # fmt: skip
GATEWAY = Service("gateway", Target("api_http", {"api": "images", "stage": "prod"}))
SERVICES = (SHOP, GATEWAY)


def counted(*some: Span) -> Counted:
    rows = run(parse(spans.counting(NOW)), events(*some), NOW - 3600, NOW + 600).rows
    told: list[Any] = [{name: str(value) for name, value in row.items() if value is not None} for row in rows]
    return spans.maps(told, NOW - 3600, NOW, NOW + 600, "eu-west-1", SERVICES)


def edges(found: graph.Map) -> dict[tuple[str, str], Stats]:
    return {(_name(found, one.caller), _name(found, one.callee)): one.stats for one in found.edges}


def _name(found: graph.Map, id_: str) -> str:
    node = found.node(id_)
    assert node is not None
    return node.name


def node(name: str, *some: Span) -> Node:
    return next(one for one in counted(*some).now.nodes if one.name == name)


def test_the_time_before_is_counted_apart() -> None:
    found = counted(
        stored(-3600, "shop", "shop|shop-db.abc.eu-west-1.rds.amazonaws.com|5432", seconds=0.1),
        stored(-0.001, "shop", "shop|shop-db.abc.eu-west-1.rds.amazonaws.com|5432", seconds=0.3),
        stored(0, "shop", "shop|shop-db.abc.eu-west-1.rds.amazonaws.com|5432", seconds=2.0, failed=True),
        stored(600, "shop", "shop|shop-db.abc.eu-west-1.rds.amazonaws.com|5432", seconds=1.0),
    )
    key = ("shop", "shop@shop-db.abc.eu-west-1.rds.amazonaws.com")
    assert edges(found.before) == {key: Stats(2, seconds=0.4)}
    assert edges(found.now) == {key: Stats(2, faults=1, seconds=3.0)}
    assert (found.before.start, found.before.end) == (NOW - 3600, NOW)
    assert (found.now.start, found.now.end) == (NOW, NOW + 600)


@pytest.mark.parametrize(
    ("more", "stats"),
    [
        ({"status": 200}, Stats(1, seconds=0.1)),
        ({"status": 200, "failed": True}, Stats(1, seconds=0.1)),
        ({"status": 404, "failed": True}, Stats(1, errors=1, seconds=0.1)),
        ({"status": 429, "failed": True}, Stats(1, errors=1, throttles=1, seconds=0.1)),
        ({"status": 503}, Stats(1, faults=1, seconds=0.1)),
        ({"http__status_code": 500}, Stats(1, faults=1, seconds=0.1)),
        # No answer came.
        ({"failed": True}, Stats(1, faults=1, seconds=0.1)),
    ],
)
def test_what_fails_is_told_as_by_x_ray(more: dict[str, Any], stats: Stats) -> None:
    assert edges(counted(signalled(1, "shop", "pay.example.com:443", **more)).now) == {
        ("shop", "pay.example.com"): stats
    }


@pytest.mark.parametrize(
    ("attributes", "name", "kind", "services"),
    [
        # Application Signals.
        ({"aws__remote__service": "pay.example.com:443"}, "pay.example.com", "remote", ()),
        ({"aws__remote__service": "UnknownRemoteService", "server__address": "10.0.0.7"}, "10.0.0.7", "remote", ()),
        (
            {"aws__remote__service": "AWS::DynamoDB", "aws__remote__resource__type": "AWS::DynamoDB::Table",
             "aws__remote__resource__identifier": "orders"},
            "orders", "AWS::DynamoDB::Table", ("shop",),
        ),
        (
            {"aws__remote__service": "AWS::SQS", "aws__remote__resource__type": "AWS::SQS::Queue",
             "aws__remote__resource__identifier": "mails"},
            "mails", "AWS::SQS::Queue", ("shop",),
        ),
        (
            {"aws__remote__service": "mysql", "aws__remote__resource__type": "DB::Connection",
             "aws__remote__resource__identifier": "shop-db.abc.eu-west-1.rds.amazonaws.com|3306"},
            "mysql@shop-db.abc.eu-west-1.rds.amazonaws.com", "Database::SQL", ("shop",),
        ),
        ({"aws__remote__service": "AWS::S3"}, "AWS::S3", "remote", ()),
        # OpenTelemetry, of now and of before.
        ({"peer__service": "pay"}, "pay", "remote", ()),
        ({"server__address": "pay.internal"}, "pay.internal", "remote", ()),
        ({"net__peer__name": "pay.internal"}, "pay.internal", "remote", ()),
        (
            {"db__system__name": "postgresql", "db__namespace": "shop", "server__address": "shop-db.abc.eu"},
            "shop@shop-db.abc.eu", "Database::SQL", ("shop",),
        ),
        ({"db__system": "redis", "net__peer__name": "shop-cache.eu"}, "redis@shop-cache.eu", "Redis", ("shop",)),
        ({"db__system": "sqlite", "db__name": "main"}, "main", "Database::SQL", ()),
        (
            {"db__system": "dynamodb", "rpc__service": "DynamoDB", "aws__dynamodb__table_names": ["orders"]},
            "orders", "AWS::DynamoDB::Table", ("shop",),
        ),
        ({"rpc__service": "S3"}, "S3", "remote", ()),
    ],
)  # fmt: skip
def test_whom_it_calls(attributes: dict[str, Any], name: str, kind: str, services: tuple[str, ...]) -> None:
    found = node(name, span(1, "web", "CLIENT", **attributes))
    assert (found.type, found.services) == (kind, services)


def test_a_call_of_nobody_known_is_no_edge() -> None:
    assert counted(span(1, "web", "CLIENT")).now.edges == ()
    assert counted(span(1, "web", "INTERNAL", aws__remote__service="pay")).now.nodes == ()


@pytest.mark.parametrize(
    ("given", "name", "kind", "services"),
    [
        ({"service": "shop"}, "shop", "AWS::ECS::Container", ("shop",)),
        ({"service": "shop-web"}, "shop-web", "AWS::ECS::Container", ("shop",)),
        ({"service": "shop", "platform": ""}, "shop", "", ("shop",)),
        ({"service": "shop", "platform": "gcp_cloud_run"}, "shop", "", ("shop",)),
        # Application Signals may call it otherwise than the application does.
        ({"service": "unknown_service", "aws__local__service": "shop"}, "shop", "AWS::ECS::Container", ("shop",)),
        (
            {"service": "mailer", "platform": "aws_lambda", "resource": {"faas.name": "shop-mail"}},
            "shop-mail", "AWS::Lambda::Function", ("shop",),
        ),
        (
            {"service": "shop", "platform": "aws_lambda", "resource": {"faas.name": "fn-7"}},
            "shop", "AWS::Lambda::Function", ("shop",),
        ),
        # What a function is called says nothing of whose container it is.
        ({"service": "x", "platform": "aws_lambda", "resource": {"faas.name": "shop-web"}}, "shop-web",
         "AWS::Lambda::Function", ()),
        # What X-Ray's own segments became.
        (
            {"service": "images/prod", "platform": "", "aws__xray__origin": "AWS::ApiGateway::Stage"},
            "images/prod", "AWS::ApiGateway::Stage", ("gateway",),
        ),
        ({"service": "shop-mail", "aws__xray__origin": "AWS::Lambda::Function"}, "shop-mail", "AWS::Lambda::Function",
         ("shop",)),
        ({"service": "other"}, "other", "AWS::ECS::Container", ()),
    ],
)  # fmt: skip
def test_whose_spans_they_are(given: dict[str, Any], name: str, kind: str, services: tuple[str, ...]) -> None:
    found = node(name, span(1, **given))
    assert (found.type, found.services) == (kind, services)


def test_who_comes_in_is_a_client_unless_the_caller_told_of_it() -> None:
    found = counted(
        signalled(1, "gateway", "shop"), span(1, "shop", parent="a" * 16), span(2, "shop"),
        span(3, "gateway", "CONSUMER", parent="b" * 16),
    )  # fmt: skip
    assert edges(found.now) == {
        ("gateway", "shop"): Stats(1, seconds=0.1), ("client", "shop"): Stats(1, seconds=0.1),
        ("client", "gateway"): Stats(1, seconds=0.1),
    }  # fmt: skip
    assert [one.id for one in found.now.nodes if one.name == "shop"] == ["AWS::ECS::Container shop"]


def test_what_only_has_the_same_name_is_another() -> None:
    table: dict[str, Any] = {
        "aws__remote__resource__type": "AWS::DynamoDB::Table",
        "aws__remote__resource__identifier": "orders",
    }
    found = counted(span(1, "orders"), signalled(1, "orders", "AWS::DynamoDB", **table))
    assert {one.id for one in found.now.nodes if one.name == "orders"} == {
        "AWS::DynamoDB::Table orders", "AWS::ECS::Container orders",
    }  # fmt: skip


def test_a_service_is_one_whatever_its_spans_tell_of_where_it_runs() -> None:
    known, unknown = [span(1, "shop"), span(2, "shop")], [signalled(3, "shop", "pay", platform="")]
    for some in ((*known, *unknown), (*known, *unknown, *unknown, *unknown)):
        found = counted(*some)
        assert edges(found.now)["client", "shop"].requests == 2
        assert {one.id for one in found.now.nodes} == {"client", "AWS::ECS::Container shop", "remote pay"}


def test_samples_are_of_calls_that_fail_since() -> None:
    some = [signalled(number, "shop", "pay", of=number, failed=number % 2 == 0) for number in range(1, 60)]
    found = counted(signalled(-60, "shop", "pay", of=77, failed=True), *some)
    [(ends, ids)] = found.samples.items()
    assert (ends, ids[:2], len(ids)) == (("shop", "pay"), (xray(58), xray(2)), spans.SAMPLES)
    assert all(int(one[-24:], 16) % 2 == 0 for one in ids)
    assert counted(signalled(-60, "shop", "pay", of=77, failed=True), signalled(1, "shop", "pay")).samples == {}
    # What failed in another way is a row of its own.
    more = [signalled(70, "shop", "pay", of=8, status=503), signalled(71, "shop", "pay", of=9, status=502)]
    assert len(counted(*some, *more).samples["shop", "pay"]) == spans.SAMPLES


def test_what_is_no_id_goes_into_no_query() -> None:
    at, message = signalled(1, "shop", "pay", of=5, failed=True)
    found = counted((at, message.replace(trace(5), 'x\\" | fields @message')))
    assert found.now.edges
    assert found.samples == {("shop", "pay"): ()}


def test_names_are_no_part_of_the_query() -> None:
    assert re.sub(r"\d{6,}", "", spans.counting(NOW)) == re.sub(
        r"\d{6,}", "", spans.counting(0.0).replace("- 0)", "- )")
    )
    hostile = 'shop" or 1=1 | limit 1 #`/\\'
    assert edges(counted(signalled(1, hostile, hostile)).now) == {(hostile, hostile): Stats(1, seconds=0.1)}
