"""What a minute is in CloudWatch's metrics, counted by hand; what is not there is as telling as what is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest

from local.cloudwatch.store import Metric, Store
from local.systems import SYSTEMS, writing
from local.systems.faults import Fault
from local.systems.model import Measured, System
from local.systems.traffic import Flow, Traffic, flow

BUSY = 1_795_014_000
TRAFFIC = Traffic(peak=100, median=100, spread=0.5, errors=0, rejected=0, capacity=200)
Seen = dict[tuple[str, str], Measured]


class Ids(dict[str, str]):
    """Resources whose ids are their names."""

    def __missing__(self, name: str) -> str:
        return name


def plain(**more: object) -> Flow:
    """A minute in which 100 came, 3 failed and 5 asked for what is not there."""
    given = {
        "at": BUSY, "minutes": 1, "offered": 100, "served": 100, "failed": 3, "rejected": 5, "busy": 0.5,
        "slower": 1.0, "fault": "", "traffic": TRAFFIC, **more,
    }  # fmt: skip
    return Flow(**given)  # type: ignore[arg-type]


def seen(system: System, happened: Flow) -> Seen:
    """What is published in a minute, by name and last dimension; of what is published twice the latter."""
    found: Seen = {}
    for one in system.series:
        if measured := one.measured(happened):
            found[one.name, one.dimensions[0][0]] = measured
    return found


def total(measured: Measured | None) -> float:
    return sum(value * count for value, count in zip(*measured, strict=True)) if measured else 0.0


def test_a_load_balancer_counts_what_failed_and_whose_it_was() -> None:
    found = seen(SYSTEMS["shop"], plain())
    assert total(found["RequestCount", "LoadBalancer"]) == 100
    assert total(found["HTTPCode_Target_2XX_Count", "LoadBalancer"]) == 92
    assert total(found["HTTPCode_Target_4XX_Count", "LoadBalancer"]) == 5
    assert total(found["HTTPCode_Target_5XX_Count", "LoadBalancer"]) == 3
    # Nothing of its own went wrong, so that nothing of it is published: not a 0.
    assert ("HTTPCode_ELB_5XX_Count", "LoadBalancer") not in found
    values, times = found["TargetResponseTime", "LoadBalancer"]
    assert sum(times) == 100
    assert values[0] == pytest.approx(0.04), "seconds, where the median is 100 ms"
    # Four requests at the edge for each that comes through.
    assert total(found["5xxErrorRate", "DistributionId"]) == pytest.approx(100 * 3 / 400)
    assert found["Requests", "DistributionId"][0] == (400,)


def test_with_all_targets_down_there_are_503s_and_no_requests() -> None:
    found = seen(SYSTEMS["shop"], plain(served=0, failed=0, rejected=0, busy=0.0, fault="targets-down"))
    assert total(found["HTTPCode_ELB_503_Count", "LoadBalancer"]) == 100
    assert total(found["HTTPCode_ELB_5XX_Count", "LoadBalancer"]) == 100
    for missing in ("RequestCount", "TargetResponseTime", "HTTPCode_Target_5XX_Count", "HTTPCode_Target_2XX_Count"):
        assert (missing, "LoadBalancer") not in found
        assert (missing, "TargetGroup") not in found
    assert found["HealthyHostCount", "TargetGroup"] == ((0,), (1,))
    assert found["UnHealthyHostCount", "TargetGroup"] == ((3,), (1,))
    assert found["GroupInServiceInstances", "AutoScalingGroupName"] == ((0,), (1,))


def test_when_nobody_comes_a_load_balancer_is_silent_and_its_hosts_are_well() -> None:
    found = seen(SYSTEMS["platform"], plain(offered=0, served=0, failed=0, rejected=0, busy=0.0, fault="traffic-stops"))
    balanced = [name for name, dimension in found if dimension == "LoadBalancer"]
    assert balanced == []
    assert {name for name, dimension in found if dimension == "TargetGroup"} == {
        "HealthyHostCount", "UnHealthyHostCount",
    }  # fmt: skip
    assert found["HealthyHostCount", "TargetGroup"] == ((4,), (1,))
    assert found["CPUUtilization", "ClusterName"] == ((5,), (1,))


def test_what_takes_too_long_is_the_load_balancers_504() -> None:
    found = seen(SYSTEMS["shop"], plain(fault="latency", slower=9.0))
    assert total(found["HTTPCode_ELB_504_Count", "LoadBalancer"]) == 3
    assert ("HTTPCode_Target_5XX_Count", "LoadBalancer") not in found
    # Timeouts are in no response time.
    assert sum(found["TargetResponseTime", "LoadBalancer"][1]) == 97


def test_without_connections_the_database_is_full_and_its_callers_fail() -> None:
    system = SYSTEMS["shop"]
    happened = flow("shop", system.traffic, BUSY, 1, [Fault("shop", "db-connections", BUSY, BUSY + 60)])
    usual = seen(system, flow("shop", system.traffic, BUSY, 1))
    found = seen(system, happened)
    assert found["DatabaseConnections", "DBInstanceIdentifier"] == ((200,), (1,))
    assert usual["DatabaseConnections", "DBInstanceIdentifier"][0][0] < 120
    assert total(found["HTTPCode_Target_5XX_Count", "LoadBalancer"]) == happened.failed > 400
    assert total(found["TargetResponseTime", "LoadBalancer"]) > 4 * total(usual["TargetResponseTime", "LoadBalancer"])


def test_an_api_counts_in_samples_of_nought_and_one() -> None:
    found = seen(SYSTEMS["images"], plain())
    assert found["Count", "ApiName"] == ((1.0,), (100,))
    assert found["5XXError", "ApiName"] == ((0.0, 1.0), (97, 3))
    assert found["4XXError", "ApiName"] == ((0.0, 1.0), (95, 5))
    # An HTTP API has other names for the same.
    assert found.keys() & {("5xx", "ApiName"), ("5xx", "ApiId")} == set()
    assert seen(SYSTEMS["saas"], plain())["5xx", "ApiId"] == ((0.0, 1.0), (97, 3))


def test_what_is_throttled_is_no_invocation_and_no_error() -> None:
    found = seen(SYSTEMS["images"], plain(served=0, failed=0, rejected=0, busy=0.0, fault="targets-down"))
    assert ("Invocations", "FunctionName") not in found
    assert ("Errors", "FunctionName") not in found
    assert found["Throttles", "FunctionName"] == ((0.0, 1.0), (0, 100))
    assert found["5XXError", "ApiName"] == ((0.0, 1.0), (0, 100))


def test_a_queue_fills_when_nothing_takes_from_it_and_dead_letters_come_of_failures() -> None:
    queue, dead = (
        {one.name: one for one in SYSTEMS["intake"].series if dict(one.dimensions).get("QueueName") == name}
        for name in ("intake-jobs", "intake-jobs-dead")
    )
    visible = "ApproximateNumberOfMessagesVisible"
    down = plain(served=0, failed=0, rejected=0, busy=0.0, fault="targets-down")
    assert total(queue[visible].measured(plain())) == 0
    assert total(queue[visible].measured(down)) == 600
    assert total(queue["ApproximateAgeOfOldestMessage"].measured(down)) == 900
    assert total(dead[visible].measured(plain())) == 0, "what fails once succeeds when it comes again"
    assert total(dead[visible].measured(plain(fault="500s", failed=34))) == 34
    # What a redrive policy moves is not sent.
    assert total(dead["NumberOfMessagesSent"].measured(plain(fault="500s", failed=34))) == 0


def test_signing_in_fails_with_what_stands_behind_it() -> None:
    assert seen(SYSTEMS["saas"], plain(offered=1200, served=1200, failed=0))["SignInSuccesses", "UserPool"] == (
        (0.0, 1.0), (0, 100),
    )  # fmt: skip
    assert seen(SYSTEMS["saas"], plain(offered=1200, served=1200, failed=600))["SignInSuccesses", "UserPool"] == (
        (0.0, 1.0), (50, 50),
    )  # fmt: skip


def test_memory_is_the_agents_under_exactly_its_dimensions() -> None:
    agent = [one for one in SYSTEMS["shop"].series if one.namespace == "CWAgent" and one.name == "mem_used_percent"]
    assert [tuple(name for name, _ in one.dimensions) for one in agent] == [
        ("AutoScalingGroupName",),
        *[("InstanceId", "ImageId", "InstanceType", "AutoScalingGroupName")] * 3,
    ]


def test_only_cloudfront_is_measured_elsewhere() -> None:
    for system in SYSTEMS.values():
        assert {one.namespace for one in system.series if one.region} <= {"AWS/CloudFront"}
        assert {one.region for one in system.series if one.namespace == "AWS/CloudFront"} <= {"us-east-1"}


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_no_metric_is_written_twice(name: str) -> None:
    metrics = [writing.metric_of(one, Ids()) for one in SYSTEMS[name].series]
    assert len(metrics) == len(set(metrics))


# Written into the engine


def read(store: Store, metric: Metric, period: int, start: int, end: int) -> Iterator[tuple[int, float, float]]:
    [unit] = store.units(metric)
    sums = dict(store.taken(metric, unit, lambda w: w.sums(), start, end, period))
    for when, count in store.taken(metric, unit, lambda w: w.counts(), start, end, period):
        if count:
            yield when, count, sums[when]


def test_history_is_what_the_minutes_would_have_been() -> None:
    """Three hours written by five minutes, and the same by the minute: what SLIs count is equal to the last one."""
    exact = {
        "RequestCount", "HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count", "HTTPCode_ELB_503_Count", "Count",
        "5XXError", "5xx", "Errors", "Invocations", "Throttles", "ExecutionsFailed", "ExecutionsSucceeded",
        "TargetResponseTime", "Latency", "Duration", "ExecutionTime",
    }  # fmt: skip
    end = BUSY + 3 * 3600
    for system in SYSTEMS.values():
        # In the middle something was wrong.
        faults = [Fault(system.name, "targets-down", BUSY + 3600, BUSY + 3600 + 420)]
        coarse, live = (defaultdict[str, Store](Store) for _ in range(2))
        for _ in writing.coarse(coarse.__getitem__, system, Ids(), faults, BUSY, end):
            pass
        for at in range(BUSY, end, 60):
            writing.minute(live.__getitem__, system, Ids(), faults, at)
        for series in system.series:
            metric = writing.metric_of(series, Ids())
            if not live[series.region].units(metric):
                assert not coarse[series.region].units(metric)
                continue
            one, other = (list(read(side[series.region], metric, 300, BUSY, end)) for side in (coarse, live))
            assert [when for when, *_ in one] == [when for when, *_ in other], metric
            if series.name in exact:
                # A load balancer's counters are published where they are not zero: only their sums mean something.
                if series.namespace != "AWS/ApplicationELB" or series.unit == "Seconds":
                    assert [count for _, count, _ in one] == [count for _, count, _ in other]
                rel = 0.05 if series.unit in ("Seconds", "Milliseconds") else 1e-9
                assert [s for *_, s in one] == pytest.approx([s for *_, s in other], rel=rel), metric
            else:
                assert sum(s for *_, s in one) == pytest.approx(sum(s for *_, s in other), rel=0.05, abs=120), metric
