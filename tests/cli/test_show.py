from __future__ import annotations

import re
from dataclasses import replace

from chalicelib import items, records
from chalicelib.model import Exemption
from tests.account import NOW, TABLE
from tests.cli.terminal import GUARDRAIL, Terminal


def facts(said: str) -> dict[str, str]:
    """The labelled facts at the head of what `show` prints."""
    lines = said.split("\n\n")[0].splitlines()
    return dict(re.split(r"\s{2,}", line, maxsplit=1) for line in lines if not line.startswith(" "))


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
    assert f"To have it fixed now:\n  ./parapet approve {finding.id}\n" in said
    assert f"To permit it for longer:\n  ./parapet exempt {finding.id} --until 30d --why …\n" in said
    shown = terminal.json("show", finding.id)
    assert shown["permission"] == {
        "part": "tcp 22-22 0.0.0.0/0", "until": "2026-11-18T13:06:41Z", "who": "moto", "why": "a migration",
    }  # fmt: skip
    assert shown["look_again"] == "2026-11-18T13:06:41Z"
    whole = Exemption("*", NOW + 86400, "bob", "all of it")
    from chalicelib.journal import place

    terminal.account.clock.forward(7300)
    terminal.account.permit(place(finding.violation), whole)
    said = terminal.out("show", finding.id)
    assert facts(said)["Permitted"].startswith("the whole resource until 2026-11-19 11:06:41 UTC (in 22 h), by bob")


def test_what_one_can_do_next(terminal: Terminal) -> None:
    terminal.account.mode(GUARDRAIL, event="approve")
    asked = terminal.breach()
    assert terminal.json("show", asked.id)["next"] == [
        f"./parapet approve {asked.id}", f"./parapet reject {asked.id} --why …",
        f"./parapet exempt {asked.id} --until 30d --why …", f"./parapet acknowledge {asked.id}",
    ]  # fmt: skip
    terminal.out("acknowledge", asked.id)
    assert terminal.json("show", asked.id)["next"][3:] == []
    terminal.account.enforce()
    terminal.out("pause", "--service", "ec2", "--why", "a deployment")
    held = terminal.breach()
    assert terminal.json("show", held.id)["next"] == [
        "./parapet resume --service ec2", f"./parapet approve {held.id}",
        f"./parapet exempt {held.id} --until 30d --why …", f"./parapet acknowledge {held.id}",
    ]  # fmt: skip
    terminal.out("resume", "--service", "ec2")
    terminal.out("exempt", "--guardrail", GUARDRAIL, "--until", "1d", "--why", "a migration")
    [waiver] = terminal.account.journal.waivers()
    waived = terminal.breach()
    assert terminal.json("show", waived.id)["next"] == [f"./parapet exempt --end {waiver.id} --why …"]


def test_who_has_seen_it_how_often_it_was_asked_and_where_to_mend_it(terminal: Terminal) -> None:
    terminal.account.mode(GUARDRAIL, event="approve")
    finding = terminal.breach()
    found = facts(terminal.out("show", finding.id))
    assert found["Status"] == "asked"
    assert "Seen by" not in found
    plant = replace(finding, id="0a1b2c3d", question=2, source="the stack network", acknowledged="carol")
    raw = items.item(records.finding_record(plant))
    terminal.account.client("dynamodb").put_item(TableName=TABLE, Item=raw)
    found = facts(terminal.out("show", plant.id))
    assert found["Status"] == "asked (2 times)"
    assert (found["Mend it in"], found["Seen by"]) == ("the stack network", "carol")
    shown = terminal.json("show", plant.id)
    assert (shown["source"], shown["acknowledged"], shown["question"]) == ("the stack network", "carol", 2)


def test_an_older_finding_leads_to_the_newer_one(terminal: Terminal) -> None:
    group = terminal.group()
    first = terminal.breach(group)
    terminal.account.clock.forward(60)
    second = terminal.breach(group)
    assert terminal.json("show", first.id)["next"] == [f"./parapet show {second.id}"]
    assert terminal.json("show", second.id)["next"] == [f"./parapet undo {second.id} --for 30m"]
