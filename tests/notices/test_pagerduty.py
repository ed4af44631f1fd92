"""PagerDuty told once per incident and change, whatever fails on the way: against the strict stand-in, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from werkzeug.wrappers import Response

from chalicelib.model import AwsError, Busy, Destination, Notice, ParapetError
from chalicelib.notices import delivery
from chalicelib.notices.channel import Outcome, RateLimited, Refused, Unreachable
from chalicelib.notices.pagerduty import PagerDuty
from chalicelib.notices.threads import Threads
from local.pagerduty import KEY, Fault, PagerDutyStandIn
from tests.notices.records import Store, Table
from tests.notices.rendered import ACKNOWLEDGED, ALERT, RESOLVED
from tests.notices.serving import serving

LEADS = "fedcba9876543210fedcba9876543210"
TO_LEADS = replace(
    ALERT, key="a-0a1b2c3d:1:escalated", at=ALERT.at + 300, destination=Destination(slack="#oncall", pagerduty="leads")
)


@dataclass
class Stage:
    """PagerDuty's stand-in, our records, and the way between."""

    stand_in: PagerDutyStandIn
    url: str
    table: Table = field(default_factory=Table)
    store: Store = field(default_factory=lambda: Store(KEY))
    leads: Store = field(default_factory=lambda: Store(LEADS))
    slept: list[float] = field(default_factory=list)
    seconds: float = 30.0

    def __post_init__(self) -> None:
        self.pagerduty = self.made(f"{self.url}/v2/enqueue")

    def made(self, url: str, timeout: float = 0.5) -> PagerDuty:
        keys = {
            "default": self.store.kept("/parapet/pagerduty-key", "PagerDuty's routing key of default"),
            "leads": self.leads.kept("/parapet/leads", "PagerDuty's routing key of leads"),
        }
        threads = Threads(self.table, "journal", "pagerduty")
        return PagerDuty(keys, threads, url, timeout=timeout, now=lambda: ALERT.at, sleep=self.slept.append)

    def tell(self, notice: Notice) -> Outcome:
        return self.pagerduty.tell(notice, lambda: self.seconds)

    @property
    def incidents(self) -> list[tuple[str, str]]:
        """Each incident's service and status."""
        return [(one.service, one.status) for one in self.stand_in.incidents]


@pytest.fixture
def stage() -> Iterator[Stage]:
    stand_in = PagerDutyStandIn({KEY: "default", LEADS: "leads"})
    with serving(stand_in) as url:
        yield Stage(stand_in, url)


class TestOneIncident:
    def test_is_opened_acknowledged_and_resolved_and_each_is_told_once(self, stage: Stage) -> None:
        for notice, status in ((ALERT, "triggered"), (ACKNOWLEDGED, "acknowledged"), (RESOLVED, "resolved")):
            assert stage.tell(notice).kind == "sent"
            assert stage.tell(notice).kind == "known"
            assert stage.incidents == [("default", status)]
        assert [one["event_action"] for one in stage.stand_in.received] == ["trigger", "acknowledge", "resolve"]

    def test_is_acknowledged_and_resolved_wherever_it_was_opened(self, stage: Stage) -> None:
        for notice in (ALERT, TO_LEADS, ACKNOWLEDGED):
            stage.tell(notice)
        assert stage.incidents == [("default", "acknowledged"), ("leads", "acknowledged")]
        stage.tell(RESOLVED)
        assert stage.incidents == [("default", "resolved"), ("leads", "resolved")]

    def test_is_resolved_where_it_was_opened_also_when_the_route_pages_nobody_any_more(self, stage: Stage) -> None:
        over = replace(RESOLVED, destination=Destination("#parapet"))
        assert stage.tell(over) == Outcome("nobody", "nobody was paged for it")
        stage.tell(ALERT)
        assert stage.tell(over).kind == "sent"
        assert stage.incidents == [("default", "resolved")]

    def test_of_the_next_episode_is_another(self, stage: Stage) -> None:
        stage.tell(ALERT)
        stage.tell(RESOLVED)
        again = replace(ALERT, key="a-0a1b2c3d:2:firing", fingerprint="a-0a1b2c3d:2", at=RESOLVED.at + 60)
        assert stage.tell(again).kind == "sent"
        assert stage.incidents == [("default", "resolved"), ("default", "triggered")]

    @pytest.mark.parametrize(
        "late", [replace(ALERT, key="a-0a1b2c3d:1:again"), replace(ACKNOWLEDGED, at=RESOLVED.at - 0.001)]
    )
    def test_that_is_over_is_not_opened_again_by_what_comes_late(self, stage: Stage, late: Notice) -> None:
        stage.tell(ALERT)
        stage.tell(RESOLVED)
        assert stage.tell(late) == Outcome("known", "it comes late: what it is about is over")
        assert stage.incidents == [("default", "resolved")]

    def test_is_opened_again_by_what_happens_at_the_very_time_of_its_end(self, stage: Stage) -> None:
        stage.tell(ALERT)
        stage.tell(RESOLVED)
        assert stage.tell(replace(ALERT, key="a-0a1b2c3d:1:again", at=RESOLVED.at)).kind == "sent"
        assert stage.incidents == [("default", "resolved"), ("default", "triggered")]

    def test_a_service_that_is_gone_keeps_nobody_else_from_hearing_the_end(self, stage: Stage) -> None:
        stage.tell(ALERT)
        stage.tell(TO_LEADS)
        del stage.stand_in.services[LEADS]
        outcome = stage.tell(RESOLVED)
        assert outcome.kind == "sent"
        assert "PagerDuty refused the event (400): invalid routing key" in outcome.note
        assert stage.incidents[0] == ("default", "resolved")

    @pytest.mark.parametrize("notice", [replace(ALERT, page=""), replace(ALERT, destination=None)])
    def test_is_not_made_of_what_means_nothing_for_a_pager(self, stage: Stage, notice: Notice) -> None:
        assert stage.tell(notice).kind == "nobody"
        assert stage.stand_in.received == []


class TestTrouble:
    @pytest.mark.parametrize(
        "fault", ["500", "500 after", "silence", "silence after", "broken", "broken after", "rubbish"]
    )
    def test_is_tried_again_at_once_and_comes_to_one_incident(self, stage: Stage, fault: Fault) -> None:
        stage.stand_in.fail(fault, seconds=1.0)
        assert stage.tell(ALERT).kind == "sent"
        assert (stage.slept, stage.incidents) == ([0.5], [("default", "triggered")])

    @pytest.mark.parametrize("fault", ["500", "broken after"])
    def test_that_lasts_is_left_to_the_queue_after_three_tries(self, stage: Stage, fault: Fault) -> None:
        stage.stand_in.fail(fault, times=3)
        with pytest.raises(Unreachable, match="PagerDuty"):
            stage.tell(ALERT)
        assert stage.slept == [0.5, 1.5]
        assert stage.tell(ALERT).kind == "sent"
        assert stage.incidents == [("default", "triggered")]

    @pytest.mark.parametrize(("seconds", "slept"), [(13.0, [0.5]), (12.4, []), (30.0, [0.5, 1.5])])
    def test_is_tried_again_only_while_there_is_time(self, stage: Stage, seconds: float, slept: list[float]) -> None:
        stage.pagerduty = stage.made("http://127.0.0.1:9/v2/enqueue", timeout=10.0)
        left = iter([seconds, seconds, *[seconds - sum(slept[:1])] * 4])
        with pytest.raises(Unreachable):
            stage.pagerduty.tell(ALERT, lambda: next(left))
        assert stage.slept == slept

    @pytest.mark.parametrize(("asked", "slept"), [("3", [3.0, 3.0]), ("60", []), ("soon", [0.5, 1.5])])
    def test_a_short_wait_that_an_outage_asks_for_is_kept(self, stage: Stage, asked: str, slept: list[float]) -> None:
        with serving(answering(503, "", {"Retry-After": asked})) as url:
            stage.pagerduty = stage.made(url)
            with pytest.raises(Unreachable, match="answered 503"):
                stage.tell(ALERT)
        assert stage.slept == slept

    @pytest.mark.parametrize("fault", ["500 after", "silence after", "broken after"])
    def test_in_the_middle_of_a_resolution_resolves_all_the_same(self, stage: Stage, fault: Fault) -> None:
        stage.tell(ALERT)
        stage.stand_in.fail(fault, seconds=1.0)
        assert stage.tell(RESOLVED).kind == "sent"
        assert stage.incidents == [("default", "resolved")]

    def test_between_sending_and_recording_opens_no_second_incident(self, stage: Stage) -> None:
        stage.table.errors["update_item"] = [AwsError("dynamodb:UpdateItem", "InternalServerError", "down")]
        with pytest.raises(AwsError):
            stage.tell(ALERT)
        assert stage.tell(ALERT).kind == "sent"
        assert (len(stage.stand_in.received), stage.incidents) == (2, [("default", "triggered")])

    def test_of_two_at_once_one_waits(self, stage: Stage) -> None:
        stage.table.errors["update_item"] = [
            AwsError("dynamodb:UpdateItem", "ConditionalCheckFailedException", "the record has moved")
        ]
        with pytest.raises(Busy):
            stage.tell(ALERT)

    def test_a_record_that_cannot_be_read_sends_nothing(self, stage: Stage) -> None:
        stage.table.errors["get_item"] = [AwsError("dynamodb:GetItem", "ThrottlingException", "slower")]
        with pytest.raises(AwsError):
            stage.tell(ALERT)
        assert stage.stand_in.received == []

    def test_nobody_there(self, stage: Stage) -> None:
        stage.pagerduty = stage.made("http://127.0.0.1:9/v2/enqueue")
        with pytest.raises(Unreachable, match="PagerDuty did not answer: URLError"):
            stage.tell(ALERT)


class TestLimits:
    def test_a_moment_is_waited_for(self, stage: Stage) -> None:
        stage.stand_in.fail("429", times=2, seconds=3)
        assert stage.tell(ALERT).kind == "sent"
        assert stage.slept == [3.0, 3.0]

    def test_what_takes_longer_is_left_to_the_queue(self, stage: Stage) -> None:
        stage.stand_in.fail("429", seconds=60)
        with pytest.raises(RateLimited, match="asks to wait 60 s"):
            stage.tell(ALERT)
        assert stage.slept == []

    def test_so_is_what_there_is_no_time_left_for(self, stage: Stage) -> None:
        stage.seconds = 2.0
        with pytest.raises(RateLimited, match="too little time left"):
            stage.tell(ALERT)
        stage.seconds = 4.0
        stage.stand_in.fail("429", seconds=3)
        with pytest.raises(RateLimited, match="asks to wait 3 s"):
            stage.tell(ALERT)


class TestKeys:
    def test_a_key_that_was_changed_is_read_anew(self, stage: Stage) -> None:
        stage.store.value = "0" * 32
        with pytest.raises(Refused):
            stage.tell(ALERT)
        stage.store.value = KEY
        assert stage.tell(ALERT).kind == "sent"

    def test_one_that_pagerduty_does_not_know_says_where_to_put_which(self, stage: Stage) -> None:
        stage.store.value = "0" * 32
        with pytest.raises(Refused) as refused:
            stage.tell(ALERT)
        text = str(refused.value)
        assert "SSM parameter /parapet/pagerduty-key" in text
        assert "integration Events API v2" in text
        assert stage.store.value not in text
        assert not isinstance(refused.value, delivery.PASSING)

    def test_one_that_is_none_at_all_is_refused_in_pagerdutys_words(self, stage: Stage) -> None:
        stage.store.value = "not-a-routing-key"
        with pytest.raises(Refused, match="Length of 'routing_key' is incorrect"):
            stage.tell(ALERT)

    @pytest.mark.parametrize(
        ("service", "text"),
        [("default", "the stack's parameter PagerDutyKey"), ("other", r"other = \"ssm:/where/it/is\"")],
    )
    def test_none_says_how_to_set_one(self, stage: Stage, service: str, text: str) -> None:
        stage.pagerduty._keys = {}
        with pytest.raises(Refused, match=text):
            stage.tell(replace(ALERT, destination=Destination(pagerduty=service)))


def answering(status: int, body: str, headers: dict[str, str] | None = None) -> Callable[[Any, Any], Any]:
    """Something that answers everything alike."""

    def app(environ: Any, start_response: Any) -> Any:
        return Response(body, status, headers)(environ, start_response)

    return app


class TestStrangers:
    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            (200, "<html>", Unreachable), (200, '{"status":"success"}', Unreachable), (202, "ok", Unreachable),
            (202, "[]", Unreachable), (400, "<html>bad", Unreachable), (502, "", Unreachable), (408, "", Unreachable),
            (403, '{"status":"forbidden","message":"no"}', Refused), (413, "", Refused),
            (400, '{"status":"invalid event","message":"Event object is invalid","errors":["\'x\' is odd"]}', Refused),
        ],
    )  # fmt: skip
    def test_are_not_taken_for_pagerduty(self, stage: Stage, status: int, body: str, kind: type[Exception]) -> None:
        with serving(answering(status, body)) as url:
            stage.pagerduty = stage.made(url)
            with pytest.raises(kind):
                stage.tell(ALERT)
        assert stage.table.items == {}, "nothing is recorded as told"

    def test_a_redirection_does_not_take_the_key_elsewhere(self, stage: Stage) -> None:
        seen: list[Any] = []

        def elsewhere(environ: Any, start_response: Any) -> Any:
            seen.append(environ)
            return Response("", 202)(environ, start_response)

        with serving(elsewhere) as goal, serving(answering(307, "", {"Location": goal})) as url:
            stage.pagerduty = stage.made(url)
            with pytest.raises(Unreachable, match="answered 307"):
                stage.tell(ALERT)
        assert seen == []

    def test_what_repeats_the_key_does_not_get_it_into_an_error(self, stage: Stage) -> None:
        body = json.dumps({"status": "invalid event", "message": f"what is {KEY}?", "errors": [KEY]})
        with serving(answering(400, body)) as url:
            stage.pagerduty = stage.made(url)
            with pytest.raises(Refused) as refused:
                stage.tell(ALERT)
        assert KEY not in str(refused.value)

    @pytest.mark.parametrize("url", ["http://events.pagerduty.com/v2/enqueue", "ftp://x", ""])
    def test_the_key_goes_over_https_alone(self, stage: Stage, url: str) -> None:
        with pytest.raises(ParapetError, match="does not begin with https://"):
            stage.made(url)
