"""What X-Ray and the logs have of the sample systems, as the API tells it: for the page's map."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.services.model import Service, Target
from chalicelib.times import iso
from chalicelib.tracing import followed, following, samples, shown
from chalicelib.tracing.maps import Both, Maps
from chalicelib.tracing.samples import Named, Wanted
from local.systems import SYSTEMS, lines, traces
from local.systems.faults import Fault
from local.xray import XRay
from local.xray_filter import Document
from tests.tracing.playing import ACCOUNT, Account

MINUTE = 60
# As the sample systems have them; of archive X-Ray tells nothing.
SERVICES = tuple(
    Service(name, Target("lambda_function", {"function": function}))
    for name, function in (
        ("shop", "shop"),
        ("images", "images-resize"),
        ("saas", "saas-api"),
        ("intake", "intake-parse"),
    )
)
Ill = tuple[tuple[str, str], ...]


class Systems:
    """The traces of the sample systems, some of which are ill for the last twenty minutes before a time."""

    def __init__(self, ill: Ill, now: float) -> None:
        self.faults = {name: (Fault(name, kind, now - 20 * MINUTE, now + 3600),) for name, kind in ill}

    @functools.cache  # noqa: B019 - there are two of them
    def minute(self, name: str, at: int) -> tuple[traces.Trace, ...]:
        return tuple(traces.traces(SYSTEMS[name], at, self.faults.get(name, ())))

    def between(self, start: float, end: float) -> Iterator[Sequence[Document]]:
        """Yield the documents of each trace that began within a time."""
        for name in SYSTEMS:
            for at in range(int(start) // MINUTE * MINUTE, int(end) + 1, MINUTE):
                yield from (one.documents for one in self.minute(name, at) if start <= one.start < end)

    def by_id(self, wanted: str) -> Sequence[Document]:
        """Return the documents of a trace."""
        at = int(wanted.split("-")[1], 16) // MINUTE * MINUTE
        return next((one.documents for name in SYSTEMS for one in self.minute(name, at) if one.id == wanted), ())


class Logged(Account):
    """An account in which these systems log."""

    systems: Systems

    def _lines(self, given: Mapping[str, Any]) -> dict[str, Any]:
        start, end = given["startTime"] / 1000, given["endTime"] / 1000
        self.logs = {
            one.log_group: [
                line
                for at in range(int(start) // MINUTE * MINUTE, int(end), MINUTE)
                for line in lines.application(one, at, self.systems.faults.get(name, ()))
            ]
            for name, one in SYSTEMS.items()
            if one.log_group == given["logGroupName"]
        }
        return super()._lines(given)


@functools.cache
def _account(ill: Ill, now: float) -> Logged:
    systems = Systems(ill, now)
    found = Logged(XRay(ACCOUNT, lambda: 0.0, systems))
    found.systems = systems
    return found


@functools.cache
def _both(ill: Ill, now: float) -> Both:
    account = _account(ill, now)
    return Maps(lambda _: account).look("", now - 900, now, SERVICES)


class Traced:
    """What the API tells of traces."""

    def __init__(self, ill: Ill) -> None:
        self.ill = ill

    def map(self, given: Mapping[str, str], now: float) -> dict[str, Any]:
        both = _both(self.ill, now)
        return shown.document(both.now, both.before, given.get("service", ""))

    def samples(self, given: Mapping[str, str], now: float) -> dict[str, Any]:
        caller = Named(given["caller"], given.get("caller_type", "")) if "caller" in given else None
        nodes = (Named(given["node"], given.get("type", "")),) if "node" in given else ()
        slower = float(given["slower"].removesuffix("ms")) / 1000 if "slower" in given else 0.0
        wanted = Wanted(nodes, caller, given.get("kind", ""), slower)  # type: ignore[arg-type]
        account = _account(self.ill, now)
        found = samples.find(account, wanted, now - 900, now, int(given["limit"]))
        asked = {"region": account.region, "since": iso(now - 900), "until": iso(now)}
        return {**asked, **followed.samples(found, account.region)}

    def trace(self, id_: str, now: float) -> dict[str, Any]:
        account = _account(self.ill, now)
        return followed.trace(following.follow(account, id_, now), account.region)
