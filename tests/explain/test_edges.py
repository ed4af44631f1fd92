"""Which calls fail, where X-Ray knows nothing: from spans in a log group of moto's, through the local Logs Insights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend

from chalicelib.aws import AccountAws
from chalicelib.explain import suspects
from chalicelib.explain.gathering import Look
from chalicelib.explain.model import Hop, Scene, Symptom
from chalicelib.explain.onset import Onset
from chalicelib.explain.sections import edges
from chalicelib.explain.subject import Desk, Subject
from chalicelib.insights.price import GB
from chalicelib.ledger.book import Book
from chalicelib.model import AwsError
from chalicelib.services.model import Service, Target
from chalicelib.services.watch import Watch
from chalicelib.tracing import spans
from local.querying import Querying
from tests.account import Clock
from tests.samples import ACCOUNT, REGION
from tests.tracing import playing
from tests.tracing.playing import NOW
from tests.tracing.spanning import Span, signalled, span, stored, xray

SHOP = Service("shop", Target("ecs", {"cluster": "main", "service": "shop"}), (Target("rds", {"instance": "shop-db"}),))
DATABASE = "shop|shop-db.abc.eu-west-1.rds.amazonaws.com|5432"
CALLED = "shop@shop-db.abc.eu-west-1.rds.amazonaws.com"
GROUP = "aws/spans"
Look_ = Look[tuple[Hop, ...]]


@dataclass
class Account(playing.Account):
    """X-Ray and metrics by hand, logs by moto."""

    aws: AccountAws | None = None
    denied: tuple[str, ...] = ()
    steps: list[str] = field(default_factory=list)

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        if f"{service}:{operation}" in self.denied:
            raise AwsError(f"{service}:{operation}", "AccessDeniedException", "no identity-based policy allows it")
        if service != "logs":
            return super().__call__(service, operation, absent=absent, **params)
        assert self.aws
        self.steps.append(operation)
        self.asked.append((operation, params))
        return self.aws(service, operation, absent=absent, **params)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("logs", region_name=REGION)


@pytest.fixture
def account(client: Any) -> Account:
    for backend in get_backend("logs")[ACCOUNT].values():
        backend.reset()
    return Account(aws=AccountAws(lambda service, region: client, ACCOUNT, REGION))


def put(client: Any, *some: Span) -> None:
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName="default")
    lines = [{"timestamp": int(at * 1000), "message": message} for at, message in sorted(some)]
    client.put_log_events(logGroupName=GROUP, logStreamName="default", logEvents=lines)


def look(account: Account, patience: float = 6.0, takes: float = 0.2) -> Look_:
    clock = Clock(NOW + 900)
    reach: Callable[[str], Any] = lambda region: account  # noqa: E731
    desk = Desk(reach, "test", "journal", lambda: Book(account, "ledger"), (SHOP,), Watch(reach, print))
    subject = Subject("service", "shop", NOW + 600, NOW + 900, SHOP)
    with Querying(clock, takes=(0.0, takes)).plugged():
        return edges.look(desk, subject, SHOP, NOW, patience, clock, clock.sleep)


def incident() -> list[Span]:
    """A database that takes long and fails since the onset, for the shop and not for the till."""
    found = []
    for number in range(60):
        before, since = -3000 + number * 40, 5 + number * 9
        found += [
            span(before, "shop", of=900 + number),
            stored(before, "shop", DATABASE, seconds=0.02, of=900 + number),
        ]
        bad = number % 3 == 0
        found += [
            span(since, "shop", of=number + 1, failed=bad, status=500 if bad else 200, id_=f"{number:016x}"),
            stored(
                since, "shop", DATABASE, of=number + 1, seconds=1.0 if bad else 0.25, failed=bad,
                parent=f"{number:016x}", said="too many clients already" if bad else "",
            ),
            signalled(since, "shop", "pay.example.com:443", of=number + 1, status=200),
            stored(since, "till", DATABASE, of=500 + number, seconds=0.02),
        ]  # fmt: skip
    return found


def test_where_x_ray_knows_nothing_the_spans_are_counted(client: Any, account: Account) -> None:
    put(client, *incident())
    account.arrived = 5e5
    found = look(account)
    assert (found.status, found.reason) == ("ok", "")
    first = next(one for one in found.found if one.callee == CALLED)
    assert (first.caller, first.type, first.calls, first.own) == ("shop", "Database::SQL", 60, False)
    assert (round(first.failing, 3), first.failed) == (0.333, 0.0)
    assert first.seconds == pytest.approx(0.5)
    assert first.took == pytest.approx(0.02)
    assert first.well == ("till",), "who else calls it, and is well"
    entry = next(one for one in found.found if one.caller == "client")
    assert (entry.callee, entry.own, entry.calls) == ("shop", True, 60)
    assert found.answer == f"33 % of the calls of {CALLED} fail"
    assert found.evidence[0] == {"kind": "log-group", "ref": "aws/spans"}
    assert not [one for one in found.evidence if one["kind"] == "xray"]
    # What was read for it, and for the sample that was followed, is told.
    assert found.scanned > 100_000
    assert found.usd == pytest.approx(found.scanned / GB * 0.005)
    counting, _ = account.calls("start_query")
    assert (counting["logGroupNames"], counting["startTime"], counting["endTime"]) == ([GROUP], NOW - 3600, NOW + 900)
    assert found.calls == 2 + 3 + 1 + 3


def test_a_sample_is_followed_to_its_end_by_an_id_that_tells_no_time(client: Any, account: Account) -> None:
    put(client, *incident())
    found = look(account)
    first = found.found[0]
    assert (first.callee, len(first.traces)) == (CALLED, 3)
    assert first.traces[0] == xray(58)
    assert first.said == "postgresql failed: OperationalError: too many clients already", (
        "where it failed, and not where that came out"
    )
    assert {"kind": "trace", "ref": xray(58)} in found.evidence
    following = account.calls("start_query")[1]
    assert (following["startTime"], following["endTime"]) == (NOW + 458, NOW + 578), "of when it was, not of hours"


def test_who_is_suspected_needs_no_x_ray(client: Any, account: Account) -> None:
    put(client, *(one for one in incident() if '"till"' not in one[1]))
    onset = Onset("step", NOW, None, 0.0, 0.3, 0.9)
    scene = Scene("shop", ACCOUNT, REGION, Symptom("errors", "errors", "share", onset), hops=look(account).found)
    first = suspects.rank(scene)[0]
    assert (first.kind, first.title) == ("edge", f"{CALLED} fails")
    assert first.evidence[0] == "33 % of 60 calls from shop fail; before: 0 %"


def test_quickly_nobody_asks_for_spans(client: Any, account: Account) -> None:
    put(client, *incident())
    found = look(account, patience=0.0)
    assert (found.status, found.reason, found.calls) == ("no_data", "no node of X-Ray's belongs to it", 2)
    assert account.steps == []
    assert not account.calls("cloudwatch:GetMetricData")


def test_without_transaction_search_all_is_as_it_was(account: Account) -> None:
    found = look(account)
    assert (found.status, found.reason) == ("no_data", "no node of X-Ray's belongs to it")
    assert (found.answer, found.found, found.scanned) == ("X-Ray has no traces of it", (), 0.0)
    assert account.steps == ["start_query"]


def test_spans_of_others_are_no_answer(client: Any, account: Account) -> None:
    put(client, signalled(5, "till", "pay"))
    found = look(account)
    assert (found.status, found.found) == ("no_data", ())
    assert found.reason == "no node of X-Ray's and no span in aws/spans belongs to it"
    assert found.scanned > 0


def x_ray(account: Account, many: int) -> None:
    for number in range(many):
        account.put([playing.segment(number, "shop", 5 + number, origin="AWS::ECS::Container")])


def test_where_x_ray_knows_enough_the_spans_are_left_alone(client: Any, account: Account) -> None:
    put(client, *incident())
    x_ray(account, 20)
    found = look(account)
    assert (found.evidence[0]["kind"], found.found[0].calls) == ("xray", 20)
    assert account.steps == []


def test_where_x_ray_knows_a_few_calls_whoever_knows_more_is_believed(client: Any, account: Account) -> None:
    x_ray(account, 19)
    put(client, *incident())
    assert look(account).evidence[0] == {"kind": "log-group", "ref": "aws/spans"}
    client.delete_log_group(logGroupName=GROUP)
    put(client, span(5, "shop"))
    found = look(account)
    assert (found.evidence[0]["kind"], found.found[0].calls, found.status) == ("xray", 19, "ok")


@pytest.mark.parametrize("action", ["logs:start_query", "logs:get_query_results", "cloudwatch:get_metric_data"])
def test_what_is_denied_is_named_and_fails_nothing(client: Any, account: Account, action: str) -> None:
    put(client, *incident())
    account.denied = (action,)
    found = look(account)
    assert (found.status, found.reason) == ("denied", f"aws/spans: AWS denies {action}")
    x_ray(account, 3)
    found = look(account)
    assert (found.status, found.found[0].calls) == ("partial", 3), "what X-Ray knows is told"
    assert found.reason == f"aws/spans: AWS denies {action}"


def test_of_too_many_spans_those_around_the_onset_are_read(client: Any, account: Account) -> None:
    put(client, *incident())
    account.arrived = 25 * GB
    found = look(account)
    assert (found.status, found.evidence[0]["ref"]) == ("partial", "aws/spans")
    assert found.reason.startswith("aws/spans: only 6 min before and 6 min since were read, of too many")
    asked = account.calls("start_query")[0]
    assert (NOW - asked["startTime"], asked["endTime"] - NOW) == (360, 360), "4 GB, of 75 minutes with 25"


def test_what_is_too_dear_is_not_read(client: Any, account: Account) -> None:
    put(client, *incident())
    account.arrived = 100 * GB
    found = look(account)
    told = "aws/spans: Logs Insights would have to read 100 GB, and an explanation reads 4 GB of them"
    assert (found.status, found.reason, found.scanned) == ("partial", told, 0.0)
    assert account.steps == []


def test_what_is_not_done_in_time_is_cancelled(client: Any, account: Account) -> None:
    put(client, *incident())
    found = look(account, takes=60.0)
    assert (found.status, found.reason) == ("partial", "aws/spans: Logs Insights was not done within 6 s")
    assert account.steps[-1] == "stop_query"
    assert client.describe_log_groups()["logGroups"], "and nothing else is harmed"


def test_a_service_is_its_own_code_wherever_it_runs(client: Any, account: Account) -> None:
    put(client, span(5, "shop", platform=""), signalled(5, "shop", "pay", platform=""))
    assert {one.callee: one.own for one in look(account).found} == {"shop": True, "pay": False}


def test_more_kinds_of_calls_than_are_read_are_told(
    client: Any, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(client, *incident())
    monkeypatch.setattr(spans, "ROWS", 4)
    found = look(account)
    assert (found.status, found.reason) == ("partial", "aws/spans: there are more kinds of calls than are read")
    assert found.found, "the most frequent are there"


def test_names_that_would_break_out_of_a_query_are_names(client: Any, account: Account) -> None:
    hostile = '" | fields @message | limit 1 #'
    put(client, *(signalled(5 + number, "shop", hostile, of=number + 1, failed=True) for number in range(30)))
    found = look(account)
    assert [(one.callee, one.failing, one.calls) for one in found.found] == [(hostile, 1.0, 30)]
    assert all(hostile not in one["queryString"] for one in account.calls("start_query"))


def test_what_was_only_called_before_is_no_edge(client: Any, account: Account) -> None:
    put(client, signalled(-60, "shop", "old.example.com"), span(5, "shop"))
    assert [(one.caller, one.callee) for one in look(account).found] == [("client", "shop")]
