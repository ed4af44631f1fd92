"""Alerts in Slack: what people press and type about them, and what they are answered."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.alerts.book import Book
from chalicelib.alerts.model import Group
from chalicelib.notices import slack_blocks
from chalicelib.notices.slack import Slack
from chalicelib.notices.threads import Threads
from chalicelib.secrets import Kept
from tests.account import TABLE
from tests.alerts import office
from tests.api.slacking import ALICE, BOTS, MALLORY, Slacking

HOUR = 3600.0


@pytest.fixture
def alert(room: Slacking) -> Group:
    return office.fires(room.account)


def root(room: Slacking, alert: Group, picture: str = "") -> str:
    """The alert's message that stands in the channel; returns its number."""
    assert alert.notice
    if picture:
        file = room.slack.announce("p.png", 4, "")
        file.content, file.complete = b"\x89PNG", True
        picture = file.id
    text, blocks = slack_blocks.root(alert.notice, picture=picture)
    return str(room.slack.post(room.slack.channels[0], {"text": text, "blocks": blocks})["ts"])


def press(room: Slacking, alert: Group, kind: str, user: Any = ALICE, ts: str = "") -> str:
    """Have somebody press a button of an alert's message; returns the message's number."""
    where = ts or root(room, alert)
    assert room.tell(room.pressed(user, where, kind)) == (200, None)
    return where


def obey(room: Slacking) -> list[str]:
    """Have what was asked for carried out; returns the answers."""
    answers = []
    for _, detail in room.api.events():
        assert detail["service"] == "alert"
        office.dispatch(room.account).carry_out(detail["command"])
        command = room.account.journal.command(detail["command"])
        assert command
        answers.append(command.answer)
    return answers


class TestButtons:
    def test_that_somebody_is_on_it_is_recorded_shown_and_told(self, room: Slacking, alert: Group) -> None:
        ts = press(room, alert, "acknowledge")
        shown = room.message(ts)["blocks"]
        assert not [block for block in shown if block["type"] == "actions"]
        assert "*Acknowledge* asked for by alice in Slack" in str(shown[-1])
        assert obey(room) == ["acknowledged"]
        assert office.known(room.account, alert.id).acknowledged == "alice in Slack"
        assert room.account.notices()[-1].status == "acknowledged"

    def test_a_picture_stays_when_a_button_is_pressed(self, room: Slacking, alert: Group) -> None:
        ts = root(room, alert, picture="yes")
        message = room.message(ts)
        for block in message["blocks"]:
            if block["type"] == "image":
                # Slack tells more than it takes.
                block |= {"image_width": 800, "image_height": 400, "fallback": "a picture"}
        press(room, alert, "acknowledge", ts=ts)
        [image] = [block for block in room.message(ts)["blocks"] if block["type"] == "image"]
        assert set(image) == {"type", "slack_file", "alt_text"}

    def test_that_there_was_nothing_to_do_is_counted(self, room: Slacking, alert: Group) -> None:
        press(room, alert, "dismiss")
        assert obey(room) == ["counted as not actionable"]
        assert "calls it not actionable" in room.account.notices()[-1].lines[0]

    def test_a_silence_asks_for_how_long_and_why(self, room: Slacking, alert: Group) -> None:
        press(room, alert, "silence")
        modal = room.slack.modals[ALICE.id].view
        assert modal["title"]["text"] == "Silence"
        options = modal["blocks"][1]["element"]["options"]
        assert [one["value"] for one in options] == ["1h", "4h", "1d", "7d"]
        assert room.submit(ALICE, **{"for": "4h", "why": "a deployment"}) is None
        assert obey(room) == ["silenced"]
        [silence] = Book(room.account.ours, TABLE).silences()
        assert silence.matcher.alert == (alert.id,)
        assert (silence.until, silence.why) == (room.account.clock() + 4 * HOUR, "a deployment")

    @pytest.mark.parametrize(
        ("given", "block", "says"),
        [
            ({"for": "4h"}, "why", "Say why."),
            ({"for": "60d", "why": "x"}, "why", "within 30 days"),
            ({"why": "x"}, "for", "not a duration"),
        ],
    )
    def test_a_silence_names_the_field_to_mend(
        self, room: Slacking, alert: Group, given: dict[str, str], block: str, says: str
    ) -> None:
        press(room, alert, "silence")
        errors = room.submit(ALICE, **given)
        assert list(errors) == [block]
        assert says in errors[block]
        assert room.commands() == []

    @pytest.mark.parametrize("kind", ["acknowledge", "silence", "dismiss"])
    def test_are_for_those_who_may(self, room: Slacking, alert: Group, kind: str) -> None:
        press(room, alert, kind, MALLORY)
        [told] = room.told(MALLORY)
        assert told.startswith(f"You may not {kind} anything from Slack. @parapet may:")
        assert room.commands() == []
        assert MALLORY.id not in room.slack.modals

    def test_of_an_earlier_time_are_void(self, room: Slacking, alert: Group) -> None:
        ts = root(room, alert)
        room.account.clock.forward(60)
        office.ends(room.account)
        room.account.clock.forward(HOUR)
        office.fires(room.account)
        press(room, alert, "acknowledge", ts=ts)
        assert room.told(ALICE) == ["That was about an earlier time; look at the latest message of this alert."]

    def test_of_what_somebody_is_on_say_who(self, room: Slacking, alert: Group) -> None:
        ts = root(room, alert)
        press(room, alert, "acknowledge")
        obey(room)
        press(room, alert, "acknowledge", ts=ts)
        assert room.told(ALICE) == ["alice in Slack is on it already."]

    @pytest.mark.parametrize(
        ("kind", "value"), [("undo", "{}:1"), ("approve", "{}:1"), ("acknowledge", "a-00000000:1"), ("silence", "x")]
    )
    def test_that_are_not_ours_do_nothing(self, room: Slacking, alert: Group, kind: str, value: str) -> None:
        ts = root(room, alert)
        payload = room.pressed(ALICE, ts, "acknowledge")
        payload["actions"][0] |= {"action_id": kind, "value": value.format(alert.id)}
        assert room.tell(payload) == (200, None)
        assert len(room.told(ALICE)) == 1
        assert room.commands() == []

    def test_told_twice_are_asked_once(self, room: Slacking, alert: Group) -> None:
        payload = room.pressed(ALICE, root(room, alert), "acknowledge")
        for _ in range(2):
            assert room.tell(payload) == (200, None)
        assert len(room.commands()) == 1


def tell(room: Slacking) -> None:
    """Have Slack told what is in the outbox."""
    token = Kept(room.account.client, BOTS, "Slack's bot token")
    threads = Threads(room.account.aws("notify"), TABLE)
    us = Slack(token, threads, "#parapet", url=f"{room.url}/api/", now=room.account.clock, sleep=lambda _: None)
    for notice in room.account.notices():
        us.tell(notice, lambda: 60.0)


def test_from_the_alarm_to_its_end_everybody_sees_one_thread(room: Slacking, alert: Group) -> None:
    def heading() -> str:
        [message] = room.slack.threads()
        return str(message["blocks"][0]["text"]["text"])

    def buttons() -> list[str]:
        [message] = room.slack.threads()
        return [e["action_id"] for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]

    tell(room)
    assert heading() == "🔴 Firing: checkout-5xx is in ALARM"
    assert buttons() == ["acknowledge", "silence", "dismiss", "explain"]
    [root] = room.slack.threads()
    room.account.clock.forward(60)
    press(room, alert, "acknowledge", ts=root["ts"])
    obey(room)
    tell(room)
    assert heading() == "👋 Acknowledged: checkout-5xx is in ALARM"
    assert buttons() == ["silence", "dismiss", "explain"]
    room.account.clock.forward(60)
    office.ends(room.account, title="checkout-5xx is OK")
    tell(room)
    assert heading() == "✅ Resolved: checkout-5xx is OK"
    assert buttons() == ["dismiss", "explain"]
    press(room, alert, "dismiss", ts=root["ts"])
    assert obey(room) == ["counted as not actionable"]
    tell(room)
    [root] = room.slack.threads()
    assert len(root["replies"]) == 3


class TestTyped:
    def test_lists_what_fires(self, room: Slacking, alert: Group) -> None:
        said = room.type(ALICE, "alerts")
        assert "1 alert fires:" in said
        assert f"High · {alert.id} · 0.0 s ago" in said
        assert "checkout-5xx is in ALARM · checkout · 123456789012 · eu-west-1" in said

    def test_says_when_nothing_does(self, room: Slacking) -> None:
        assert room.type(ALICE, "alerts") == "Nothing fires."
        assert room.type(ALICE, "silences") == "Nothing is silenced."

    @pytest.mark.parametrize("verb", ["ack", "acknowledge"])
    def test_acknowledges_and_shows_the_outcome_below(self, room: Slacking, alert: Group, verb: str) -> None:
        assert f"Asked for: Acknowledge, {alert.id}" in room.type(ALICE, f"{verb} {alert.id}")
        assert obey(room) == ["acknowledged"]
        assert room.account.notices()[-1].reply_to

    def test_writes_a_name_as_it_is_where_a_sentence_begins(self, room: Slacking, alert: Group) -> None:
        room.type(ALICE, f"ack {alert.id}")
        obey(room)
        assert room.type(ALICE, f"ack {alert.id}") == "alice in Slack is on it already."
        assert room.type(ALICE, "ack a-00000000").startswith("There is no alert a-00000000: ")

    def test_silences_an_alert(self, room: Slacking, alert: Group) -> None:
        assert "Asked for: Silence" in room.type(ALICE, f"silence {alert.id} 4h a deployment")
        assert obey(room) == ["silenced"]

    def test_silences_whatever_fits_and_ends_that(self, room: Slacking, alert: Group) -> None:
        said = room.type(ALICE, "silence service=checkout severity=high,low for 4h why a migration")
        assert "Silenced: severity=high,low service=checkout" in said
        assert "It covers 1 alert that fires now" in said
        [silence] = Book(room.account.ours, TABLE).silences()
        assert (silence.why, silence.who) == ("a migration", "alice in Slack")
        listed = room.type(ALICE, "silences")
        assert silence.id in listed
        assert "a migration" in listed
        assert "No longer silenced" in room.type(ALICE, f"unsilence {silence.id[:6]}")
        assert room.type(ALICE, "silences") == "Nothing is silenced."

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("silence", "what it is about, and for how long"),
            ("silence 4h", "what it is about, and for how long"),
            ("silence service=checkout", "what it is about, and for how long"),
            ("silence service=checkout 4h", "Say why."),
            ("silence colour=red 4h x", "'colour=red' is not FIELD=VALUE"),
            ("silence service=checkout 60d x", "within 30 days"),
            ("ack", "which finding or alert"),
            ("ack a-nope", "There is no alert `a-nope`: `/parapet alerts` lists them"),
            ("dismiss a-nope", "There is no alert `a-nope`"),
            ("silence a-nope 4h x", "There is no alert `a-nope`"),
            ("ack a-00000000", "There is no alert a-00000000"),
            ("dismiss abcd1234", "the id of an alert"),
            ("undo a-3f9k2m1q", "`a-3f9k2m1q` is an alert, and `undo` is for findings"),
            ("unsilence xyz", "the id of a silence"),
            ("unsilence abcdef", "there is no silence 'abcdef'"),
        ],
    )
    def test_says_what_cannot_be_understood(self, room: Slacking, text: str, says: str) -> None:
        assert says.lower() in room.type(ALICE, text).lower()
        assert room.commands() == []

    @pytest.mark.parametrize(
        "text", ["alerts", "silences", "unsilence abcd", "silence service=x 4h y", "ack a-00000000"]
    )
    def test_is_for_those_who_may(self, room: Slacking, text: str) -> None:
        assert "You may not" in room.type(MALLORY, text)
