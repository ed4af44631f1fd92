"""What people see of an alert in Slack, as text; `python -m tests.notices.test_slack_alerts` writes it anew."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.model import Notice
from chalicelib.notices import slack_blocks
from chalicelib.notices.slack_blocks import Earlier
from local import slack_limits
from tests.notices import alerts
from tests.notices.alerts import ACKNOWLEDGED, FIRING, RESOLVED, TEST, UNKNOWN

SEEN = Path(__file__).with_name("alerts.txt")
PICTURE = "F012345678"


def seen(name: str) -> str:
    """A notice about an alert as its channel shows it, and as a reply in its thread."""
    notice = alerts.ALL[name]
    before = [] if notice.status in ("firing", "told", "digest") else [Earlier(FIRING.at, "firing", FIRING.lines[0])]
    picture = PICTURE if "picture" in name else ""
    text, blocks = slack_blocks.root(notice, before, picture=picture)
    _, reply = slack_blocks.reply(notice, picture=picture)
    for some in (blocks, reply):
        slack_limits.blocks(some)
    lines = [f"== {name}", f"notification: {text}", *map(readable, blocks), "-- in the thread", *map(readable, reply)]
    return "\n".join(lines) + "\n"


def readable(block: dict[str, Any]) -> str:
    """A block as text."""
    kind = block["type"]
    if kind == "actions":
        return "actions: " + " ".join(f"[{one['text']['text']} {one['value']}]" for one in block["elements"])
    if kind == "image":
        return f"image: {block['slack_file']['id']} ({block['alt_text']})"
    texts = [block["text"]] if "text" in block else block.get("fields") or block["elements"]
    return f"{kind}: " + " / ".join(one["text"].replace("\n", " ⏎ ") for one in texts)


@pytest.mark.parametrize("name", alerts.ALL)
def test_is_seen_as_it_was_looked_at(name: str) -> None:
    expected = {part.partition("\n")[0]: part for part in SEEN.read_text("utf-8").split("\n\n")}
    assert seen(name).rstrip("\n") == expected[f"== {name}"].rstrip("\n")


def blocks_of(notice: Notice, **more: Any) -> list[dict[str, Any]]:
    return slack_blocks.root(notice, **more)[1]


def test_a_heading_begins_with_the_state_in_words_and_says_it_once() -> None:
    assert blocks_of(FIRING)[0]["text"]["text"].startswith("🔴 Firing: checkout answers")
    assert blocks_of(RESOLVED)[0]["text"]["text"] == "✅ Resolved: checkout answers with errors"


@pytest.mark.parametrize("status", [*slack_blocks.STATES, "digest"])
def test_every_status_has_a_symbol(status: str) -> None:
    assert status in slack_blocks.SYMBOLS


def test_a_test_is_marked_wherever_it_is_read() -> None:
    text, blocks = slack_blocks.root(TEST)
    reply_text, reply = slack_blocks.reply(TEST)
    for one in (text, reply_text, blocks[0]["text"]["text"], reply[0]["text"]["text"]):
        assert one.startswith("🔴 TEST · Firing: ")
    for some in (blocks, reply):
        assert "only a test: nothing is wrong" in json.dumps(some)


def test_nothing_of_a_raw_report_is_markup_or_a_mention() -> None:
    shown = json.dumps(blocks_of(UNKNOWN), ensure_ascii=False)
    assert "<!channel>" not in shown
    assert "&lt;!channel&gt;" in shown
    [said] = [block for block in blocks_of(UNKNOWN) if block["type"] == "section" and "text" in block]
    assert said["text"]["type"] == "plain_text"


def test_what_to_type_is_shown_where_nobody_hears_a_press() -> None:
    assert blocks_of(FIRING, interactive=False)[-1]["elements"][0]["text"] == (
        "To answer, on the command line:\n./parapet acknowledge a-3f9k2m1q\n"
        "./parapet silence a-3f9k2m1q --for 4h --why REASON\n./parapet dismiss a-3f9k2m1q"
    )


def test_only_what_is_not_actionable_asks_again_before_it_counts() -> None:
    [buttons] = [block["elements"] for block in blocks_of(FIRING) if block["type"] == "actions"]
    assert [one["action_id"] for one in buttons if "confirm" in one] == ["dismiss"]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://example.com/a?b=1&c=2#d~(e'f)", "<https://example.com/a?b=1&amp;c=2#d~(e'f)|Name>"),
        ("https://example.com/a|b>c d", "Name: https://example.com/a|b&gt;c d"),
        ("https://example.com/a|b>c", "<https://example.com/a%7Cb%3Ec|Name>"),
        ("https://me@example.com/", "Name: `https://me@example.com/`"),
        ("http://example.com/", "Name: http://example.com/"),
        ("javascript:alert(1)", "Name: javascript:alert(1)"),
        ("https://", "Name: https://"),
        ("https://exämple.com/", "Name: https://exämple.com/"),
        ("https://example.com/" + "x" * 3000, "Name: its address is too long for Slack"),
        ("", "Name: –"),
    ],
)
def test_a_link_leads_to_https_or_nowhere(address: str, shown: str) -> None:
    [links] = [
        block
        for block in blocks_of(replace(FIRING, links=(("Name", address),), facts=()))
        if block["type"] == "context"
    ][:1]
    assert links["elements"] == [{"type": "mrkdwn", "text": shown, "verbatim": True}]


def test_no_more_links_are_shown_than_a_block_takes() -> None:
    [links, *_] = [
        block
        for block in blocks_of(replace(FIRING, links=(("L", "https://example.com/"),) * 30))
        if block["type"] == "context"
    ]
    assert len(links["elements"]) == 10


def test_a_message_can_be_shown_again_as_slack_tells_it() -> None:
    blocks = blocks_of(FIRING, picture=PICTURE)
    for block in blocks:
        if block["type"] == "image":
            block |= {"image_url": "https://files.slack.com/x", "image_width": 1, "fallback": "x", "block_id": "b"}
    slack_limits.blocks(slack_blocks.asked(blocks, "acknowledge", "alice", FIRING.at))
    assert slack_blocks.pictured(blocks) == PICTURE
    assert [one["type"] for one in slack_blocks.told([{"type": "image", "image_url": "https://x"}])] == []


def test_a_thread_keeps_its_picture_when_somebody_is_on_it() -> None:
    assert [block for block in blocks_of(ACKNOWLEDGED, picture=PICTURE) if block["type"] == "image"]


if __name__ == "__main__":
    SEEN.write_text("\n".join(map(seen, alerts.ALL)), "utf-8")
