"""What a request asks, checked: who, when, and the parameters that its route takes. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.api.declared import FLAGS, Declared, Param
from chalicelib.api.params import KEY
from chalicelib.events import name_of
from chalicelib.model import Asker, ParapetError, Scope
from chalicelib.section import meant

# A key of DynamoDB's holds 2,048 bytes, and a reason longer than this is a document.
LONGEST = 2000


class Declined(ParapetError):
    """A request that is not answered; the text says what to mend, the status what kind of mistake it is."""

    def __init__(self, status: int, text: str, again: float = 0.0) -> None:
        """Keep the HTTP status, and in how many seconds the same may be asked again, if that will do."""
        super().__init__(text)
        self.status, self.again = status, again


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: who asks (as findings write it, and their ARN), when (epoch seconds), about which item, with what.

    `number` is the same for each repeat under one idempotency key, and empty without one. `operates` tells whether who
    asks may do more than read.
    """

    who: str
    by: str
    at: float
    item: str
    given: Mapping[str, str]
    number: str = ""
    operates: bool = False

    @property
    def asker(self) -> Asker:
        """Who asks, as commands keep it."""
        return Asker(self.who, self.by, "api")

    def text(self, name: str) -> str:
        """Return a parameter that must be there; raises Declined."""
        value = self.given.get(name)
        if value is None:
            raise Declined(400, f"{name} is missing")
        return value

    def time(self, name: str, reader: Callable[[str, str, float], float], default: float | None = None) -> float:
        """Return the time that a parameter names, as a reader of `times` understands it; raises Declined."""
        if default is not None and name not in self.given:
            return default
        text = self.text(name)
        try:
            return reader(text, name, self.at)
        except ParapetError as error:
            raise Declined(400, str(error)) from error

    def end(self, reader: Callable[[str, str, float], float]) -> float | None:
        """Return the time that `for` or `until` names, None without; raises Declined, also when both are given."""
        names = [name for name in ("for", "until") if name in self.given]
        if len(names) == 2:
            raise Declined(400, "for and until are both given: one of them will do")
        return self.time(names[0], reader) if names else None

    def flag(self, name: str) -> bool:
        """Return whether a parameter says `true`; raises Declined for what is neither that nor `false`."""
        return self.one_of(name, FLAGS) == "true"

    def scope(self, names: Iterable[str]) -> Scope:
        """Return the scope that the parameters of some names make."""
        return Scope(**{name: self.given[name] for name in names if name in self.given})

    def one_of(self, name: str, choices: Iterable[str]) -> str | None:
        """Return a parameter that must be one of some words, None when not given; raises Declined."""
        value = self.given.get(name)
        if value is not None and value not in choices:
            raise Declined(400, f"{name}: {value!r} is not one{meant(value, choices)}")
        return value

    def count(self, name: str, default: int, most: int) -> int:
        """Return a whole number from 1 to `most`; raises Declined."""
        value = self.given.get(name, str(default))
        if not (value.isascii() and value.isdigit() and len(value) < 10 and 1 <= int(value) <= most):
            raise Declined(400, f"{name}: {value!r} is not a whole number from 1 to {most}")
        return int(value)


def asked(
    context: Mapping[str, Any],
    item: str,
    route: Declared,
    query: Mapping[str, list[str]] | None,
    body: bytes | None,
    key: str | None = None,
) -> Asked:
    """Return what a request asks; raises Declined naming what to mend.

    Args:
        context: API Gateway's request context.
        item: what the path names, or an empty text.
        route: what is asked.
        query: the query string, each name with its values.
        body: the body where the route takes parameters from there, None where it takes them from the query.
        key: the header Idempotency-Key, which a body may bring as a field too.
    """
    who, by = _caller(context, route)
    where = f"{context['httpMethod']} {context['resourcePath']}"
    given, takes = _single(query or {}), route.takes
    if body is not None:
        _known(given, (), where, "query parameter")
        given = _flat(_object(body), takes, where)
        takes = (*takes, KEY) if route.door == "token" else takes
    _known(given, takes, where, "query parameter" if body is None else "field")
    by_name = {one.name: one for one in takes}
    told = {name: _text(name, _spelled(by_name[name], value)) for name, value in given.items()}
    number = "" if body is None else _number(by, key, told.pop(KEY.name, None))
    question = Asked(who, by, context["requestTimeEpoch"] / 1000, item, told, number, _operates(context))
    for one in route.takes:
        if one.needed:
            question.text(one.name)
        if one.among:
            question.one_of(one.name, one.among)
    return question


def _caller(context: Mapping[str, Any], route: Declared) -> tuple[str, str]:
    """Return who asks; raises Declined. API Gateway has asked already; should it not have, nobody gets in here."""
    if route.door == "signed":
        arn = (context.get("identity") or {}).get("userArn")
        if not arn:
            raise Declined(403, "nobody is known to ask this: sign the request with AWS credentials (SigV4)")
        return name_of(arn), arn
    told = context.get("authorizer") or {}
    if not (told.get("principalId") and told.get("by")):
        raise Declined(401, "nobody is known to ask this: bring a token (Authorization: Bearer …)")
    if route.scope not in str(told.get("scope", "")).split():
        raise Declined(403, f"this token does not allow it: its scope is {told.get('scope')!r}, not {route.scope!r}")
    return told["principalId"], told["by"]


def _operates(context: Mapping[str, Any]) -> bool:
    return "operate" in str((context.get("authorizer") or {}).get("scope", "")).split()


def _number(arn: str, header: str | None, given: str | None) -> str:
    """Return the number that a caller's key stands for: another caller's same key is another."""
    if header is not None and given is not None and header != given:
        raise Declined(400, f"the header Idempotency-Key and the field {KEY.name} differ: give one of them")
    key = given if header is None else header
    if key is None:
        return ""
    if not re.fullmatch(r"[!-~]{1,255}", key):
        raise Declined(400, "an idempotency key has 1 to 255 letters, digits and signs of ASCII, and no space")
    return hashlib.sha256(json.dumps([arn, key]).encode()).hexdigest()[:16]


def _single(query: Mapping[str, list[str]]) -> dict[str, Any]:
    for name, values in query.items():
        if len(values) != 1:
            raise Declined(400, f"{name!r} is given {len(values)} times: give it once")
    return {name: values[0] for name, values in query.items()}


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        found = json.loads(body)
    # A body can be nested deeper than Python reads.
    except (ValueError, RecursionError) as error:
        raise Declined(400, f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Declined(400, 'the body must be a JSON object such as {"why": "the vendor connects today"}')
    return found


def _known(given: Mapping[str, Any], takes: tuple[Param, ...], where: str, what: str) -> None:
    names = [one.name for one in takes]
    for name in given:
        if name not in names:
            raise Declined(400, f"{where} knows no {what} {name!r}{meant(name, names) if names else ''}")


def _flat(given: dict[str, Any], takes: tuple[Param, ...], where: str) -> dict[str, Any]:
    """Return a body's fields with those of its objects among them."""
    for name in dict.fromkeys(one.within for one in takes if one.within in given):
        inner = given[name]
        if not isinstance(inner, dict):
            raise Declined(400, f'{name} must be a JSON object such as {{"top": 15}}')
        _known(inner, tuple(one for one in takes if one.within == name), where, f"field of {name}")
        for field in inner:
            if field in given:
                raise Declined(400, f"{field} is given twice, in {name} and beside it: give it once")
        given = {field: value for field, value in {**given, **inner}.items() if field != name}
    return given


def _spelled(param: Param, value: object) -> object:
    """Return a number or a boolean as the text that it is in a query string, where a parameter may be one."""
    if isinstance(value, bool):
        return json.dumps(value) if param.within or param.among == FLAGS else value
    return json.dumps(value) if isinstance(value, int | float) and (param.within or param.most) else value


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Declined(400, f"{name} must be a text that is not empty")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Declined(400, f"{name} holds half a character, which is not text") from None
    if size > LONGEST:
        raise Declined(400, f"{name} is too long: {size} bytes, and {LONGEST} are read")
    return value.strip()
