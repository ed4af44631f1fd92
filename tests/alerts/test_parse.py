"""Whatever arrives becomes a signal that can be read, and nothing of it is lost."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.alerts.custom import Custom
from chalicelib.alerts.parse import EVENTS, RAW_LENGTH, parse
from chalicelib.alerts.signal import STATES, Signal
from chalicelib.model import SEVERITIES
from tests.alerts import corpus
from tests.alerts.corpus import CONTENT, RECEIVED, body, signal, wrapped

RULE = Custom(
    "order-stuck",
    {"source": ["com.example.shop"]},
    "high",
    "Order {detail.order} is stuck",
    ("For {detail.minutes} minutes", "{detail}"),
    service="{detail.shop}",
    resource="{detail.order}",
    resolves={"source": ["com.example.shop"], "detail-type": ["Order Sent"]},
)
# A few seconds in all: what is looked for is in the first hundreds already.
brief = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


WRONG: tuple[Any, ...] = (None, "", {}, 7, [None], True, "\ud800", [], {"x": None}, 1e308, "2026")


def check(text: str, *, raw: str = "") -> Signal:
    """What holds for every message."""
    found = parse(text, RECEIVED, [RULE])
    assert found == parse(text, RECEIVED, [RULE]) or "nan" in repr(found)
    assert not any("stumbled" in line for line in found.lines), found.lines
    assert found.id
    assert found.fingerprint
    assert found.title
    assert "\n" not in found.title
    assert found.name
    assert found.raw
    assert len(found.raw) <= RAW_LENGTH
    assert found.state in STATES
    assert found.severity in SEVERITIES
    assert 0 < found.since <= found.at <= RECEIVED + 300
    assert found.account == "" or len(found.account) == 12
    # It goes through the journal and the queues: JSON, in UTF-8.
    json.dumps(dataclasses.asdict(found), allow_nan=False, ensure_ascii=False).encode()
    assert raw in found.raw
    return found


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something could be taken away or put in place of something else."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [one for key, deeper in inner for one in ((*way, key), *places(deeper, (*way, key)))]


def without(content: Any, way: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(content)
    inside = changed
    for key in way[:-1]:
        inside = inside[key]
    del inside[way[-1]]
    return changed


def instead(content: Any, way: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(content)
    inside = changed
    for key in way[:-1]:
        inside = inside[key]
    inside[way[-1]] = value
    return changed


@pytest.mark.parametrize("name", CONTENT)
def test_nothing_that_may_be_missing_is_missed(name: str) -> None:
    for way in places(CONTENT[name]):
        check(wrapped(without(CONTENT[name], way)))


@pytest.mark.parametrize("name", CONTENT)
def test_nothing_must_be_of_its_type(name: str) -> None:
    # One value for each place, in turn: all of them for all would take a minute.
    for number, way in enumerate(places(CONTENT[name])):
        check(wrapped(instead(CONTENT[name], way, WRONG[number % len(WRONG)])))


@brief
@given(st.sampled_from(sorted(CONTENT)), st.data())
def test_any_value_may_stand_anywhere(name: str, data: st.DataObject) -> None:
    content = CONTENT[name]
    for _ in range(data.draw(st.integers(1, 3))):
        content = instead(content, data.draw(st.sampled_from(places(content))), data.draw(JSON))
    check(wrapped(content))


@brief
@given(st.text(st.characters(codec=None)) | JSON.map(json.dumps) | st.binary().map(lambda one: one.decode("latin-1")))
def test_any_text_is_told(text: str) -> None:
    found = check(text)
    assert (found.source, found.state) in (("unknown", "told"), ("budget", "told"))


@brief
@given(st.sampled_from(sorted(EVENTS)), st.dictionaries(st.text(max_size=5), JSON, max_size=3) | JSON)
def test_any_detail_of_a_known_event_is_told(kind: tuple[str, str], detail: Any) -> None:
    check(json.dumps({"id": "x", "source": kind[0], "detail-type": kind[1], "region": "eu-west-1", "detail": detail}))


@brief
@given(JSON, st.text(st.characters(codec=None), max_size=30))
def test_anything_on_a_topic_is_told(message: Any, subject: str) -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:any"
    text = json.dumps({"Type": "Notification", "TopicArn": topic, "Subject": subject, "Message": json.dumps(message)})
    assert ("Topic", "any") in check(text).facts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '"text"',
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"detail-type": "x", "source": "y", "detail": ' + '{"a":' * 300 + "1" + "}" * 301,
        "9" * 5_000,
        '{"id": ' + "9" * 5_000 + "}",
        "\x00" * 100,
        "x" * 300_000,
        '{"detail-type": "GuardDuty Finding", "source": "aws.guardduty", "detail": null}',
        '{"AlarmName": "\\ud83d", "NewStateValue": "ALARM", "AlarmRule": "ALARM(a)"}',
    ],
    ids=range(14),
)
def test_what_no_parser_likes(text: str) -> None:
    check(text)


def test_what_nobody_foresaw_is_readable() -> None:
    event = signal("unknown-event")
    assert (event.title, event.resource) == (
        "KMS CMK Rotation (aws.kms)", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    )  # fmt: skip
    text = signal("unknown-text")
    assert (text.title, text.name) == ("The nightly export took 3 h.", "exports")
    assert text.lines == ("The nightly export took 3 h.\nIt usually takes 20 min.",)
    assert ("days_left", "12") in signal("unknown-json").facts
    said = signal("unknown-subject")
    assert (said.title, said.severity, said.service) == ("Disk almost full on legacy-7", "high", "legacy")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("broken-guardduty", "detail.severity is missing"),
        ("broken-ecs", "detail.taskArn is missing"),
        ("broken-alarm-state", "the state 'PANIC' is none of ALARM, OK, INSUFFICIENT_DATA"),
        ("broken-alarm-nothing-watched", "it names no metric, no rule and no log query"),
        ("broken-anomaly", "impact.totalImpact is missing"),
        ("budget-translated", "Budget Name is missing"),
    ],
)
def test_a_known_source_that_speaks_differently_says_what_is_missing(name: str, problem: str) -> None:
    found = signal(name)
    assert problem in found.lines[0]
    assert found.lines[1].startswith("As it came: ")
    assert (found.state, found.severity) == ("told", "high")


def test_the_raw_report_is_kept_and_cut_with_a_mark() -> None:
    assert json.loads(signal("guardduty-high").raw) == CONTENT["guardduty-high"]
    assert json.loads(signal("alarm-metric-alarm").raw)["Message"]["AlarmName"] == "checkout-errors"
    long = check(json.dumps({"x": "y" * 300_000}))
    assert len(long.raw) == RAW_LENGTH
    assert long.raw.endswith("(cut)")


def test_what_would_unsubscribe_the_queue_is_kept_back() -> None:
    for name in CONTENT:
        assert "Unsubscribe" not in signal(name).raw
        assert "EXAMPLEsignature" not in signal(name).raw


def test_the_same_report_is_known_by_its_id() -> None:
    assert signal("alarm-metric-alarm").id == CONTENT["alarm-metric-alarm"]["MessageId"]
    assert signal("guardduty-high").id == CONTENT["guardduty-high"]["id"]
    assert parse("hello", RECEIVED).id == parse("hello", RECEIVED + 60).id != parse("hello!", RECEIVED).id


def test_an_event_on_a_topic_is_the_event() -> None:
    topic = {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:any"}
    found = parse(wrapped({**topic, "Message": CONTENT["guardduty-high"]}), RECEIVED)
    there = dataclasses.replace(signal("guardduty-high"), raw="")
    assert dataclasses.replace(found, raw="") == there


def test_an_alarm_delivered_raw_is_the_alarm() -> None:
    inner = CONTENT["alarm-metric-alarm"]["Message"]
    found = parse(json.dumps(inner), RECEIVED)
    assert (found.source, found.fingerprint) == ("alarm", signal("alarm-metric-alarm").fingerprint)


def test_settings_say_how_bad_a_source_is_unless_the_alarm_s_own_tag_does() -> None:
    bad = {"guardduty": "low", "alarm": "low", "unknown": "critical"}
    severities: Any = bad
    assert parse(body("guardduty-critical"), RECEIVED, (), severities).severity == "low"
    assert parse(body("alarm-metric-alarm"), RECEIVED, (), severities).severity == "low"
    assert parse(body("alarm-tagged-critical"), RECEIVED, (), severities).severity == "critical"
    assert parse("hello", RECEIVED, (), severities).severity == "critical"
    assert parse(body("ecs-steady"), RECEIVED, (), severities).severity == "high"


def test_a_mistake_of_ours_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = ("aws.guardduty", "GuardDuty Finding")
    monkeypatch.setitem(EVENTS, kind, ("guardduty", "findings.nowhere"))
    found = corpus.signal("guardduty-high")
    assert found.source == "unknown"
    assert "Parapet itself stumbled over it: AttributeError: " in found.lines[0]
    assert json.loads(found.raw) == CONTENT["guardduty-high"]
