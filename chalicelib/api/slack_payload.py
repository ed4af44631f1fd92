"""What Slack tells us: a button pressed, a modal submitted, a slash command typed; from the raw body, checked. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from chalicelib.model import ParapetError

# A form of Slack's has fewer fields.
FIELDS = 60
NAME = 60


class Malformed(ParapetError):
    """A request that is none of those that Slack makes; the text says what about it."""


@dataclass(frozen=True, slots=True)
class User:
    """A person in Slack: their id, the name that people know, and the workspace."""

    id: str
    name: str
    team: str


@dataclass(frozen=True, slots=True)
class Message:
    """The message whose button was pressed, as it stands; without blocks where only its reader sees it."""

    channel: str
    ts: str
    text: str
    blocks: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that somebody pressed: which, about what; `key` is the same whenever Slack tells of this press."""

    user: User
    action: str
    value: str
    key: str
    trigger: str
    reply_to: str
    message: Message | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A modal that somebody submitted: which, with what it carried, and what was filled in, by block."""

    user: User
    modal: str
    key: str
    carried: Mapping[str, Any]
    given: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Typed:
    """A slash command that somebody typed."""

    user: User
    text: str
    key: str
    trigger: str
    reply_to: str


def interaction(body: bytes) -> Pressed | Submitted | None:
    """Return what a request to the interactivity URL tells, None for what we did not ask for; raises Malformed."""
    try:
        found = json.loads(_form(body).get("payload", ""))
    # A body can be nested deeper than Python reads.
    except (ValueError, RecursionError):
        raise Malformed("its payload is not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("its payload is not a JSON object")
    kind = _text(found, "type")
    if kind == "block_actions":
        return _pressed(found)
    return _submitted(found) if kind == "view_submission" else None


def typed(body: bytes) -> Typed:
    """Return what a request to the slash command's URL tells; raises Malformed."""
    form = _form(body)
    user = User(_person(form.get("user_id")), _name(form.get("user_name")), form.get("team_id", ""))
    trigger = _text(form, "trigger_id")
    text = form.get("text", "")
    return Typed(user, text, _key(user, "typed", trigger, text), trigger, form.get("response_url", ""))


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError:
        raise Malformed("its body is not a form") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("its form has a field twice")
    return found


def _pressed(found: Mapping[str, Any]) -> Pressed:
    actions = found.get("actions")
    if not isinstance(actions, list) or len(actions) != 1 or not isinstance(actions[0], dict):
        raise Malformed("it does not name the one action")
    [action], user = actions, _user(found)
    name, value = _text(action, "action_id"), action.get("value", "")
    if not isinstance(value, str):
        raise Malformed("the value of its action is not text")
    where = _object(found, "container")
    key = _key(user, name, value, _text(action, "action_ts"), str(where.get("message_ts") or where.get("view_id")))
    reply_to = found.get("response_url")
    return Pressed(
        user, name, value, key, _text(found, "trigger_id"), reply_to if isinstance(reply_to, str) else "",
        _message(found, where),
    )  # fmt: skip


def _message(found: Mapping[str, Any], where: Mapping[str, Any]) -> Message | None:
    message, channel = found.get("message"), found.get("channel")
    if where.get("is_ephemeral") or not isinstance(message, dict) or not isinstance(channel, dict):
        return None
    blocks, text = message.get("blocks"), message.get("text")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return None
    return Message(_text(channel, "id"), _text(message, "ts"), text if isinstance(text, str) else "", tuple(blocks))


def _submitted(found: Mapping[str, Any]) -> Submitted:
    view, user = _object(found, "view"), _user(found)
    try:
        carried = json.loads(_text(view, "private_metadata"))
    except (ValueError, RecursionError):
        carried = None
    if not isinstance(carried, dict):
        raise Malformed("its modal does not carry what ours do")
    number = _text(view, "id")
    given = {name: _given(inputs) for name, inputs in _object(_object(view, "state"), "values").items()}
    return Submitted(user, _text(view, "callback_id"), _key(user, "submitted", number), carried, given)


def _given(inputs: Any) -> str:
    """Return what was filled into one block: the text, the day, the value that was chosen, or an empty text."""
    if not isinstance(inputs, dict) or len(inputs) != 1:
        raise Malformed("a block of its modal has not the one input")
    [state] = inputs.values()
    chosen = state.get("selected_option") if isinstance(state, dict) else None
    options = (chosen.get("value"),) if isinstance(chosen, dict) else ()
    for value in (*options, *(state.get(name) for name in ("value", "selected_date") if isinstance(state, dict))):
        if isinstance(value, str):
            return value
    return ""


def _user(found: Mapping[str, Any]) -> User:
    user, team = _object(found, "user"), found.get("team")
    home = team.get("id") if isinstance(team, dict) else user.get("team_id")
    return User(_person(user.get("id")), _name(user.get("username") or user.get("name")), str(home or ""))


def _person(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[UW][A-Z0-9]{2,30}", value):
        raise Malformed("it does not say who asks")
    return value


def _name(value: Any) -> str:
    text = " ".join(str(value or "").split())
    return "".join(letter for letter in text if letter.isprintable())[:NAME] or "somebody"


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    if not isinstance(value, dict):
        raise Malformed(f"it has no {name}")
    return value


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"it has no {name}")
    return value


def _key(user: User, *parts: str) -> str:
    """Return the id of what is asked for: the same however often Slack tells of it."""
    told: Sequence[str] = (user.team, user.id, *parts)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
