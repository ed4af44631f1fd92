"""A stand-in for X-Ray, of which moto keeps segments only: summaries by filter, whole traces, and the service graph.

Traces are those that somebody put (`PutTraceSegments`) and those of the sample systems, which are worked out for the
minutes that are asked about. All is computed from segment documents as X-Ray documents them. Times that callers know
are the wall's; they are moved to the clock of the metrics and back, as CloudWatch's are.
"""

from __future__ import annotations

import json
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from moto.xray.responses import XRayResponse

from local import pages, xray_filter
from local.xray_filter import Document, FilterError, Scene, took

TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
SEGMENT_ID = re.compile(r"[0-9a-f]{16}")
# What X-Ray takes and gives at once.
LONGEST, BATCH, PAGE, LARGEST = 6 * 3600, 5, 100, 64_000
# Of what was put.
KEPT = 5000
Times = Callable[[], float]


class Refused(Exception):
    """A request that X-Ray, or this stand-in for it, does not answer."""


class Source(Protocol):
    """Where traces come from."""

    def between(self, start: float, end: float) -> Iterable[Sequence[Document]]:
        """Yield the documents of each trace that began within a time, the entry's first."""

    def by_id(self, wanted: str) -> Sequence[Document]:
        """Return the documents of a trace; none where it is not known."""


class Put:
    """The traces that somebody put, the latest few thousand."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, list[Document]] = OrderedDict()

    def put(self, document: Document) -> None:
        """Keep a segment; a later one of the same id takes its place, as for one that was in progress."""
        of = self._traces.setdefault(document["trace_id"], [])
        of[:] = [one for one in of if one["id"] != document["id"]] + [document]
        of.sort(key=lambda one: ("parent_id" in one, one["start_time"]))
        while len(self._traces) > KEPT:
            self._traces.popitem(last=False)

    def between(self, start: float, end: float) -> Iterator[Sequence[Document]]:
        """Yield the traces whose entry began within a time."""
        yield from (one for one in list(self._traces.values()) if start <= one[0]["start_time"] < end)

    def by_id(self, wanted: str) -> Sequence[Document]:
        """Return the documents of a trace; none where it is not known."""
        return self._traces.get(wanted, ())


class XRay:
    """Answers X-Ray's requests; `ahead` tells by how many seconds the clock of the traces is ahead of the wall's."""

    def __init__(self, account: str, ahead: Times, *sources: Source) -> None:
        self.put = Put()
        self._account, self._ahead, self._sources = account, ahead, (self.put, *sources)

    def plug_in(self) -> None:
        """Have moto answer from it."""
        answers = {
            "trace_summaries": self.summaries, "traces": self.batch, "service_graph": self.graph,
            "trace_graph": self.trace_graph, "trace_segments": self.segments,
        }  # fmt: skip
        for name, answer in answers.items():
            setattr(XRayResponse, name, _answering(answer))

    def segments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer PutTraceSegments: what is no segment is named and left out."""
        unprocessed = []
        for text in given.get("TraceSegmentDocuments") or ():
            try:
                document = _segment(text)
            except Refused as error:
                code, _, message = str(error).partition(": ")
                unprocessed.append({"Id": _id_of(text), "ErrorCode": code, "Message": message})
            else:
                self.put.put(_moved(document, self._ahead()))
        return {"UnprocessedTraceSegments": unprocessed}

    def summaries(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetTraceSummaries; raises Refused."""
        _only(given, {"StartTime", "EndTime", "FilterExpression", "NextToken", "Sampling", "TimeRangeType"})
        if given.get("Sampling") or given.get("TimeRangeType", "TraceId") != "TraceId":
            raise Refused("the local X-Ray samples no summaries, and finds traces by the time in their ids only")
        start, end, ahead = *self._range(given), self._ahead()
        try:
            test = xray_filter.parse(given["FilterExpression"]) if given.get("FilterExpression") else lambda _: True
        except FilterError as error:
            raise Refused(f"Invalid filter expression: {error}") from None
        # The first page has the most recent, as AWS documents it.
        every = sorted(map(Scene.of, self._between(start, end)), key=lambda one: -one.about["start_time"])
        found = [one for one in every if test(one)]
        if (first := pages.place(given.get("NextToken"))) is None:
            raise Refused("Invalid NextToken")
        page, token = pages.page(found, first, PAGE)
        return {
            "TraceSummaries": [self._summary(one, ahead) for one in page],
            "ApproximateTime": (page[-1].about["start_time"] if token else start) - ahead,
            "TracesProcessedCount": len(every),
            **({"NextToken": token} if token else {}),
        }

    def batch(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer BatchGetTraces; raises Refused."""
        wanted = self._ids(given, BATCH)
        found = {one: self._by_id(one) for one in wanted}
        ahead = self._ahead()
        return {
            "Traces": [
                {
                    "Id": one,
                    "Duration": round(Scene.of(documents).duration, 3),
                    "LimitExceeded": False,
                    "Segments": [
                        {"Id": each["id"], "Document": json.dumps(_moved(each, -ahead))} for each in documents
                    ],
                }
                for one, documents in found.items()
                if documents
            ],
            "UnprocessedTraceIds": [one for one, documents in found.items() if not documents],
        }

    def graph(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetServiceGraph; raises Refused."""
        _only(given, {"StartTime", "EndTime", "NextToken", "GroupName"})
        if given.get("GroupName", "Default") != "Default":
            raise Refused(f"the local X-Ray has no groups, such as {given['GroupName']}")
        start, end, ahead = *self._range(given), self._ahead()
        services = _Graph(self._account, ahead).of(self._between(start, end))
        return {
            "StartTime": start - ahead, "EndTime": end - ahead, "Services": services, "ContainsOldGroupVersions": False,
        }  # fmt: skip

    def trace_graph(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetTraceGraph; raises Refused."""
        found = (self._by_id(one) for one in self._ids(given, PAGE))
        return {"Services": _Graph(self._account, self._ahead()).of(filter(None, found))}

    def _range(self, given: Mapping[str, Any]) -> tuple[float, float]:
        if missing := [name for name in ("StartTime", "EndTime") if given.get(name) is None]:
            raise Refused(f"{' and '.join(missing)} must not be null")
        start, end = float(given["StartTime"]), float(given["EndTime"])
        if start >= end:
            raise Refused("StartTime must be before EndTime")
        if end - start > LONGEST:
            raise Refused("Time range cannot be longer than 6 hours")
        return start + self._ahead(), end + self._ahead()

    def _ids(self, given: Mapping[str, Any], most: int) -> Sequence[str]:
        _only(given, {"TraceIds", "NextToken"})
        wanted = list(dict.fromkeys(given.get("TraceIds") or ()))
        if not 1 <= len(wanted) <= most:
            raise Refused(f"TraceIds must have 1 to {most} ids, not {len(wanted)}")
        if bad := [one for one in wanted if not TRACE_ID.fullmatch(one)]:
            raise Refused(f"Invalid trace id: {bad[0]}")
        return wanted

    def _between(self, start: float, end: float) -> Iterator[Sequence[Document]]:
        for source in self._sources:
            yield from source.between(start, end)

    def _by_id(self, wanted: str) -> Sequence[Document]:
        return next(filter(None, (source.by_id(wanted) for source in self._sources)), ())

    def _summary(self, scene: Scene, ahead: float) -> dict[str, Any]:
        entry = scene.segments[0]
        asked, answered = entry.get("http", {}).get("request", {}), entry.get("http", {}).get("response", {})
        http = {
            "HttpURL": asked.get("url"), "HttpMethod": asked.get("method"), "UserAgent": asked.get("user_agent"),
            "ClientIp": asked.get("client_ip"), "HttpStatus": answered.get("status"),
        }  # fmt: skip
        services = {(one["name"], one.get("origin", "")): self._service(one) for one in scene.segments}
        return {
            "Id": entry["trace_id"],
            "StartTime": entry["start_time"] - ahead,
            "Duration": round(scene.duration, 3),
            "ResponseTime": round(took(entry), 3),
            "HasFault": xray_filter.has(entry, "fault"),
            "HasError": xray_filter.has(entry, "error"),
            "HasThrottle": xray_filter.has(entry, "throttle"),
            "IsPartial": any(one.get("in_progress") for one in scene.segments),
            "Http": {name: value for name, value in http.items() if value is not None},
            "Annotations": self._annotations(scene),
            "Users": [],
            "ServiceIds": list(services.values()),
            "EntryPoint": self._service(entry),
            "FaultRootCauses": self._causes(scene, "fault"),
            "ErrorRootCauses": self._causes(scene, "error"),
            "ResponseTimeRootCauses": [],
            "Revision": 1,
        }

    def _annotations(self, scene: Scene) -> dict[str, Any]:
        found: dict[str, list[dict[str, Any]]] = {}
        for one in scene.segments:
            for key, value in one.get("annotations", {}).items():
                kind = "BooleanValue" if isinstance(value, bool) else "StringValue"
                kind = "NumberValue" if isinstance(value, int | float) and not isinstance(value, bool) else kind
                told = found.setdefault(key, [])
                if not told or {kind: value} != told[-1]["AnnotationValue"]:
                    told.append({"AnnotationValue": {kind: value}, "ServiceIds": []})
                told[-1]["ServiceIds"].append(self._service(one))
        return found

    def _service(self, one: Document) -> dict[str, Any]:
        return {
            "Name": one["name"], "Names": [one["name"]], "AccountId": self._account, "Type": one.get("origin", ""),
        }  # fmt: skip

    def _causes(self, scene: Scene, flag: str) -> list[dict[str, Any]]:
        """Return the way from the entry to what failed, each with what it threw."""
        if not scene.segments[0].get(flag):
            return []
        way, here = [scene.segments[0]], scene.segments[0]
        callees = list(xray_filter.edges(scene.segments))
        while below := next((one for caller, one in callees if caller is here and one.get(flag)), None):
            way.append(below)
            here = below
        return [{
            "Services": [
                {
                    **self._service(one), "Inferred": bool(one.get("inferred")),
                    "EntityPath": [{"Name": one["name"], "Exceptions": _thrown(one), "Remote": False}],
                }
                for one in way
            ],
            "ClientImpacting": True,
        }]  # fmt: skip


def _answering(answer: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    def respond(response: Any) -> Any:
        try:
            return json.dumps(answer(response.request_params))
        except Refused as error:
            return response._error("InvalidRequestException", str(error))

    return respond


def _only(given: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(given) - known):
        raise Refused(f"the local X-Ray does not know {', '.join(unknown)} here")


def _thrown(one: Document) -> list[dict[str, Any]]:
    found = one.get("cause", {}).get("exceptions", ())
    return [{"Name": each.get("type", ""), "Message": each.get("message", "")} for each in found]


def _segment(text: str) -> dict[str, Any]:
    """Return a document that somebody put; raises Refused: a code and a message."""
    if len(text.encode()) > LARGEST:
        raise Refused(f"DocumentTooLarge: a segment document has {LARGEST} bytes at most")
    try:
        document = json.loads(text)
    except ValueError:
        raise Refused("ParseError: the segment document is not JSON") from None
    if not isinstance(document, dict):
        raise Refused("ParseError: the segment document is not an object")
    for name in ("name", "id", "trace_id", "start_time"):
        if not document.get(name):
            raise Refused(f"MissingParam: {name} is required")
    if "end_time" not in document and document.get("in_progress") is not True:
        raise Refused("MissingParam: end_time is required, or in_progress: true")
    if not TRACE_ID.fullmatch(str(document["trace_id"])):
        raise Refused(f"InvalidTraceId: {document['trace_id']} is not 1-<8 hex digits>-<24 hex digits>")
    if not SEGMENT_ID.fullmatch(str(document["id"])):
        raise Refused(f"InvalidId: {document['id']} is not 16 hex digits")
    return document


def _id_of(text: str) -> str:
    match = re.search(r'"id"\s*:\s*"([^"]*)"', text)
    return match[1] if match else ""


def _moved(document: Document, by: float) -> dict[str, Any]:
    """Return a document, with all that is in it, some seconds later."""
    moved = dict(document)
    for name in ("start_time", "end_time"):
        if name in moved:
            moved[name] = moved[name] + by
    if "subsegments" in moved:
        moved["subsegments"] = [_moved(one, by) for one in moved["subsegments"]]
    return moved


@dataclass
class _Counted:
    """What is counted of a service, or of the calls from one to another."""

    first: float = float("inf")
    last: float = 0.0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    times: Counter[float] = field(default_factory=Counter)

    def add(self, one: Document) -> None:
        seconds = took(one)
        self.first, self.last = min(self.first, one["start_time"]), max(self.last, one["start_time"] + seconds)
        self.seconds += seconds
        self.kinds[next((flag for flag in ("fault", "throttle", "error") if one.get(flag)), "ok")] += 1
        # As finely as two digits tell.
        self.times[float(f"{seconds:.2g}")] += 1

    def told(self, ahead: float) -> dict[str, Any]:
        kinds = self.kinds
        return {
            "StartTime": self.first - ahead,
            "EndTime": self.last - ahead,
            "SummaryStatistics": {
                "OkCount": kinds["ok"],
                "ErrorStatistics": {
                    "ThrottleCount": kinds["throttle"], "OtherCount": kinds["error"],
                    "TotalCount": kinds["throttle"] + kinds["error"],
                },
                "FaultStatistics": {"OtherCount": kinds["fault"], "TotalCount": kinds["fault"]},
                "TotalCount": kinds.total(),
                "TotalResponseTime": round(self.seconds, 3),
            },
            "ResponseTimeHistogram": [{"Value": value, "Count": count} for value, count in sorted(self.times.items())],
        }  # fmt: skip


Key = tuple[str, str]
CLIENT: Key = ("client", "client")


class _Graph:
    """Services and who calls whom, counted."""

    def __init__(self, account: str, ahead: float) -> None:
        self._account, self._ahead = account, ahead
        self._services: dict[Key, _Counted] = {}
        self._edges: dict[tuple[Key, Key], _Counted] = {}
        self._entries: set[Key] = set()

    def of(self, traces: Iterable[Sequence[Document]]) -> list[dict[str, Any]]:
        """Return the services of some traces, those that clients call first."""
        for documents in traces:
            entry = documents[0]
            self._entries.add(_key(entry))
            self._edges.setdefault((CLIENT, _key(entry)), _Counted()).add(entry)
            for one in documents:
                self._services.setdefault(_key(one), _Counted()).add(one)
            for caller, callee in xray_filter.edges(documents):
                self._edges.setdefault((_key(caller), _key(callee)), _Counted()).add(callee)
        order = sorted(self._services, key=lambda key: (key not in self._entries, key))
        numbers = {key: number for number, key in enumerate([*order, CLIENT])}
        found = [self._told(key, numbers) for key in order]
        return [*found, self._client(numbers)] if found else []

    def _told(self, key: Key, numbers: Mapping[Key, int]) -> dict[str, Any]:
        name, kind = key
        told = self._services[key].told(self._ahead)
        return {
            "ReferenceId": numbers[key], "Name": name, "Names": [name], "AccountId": self._account, "Type": kind,
            "State": "active", **({"Root": True} if key in self._entries else {}), **told,
            "DurationHistogram": told["ResponseTimeHistogram"], "Edges": self._calls(key, numbers),
        }  # fmt: skip

    def _client(self, numbers: Mapping[Key, int]) -> dict[str, Any]:
        edges = self._calls(CLIENT, numbers)
        return {
            "ReferenceId": numbers[CLIENT], "Names": ["client"], "Name": "client", "Type": "client", "State": "unknown",
            "StartTime": min(one["StartTime"] for one in edges), "EndTime": max(one["EndTime"] for one in edges),
            "Edges": edges,
        }  # fmt: skip

    def _calls(self, key: Key, numbers: Mapping[Key, int]) -> list[dict[str, Any]]:
        return [
            {"ReferenceId": numbers[callee], **counted.told(self._ahead), "Aliases": []}
            for (caller, callee), counted in self._edges.items()
            if caller == key
        ]


def _key(one: Document) -> Key:
    return one["name"], one.get("origin", "")
