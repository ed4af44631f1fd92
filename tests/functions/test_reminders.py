"""What is told before a permission ends: once, to those who can still do something about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from chalice import Chalice

from chalicelib import commands
from chalicelib.functions import notify as telling
from chalicelib.functions import reminders
from chalicelib.journal import Journal, place
from chalicelib.model import DAY, Asker, AwsError, Exemption, Finding, Notice, Scope, Waiver
from chalicelib.permitted import permissions
from chalicelib.settings import Exempting
from local.slack import SlackStandIn
from tests.account import TABLE, TestAccount
from tests.functions.test_guards import TICK, Context
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.playing import deployed
from tests.samples import ACCOUNT, ALICE, REGION

NAME = SCENARIO.guardrail
ASKER = Asker("alice", ALICE["arn"], "cli")


def undone(account: TestAccount, seconds: float) -> Finding:
    account.enforce()
    [finding] = account.deliver(SCENARIO.breach(account, SCENARIO.build(account)))
    assert account.undo(finding, seconds).answer == "undone"
    return account.findings()[-1]


def waived(account: TestAccount, seconds: float, **scope: str) -> Waiver:
    now = account.clock()
    wanted = commands.new(
        "exempt", ASKER, now, account.settings, why="a honeypot", until=now + seconds, scope=Scope(**scope)
    )
    return commands.waive(account.journal, wanted)


def told(account: TestAccount) -> list[Notice]:
    """What the function would tell now, under its role."""
    with account.acting("reminders"):
        journal = Journal(account.aws("reminders"), TABLE)
        return list(reminders.notices(journal, account.settings, account.clock()))


def mornings(account: TestAccount, days: int) -> list[list[Notice]]:
    """What is told on each of so many mornings, from tomorrow on."""
    found = []
    for _ in range(days):
        account.clock.forward(DAY)
        found.append(told(account))
    return found


def test_three_days_before_the_end_in_the_findings_own_thread(account: TestAccount) -> None:
    finding = undone(account, 7 * DAY)
    assert finding.due is not None
    found = mornings(account, 8)
    assert [len(one) for one in found] == [0, 0, 0, 1, 1, 1, 0, 0]
    assert len({one.key for day in found for one in day}) == 1
    [notice] = found[3]
    assert (notice.key, notice.thread) == (f"{finding.id}:ending:{finding.due:.0f}", finding.id)
    assert notice.title == f"Ends soon: {finding.why}"
    assert notice.lines == (
        "Permitted by bob: a reason; until 2026-11-25 11:06 UTC.",
        "Then, if it is still so, it is fixed by itself.",
        f"To prolong it: press Exempt, or ./parapet exempt {finding.id} --until 30d --why REASON.",
        f"To end it now: ./parapet approve {finding.id} fixes it.",
    )
    assert notice.actions == ("approve", "exempt")


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("approve", "Then, if it is still so, Parapet asks what to do."),
        ("observe", "Then, if it is still so, Parapet tells again."),
        ("off", "Nothing happens then: its guardrail is off."),
    ],
)
def test_says_what_happens_then(account: TestAccount, mode: str, text: str) -> None:
    undone(account, 7 * DAY)
    account.mode(NAME, event=mode)
    account.clock.forward(5 * DAY)
    [notice] = told(account)
    assert notice.lines[1] == text


def test_not_of_what_was_short_from_the_start(account: TestAccount) -> None:
    undone(account, 1800.0)
    waived(account, 3 * DAY, resource="sg-1")
    assert told(account) == []
    assert mornings(account, 4) == [[], [], [], []]


def test_how_long_before_is_a_setting(account: TestAccount) -> None:
    waived(account, 5 * DAY, resource="sg-1")
    account.set(exempting=Exempting(tell_before=DAY))
    assert [len(one) for one in mornings(account, 6)] == [0, 0, 0, 1, 0, 0]


def test_with_a_day_it_is_told_on_one_of_two_mornings_wherever_they_fall(account: TestAccount) -> None:
    account.set(exempting=Exempting(tell_before=DAY))
    start, ends = account.clock(), []
    for number in range(9):
        hours = 48 + number * 3
        ends.append(waived(account, hours * 3600.0 + 30.0, resource=f"sg-{number}").until)
    heard: dict[str, float] = {}
    # A schedule is not to the second.
    for number, late in enumerate((0.0, 59.0, 0.0, 59.0), 1):
        account.clock.at = start + number * DAY + late
        for notice in told(account):
            heard.setdefault(notice.key, notice.at)
    assert len(heard) == len(ends)
    for end, at in zip(sorted(ends), sorted(heard.values()), strict=True):
        assert 0 < end - at <= DAY + 3600


def test_a_waiver_in_a_thread_of_its_own(account: TestAccount) -> None:
    account.enforce()
    group = SCENARIO.build(account)
    waiver = waived(account, 30 * DAY, guardrail=NAME, resource=group)
    [finding] = account.deliver(SCENARIO.breach(account, group))
    assert finding.status == "exempted"
    account.clock.forward(28 * DAY)
    [notice] = told(account)
    assert (notice.key, notice.thread) == (
        f"waiver:{waiver.id}:ending:{waiver.until:.0f}", f"waiver:{waiver.id}",
    )  # fmt: skip
    assert notice.title == f"Ends soon: the exemption of guardrail={NAME} resource={group}"
    assert notice.lines == (
        "Permitted by alice: a honeypot; until 2026-12-18 11:06 UTC.",
        "Then what it lets stand is looked at again, and fixed, asked about or told, as its guardrail's mode says.",
        f"To prolong it: ./parapet exempt --guardrail {NAME} --resource {group} --until 30d --why REASON.",
        f"To end it now: ./parapet exempt --end {waiver.id} --why REASON.",
    )
    assert notice.facts == (("Exempted", f"guardrail={NAME} resource={group}"), ("Lets stand now", "1"))


def test_prolonged_it_is_told_again_before_the_new_end(account: TestAccount) -> None:
    finding = undone(account, 7 * DAY)
    account.clock.forward(5 * DAY)
    [first] = told(account)
    assert account.obey(account.ask("exempt", finding, 20 * DAY)).answer == "exempted"
    assert told(account) == []
    account.clock.forward(18 * DAY)
    [second] = told(account)
    assert (second.thread, second.key != first.key) == (first.thread, True)


def test_nothing_of_a_guardrail_that_is_no_longer_there(account: TestAccount) -> None:
    finding, journal = undone(account, 7 * DAY), account.journal
    old = replace(finding, id="0ld00000", violation=replace(finding.violation, guardrail="ec2_gone"))
    there, where = journal.look([place(old.violation)], ["ec2_gone"]), place(old.violation)
    entry = journal.head(place(finding.violation)).entries[old.violation.part]
    journal.open(old, replace(entry, finding=old.id), there.heads[where], there.limits["ec2_gone"])
    account.permit(where, Exemption(old.violation.part, account.clock() + 7 * DAY, "bob", "a reason"))
    account.clock.forward(5 * DAY)
    assert {one.id for one in permissions(journal, account.clock())} == {old.id, finding.id}
    assert [notice.finding for notice in told(account)] == [finding.id]


class TestPauses:
    def paused(self, account: TestAccount, seconds: float = 0.0, **scope: str) -> None:
        wanted = replace(account.command("pause", "alice", 60.0), scope=Scope(**scope))
        commands.pause(account.journal, replace(wanted, until=account.clock() + seconds if seconds else 0.0))

    def test_is_told_again_each_day_that_it_stays(self, account: TestAccount) -> None:
        self.paused(account)
        account.clock.forward(DAY - 1)
        assert told(account) == []
        account.clock.forward(1)
        first, again, next_ = told(account), told(account), mornings(account, 1)[0]
        assert [notice.key for notice in first] == [notice.key for notice in again] == ["pause:all:on:2026-11-19"]
        assert [(notice.key, notice.thread) for notice in next_] == [("pause:all:on:2026-11-20", "pause:all")]
        [notice] = first
        assert (notice.title, notice.severity, notice.loud) == ("Still paused, for 24 h: everything", "high", True)
        assert notice.lines == (
            "By alice: a reason",
            "Nothing of it is fixed until somebody resumes; telling goes on.",
            "To lift it: /parapet resume, or ./parapet resume.",
        )

    def test_of_a_scope_until_its_end(self, account: TestAccount) -> None:
        self.paused(account, 2.5 * DAY, service="ec2", region=REGION)
        found = mornings(account, 4)
        assert [len(day) for day in found] == [1, 1, 0, 0]
        [notice] = found[0]
        assert notice.thread == f"pause:service=ec2 region={REGION}"
        assert "until 2026-11-20 23:06 UTC" in notice.lines[1]
        assert notice.lines[2] == (
            f"To lift it: /parapet resume service=ec2 region={REGION}, or "
            f"./parapet resume --service ec2 --region {REGION}."
        )

    def test_however_the_permissions_fare(self, account: TestAccount) -> None:
        self.paused(account)
        account.clock.forward(DAY)
        account.wire.fail(lambda _number, made: "deny" if made.operation == "Query" else None)
        with account.acting("reminders"):
            found = reminders.notices(Journal(account.aws("reminders"), TABLE), account.settings, account.clock())
            assert next(found).thread == "pause:all"
            with pytest.raises(AwsError):
                next(found)


@pytest.fixture
def slack(account: TestAccount) -> Iterator[SlackStandIn]:
    """The functions' environment, and their Slack."""
    with deployed(account) as stand_in:
        yield stand_in


def test_slack_hears_it_once_however_many_mornings_there_are(account: TestAccount, slack: SlackStandIn) -> None:
    undone(account, 7 * DAY)
    waived(account, 7 * DAY, resource="sg-1")
    sent = [notice for day in mornings(account, 7) for notice in day]
    assert len(sent) == 6
    with account.acting("notify"):
        for notice in sent:
            telling.slack(ACCOUNT).tell(notice, lambda: 30.0)
    assert slack.calls.count("chat.postMessage") == 2
    about = [root["blocks"][0]["text"]["text"] for root in slack.threads()]
    assert len(about) == 2
    assert "the exemption of resource=sg-1" in " ".join(about)


class TestFunction:
    @pytest.fixture
    def run(self, account: TestAccount, slack: SlackStandIn) -> Any:
        """The function as deployed, under its role."""
        Chalice(app_name="parapet").register_blueprint(reminders.blueprint)
        handler = account.running("reminders", reminders.reminders)
        return lambda: handler(TICK, Context(function_name="parapet-test-reminders"))

    def test_sends_what_ends_soon_to_the_outbox(self, account: TestAccount, run: Any) -> None:
        now = time.time()
        account.journal.waive(Waiver("0" * 16, Scope(resource="sg-1"), now + DAY, "alice", "x", now - 30 * DAY))
        account.journal.waive(Waiver("1" * 16, Scope(resource="sg-2"), now + 9 * DAY, "alice", "x", now - 30 * DAY))
        run()
        run()
        [notice] = account.notices()
        assert notice.thread == "waiver:" + "0" * 16

    def test_a_journal_that_cannot_be_read_is_an_error(self, account: TestAccount, run: Any) -> None:
        account.wire.fail(lambda _number, made: "deny" if made.operation == "Query" else None)
        with pytest.raises(AwsError, match="dynamodb:Query answered AccessDenied"):
            run()
