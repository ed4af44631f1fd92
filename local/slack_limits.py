"""What Slack documents about blocks, modals and metadata, as checks: shapes, required fields, lengths."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any

BLOCKS, TEXT = 50, 4000
VIEW_BLOCKS, VIEW_SIZE, INPUT = 100, 250_000, 3000
ID = 255
FILE_ID = re.compile(r"^[F][A-Z0-9]{8,}$")
# What the elements of an input block have in common.
ELEMENT = ("type", "action_id", "placeholder", "focus_on_load")


Check = Callable[[dict[str, Any], str], None]


class Invalid(Exception):
    """A structure that Slack does not take; the text says where and why."""


def blocks(value: Any) -> None:
    """Check a message's blocks; raises Invalid."""
    kinds = {
        "header": _header, "section": _section, "context": _context, "actions": _actions, "divider": _divider,
        "image": _image, "rich_text": _rich_text,
    }  # fmt: skip
    _blocks(value, "/blocks", BLOCKS, kinds)


def view(value: Any) -> None:
    """Check a modal; raises Invalid."""
    required = {"type", "title", "blocks"}
    known = required | {"submit", "close", "private_metadata", "callback_id", "clear_on_close"}
    _object(value, "/view", known, required)
    if value["type"] != "modal":
        raise Invalid(f"unsupported type: {value['type']} [json-pointer:/view/type]")
    for name in ("title", "submit", "close"):
        if name in value:
            _text(value[name], f"/view/{name}", 24, {"plain_text"})
    for name, limit in (("private_metadata", 3000), ("callback_id", ID)):
        if value.get(name):
            _string(value[name], f"/view/{name}", limit)
    _flag(value, "/view", "clear_on_close")
    kinds = {"header": _header, "section": _section, "context": _context, "input": _input, "divider": _divider}
    _blocks(value["blocks"], "/view/blocks", VIEW_BLOCKS, kinds)
    inputs = [block["element"] for block in value["blocks"] if block["type"] == "input"]
    if inputs and "submit" not in value:
        raise Invalid("must define `submit` to use an `input` block in modals [json-pointer:/view]")
    if sum(element.get("focus_on_load", False) for element in inputs) > 1:
        raise Invalid("only one element may have focus_on_load [json-pointer:/view/blocks]")


def errors(value: Any, view: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with a modal's input blocks, by their ids, as an app answered; raises Invalid."""
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(value, dict) or not value:
        raise Invalid("errors must be an object that names a block at least")
    for name, text in value.items():
        if name not in inputs:
            raise Invalid(f"errors: the modal has no input block {name}")
        _string(text, f"/errors/{name}", INPUT)
    return value


def metadata(value: Any) -> None:
    """Check a message's metadata; raises Invalid."""
    _object(value, "/metadata", {"event_type", "event_payload"}, {"event_type", "event_payload"})
    if not isinstance(value["event_type"], str) or not re.fullmatch(r"\w{1,255}", value["event_type"]):
        raise Invalid("event_type must be letters, digits and underscores [json-pointer:/metadata/event_type]")
    if not isinstance(value["event_payload"], dict):
        raise Invalid("event_payload must be an object [json-pointer:/metadata/event_payload]")
    if len(json.dumps(value)) > 15_000:
        raise Invalid("metadata is too large [json-pointer:/metadata]")


def _blocks(value: Any, at: str, most: int, kinds: Mapping[str, Check]) -> None:
    if not isinstance(value, list):
        raise Invalid(f"must be a list [json-pointer:{at}]")
    if len(value) > most:
        raise Invalid(f"no more than {most} items allowed [json-pointer:{at}]")
    ids = [block.get("block_id") for block in value if isinstance(block, dict) and "block_id" in block]
    if len(ids) != len(set(ids)):
        raise Invalid(f"`block_id` must be unique [json-pointer:{at}]")
    for number, block in enumerate(value):
        _block(block, f"{at}/{number}", kinds)


def _block(block: Any, at: str, kinds: Mapping[str, Check]) -> None:
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


def _divider(block: dict[str, Any], at: str) -> None:
    _object(block, at, {"type", "block_id"}, {"type"})


def _image(block: dict[str, Any], at: str) -> None:
    _object(block, at, {"type", "block_id", "alt_text", "title", "slack_file"}, {"alt_text", "slack_file"})
    _string(block["alt_text"], f"{at}/alt_text", 2000)
    if "title" in block:
        _text(block["title"], f"{at}/title", 2000, {"plain_text"})
    # By its id alone: what Parapet shows, nobody beside Slack can fetch.
    _object(block["slack_file"], f"{at}/slack_file", {"id"}, {"id"})
    if not isinstance(block["slack_file"]["id"], str) or not FILE_ID.fullmatch(block["slack_file"]["id"]):
        raise Invalid(f"input must match regex pattern: {FILE_ID.pattern} [json-pointer:{at}/slack_file/id]")


def _rich_text(block: dict[str, Any], at: str) -> None:
    """Check preformatted text: no other rich text can be judged here.

    https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
    """
    _object(block, at, {"type", "block_id", "elements"}, {"elements"})
    for number, element in enumerate(_list(block["elements"], f"{at}/elements", 100)):
        inside = f"{at}/elements/{number}"
        kind = str(element.get("type")) if isinstance(element, dict) else "nothing"
        if kind != "rich_text_preformatted":
            raise Invalid(f"unsupported type: {kind}: the stand-in cannot judge it [json-pointer:{inside}/type]")
        _object(element, inside, {"type", "elements"}, {"elements"})
        for place, text in enumerate(_list(element["elements"], f"{inside}/elements", 100)):
            here = f"{inside}/elements/{place}"
            _object(text, here, {"type", "text"}, {"type", "text"})
            if text["type"] != "text":
                raise Invalid(
                    f"unsupported type: {text['type']}: the stand-in cannot judge it [json-pointer:{here}/type]"
                )
            _string(text["text"], f"{here}/text", 3000)


def _input(block: dict[str, Any], at: str) -> None:
    elements: Mapping[str, Check] = {
        "plain_text_input": _plain_text_input,
        "datepicker": _datepicker,
        "static_select": _static_select,
    }
    _object(block, at, {"type", "block_id", "label", "element", "hint", "optional"}, {"label", "element"})
    for name in ("label", "hint"):
        if name in block:
            _text(block[name], f"{at}/{name}", 2000, {"plain_text"})
    _flag(block, at, "optional")
    element, inside = block["element"], f"{at}/element"
    kind = str(element.get("type")) if isinstance(element, dict) else "nothing"
    if kind not in elements:
        raise Invalid(f"unsupported type: {kind}: the stand-in cannot judge it [json-pointer:{inside}/type]")
    elements[kind](element, inside)
    # Slack would make one up, which no app could know.
    _string(element.get("action_id"), f"{inside}/action_id", ID)
    _flag(element, inside, "focus_on_load")
    if "placeholder" in element:
        _text(element["placeholder"], f"{inside}/placeholder", 150, {"plain_text"})


def _plain_text_input(element: dict[str, Any], at: str) -> None:
    own = {"initial_value", "multiline", "min_length", "max_length"}
    _object(element, at, {*ELEMENT, *own}, {"type"})
    _flag(element, at, "multiline")
    for name, lowest in (("min_length", 0), ("max_length", 1)):
        if not (type(element.get(name, lowest)) is int and lowest <= element.get(name, lowest) <= INPUT):
            raise Invalid(f"must be a whole number from {lowest} to {INPUT} [json-pointer:{at}/{name}]")
    if element.get("min_length", 0) > element.get("max_length", INPUT):
        raise Invalid(f"min_length must not be more than max_length [json-pointer:{at}]")
    if element.get("initial_value"):
        _string(element["initial_value"], f"{at}/initial_value", element.get("max_length", INPUT))


def _datepicker(element: dict[str, Any], at: str) -> None:
    _object(element, at, {*ELEMENT, "initial_date"}, {"type"})
    if "initial_date" in element and not is_date(element["initial_date"]):
        raise Invalid(f"must be a date: YYYY-MM-DD [json-pointer:{at}/initial_date]")


def is_date(value: Any) -> bool:
    """Whether a value is a day as Slack writes it."""
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _static_select(element: dict[str, Any], at: str) -> None:
    _object(element, at, {*ELEMENT, "options", "initial_option"}, {"type", "options"})
    options = _list(element["options"], f"{at}/options", 100)
    for number, option in enumerate(options):
        where = f"{at}/options/{number}"
        _object(option, where, {"text", "value"}, {"text", "value"})
        _text(option["text"], f"{where}/text", 75, {"plain_text"})
        _string(option["value"], f"{where}/value", 150)
    if len({option["value"] for option in options}) != len(options):
        raise Invalid(f"values must be unique [json-pointer:{at}/options]")
    if "initial_option" in element and element["initial_option"] not in options:
        raise Invalid(f"must be one of the options, exactly [json-pointer:{at}/initial_option]")


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


def _flag(value: Mapping[str, Any], at: str, name: str) -> None:
    if not isinstance(value.get(name, False), bool):
        raise Invalid(f"must be true or false [json-pointer:{at}/{name}]")


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
