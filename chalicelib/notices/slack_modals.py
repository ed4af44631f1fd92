"""Modals as Slack's views: what is asked before something is permitted, silenced, or one's own change. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.notices.slack_text import Block, cut, one_line, plain

EXEMPT, OWN_CHANGE, SILENCE = "exempt", "own_change", "silence"
FOR, UNTIL, WHY = "for", "until", "why"
SPANS = {"1d": "a day", "7d": "a week", "30d": "30 days", "90d": "90 days"}
USUAL = "7d"
SILENT = {"1h": "an hour", "4h": "4 hours", "1d": "a day", "7d": "a week"}
REASON = 500
TITLE, SECTION, INPUT = 24, 3000, 2000


def exempt(title: str, carried: Mapping[str, Any], obstacle: str = "") -> Block:
    """Return the modal that asks until when something is permitted, and why.

    Args:
        title: what is about to be permitted.
        carried: what comes back with the submission; small.
        obstacle: why somebody else should permit it, if so.
    """
    chosen = _choice(SPANS, USUAL)
    return _modal(
        EXEMPT,
        "Exempt",
        "Exempt",
        carried,
        [
            _said(title),
            *([_said(_warning(obstacle))] if obstacle else []),
            _input(FOR, "For how long", chosen),
            _input(UNTIL, "Or until the end of a day (UTC)", {"type": "datepicker", "action_id": UNTIL}, optional=True),
            _why("Why", "It is shown with the finding, and when the exemption ends."),
        ],
    )


def silence(title: str, carried: Mapping[str, Any]) -> Block:
    """Return the modal that asks for how long nobody is told that an alert fires, and why.

    Args:
        title: what is about to be silenced.
        carried: what comes back with the submission; small.
    """
    hint = "It is shown to everybody. That it is over is told all the same."
    chosen = _input(FOR, "For how long", _choice(SILENT, next(iter(SILENT))))
    return _modal(SILENCE, "Silence", "Silence", carried, [_said(title), chosen, _why("Why", hint)])


def _choice(spans: Mapping[str, str], usual: str) -> Block:
    options = [{"text": plain(text, 75), "value": value} for value, text in spans.items()]
    initial = next(one for one in options if one["value"] == usual)
    return {"type": "static_select", "action_id": FOR, "options": options, "initial_option": initial}


def own_change(title: str, obstacle: str, carried: Mapping[str, Any], why: str = "") -> Block:
    """Return the modal that asks why somebody decides about their own change all the same.

    Args:
        title: what it is about.
        obstacle: why somebody else should.
        carried: what comes back with the submission; small.
        why: the reason that was given already.
    """
    reason = _why("Why it cannot wait", "It is told loudly, and kept with your name.", why)
    blocks = [_said(title), _said(_warning(obstacle)), reason]
    return _modal(OWN_CHANGE, "Your own change", "Do it all the same", carried, blocks)


def _warning(obstacle: str) -> str:
    return f"⚠️ {obstacle[:1].upper()}{obstacle[1:]}. If nobody else can, say why it cannot wait. Everybody is told."


def _modal(name: str, title: str, submit: str, carried: Mapping[str, Any], blocks: list[Block]) -> Block:
    return {
        "type": "modal",
        "callback_id": name,
        "title": plain(title, TITLE),
        "submit": plain(submit, TITLE),
        "close": plain("Cancel", TITLE),
        "private_metadata": json.dumps(carried),
        "blocks": blocks,
    }


def _said(text: str) -> Block:
    return {"type": "section", "text": plain(text or "–", SECTION)}


def _input(name: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    block: Block = {"type": "input", "block_id": name, "label": plain(label, INPUT), "element": element}
    return {**block, "optional": optional, **({"hint": plain(hint, INPUT)} if hint else {})}


def _why(label: str, hint: str, why: str = "") -> Block:
    element: Block = {"type": "plain_text_input", "action_id": WHY, "multiline": True, "max_length": REASON}
    if why:
        element["initial_value"] = cut(one_line(why), REASON)
    return _input(WHY, label, element, hint=hint)
