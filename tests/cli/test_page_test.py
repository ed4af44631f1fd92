"""`page-test`: a test page goes the real way to each channel, and what came back is told."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from chalicelib.model import Channel, Destination, Notice
from chalicelib.notices.outbox import load
from chalicelib.notices.threads import Failed, Threads, Told, mark
from tests.account import TABLE, TestAccount
from tests.cli.terminal import Terminal

ROUTES = """
[pagerduty]
default = "ssm:/parapet/pagerduty-key"
leads = "ssm:/parapet/leads"

[[routes]]
route = "pages"
severity = ["critical"]
slack = "#oncall"
pagerduty = "default"
email = ["oncall@example.com"]

[[routes]]
route = "tickets"
slack = "#tickets"

[[routes]]
route = "escalates"
slack = "#oncall"
pagerduty = "default"
escalate_after = "10m"
escalate_to = "leads"

[[routes]]
route = "only escalates"
slack = "#oncall"
escalate_after = "10m"
escalate_to = "leads"

[[routes]]
route = "the same again"
pagerduty = "default"
escalate_after = "10m"
escalate_to = "default"
"""
LINES: Mapping[Channel, str] = {"slack": "", "pagerduty": "trigger default", "email": ""}


class Room:
    """The queues of a stage, and functions that tell what is in them, but for those that fail.

    `refusing` has why, by a channel, a PagerDuty service or what a page means; `failing` why for now, by channel.
    """

    def __init__(self, account: TestAccount, terminal: Terminal) -> None:
        self.account, self.terminal = account, terminal
        self.sqs, self.told = account.client("sqs"), list[tuple[str, Notice]]()
        self.refusing: dict[str, str] = {}
        self.failing: dict[str, str] = {}
        self.queues = {
            name: self.sqs.create_queue(
                QueueName=f"parapet-test-{name}.fifo", Attributes={"FifoQueue": "true"}
            )["QueueUrl"]
            for name in LINES
        }  # fmt: skip
        sns = account.client("sns")
        self.topics = {name: sns.create_topic(Name=f"parapet-test-{name}")["TopicArn"] for name in ("email", "page")}
        terminal.settings(ROUTES)

    def subscribe(self, topic: str, address: str, protocol: str = "email") -> None:
        self.account.client("sns").subscribe(TopicArn=self.topics[topic], Protocol=protocol, Endpoint=address)

    def deliver(self, seconds: float) -> None:
        """What the channels' functions do while somebody waits."""
        self.account.clock.forward(seconds)
        for channel, queue in self.queues.items():
            for message in self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                notice = load(message["Body"])
                threads, name, key = Threads(self.account.ours, TABLE, channel), mark(notice.thread), mark(notice.key)
                if channel in self.failing:
                    if why := self.failing[channel]:
                        threads.failed(name, Failed(key, why, False), notice.at)
                    self.sqs.change_message_visibility(
                        QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                    )
                    continue
                service = notice.destination.pagerduty if notice.destination and channel == "pagerduty" else ""
                said = [self.refusing[one] for one in (channel, service, notice.page) if one in self.refusing]
                if said and (channel == "pagerduty" or channel in self.refusing):
                    threads.failed(name, Failed(key, said[0], True), notice.at)
                else:
                    self.told.append((channel, notice))
                    told = Told(key, "1700000000.000100", notice.at, notice.status, LINES[channel])
                    threads.sent(threads.read(name), told, "C0AAAAAAA", "1700000000.000100")
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def run(self, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
        result = self.terminal.run("page-test", "--wait", "5s", "--json", *arguments, sleep=self.deliver)
        assert result.stderr == ""
        return result.exit_code, {one["way"]: one for one in json.loads(result.stdout)["results"]}


@pytest.fixture
def room(account: TestAccount, terminal: Terminal) -> Room:
    return Room(account, terminal)


def test_goes_to_every_channel_of_the_route_and_says_what_came_back(room: Room) -> None:
    room.subscribe("email", "oncall@example.com")
    room.subscribe("page", "lead@example.com")
    code, found = room.run()
    assert {way: one["state"] for way, one in found.items()} == {
        "slack": "ok", "pagerduty": "ok", "email": "ok",
        "slack, over": "ok", "pagerduty, over": "ok", "email, over": "ok",
        "e-mail to oncall@example.com": "ok", "without Parapet: email": "ok",
    }  # fmt: skip
    assert code == 0
    assert "message 1700000000.000100 in C0AAAAAAA" in found["slack"]["evidence"]
    assert "PagerDuty took the event (202)" in found["pagerduty"]["evidence"]


def test_is_marked_and_over_in_every_channel_in_the_end(room: Room) -> None:
    room.run()
    assert all(notice.test for _, notice in room.told)
    for channel in LINES:
        told = [notice for name, notice in room.told if name == channel]
        assert [one.page for one in told] == ["trigger", "resolve"]
        assert len({(one.thread, one.fingerprint) for one in told}) == 1
        assert any("TEST over" in line for line in told[-1].lines)


def test_whom_the_route_escalates_to_is_tested_at_once_and_hears_the_end_by_the_same_resolution(room: Room) -> None:
    code, found = room.run("--route", "escalates")
    assert found["pagerduty, escalated to leads"]["state"] == "ok"
    pages = [(one.page, one.destination) for channel, one in room.told if channel == "pagerduty"]
    assert [(page, where.pagerduty) for page, where in pages if where] == [
        ("trigger", "default"), ("trigger", "leads"), ("resolve", "default"),
    ]  # fmt: skip
    assert code == 0


def test_whom_a_route_escalates_to_may_be_the_only_one_or_the_same_one(room: Room) -> None:
    _, only = room.run("--route", "only escalates")
    assert (only["pagerduty"]["state"], only["pagerduty, escalated to leads"]["state"]) == ("not set up", "ok")
    assert only["pagerduty, over"]["state"] == "ok"
    _, same = room.run("--route", "the same again")
    assert "pagerduty, escalated to default" not in same
    assert same["pagerduty, over"]["state"] == "ok"


def test_says_at_once_why_a_channel_refused_and_ends_the_test_where_it_came(room: Room) -> None:
    room.refusing = {"slack": "Slack refused chat.postMessage: channel_not_found", "default": "invalid routing key"}
    before = room.account.clock()
    code, found = room.run("--route", "escalates")
    assert (code, room.account.clock() - before < 5) == (1, True)
    assert (found["slack"]["state"], found["slack"]["evidence"]) == ("failed", room.refusing["slack"])
    assert (found["pagerduty"]["state"], found["pagerduty"]["evidence"]) == ("failed", "invalid routing key")
    assert "slack, over" not in found
    assert found["pagerduty, over"]["state"] == "ok"
    [over] = [notice for _, notice in room.told if notice.page == "resolve"]
    assert over.destination == Destination(pagerduty="leads")


def test_says_what_keeps_a_channel_and_sends_the_end_behind(room: Room) -> None:
    room.failing = {"pagerduty": "PagerDuty answered 503; it is tried again"}
    code, found = room.run()
    assert (code, found["pagerduty"]["state"]) == (1, "no answer")
    assert "answered 503" in found["pagerduty"]["evidence"]
    assert "pagerduty, over" not in found
    room.failing = {}
    room.deliver(60)
    assert [notice.page for channel, notice in room.told if channel == "pagerduty"] == ["trigger", "resolve"]


def test_says_where_to_look_when_nothing_comes_back(room: Room) -> None:
    room.failing = {"pagerduty": ""}
    code, found = room.run()
    assert code == 1
    assert "/aws/lambda/parapet-test-notify-pagerduty" in found["pagerduty"]["evidence"]


def test_says_that_an_incident_may_be_open_when_its_end_does_not_arrive(room: Room) -> None:
    room.refusing = {"resolve": "invalid routing key"}
    code, found = room.run()
    assert (code, found["pagerduty, over"]["state"]) == (1, "failed")
    assert found["pagerduty, over"]["evidence"].startswith("resolve the test's incident in PagerDuty yourself: invalid")


def test_says_what_is_not_set_up(room: Room) -> None:
    code, found = room.run("--route", "tickets")
    assert code == 0
    assert {way for way, one in found.items() if one["state"] == "not set up"} == {
        "pagerduty",
        "email",
        "without Parapet",
    }
    assert 'pagerduty = "default"' in found["pagerduty"]["evidence"]
    assert "PageEmail" in found["without Parapet"]["evidence"]


def test_an_address_that_is_not_subscribed_is_a_failure(room: Room) -> None:
    code, found = room.run()
    assert code == 1
    assert "it is not subscribed: deploy" in found["e-mail to oncall@example.com"]["evidence"]


def test_goes_where_the_severity_goes_or_by_a_route_that_there_is(room: Room) -> None:
    assert set(room.run("--severity", "low")[1]) >= {"slack"}
    assert [notice.destination.slack for _, notice in room.told if notice.destination] == ["#tickets"] * 2
    assert "did you mean 'pages'?" in room.terminal.fails(2, "page-test", "--route", "page")


def test_says_where_there_is_no_parapet(terminal: Terminal) -> None:
    assert "there is no queue parapet-test-slack.fifo in eu-west-1" in terminal.fails(2, "page-test")
