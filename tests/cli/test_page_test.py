"""`page-test`: a test page goes the real way to each channel, and what came back is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.model import Channel, Notice
from chalicelib.notices.outbox import load
from chalicelib.notices.threads import Threads, Told, mark
from tests.account import TABLE, TestAccount
from tests.cli.terminal import Terminal

ROUTES = """
[pagerduty]
default = "ssm:/parapet/pagerduty-key"

[[routes]]
route = "pages"
severity = ["critical"]
slack = "#oncall"
pagerduty = "default"
email = ["oncall@example.com"]

[[routes]]
route = "tickets"
slack = "#tickets"
"""
LINES: Mapping[Channel, str] = {"slack": "", "pagerduty": "trigger default", "email": ""}


class Room:
    """The queues of a stage, and functions that tell what is in them, but for those that fail."""

    def __init__(self, account: TestAccount, terminal: Terminal) -> None:
        self.account, self.terminal = account, terminal
        self.sqs, self.told = account.client("sqs"), list[tuple[str, Notice]]()
        self.failing: set[str] = set()
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
                if channel in self.failing:
                    continue
                notice = load(message["Body"])
                self.told.append((channel, notice))
                threads = Threads(self.account.ours, TABLE, channel)
                told = Told(mark(notice.key), "1700000000.000100", notice.at, notice.status, LINES[channel])
                threads.sent(threads.read(mark(notice.thread)), told, "C0AAAAAAA", "1700000000.000100")
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
        "slack": "ok", "pagerduty": "ok", "email": "ok", "pagerduty, over": "ok", "e-mail to oncall@example.com": "ok",
        "without Parapet: email": "ok",
    }  # fmt: skip
    assert code == 0
    assert "message 1700000000.000100 in C0AAAAAAA" in found["slack"]["evidence"]
    assert "PagerDuty took the event (202)" in found["pagerduty"]["evidence"]


def test_is_marked_and_pagerdutys_incident_is_over_at_once(room: Room) -> None:
    room.run()
    assert all(notice.test for _, notice in room.told)
    pages = [notice for channel, notice in room.told if channel == "pagerduty"]
    assert [one.page for one in pages] == ["trigger", "resolve"]
    assert len({one.fingerprint for one in pages}) == 1
    # Nobody else hears that a test is over.
    assert len([channel for channel, _ in room.told]) == 4


def test_says_which_channel_failed_and_what_its_log_says(room: Room) -> None:
    room.failing.add("slack")
    logs = room.account.client("logs")
    group = "/aws/lambda/parapet-test-notify"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="x")

    def deliver(seconds: float) -> None:
        for message in room.sqs.receive_message(QueueUrl=room.queues["slack"]).get("Messages", []):
            said = {
                "message": "not told: Slack refused chat.postMessage: not_in_channel",
                "notice": load(message["Body"]).key,
            }
            event: dict[str, Any] = {"timestamp": int(room.account.clock() * 1000), "message": json.dumps(said)}
            logs.put_log_events(logGroupName=group, logStreamName="x", logEvents=[event])
        room.deliver(seconds)

    result = room.terminal.run("page-test", "--wait", "5s", sleep=deliver)
    assert result.exit_code == 1
    assert "not_in_channel" in result.stdout


def test_says_where_to_look_when_nothing_comes_back(room: Room) -> None:
    room.failing.add("pagerduty")
    code, found = room.run()
    assert code == 1
    assert "/aws/lambda/parapet-test-notify-pagerduty" in found["pagerduty"]["evidence"]
    assert "pagerduty, over" not in found


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
    assert [notice.destination.slack for _, notice in room.told if notice.destination] == ["#tickets"]
    assert "did you mean 'pages'?" in room.terminal.fails(2, "page-test", "--route", "page")


def test_says_where_there_is_no_parapet(terminal: Terminal) -> None:
    assert "there is no queue parapet-test-slack.fifo in eu-west-1" in terminal.fails(2, "page-test")
