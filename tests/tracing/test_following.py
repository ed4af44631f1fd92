"""One trace followed: in X-Ray or among the spans, and its log lines."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from chalicelib.model import AwsError
from chalicelib.services.model import Service, Target
from chalicelib.tracing import followed, following, spans
from chalicelib.tracing.following import Followed, Line, NoTraceId, trace_id
from tests.account import Clock
from tests.tracing import playing
from tests.tracing.playing import NOW, Account, chain, segment, span

ID = playing.trace_id(1)
BARE = ID.removeprefix("1-").replace("-", "")


def follow(account: Account, id_: str = ID, now: float = NOW + 600, services: tuple[Service, ...] = ()) -> Followed:
    clock = Clock(0.0)
    return following.follow(account, id_, now, services, clock, clock.sleep)


def logged() -> Account:
    account = Account()
    account.put(chain(1, 500, where="orders"))
    account.logs = {
        "/aws/lambda/api": [(NOW + 0.3, json.dumps({"message": "failed", "password": "hunter2", "xray_trace_id": ID}))],
        "/aws/lambda/orders": [
            (NOW - 900, f"too early {ID}"), (NOW + 0.1, f"traced as {BARE}\n"), (NOW + 0.2, "of another"),
        ],
    }  # fmt: skip
    return account


def test_a_trace_with_its_lines() -> None:
    account = logged()
    found = follow(account)
    assert (found.state, found.source, len(found.steps), found.scanned, found.calls) == ("ok", "xray", 4, 0.0, 3)
    assert found.failing is not None
    assert found.failing.name == "orders"
    assert found.lines.state == "ok"
    assert found.lines.lines == (
        Line(NOW + 0.1, "/aws/lambda/orders", f"traced as {BARE}"),
        Line(NOW + 0.3, "/aws/lambda/api", f'{{"message": "failed", "password": (secret), "xray_trace_id": "{ID}"}}'),
    )
    assert found.lines.why == ""
    told = account.calls("logs:FilterLogEvents")[0]
    assert told["filterPattern"] == f'?"{ID}" ?"{BARE}"'
    assert (told["startTime"], told["endTime"]) == ((NOW - 60) * 1000, (NOW + 500.2 - 200) * 1000)


def test_an_invocation_is_known_by_its_request_too() -> None:
    account = Account()
    account.put([segment(1, "mail", origin="AWS::Lambda", aws={"request_id": "6c9e4f1a-0000-4000-8000-000000000001"})])
    account.logs = {"/aws/lambda/mail": [(NOW, "START RequestId: 6c9e4f1a-0000-4000-8000-000000000001 Version: 3")]}
    [line] = follow(account).lines.lines
    assert line.text.startswith("START RequestId")


def test_where_nothing_tells_where_it_logs_the_settings_may() -> None:
    account = Account()
    account.put([segment(1, "shop", origin="AWS::EC2::Instance")])
    account.logs = {"/shop/web": [(NOW, f"about {ID}")]}
    assert follow(account).lines.state == "no_data"
    assert "nothing in the trace tells" in follow(account).lines.why
    target = Target("alb", {"load_balancer": "app/shop/50dc6c495c0c9188"})
    shop = Service("shop", target, logs={"app": ("/shop/web", "/shop/all*"), "alb": ("/shop/access",)})
    found = follow(account, services=(shop, replace(shop, name="mail")))
    assert (found.lines.state, found.lines.groups, len(found.lines.lines)) == ("ok", ("/shop/web",), 1)
    assert follow(account, services=(replace(shop, name="mail"),)).lines.groups == ()


def test_lines_that_cannot_be_read_are_named_and_hide_nothing_else() -> None:
    account = logged()
    del account.logs["/aws/lambda/orders"]
    found = follow(account)
    assert (found.state, found.lines.state, len(found.lines.lines)) == ("ok", "ok", 1)
    assert found.lines.why == "there is no log group /aws/lambda/orders"
    account.refuses = {"logs:FilterLogEvents": "AccessDeniedException"}
    found = follow(account)
    assert (found.state, found.lines.state) == ("ok", "denied")
    assert found.lines.why.startswith("AWS denies logs:FilterLogEvents on /aws/lambda/api; ")
    assert found.failing is not None
    account.refuses = {"logs:FilterLogEvents": "ThrottlingException"}
    with pytest.raises(AwsError, match="ThrottlingException"):
        follow(account)


def test_no_line_names_it() -> None:
    account = logged()
    account.logs = {"/aws/lambda/api": [], "/aws/lambda/orders": []}
    found = follow(account).lines
    assert (found.state, found.why) == (
        "no_data",
        "no line names the trace, or one of its requests: do the loggers write its id?",
    )


def test_a_few_lines_are_enough() -> None:
    account = logged()
    account.logs["/aws/lambda/api"] = [(NOW + number / 1000, f"{number} {ID}") for number in range(200)]
    found = follow(account).lines
    assert len(found.lines) == following.LINES
    assert found.lines[0].text == f"0 {ID}"
    assert found.why == "there may be more lines"


def searched(account: Account, *messages: str, state: str = "Complete") -> Followed:
    account.logs[spans.GROUP] = []
    account.query, account.state = lambda _: messages, state
    return follow(account)


def test_where_x_ray_keeps_nothing_the_spans_are_asked() -> None:
    account = Account()
    account.logs = {"/ecs/api": [(NOW + 0.1, f"about {BARE}")]}
    found = searched(
        account,
        span("b" * 16, "a" * 16, "orders", 0.1, 0.3, status={"code": "ERROR"}),
        span("a" * 16, "", "api", 0, 0.5),
    )
    assert (found.state, found.source, found.scanned) == ("ok", "spans", 2.0e6)
    assert [one.name for one in found.steps] == ["api", "orders"]
    assert found.failing is not None
    assert found.failing.name == "orders"
    assert (found.lines.state, len(found.lines.lines)) == ("ok", 1)
    [asked] = account.calls("logs:StartQuery")
    assert asked["logGroupNames"] == ["aws/spans"]
    assert asked["queryString"] == spans.query(ID)
    # The id tells when it began.
    assert (asked["startTime"], asked["endTime"]) == (NOW - 60, NOW + 600)


def test_an_id_without_a_time_is_sought_for_hours() -> None:
    account = Account(logs={spans.GROUP: []})
    id_ = trace_id("f" * 32)
    found = follow(account, id_)
    assert (found.state, found.why) == ("no_data", "neither X-Ray nor the log group aws/spans knows it")
    [asked] = account.calls("logs:StartQuery")
    assert (asked["startTime"], asked["endTime"]) == (NOW + 600 - 6 * 3600, NOW + 600)


def test_whoever_knows_when_it_was_has_less_read() -> None:
    account, clock = Account(logs={spans.GROUP: []}), Clock(0.0)
    follow = partial(following.follow, account, trace_id("f" * 32), NOW + 600, (), clock, clock.sleep)
    follow(when=(NOW - 60, NOW + 60))
    [asked] = account.calls("logs:StartQuery")
    assert (asked["startTime"], asked["endTime"]) == (NOW - 60, NOW + 60)
    account.arrived = 2 * 1024.0**3
    assert "would have to read 2.0 GB, and a trace is worth 1.5 GB" in follow(budget=1.5).why


@pytest.mark.parametrize(
    ("refuses", "state", "why"),
    [
        ({}, "no_data", "X-Ray does not know it, and keeps no spans here"),
        ({"logs:StartQuery": "AccessDeniedException"}, "denied", "AWS denies logs:StartQuery"),
        ({"logs:StartQuery": "LimitExceededException"}, "failed", "too many queries"),
    ],
)
def test_what_nobody_knows_and_why(refuses: dict[str, str], state: str, why: str) -> None:
    found = follow(Account(refuses=refuses))
    assert (found.state, found.steps) == (state, ())
    assert why in found.why


def test_spans_that_take_too_long_or_are_none() -> None:
    account = Account()
    found = searched(account, state="Running")
    assert (found.state, found.why) == (
        "failed",
        "X-Ray does not know it, and its spans could not be read: Logs Insights was not done within 8 s",
    )
    assert account.calls("logs:StopQuery") == [{"queryId": "1"}]
    assert found.scanned == 2.0e6, "what it has read is billed"
    assert "the query has no answer" in searched(Account(), state="Failed").why
    assert "a line of aws/spans is no span" in searched(Account(), "{}").why


def test_x_ray_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(AwsError, match="BatchGetTraces"):
        follow(Account(refuses={"xray:BatchGetTraces": "ThrottledException"}))


@pytest.mark.parametrize("given", [ID, ID.upper(), BARE, f"1-{BARE}"])
def test_an_id_may_be_written_as_either_writes_it(given: str) -> None:
    assert trace_id(given) == ID


@pytest.mark.parametrize("given", ["", "x", ID[:-1], f"{ID}0", f'{ID}" | fields', "g" * 32, "2-" + BARE])
def test_what_is_no_id_is_refused(given: str) -> None:
    with pytest.raises(NoTraceId):
        trace_id(given)


def test_a_trace_as_programs_get_it() -> None:
    told: dict[str, Any] = followed.trace(follow(logged()), "eu-west-1")
    assert told["answer"] == "orders failed: KeyError: price; password=(secret) (cart/total.py:12)"
    assert told["at"] == "2026-11-18T15:00:00Z"
    assert (told["seconds"], [one["after"] for one in told["steps"]]) == (0.2, [0.0, 0.0, 0.01, 0.02])
    assert told["steps"][0]["asked"] == "GET https://shop.example.com/cart"
    assert [one["label"] for one in told["steps"]] == ["function", None, "function", "table"]
    assert told["failing"]["message"] == "price; password=(secret)"
    assert told["console"].endswith(f"#xray:traces/{ID}")
    assert "hunter2" not in json.dumps(told)
    assert followed.sentence(follow(logged_well())) == "Nothing failed: 4 steps."
    alone = follow(logged_well())
    assert followed.sentence(replace(alone, steps=alone.steps[:1])) == "Nothing failed: 1 step."
    nothing = followed.trace(follow(Account()), "eu-west-1")
    assert (nothing["status"], nothing["at"], nothing["seconds"], nothing["steps"]) == ("no_data", None, 0.0, [])
    assert nothing["answer"].startswith("Nothing is known of it: X-Ray does not know it")


def logged_well() -> Account:
    account = Account()
    account.put(chain(1))
    return account


def test_spans_that_are_dear_are_not_read() -> None:
    account = Account(arrived=6 * 1024.0**3)
    found = searched(account)
    assert (found.state, found.scanned) == ("failed", 0.0)
    assert "would have to read 6.0 GB, and a trace is worth 5 GB" in found.why
    assert not account.calls("logs:StartQuery")
