from __future__ import annotations

from chalicelib import registry
from tests.cli.terminal import GUARDRAIL, Terminal


def test_every_promise_with_the_modes_in_force(terminal: Terminal) -> None:
    lines = terminal.out("guardrails").splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(registry.names())
    [line] = [line for line in lines if line.startswith(f"{GUARDRAIL} ")]
    assert line.split()[:4] == [GUARDRAIL, "high", "enforce", "approve"]
    assert line.endswith(registry.get(GUARDRAIL).documentation.promise)


def test_what_the_settings_change_shows_its_default(terminal: Terminal) -> None:
    terminal.settings(f'guardrails.{GUARDRAIL}.mode = {{ event = "observe" }}')
    [line] = [line for line in terminal.out("guardrails").splitlines() if line.startswith(GUARDRAIL)]
    assert "observe (default enforce)  approve  " in line
    [one] = [one for one in terminal.json("guardrails")["guardrails"] if one["guardrail"] == GUARDRAIL]
    assert one == {
        "guardrail": GUARDRAIL,
        "severity": "high",
        "mode": {"event": "observe", "sweep": "approve"},
        "default": {"event": "enforce", "sweep": "approve"},
        "promise": registry.get(GUARDRAIL).documentation.promise,
    }


def test_needs_no_aws(terminal: Terminal) -> None:
    terminal.environment.clear()
    terminal.account.wire.reset()
    terminal.out("guardrails")
    terminal.out("permissions")
    assert terminal.account.wire.calls == []


def test_settings_that_cannot_be_used(terminal: Terminal) -> None:
    terminal.settings(f'guardrails.{GUARDRAIL}.mode = "enforced"')
    line = terminal.fails(2, "guardrails")
    file = terminal.environment["PARAPET_SETTINGS"]
    assert line.startswith(f"{file}: guardrails.{GUARDRAIL}.mode: 'enforced' is not a mode: ")
    terminal.environment["PARAPET_SETTINGS"] = "/nowhere.toml"
    assert terminal.fails(2, "guardrails") == "/nowhere.toml: there is no such file; PARAPET_SETTINGS names it"
