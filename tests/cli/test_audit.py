"""A month whose numbers were computed by hand: NUMBERS below tells how."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from chalicelib import commands, items, records, registry
from chalicelib.model import US, Actor, Asker, Command, Finding, Scope, Status, Step, Violation
from chalicelib.settings import Settings
from cli import month
from tests.account import NOW, TABLE
from tests.cli.terminal import Terminal
from tests.samples import ACCOUNT, ALICE, REGION

GROUPS, BUCKETS, KEYS = "ec2_security_group_open", "s3_bucket_policy_public", "kms_key_disabled"
EC2, S3 = Scope(service="ec2"), Scope(guardrail=BUCKETS, principal=f"arn:aws:iam::{ACCOUNT}:role/deploy")
ALICE_THERE = Actor("alice", ALICE["arn"], "198.51.100.7", "aws-cli/2.31.0", "IAMUser")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def step(text: str, status: Status, by: str = US, note: str = "") -> Step:
    return Step(status, at(text), by, note)


def finding(
    name: str, rail: str, *history: Step, call: str | None = None, due: str | None = None, why: str = ""
) -> Finding:
    last = history[-1]
    return Finding(
        id=name,
        violation=Violation(rail, ACCOUNT, REGION, f"resource-of-{name}", "part"),
        severity="high",
        origin="event" if call else "sweep",
        status=last.status,
        opened=history[0].at,
        why=why or f"{name} is wrong",
        before=None,
        after=None,
        fix=(),
        undo=(),
        history=history,
        actor=ALICE_THERE if call else None,
        event_time=at(call) if call else None,
        fixed_at=last.at if last.status == "fixed" else None,
        due=at(due) if due else None,
    )


FINDINGS = (
    # Fixed by itself 2 s after the call.
    finding(
        "aaaaaaaa", GROUPS, step("2026-11-03T10:00:01", "fixing"), step("2026-11-03T10:00:02", "fixed"),
        call="2026-11-03T10:00:00",
    ),
    # Fixed by itself after 4 s, and undone by bob: the month ends with his permission.
    finding(
        "bbbbbbbb", GROUPS, step("2026-11-04T10:00:01", "fixing"), step("2026-11-04T10:00:04", "fixed"),
        step("2026-11-04T12:00:00", "undoing", "bob", "a vendor"),
        step("2026-11-04T12:00:00", "undone", "bob", "a vendor"),
        call="2026-11-04T10:00:00", due="2026-12-10T00:00:00",
    ),
    # Found standing, asked, approved by carol: 3 h = 10,800 s.
    finding(
        "cccccccc", "ec2_imdsv1_allowed", step("2026-11-05T09:00:00", "asked"),
        step("2026-11-05T11:59:58", "fixing", "carol", "tested"), step("2026-11-05T12:00:00", "fixed"),
    ),
    # Exempted in October until 10 November, asked about since; fixed in December, which November must not know.
    finding(
        "dddddddd", BUCKETS, step("2026-10-20T00:00:00", "asked"),
        step("2026-10-21T00:00:00", "exempted", "dan", "a test"), step("2026-11-10T00:00:00", "asked"),
        step("2026-11-11T00:00:00", "asked", "erin", "acknowledged"), step("2026-12-02T00:00:00", "fixing", "dan"),
        step("2026-12-02T00:00:01", "fixed"),
    ),
    # Over before November.
    finding("eeeeeeee", KEYS, step("2026-10-01T00:00:00", "fixing"), step("2026-10-01T00:00:01", "fixed")),
    # Of October, fixed by itself as November began: 3 s.
    finding(
        "ffffffff", GROUPS, step("2026-10-31T23:59:58", "fixing"), step("2026-11-01T00:00:00", "fixed"),
        call="2026-10-31T23:59:57",
    ),
    # No state, nothing to fix.
    finding("gggggggg", "signin_root_used", step("2026-11-15T00:00:00", "noted"), call="2026-11-15T00:00:00"),
    # Of December.
    finding("hhhhhhhh", "rds_instance_public", step("2026-12-01T00:00:00", "asked")),
    # Undone in October; fixed when that permission ended, nobody knows how soon after.
    finding(
        "iiiiiiii", GROUPS, step("2026-10-10T00:00:01", "fixing"), step("2026-10-10T00:00:02", "fixed"),
        step("2026-10-11T00:00:00", "undone", "bob", "for a month"), step("2026-11-11T00:00:00", "fixed"),
        call="2026-10-10T00:00:00",
    ),
    # Somebody else mended it.
    finding("jjjjjjjj", KEYS, step("2026-11-20T00:00:00", "observed"), step("2026-11-21T00:00:00", "gone")),
    # An undo that was refused half-way: no second fix.
    finding(
        "kkkkkkkk", KEYS, step("2026-10-05T00:00:00", "fixing"), step("2026-10-05T00:00:01", "fixed"),
        step("2026-11-06T00:00:00", "undoing", "bob"), step("2026-11-06T00:00:01", "fixed", "bob", "the undo failed"),
    ),
)  # fmt: skip

# There in November: all but e (over) and h (December), 9, of which a, b, c, g, j are new.
# Fixes: a 2 s, b 4 s, c 10,800 s, f 3 s, i unknown; sorted 2, 3, 4, 10,800: the median is 3.5 s.
NUMBERS = {
    "violations": 9, "new": 5, "fixed": 5, "gone": 1, "seen": 1, "permitted": 1, "standing": 1,
    "fixes": 5, "median_seconds": 3.5, "worst_seconds": 10800.0, "worst_finding": "cccccccc", "watched": True,
}  # fmt: skip
# Of GROUPS: a, b, f, i; 2, 3 and 4 s.
GROUP_NUMBERS = {
    "violations": 4, "new": 2, "fixed": 3, "gone": 0, "seen": 0, "permitted": 1, "standing": 0,
    "fixes": 4, "median_seconds": 3.0, "worst_seconds": 4.0, "worst_finding": "bbbbbbbb", "watched": True,
}  # fmt: skip


def command(kind: Any, who: str, when: str, **more: Any) -> Command:
    asker = Asker(who, f"arn:aws:iam::{ACCOUNT}:user/{who}", "cli")
    return commands.new(kind, asker, at(when), Settings(), **more)


def plant(terminal: Terminal) -> None:
    """Put FINDINGS into the journal, and what people asked for."""
    for one in FINDINGS:
        raw = items.item(records.finding_record(one))
        terminal.account.client("dynamodb").put_item(TableName=TABLE, Item=raw)
    journal, aws = terminal.account.journal, terminal.account.ours
    by_id = {one.id: one for one in FINDINGS}

    def ask(kind: Any, who: str, when: str, name: str, status: Any, answer: str, **more: Any) -> None:
        asked = command(kind, who, when, finding=by_id[name], **more)
        journal.ask(asked)
        if status != "asked":
            journal.answer(replace(asked, status=status, answer=answer))

    ask("undo", "bob", "2026-10-11T00:00:00", "iiiiiiii", "done", "undone", until=at("2026-11-11T00:00:00"))
    undo: dict[str, Any] = {"why": "a vendor", "until": at("2026-12-10T00:00:00"), "break_glass": True}
    ask("undo", "bob", "2026-11-04T12:00:00", "bbbbbbbb", "done", "undone", **undo)
    ask("approve", "carol", "2026-11-05T11:59:58", "cccccccc", "done", "fixed", why="tested")
    ask("undo", "bob", "2026-11-06T00:00:00", "kkkkkkkk", "refused", "the undo failed", until=at("2026-12-06T00:00:00"))
    ask("acknowledge", "erin", "2026-11-30T23:59:59", "dddddddd", "asked", "")
    ask("approve", "dan", "2026-12-02T00:00:00", "dddddddd", "done", "fixed")
    pauses = (
        ("gil", "2026-10-01T00:00:00", "2026-10-02T00:00:00", Scope()),  # over
        ("gil", "2026-10-31T22:00:00", "2026-11-01T02:00:00", Scope()),
        ("hal", "2026-11-12T00:00:00", "", EC2),
        ("hal", "2026-11-20T00:00:00", "2026-12-20T00:00:00", EC2),
    )
    for who, when, until, scope in pauses:
        if when.startswith("2026-11-20"):
            commands.resume(journal, aws, command("resume", "ida", "2026-11-13T00:00:00", scope=EC2))
        commands.pause(
            journal, command("pause", who, when, why="a move", until=at(until) if until else 0.0, scope=scope)
        )
    end = at("2026-12-31T00:00:00")
    given = commands.waive(journal, command("exempt", "jo", "2026-10-15T00:00:00", why="ours", until=end, scope=S3))
    commands.end_waiver(journal, aws, command("resume", "kim", "2026-11-25T00:00:00"), given.id)
    over = Scope(resource="sg-1")
    commands.waive(journal, command("exempt", "jo", "2026-10-02T00:00:00", until=at("2026-10-31T00:00:00"), scope=over))


@pytest.fixture
def terminal(terminal: Terminal) -> Terminal:
    plant(terminal)
    terminal.account.clock.at = at("2026-12-05T08:00:00")
    return terminal


def test_the_numbers(terminal: Terminal) -> None:
    document = terminal.json("audit", "--month", "2026-11")
    assert (document["month"], document["from"], document["to"], document["whole"]) == (
        "2026-11", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", True,
    )  # fmt: skip
    assert (document["stage"], document["accounts"], document["at"]) == ("test", ACCOUNT, "2026-12-05T08:00:00Z")
    assert document["total"] == NUMBERS
    assert [(one["finding"], one["seconds"], one["decided"]) for one in document["fixes"]] == [
        ("ffffffff", 3.0, False), ("aaaaaaaa", 2.0, False), ("bbbbbbbb", 4.0, False), ("cccccccc", 10800.0, True),
        ("iiiiiiii", None, False),
    ]  # fmt: skip
    [standing] = document["standing"]
    # From 20 October, 00:00, to 1 December, 00:00.
    assert (standing["id"], standing["status"], standing["age_seconds"]) == ("dddddddd", "asked", 42 * 86400)


def test_per_guardrail_and_per_control(terminal: Terminal) -> None:
    document = terminal.json("audit")  # the last month that is over
    guardrails = {one.pop("guardrail"): one for one in document["guardrails"]}
    assert guardrails[GROUPS] == GROUP_NUMBERS
    assert list(guardrails) == list(registry.names())
    assert sum(one["violations"] for one in guardrails.values()) == NUMBERS["violations"]
    controls = {one.pop("control"): one for one in document["controls"]}
    for name in ("FSBP EC2.13", "FSBP EC2.19", "CIS 3.0 5.2"):
        assert controls[name] == {**GROUP_NUMBERS, "guardrails": [GROUPS]}
    # Both KMS guardrails serve it: j is gone, the undo of k was refused.
    key = controls["CIS 3.0 4.7"]
    assert key["guardrails"] == ["kms_key_deletion_scheduled", KEYS]
    assert (key["violations"], key["fixed"], key["gone"], key["fixes"], key["median_seconds"]) == (2, 1, 1, 0, None)
    assert (controls["FSBP S3.2"]["violations"], controls["FSBP S3.2"]["standing"]) == (1, 1)
    assert controls["CIS 3.0 1.7"]["seen"] == 1
    names = list(controls)
    assert (
        names.index("CIS 3.0 1.5")
        < names.index("CIS 3.0 1.16")
        < names.index("FSBP EC2.8")
        < names.index("FSBP EC2.21")
    )


def test_who_permitted_what_until_when(terminal: Terminal) -> None:
    document = terminal.json("audit", "--month", "2026-11")
    found = [
        (one["finding"] or one["what"], one["kind"], one["who"], one["since"][:10], one["until"][:10], one["ended_by"])
        for one in document["permissions"]
    ]
    assert found == [
        ("iiiiiiii", "undone", "bob", "2026-10-11", "2026-11-11", ""),
        (str(S3), "waiver", "jo", "2026-10-15", "2026-11-25", "kim"),
        ("dddddddd", "exempted", "dan", "2026-10-21", "2026-11-10", ""),
        ("bbbbbbbb", "undone", "bob", "2026-11-04", "2026-12-10", ""),
    ]
    assert document["permissions"][1]["why"] == "ours"


def test_what_people_decided_and_what_was_not_done(terminal: Terminal) -> None:
    document = terminal.json("audit", "--month", "2026-11")
    decided = [(one["at"][:10], one["kind"], one["who"], one["answer"]) for one in document["decisions"]]
    assert [one for one in decided if one[1] in ("undo", "approve")] == [
        ("2026-11-04", "undo", "bob", "undone"), ("2026-11-05", "approve", "carol", "fixed"),
    ]  # fmt: skip
    assert [one[1:3] for one in decided if one[1] in ("pause", "resume")] == [
        ("pause", "hal"), ("resume", "ida"), ("pause", "hal"), ("resume", "kim"),
    ]  # fmt: skip
    refused = [(one["kind"], one["status"], one["answer"]) for one in document["refused"]]
    assert refused == [("undo", "refused", "the undo failed"), ("acknowledge", "asked", "")]
    text = terminal.out("audit", "--month", "2026-11")
    glass = text.partition("## Own changes (break-glass)")[2].partition("##")[0]
    assert len(re.findall("^\\| 2026", glass, re.MULTILINE)) == 1
    assert (
        "undo, break-glass | bbbbbbbb is wrong (bbbbbbbb) | bob (arn:aws:iam::123456789012:user/bob over cli)" in glass
    )
    assert "void: nobody carried it out in time" in text


def test_what_parapet_itself_wrote(terminal: Terminal) -> None:
    account = terminal.account
    account.clock.at = NOW
    account.journal.lift_pause(EC2)
    fixed, group = terminal.breach(), terminal.group()
    terminal.out("undo", fixed.id, "--for", "7d", "--why", "a vendor")
    account.clock.forward(3600)
    terminal.out("approve", fixed.id, "--why", "the vendor is gone")
    terminal.out("exempt", "--guardrail", GROUPS, "--resource", group, "--until", "20d", "--why", "a honeypot")
    waived = terminal.breach(group)
    account.clock.at = at("2026-12-05T08:00:00")
    document = terminal.json("audit", "--month", "2026-11")
    assert (document["total"]["violations"], document["total"]["permitted"]) == (11, 2)
    ours = [(one["seconds"], one["decided"]) for one in document["fixes"] if one["finding"] == fixed.id]
    # The second follows the approval at once.
    assert ours == [(1.0, False), (0.0, True)]
    [undone] = [one for one in document["permissions"] if one["finding"] == fixed.id]
    assert (undone["kind"], undone["why"], at(undone["until"][:19]) - at(undone["since"][:19]) < 3700) == (
        "undone", "a vendor", True,
    )  # fmt: skip
    given = [one for one in document["permissions"] if group in one["what"]]
    assert [(one["kind"], one["finding"], one["until"][:10]) for one in given] == [
        ("waiver", "", "2026-12-08"), ("exempted", waived.id, "2026-12-08"),
    ]  # fmt: skip
    assert [one["answer"] for one in document["decisions"] if one["finding"] == fixed.id] == ["undone", "fixed"]


def test_pauses_of_the_month(terminal: Terminal) -> None:
    by_hand = {"#name": "pause region=eu-west-1"}
    terminal.account.client("dynamodb").update_item(
        TableName=TABLE, Key={"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}}, UpdateExpression="SET #name = :why",
        ExpressionAttributeNames=by_hand, ExpressionAttributeValues={":why": {"S": "help"}},
    )  # fmt: skip
    found = [
        (one["who"], str(one["at"])[:10], str(one["ended"])[:16], one["ended_by"])
        for one in terminal.json("audit", "--month", "2026-11")["pauses"]
    ]
    assert found == [
        ("somebody in the console", "1970-01-01", "None", ""),
        ("gil", "2026-10-31", "2026-11-01T02:00", ""),
        ("hal", "2026-11-12", "2026-11-13T00:00", "ida"),
        ("hal", "2026-11-20", "2026-12-20T00:00", ""),
    ]


def test_a_month_that_is_not_over(terminal: Terminal) -> None:
    terminal.account.clock.at = at("2026-11-05T10:00:00")
    document = terminal.json("audit", "--month", "2026-11")
    assert (document["to"], document["whole"]) == ("2026-11-05T10:00:00Z", False)
    # a, b, c, f are there, and d and i by permission; c is asked about and stands.
    total = document["total"]
    assert (total["violations"], total["standing"], total["permitted"], total["fixes"]) == (6, 1, 3, 3)
    assert "the month is not over" in terminal.out("audit", "--month", "2026-11")


def test_a_month_with_nothing(terminal: Terminal) -> None:
    document = terminal.json("audit", "--month", "2026-02")
    total = document["total"]
    assert (total["violations"], total["fixes"], total["median_seconds"], total["worst_finding"]) == (0, 0, None, None)
    assert not any(document[name] for name in ("fixes", "standing", "permissions", "decisions", "refused", "pauses"))
    text = terminal.out("audit", "--month", "2026-02")
    for sentence in ("Nothing was fixed.", "Fixing was not paused.", "Nobody asked for anything."):
        assert sentence in text


def test_a_guardrail_that_is_off_gives_no_false_comfort(terminal: Terminal) -> None:
    terminal.settings('[guardrails.rds_instance_public]\nmode = "off"\n')
    document = terminal.json("audit", "--month", "2026-11")
    assert [one["control"] for one in document["controls"] if not one["watched"]] == ["CIS 3.0 2.3.3", "FSBP RDS.2"]
    text = terminal.out("audit", "--month", "2026-11")
    assert "Not watched (mode off now): CIS 3.0 2.3.3, FSBP RDS.2." in text
    assert "FSBP RDS.2" not in text.partition("No violations: ")[2].partition("Not watched")[0]


class Page(HTMLParser):
    """What a browser would make of a page: its tags, balanced, and its text."""

    VOID = ("meta", "wbr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


HOSTILE = "<script>alert(1)</script> | [x](http://example.com) `\x1b[2J\u202e</style> & more"


def test_html_stands_alone_and_runs_nothing(terminal: Terminal, tmp_path: Path) -> None:
    nasty = finding("nnnnnnnn", GROUPS, step("2026-11-09T00:00:00", "asked"), why=HOSTILE)
    terminal.account.client("dynamodb").put_item(TableName=TABLE, Item=items.item(records.finding_record(nasty)))
    file = tmp_path / "november.html"
    assert terminal.out("audit", "--month", "2026-11", "--output", str(file)) == f"Written: {file}\n"
    text = file.read_text("utf-8")
    page = Page(text)
    allowed = (
        "html head meta title style body h1 h2 dl dt dd section div b small p table thead tbody tr th td footer wbr"
    )
    assert {tag for tag, _ in page.tags} <= set(allowed.split())
    assert not any(name.startswith("on") or name in ("src", "href") for _, names in page.tags for name in names)
    assert "url(" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    said = "".join(page.said)
    assert "<script>alert(1)</script> | [x](http://example.com)" in said
    assert "Parapet, November 2026" in said


def test_markdown_stays_a_table(terminal: Terminal) -> None:
    nasty = finding("nnnnnnnn", GROUPS, step("2026-11-09T00:00:00", "asked"), why=HOSTILE)
    terminal.account.client("dynamodb").put_item(TableName=TABLE, Item=items.item(records.finding_record(nasty)))
    text = terminal.out("audit", "--month", "2026-11")
    for part in text.split("\n## ")[1:]:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in part.splitlines() if line.startswith("|")}
        assert len(widths) <= 1, part
    assert r"&lt;script>alert(1)&lt;/script> \| \[x\](http://example.com) \`" in text


def test_formats(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "november.json"
    terminal.out("audit", "--month", "2026-11", "--output", str(file))
    assert json.loads(file.read_text("utf-8"))["total"] == NUMBERS
    assert terminal.out("audit", "--month", "2026-11", "--format", "html").startswith("<!doctype html>")
    page = tmp_path / "november.md"
    terminal.out("audit", "--month", "2026-11", "--output", str(page))
    assert page.read_text("utf-8") == terminal.out("audit", "--month", "2026-11")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--month", "2026-13"), "--month: '2026-13' is not a month such as 2026-11"),
        (("--month", "november"), "--month: 'november' is not a month such as 2026-11"),
        (("--month", "2027-01"), "--month: 2027-01 has not begun"),
        (("--output", "page.doc"), "--output: page.doc does not end in .html, .md or .json: give --format too"),
        (
            ("--output", "/nowhere/page.md"),
            "--output: /nowhere/page.md cannot be written: No such file or directory",
        ),
    ],
)
def test_wrong_use(terminal: Terminal, arguments: tuple[str, ...], line: str) -> None:
    assert terminal.fails(2, "audit", *arguments) == line


def test_months_in_utc() -> None:
    december = month.period("2026-12", at("2027-02-01T00:00:00"))
    assert (december.start, december.end) == (at("2026-12-01T00:00:00"), at("2027-01-01T00:00:00"))
    assert december.has(december.start)
    assert not december.has(december.end)
    assert month.period(None, at("2027-01-01T00:00:00")) == december
    assert month.period(None, at("2026-12-31T23:59:59")).name == "2026-11"


def test_every_guardrail_names_controls_that_are_understood() -> None:
    found = {rail.name: month.controls(rail) for rail in registry.load()}
    assert found["rds_snapshot_public"] == ("FSBP RDS.1", "FSBP DocumentDB.3", "FSBP Neptune.3")
    assert found["signin_without_mfa"] == ("FSBP IAM.5", "CIS 3.0 1.5", "CIS 3.0 1.10")
    without = {name for name, controls in found.items() if not controls}
    assert without - {rail.name for rail in registry.load() if rail.alarmed} == {
        "budgets_account_unbudgeted",
        "ec2_image_public",
        "ec2_nonproduction_running",
        # What people ask for.
        "autoscaling_group_resized",
        "ec2_security_group_changed",
        "ecs_service_changed",
        "ecs_service_resized",
        "iam_policy_changed",
        "lambda_alias_changed",
        "s3_bucket_policy_changed",
    }
