"""Pictures of metrics: lines, what is marked in them, and what is not drawn."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import chart
from local.cloudwatch.refused import Refused
from local.cloudwatch.store import Metric, Store
from local.cloudwatch.widget import draw
from tests.test_chart import count

AT = 1_795_000_200
ROW = ["Shop", "Latency", "Service", "checkout"]
SPAN: dict[str, Any] = {"start": "2026-11-18T10:00:00Z", "end": "2026-11-18T12:00:00Z"}
FIRST, SECOND = chart.COLOURS[:2]


@pytest.fixture
def store() -> Store:
    found = Store()
    for second, value in ((10, 1.0), (50, 3.0), (70, 5.0), (130, 2.0)):
        found.put(Metric.of("Shop", "Latency", {"Service": "checkout"}), AT + second, (value,))
    return found


def drawn(store: Store, now: float = AT + 600.0, shift: float = 0.0, **widget: Any) -> bytes:
    return draw(store, {"metrics": [[*ROW, {"period": 60}]], **widget}, now, shift)


def test_a_widget_is_drawn_with_its_annotations(store: Store) -> None:
    plain = drawn(store, **SPAN)
    across = {"horizontal": [{"label": "threshold", "value": 4.0}]}
    down = {"vertical": [{"label": "began", "value": "2026-11-18T11:10:30Z"}]}
    assert count(plain, FIRST) > 100
    assert count(plain, chart.RED) == 0
    assert count(drawn(store, **SPAN, annotations=across), chart.RED) > 500
    assert count(drawn(store, **SPAN, annotations=down), chart.INK) > count(plain, chart.INK)


def test_an_expression_is_drawn_and_what_is_hidden_is_not(store: Store) -> None:
    hidden = [*ROW, {"id": "m1", "visible": False, "period": 60}]
    doubled = drawn(store, metrics=[hidden, [{"expression": "m1*2", "label": "twice", "period": 60}]], **SPAN)
    assert doubled == drawn(store, metrics=[hidden, [{"expression": "m1+m1", "label": "twice", "period": 60}]], **SPAN)
    assert count(doubled, FIRST) > 100
    assert count(doubled, SECOND) == 0
    both = [[*ROW, {"id": "m1", "period": 60}], [{"expression": "m1*2", "period": 60}]]
    assert count(drawn(store, metrics=both, **SPAN), SECOND) > 100


def test_series_of_the_same_name_are_both_drawn(store: Store) -> None:
    twice = [[*ROW, {"period": 60, "stat": stat, "label": "latency"}] for stat in ("Minimum", "Sum")]
    assert count(drawn(store, metrics=twice, **SPAN), SECOND) > 100


def test_who_looks_by_the_wall_clock_sees_the_wall_clock(store: Store) -> None:
    plain = drawn(store, start="-PT1H")
    assert count(plain, FIRST) > 100
    assert drawn(store, shift=7200.0, start="-PT1H") != plain, "its times are two hours earlier"
    assert drawn(store, shift=7200.0, start="2026-11-18T08:20:00Z", end="2026-11-18T09:20:00Z") == drawn(
        store, shift=7200.0, start="-PT1H"
    )


def test_charts_begin_where_their_longest_period_does(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def drawing(*given: Any) -> bytes:
        seen.append(given)
        return b""

    monkeypatch.setattr(chart, "lines", drawing)
    rows = [[*ROW, {"period": period, "stat": "Sum"}] for period in (60, 300)]
    drawn(store, shift=7200.0, start="2026-11-18T09:08:30Z", end="2026-11-18T09:20:00Z", metrics=rows)
    [(title, lines, *marks)] = seen
    wall = AT - 7200
    assert list(lines.values()) == [[(wall, 4.0), (wall + 60, 5.0), (wall + 120, 2.0)], [(wall, 11.0)]]
    assert (title, marks) == ("", [None, None])


@pytest.mark.parametrize(
    ("widget", "problem"),
    [
        ({"metrics": []}, "1 to 100"), ({"metrics": "x"}, "1 to 100"), ({"metrics": ["x"]}, "must be an array"),
        ({"metrics": [["Shop"]]}, "is not .namespace"), ({"metrics": [["Shop", "Latency", "Service"]]}, "is not"),
        ({"metrics": [[{"expression": "m1 * 2"}]]}, "Undefined variable m1"),
        ({"metrics": [["...", "x"]]}, "short for"),
        ({"metrics": [[*ROW, {"yAxis": "right"}]]}, "yAxis of a metric"), ({"view": "bar"}, "the view bar"),
        ({"metrics": [[{"expression": "1", "stat": "Sum"}]]}, "stat of an expression"),
        ({"metrics": [[*ROW, {"accountId": "210987654321"}]]}, "of the account 210987654321"),
        ({"stacked": True}, "does not draw stacked of a widget"), ({"width": 0}, "width must be 1 to 2000"),
        ({"start": "yesterday"}, "'yesterday' is not a time"),
        ({"start": "2026-11-19T00:00:00Z"}, "StartTime must be less"),
        ({"annotations": {"alarms": ["x"]}}, "alarms of annotations"), ({"annotations": []}, "should be an object"),
        ({"annotations": {"horizontal": [{"value": 1, "fill": "above"}]}}, "fill of an annotation"),
        ({"annotations": {"horizontal": [{"value": 1}, {"value": 2}]}}, "more than one annotation"),
        ({"metrics": [[*ROW, {"stat": "TM(1%:2%)"}]]}, "does not evaluate TM"),
    ],
)  # fmt: skip
def test_what_it_cannot_draw_it_refuses(store: Store, widget: dict[str, Any], problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        drawn(store, **widget)
