"""What PutMetricData takes and refuses, all or nothing."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from local.cloudwatch.putting import UNITS, put
from local.cloudwatch.refused import Refused
from local.cloudwatch.statistics import statistic
from local.cloudwatch.store import DAY, Metric, Store

NOW = 1_795_000_830.0
AT = 1_795_000_200
OF = [{"Name": "Service", "Value": "checkout"}]
WELL = {"MetricName": "Latency", "Dimensions": OF, "Value": 1.0, "Timestamp": datetime.fromtimestamp(AT, UTC)}


def when(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def sums(store: Store, unit: str = "None") -> list[tuple[int, float]]:
    metric = Metric.of("Shop", "Latency", {"Service": "checkout"})
    return store.taken(metric, unit, statistic("Sum"), AT - DAY, AT + DAY, 60)


def test_without_a_time_it_is_now() -> None:
    store = Store()
    put(store, "Shop", [{"MetricName": "Latency", "Dimensions": OF, "Value": 2}, WELL], NOW)
    assert sums(store) == [(AT, 1.0), (AT + 600, 2.0)]


def test_times_are_moved_by_the_shift() -> None:
    store = Store()
    put(store, "Shop", [WELL], NOW + 7200, 7200)
    assert sums(store) == [(AT + 7200, 1.0)]


def test_all_units_of_cloudwatch_are_known() -> None:
    store = Store()
    put(store, "Shop", [{**WELL, "Unit": unit} for unit in sorted(UNITS)], NOW)
    assert len(UNITS) == 27
    assert {"Gigabits/Second", "Count/Second", "Bytes", "Percent", "None", "Microseconds", "Terabytes"} < UNITS
    assert sums(store, "Kilobits/Second") == [(AT, 1.0)]


SET = {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}


@pytest.mark.parametrize(
    ("datum", "problem"),
    [
        ({"Value": 1, "Values": [1], "Colour": 1}, "has Colour"),
        ({"StatisticValues": {"Sum": 1}}, "lacks SampleCount, Minimum, Maximum"),
        ({}, "one of Value, Values and StatisticValues, not none"),
        ({"Value": 1, "StatisticValues": SET}, "not Value and Stat"),
        ({"Value": 1, "Values": [1]}, "not Value and Values"), ({"Values": [1, 2], "Counts": [1]}, "of the same size"),
        ({"Values": [1.0] * 151}, "1 to 150 values, not 151"), ({"Values": [1], "Counts": [0]}, "must be above 0"),
        ({"Value": 1, "Counts": [1]}, "same size"), ({"Value": math.nan}, "value nan"),
        ({"Value": math.inf}, "value inf"),
        ({"Value": -1e109}, "-1e.109"), ({"Value": 1, "Unit": "Parsecs"}, "Parsecs"),
        ({"Value": 1, "MetricName": ""}, "MetricName"),
        ({"Value": 1, "StorageResolution": 1}, "keeps whole minutes"),
        ({"Value": 1, "Timestamp": when(NOW - 15 * DAY)}, "two weeks"),
        ({"Value": 1, "Timestamp": when(NOW + 7300)}, "two hours in the future"),
        ({"Value": 1, "Dimensions": OF * 2}, "twice"),
        ({"Value": 1, "Dimensions": [{"Name": "a", "Value": " "}]}, "needs a name and a value"),
        ({"Value": 1, "Dimensions": [{"Name": str(at), "Value": "x"} for at in range(31)]}, "31 dimensions"),
        ({"StatisticValues": {**SET, "SampleCount": 0}}, "SampleCount above 0"),
        ({"StatisticValues": {**SET, "Minimum": 5}}, "at most the Maximum"),
    ],
)  # fmt: skip
def test_what_is_refused(datum: dict[str, Any], problem: str) -> None:
    store, without = Store(), {name: value for name, value in WELL.items() if name != "Value"}
    with pytest.raises(Refused, match=problem):
        put(store, "Shop", [WELL, {**without, **datum}], NOW)
    assert sums(store) == []


@pytest.mark.parametrize(("namespace", "many"), [("Shop", 1001), ("Shop", 0), ("", 1), (":x", 1), ("n" * 256, 1)])
def test_requests_of_a_wrong_size_are_refused(namespace: str, many: int) -> None:
    with pytest.raises(Refused, match=r"1 to 1000 data|parameter Namespace"):
        put(Store(), namespace, [WELL] * many, NOW)
    put(Store(), "Shop", [WELL] * 1000, NOW)
