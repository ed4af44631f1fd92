"""What a call touched: ids, names and ARNs out of its record, and by which name each is found again. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chalicelib.ledger.words import clean, document, secret
from chalicelib.services import kinds
from chalicelib.services.model import Service

MOST, LONGEST = 8, 256
_DEEP, _SEEN = 8, 400
_NAMED = re.compile(r"(.+?)[_-]?(Arns?|ARNs?|Ids?|ID|Identifiers?|Names?|Url)|(arn|id|identifier|name)s?", re.ASCII)
# What is named by what it is alone.
_ALONE = frozenset({
    "bucket", "cluster", "function", "loadbalancer", "queue", "repository", "resource", "role", "service", "stack",
    "table", "target", "taskdefinition", "topic", "trail",
})  # fmt: skip
_SEVERAL = frozenset({"resources", "securitygroups", "subnets", "targets"})
# Ends like a name, and is none of a resource.
_NOT = re.compile(
    r"request|session|principal|.*owner|(aws)?account|masteruser|region|availabilityzone|version|revision|event|display|canonical"
    r"|parameter|attribute|metric|signer|caller|reservation|requester|creator|client|device|contenttype|upload"
)
# What lies beneath is about something else.
_ASIDE = re.compile(
    r"tag|dimension|environment|filter|attribute|parameter|variable|header|label|option|^metadata|policy(document|text)"
    r"|condition|owner|credential|state|grant|accesscontrol"
)
# Of a CloudWatch dimension, and of an ARN: the name is the second part.
_SECOND = frozenset({
    "app", "net", "gwy", "targetgroup", "function", "stack", "task-definition", "statemachine", "table", "changeset",
    "execution", "alias", "deploymentgroup", "log-group",
})  # fmt: skip


def resources(action: str, detail: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a CloudTrail record says was touched, most telling first: what the action is named after."""
    found: dict[str, tuple[int, ...]] = {}
    about = re.sub(r"[^a-z]", "", action.lower())
    seen = 0
    for turn, part in enumerate(("requestParameters", "responseElements")):
        for stem, value, depth in _named(detail.get(part), 0):
            seen += 1
            rank = (0 if stem and stem in about else 1 if not stem else 2, depth, turn * _SEEN + seen)
            if not _NOT.fullmatch(stem) and rank < found.get(value, (9,)):
                found[value] = rank
            if seen >= _SEEN:
                break
    ranked = sorted(found, key=lambda value: found[value])
    listed = detail.get("resources")
    told = [one.get("ARN") for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    every = [clean(one, LONGEST) for one in (*ranked, *told) if isinstance(one, str) and one and _short(one)]
    return tuple(dict.fromkeys(every))[:MOST]


def name(text: str) -> str:
    """Return the name by which a resource is found, however it is written: as ARN, as URL, as CloudWatch has it."""
    tail = text.split(":", 5)[-1] if text.startswith("arn:") else text
    parts = [part for part in re.split(r"[/:]", tail.lower()) if part.strip("*$ ") and not part.isdigit()]
    if not parts:
        return text.lower()
    if parts[0] == "loadbalancer":
        parts = parts[1:] or parts
    return parts[1] if len(parts) > 1 and parts[0] in _SECOND and parts[0] != "log-group" else parts[-1]


def names(touched: Iterable[str]) -> tuple[str, ...]:
    """Return the names by which some resources are found, each once."""
    return tuple(dict.fromkeys(name(one) for one in touched if one))


def services(touched: Iterable[str], known: Iterable[Service]) -> tuple[str, ...]:
    """Return the names of the services whose entry or dependency is among some resources."""
    wanted = set(names(touched))
    return tuple(one.name for one in known if wanted & {each for target in one.targets for each in _known(target)})


def _short(text: str) -> bool:
    return len(text) <= LONGEST and not document(text)


def _known(target: Any) -> Iterator[str]:
    """Yield the names of what a target is, not of what it only stands in, as others may."""
    for key, given in target.given.items():
        if key == kinds.find(target.kind).title or key.startswith("target_group"):
            for text in [given] if isinstance(given, str) else given if isinstance(given, tuple) else ():
                yield name(text)


def _named(value: Any, depth: int, of: str = "") -> Iterator[tuple[str, str, int]]:
    """Yield what is named somewhere: what kind of thing, its name, how deep it lies."""
    if depth > _DEEP:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            own = str(key)
            if isinstance(inner, str):
                if inner and (stem := _stem(own)) is not None and not secret(own):
                    yield stem, inner, depth
            elif own.endswith("Request") or not (secret(own) or _ASIDE.search(own.lower())):
                yield from _named(inner, depth + 1, own)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, str):
                if inner and ((stem := _stem(of)) is not None or of.lower() in _SEVERAL):
                    yield stem or "", inner, depth
            else:
                yield from _named(inner, depth, of)


def _stem(own: str) -> str | None:
    """Return what kind of thing a key names, empty for a mere `name` or `id`; None where it names nothing."""
    if own.lower() in _ALONE:
        return own.lower()
    match = _NAMED.fullmatch(own)
    return re.sub(r"[^a-z]", "", (match[1] or "").lower()) if match else None
