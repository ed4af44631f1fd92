"""What a sample system is made of, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.systems.traffic import Flow, Traffic

# Values, and how many times each was measured.
Measured = tuple[tuple[float, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Series:
    """One metric that a part of a system writes.

    `$name` in a dimension's value stands for the id that the account gave a resource. `measured` returns None where
    AWS would publish nothing.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str
    measured: Callable[[Flow], Measured | None]
    region: str = ""

    def resolved(self, ids: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Return the dimensions with the resources' ids; raises KeyError for a resource that is not there."""
        return tuple((name, ids[value[1:]] if value.startswith("$") else value) for name, value in self.dimensions)


@dataclass(frozen=True, slots=True)
class Node:
    """One part of a system as a trace shows it.

    Args:
        name: what X-Ray calls it.
        type: X-Ray's type of it, such as `AWS::Lambda::Function`.
        share: of the request's time that passes here and in what it calls.
        inferred: it sends no segments of its own: only its callers tell of it.
    """

    name: str
    type: str
    share: float
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """Who calls whom; `calls` is how many of a hundred requests do."""

    caller: str
    callee: str
    calls: int = 100


@dataclass(frozen=True, slots=True)
class System:
    """One sample system.

    Args:
        name: of the service, and of the tag that its resources carry.
        title: what it is, in words.
        traffic: who comes, how fast they are answered.
        nodes: its parts, the entry first.
        edges: who calls whom.
        series: what is written to CloudWatch.
        log_group: where its error lines go.
        access_log: where its entry writes what was asked.
        paths: what is asked, as method and path.
        failing: the node in which errors are made.
        database: the node whose connections can run out, if there is one.
        wrong: the messages of its errors; the last is that of a bad deployment.
    """

    name: str
    title: str
    traffic: Traffic
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    series: tuple[Series, ...]
    log_group: str
    access_log: str
    paths: tuple[str, ...]
    failing: str
    database: str = ""
    wrong: tuple[str, ...] = ()

    def node(self, name: str) -> Node:
        """Return a part by its name; raises StopIteration."""
        return next(one for one in self.nodes if one.name == name)

    def called(self, name: str) -> tuple[Edge, ...]:
        """Return whom a part calls."""
        return tuple(one for one in self.edges if one.caller == name)
