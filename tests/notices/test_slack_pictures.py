"""Pictures, channels and pace: what is shown in Slack, where, how fast, and what is told when that fails."""

from __future__ import annotations

import base64
import itertools
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import items
from chalicelib.model import Destination, Notice
from chalicelib.notices.channel import RateLimited, Refused, Unreachable
from chalicelib.notices.slack import READY, Slack
from chalicelib.notices.slack_api import BURST, Pace
from chalicelib.notices.threads import Threads, mark
from chalicelib.secrets import Kept
from local.slack import SCOPES, Channel, Fault
from tests.account import TABLE, Clock
from tests.notices import test_slack
from tests.notices.alerts import FIRING
from tests.notices.test_slack import PARAMETER, TOKEN, Stage
from tests.wire import Crash

stage = test_slack.stage
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
EVIDENCE = replace(FIRING, key="evidence", picture=base64.b64encode(PNG).decode(), at=FIRING.at + 2)
UPLOAD = ("files.getUploadURLExternal", "upload_url", "files.completeUploadExternal")
ACKNOWLEDGED = replace(FIRING, key="ack", status="acknowledged", lines=("alice is on it.",), at=FIRING.at + 60)


def picture(message: dict[str, Any]) -> str:
    """The file that a message shows."""
    [*found] = [block["slack_file"]["id"] for block in message["blocks"] if block["type"] == "image"]
    return str(found[0]) if found else ""


def text(message: dict[str, Any]) -> str:
    return str(message["blocks"])


class TestAPicture:
    def test_is_uploaded_for_the_bot_alone_and_shown_in_the_root(self, stage: Stage) -> None:
        stage.tell(EVIDENCE)
        [root], [file] = stage.slack.threads(), stage.slack.files.values()
        assert (file.content, file.complete, file.alt_text) == (PNG, True, FIRING.title)
        assert picture(root) == file.id
        [image] = [block for block in root["blocks"] if block["type"] == "image"]
        assert image["alt_text"] == FIRING.title
        assert stage.slack.calls == [*UPLOAD, "chat.postMessage"]

    def test_comes_into_an_open_thread_and_its_root_and_stays_there(self, stage: Stage) -> None:
        stage.tell(FIRING)
        stage.tell(EVIDENCE)
        stage.tell(ACKNOWLEDGED)
        [root] = stage.slack.threads()
        assert "Acknowledged" in text(root)
        assert [picture(one) for one in (root, *root["replies"])] == ["F000000001", "F000000001", ""]

    def test_that_is_newer_takes_the_place_of_the_older(self, stage: Stage) -> None:
        stage.tell(EVIDENCE)
        stage.tell(replace(EVIDENCE, key="later", at=EVIDENCE.at + 1))
        assert picture(stage.slack.threads()[0]) == "F000000002"

    def test_is_waited_for_until_slack_has_it_ready(self, stage: Stage) -> None:
        stage.slack.unready = 2
        stage.tell(EVIDENCE)
        assert picture(stage.slack.threads()[0])
        assert stage.slept == list(READY[:2])
        assert stage.slack.calls.count("chat.postMessage") == 3

    def test_that_never_gets_ready_is_left_out(self, stage: Stage) -> None:
        stage.slack.unready = 99
        assert stage.tell(EVIDENCE) == "sent"
        [root] = stage.slack.threads()
        assert picture(root) == ""
        assert "The picture is not shown: Slack did not get it ready in time." in text(root)

    def test_that_somebody_deleted_does_not_keep_the_root_from_being_rewritten(self, stage: Stage) -> None:
        stage.tell(EVIDENCE)
        stage.slack.files.clear()
        stage.tell(ACKNOWLEDGED)
        [root] = stage.slack.threads()
        assert "Acknowledged" in text(root)
        assert picture(root) == ""
        assert Threads(stage.account.aws("notify"), TABLE).read(mark(FIRING.thread)).picture == ""

    def test_is_found_with_its_message_after_an_interrupted_call(self, stage: Stage) -> None:
        stage.tell(FIRING)
        stage.slack.fail("500 after")
        with pytest.raises(Unreachable):
            stage.tell(EVIDENCE)
        assert stage.tell_anew(EVIDENCE) == "found"
        [root] = stage.slack.threads()
        assert [picture(one) for one in (root, *root["replies"])] == ["F000000001", "F000000001"]

    @pytest.mark.parametrize("write", [1, 2])
    def test_a_crash_around_the_calls_ends_in_one_message(self, stage: Stage, write: int) -> None:
        stage.crash(lambda seen: seen.count("UpdateItem") == write)
        with pytest.raises(Crash):
            stage.tell(EVIDENCE)
        stage.account.wire.calm()
        stage.tell_anew(EVIDENCE)
        assert len(stage.slack.messages) == 1
        assert picture(stage.slack.threads()[0])


class TestWithoutAPicture:
    def lacking(self, stage: Stage, one: Notice = EVIDENCE) -> str:
        """Tell a notice whose picture cannot be shown; returns the message."""
        assert stage.tell(one) == "sent"
        [root] = stage.slack.threads()
        assert picture(root) == ""
        assert FIRING.title in text(root)
        assert "The picture is not shown" in text(root)
        assert TOKEN not in text(root)
        return text(root)

    def test_it_is_told_with_the_scope_that_is_missing(self, stage: Stage) -> None:
        stage.slack.tokens[TOKEN] = frozenset(SCOPES) - {"files:write"}
        assert "Give the Slack app the scope files:write, install it again" in self.lacking(stage)

    @pytest.mark.parametrize("method", UPLOAD)
    @pytest.mark.parametrize("fault", ["500", "broken after", "silence after"])
    def test_it_is_told_whatever_step_fails(self, stage: Stage, method: str, fault: Fault) -> None:
        stage.slack.fail(fault, method=method, seconds=1.1)
        self.lacking(stage)
        assert len(stage.slack.messages) == 1

    def test_it_is_told_when_slack_asks_to_wait_for_long(self, stage: Stage) -> None:
        stage.slack.fail("429", method="files.getUploadURLExternal", seconds=30)
        assert "asks to wait 30 s" in self.lacking(stage)
        assert stage.slept == []

    def test_a_short_wait_is_waited(self, stage: Stage) -> None:
        stage.slack.fail("429", method="files.getUploadURLExternal", seconds=2)
        stage.tell(EVIDENCE)
        assert stage.slept == [2.0]
        assert picture(stage.slack.threads()[0])

    @pytest.mark.parametrize(
        ("broken", "says"),
        [("not base64!", "came broken"), (base64.b64encode(b"GIF89a").decode(), "no PNG"),
         (base64.b64encode(PNG * 9999).decode(), "larger than 256 KB")],
    )  # fmt: skip
    def test_it_is_told_when_the_picture_is_none(self, stage: Stage, broken: str, says: str) -> None:
        assert says in self.lacking(stage, replace(EVIDENCE, picture=broken))
        assert stage.slack.files == {}

    def test_a_message_that_slack_refuses_for_another_reason_is_still_refused(self, stage: Stage) -> None:
        stage.slack.channels[0].archived = True
        with pytest.raises(Refused, match="is_archived"):
            stage.tell(EVIDENCE)

    def test_a_record_of_an_older_version_is_read(self, stage: Stage) -> None:
        stage.tell(FIRING)
        key = items.item({"pk": f"THREAD#slack#{FIRING.thread}", "sk": "THREAD"})
        stage.account.client("dynamodb").update_item(TableName=TABLE, Key=key, UpdateExpression="REMOVE picture")
        assert stage.tell_anew(ACKNOWLEDGED) == "sent"
        assert len(stage.replies()) == 1


class TestAChannel:
    def to(self, one: Notice, channel: str) -> Notice:
        return replace(one, destination=Destination(slack=channel))

    def test_is_the_one_that_the_notice_is_for(self, stage: Stage) -> None:
        stage.slack.channels.append(Channel("C0CHECKOUT", "checkout"))
        stage.tell(self.to(FIRING, "#checkout"))
        stage.tell(notice_without_a_place())
        assert len(stage.slack.threads("checkout")) == len(stage.slack.threads()) == 1

    def test_stays_the_one_in_which_the_thread_began(self, stage: Stage) -> None:
        stage.slack.channels.append(Channel("C0CHECKOUT", "checkout"))
        stage.tell(self.to(FIRING, "#checkout"))
        stage.tell(self.to(ACKNOWLEDGED, "#parapet"))
        assert stage.slack.threads() == []
        [root] = stage.slack.threads("checkout")
        assert len(root["replies"]) == 1

    @pytest.mark.parametrize("trouble", ["not there", "archived", "not invited"])
    def test_that_nobody_can_write_to_gives_way_to_our_own(self, stage: Stage, trouble: str) -> None:
        if trouble != "not there":
            stage.slack.channels.append(Channel("C0CHECKOUT", "checkout", trouble == "archived", trouble == "archived"))
        assert stage.tell(self.to(FIRING, "#checkout")) == "sent"
        [root] = stage.slack.threads()
        assert "This was meant for #checkout. Slack refused chat.postMessage" in text(root)

    def test_that_is_not_there_fails_a_test_of_its_route(self, stage: Stage) -> None:
        with pytest.raises(Refused, match="There is no channel #checkout"):
            stage.tell(replace(self.to(FIRING, "#checkout"), test=True))
        assert stage.slack.messages == []

    def test_the_way_out_is_looked_at_too_after_an_interrupted_call(self, stage: Stage) -> None:
        # The first is refused, the second takes effect and its answer is lost.
        stage.slack.fail("500 after")
        with pytest.raises(Unreachable):
            stage.tell(FIRING)
        assert stage.tell_anew(self.to(FIRING, "#checkout")) == "found"
        assert len(stage.slack.messages) == 1


def notice_without_a_place() -> Notice:
    return replace(FIRING, key="elsewhere", thread="elsewhere", destination=None)


class TestPace:
    def test_is_a_message_a_second_after_a_short_burst(self) -> None:
        clock = Clock()
        pace, said = Pace(clock, clock.sleep), []
        for _ in range(60):
            pace.keep("C0", 60.0)
            said.append(clock.at)
        for start, end in itertools.combinations(said, 2):
            assert sum(start <= at <= end for at in said) <= (end - start) + BURST + 1 + 1e-6
        assert said[-1] - said[0] == pytest.approx(59 - BURST)

    def test_is_each_channels_own_and_forgets(self) -> None:
        clock = Clock()
        pace = Pace(clock, clock.sleep)
        for channel in ("C1", "C2"):
            for _ in range(int(BURST) + 1):
                pace.keep(channel, 1.0)
        assert clock.slept == []
        clock.at += 60
        pace.keep("C1", 1.0)
        assert clock.slept == []

    def test_is_not_waited_for_without_the_time(self) -> None:
        clock = Clock()
        pace = Pace(clock, clock.sleep)
        for _ in range(int(BURST) + 1):
            pace.keep("C1", 0.0)
        for _ in range(2):
            with pytest.raises(RateLimited, match="one message a second in C1"):
                pace.keep("C1", 0.5)
        assert clock.slept == []

    def test_keeps_a_storm_within_what_slack_takes_and_in_order(self, stage: Stage) -> None:
        clock = Clock()
        stage.slack.now = clock
        token = Kept(stage.account.client, PARAMETER, "Slack's bot token")
        threads = Threads(stage.account.aws("notify"), TABLE)
        us = Slack(token, threads, "#parapet", url=f"{stage.url}/api/", timeout=1, now=clock, sleep=clock.sleep)
        storm = [replace(FIRING, key=f"k{n}", thread=f"t{n}", title=f"alarm {n:02d}") for n in range(25)]
        ends, told = clock.at + 20, []
        for one in storm:
            try:
                us.tell(one, lambda: ends - clock.at)
                told.append(one)
            except RateLimited:
                break
        # It never had to be stopped by Slack, and what there was no time for has not been begun.
        assert stage.slack.calls == ["chat.postMessage"] * len(told)
        assert len(told) == 17 + BURST + 1
        assert told == storm[: len(told)]
