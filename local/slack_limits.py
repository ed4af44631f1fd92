"""What Slack documents about blocks and metadata, as checks: shapes, required fields, lengths."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

BLOCKS, TEXT = 50, 4000
ID = 255


class Invalid(Exception):
    """A structure that Slack does not take; the text says where and why."""


def blocks(value: Any) -> None:
    """Check a message's blocks; raises Invalid."""
    if not isinstance(value, list):
        raise Invalid("blocks must be a list")
    if len(value) > BLOCKS:
        raise Invalid(f"no more than {BLOCKS} items allowed [json-pointer:/blocks]")
    ids = [block.get("block_id") for block in value if isinstance(block, dict) and "block_id" in block]
    if len(ids) != len(set(ids)):
        raise Invalid("`block_id` must be unique [json-pointer:/blocks]")
    for number, block in enumerate(value):
        _block(block, f"/blocks/{number}")


def metadata(value: Any) -> None:
    """Check a message's metadata; raises Invalid."""
    _object(value, "/metadata", {"event_type", "event_payload"}, {"event_type", "event_payload"})
    if not isinstance(value["event_type"], str) or not re.fullmatch(r"\w{1,255}", value["event_type"]):
        raise Invalid("event_type must be letters, digits and underscores [json-pointer:/metadata/event_type]")
    if not isinstance(value["event_payload"], dict):
        raise Invalid("event_payload must be an object [json-pointer:/metadata/event_payload]")
    if len(json.dumps(value)) > 15_000:
        raise Invalid("metadata is too large [json-pointer:/metadata]")


def _block(block: Any, at: str) -> None:
    kinds: dict[str, Callable[[dict[str, Any], str], None]] = {
        "header": _header,
        "section": _section,
        "context": _context,
        "actions": _actions,
        "divider": lambda block, at: _object(block, at, {"type", "block_id"}, {"type"}),
    }
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        raise Invalid(f"must be an object with a type [json-pointer:{at}]")
    if block["type"] not in kinds:
        raise Invalid(f"unsupported type: {block['type']}: the stand-in cannot judge it [json-pointer:{at}/type]")
    kinds[block["type"]](block, at)
    if "block_id" in block:
        _string(block["block_id"], f"{at}/block_id", ID)


def _header(block: dict[str, Any], at: str) -> None:
    _object(block, at, {"type", "block_id", "text"}, {"text"})
    _text(block["text"], f"{at}/text", 150, {"plain_text"})


def _section(block: dict[str, Any], at: str) -> None:
    _object(block, at, {"type", "block_id", "text", "fields"}, set())
    if "text" not in block and "fields" not in block:
        raise Invalid(f"a section needs text or fields [json-pointer:{at}]")
    if "text" in block:
        _text(block["text"], f"{at}/text", 3000)
    if "fields" in block:
        for number, field in enumerate(_list(block["fields"], f"{at}/fields", 10)):
            _text(field, f"{at}/fields/{number}", 2000)


def _context(block: dict[str, Any], at: str) -> None:
    _object(block, at, {"type", "block_id", "elements"}, {"elements"})
    for number, element in enumerate(_list(block["elements"], f"{at}/elements", 10)):
        _text(element, f"{at}/elements/{number}", 3000)


def _actions(block: dict[str, Any], at: str) -> None:
    _object(block, at, {"type", "block_id", "elements"}, {"elements"})
    elements = _list(block["elements"], f"{at}/elements", 25)
    for number, element in enumerate(elements):
        _button(element, f"{at}/elements/{number}")
    ids = [element["action_id"] for element in elements]
    if len(ids) != len(set(ids)):
        raise Invalid(f"`action_id` must be unique [json-pointer:{at}/elements]")


def _button(value: Any, at: str) -> None:
    known = {"type", "text", "action_id", "value", "style", "confirm", "accessibility_label"}
    _object(value, at, known, {"type", "text", "action_id"})
    if value["type"] != "button":
        raise Invalid(f"unsupported type: {value['type']}: the stand-in cannot judge it [json-pointer:{at}/type]")
    _text(value["text"], f"{at}/text", 75, {"plain_text"})
    _string(value["action_id"], f"{at}/action_id", ID)
    if "value" in value:
        _string(value["value"], f"{at}/value", 2000)
    if "accessibility_label" in value:
        _string(value["accessibility_label"], f"{at}/accessibility_label", 75)
    _style(value, at)
    if "confirm" in value:
        _confirm(value["confirm"], f"{at}/confirm")


def _confirm(value: Any, at: str) -> None:
    parts = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
    _object(value, at, {*parts, "style"}, parts)
    for name, limit in parts.items():
        _text(value[name], f"{at}/{name}", limit, {"plain_text"} if name != "text" else {"plain_text", "mrkdwn"})
    _style(value, at)


def _style(value: Mapping[str, Any], at: str) -> None:
    if value.get("style", "danger") not in ("primary", "danger"):
        raise Invalid(f"must be primary or danger [json-pointer:{at}/style]")


def _text(value: Any, at: str, limit: int, kinds: Collection[str] = ("plain_text", "mrkdwn")) -> None:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        raise Invalid(f"must be a text object of type {' or '.join(sorted(kinds))} [json-pointer:{at}]")
    own, flag = ("emoji", "plain_text") if value["type"] == "plain_text" else ("verbatim", "mrkdwn")
    _object(value, at, {"type", "text", own}, {"text"})
    if not isinstance(value.get(own, False), bool):
        raise Invalid(f"{own} of {flag} must be true or false [json-pointer:{at}/{own}]")
    _string(value["text"], f"{at}/text", limit)


def _string(value: Any, at: str, limit: int) -> None:
    if not isinstance(value, str):
        raise Invalid(f"must be a string [json-pointer:{at}]")
    try:
        units = len(value.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        raise Invalid(f"must be Unicode [json-pointer:{at}]") from None
    if units < 1:
        raise Invalid(f"must be more than 0 characters [json-pointer:{at}]")
    if units > limit:
        raise Invalid(f"must be less than {limit + 1} characters [json-pointer:{at}]")


def _object(value: Any, at: str, known: Collection[str], required: Collection[str]) -> None:
    if not isinstance(value, dict):
        raise Invalid(f"must be an object [json-pointer:{at}]")
    for name in required:
        if name not in value:
            raise Invalid(f"missing required field: {name} [json-pointer:{at}]")
    for name in value:
        if name not in known:
            raise Invalid(f"no additional property allowed: {name} [json-pointer:{at}]")


def _list(value: Any, at: str, limit: int) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Invalid(f"must be a list with items [json-pointer:{at}]")
    if len(value) > limit:
        raise Invalid(f"no more than {limit} items allowed [json-pointer:{at}]")
    return value
