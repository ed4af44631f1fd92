"""docs/logging.md: its example is run, and the lines of all of its loggers hold what the queries look for."""

from __future__ import annotations

import contextlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.insights.discovery import discovered
from tests.insights.lines import TRACE, at
from tests.insights.test_queries import rows

PAGE = (Path(__file__).parent.parent.parent / "docs" / "logging.md").read_text("utf-8")
[POWERTOOLS, *_] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
LINES = [json.loads(one) for one in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
FORMATS = re.findall(r"^```json access\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# What API Gateway puts in the place of each of its variables.
CONTEXT = {
    "requestId": "JKJaXmPLvHcESHA=", "identity.sourceIp": "198.51.100.7", "routeKey": "POST /pay/{id}", "status": "502",
    "httpMethod": "POST", "resourcePath": "/pay/{id}", "responseLatency": "300", "integrationLatency": "290",
    "integrationErrorMessage": "-", "integration.error": "-", "xrayTraceId": TRACE,
}  # fmt: skip


@dataclass
class Context:
    function_name: str = "pay"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:pay"
    aws_request_id: str = "3f1c2d4e-1111-4222-8333-444455556666"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the example with Powertools writes, when a card is declined and when one is not."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent=0123456789abcdef;Sampled=1")
    out, there = io.StringIO(), dict[str, Any]()
    with contextlib.redirect_stdout(out):
        exec(compile(POWERTOOLS, "docs/logging.md", "exec"), there)
        assert there["handler"]({"path": "/pay", "body": "expired"}, Context()) == {"statusCode": 402}
        assert there["handler"]({"path": "/pay", "body": "good"}, Context()) == {"statusCode": 200}
    return out.getvalue().splitlines()


def test_the_example_with_powertools_writes_what_the_queries_read(written: list[str]) -> None:
    events = [at(second, line, "/aws/lambda/pay") for second, line in enumerate(written)]
    [error] = rows("errors-top", events)
    assert (error["error_text"], error["times_seen"], error["requests_hit"]) == ("card declined", 1, 1)
    [minute] = rows("errors-rate", events)
    assert (minute["error_lines"], minute["all_lines"]) == (1, 2)
    followed = rows("trace", events, request=TRACE)
    assert [(one["level"], one["service"], one["line_text"]) for one in followed] == [
        ("ERROR", "shop", "card declined"), ("INFO", "shop", "paid"),
    ]  # fmt: skip
    fields = discovered(written[0])
    assert (fields["exception_name"], fields["path"]) == ("CardDeclined", "/pay")
    # Which the page shows as it is.
    assert set(LINES[0]) <= set(fields)


@pytest.mark.parametrize("line", LINES, ids=[f"line {number}" for number in range(len(LINES))])
def test_every_logger_s_line_is_found(line: dict[str, Any]) -> None:
    quiet = {**line, "level": 30 if isinstance(line["level"], int) else "INFO"}
    events = [at(1, line), at(2, quiet)]
    [error] = rows("errors-top", events)
    assert (error["error_text"], error["times_seen"], error["requests_hit"]) == ("card declined", 1, 1)
    assert [(one["service"], one["line_text"]) for one in rows("trace", events, request=TRACE)] == [
        ("shop", "card declined")
    ] * 2


def test_there_is_a_line_for_every_logger() -> None:
    assert len(LINES) == 5
    assert len(FORMATS) == 2


@pytest.mark.parametrize("text", FORMATS)
def test_the_access_log_of_api_gateway_is_counted(text: str) -> None:
    line = re.sub(r"\$context\.([\w.]+)", lambda name: CONTEXT[name[1]], text)
    [route] = rows("apigw-routes", [at(1, line)])
    assert tuple(route.values()) == ("POST /pay/{id}", 1, 1, 100, 0, 300, 290)
