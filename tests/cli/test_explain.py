"""`./parapet explain`: what people read of an explanation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chalicelib import times
from cli.__main__ import parapet
from cli.deployment import Outside
from local.systems.faults import Kind
from tests.cli.test_traces import Client
from tests.explain.rehearsals.account import LEDGER, TABLE, Account
from tests.explain.rehearsals.stage import FIRST, Plan, change, kinds, settings, stage

Run = Callable[..., Result]
ONSET = FIRST + 9 * 86_400 + 12 * 3600
NOW = ONSET + 420.0


@pytest.fixture
def account() -> Iterator[Account]:
    plan = Plan("shop", Kind("", failing=0.3), "TypeError: unsupported operand type(s)")
    of = ("shop-web",)
    plan.changes = [
        change(ONSET - 90, "UpdateAutoScalingGroup", "autoscaling.amazonaws.com", of, "bob", what="version 42"),
        change(ONSET - 7200, "UpdateAutoScalingGroup", "autoscaling.amazonaws.com", of, "bob", what="version 41"),
    ]
    with kinds(plan.kind) as name:
        yield stage(plan, ONSET, NOW, name)


@pytest.fixture
def run(account: Account, tmp_path: Path) -> Run:
    file = tmp_path / "parapet.toml"
    file.write_text(settings(), "utf-8")

    def ran(*arguments: str) -> Result:
        environment = {
            "AWS_REGION": "eu-west-1", "PARAPET_SETTINGS": str(file), "PARAPET_STAGE": "test", "PARAPET_TABLE": TABLE,
            "PARAPET_LEDGER": LEDGER,
        }  # fmt: skip
        outside = Outside(
            environment=environment,
            clients=lambda: lambda service, _region: Client(account, service),
            profile_region=lambda: "",
            now=lambda: NOW,
        )
        return CliRunner().invoke(parapet, arguments, obj=outside, prog_name="./parapet")

    return ran


def test_the_answer_comes_first_then_whom_to_suspect_with_what_speaks_against_it(run: Run) -> None:
    told = run("explain", "shop")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0] == (
        "shop fails 30 % of its requests (usually 0 %) since 12:00 UTC; most likely because of UpdateAutoScalingGroup "
        "of shop-web by bob, 90 s before (11:58 UTC)."
    )
    assert lines[1].startswith("How sure: ")
    assert lines[3].startswith("1. UpdateAutoScalingGroup of shop-web by bob")
    assert "   + version 42" in lines
    assert "   - the same at 10:00 brought nothing like this" in lines
    assert "   + the errors speak of that" in lines
    rows = {line.split()[0]: line.split()[1] for line in lines[-8:]}
    assert rows["signals"] == rows["errors"] == rows["traces"] == "ok"


def kept(account: Account) -> list[Any]:
    return [one for one in account.tables[TABLE] if one["pk"] == "EXPLAINED#shop"]


def test_what_came_out_is_kept_for_the_next_time_and_the_timeline(run: Run, account: Account) -> None:
    assert run("explain", "shop", "--quick").exit_code == 0
    assert kept(account) == []
    assert run("explain", "shop").stderr == ""
    [one] = kept(account)
    assert (one["at"], one["same"]) == (ONSET, "change:UpdateAutoScalingGroup:shop-web")
    assert f"💡 {one['answer']}" in run("timeline", "shop", "--from", "1h").stdout


def test_who_may_only_read_has_the_answer_and_is_told_that_it_is_not_kept(run: Run, account: Account) -> None:
    account.denied = frozenset({"dynamodb:put_item"})
    told = run("explain", "shop", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout)["suspects"][0]["kind"] == "change"
    assert told.stderr == "Not kept for the next time, nor for the timeline: AWS denies dynamodb:put_item\n"


def test_what_cannot_be_taken_back_says_why(run: Run) -> None:
    assert "\nIt is not offered to take it back: the ledger has too little of it" in run("explain", "shop").stdout


def test_as_json_it_is_what_the_api_answers(run: Run) -> None:
    document = json.loads(run("explain", "shop", "--json", "--at", times.iso(ONSET + 120)).stdout)
    assert document["onset"]["at"] == times.iso(ONSET)
    assert document["suspects"][0]["kind"] == "change"
    assert {one["id"] for one in document["sections"]} >= {"signals", "changes", "errors", "traces"}


def test_before_it_began_there_is_nothing(run: Run) -> None:
    told = run("explain", "shop", "--at", times.iso(ONSET - 1200), "--quick")
    assert told.stdout.startswith("Nothing unusual is seen of shop around 11:40 UTC")


def test_a_time_of_day_is_the_last_such_time_and_another_day_is_told(run: Run) -> None:
    assert run("explain", "shop", "--at", "11:40", "--quick").stdout.startswith(
        "Nothing unusual is seen of shop around 11:40 UTC"
    )
    # Of yesterday there is nothing from so late.
    yesterday = run("explain", "shop", "--at", "12:30", "--quick").stdout
    assert (
        f"gets no requests any more (usually 1,136 a minute) since {times.iso(ONSET - 86_400)[:10]} 12:0" in yesterday
    )
    assert run("explain", "shop", "--at", "24:02").exit_code != 0


def test_the_timeline_takes_the_service_as_explain_does(run: Run) -> None:
    told = run("timeline", "shop", "--from", "1h")
    assert told.stdout.startswith("# Timeline of shop\n"), told.output
    assert "UpdateAutoScalingGroup of shop-web" in told.stdout
    assert run("timeline", "--service", "shop", "--from", "1h").stdout == told.stdout
    for asked in ((), ("shop", "--service", "saas")):
        refused = run("timeline", *asked)
        assert refused.exit_code != 0
        assert "name one service: ./parapet timeline SERVICE" in refused.output


def test_what_is_neither_a_service_nor_an_alarm_is_refused(run: Run) -> None:
    told = run("explain", "shup")
    assert told.exit_code != 0
    assert "there is no alarm 'shup' here" in told.output
    assert told.stderr == (
        "parapet: there is no alarm 'shup' here (./parapet alerts lists what fires), "
        "and no service of that name in parapet.toml; did you mean 'shop'?\n"
    )
    assert "there is no service 'nope' in parapet.toml; there are: " in run("timeline", "nope").stderr


def test_a_timeline_that_ends_before_it_begins_is_not_one_that_is_too_long(run: Run) -> None:
    assert "--from must be before --to: " in run("timeline", "shop", "--from", "1h", "--to", "2h").stderr
    assert run("timeline", "shop", "--from", "8d").stderr == "parapet: --from must be 7 days before --to at most\n"
