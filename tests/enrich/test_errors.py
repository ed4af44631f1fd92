"""Error lines: which groups, which lines, which are the same, and nothing of a secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.enrich import errors
from chalicelib.enrich.gather import Found
from chalicelib.model import AwsError, ParapetError
from tests.enrich.fakes import NOW, SINCE, FakeAws, denied, signal

FILTER = "logs:filter_log_events"
GROUP = "/aws/lambda/checkout"


def page(*messages: str, token: str = "") -> dict[str, Any]:
    return {"events": [{"message": one} for one in messages], **({"nextToken": token} if token else {})}


def lines(*messages: str, **changes: Any) -> tuple[str, ...]:
    return errors.look(FakeAws({FILTER: page(*messages)}), signal(**changes), NOW).lines


def test_the_same_errors_are_counted_together_the_most_frequent_first() -> None:
    found = lines(
        "[ERROR] 2026-11-18T11:01:02.003Z 11111111-2222-4333-8444-555555555555 ValueError: bad order 17",
        "[ERROR] 2026-11-18T11:01:03.003Z 21111111-2222-4333-8444-555555555555 ValueError: bad order 18",
        "ConnectionError: 198.51.100.7:5432 refused after 30 s",
        "INFO all is well, errors=0",
    )
    assert found == (
        f"2 × [ERROR] … ValueError: bad order # ({GROUP})",
        f"1 × ConnectionError: # refused after # s ({GROUP})",
    )


def test_the_log_is_read_from_before_the_onset_until_now_and_newest_first() -> None:
    aws = FakeAws({FILTER: page()})
    found = errors.look(aws, signal(), NOW)
    [params] = aws.made(FILTER)
    assert (params["startTime"], params["endTime"]) == ((SINCE - 900) * 1000, NOW * 1000)
    assert params["startFromHead"] is False
    assert params["logGroupName"] == GROUP
    assert found.lines == (f"No error lines in {GROUP} around then.",)


def test_how_much_is_read_is_bounded_and_said() -> None:
    aws = FakeAws({FILTER: page("Error: x", token="more")})
    found = errors.look(aws, signal(), NOW)
    assert len(aws.calls) == errors.PAGES
    assert found.lines[-1] == "In all older ones not read: there are too many."
    ticks = iter([0.0, 99.0])
    aws = FakeAws({FILTER: page("Error: x", token="more")})
    assert errors.look(aws, signal(), NOW, clock=lambda: next(ticks)).lines[0] == f"1 × Error: x ({GROUP})"
    assert len(aws.calls) == 1


def test_only_the_most_frequent_are_shown_and_the_rest_is_counted() -> None:
    found = lines(*(f"Error: kind {chr(97 + number)}" for number in range(8)))
    assert len(found) == errors.SHOWN + 1
    assert found[-1] == "In all 8 error lines of 8 kinds."


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (json.dumps({"level": "ERROR", "message": "cannot reach db-7", "trace_id": "x"}), "cannot reach db-#"),
        (json.dumps({"level": "error", "message": "done", "error": "timeout after 3 s"}), "timeout after # s"),
        (json.dumps({"errorType": "KeyError", "errorMessage": "'id'"}), "KeyError"),
        (json.dumps({"level": "error", "code": 7}), '{"level": "error", "code": #}'),
        ("{not json Error", "{not json Error"),
        ('Traceback (most recent call last):\n  File "x.py", line 3\nValueError: 12', "ValueError: #"),
        ("2026-11-18T11:01:02Z Task timed out after 3.00 seconds", "Task timed out after # seconds"),
        ("Error for bob@example.com", "Error for (e-mail)"),
        ("Error " + "x" * 500, "Error " + "x" * (errors.LENGTH - 7) + "…"),
    ],
)
def test_what_lines_have_in_common(message: str, text: str) -> None:
    assert errors.same(message) == text


@pytest.mark.parametrize(
    "message",
    [
        "Error: password=hunter2secret", 'error {"api_key": "hunter2secret"}', "Error: Authorization: Bearer hunter2",
        "Exception postgres://app:hunter2@db/x", "ERROR token: 'hunter2secret'", "Error DB_PASSWORD=hunter2secret;",
        "Error AKIAIOSFODNN7EXAMPLE", "Error eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl", "Error: xoxb-1234567890-abcdefgh",
    ],
)  # fmt: skip
def test_no_secret_is_told(message: str) -> None:
    told = errors.same(message)
    assert "(secret)" in told
    for secret in ("hunter", "AKIA", "eyJ", "xoxb"):
        assert secret not in told


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("errors=0", False), ('{"errors": 0, "ok": true}', False), ("0 rows, error: null", False),
        ("error_count: 0, fatal", True), ("errors=05", True), ("Unhandled exception", True), ("fine", False),
    ],
)  # fmt: skip
def test_what_is_an_error(message: str, expected: bool) -> None:
    assert errors.is_error(message) is expected


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_line_can_be_told(message: str) -> None:
    assert len(errors.same(message)) <= errors.LENGTH
    assert "\n" not in errors.same(message)
    errors.is_error(message)


class TestGroups:
    def test_what_is_named_goes_before_what_is_guessed(self) -> None:
        assert errors.log_groups(FakeAws(), signal(log_groups=("/app", "/app"))) == ["/app"]
        assert errors.log_groups(FakeAws(), signal(tags={"log-group": "/one /two"})) == ["/one", "/two"]
        assert errors.log_groups(FakeAws(), signal()) == [GROUP]

    def test_a_log_alarm_may_name_an_arn(self) -> None:
        arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/app:*"
        assert errors.log_groups(FakeAws(), signal(log_groups=(arn,))) == ["/app"]

    def test_those_of_an_ecs_service_are_in_its_task_definition(self) -> None:
        def container(driver: str, **options: str) -> dict[str, Any]:
            return {"logConfiguration": {"logDriver": driver, "options": options}}

        awslogs = container("awslogs", **{"awslogs-group": "/ecs/shop"})
        aws = FakeAws({
            "ecs:describe_services": {"services": [{"taskDefinition": "shop:7"}]},
            "ecs:describe_task_definition": {
                "taskDefinition": {"containerDefinitions": [awslogs, container("splunk"), {"name": "bare"}]}
            },
        })  # fmt: skip
        of = {"ClusterName": "prod", "ServiceName": "shop"}
        assert errors.log_groups(aws, signal(metrics=(), dimensions=of)) == ["/ecs/shop"]
        assert aws.calls[0][1] == {"cluster": "prod", "services": ["shop"]}

    def test_tags_are_asked_for_where_they_did_not_come_along(self) -> None:
        aws = FakeAws({"cloudwatch:list_tags_for_resource": {"Tags": [{"Key": "log-group", "Value": "/app"}]}})
        assert errors.log_groups(aws, signal(tags={})) == ["/app"]

    def test_without_any_nothing_is_read(self) -> None:
        assert errors.look(FakeAws(), signal(metrics=(), dimensions={}), NOW) == Found()


def test_a_group_that_is_not_there_is_named() -> None:
    missing = AwsError("logs:FilterLogEvents", "ResourceNotFoundException", "no")
    with pytest.raises(ParapetError, match="no log group /aws/lambda/checkout; the tag log-group"):
        errors.look(FakeAws({FILTER: missing}), signal(), NOW)

    def one(params: Mapping[str, Any]) -> Any:
        return missing if params["logGroupName"] == "/gone" else page("Error: x")

    found = errors.look(FakeAws({FILTER: one}), signal(log_groups=("/gone", "/there")), NOW)
    assert found.lines == ("1 × Error: x (/there)",)


def test_a_denied_call_is_the_sections_error() -> None:
    with pytest.raises(AwsError, match="FilterLogEvents"):
        errors.look(FakeAws({FILTER: denied("logs:FilterLogEvents")}), signal(), NOW)
