"""DynamoDB in memory, strict, for the calls that the journal makes: what it cannot judge, it refuses loudly."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from chalicelib.model import AwsError

Value = dict[str, Any]
Item = dict[str, Value]
Key = tuple[str, str]
# What the journal's table is made of (deploy/resources): the tests hold it against the template.
INDEXES = {
    "by_time": ("month", "S", "opened"),
    "by_resource": ("resource", "S", "opened"),
    "by_status": ("status", "S", "opened"),
    "by_due": ("due_kind", "S", "due"),
}
RESERVED = frozenset(ReservedKeywords.get_reserved_keywords())
KEPT = 12
LARGEST = 400 * 1024
WORDS = re.compile(r"\s*(?:([#:]?\w+(?:\.[#:]?\w+)*)|(<>|<=|>=|[-+=<>(),]))")
MISSING: Value = {}


class Unheard(AssertionError):
    """The table was asked for what AWS would refuse as invalid, or for what nobody has taught it yet."""


def insist(true: object, what: str) -> None:
    if not true:
        raise Unheard(what)


@functools.cache
def tokens(text: str) -> tuple[str, ...]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = WORDS.match(text, at)
        insist(match, f"{text!r} has something at {at} that is no expression")
        assert match
        found.append(match[1] or match[2])
        at = match.end()
    return tuple(found)


@dataclass
class Expression:
    """One expression as it is read, word by word, against one item."""

    text: str
    item: Mapping[str, Value]
    names: Mapping[str, str]
    values: Mapping[str, Value]
    used: set[str]
    at: int = 0

    def __post_init__(self) -> None:
        self.words = tokens(self.text)

    @property
    def next(self) -> str:
        return self.words[self.at] if self.at < len(self.words) else ""

    def take(self, wanted: str = "") -> str:
        word = self.next
        insist(word and wanted in ("", word), f"{self.text!r}: {wanted or 'more'} was expected, not {word!r}")
        self.at += 1
        return word

    def path(self) -> list[str]:
        found = []
        for name in self.take().split("."):
            if name.startswith("#"):
                insist(name in self.names, f"{self.text!r}: {name} has no name")
                self.used.add(name)
                found.append(self.names[name])
            else:
                insist(re.fullmatch(r"[A-Za-z_]\w*", name), f"{self.text!r}: {name!r} is not an attribute's name")
                insist(name.upper() not in RESERVED, f"{self.text!r}: {name} is a word that DynamoDB reserves")
                found.append(name)
        return found

    def given(self) -> Value:
        name = self.take()
        insist(name in self.values, f"{self.text!r}: {name} has no value")
        self.used.add(name)
        return self.values[name]

    def found(self, path: list[str]) -> Value:
        node: Value = {"M": self.item}
        for name in path:
            node = node.get("M", {}).get(name, MISSING)
        return node

    def operand(self) -> Value:
        """A value given, an attribute's (or MISSING), or what a function makes of them."""
        if self.next.startswith(":"):
            return self.given()
        if self.next in ("list_append", "if_not_exists"):
            name = self.take()
            self.take("(")
            first = self.operand()
            self.take(",")
            second = self.operand()
            self.take(")")
            if name == "if_not_exists":
                return first if first != MISSING else second
            insist("L" in first and "L" in second, f"{self.text!r}: list_append wants two lists")
            return {"L": [*first["L"], *second["L"]]}
        return self.found(self.path())

    # Conditions

    def true(self) -> bool:
        answer = self.either()
        insist(not self.next, f"{self.text!r}: what is {self.next!r}?")
        return answer

    def either(self) -> bool:
        answers = [self.both()]
        while self.next == "OR":
            self.take()
            answers.append(self.both())
        return any(answers)

    def both(self) -> bool:
        answers = [self.one()]
        while self.next == "AND":
            self.take()
            answers.append(self.one())
        return all(answers)

    def one(self) -> bool:
        if self.next == "NOT":
            self.take()
            return not self.one()
        if self.next == "(":
            self.take()
            answer = self.either()
            self.take(")")
            return answer
        if self.next in ("attribute_exists", "attribute_not_exists"):
            wanted = self.take() == "attribute_exists"
            self.take("(")
            there = self.found(self.path()) != MISSING
            self.take(")")
            return there == wanted
        if self.next == "begins_with":
            self.take()
            self.take("(")
            value = self.operand()
            self.take(",")
            start = self.operand()
            self.take(")")
            return "S" in value and "S" in start and value["S"].startswith(start["S"])
        left, sign = self.operand(), self.take()
        if sign == "BETWEEN":
            low = self.operand()
            self.take("AND")
            high = self.operand()
            return compared(left, ">=", low) and compared(left, "<=", high)
        insist(sign in COMPARED, f"{self.text!r}: {sign!r} compares nothing that the table knows")
        return compared(left, sign, self.operand())

    # Updates

    def update(self) -> Item:
        """The item as it is afterwards; everything is computed from the item as it was."""
        changes: list[tuple[list[str], Value]] = []
        seen: set[str] = set()
        while self.next:
            section = self.take()
            insist(section in ("SET", "REMOVE", "ADD") and section not in seen, f"{self.text!r}: {section} cannot be")
            seen.add(section)
            changes.append(self.change(section))
            while self.next == ",":
                self.take()
                changes.append(self.change(section))
        paths = [tuple(path) for path, _ in changes]
        for one in paths:
            insist(one[0] not in ("pk", "sk"), f"{self.text!r} changes the key")
            close = [other for other in paths if other[: len(one)] == one]
            insist(len(close) == 1, f"{self.text!r}: two changes overlap at {one}")
        after = dict(self.item)
        for path, value in changes:
            self.put(after, path, value)
        return after

    def change(self, section: str) -> tuple[list[str], Value]:
        path = self.path()
        if section == "REMOVE":
            return path, MISSING
        if section == "ADD":
            there, more = self.found(path) or {"N": "0"}, self.given()
            insist("N" in there and "N" in more, f"{self.text!r}: ADD wants numbers")
            return path, {"N": number(Decimal(there["N"]) + Decimal(more["N"]))}
        self.take("=")
        value = self.operand()
        insist(value != MISSING, f"{self.text!r}: an attribute that is not there cannot be read")
        while self.next in ("+", "-"):
            sign, other = self.take(), self.operand()
            insist("N" in value and "N" in other, f"{self.text!r}: {sign} wants numbers")
            change = Decimal(other["N"]) if sign == "+" else -Decimal(other["N"])
            value = {"N": number(Decimal(value["N"]) + change)}
        return path, value

    def put(self, item: Item, path: list[str], value: Value) -> None:
        name, *rest = path
        if rest:
            insist("M" in item.get(name, {}), f"{self.text!r}: there is no map {name} to put {rest} into")
            inner = dict(item[name]["M"])
            self.put(inner, rest, value)
            item[name] = {"M": inner}
        elif value == MISSING:
            item.pop(name, None)
        else:
            item[name] = value


COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b), "<>": lambda a, b: bool(a != b), "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b), ">": lambda a, b: bool(a > b), ">=": lambda a, b: bool(a >= b),
}  # fmt: skip


def compared(left: Value, sign: str, right: Value) -> bool:
    """Whether a comparison holds; with an attribute that is not there or of another type, only `<>` does."""
    if left == MISSING or right == MISSING or left.keys() != right.keys():
        return sign == "<>"
    ((kind, a),), ((_, b),) = left.items(), right.items()
    insist(kind in ("N", "S") or sign in ("=", "<>"), f"a {kind} cannot be compared by {sign}")
    return COMPARED[sign](Decimal(a), Decimal(b)) if kind == "N" else COMPARED[sign](a, b)


def number(value: Decimal) -> str:
    """A number as DynamoDB gives it back: 38 digits, and no zeros behind."""
    insist(len(value.as_tuple().digits) <= 38, f"{value} has more digits than DynamoDB keeps")
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def kept(value: Value) -> Value:
    """A value as DynamoDB keeps it; refuses what it does not keep."""
    insist(len(value) == 1, f"{value} is not an attribute value")
    ((kind, content),) = value.items()
    if kind == "N":
        return {"N": number(Decimal(content))}
    if kind == "M":
        return {"M": {name: kept(one) for name, one in content.items()}}
    if kind == "L":
        return {"L": [kept(one) for one in content]}
    insist((kind == "S" and isinstance(content, str)) or kind in ("BOOL", "NULL"), f"{value} is of no known type")
    return value


def failed(operation: str, reasons: list[bool] | None = None) -> AwsError:
    """The error of a condition that did not hold, alone or within a transaction."""
    name = "".join(word.title() for word in operation.split("_"))
    if reasons is None:
        return AwsError(f"dynamodb:{name}", "ConditionalCheckFailedException", "The conditional request failed")
    text = ", ".join("None" if held else "ConditionalCheckFailed" for held in reasons)
    why = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{text}]"
    return AwsError(f"dynamodb:{name}", "TransactionCanceledException", why)


@dataclass
class Table:
    """One table: its items now, and as they were after the last few writes, since an index may lag behind."""

    name: str
    items: dict[Key, Item] = field(default_factory=dict)
    past: list[dict[Key, Item]] = field(default_factory=list)

    def call(self, operation: str, params: Mapping[str, Any], lag: int = 0) -> dict[str, Any]:
        """The answer to a call; raises AwsError where a condition does not hold, Unheard for what is not valid."""
        if operation == "query":
            return self._query(params, lag)
        insist(hasattr(self, f"_{operation}"), f"the table does not know {operation}")
        answer: dict[str, Any] = getattr(self, f"_{operation}")(params)
        return answer

    def raw(self, kind: str) -> Iterator[Item]:
        """Every item of a kind."""
        return (item for (_, sk), item in list(self.items.items()) if sk == kind)

    # Reading

    def _get_item(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self._only(params, {"Key"}, {"ConsistentRead"})
        insist(params.get("ConsistentRead"), "the journal reads consistently")
        item = self.items.get(_key(params["Key"]))
        return {"Item": item} if item else {}

    def _batch_get_item(self, params: Mapping[str, Any]) -> dict[str, Any]:
        insist(params.keys() == {"RequestItems"} and [*params["RequestItems"]] == [self.name], f"{params.keys()}")
        asked = params["RequestItems"][self.name]
        insist(asked.keys() <= {"Keys", "ConsistentRead"} and asked.get("ConsistentRead"), f"{asked.keys()}")
        keys = [_key(key) for key in asked["Keys"]]
        insist(0 < len(keys) <= 100 and len(set(keys)) == len(keys), "1 to 100 different keys can be read at once")
        return {"Responses": {self.name: [self.items[key] for key in keys if key in self.items]}, "UnprocessedKeys": {}}

    def _query(self, params: Mapping[str, Any], lag: int) -> dict[str, Any]:
        names, values = params.get("ExpressionAttributeNames", {}), params.get("ExpressionAttributeValues", {})
        self._only(
            params,
            {"KeyConditionExpression"},
            {
                "IndexName",
                "ExpressionAttributeNames",
                "ExpressionAttributeValues",
                "ScanIndexForward",
                "FilterExpression",
                "Limit",
                "ConsistentRead",
            },
        )
        hashed, _, ranged = INDEXES[params["IndexName"]] if "IndexName" in params else ("pk", "S", "sk")
        key, wanted = params["KeyConditionExpression"], params.get("FilterExpression", "")
        attributes = {
            names.get(word, word) for word in tokens(key) if word not in ("AND", "BETWEEN", "begins_with", *"(),")
        }
        about = {name for name in attributes if not name.startswith(":") and name not in COMPARED}
        insist(about <= {hashed, ranged} and hashed in about, f"{key!r} is not about {hashed} and {ranged}")
        insist("OR" not in tokens(key) and "NOT" not in tokens(key), f"{key!r} is not a key's condition")
        used: set[str] = set()
        rows = self.items if lag == 0 or not self.past else self.past[-min(lag, len(self.past))]
        # The hash comes first and is compared by `=` alone; only what has it need be looked at closely.
        name, equals, value = tokens(key)[:3]
        insist((names.get(name, name), equals) == (hashed, "="), f"{key!r} does not begin with {hashed}")
        close = [item for item in rows.values() if item.get(hashed) == values.get(value) and ranged in item]
        found: list[Item] = []
        for item in (*close, {}):
            # The last has no attributes: what an expression uses is known even where nothing is found.
            met = Expression(key, item, names, values, used).true()
            chosen = not wanted or Expression(wanted, item, names, values, used).true()
            if item and met and chosen:
                found.append(item)
        insist(used == {*names, *values}, f"given, and used by nothing: {({*names, *values}) - used}")
        forward = params.get("ScanIndexForward", True)
        insist("IndexName" not in params or not params.get("ConsistentRead"), "an index is not read consistently")
        ordered = sorted(found, key=lambda item: _rank(item[ranged]), reverse=not forward)
        return {"Items": ordered[: params.get("Limit")]}

    def _scan(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self._only(params, set(), {"IndexName", "ConsistentRead"})
        insist("IndexName" not in params or not params.get("ConsistentRead"), "an index is not read consistently")
        wanted = INDEXES[params["IndexName"]] if "IndexName" in params else ("pk", "S", "sk")
        found = [item for item in self.items.values() if wanted[0] in item and wanted[2] in item]
        return {"Items": found, "Count": len(found)}

    # Writing

    def _put_item(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._alone("put_item", {"Put": params})

    def _update_item(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._alone("update_item", {"Update": params})

    def _delete_item(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._alone("delete_item", {"Delete": params})

    def _transact_write_items(self, params: Mapping[str, Any]) -> dict[str, Any]:
        insist(params.keys() <= {"TransactItems", "ClientRequestToken"}, f"what is {params.keys()}?")
        writes = [self._written(one) for one in params["TransactItems"]]
        insist(0 < len(writes) <= 100, "a transaction has 1 to 100 writes")
        insist(len({key for key, _, _ in writes}) == len(writes), "a transaction writes each item once")
        if not all(held for _, held, _ in writes):
            raise failed("transact_write_items", [held for _, held, _ in writes])
        self._write({key: after() for key, _, after in writes})
        return {}

    def _alone(self, operation: str, write: Mapping[str, Any]) -> dict[str, Any]:
        key, held, after = self._written(write)
        if not held:
            raise failed(operation)
        self._write({key: after()})
        return {}

    def _written(self, write: Mapping[str, Any]) -> tuple[Key, bool, Callable[[], Item | None]]:
        """Which item a write is about, whether its condition holds, and what it makes of the item."""
        ((kind, params),) = write.items()
        own = {"Put": "Item", "Update": "Key", "Delete": "Key", "ConditionCheck": "Key"}
        insist(kind in own, f"the table does not know {kind}")
        needed = {own[kind]} | ({"UpdateExpression"} if kind == "Update" else set())
        names, values = params.get("ExpressionAttributeNames", {}), params.get("ExpressionAttributeValues", {})
        self._only(params, needed, {"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"})
        for given in ("ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"):
            insist(params.get(given, "x"), f"{given} must not be empty")
        values = {name: kept(value) for name, value in values.items()}
        key = _key({name: params[own[kind]][name] for name in ("pk", "sk")} if kind == "Put" else params["Key"])
        item, used = self.items.get(key, {}), set[str]()
        condition = params.get("ConditionExpression", "")
        held = not condition or Expression(condition, item, names, values, used).true()
        words = {word for one in tokens(params.get("UpdateExpression", "")) for word in one.split(".")}
        used |= {word for word in words if word[0] in "#:"}
        insist(used == {*names, *values}, f"given, and used by nothing: {({*names, *values}) - used}")

        def after() -> Item | None:
            if kind == "Put":
                return {name: kept(value) for name, value in params["Item"].items()}
            if kind == "Update":
                there = item or {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
                return Expression(params["UpdateExpression"], there, names, values, set()).update()
            return None if kind == "Delete" else item or None

        return key, held, after

    def _write(self, changed: Mapping[Key, Item | None]) -> None:
        for key, item in changed.items():
            for hashed, kind, ranged in INDEXES.values():
                for name, wanted in ((hashed, kind), (ranged, "N")):
                    told = (item or {}).get(name)
                    insist(told is None or [*told] == [wanted], f"{key}: an index wants {name} to be {wanted}")
            insist(len(str(item)) < LARGEST, f"{key} is too large")
        self.past = [*self.past, self.items][-KEPT:]
        there = {**self.items, **changed}
        self.items = {key: item for key, item in there.items() if item is not None}

    def _only(self, params: Mapping[str, Any], needed: set[str], known: set[str]) -> None:
        insist(params.get("TableName") == self.name, f"there is no table {params.get('TableName')!r}")
        given = params.keys() - {"TableName"}
        insist(needed <= given <= needed | known, f"the table does not know {given - needed - known}")


def _rank(value: Value) -> tuple[Decimal, str]:
    return Decimal(value.get("N", "0")), value.get("S", "")


def _key(raw: Mapping[str, Value]) -> Key:
    insist(raw.keys() == {"pk", "sk"} and all([*value] == ["S"] for value in raw.values()), f"{raw} is not a key")
    return raw["pk"]["S"], raw["sk"]["S"]
