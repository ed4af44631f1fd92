from __future__ import annotations

from chalicelib.model import Exemption
from tests.account import NOW
from tests.cli.terminal import GUARDRAIL, Terminal


def facts(said: str) -> dict[str, str]:
    """The labelled facts at the head of what `show` prints."""
    lines = said.split("\n\n")[0].splitlines()
    return {line[:12].strip(): line[12:].strip() for line in lines if line[:12].strip()}


def test_everything_about_one_finding(terminal: Terminal) -> None:
    group = terminal.group()
    finding = terminal.breach(group)
    terminal.account.clock.forward(120)
    said = terminal.out("show", finding.id)
    found = facts(said)
    assert found["Finding"] == f"{finding.id}, high"
    assert found["Status"] == "fixed"
    assert found["Why"] == f"{group} admits 0.0.0.0/0 to port 22"
    assert found["Resource"] == f"{group} in 123456789012, eu-west-1"
    assert found["Part"] == "tcp 22-22 0.0.0.0/0"
    assert found["Found"] == "2026-11-18 11:06:41 UTC (2 min ago), by event"
    assert found["Who"] == "alice (IAMUser)"
    assert found["ARN"] == "arn:aws:iam::123456789012:user/alice"
    assert (found["From"], found["With"]) == ("198.51.100.7", "aws-cli/2.31.0")
    assert found["Event"] == f"AuthorizeSecurityGroupIngress at 2026-11-18 11:06:40 UTC, {finding.event_id}"
    assert found["Fixed after"] == "1.0 s"
    assert '"CidrIp": "0.0.0.0/0"' in found["Before"]
    assert found["Fix"].startswith(f"ec2.revoke_security_group_ingress(GroupId='{group}', IpPermissions=")
    assert found["Undo"].startswith(f"ec2.authorize_security_group_ingress(GroupId='{group}', IpPermissions=")
    assert "Permitted" not in found
    history = said.split("\n\n")[1].splitlines()
    assert [line.split()[3] for line in history[1:]] == ["fixing", "fixed"]
    assert said.endswith(f"\nTo take the fix back for a while:\n  ./parapet undo {finding.id} --for 30m\n")


def test_json(terminal: Terminal) -> None:
    finding = terminal.breach()
    shown = terminal.json("show", finding.id)
    [summary] = terminal.json("journal")["findings"]
    assert {name: shown[name] for name in summary} == summary
    assert set(shown) - set(summary) == {
        "event", "before", "after", "fix", "undo", "history", "look_again", "permission", "next",
    }  # fmt: skip
    assert shown["event"] == {
        "id": finding.event_id, "call": "AuthorizeSecurityGroupIngress", "time": "2026-11-18T11:06:40Z",
    }  # fmt: skip
    assert [(one["service"], one["operation"]) for one in shown["undo"]] == [
        ("ec2", "authorize_security_group_ingress")
    ]
    assert shown["undo"][0]["params"] == finding.undo[0].params
    assert shown["history"] == [
        {"status": status, "at": "2026-11-18T11:06:41Z", "by": "parapet", "note": ""} for status in ("fixing", "fixed")
    ]
    assert (shown["permission"], shown["look_again"]) == (None, None)
    assert shown["next"] == [f"./parapet undo {finding.id} --for 30m"]


def test_what_is_permitted_and_until_when(terminal: Terminal) -> None:
    finding = terminal.breach()
    terminal.out("undo", finding.id, "--for", "2h", "--why", "a migration")
    said = terminal.out("show", finding.id)
    at = "2026-11-18 13:06:41 UTC (in 120 min)"
    assert facts(said)["Permitted"] == f"this part until {at}, by moto: a migration"
    assert "To permit it for longer:\n  ./parapet exempt --guardrail ec2_security_group_open --resource " in said
    assert "--part 'tcp 22-22 0.0.0.0/0' --until 30d --why …" in said
    shown = terminal.json("show", finding.id)
    assert shown["permission"] == {
        "part": "tcp 22-22 0.0.0.0/0", "until": "2026-11-18T13:06:41Z", "who": "moto", "why": "a migration",
    }  # fmt: skip
    assert shown["look_again"] == "2026-11-18T13:06:41Z"
    whole = Exemption("*", NOW + 86400, "bob", "all of it")
    from chalicelib.journal import place

    terminal.account.clock.forward(7300)
    terminal.account.journal.exempt(place(finding.violation), whole)
    said = terminal.out("show", finding.id)
    assert facts(said)["Permitted"].startswith("the whole resource until 2026-11-19 11:06:41 UTC (in 22 h), by bob")


def test_what_one_can_do_next(terminal: Terminal) -> None:
    terminal.account.mode(GUARDRAIL, event="approve")
    asked = terminal.breach()
    assert terminal.json("show", asked.id)["next"] == [f"./parapet exempt {asked.id} --until 30d --why …"]
    terminal.account.enforce()
    terminal.out("pause", "--why", "a deployment")
    held = terminal.breach()
    assert terminal.json("show", held.id)["next"] == [
        "./parapet resume", f"./parapet exempt {held.id} --until 30d --why …",
    ]  # fmt: skip


def test_an_older_finding_leads_to_the_newer_one(terminal: Terminal) -> None:
    group = terminal.group()
    first = terminal.breach(group)
    terminal.account.clock.forward(60)
    second = terminal.breach(group)
    assert terminal.json("show", first.id)["next"] == [f"./parapet show {second.id}"]
    assert terminal.json("show", second.id)["next"] == [f"./parapet undo {second.id} --for 30m"]
