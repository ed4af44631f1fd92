"""Which sections a signal has, and the notice that their findings make."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.enrich import asked, places
from chalicelib.enrich.asked import Asked
from chalicelib.enrich.evidence import Desk, sections, told
from chalicelib.enrich.further import Further
from chalicelib.enrich.gather import Found, gather
from chalicelib.model import Aws, Destination, ParapetError
from chalicelib.services.model import Service, Target
from tests.enrich.fakes import ARN, NAME, NOW, SIGNAL, FakeAws, denied, notice, signal
from tests.samples import ACCOUNT

OTHER = "210987654321"
ANSWERS = {
    "iam:list_account_aliases": {"AccountAliases": ["prod"]},
    "cloudwatch:get_metric_data": {"MetricDataResults": [{"Id": "m1", "Values": [84.0]}]},
    "cloudwatch:get_metric_widget_image": {"MetricWidgetImage": b"\x89PNG"},
    "logs:filter_log_events": {"events": [{"message": "Error: x"}]},
    "cloudtrail:lookup_events": {"Events": []},
    "cloudwatch:list_tags_for_resource": {"Tags": []},
}


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    places._aliases.clear()
    yield
    places._aliases.clear()


def desk(aws: FakeAws, **further: object) -> Desk:
    def reach(account: str, region: str) -> Aws:
        assert account == ACCOUNT, "evidence is only looked up in our own account"
        return aws

    return Desk(reach, ACCOUNT, "prod", "table", Further(**further))  # type: ignore[arg-type]


def found(aws: FakeAws, one: object = SIGNAL, **further: object) -> Found:
    return gather(sections(desk(aws, **further), one, NOW)).found  # type: ignore[arg-type]


def test_an_alarm_has_all_of_it() -> None:
    got = found(FakeAws(ANSWERS), runbook="https://wiki.example.com/{name}", page="https://parapet.example.com")
    assert got.lines == (
        "1 × Error: x (/aws/lambda/checkout)",
        "No change of checkout in the 30 min before, as far as CloudTrail knows.",
    )
    assert got.facts == (
        ("Errors (Sum) now", "84"), ("Usually at this hour", "84 (median of 7 days)"),
        ("Account", f"prod ({ACCOUNT})"), ("Region", "Ireland (eu-west-1)"),
    )  # fmt: skip
    assert [label for label, _ in got.links] == ["Runbook", "Alarm", "Metrics", "Error lines", "Parapet"]
    assert got.picture == b"\x89PNG"


def test_the_page_opens_on_the_service_that_it_is_about() -> None:
    at = replace(
        desk(FakeAws(ANSWERS), page="https://parapet.example.com"), services=(Service("checkout", Target("sqs")),)
    )
    for service, place in (("checkout", "#checkout"), ("other", "")):
        got = gather(sections(at, replace(SIGNAL, service=service), NOW)).found
        assert dict(got.links)["Parapet"] == f"https://parapet.example.com{place}"


def test_with_no_right_at_all_every_section_says_so() -> None:
    got = found(FakeAws({name: denied(name) for name in ANSWERS}), signal(tags={}))
    assert [line.split(": not allowed: ")[0] for line in got.lines] == [
        "numbers", "names", "error lines", "changes", "graph", "links",
    ]  # fmt: skip
    assert got.picture == b""


def test_another_account_s_stays_there() -> None:
    got = found(FakeAws(ANSWERS), signal(account=OTHER), names={OTHER: "shop"})
    assert got.lines == (f"Its evidence is in account {OTHER}, where Parapet does not look it up.",)
    assert ("Account", f"shop ({OTHER})") in got.facts
    assert [label for label, _ in got.links] == ["Alarm"]


def test_a_budget_is_told_with_what_grew() -> None:
    names = [one.name for one in sections(desk(FakeAws(ANSWERS)), signal(source="budget"), NOW)]
    assert names == ["costs", "names", "links"]


def test_our_account_s_alias_is_asked_for_once() -> None:
    aws = FakeAws(ANSWERS)
    found(aws)
    found(aws)
    assert len(aws.made("iam:list_account_aliases")) == 1


def test_what_has_no_alarm_is_only_named() -> None:
    bare = signal(source="health", resource="")
    object.__setattr__(bare, "alarm", None)
    assert found(FakeAws(ANSWERS), bare).lines == ()


class TestNotice:
    def test_it_tells_the_same_thread_more_and_slack_alone(self) -> None:
        before = notice(links=(("Alarm", "https://old"), ("Docs", "https://docs")))
        found = Found(
            ("2 × Error: x",), (("Threshold", "> 5"), ("Region", "Ireland")), (("Alarm", "https://new"),), b"png"
        )
        after = told(Asked(before, SIGNAL), found, "#oncall")
        assert after.thread == before.thread
        assert after.key.startswith(f"{before.key}:evidence:")
        assert after.lines == ("Threshold Crossed", "2 × Error: x")
        assert after.facts == (("Threshold", "> 5"), ("Region", "Ireland"))
        assert after.links == (("Alarm", "https://new"), ("Docs", "https://docs"))
        assert base64.b64decode(after.picture) == b"png"
        assert after.destination == Destination("#oncall")
        assert (after.page, after.loud, after.at) == ("", False, before.at)
        assert (after.status, after.actions, after.question) == (before.status, before.actions, before.question)

    def test_what_joined_a_thread_is_told_apart(self) -> None:
        after = told(Asked(notice(name="other"), SIGNAL), Found(("2 × Error: x",)), "#oncall")
        assert after.lines == ("Threshold Crossed", "About checkout fails:", "2 × Error: x")
        others = {told(Asked(notice(), signal(fingerprint=name)), Found(), "#oncall").key for name in "ab"}
        assert len(others) == 2


class TestAsked:
    def test_survives_the_queue(self) -> None:
        wanted = Asked(notice(tags=(("a", "b"),)), signal(children=("x",), log_groups=("/app",)))
        assert asked.load(asked.dump(wanted)) == wanted

    @pytest.mark.parametrize(
        "body",
        ["", "[]", "null", "{}", json.dumps({"notice": {}, "signal": {}}), json.dumps({"notice": 1, "signal": 2})],
    )
    def test_anything_else_is_refused(self, body: str) -> None:
        with pytest.raises(ParapetError):
            asked.load(body)

    def test_names_are_those_of_the_alarm(self) -> None:
        assert asked.load(asked.dump(Asked(notice(), SIGNAL))).signal.alarm == signal().alarm
        assert NAME in ARN
