"""What our functions tell their operators: log lines in JSON, and metrics in CloudWatch's embedded metric format.

Whoever looks for what became of an event finds its id in the line of the guard function, the finding's id in the
lines of what was journalled for it, and both in the line of `notify`.

Written by hand: Powertools' Logger and Metrics would cost each cold start of a guard function 6 ms, Metrics has one set
of dimensions for a whole process, and what Logger writes goes on to every other handler with our secrets still in it.
The lines have the keys that Logger's would have.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Protocol, TextIO

from chalicelib import settings
from chalicelib.decision import Entry, Head, Limit
from chalicelib.journal import Journal
from chalicelib.model import Busy, Command, Finding, ParapetError
from chalicelib.secrets import redacted

NAMESPACE = "Parapet"
# What CloudWatch takes of one metric in one line.
VALUES = 100
Metric = Literal["Events", "Findings", "Fixes", "Refusals", "Failures", "Forgeries", "Denials", "SecondsToRemediate"]
UNITS: Mapping[Metric, str] = {
    "Events": "Count",
    "Findings": "Count",
    "Fixes": "Count",
    "Refusals": "Count",
    "Failures": "Count",
    "Forgeries": "Count",
    "Denials": "Count",
    "SecondsToRemediate": "Seconds",
}
Level = Literal["INFO", "WARNING", "ERROR"]
Tally = dict[Metric, list[float]]

_encoded = json.JSONEncoder(separators=(",", ":"), default=str).encode

stream: ContextVar[TextIO | None] = ContextVar("stream", default=None)


class Context(Protocol):
    """What Lambda tells about an invocation."""

    @property
    def aws_request_id(self) -> str:
        """The id of this invocation, the same in every try."""
        ...


class Seen(NamedTuple):
    """One thing that happened: what the log says of it, and how it counts."""

    message: str
    level: Level
    about: Mapping[str, Any]
    counts: Mapping[Metric, float]
    guardrail: str = ""


class Invocation:
    """What one invocation of a function has seen."""

    def __init__(self, service: str, request: str) -> None:
        self._keys: dict[str, Any] = {"service": service, "function_request_id": request}
        self._tallies: dict[str, Tally] = {"": {}}
        if trace := os.environ.get("_X_AMZN_TRACE_ID"):
            self._keys["xray_trace_id"] = trace.split(";")[0].removeprefix("Root=")

    def because(self, **about: Any) -> None:
        """Say what made us look: every line names it from now on."""
        self._keys |= about

    def count(self, metric: Metric, value: float = 1, guardrail: str = "") -> None:
        """Count something, for the line of metrics that ends the invocation."""
        self._tallies.setdefault(guardrail, {}).setdefault(metric, []).append(value)

    def see(self, seen: Seen) -> None:
        """Log one thing that happened, and count it."""
        for metric, value in seen.counts.items():
            self.count(metric, value, seen.guardrail)
        self.line(seen.level, seen.message, **seen.about)

    def line(self, level: Level, message: str, **about: Any) -> None:
        """Write one log line."""
        self._write(level, message, about, time.time())

    def end(self, milliseconds: int) -> None:
        """Write the line that ends the invocation, with its metrics; one line more for each further guardrail."""
        now, stage = time.time(), settings.environment(os.environ).stage
        for number, metrics in enumerate(embedded(stage, self._tallies, int(now * 1000))):
            self._write("INFO", "metrics" if number else "done", {"ms": milliseconds, **metrics}, now)

    def _write(self, level: Level, message: str, about: Mapping[str, Any], now: float) -> None:
        moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        line = {"level": level, "message": message, "timestamp": moment, **self._keys, **about}
        clean = {name: redacted(value) if isinstance(value, str) else value for name, value in line.items()}
        out = stream.get() or sys.stdout
        # A log that cannot be written stops nobody.
        with contextlib.suppress(OSError, ValueError):
            out.write(redacted(_encoded(clean)) + "\n")
            out.flush()


_current: ContextVar[Invocation | None] = ContextVar("invocation", default=None)


@contextlib.contextmanager
def invocation(service: str, context: Context) -> Iterator[Invocation]:
    """Watch over one invocation: how it ends is logged, its metrics are written, and no error shows a secret.

    Raises:
        ParapetError: instead of an error whose text holds a secret; any other error goes on as it is.
    """
    seen, started = Invocation(service, context.aws_request_id), time.monotonic()
    token = _current.set(seen)
    try:
        yield seen
    except Exception as error:
        # Another invocation is at it: Lambda brings the event again, and nobody has to look.
        seen.line(
            "WARNING" if isinstance(error, Busy) else "ERROR", "not done", error=type(error).__name__, text=str(error)
        )
        shown = "".join(traceback.format_exception(error))
        if redacted(shown) != shown:
            raise ParapetError(f"{type(error).__name__}: {redacted(str(error))}") from None
        raise
    finally:
        _current.reset(token)
        seen.end(round((time.monotonic() - started) * 1000))


def embedded(stage: str, tallies: Mapping[str, Tally], milliseconds: int) -> Iterator[dict[str, Any]]:
    """Yield what makes log lines into metrics: one per guardrail, and the first also with what concerns none.

    Args:
        stage: the first dimension of all.
        tallies: by guardrail, the second dimension; what is under an empty name has the stage only.
        milliseconds: when, since 1970.
    """
    [whole] = _parts(tallies.get("", {}))
    rails = [(name, part) for name, tally in tallies.items() if name for part in _parts(tally)] or [("", {})]
    for number, (name, tally) in enumerate(rails):
        first = {} if number else whole
        directives = [
            {
                "Namespace": NAMESPACE,
                "Dimensions": dimensions,
                "Metrics": [{"Name": metric, "Unit": UNITS[metric]} for metric in some],
            }
            for some, dimensions in ((first, [["Stage"]]), (tally, [["Stage"], ["Stage", "Guardrail"]]))
            if some
        ]
        if not directives:
            yield {}
            continue
        named = {"Guardrail": name} if name else {}
        values: dict[str, Any] = {
            metric: some[0] if len(some) == 1 else some for metric, some in (first | tally).items()
        }
        yield {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": directives}, "Stage": stage, **named, **values}


def _parts(tally: Tally) -> Iterator[Tally]:
    """Yield a tally in parts of which none has too many values: counts are one value, their sum."""
    seconds = tally.get("SecondsToRemediate", [])
    yield {
        metric: values[:VALUES] if metric == "SecondsToRemediate" else [sum(values)] for metric, values in tally.items()
    }
    for start in range(VALUES, len(seconds), VALUES):
        yield {"SecondsToRemediate": seconds[start : start + VALUES]}


class Witness(Journal):
    """The journal, of which the invocation at work sees what is written: what is not recorded did not happen."""

    def open(self, finding: Finding, entry: Entry, head: Head, limit: Limit) -> None:
        """Write a new finding as the journal does, and have it seen."""
        super().open(finding, entry, head, limit)
        _see(of_opened(finding))

    def move(self, before: Finding, after: Finding, was: Entry, entry: Entry, **more: Any) -> Finding:
        """Move a finding on as the journal does, and have it seen."""
        moved = super().move(before, after, was, entry, **more)
        _see(of_moved(moved, entry, more.get("command")))
        return moved

    def answer(self, command: Command) -> None:
        """Record the outcome of a command as the journal does, and have it seen."""
        super().answer(command)
        _see(of_refused(command))


def defect(message: str, trace: str) -> None:
    """Log a defect of Parapet's that fails nothing, for the invocation that has met it."""
    _see(Seen(message, "ERROR", {"exception": trace}, {}))


def _see(seen: Seen) -> None:
    current = _current.get()
    if current:
        current.see(seen)


def of_opened(finding: Finding) -> Seen:
    """Return what a new finding says; it also counts as a refusal when the pause or a limit kept us from fixing it."""
    # Only a limit asks with a reason; where asking is the mode, none is given.
    withheld = finding.status == "held" or (finding.status == "asked" and finding.history[0].note)
    counts: dict[Metric, float] = {"Findings": 1, **({"Refusals": 1} if withheld else {})}
    return Seen(finding.status, "INFO", _about(finding), counts, finding.violation.guardrail)


def of_moved(finding: Finding, entry: Entry, command: Command | None) -> Seen:
    """Return what a finding says that has moved, with its head's new entry, perhaps at a command."""
    if command and command.status == "refused":
        return of_refused(command, finding)
    counts: dict[Metric, float] = {}
    if entry.status == "failed":
        counts["Failures"] = 1
    elif entry.status == "fixed":
        counts["Fixes"] = 1
        # What waited for a person, or for AWS, tells nothing about how quick we are.
        ours = all(step.status in ("fixing", "failed", "fixed") for step in finding.history)
        if ours and finding.event_time is not None and finding.remediation_seconds is not None:
            counts["SecondsToRemediate"] = finding.remediation_seconds
    level: Level = "ERROR" if entry.status == "failed" else "INFO"
    return Seen(entry.status, level, _about(finding), counts, finding.violation.guardrail)


def of_refused(command: Command, finding: Finding | None = None) -> Seen:
    """Return what a command says that was not carried out."""
    about = {"finding": command.finding, **(_about(finding) if finding else {}), "note": command.answer}
    guardrail = finding.violation.guardrail if finding else ""
    return Seen("refused", "WARNING", {**about, "command": command.id}, {"Refusals": 1}, guardrail)


def _about(finding: Finding) -> dict[str, Any]:
    violation, note = finding.violation, finding.history[-1].note
    about = {
        "finding": finding.id,
        "guardrail": violation.guardrail,
        "account": violation.account,
        "region": violation.region,
        "resource": violation.resource,
        "part": violation.part,
        "origin": finding.origin,
        "event_id": finding.event_id,
        "note": note,
    }
    return {name: value for name, value in about.items() if value}
