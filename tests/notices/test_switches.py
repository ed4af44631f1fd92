"""What the channel is told of pauses, resumes and exemptions of a scope: who, why, until when, and the way back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib import commands
from chalicelib.journal import Journal
from chalicelib.model import COMMANDS, Command, CommandKind, Pause, Scope
from chalicelib.notices import compose, outbox, slack_blocks
from local import slack_limits
from tests.account import NOW, TestAccount

DAY = 86400.0
BUCKET = Scope(guardrail="s3_bucket_policy_public", resource="it's public")
SERVICE = Scope(service="ec2", region="eu-west-1")


def done(
    kind: CommandKind, answer: str, scope: Scope = SERVICE, until: float = 0.0, why: str = "a migration"
) -> Command:
    return Command(
        "0123456789abcdef", kind, "", "", "alice", why, NOW, until, "done", answer, "slack:U012AB3CD", "slack",
        scope=scope,
    )  # fmt: skip


PAUSED = done("pause", "paused", until=NOW + 1800)


@pytest.mark.parametrize(
    ("command", "thread", "said"),
    [
        (
            PAUSED,
            "pause:service=ec2 region=eu-west-1",
            (
                "Paused: service=ec2 region=eu-west-1",
                "By alice: a migration",
                "Nothing of it is fixed until 2026-11-18 11:36 UTC; telling goes on.",
                "To lift it: /parapet resume service=ec2 region=eu-west-1, or "
                "./parapet resume --service ec2 --region eu-west-1.",
            ),
        ),
        (
            done("pause", "paused", Scope(), why=""),
            "pause:all",
            (
                "Paused: everything",
                "By alice, who gave no reason.",
                "Nothing of it is fixed until somebody resumes; telling goes on.",
                "To lift it: /parapet resume, or ./parapet resume.",
            ),
        ),
        (
            done("resume", "resumed"),
            "pause:service=ec2 region=eu-west-1",
            (
                "No longer paused: service=ec2 region=eu-west-1",
                "By alice: a migration",
                "What no other pause holds is fixed again, also what waited.",
                "To pause it again: ./parapet pause --service ec2 --region eu-west-1 --why REASON.",
            ),
        ),
        (
            done("exempt", "exempted", BUCKET, NOW + 30 * DAY),
            "waiver:0123456789abcdef",
            (
                "Exempted: guardrail=s3_bucket_policy_public resource=it's public",
                "By alice: a migration",
                "Nothing of it is fixed until 2026-12-18 11:06 UTC, and nobody is asked about it.",
                "To end it now: ./parapet exempt --end 0123456789abcdef --why REASON.",
            ),
        ),
        (
            done("resume", "ended waiver fedcba9876543210", BUCKET),
            "waiver:fedcba9876543210",
            (
                "No longer exempted: guardrail=s3_bucket_policy_public resource=it's public",
                "By alice: a migration",
                "What it let stand is looked at again now.",
                "To permit it again: ./parapet exempt --guardrail s3_bucket_policy_public "
                "--resource 'it'\"'\"'s public' --until 30d --why REASON.",
            ),
        ),
    ],
)
def test_each_says_who_why_where_until_when_and_the_way_back(
    command: Command, thread: str, said: tuple[str, ...]
) -> None:
    notice = compose.of_switch(command)
    assert notice is not None
    assert (notice.key, notice.thread) == ("command:0123456789abcdef", thread)
    assert (notice.title, *notice.lines) == said
    assert dict(notice.facts)["Identity"] == "slack:U012AB3CD"
    assert notice.loud == (command.kind == "pause")


@pytest.mark.parametrize("command", [
    replace(PAUSED, finding="abcd1234"), replace(PAUSED, status="asked"), replace(PAUSED, status="refused"),
    *(replace(PAUSED, kind=kind) for kind in COMMANDS if kind not in ("pause", "resume", "exempt")),
])  # fmt: skip
def test_nothing_of_what_is_about_a_finding_or_not_done(command: Command) -> None:
    assert compose.of_switch(command) is None


def test_what_the_core_records_is_told(account: TestAccount) -> None:
    journal: Journal = account.journal
    given = account.command("exempt", scope=BUCKET)
    commands.waive(journal, given)
    account.clock.forward(1)
    commands.end_waiver(journal, account.ours, account.command("resume", why=""), given.id)
    told = [compose.of_switch(one) for one in journal.commands(NOW - 1, NOW + 2)]
    assert [(one.thread, one.status) for one in told if one] == [
        (f"waiver:{given.id}", "exempted"), (f"waiver:{given.id}", "ended"),
    ]  # fmt: skip


def test_the_scope_of_everything_weighs_more() -> None:
    weights = [compose.of_switch(replace(PAUSED, scope=scope)) for scope in (Scope(), SERVICE)]
    assert [one.severity for one in weights if one] == ["high", "medium"]


@pytest.mark.parametrize("why", ["", "<!channel> *bold* " * 300])
@pytest.mark.parametrize("resource", ["x", "x" * 3000])
def test_the_longest_stays_within_slacks_limits(why: str, resource: str) -> None:
    scope = Scope(resource=resource)
    for command in (
        done("exempt", "exempted", scope, NOW + DAY, why), done("resume", "ended waiver 1", scope, why=why),
        replace(PAUSED, why=why),
    ):  # fmt: skip
        notice = compose.of_switch(command)
        assert notice is not None
        assert outbox.load(str(outbox._message(notice)["MessageBody"])) == notice
        for blocks in (slack_blocks.root(notice)[1], slack_blocks.reply(notice)[1]):
            slack_limits.blocks(blocks)


def test_one_from_the_console_need_not_say_since_when() -> None:
    notice = compose.of_pause_standing(Pause("somebody in the console", "", 0.0), NOW)
    assert notice.title == "Still paused: everything"
    assert dict(notice.facts)["Since"] == "not known"
