"""Two thousand alarms in a minute, and a Slack that throttles and loses answers: all is told, a thread per group."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from chalicelib.model import Notice
from chalicelib.notices.channel import RateLimited, Unreachable
from chalicelib.notices.slack import Slack
from chalicelib.notices.threads import Threads
from chalicelib.secrets import Kept
from local.slack import SlackStandIn
from tests.alerts.desk import NOW, TABLE, Desk
from tests.notices.serving import serving

TOKEN = "xoxb-synthetic-token-1"
ALARMS, SERVICES = 2000, 8


class Store:
    """Where the token is kept."""

    def get_parameter(self, **_: Any) -> dict[str, Any]:
        return {"Parameter": {"Value": TOKEN}}


class Queue:
    """The outbox's queue as its function sees it: order within a thread, and what failed comes again later."""

    def __init__(self, notices: list[Notice]) -> None:
        self.threads: dict[str, list[Notice]] = {}
        for one in notices:
            self.threads.setdefault(one.thread, []).append(one)

    def emptied(self, slack: Slack, desk: Desk) -> int:
        """Tell all there is, one batch of ten after the other; returns how often something had to come again."""
        again = 0
        while self.threads:
            batch = [(name, number) for name, waiting in self.threads.items() for number in range(len(waiting))][:10]
            ends, done, failed = desk.clock.at + 30.0, Counter[str](), set[str]()
            for name, number in batch:
                if name in failed:
                    continue
                try:
                    slack.tell(self.threads[name][number], lambda ends=ends: ends - desk.clock.at)  # type: ignore[misc]
                    done[name] += 1
                except (RateLimited, Unreachable):
                    again += 1
                    failed.add(name)
            for name, number in done.items():
                self.threads[name] = self.threads[name][number:]
            self.threads = {name: waiting for name, waiting in self.threads.items() if waiting}
            # What failed is visible again after a while; others go first.
            desk.clock.at += 1.0
            assert again < 100, "it does not come to an end"
        return again


@pytest.fixture(scope="module")
def desk() -> Desk:
    """Where the storm has been taken: every alarm fires within a minute, one in twenty reported twice."""
    desk, draw = Desk(), random.Random(7)
    signals = [
        desk.signal(f"alarm-{number}", service=f"service-{number % SERVICES}", at=NOW + 60.0 * number / ALARMS)
        for number in range(ALARMS)
    ]
    signals += draw.sample(signals, ALARMS // 20)
    # Queues promise no order; much of it comes nearly as it was sent.
    signals.sort(key=lambda signal: signal.at + draw.random() * 5)
    for start in range(0, len(signals), 10):
        desk.clock.at = max(desk.clock.at, max(one.at for one in signals[start : start + 10]))
        desk.report(*signals[start : start + 10])
    desk.passes(60)
    return desk


def test_every_alarm_is_named_once_in_the_one_thread_of_its_group(desk: Desk) -> None:
    told = desk.told()
    assert len({notice.thread for notice in told}) == SERVICES
    assert len({notice.key for notice in told}) == len(told)
    named = Counter(
        text.split(" is in ALARM")[0].removeprefix("Fires: ")
        for notice in told
        for text in (notice.lines if notice.status == "joined" else (notice.title,))
    )
    assert named == Counter(f"alarm-{number}" for number in range(ALARMS))
    # Few enough that Slack takes them within minutes.
    assert len(told) <= SERVICES * (2 + ALARMS // SERVICES / 20)


def test_slack_gets_all_of_it_in_order_at_its_own_pace_and_once(desk: Desk) -> None:
    slack = SlackStandIn(token=TOKEN, now=desk.clock)
    slack.fail("429", times=2, seconds=3)
    slack.fail("500 after", times=2)
    slack.fail("500", times=2)

    def sleep(seconds: float) -> None:
        desk.clock.at += seconds

    with serving(slack) as url:
        kept = Kept(lambda _: Store(), "/parapet/slack-token", "Slack's bot token")
        threads = Threads(desk.cloud, TABLE)
        ours = Slack(kept, threads, "#parapet", url=f"{url}/api/", timeout=2, now=desk.clock, sleep=sleep)
        began, told = desk.clock.at, desk.told()
        again = Queue(told).emptied(ours, desk)
        posted = [message for root in slack.threads() for message in (root, *root["replies"])]
    assert len(slack.threads()) == SERVICES
    assert again >= 1, "nothing of what Slack lost came again"
    keys = Counter(message["metadata"]["event_payload"]["key"] for message in posted)
    assert set(keys) == {notice.key for notice in told}
    # What Slack took without an answer is found again, and not said twice.
    assert set(keys.values()) == {1}
    assert len(posted) <= (desk.clock.at - began) + 9, "more than a message a second"
    for root in slack.threads():
        times = [float(message["ts"]) for message in root["replies"]]
        assert times == sorted(times)
