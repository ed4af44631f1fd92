"""One trace as the steps it took, from X-Ray's segment documents: who did what, for how long, where it failed; pure.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Document = Mapping[str, Any]
FUNCTIONS = ("AWS::Lambda", "AWS::Lambda::Function")
# What of `aws` tells which call of AWS's it was.
NAMES = {
    "operation": "operation", "request_id": "request_id", "region": "region", "account_id": "account",
    "table_name": "table", "queue_url": "queue", "bucket_name": "bucket", "topic_arn": "topic",
    "function_name": "function", "function_arn": "function", "resource_arn": "resource", "instance_id": "instance",
}  # fmt: skip
# Steps of one trace that are told.
MOST = 300


@dataclass(frozen=True, slots=True)
class Step:
    """One segment or subsegment.

    Args:
        id: 16 hex digits.
        parent: the id of the step that it was part of, or called it; empty for the first.
        depth: how many are above it.
        name: of who did it.
        type: X-Ray's type, where it is known.
        at: when it began, epoch seconds.
        seconds: how long it took; None while it is under way.
        fault: whether it failed.
        error: whether it was asked wrongly.
        throttle: whether it was asked too often.
        status: of HTTP.
        asked: method and address of HTTP, or the statement's database; as it was sent.
        exception: what was thrown, first its type.
        message: what that says.
        where: the line that threw it.
        aws: which call of AWS's it was: operation, request_id, table …
        groups: the log groups that it wrote to, as far as it tells.
    """

    id: str
    parent: str
    name: str
    at: float
    seconds: float | None = None
    depth: int = 0
    type: str = ""
    fault: bool = False
    error: bool = False
    throttle: bool = False
    status: int | None = None
    asked: str = ""
    exception: str = ""
    message: str = ""
    where: str = ""
    aws: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether it met anything."""
        return self.fault or self.error or self.throttle


def steps(documents: Iterable[Document]) -> tuple[Step, ...]:
    """Return the steps of a trace in the order in which they began, each behind what it was part of."""
    every: list[Step] = []
    whole = list(documents)
    thrown = {
        one["id"]: one for document in whole for inner in _inside(document) for one in _exceptions(inner) if "id" in one
    }
    inferred = {one.get("parent_id"): one for one in whole if one.get("inferred") and one.get("parent_id")}
    known = {inner["id"] for document in whole for inner in _inside(document)}
    for document in whole:
        # What only its caller tells of is the same step as the call.
        if document.get("inferred") and document.get("parent_id") in known:
            continue
        for inner, parent in _parts(document, document.get("parent_id", "")):
            one = _step(inner, parent, thrown)
            if told := inferred.get(inner["id"]):
                one = replace(one, name=str(told["name"]), type=str(told.get("origin") or ""))
            every.append(one)
    return ordered(every)


def ordered(every: Iterable[Step]) -> tuple[Step, ...]:
    """Return steps as a tree that is read from above, with their depths; what lost its parent stands at the top."""
    known = {one.id: one for one in every}
    below: dict[str, list[Step]] = {}
    for one in known.values():
        below.setdefault(one.parent if one.parent in known and one.parent != one.id else "", []).append(one)
    found: list[Step] = []
    waiting = [(one, 0) for one in sorted(below.get("", ()), key=_began, reverse=True)]
    while waiting and len(found) < MOST:
        here, depth = waiting.pop()
        found.append(replace(here, depth=depth))
        waiting += [(one, depth + 1) for one in sorted(below.get(here.id, ()), key=_began, reverse=True)]
    return tuple(found)


def failing(some: Sequence[Step]) -> Step | None:
    """Return the step in which it began: the first that failed without anything below it having failed.

    What it threw may be known only further up. A failure counts before a throttle, and that before another error.
    """
    by_id = {one.id: one for one in some}
    for flag in ("fault", "throttle", "error"):
        bad = [one for one in some if getattr(one, flag)]
        above = {one.parent for one in bad}
        if ends := [one for one in bad if one.id not in above]:
            found = min(ends, key=_began)
            told: Step | None = found
            while told is not None and not told.exception:
                told = by_id.get(told.parent)
            if told is None or told is found:
                return found
            return replace(found, exception=told.exception, message=told.message, where=told.where)
    return None


def log_groups(some: Iterable[Step]) -> tuple[str, ...]:
    """Return where the parts of a trace logged, as far as they tell; functions have a group of their name."""
    return tuple(dict.fromkeys(group for one in some for group in one.groups))


def request_ids(some: Iterable[Step]) -> tuple[str, ...]:
    """Return the ids of the invocations of functions, which are in their log lines."""
    return tuple(
        dict.fromkeys(one.aws["request_id"] for one in some if one.type in FUNCTIONS and "request_id" in one.aws)
    )


def _began(one: Step) -> tuple[float, str]:
    return one.at, one.id


def _inside(document: Document) -> Iterable[Document]:
    yield document
    for one in document.get("subsegments") or ():
        yield from _inside(one)


def _parts(document: Document, parent: str) -> Iterable[tuple[Document, str]]:
    yield document, parent
    for one in document.get("subsegments") or ():
        yield from _parts(one, document["id"])


def _exceptions(document: Document) -> Sequence[Mapping[str, Any]]:
    cause = document.get("cause")
    return (cause.get("exceptions") or ()) if isinstance(cause, Mapping) else ()


def _step(raw: Document, parent: str, thrown: Mapping[str, Mapping[str, Any]]) -> Step:
    http, aws, cause = raw.get("http") or {}, raw.get("aws") or {}, raw.get("cause")
    # A cause may be told by the id of an exception that another segment has.
    one = thrown.get(cause, {}) if isinstance(cause, str) else next(iter(_exceptions(raw)), {})
    frame: Mapping[str, Any] = next(iter(one.get("stack") or ()), {})
    start, end = float(raw["start_time"]), raw.get("end_time")
    kind = str(raw.get("origin") or "")
    status = (http.get("response") or {}).get("status")
    return Step(
        id=str(raw["id"]),
        parent=str(parent),
        name=str(raw["name"]),
        at=start,
        seconds=None if end is None else max(0.0, float(end) - start),
        type=kind,
        fault=bool(raw.get("fault")),
        error=bool(raw.get("error")),
        throttle=bool(raw.get("throttle")),
        status=int(status) if isinstance(status, int | float) else None,
        asked=_asked(http.get("request") or {}, raw.get("sql") or {}),
        exception=str(one.get("type") or ""),
        message=str(one.get("message") or ""),
        where=f"{frame.get('path', '?')}:{frame.get('line', '?')}" if frame else "",
        aws={name: str(aws[key]) for key, name in NAMES.items() if isinstance(aws.get(key), str | int)},
        groups=_groups(raw, kind, aws),
    )


def _asked(request: Mapping[str, Any], sql: Mapping[str, Any]) -> str:
    if request:
        return " ".join(str(request[key]) for key in ("method", "url") if request.get(key))
    # A statement may hold what people typed; where it went does not.
    return str(sql.get("url") or "")


def _groups(raw: Document, kind: str, aws: Mapping[str, Any]) -> tuple[str, ...]:
    told = [one.get("log_group") or _of_arn(one.get("arn")) for one in aws.get("cloudwatch_logs") or ()]
    own = [f"/aws/lambda/{raw['name']}"] if kind in FUNCTIONS else []
    return tuple(dict.fromkeys(str(one) for one in (*told, *own) if one))


def _of_arn(arn: object) -> str:
    return str(arn or "").partition(":log-group:")[2].removesuffix(":*")
