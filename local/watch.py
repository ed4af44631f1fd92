"""The terminal's live line for everything that Parapet does."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.journal import Journal
from chalicelib.model import US, Destination, Finding, Notice
from chalicelib.notices import outbox
from chalicelib.notices.compose import HEADLINE, duration

REMEMBERED = 5000
CHANNELS = {"slack": "Slack", "pagerduty": "PagerDuty"}
ONCE = ("firing", "told")


class Watch:
    """Knows to the millisecond when a call was made, which CloudTrail's own clock does not tell."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._calls: OrderedDict[str, float] = OrderedDict()
        self._said: OrderedDict[str, None] = OrderedDict()

    def called(self, event: Mapping[str, Any], at: float) -> None:
        """Remember when a call was made."""
        with self._lock:
            self._calls[event["detail"]["eventID"]] = at
            if len(self._calls) > REMEMBERED:
                self._calls.popitem(last=False)

    def noticed(self, body: str, journal: Journal) -> None:
        """Say what a notice in the outbox is about, once."""
        notice = outbox.load(body)
        # What is found out about an alert comes after it, and is for whoever looks at it.
        key = f"{notice.alert}:{notice.question}" if notice.kind == "alert" and notice.status in ONCE else notice.key
        with self._lock:
            if key in self._said:
                return
            self._said[key] = None
            if len(self._said) > REMEMBERED:
                self._said.popitem(last=False)
        finding = journal.get(notice.finding) if notice.finding else None
        self._say(self.line(notice, finding))

    def line(self, notice: Notice, finding: Finding | None) -> str:
        """Return the live line of a notice."""
        if notice.kind in ("alert", "digest"):
            return _alert(notice)
        if finding is None:
            return f"{notice.title} {' '.join(notice.lines)}"
        if notice.to:
            return f"Told {notice.to.rpartition('/')[2]} directly: {notice.title}"
        called = self._calls.get(finding.event_id)
        took = ""
        if notice.status == "fixed" and called is not None and finding.fixed_at is not None:
            took = f"{duration(max(0.0, finding.fixed_at - called))}  "
        pieces = [f"{took}{HEADLINE[notice.status]}: {finding.why}"]
        by = finding.history[-1].by
        if by != US:
            pieces.append(f"by {by}")
        elif finding.actor:
            tool = finding.actor.tool.split("/")[0].split(" ")[0]
            changed = f"{finding.actor.who}, {finding.actor.ip}, {tool}"
            approved = finding.approver
            pieces.append(f"changed by {changed} · approved by {approved}" if approved else changed)
        if "undo" in notice.actions:
            pieces.append(f"./parapet undo {finding.id}")
        elif notice.status in ("asked", "held", "failed") or notice.lines:
            pieces.append(f"./parapet show {finding.id}")
        return " · ".join(pieces)


def _alert(notice: Notice) -> str:
    told = outbox.channels(notice)
    to = (notice.destination or Destination()).email
    channels = [name for channel, name in CHANNELS.items() if channel in told]
    if to and "email" in told:
        channels.append(f"e-mail to {', '.join(to)}")
    said = f"{notice.status.capitalize()}: "
    pieces = [said + notice.title.removeprefix(said), notice.severity, ", ".join(channels)]
    if "acknowledge" in notice.actions:
        pieces.append(f"./parapet acknowledge {notice.alert}")
    return " · ".join(pieces)
