"""The history of alarms: what of a busy one is read, and what of it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from chalicelib.explain import timeline
from chalicelib.explain.sections import siblings
from chalicelib.explain.subject import Desk, Subject
from chalicelib.ledger.book import Book
from chalicelib.model import AwsError
from chalicelib.services.watch import Watch
from chalicelib.slo import alarms
from tests.explain.rehearsals.stage import STAGE, service, services
from tests.samples import ACCOUNT, REGION

AT = 1_795_000_000.0


@dataclass
class History:
    """CloudWatch with a history of (when, alarm, old state, new state), of composites and of others."""

    composite: list[tuple[float, str, str, str]] = field(default_factory=list)
    metric: list[tuple[float, str, str, str]] = field(default_factory=list)
    account: str = ACCOUNT
    region: str = REGION

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        if operation != "describe_alarm_history":
            raise AwsError(f"{service}:{operation}", "AccessDenied", "no")
        since, until = (datetime.fromisoformat(params[one]).timestamp() for one in ("StartDate", "EndDate"))
        of = {"CompositeAlarm": self.composite, "MetricAlarm": self.metric}
        found = sorted(one for kind in params["AlarmTypes"] for one in of[kind] if since <= one[0] <= until)
        start, most = int(params.get("NextToken", 0)), params.get("MaxRecords", 100)
        more = {"NextToken": str(start + most)} if len(found) > start + most else {}
        return {"AlarmHistoryItems": list(map(_item, found[start : start + most])), **more}

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self(service, operation, **params)[key])


def _item(one: tuple[float, str, str, str]) -> Mapping[str, Any]:
    at, name, before, after = one
    data = {"oldState": {"stateValue": before}, "newState": {"stateValue": after, "stateReason": "so"}}
    return {"AlarmName": name, "Timestamp": datetime.fromtimestamp(at, UTC), "HistoryData": json.dumps(data)}


def desk(history: History) -> Desk:
    reach: Callable[[str], Any] = lambda region: history  # noqa: E731
    return Desk(reach, STAGE, "journal", lambda: Book(history, "ledger"), services(), Watch(reach, print))


def named(of: str, end: str) -> str:
    return alarms.name(STAGE, f"{of}-availability", end)


def flood(since: float, many: int) -> list[tuple[float, str, str, str]]:
    return [(since + number, named("images", "5m"), "ALARM", "OK") for number in range(many)]


class TestSiblings:
    SHOP = Subject("service", "shop", AT, AT + 600, service("shop"))

    def test_what_tells_people_is_read_whatever_else_goes_on(self) -> None:
        history = History([(AT - 60, named("saas", "page"), "OK", "ALARM")], flood(AT - 900, 1400))
        look = siblings.look(desk(history), self.SHOP)
        assert [(one.service, one.at) for one in look.found] == [("saas", AT - 60)]
        assert (look.status, look.calls) == ("partial", 5)
        assert look.reason == "more alarms changed than were read"

    def test_what_was_left_out_after_the_moment_is_not_missed(self) -> None:
        late = [(AT - 120, "nobodys", "OK", "ALARM"), *flood(AT - 100, 650)]
        look = siblings.look(desk(History(metric=late)), self.SHOP)
        assert [one.name for one in look.found] == ["nobodys"]
        assert (look.status, look.reason, look.calls) == ("ok", "", 5)

    def test_what_looks_over_hours_tells_of_nothing_that_began_now(self) -> None:
        history = History(
            [(AT - 30, named("saas", "ticket"), "OK", "ALARM"), (AT - 20, named("images", "page"), "OK", "ALARM")],
            [(AT - 40, named("intake", "3d"), "OK", "ALARM"), (AT - 50, named("images", "5m"), "OK", "ALARM")],
        )
        look = siblings.look(desk(history), self.SHOP)
        assert [(one.service, one.at) for one in look.found] == [("images", AT - 50)]

    def test_a_calm_account_is_read_at_once(self) -> None:
        look = siblings.look(desk(History()), self.SHOP)
        assert (look.status, look.answer, look.calls) == ("ok", "no other alarm", 2)

    def test_of_what_cloudwatch_has_forgotten_nothing_is_known(self) -> None:
        look = siblings.look(desk(History()), replace(self.SHOP, now=AT + siblings.KEPT + 1))
        assert (look.status, look.answer, look.calls) == ("no_data", "nothing is known of other alarms", 0)
        assert look.reason == "CloudWatch keeps the history of alarms for 30 days"


def test_in_the_timeline_is_well_again_only_what_was_not() -> None:
    page, ticket = named("shop", "page"), named("shop", "ticket")
    history = History([
        (AT, page, "INSUFFICIENT_DATA", "OK"), (AT + 60, page, "OK", "ALARM"), (AT + 120, page, "ALARM", "OK"),
        (AT + 180, ticket, "ALARM", "INSUFFICIENT_DATA"),
    ])  # fmt: skip
    found = timeline.read(desk(history), service("shop"), AT - 60, AT + 600)
    assert [(one.at, one.what.removeprefix("Alarm ")) for one in found.entries] == [
        (AT + 60, f"{page} went off"), (AT + 120, f"{page} is OK again"), (AT + 180, f"{ticket} has no data"),
    ]  # fmt: skip
