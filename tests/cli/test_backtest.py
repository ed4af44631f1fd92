"""`./parapet backtest`: from CloudWatch's points to what people read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chalicelib import registry, settings
from cli.__main__ import parapet
from cli.deployment import Outside
from tests.samples import REGION

NOW = 1_795_000_000
TOML = """
[[services]]
name = "shop"
entry = { kind = "alb", load_balancer = "app/shop/50dc6c495c0c9188" }
objectives = [{ availability = 99.9 }, { latency = 95, under = "300ms" }]

[[services]]
name = "silent"
entry = { kind = "alb", load_balancer = "app/silent/50dc6c495c0c9188" }
objectives = []
"""


class CloudWatch:
    """Answers GetMetricData: five thousand requests in each five minutes, of which all fail for a while."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.down = (NOW - 3 * 86_400, NOW - 3 * 86_400 + 1800)
        self.silent = False
        # Since when there is anything, and whether all are statistic sets, of which nothing tells percentiles.
        self.since, self.sets = 0, False

    def can_paginate(self, _operation: str) -> bool:
        return False

    def get_metric_data(self, **given: Any) -> dict[str, Any]:
        self.asked.append(given)
        start, end = (int(given[one].timestamp()) for one in ("StartTime", "EndTime"))
        results = []
        for one in given["MetricDataQueries"]:
            name, period = one["MetricStat"]["Metric"]["MetricName"], one["MetricStat"]["Period"]
            times = [] if self.silent else range(max(start, self.since), end, period)
            if self.sets and one["MetricStat"]["Stat"].startswith("PR"):
                times = []
            if "5XX" in name:
                times = [at for at in times if self.down[0] <= at < self.down[1] and "Target" in name]
            value = 100.0 if one["MetricStat"]["Stat"].startswith("PR") else 5000.0
            results.append({
                "Id": one["Id"], "StatusCode": "Complete", "Values": [value] * len(times),
                "Timestamps": [datetime.fromtimestamp(at, UTC) for at in times],
            })  # fmt: skip
        return {"MetricDataResults": results}

    class meta:  # noqa: N801 - as a client has it
        method_to_api_mapping = {"get_metric_data": "GetMetricData"}  # noqa: RUF012


@pytest.fixture
def cloudwatch() -> CloudWatch:
    return CloudWatch()


@pytest.fixture
def run(cloudwatch: CloudWatch, tmp_path: Path) -> Any:
    file = tmp_path / "parapet.toml"
    file.write_text(TOML, "utf-8")

    def ran(*arguments: str) -> Result:
        outside = Outside(
            environment={"AWS_REGION": REGION, "PARAPET_SETTINGS": str(file)},
            clients=lambda: lambda _service, _region: cloudwatch,
            profile_region=lambda: "",
            now=lambda: float(NOW),
        )
        return CliRunner().invoke(parapet, ["backtest", *arguments], obj=outside, prog_name="./parapet")

    return ran


def out(result: Result) -> str:
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def test_tells_pages_tickets_the_budget_and_other_goals(run: Any) -> None:
    said = out(run("shop/availability"))
    assert said.startswith(
        "shop-availability, 99.9 % over 30 days, few = 5, would have sent 1 page and 1 ticket in the last 30 days."
    )
    # Half an hour of 30 days is 69 % of what 99.9 % leaves: 43.2 minutes.
    assert "Now: Not burning: nothing was bad in the last hour; 30 % left of the month's budget." in said
    assert "page    2026-11-15T" in said
    lines = [line.split() for line in said.splitlines() if " %" in line and line.split()[0].startswith("99.")]
    assert [line[:2] for line in lines] == [["99.5", "%"], ["99.9", "%"], ["99.95", "%"]]
    assert lines[1][2:] == ["<", "1", "1", "30", "%"]
    assert lines[2][-5:] == ["none,", "and", "38", "%", "more"]


def test_of_a_service_tells_all_its_objectives(run: Any) -> None:
    said = out(run("shop"))
    assert "shop-availability, 99.9 %" in said
    assert "shop-latency, 95 % over 30 days, few = 5, would have sent no pages and no tickets" in said


def test_takes_another_goal_and_another_few(run: Any) -> None:
    assert "99.5 % over 30 days, few = 5" in out(run("shop/availability", "--goal", "99.5"))
    said = out(run("shop/availability", "--few", "1000000"))
    assert "few = 1000000, would have sent no pages and no tickets" in said


def test_reads_no_further_back_than_cloudwatch_keeps(run: Any, cloudwatch: CloudWatch) -> None:
    out(run("shop/availability", "--days", "63"))
    out(run("shop/availability", "--days", "40"))
    far, near = [int(one["StartTime"].timestamp()) for one in cloudwatch.asked]
    assert NOW - 63 * 86_400 <= far < NOW - 63 * 86_400 + 3600
    # Three days more, so that the longest window is full when it begins.
    assert near == pytest.approx(NOW - 43 * 86_400, abs=3600)
    assert {query["MetricStat"]["Period"] for one in cloudwatch.asked for query in one["MetricDataQueries"]} == {300}


def test_an_objective_has_the_same_name_here_as_everywhere(run: Any) -> None:
    assert out(run("shop-availability")) == out(run("shop/availability"))


def test_days_without_data_are_said_and_not_told_as_quiet(run: Any, cloudwatch: CloudWatch) -> None:
    assert "have data" not in out(run("shop/availability"))
    cloudwatch.since = (NOW - 14 * 86_400) // 300 * 300
    said = out(run("shop/availability")).splitlines()
    assert said[0].endswith("would have sent 1 page and 1 ticket in the last 30 days.")
    assert said[1] == "14 of 30 days have data: of the others nothing is known."
    cloudwatch.since = (NOW - 43_200) // 300 * 300
    assert "1 of 2 days has data" in out(run("shop/availability", "--days", "2"))
    [found] = json.loads(out(run("shop/availability", "--json")))
    assert (found["days_replayed"], found["days_with_data"]) == (30, 1)


def test_one_day_is_no_days(run: Any) -> None:
    assert "no pages and no tickets in the last day." in out(run("shop/availability", "--days", "1"))


def test_latency_that_nothing_tells_is_not_told_as_quiet_or_idle(run: Any, cloudwatch: CloudWatch) -> None:
    cloudwatch.sets = True
    result = run("shop/latency")
    assert result.exit_code != 0
    assert "shop-latency: CloudWatch counts what its entry is asked" in result.stderr
    assert "longer than 0.3 s: of statistic sets there are no percentiles" in result.stderr


def test_as_json(run: Any) -> None:
    [found] = json.loads(out(run("shop/availability", "--json")))
    assert (found["objective"], found["goal"], found["few"], found["resolution"]) == (
        "shop-availability",
        99.9,
        5,
        "5m",
    )
    assert [one["level"] for one in found["told"]] == ["page", "ticket"]
    assert [(one["goal"], one["pages"]) for one in found["goals"]] == [(99.5, 1), (99.9, 1), (99.95, 1)]
    assert found["budget"]["state"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("shpo",), "there is no service 'shpo' in parapet.toml; did you mean 'shop'?"),
        (("shop/latecny",), "shop has no objective 'latecny'; did you mean 'latency'?"),
        (("silent",), "silent has no objectives"),
        (
            ("shop/availability", "--goal", "90"),
            "90 % could never page: 14.4 times its budget is more than all requests",
        ),
    ],
)
def test_what_cannot_be_replayed_is_said(run: Any, arguments: tuple[str, ...], line: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert line in result.stderr


def test_no_data_is_said_and_not_told_as_quiet(run: Any, cloudwatch: CloudWatch) -> None:
    cloudwatch.silent = True
    result = run("shop/availability")
    assert result.exit_code == 1
    assert "shop-availability: CloudWatch has no points of its entry" in result.stderr


def test_services_are_read_from_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "parapet.toml"
    file.write_text(TOML, "utf-8")
    found = settings.load({"PARAPET_SETTINGS": str(file)}, registry.names(), ())
    assert [one.name for one in found.services] == ["shop", "silent"]
