from __future__ import annotations

import json

import pytest

from tests.account import NOW
from tests.cli.terminal import GUARDRAIL, Terminal
from tests.guardrails.test_ec2_security_group_open import SCENARIO, authorise
from tests.samples import moment


def test_takes_the_fix_back_and_says_until_when(terminal: Terminal) -> None:
    group = terminal.group()
    finding = terminal.breach(group)
    innocent = SCENARIO.state(terminal.account, group)
    said = terminal.out("undo", finding.id, "--for", "30m", "--why", "a migration")
    assert SCENARIO.state(terminal.account, group) != innocent
    assert said == (
        f"Undone: {group} is again as it was before the fix ({finding.why}). It may stay so until "
        f"2026-11-18 11:36:41 UTC (in 30 min); then, if it is still so, it is fixed by itself.\n"
    )
    [undone] = terminal.account.findings()
    assert (undone.status, undone.due) == ("undone", NOW + 1800)
    assert (undone.history[-1].by, undone.history[-1].note) == ("moto", "a migration")


def test_the_default_duration_comes_from_the_settings(terminal: Terminal) -> None:
    terminal.settings('undo.exempt_for = "2h"')
    finding = terminal.breach()
    answer = terminal.json("undo", finding.id)
    assert answer["until"] == moment(NOW + 7200)
    assert (answer["finding"], answer["kind"], answer["status"]) == (finding.id, "undo", "done")
    assert answer["who"] == "moto"


@pytest.mark.parametrize(
    ("mode", "then"),
    [
        ("approve", "then, if it is still so, Parapet asks what to do"),
        ("observe", "then, if it is still so, Parapet tells again"),
        ("off", "nothing happens then: its guardrail is off"),
    ],
)
def test_says_what_the_mode_in_force_does_then(terminal: Terminal, mode: str, then: str) -> None:
    terminal.settings(f'guardrails.{GUARDRAIL}.mode = "{mode}"')
    assert terminal.out("undo", terminal.breach().id).endswith(f"{then}.\n")


def test_is_refused_when_the_resource_has_changed_since(terminal: Terminal) -> None:
    group = terminal.group()
    finding = terminal.breach(group)
    SCENARIO.breach(terminal.account, group)
    assert terminal.fails(1, "undo", finding.id) == "refused: it is already as it was before the fix"
    result = terminal.run("undo", finding.id, "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (answer["status"], answer["answer"]) == ("refused", "it is already as it was before the fix")
    assert result.stderr == "parapet: refused: it is already as it was before the fix\n"


def test_is_refused_when_undoing_would_overwrite_a_change(terminal: Terminal) -> None:
    group = terminal.group()
    finding = terminal.breach(group)
    ip = {"CidrIp": "0.0.0.0/0", "Description": "another rule, the same part"}
    authorise(terminal.account, group, IpProtocol="tcp", FromPort=22, ToPort=22, IpRanges=[ip])
    line = terminal.fails(1, "undo", finding.id)
    assert line.startswith(f"refused: {group} has changed since the fix, and undoing would overwrite that.")


def test_cannot_be_done_twice(terminal: Terminal) -> None:
    finding = terminal.breach()
    terminal.out("undo", finding.id)
    assert terminal.fails(1, "undo", finding.id) == (
        f"refused: only what was fixed can be undone, and {finding.id} is undone by moto"
    )


def test_no_answer_in_time(terminal: Terminal) -> None:
    terminal.answering = False
    finding = terminal.breach()
    line = terminal.fails(3, "undo", finding.id, "--wait", "5s")
    assert line.startswith("no answer from guard_ec2 yet; command ")
    assert line.endswith(
        f"Look at `./parapet show {finding.id}` and at the function's log, /aws/lambda/parapet-test-guard-ec2"
    )
    assert terminal.account.clock() == NOW + 5
    result = terminal.run("undo", finding.id, "--wait", "1s", "--json")
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (3, "asked")


def test_whoever_stops_waiting_is_not_told_that_it_was_refused(terminal: Terminal) -> None:
    def impatient(_seconds: float) -> None:
        raise KeyboardInterrupt

    result = terminal.run("undo", terminal.breach().id, sleep=impatient)
    assert result.exit_code == 3
    assert "stays asked and may still be carried out" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--for", "soon"), "--for: 'soon' is not a duration such as 30m, 2h or 7d"),
        (("--for", "0m"), "--for: '0m' is not a duration such as 30m, 2h or 7d: it must be more than nothing"),
        (("--for", "9999999999999d"), "--for: 9999999999999d is too far ahead"),
        (("--for", "9" * 5000 + "d"), "--for: a duration such as 30m, 2h or 7d is shorter"),
        (("--wait", "1"), "--wait: '1' is not a duration such as 30m, 2h or 7d"),
        (("--who", "me"), "No such option '--who'. (Did you mean one of: '--for', '--why'?) (./parapet undo --help)"),
    ],
)
def test_wrong_use(terminal: Terminal, arguments: tuple[str, ...], line: str) -> None:
    assert terminal.fails(2, "undo", terminal.breach().id, *arguments) == line
    assert terminal.events() == []


def test_needs_an_id(terminal: Terminal) -> None:
    assert terminal.fails(2, "undo") == (
        "undo takes the ID of a finding, or --since (and --guardrail, --resource …) for many"
    )
