"""`./parapet map` and `./parapet traces`: what people read of X-Ray."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.__main__ import parapet
from cli.deployment import Outside
from tests.tracing.playing import NOW, SETTINGS, Account, chain, segment, trace_id

Run = Callable[..., Result]


class Client:
    """A client of an account that a test has filled, as botocore makes them."""

    class meta:  # noqa: N801 - as a client has it
        method_to_api_mapping = {"get_service_graph": "GetServiceGraph"}  # noqa: RUF012

    def __init__(self, account: Callable[..., Any], service: str) -> None:
        self._account, self._service = account, service

    def can_paginate(self, _operation: str) -> bool:
        return False

    def __getattr__(self, operation: str) -> Any:
        return lambda **given: self._account(self._service, operation, **given)


@pytest.fixture
def account() -> Account:
    made = Account(logs={"/aws/lambda/orders": [(NOW + 3, f"failed {trace_id(3)}")]})
    made.put(*(chain(number, start=-2400 + number) for number in range(100, 160)))
    made.put(*(chain(number, 500 if number < 8 else 200, 0.1 * number, start=number) for number in range(20)))
    return made


@pytest.fixture
def run(account: Account, tmp_path: Path) -> Run:
    file = tmp_path / "parapet.toml"
    file.write_text(SETTINGS, "utf-8")

    def ran(*arguments: str) -> Result:
        outside = Outside(
            environment={"AWS_REGION": "eu-west-1", "PARAPET_SETTINGS": str(file)},
            clients=lambda: lambda service, _region: Client(account, service),
            profile_region=lambda: "",
            now=lambda: NOW + 300,
        )
        return CliRunner().invoke(parapet, arguments, obj=outside, prog_name="./parapet")

    return ran


def lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_the_map_has_the_worst_first(run: Run) -> None:
    assert lines(run("map")) == [
        "Most of what fails begins where orders calls table: 40 % of 20 sampled calls fail, 0 % in the hour before.",
        "",
        "CALLER CALLEE WHAT SERVICE CALLS FAILS BEFORE P50 P95 P95 BEFORE",
        "hurts orders table table orders 20 40 % 0 % 10 ms 10 ms 10 ms",
        "hurts api orders function orders 20 40 % 0 % 450 ms 900 ms 100 ms",
        "hurts client api function – 20 40 % 0 % 900 ms 1.8 s 200 ms",
        "",
        "From 2026-11-18 14:50:00 UTC to 2026-11-18 15:05:00 UTC, counted in sampled traces (X-Ray's default: one a "
        "second and 5 % of the rest): shares are estimates, CloudWatch's metrics count every request.",
    ]
    earlier = lines(run("map", "--since", "1h", "--until", "30m", "--service", "orders"))
    assert earlier[0] == "Nothing hurts: 0 % of 60 sampled calls failed."
    assert lines(run("map", "--service", "quiet")) == [
        json.loads(run("map", "--service", "quiet", "--json").stdout)["answer"]
    ]
    assert json.loads(run("map", "--json").stdout)["edges"][0]["status"] == "red"


def test_traces_are_listed_and_followed(run: Run) -> None:
    listed = lines(run("traces", "--node", "table", "--kind", "fault", "--limit", "1"))
    assert listed[1].startswith(
        f"{trace_id(7)} 2026-11-18T15:00:07Z fault 500 700 ms GET https://shop.example.com/cart table"
    )
    assert listed[2].startswith("There are more: ")
    assert lines(run("traces", "--slower", "10s")) == ["Nothing found: no trace of this time fits."]
    assert len(json.loads(run("traces", "--caller", "api", "--node", "orders", "--json").stdout)["traces"]) == 20
    ours = run("traces", "--service", "orders", "--kind", "fault", "--json")
    assert [one["id"] for one in json.loads(ours.stdout)["traces"]] == [trace_id(number) for number in range(7, -1, -1)]
    assert 'service(id(name: "orders"' in json.loads(ours.stdout)["filter"]
    told = lines(run("traces", trace_id(3)))
    assert told[0] == "table failed: KeyError: price; password=(secret) (cart/total.py:12)"
    assert "fault table table 20 ms 10 ms – GetItem table KeyError: price; password=(secret)" in told
    assert "Log lines: there is no log group /aws/lambda/api." in told
    assert f"2026-11-18T15:00:03Z /aws/lambda/orders failed {trace_id(3)}" in told
    assert json.loads(run("traces", trace_id(3), "--json").stdout)["source"] == "xray"


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("map", "--service", "nobody"), 2, "there is no service 'nobody' in parapet.toml"),
        (("map", "--since", "7h"), 2, "--since must be before --until, and 6 hours before it at most"),
        (("map", "--since", "1h", "--until", "2h"), 2, "--since must be before --until"),
        (("traces", "--caller", "api"), 2, "--caller wants --node"),
        (("traces", "--service", "nobody"), 2, "there is no service 'nobody' in parapet.toml"),
        (("traces", "--service", "orders", "--node", "api"), 2, "--service and --node are both given"),
        (("traces", "--service", "quiet"), 2, "no node of the map is quiet's"),
        (("traces", "--slower", "soon"), 2, "is not a duration such as 500ms"),
        (("traces", "--node", 'a"b'), 2, "cannot be asked for"),
        (("traces", "1-2-3"), 2, "is not the id of a trace"),
        (("traces", trace_id(77)), 2, "X-Ray does not know it, and keeps no spans here"),
    ],
)
def test_what_cannot_be_asked_is_one_line(run: Run, arguments: tuple[str, ...], code: int, why: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    [line] = result.stderr.splitlines()
    assert why in line


def test_what_is_denied_is_one_line(run: Run, account: Account) -> None:
    account.refuses = {"xray:GetServiceGraph": "AccessDeniedException"}
    result = run("map")
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith("parapet: AWS denies xray:GetServiceGraph to you: ")


def test_what_comes_from_outside_cannot_move_the_cursor(run: Run, account: Account) -> None:
    account.put([segment(50, "evil\x1b[2J", start=1)])
    assert "\x1b" not in run("map").stdout
    assert "\x1b" not in run("traces").stdout


def test_where_there_were_too_many_to_look_at_that_is_said(run: Run, account: Account) -> None:
    every = account.xray.summaries

    def endless(given: Mapping[str, Any]) -> dict[str, Any]:
        further = {"TraceSummaries": [], "TracesProcessedCount": 100, "ApproximateTime": NOW}
        return {**(further if "NextToken" in given else every(given)), "NextToken": "on"}

    account.xray.summaries = endless  # type: ignore[method-assign]
    said = lines(run("traces", "--kind", "fault"))
    assert len(said) == 1 + 8 + 1
    assert said[-1] == (
        "X-Ray has looked at what began since 2026-11-18T15:00:00Z: a time that ends there shows what was before."
    )
    assert lines(run("traces", "--slower", "10s")) == [
        "Nothing found: X-Ray has looked at what began since 2026-11-18T15:00:00Z, and none fits: a time that ends "
        "there shows what was before."
    ]
