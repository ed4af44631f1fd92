"""Sample traces: filters that nothing gets out of, and what X-Ray tells of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.model import AwsError
from chalicelib.tracing import followed, samples
from chalicelib.tracing.samples import Failing, Named, Unnameable, Wanted, expression
from local.xray import Put
from local.xray_filter import Scene, parse
from tests.tracing.playing import NOW, Account, chain, trace_id

TABLE = Named("table", "AWS::DynamoDB::Table")


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Wanted(), ""),
        (Wanted(kind="fault"), "fault = true"),
        (Wanted(kind="ok", slower=0.5), "ok = true AND responsetime > 0.5"),
        (Wanted(slower=0.00005), "responsetime > 0.00005"),
        (Wanted(slower=30.0), "responsetime > 30"),
        (Wanted((Named("api"),)), 'service(id(name: "api"))'),
        (
            Wanted((TABLE,), kind="throttle"),
            'service(id(name: "table", type: "AWS::DynamoDB::Table")) { throttle = true }',
        ),
        (
            Wanted((Named("api"), Named("orders")), kind="error"),
            'service(id(name: "api")) { error = true } OR service(id(name: "orders")) { error = true }',
        ),
        (
            Wanted((TABLE,), Named("orders"), "fault", 2.0),
            'edge(id(name: "orders"), id(name: "table", type: "AWS::DynamoDB::Table"))'
            " { fault = true AND responsetime > 2 }",
        ),
        # Who calls from outside has no segment.
        (Wanted((Named("api"),), Named("client", "client"), "fault"), 'service(id(name: "api")) { fault = true }'),
    ],
)  # fmt: skip
def test_filters(wanted: Wanted, text: str) -> None:
    assert expression(wanted) == text
    if text:
        parse(text)


@pytest.mark.parametrize("name", ['a"b', "a\\", "", "a\nb", 'x")) OR service(id(name: "y', "a\x00", "\u202e"])
def test_a_name_that_could_leave_its_quotes_is_refused(name: str) -> None:
    for wanted in (Wanted((Named(name),)), Wanted((Named("a", name or '"'),)), Wanted((Named("a"),), Named(name))):
        with pytest.raises(Unnameable, match="cannot be asked for"):
            expression(wanted)


@given(st.text(max_size=40))
def test_whatever_a_node_is_called_only_it_is_found(name: str) -> None:
    try:
        test = parse(expression(Wanted((Named(name),))))
    except Unnameable:
        assert not name.isprintable() or not name or set(name) & {'"', "\\"}
        return
    other = {"id": "1", "name": f"{name}x", "start_time": NOW}
    assert test(Scene.of([other | {"name": name}]))
    assert not test(Scene.of([other]))


def test_so_many_names_do_not_fit() -> None:
    with pytest.raises(Unnameable, match="ask about one node"):
        expression(Wanted(tuple(Named(f"{number:0200d}") for number in range(10))))


def filled() -> Account:
    account = Account()
    account.put(
        *(chain(number, start=number) for number in range(8)), chain(8, 404, start=8), chain(9, 500, 1.0, start=9)
    )
    return account


def find(account: Account, limit: int = 20, **wanted: Any) -> samples.Found:
    return samples.find(account, Wanted(**wanted), NOW - 60, NOW + 60, limit)


def test_each_is_told_in_a_few_words() -> None:
    found = find(filled(), nodes=(Named("table"),), kind="fault")
    [one] = found.samples
    assert (one.id, one.at, one.seconds, one.answered) == (trace_id(9), NOW + 9, 1.0, 1.0)
    # The query of an address may hold secrets.
    assert (one.method, one.url, one.status) == ("GET", "https://shop.example.com/cart", 500)
    assert (one.fault, one.error, one.throttle, one.partial) == (True, False, False, False)
    assert one.entry == Named("api", "AWS::Lambda::Function")
    assert one.failing is not None
    assert (one.failing.name, one.failing.type) == ("table", "AWS::DynamoDB::Table")
    assert (found.scanned, found.more, found.cut, found.calls) == (10, False, False, 1)


def test_what_was_thrown_is_told_without_secrets() -> None:
    account = Account()
    account.put(chain(1, 500, where="orders"))
    [one] = find(account).samples
    assert one.failing == Failing("orders", "AWS::Lambda::Function", "KeyError", "price; password=(secret)")


def test_the_latest_come_first_and_there_may_be_more() -> None:
    found = find(filled(), limit=3)
    assert [one.id for one in found.samples] == [trace_id(number) for number in (9, 8, 7)]
    assert found.more
    assert [one.error for one in found.samples] == [False, True, False]


def test_no_more_pages_are_read_than_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account()
    traces = [
        [{"trace_id": trace_id(n), "id": f"{n:016x}", "name": "api", "start_time": NOW + n / 100, "end_time": NOW + 9}]
        for n in range(700)
    ]
    account.put(*traces)
    assert len(list(account.xray.put.between(NOW, NOW + 60))) == 700
    assert isinstance(account.xray.put, Put)
    found = find(account, limit=100)
    assert (len(found.samples), found.calls, found.more, found.cut) == (100, 1, True, False)
    assert followed.samples(found, "eu-west-1")["why"] is None
    account.asked.clear()
    monkeypatch.setattr(samples, "PAGES", 2)
    found = find(account, limit=1000)
    assert (len(found.samples), found.calls, found.more, found.cut) == (200, 2, True, True)
    assert [bool(one.get("NextToken")) for one in account.calls("xray:GetTraceSummaries")] == [False, True]
    assert found.whole == found.samples[-1].at == NOW + 5
    assert followed.samples(found, "eu-west-1")["why"] == (
        "X-Ray has looked at what began since 2026-11-18T15:00:05Z: a time that ends there shows what was before"
    )


def test_what_is_told_as_the_latest_is_the_latest() -> None:
    account = Account()
    account.put(*(chain(number, start=number) for number in range(950)))
    found = samples.find(account, Wanted(), NOW - 60, NOW + 3600, 120)
    assert [one.id for one in found.samples] == [trace_id(number) for number in range(949, 829, -1)]
    assert (found.more, found.cut, found.calls, found.whole) == (True, False, 2, NOW + 750)


def test_pages_may_be_empty_and_not_all_is_looked_at() -> None:
    class Sparse(Account):
        """As X-Ray is where little fits: every answer is of a part of the time."""

        def __call__(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
            self.asked.append((operation, params))
            fits = super().__call__(service, operation, **{k: v for k, v in params.items() if k != "NextToken"})
            last = len(self.calls(operation)) == self.last
            token = {} if last else {"NextToken": "x"}
            begun = datetime.fromtimestamp(NOW + 60 - len(self.calls(operation)), UTC)
            page = {"TraceSummaries": fits["TraceSummaries"] if last else [], "ApproximateTime": begun}
            return {**page, "TracesProcessedCount": 50, **token}

        last = 3

    account = Sparse()
    account.put(chain(1, 500))
    found = find(account)
    assert (len(found.samples), found.calls, found.scanned, found.more) == (1, 3, 150, False)
    account.asked.clear()
    account.last = 99
    found = find(account)
    assert (found.samples, found.calls, found.more) == ((), samples.PAGES, True)
    assert followed.samples(found, "eu-west-1")["why"] == (
        "X-Ray has looked at what began since 2026-11-18T15:00:50Z, and none fits: a time that ends there shows what "
        "was before"
    )


def test_what_x_ray_denies_is_an_error() -> None:
    with pytest.raises(AwsError, match="GetTraceSummaries"):
        find(Account(refuses={"xray:GetTraceSummaries": "AccessDeniedException"}))
