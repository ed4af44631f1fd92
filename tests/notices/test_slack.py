"""Telling Slack once, whatever happens on the way: the real client against the stand-in."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.model import AwsError, Busy, Notice, ParapetError
from chalicelib.notices.channel import RateLimited, Refused, Unreachable
from chalicelib.notices.slack import Slack
from chalicelib.notices.threads import Threads, mark
from chalicelib.secrets import Kept
from local.slack import SCOPES, Channel, Fault, SlackStandIn
from tests.account import TABLE, TestAccount
from tests.notices.samples import FIXED, UNDONE, notice
from tests.notices.serving import serving
from tests.wire import Crash, Made

PARAMETER = "/parapet/slack-token"
TOKEN = "xoxb-synthetic-token-1"


@dataclass
class Stage:
    """Slack's stand-in, our account, and a way to tell."""

    account: TestAccount
    slack: SlackStandIn
    url: str
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.channel = "#parapet"
        self.put(TOKEN)
        self.us = self.fresh()

    def put(self, token: str) -> None:
        ssm = self.account.client("ssm")
        ssm.put_parameter(Name=PARAMETER, Value=token, Type="SecureString", Overwrite=True)

    def fresh(self) -> Slack:
        """A new Lambda environment."""
        threads = Threads(self.account.aws("notify"), TABLE)
        token = Kept(self.account.client, PARAMETER, "Slack's bot token")
        return Slack(token, threads, self.channel, url=f"{self.url}/api/", timeout=1, sleep=self.slept.append)

    def tell(self, one: Notice = FIXED, seconds: float = 30.0) -> str:
        return self.us.tell(one, lambda: seconds).kind

    def tell_anew(self, one: Notice = FIXED) -> str:
        self.us = self.fresh()
        return self.tell(one)

    def crash(self, when: Callable[[list[str]], bool], how: Any = "crash before") -> None:
        """Have the function killed at the first call to our table for which `when` holds, given those so far."""

        def fault(number: int, _: Made) -> Any:
            seen = [made.operation for made in self.account.wire.calls[: number + 1] if made.service == "dynamodb"]
            return how if when(seen) else None

        self.account.wire.reset()
        self.account.wire.fail(fault)

    def titles(self) -> list[str]:
        return [message["blocks"][0]["text"]["text"] for message in self.slack.threads()]

    def replies(self) -> list[str]:
        return [reply["blocks"][0]["text"]["text"] for root in self.slack.threads() for reply in root["replies"]]


@pytest.fixture
def stage(account: TestAccount) -> Iterator[Stage]:
    slack = SlackStandIn(token=TOKEN)
    with serving(slack) as url:
        yield Stage(account, slack, url)


def actions(message: dict[str, Any]) -> list[str]:
    return [e["action_id"] for block in message["blocks"] if block["type"] == "actions" for e in block["elements"]]


class TestAThread:
    def test_begins_with_its_root(self, stage: Stage) -> None:
        assert stage.tell() == "sent"
        (root,) = stage.slack.threads()
        assert root["metadata"] == {
            "event_type": "parapet_notice",
            "event_payload": {"key": FIXED.key, "thread": FIXED.thread},
        }
        assert actions(root) == ["undo"]
        assert root["replies"] == []

    def test_goes_on_with_replies_and_its_root_shows_the_latest(self, stage: Stage) -> None:
        stage.tell()
        assert stage.tell(UNDONE) == "sent"
        (root,) = stage.slack.threads()
        assert stage.titles() == [f"↩️ {UNDONE.title}"]
        assert actions(root) == []
        (reply,) = stage.replies()
        assert reply.startswith(f"↩️ {UNDONE.title}\n")
        assert FIXED.lines[0] in str(root["blocks"])

    def test_keeps_the_roots_own_key_when_the_root_is_rewritten(self, stage: Stage) -> None:
        stage.tell()
        stage.tell(UNDONE)
        assert stage.slack.threads()[0]["metadata"]["event_payload"]["key"] == FIXED.key

    def test_sends_to_the_channel_too_what_is_loud(self, stage: Stage) -> None:
        stage.tell()
        stage.tell(UNDONE)
        stage.tell(replace(UNDONE, key="loud", title="Loud", at=UNDONE.at + 1, loud=True))
        (root,) = stage.slack.threads()
        assert [reply.get("subtype") for reply in root["replies"]] == [None, "thread_broadcast"]
        assert stage.tell_anew(replace(UNDONE, key="loud", loud=True)) == "known"

    def test_may_begin_with_what_is_loud(self, stage: Stage) -> None:
        stage.tell(notice(loud=True))
        (root,) = stage.slack.threads()
        assert "subtype" not in root

    def test_finds_what_is_loud_after_an_interrupted_call(self, stage: Stage) -> None:
        stage.tell()
        stage.slack.fail("broken after")
        with pytest.raises(Unreachable):
            stage.tell(replace(UNDONE, loud=True))
        assert stage.tell_anew(replace(UNDONE, loud=True)) == "found"
        assert len(stage.replies()) == 1

    def test_tells_a_late_notice_without_turning_the_root_back(self, stage: Stage) -> None:
        stage.tell(UNDONE)
        stage.tell(FIXED)
        assert stage.titles() == [f"↩️ {UNDONE.title}"]
        assert len(stage.replies()) == 1

    def test_is_apart_from_other_threads(self, stage: Stage) -> None:
        stage.tell()
        stage.tell(notice(key="other:0:fixed", thread="other", finding="other", title="Fixed: other"))
        assert stage.titles() == [f"✅ {FIXED.title}", "✅ Fixed: other"]

    def test_begins_anew_where_its_root_was_deleted(self, stage: Stage) -> None:
        stage.tell()
        stage.slack.delete(stage.slack.threads()[0]["ts"])
        assert stage.tell(UNDONE) == "sent"
        assert stage.titles() == [f"↩️ {UNDONE.title}"]
        stage.tell(replace(UNDONE, key="later", title="Later", at=UNDONE.at + 1))
        assert stage.titles() == ["↩️ Later"]
        assert len(stage.replies()) == 1

    def test_moves_with_the_channel_that_is_set_when_its_own_was_archived(self, stage: Stage) -> None:
        stage.tell()
        stage.slack.channels[0].archived = True
        stage.slack.channels.append(Channel("C0NEWPLACE", "alerts"))
        stage.channel = "#alerts"
        assert stage.tell_anew(UNDONE) == "sent"
        assert [message["replies"] for message in stage.slack.threads("alerts")] == [[]]

    def test_with_odd_names_is_told_all_the_same(self, stage: Stage) -> None:
        odd = notice(key="k\n\ud800" * 400, thread="t" * 3000, title="\ud800<!channel>")
        assert stage.tell(odd) == "sent"
        assert stage.tell(odd) == "known"
        assert stage.titles() == ["✅ \ufffd&lt;!channel&gt;"]


class TestOnce:
    def test_the_same_notice_again_is_known(self, stage: Stage) -> None:
        assert [stage.tell(), stage.tell(), stage.tell_anew()] == ["sent", "known", "known"]
        assert len(stage.slack.messages) == 1

    def test_nothing_is_asked_of_slack_about_a_known_notice(self, stage: Stage) -> None:
        stage.tell()
        stage.slack.calls.clear()
        stage.tell()
        assert stage.slack.calls == []

    @pytest.mark.parametrize("crash", ["crash before", "crash after"])
    @pytest.mark.parametrize(("write", "sent"), [(1, 0), (2, 1)])
    @pytest.mark.parametrize("second", [False, True])
    def test_a_crash_around_the_call_ends_in_one_message(
        self, stage: Stage, crash: str, write: int, sent: int, second: bool
    ) -> None:
        one = FIXED
        if second:
            stage.tell()
            one = UNDONE
        stage.crash(lambda seen: seen.count("UpdateItem") == write, crash)
        with pytest.raises(Crash):
            stage.tell(one)
        stage.account.wire.calm()
        assert len(stage.slack.messages) == second + sent
        done = (write, crash) == (2, "crash after")
        again = stage.tell_anew(one)
        assert again == ("known" if done else "found" if sent else "sent")
        assert len(stage.slack.messages) == second + 1
        assert stage.titles() == [f"{'↩️' if second else '✅'} {one.title}"]

    @pytest.mark.parametrize("fault", ["silence after", "broken after", "500 after", "fatal_error after"])
    @pytest.mark.parametrize("second", [False, True])
    def test_an_answer_lost_after_the_effect_ends_in_one_message(
        self, stage: Stage, fault: Fault, second: bool
    ) -> None:
        one = FIXED
        if second:
            stage.tell()
            one = UNDONE
        stage.slack.fail(fault, seconds=1.5)
        with pytest.raises(Unreachable):
            stage.tell(one)
        assert len(stage.slack.messages) == second + 1
        assert stage.tell_anew(one) == "found"
        assert len(stage.slack.messages) == second + 1
        assert stage.tell(one) == "known"

    @pytest.mark.parametrize("fault", ["silence", "broken", "500"])
    def test_a_call_lost_before_the_effect_is_made_again(self, stage: Stage, fault: Fault) -> None:
        stage.slack.fail(fault, seconds=1.5)
        with pytest.raises(Unreachable):
            stage.tell()
        assert stage.slack.messages == []
        assert stage.tell() == "sent"
        assert len(stage.slack.messages) == 1

    def test_the_channel_given_by_its_id_needs_no_look_up(self, stage: Stage) -> None:
        stage.channel = stage.slack.channels[0].id
        stage.us = stage.fresh()
        stage.slack.fail("500 after")
        with pytest.raises(Unreachable):
            stage.tell()
        assert stage.tell() == "found"
        assert "users.conversations" not in stage.slack.calls

    def test_somebody_elses_message_with_our_key_is_not_taken_for_ours(self, stage: Stage) -> None:
        stage.slack.fail("500 after")
        with pytest.raises(Unreachable):
            stage.tell()
        stage.slack.messages[0][1]["bot_id"] = "B0SOMEBODY"
        assert stage.tell() == "sent"

    def test_it_is_found_behind_two_pages_of_other_messages(self, stage: Stage) -> None:
        stage.slack.limited = False
        stage.slack.fail("500 after")
        with pytest.raises(Unreachable):
            stage.tell()
        where, message = stage.slack.messages[0]
        for number in range(450):
            stage.slack.messages.append(
                (where, {**message, "ts": f"{float(message['ts']) + number + 1:.6f}", "metadata": {}})
            )
        assert stage.tell() == "found"

    def test_where_looking_is_impossible_it_is_rather_told_twice(self, stage: Stage) -> None:
        stage.slack.fail("500 after")
        with pytest.raises(Unreachable):
            stage.tell()
        stage.slack.tokens[TOKEN] = frozenset({"chat:write"})
        outcome = stage.us.tell(FIXED, lambda: 30.0)
        assert outcome.kind == "sent"
        assert "missing_scope" in outcome.note
        assert "channels:read" in outcome.note
        assert len(stage.slack.messages) == 2

    def test_a_root_that_could_not_be_rewritten_is_rewritten_on_the_next_try(self, stage: Stage) -> None:
        stage.tell()
        stage.slack.fail("500", method="chat.update")
        with pytest.raises(Unreachable):
            stage.tell(UNDONE)
        assert stage.titles() == [f"✅ {FIXED.title}"]
        assert stage.tell_anew(UNDONE) == "found"
        assert stage.titles() == [f"↩️ {UNDONE.title}"]
        assert len(stage.replies()) == 1

    def test_two_attempts_of_one_thread_are_kept_apart(self, stage: Stage) -> None:
        stage.tell()
        later = replace(UNDONE, key="later", at=UNDONE.at + 1)
        stage.slack.fail("500 after", times=2)
        for one in (UNDONE, later):
            with pytest.raises(Unreachable):
                stage.tell(one)
        assert [stage.tell(later), stage.tell(UNDONE)] == ["found", "found"]
        assert len(stage.slack.messages) == 3

    def test_two_invocations_on_one_thread_do_not_both_tell(self, stage: Stage) -> None:
        threads = Threads(stage.account.aws("notify"), TABLE)
        stale = threads.read(mark(FIXED.thread))
        stage.tell()
        with pytest.raises(Busy):
            threads.attempt(stale, "another", 1.0)

    def test_a_table_that_throttles_is_told_as_it_is(self, stage: Stage) -> None:
        stage.crash(lambda _: True, "throttle")
        with pytest.raises(AwsError):
            stage.tell()
        stage.account.wire.calm()
        assert stage.tell() == "sent"


class TestPatience:
    def test_a_short_wait_is_waited(self, stage: Stage) -> None:
        stage.slack.fail("429", times=2, seconds=3)
        assert stage.tell() == "sent"
        assert stage.slept == [3.0, 3.0]

    def test_a_long_wait_goes_back_to_the_queue(self, stage: Stage) -> None:
        stage.slack.fail("429", seconds=30)
        with pytest.raises(RateLimited, match="30 s"):
            stage.tell()
        assert stage.slept == []
        stage.slack.calls.clear()
        assert stage.tell() == "sent"
        # It was certainly not sent: there was nothing to look for.
        assert stage.slack.calls == ["chat.postMessage"]

    def test_a_short_wait_without_time_left_goes_back_too(self, stage: Stage) -> None:
        stage.slack.fail("429", seconds=4)
        with pytest.raises(RateLimited):
            stage.tell(seconds=6.0)
        assert stage.slept == []

    def test_nothing_is_begun_without_time_to_end_it(self, stage: Stage) -> None:
        with pytest.raises(RateLimited, match="too little time"):
            stage.tell(seconds=2.0)
        assert stage.slack.calls == []

    def test_a_burst_is_slowed_down_and_all_of_it_told(self, stage: Stage) -> None:
        ticks = itertools.count()
        at = 1_795_000_000.0
        stage.slack.now = lambda: at + sum(stage.slept) + next(ticks) / 1e6
        for number in range(20):
            stage.tell(notice(key=f"k{number}", thread=f"t{number}"))
        assert len(stage.slack.messages) == 20
        assert stage.slept


class TestToMend:
    def refusal(self, stage: Stage) -> str:
        with pytest.raises(Refused) as caught:
            stage.tell()
        assert TOKEN not in str(caught.value)
        return str(caught.value)

    def test_a_wrong_token_names_the_parameter(self, stage: Stage) -> None:
        stage.slack.tokens.clear()
        assert f"SSM parameter {PARAMETER} is not valid" in self.refusal(stage)

    def test_a_new_token_is_used_without_a_new_environment(self, stage: Stage) -> None:
        stage.tell()
        stage.slack.tokens = {"xoxb-synthetic-token-2": frozenset(SCOPES)}
        stage.put("xoxb-synthetic-token-2")
        assert stage.tell(UNDONE) == "sent"

    def test_a_token_that_was_taken_away_is_read_anew_once_a_try(self, stage: Stage) -> None:
        stage.tell()
        stage.slack.tokens.clear()
        stage.account.wire.reset()
        with pytest.raises(Refused, match="invalid_auth"):
            stage.tell(UNDONE)
        assert [made.name for made in stage.account.wire.calls].count("ssm:GetParameter") == 1

    def test_the_token_is_read_once_for_many_notices(self, stage: Stage) -> None:
        stage.account.wire.reset()
        for number in range(5):
            stage.tell(notice(key=f"k{number}", thread=f"t{number}"))
        assert [made.name for made in stage.account.wire.calls].count("ssm:GetParameter") == 1

    def test_an_unknown_channel_names_the_setting(self, stage: Stage) -> None:
        stage.channel = "#typo"
        stage.us = stage.fresh()
        assert "slack.channel in parapet.toml" in self.refusal(stage)

    def test_a_bot_that_is_not_invited_says_how(self, stage: Stage) -> None:
        stage.slack.channels[0].member = False
        assert "Invite the bot to #parapet with /invite @parapet" in self.refusal(stage)

    def test_an_archived_channel_is_named(self, stage: Stage) -> None:
        stage.slack.channels[0].archived = True
        assert "#parapet is archived" in self.refusal(stage)

    def test_a_missing_scope_is_named(self, stage: Stage) -> None:
        stage.slack.tokens[TOKEN] = frozenset({"channels:read"})
        assert "scope chat:write" in self.refusal(stage)

    def test_a_missing_parameter_is_named(self, stage: Stage) -> None:
        stage.account.client("ssm").delete_parameter(Name=PARAMETER)
        stage.us = stage.fresh()
        with pytest.raises(
            ParapetError, match=r"cannot be read from SSM parameter /parapet/slack-token.*ssm:GetParameter"
        ):
            stage.tell()

    @pytest.mark.parametrize("broken", ["xoxb-secret part", "xoxb-secret\nX-Evil: 1", "xoxb-sécret"])
    def test_a_broken_token_is_shown_nowhere(self, stage: Stage, broken: str, caplog: pytest.LogCaptureFixture) -> None:
        stage.put(broken)
        stage.us = stage.fresh()
        with (
            caplog.at_level(logging.DEBUG, "slack_sdk"),
            pytest.raises(ParapetError, match="does not hold Slack's bot token") as caught,
        ):
            stage.tell()
        assert "cret" not in str(caught.value)
        assert "cret" not in caplog.text.replace("Secret", "")

    def test_a_token_with_a_line_end_works(self, stage: Stage) -> None:
        stage.put(TOKEN + "\n")
        stage.us = stage.fresh()
        assert stage.tell() == "sent"

    def test_a_slack_that_is_not_there_is_said(self, stage: Stage) -> None:
        stage.url = "http://127.0.0.1:9"
        stage.us = stage.fresh()
        with pytest.raises(Unreachable, match=r"did not answer chat\.postMessage"):
            stage.tell()

    def test_a_message_that_slack_does_not_take_is_our_defect(self, stage: Stage) -> None:
        params = {"channel": "#parapet", "text": "x", "blocks": [{"type": "header"}]}
        with pytest.raises(Refused, match=r"invalid_blocks.*missing required field: text.*please report"):
            stage.us._api.call("chat_postMessage", lambda: 30.0, **params)
