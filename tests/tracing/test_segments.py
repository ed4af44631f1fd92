"""A trace as its steps: from segment documents, and from spans."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.tracing import segments, spans
from chalicelib.tracing.segments import Step
from tests.tracing.playing import NOW, chain, segment, span


def told(steps: tuple[Step, ...]) -> list[tuple[int, str, str]]:
    return [(one.depth, one.name, one.type.rpartition("::")[2]) for one in steps]


def test_steps_are_read_from_above_and_what_only_its_caller_tells_of_is_one() -> None:
    steps = segments.steps(reversed(chain(1, 500)))
    assert told(steps) == [(0, "api", "Function"), (1, "orders", ""), (2, "orders", "Function"), (3, "table", "Table")]
    api, _, _, table = steps
    assert (api.at, api.status, api.asked) == (NOW, 500, "GET https://shop.example.com/cart?token=hunter2")
    assert api.seconds == pytest.approx(0.2)
    assert table.aws == {"operation": "GetItem", "table": "table", "region": "eu-west-1"}
    assert all(one.fault for one in steps)


def test_the_first_that_failed_without_anything_below_it() -> None:
    found = segments.failing(segments.steps(chain(1, 500)))
    assert found is not None
    assert (found.name, found.type) == ("table", "AWS::DynamoDB::Table")
    assert (found.exception, found.message, found.where) == ("KeyError", "price; password=hunter2", "cart/total.py:12")
    found = segments.failing(segments.steps(chain(1, 500, where="orders")))
    assert found is not None
    assert (found.name, found.exception) == ("orders", "KeyError")
    assert segments.failing(segments.steps(chain(1))) is None
    refused = segments.failing(segments.steps(chain(1, 404)))
    assert refused is not None
    assert (refused.name, refused.status) == ("api", 404)


def test_what_was_thrown_may_be_told_elsewhere() -> None:
    api = segment(1, "api", fault=True, cause="d" * 16)
    api["subsegments"] = [
        {"id": "e" * 16, "name": "late", "start_time": NOW + 0.1, "end_time": NOW + 0.2, "fault": True},
        {
            "id": "f" * 16, "name": "soon", "start_time": NOW, "fault": True,
            "cause": {"exceptions": [{"id": "d" * 16, "type": "TimeoutError", "message": "no answer"}]},
        },
    ]  # fmt: skip
    steps = segments.steps([api])
    assert [one.exception for one in steps] == ["TimeoutError", "TimeoutError", ""]
    assert steps[1].seconds is None
    found = segments.failing(steps)
    assert found is not None
    assert found.name == "soon"
    # Of one that says nothing what its caller says is told.
    del api["subsegments"][1]
    api["cause"] = {"exceptions": [{"id": "d" * 16, "type": "TimeoutError", "message": "no answer"}]}
    found = segments.failing(segments.steps([api]))
    assert found is not None
    assert (found.name, found.exception) == ("late", "TimeoutError")


def test_where_it_logged_and_which_invocations_it_was() -> None:
    machine = segment(1, "shop", origin="AWS::EC2::Instance") | {
        "aws": {
            "cloudwatch_logs": [
                {"log_group": "/shop/web"},
                {"arn": "arn:aws:logs:eu-west-1:123456789012:log-group:/shop/more:*"},
            ]
        },
    }
    lambda_ = segment(
        2, "mail", origin="AWS::Lambda", parent_id=machine["id"], aws={"request_id": "0a1b", "function_arn": "x"}
    )
    function = segment(3, "mail", parent_id=lambda_["id"], aws={"operation": 3, "unknown": "x"})
    table = segment(4, "DynamoDB", origin="AWS::DynamoDB::Table", aws={"request_id": "not in any log"})
    steps = segments.steps([machine, lambda_, function, table])
    assert segments.log_groups(steps) == ("/shop/web", "/shop/more", "/aws/lambda/mail")
    assert segments.request_ids(steps) == ("0a1b",)
    assert steps[2].aws == {"operation": "3"}


def test_what_lost_its_parent_and_what_goes_round_is_told_all_the_same() -> None:
    one, other = segment(1, "one", parent_id="9" * 16), segment(2, "other")
    other["parent_id"] = other["id"]
    assert [step.depth for step in segments.steps([one, other])] == [0, 0]
    assert segments.steps([]) == ()
    assert segments.failing(()) is None


def test_so_many_steps_and_no_more() -> None:
    many = segment(1, "api")
    many["subsegments"] = [{"id": f"{n:016x}", "name": "x", "start_time": NOW, "end_time": NOW} for n in range(1000)]
    assert len(segments.steps([many])) == segments.MOST


def some(**more: Any) -> tuple[Step, ...]:
    return spans.steps([
        span("b" * 16, "a" * 16, "orders", 0.1, 0.3, **more),
        span("a" * 16, "", "api", 0.0, 0.5, attributes={
            "http.response.status_code": 502, "http.request.method": "GET", "url.path": "/cart",
        }),
    ])  # fmt: skip


def test_spans_are_steps_too() -> None:
    exception = {"name": "exception", "attributes": {"exception.type": "KeyError", "exception.message": "price"}}
    api, orders = some(status={"code": "ERROR"}, events=[{"name": "retry"}, exception])
    assert (api.depth, api.name, api.type, api.status, api.fault) == (0, "api", "AWS::ECS::Container", 502, True)
    assert (api.at, api.seconds, api.asked) == (NOW, 0.5, "GET /cart")
    assert (orders.depth, orders.fault, orders.exception, orders.message) == (1, True, "KeyError", "price")
    assert orders.asked == "GET /cart"
    assert segments.failing((api, orders)) == orders
    assert segments.log_groups((api, orders)) == ("/ecs/api", "/ecs/orders")


@pytest.mark.parametrize(
    ("attributes", "flags"),
    [
        ({"http.status_code": 429}, (False, True, True)),
        ({"http.status_code": 404}, (False, True, False)),
        ({"http.status_code": "500"}, (True, False, False)),
        ({"http.status_code": 200}, (False, False, False)),
        ({}, (True, False, False)),
    ],
)
def test_what_a_span_met(attributes: dict[str, Any], flags: tuple[bool, bool, bool]) -> None:
    one = some(attributes=attributes, status={"code": "ERROR"})[1]
    assert (one.fault, one.error, one.throttle) == flags


def test_a_call_of_aws_and_a_function_in_spans() -> None:
    called = json.loads(span("b" * 16, "", "mail", 0, 1, attributes={
        "aws.remote.service": "AWS::DynamoDB", "rpc.method": "GetItem", "aws.dynamodb.table_names": ["carts"],
    }))  # fmt: skip
    [one] = spans.steps([json.dumps(called)])
    assert (one.name, one.type) == ("AWS::DynamoDB", "")
    assert one.aws == {"operation": "GetItem", "table": "carts"}
    run = json.loads(span("c" * 16, "", "mail", 0, 1, attributes={"faas.invocation_id": "0a1b"}))
    run["resource"]["attributes"] = {"cloud.platform": "aws_lambda", "faas.name": "mail", "service.name": "mail"}
    steps = spans.steps([json.dumps(run)])
    assert segments.log_groups(steps) == ("/aws/lambda/mail",)
    assert segments.request_ids(steps) == ("0a1b",)


@pytest.mark.parametrize("text", ["{}", "no", '{"spanId": "a"}'])
def test_what_is_no_span_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        spans.steps([text])


def test_the_query_for_spans_has_digits_only() -> None:
    assert spans.query("1-5759e988-bd862e3fe1be46a994272793") == (
        'fields @message | filter traceId = "5759e988bd862e3fe1be46a994272793" | sort @timestamp asc | limit 1000'
    )
