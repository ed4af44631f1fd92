"""The requests of a minute as X-Ray would have sampled them, as segment documents; pure, worked out when asked for.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import exp
from statistics import NormalDist
from typing import Any

from local.systems.faults import KINDS, Fault
from local.systems.model import Edge, Node, System
from local.systems.traffic import Flow, flow, seed, uniform

Document = dict[str, Any]
# Of each system in a minute.
SAMPLED = 20
VERSION, BAD_VERSION = "41", "42"
NORMAL = NormalDist()
AGENT, CLIENT = "Mozilla/5.0 (X11; Linux x86_64)", "198.51.100."
# What is found in a trace of the database when nobody can connect any more.
EXHAUSTED = "OperationalError: FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute"


@dataclass(frozen=True)
class Trace:
    """One sampled request: its documents, the entry's first, and what its log line tells."""

    id: str
    start: float
    path: str
    status: int
    seconds: float
    message: str
    documents: tuple[Document, ...]


def traces(system: System, at: int, faults: Sequence[Fault] = ()) -> Iterator[Trace]:
    """Yield the sampled requests of the minute that begins at a time; those that reached nothing left no trace."""
    happened = flow(system.name, system.traffic, at, 1, faults)
    total = happened.offered if system.nodes[0].type.startswith("AWS::ApiGateway") else happened.served
    many = min(SAMPLED, total)
    if not many:
        return
    bad = happened.failed + (happened.refused if total == happened.offered else 0)
    # As often as in the metrics, to one.
    failing = int(many * bad / total + uniform(seed(system.name), at, 5))
    failed = {int(uniform(seed(system.name), at + number, 6) * many) for number in range(failing)}
    spare = (number for number in range(many) if number not in failed)
    failed |= {next(spare) for _ in range(min(failing, many) - len(failed))}
    rejecting = int(many * happened.rejected / total + uniform(seed(system.name), at, 7))
    rejected = set(list(spare)[:rejecting])
    for number in range(many):
        yield _Making(system, happened, number).trace(number in failed, number in rejected)


def wrong(system: System, happened: Flow, number: int) -> str:
    """Return what an error says."""
    if happened.exhausted:
        return EXHAUSTED
    if happened.fault and KINDS[happened.fault].deploys:
        return system.wrong[-1]
    if happened.fault == "latency":
        return "timed out: no answer within 10 seconds"
    return system.wrong[number % (len(system.wrong) - 1)]


def version(happened: Flow) -> str:
    """Return which release was running."""
    return BAD_VERSION if happened.fault and KINDS[happened.fault].deploys else VERSION


@dataclass
class _Making:
    """One trace in the making."""

    system: System
    happened: Flow
    number: int
    documents: list[Document] = field(default_factory=list)

    def trace(self, failed: bool, rejected: bool) -> Trace:
        of, happened = seed(self.system.name), self.happened
        draw = [uniform(of, happened.at * SAMPLED + self.number, salt) for salt in (10, 11, 12)]
        start = happened.at + (self.number + draw[0]) * 60 / SAMPLED
        self.id = f"1-{int(start):08x}-{self._hex('trace', 24)}"
        usual = self.system.traffic.median * happened.slower / 1000
        seconds = usual * exp(self.system.traffic.spread * NORMAL.inv_cdf(min(max(draw[1], 0.001), 0.999)))
        self.path = self.system.paths[int(draw[2] * len(self.system.paths))]
        self.message = wrong(self.system, happened, self.number) if failed else ""
        self.failed, entry = failed, self.system.nodes[0]
        self._visit(entry, start, round(seconds, 4), "")
        root = self.documents[0]
        status = 503 if failed and happened.down else 500 if failed else 404 if rejected else 200
        if rejected:
            root["error"] = True
        method, _, path = self.path.partition(" ")
        root["http"] = {
            "request": {
                "method": method, "url": f"https://{self.system.name}.example.com{path}", "user_agent": AGENT,
                "client_ip": f"{CLIENT}{10 + self.number}",
            },
            "response": {"status": status},
        }  # fmt: skip
        return Trace(self.id, start, self.path, status, seconds, self.message, tuple(self.documents))

    def _visit(self, node: Node, start: float, seconds: float, parent: str) -> bool:
        """Add the documents of a part and of what it calls; returns whether it failed."""
        document: Document = {
            "trace_id": self.id, "id": self._hex(node.name + parent, 16), "name": node.name, "origin": node.type,
            "start_time": round(start, 4), "end_time": round(start + seconds, 4),
        }  # fmt: skip
        if parent:
            document["parent_id"] = parent
        self.documents.append(document)
        if node.inferred:
            document["inferred"] = True
        else:
            document["service"] = {"version": version(self.happened)}
            document["annotations"] = {"service": self.system.name}
            if node.name == self.system.failing:
                document["aws"] = {"cloudwatch_logs": [{"log_group": self.system.log_group}]}
        failed = self._calls(node, document, start, seconds)
        blamed = self.system.database if self.happened.exhausted else self.system.failing
        if self.failed and (node.name == blamed or (self.happened.down and node is self.system.nodes[0])):
            failed = True
            document["cause"] = self._cause(document["id"])
        if failed:
            document["fault"] = True
        return failed

    def _calls(self, node: Node, document: Document, start: float, seconds: float) -> bool:
        if self.happened.down:
            return False
        made = [edge for number, edge in enumerate(self.system.called(node.name)) if self._made(edge, number)]
        lengths = [self._length(node, self.system.node(edge.callee), seconds) for edge in made]
        scale = min(1.0, 0.94 * seconds / (sum(lengths) or 1.0))
        at, any_failed = start + 0.02 * seconds, False
        for edge, length in zip(made, lengths, strict=True):
            callee, took = self.system.node(edge.callee), length * scale
            inner: Document = {
                "id": self._hex(f"{document['id']}>{callee.name}", 16), "name": callee.name,
                "start_time": round(at, 4), "end_time": round(at + took, 4),
                "namespace": "aws" if callee.type.startswith("AWS::") else "remote",
            }  # fmt: skip
            document.setdefault("subsegments", []).append(inner)
            failed = self._visit(callee, at, took, inner["id"])
            if failed:
                inner["fault"] = any_failed = True
                if callee.inferred:
                    inner["cause"] = self._cause(inner["id"])
            at += took
        return any_failed

    def _made(self, edge: Edge, number: int) -> bool:
        if self.failed and self.happened.exhausted and self._leads(edge.callee):
            return True
        return uniform(seed(self.id), number, seed(edge.caller)) * 100 < edge.calls

    def _leads(self, name: str) -> bool:
        return name == self.system.database or any(self._leads(one.callee) for one in self.system.called(name))

    def _length(self, node: Node, callee: Node, seconds: float) -> float:
        share = callee.share / node.share
        if callee.name == self.system.database and self.happened.slower > 3:
            share = 0.85
        return seconds * share * (0.8 + 0.4 * uniform(seed(self.id), seed(callee.name)))

    def _cause(self, of: str) -> Document:
        kind, _, text = self.message.partition(": ")
        return {"exceptions": [{"id": of[::-1], "type": kind if text else "Error", "message": text or kind}]}

    def _hex(self, what: str, size: int) -> str:
        told = f"{self.system.name}/{self.happened.at}/{self.number}/{what}".encode()
        return hashlib.blake2b(told, digest_size=size // 2).hexdigest()
