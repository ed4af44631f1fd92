"""The service map: counted by hand, coloured where it hurts, ranked by where failing begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.model import AwsError
from chalicelib.services.model import Service, Target
from chalicelib.tracing import graph
from chalicelib.tracing.graph import Edge, Map, Node, Stats
from tests.tracing.playing import NOW, Account, chain

ORDERS = Service("orders", Target("lambda_function", {"function": "orders"}), (Target("dynamodb", {"table": "table"}),))


def stats(requests: int, faults: int = 0, *, throttles: int = 0, times: Mapping[float, int] | None = None) -> Stats:
    return Stats(requests, faults, throttles, throttles, 0.1 * requests, tuple((times or {}).items()))


def made(*calls: tuple[str, str, int, int], nodes: Mapping[str, tuple[str, ...]] | None = None) -> Map:
    """A map of calls: caller, callee, how many, how many of them fail."""
    names = dict.fromkeys(name for one in calls for name in one[:2])
    return Map(
        0.0, 900.0, "eu-west-1",
        tuple(Node(name, name, "", services=(nodes or {}).get(name, ())) for name in names),
        tuple(Edge(caller, callee, stats(many, bad)) for caller, callee, many, bad in calls),
    )  # fmt: skip


def ranked(now: Map, before: Map | None = None) -> list[str]:
    return [f"{one.caller}>{one.callee}" for one in graph.worst(now, before)]


def test_it_is_what_x_ray_counted() -> None:
    account = Account()
    account.put(*(chain(number) for number in range(7)), chain(7, 429), *(chain(number, 500, 1.0) for number in (8, 9)))
    found = graph.graph(account, NOW - 60, NOW + 60, (ORDERS,))
    assert (found.start, found.end, found.region, found.seconds) == (NOW - 60, NOW + 60, "eu-west-1", 120)
    nodes = {one.name: one for one in found.nodes}
    assert list(nodes) == ["api", "orders", "table", "client"]
    assert [one.services for one in nodes.values()] == [(), ("orders",), ("orders",), ()]
    api = nodes["api"]
    assert (api.id, api.type, api.account, api.root) == (
        "AWS::Lambda::Function api", "AWS::Lambda::Function", "123456789012", True,
    )  # fmt: skip
    told = api.stats
    assert (told.requests, told.faults, told.errors, told.throttles, told.share) == (10, 2, 1, 1, 0.2)
    assert told.average == pytest.approx(0.36)
    assert [told.percentile(share) for share in (0.5, 0.8, 0.81, 0.95)] == [0.2, 0.2, 1.0, 1.0]
    edges = {(one.caller.split()[-1], one.callee.split()[-1]): one.stats for one in found.edges}
    assert {pair: (one.requests, one.faults) for pair, one in edges.items()} == {
        ("client", "api"): (10, 2), ("api", "orders"): (10, 2), ("orders", "table"): (10, 2),
    }  # fmt: skip
    assert edges["orders", "table"].percentile(0.95) == 0.01
    assert found.node("client") == Node("client", "client", "client")
    assert found.edge("client", api.id) is not None
    assert found.edge(api.id, "client") is None
    assert found.node("nobody") is None


def test_a_denied_map_is_an_error() -> None:
    account = Account(refuses={"xray:GetServiceGraph": "AccessDeniedException"})
    with pytest.raises(AwsError, match="GetServiceGraph"):
        graph.graph(account, NOW - 60, NOW)


def test_clients_and_what_has_the_same_name_are_one_and_names_may_lack() -> None:
    raws: list[dict[str, Any]] = [
        {"ReferenceId": 0, "Name": "shop", "Type": "AWS::EC2::Instance", "Root": True, "Edges": []},
        {
            "ReferenceId": 1, "Names": [], "Type": "client",
            "Edges": [{"ReferenceId": 0, "SummaryStatistics": {"TotalCount": 3, "OkCount": 3}}],
        },
        {"ReferenceId": 2, "Name": "shop", "Type": "AWS::EC2::Instance", "SummaryStatistics": {"TotalCount": 2}},
        {
            "ReferenceId": 3, "Type": "client",
            "Edges": [
                {"ReferenceId": 2, "SummaryStatistics": {"TotalCount": 2, "FaultStatistics": {"TotalCount": 1}}},
                {"ReferenceId": 99},
            ],
        },
        {"ReferenceId": 4, "Names": ["www.example.com"]},
        {"ReferenceId": 5},
    ]  # fmt: skip
    found = graph.read(raws, 0.0, 60.0, "eu-west-1")
    assert [one.id for one in found.nodes] == ["AWS::EC2::Instance shop", "client", "? www.example.com", "? 5"]
    [edge] = found.edges
    assert (edge.caller, edge.callee, edge.stats.requests, edge.stats.faults) == (
        "client", "AWS::EC2::Instance shop", 5, 1,
    )  # fmt: skip
    assert found.nodes[0].root
    assert found.nodes[0].stats.requests == 2


@pytest.mark.parametrize(
    ("now", "before", "colour"),
    [
        (stats(0), None, "grey"),
        (stats(1000), None, "green"),
        # Two may be chance, whatever share they are.
        (stats(2, 2), None, "green"),
        (stats(3, 3), None, "red"),
        # Of twenty three, at least 6.2 % fail for sure; of two hundred, 0.6 %; of a thousand, 0.1 %.
        (stats(20, 3), None, "red"),
        (stats(200, 3), None, "amber"),
        (stats(1000, 3), None, "green"),
        (stats(1000, 40), None, "red"),
        (stats(1000, 15), None, "amber"),
        (stats(100, 0, throttles=20), None, "amber"),
        (stats(100, 0, throttles=2), None, "green"),
        (stats(100, times={0.1: 90, 0.5: 10}), stats(100, times={0.1: 100}), "amber"),
        # Twice as long as very little is nothing, and of few calls nobody knows.
        (stats(100, times={0.01: 100}), stats(100, times={0.004: 100}), "green"),
        (stats(10, times={0.5: 10}), stats(100, times={0.1: 100}), "green"),
        (stats(100, times={0.5: 100}), stats(10, times={0.1: 10}), "green"),
        (stats(100, times={0.1: 100}), stats(100, times={0.5: 100}), "green"),
        (stats(100), stats(100), "green"),
    ],
)
def test_it_is_red_where_it_hurts_for_sure(now: Stats, before: Stats | None, colour: str) -> None:
    assert graph.colour(now, before) == colour


@pytest.mark.parametrize(
    ("many", "bad", "least"), [(0, 0, 0), (10, 0, 0), (10, 10, 0.787), (20, 3, 0.0616), (1000, 40, 0.0311)]
)
def test_wilsons_bound(many: int, bad: int, least: float) -> None:
    """Worked out with pencil and paper."""
    assert stats(many).sure(bad) == pytest.approx(least, abs=6e-4)


def test_edges_are_ranked_by_how_many_more_of_their_calls_fail() -> None:
    before = made(("a", "b", 1000, 10), ("a", "c", 1000, 0), ("a", "d", 1000, 300))
    now = made(("a", "b", 100, 31), ("a", "c", 400, 40), ("a", "d", 1000, 300), ("a", "e", 50, 2), ("a", "f", 4, 4))
    # 30 of 100 more, 40 of 400 more, as before, too few, and new.
    assert ranked(now, before) == ["a>c", "a>b", "a>f"]
    [first, second, third] = graph.worst(now, before)
    assert [graph.more(one.stats, before_of(before, one)) for one in (first, second, third)] == pytest.approx(
        [40, 30, 4]
    )


def before_of(before: Map, edge: Edge) -> Stats | None:
    found = before.edge(edge.caller, edge.callee)
    return found.stats if found else None


def test_what_is_only_passed_on_comes_behind_where_it_begins() -> None:
    now = made(("client", "shop", 300, 100), ("shop", "db", 290, 95), ("shop", "pay", 60, 0))
    assert ranked(now) == ["shop>db", "client>shop"]
    # Made in shop itself, although its database fails a little, too.
    now = made(("client", "shop", 300, 100), ("shop", "db", 290, 5))
    assert ranked(now) == ["client>shop", "shop>db"]
    # A caller that copes passes nothing on.
    now = made(("client", "shop", 300, 0), ("shop", "cache", 200, 200))
    assert ranked(now) == ["shop>cache"]
    # Two that call the same: each gets its part of what that passes on.
    now = made(("a", "mid", 100, 50), ("b", "mid", 300, 150), ("mid", "db", 400, 200))
    assert ranked(now) == ["mid>db", "b>mid", "a>mid"]


def test_circles_end() -> None:
    now = made(("a", "b", 100, 50), ("b", "a", 100, 50), ("a", "a", 10, 5))
    assert set(ranked(now)) == {"a>b", "b>a", "a>a"}


def test_without_anything_there_is_nothing() -> None:
    empty = Map(0.0, 60.0, "eu-west-1")
    assert graph.worst(empty) == ()
    assert graph.of(empty, "shop") == empty
    assert Stats().average is None
    assert Stats().percentile(0.5) is None


def test_the_part_of_a_service_ends_at_other_services() -> None:
    whole = made(
        ("client", "gate", 9, 0), ("gate", "shop", 9, 0), ("shop", "db", 9, 0), ("shop", "mail", 9, 0),
        ("mail", "smtp", 9, 0), ("client", "mail", 9, 0), ("front", "shop", 9, 0), ("client", "front", 9, 0),
        ("client", "lone", 9, 0),
        nodes={"shop": ("shop",), "mail": ("mail",), "front": ("front", "other")},
    )  # fmt: skip
    found = graph.of(whole, "shop")
    assert [one.id for one in found.nodes] == ["client", "gate", "shop", "db", "mail", "front"]
    assert [f"{one.caller}>{one.callee}" for one in found.edges] == [
        "client>gate", "gate>shop", "shop>db", "shop>mail", "front>shop",
    ]  # fmt: skip
    assert graph.of(whole, "nobody").nodes == ()
