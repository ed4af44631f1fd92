"""Modals within Slack's limits, whatever they are about, and a message while its buttons' outcome is awaited."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.model import CommandKind
from chalicelib.notices import slack_blocks, slack_modals
from local import slack_limits
from tests.account import NOW
from tests.notices.samples import FIXED
from tests.notices.test_slack_blocks import buttons, long_texts, patiently, texts, texts_of

CARRIED = {"kind": "undo", "finding": "abcd1234", "question": 0, "until": 0.0, "insists": True, "reply_to": "x" * 1000}


@patiently
@given(long_texts, long_texts, long_texts)
def test_any_modal_holds_every_limit_and_no_markup(title: str, obstacle: str, why: str) -> None:
    for view in (
        slack_modals.exempt(title, CARRIED),
        slack_modals.exempt(title, CARRIED, obstacle),
        slack_modals.own_change(title, obstacle, CARRIED, why),
    ):
        slack_limits.view(view)
        assert json.loads(view["private_metadata"]) == CARRIED
        assert not any("<" in text for text in texts_of(view["blocks"], "plain_text"))
        assert list(texts_of(view["blocks"], "mrkdwn")) == []


def test_an_exemption_asks_until_when_and_why() -> None:
    view = slack_modals.exempt("sg-1 admits the world", CARRIED)
    inputs = {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}
    assert list(inputs) == ["for", "until", "why"]
    assert inputs["for"]["element"]["initial_option"]["value"] == "7d"
    assert [name for name, block in inputs.items() if block["optional"]] == ["until"]


def test_the_reason_that_was_given_is_there_already() -> None:
    *_, why = slack_modals.own_change("x", "it is their own change", CARRIED, "it is night")["blocks"]
    assert why["element"]["initial_value"] == "it is night"


@patiently
@given(texts, st.sampled_from(sorted(slack_blocks.BUTTONS)))
def test_what_is_asked_for_stands_where_the_buttons_were(who: str, kind: CommandKind) -> None:
    _, before = slack_blocks.root(FIXED)
    after = slack_blocks.asked(before, kind, who, NOW)
    slack_limits.blocks(after)
    assert [one["type"] for one in after] == [
        "context" if one["type"] == "actions" else one["type"] for one in before
    ]  # fmt: skip
    assert buttons(after) == []
    assert "<!" not in after[-1]["elements"][0]["text"].replace("<!date^", "")


@pytest.mark.parametrize("blocks", [[], [{"type": "divider"}], [{}]])
def test_a_message_without_buttons_stays_as_it_is(blocks: list[dict[str, Any]]) -> None:
    assert slack_blocks.asked(blocks, "undo", "alice", NOW) == blocks
