"""What the journal's table holds about alerts: each alert, the group whose thread it is told in, silences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from chalicelib.alerts.signal import Signal
from chalicelib.matcher import Matcher
from chalicelib.model import SEVERITIES, Destination, Notice, Severity

Firing = Literal["firing", "resolved"]


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that fires or has fired, as the latest signal with its fingerprint told; times are epoch seconds.

    Args:
        fingerprint: what it is about (`Signal.fingerprint`).
        group: the id of the group that it is told in.
        status: whether it fires; what has no end (`told`) is `resolved` at once.
        severity: how bad it is.
        name: the alarm's, budget's … own name.
        title: what it is, in one line.
        source: what reports it.
        service: the workload, where known.
        account: where it is.
        region: where it is.
        resource: which resource it is about.
        tags: as far as known.
        since: when it began.
        at: the time of its latest signal: what is older changes nothing any more.
        signals: the ids of its latest signals.
        told: whether its firing was told, so that its end has to be.
        quiet: why it is not told: a silence's id, or the fingerprint of the alert that inhibits it.
        due: when to look again whether it is to be told.
        fired: how often it has begun to fire.
        quiet_since: since when it is kept quiet without a break.
        waiting: the report that is to be told once it is no longer kept quiet.
        unsure: whether its latest signal said that nobody knows.
        rev: counts its writes.
    """

    fingerprint: str
    group: str
    status: Firing
    severity: Severity
    name: str
    title: str
    source: str
    since: float
    at: float
    signals: tuple[str, ...] = ()
    service: str = ""
    account: str = ""
    region: str = ""
    resource: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    told: bool = False
    quiet: str = ""
    quiet_since: float = 0.0
    due: float | None = None
    fired: int = 0
    unsure: bool = False
    waiting: Signal | None = None
    rev: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """What is told in one thread: its first alert, and the storm behind it.

    Args:
        id: what people type: `a-` and eight letters and digits; the same for each episode.
        key: what its alerts have in common, as text.
        episode: counts how often it has opened; a button of an earlier episode is void (`Notice.question`).
        status: `firing` while any of its alerts does.
        opened: when this episode began (epoch seconds).
        at: when it changed last.
        severity: that of its worst alert in this episode.
        title: that of its first alert.
        firing: how many of its alerts fire now.
        total: how many have fired in this episode.
        acknowledged: who is on it; empty: nobody. It ends when the group resolves.
        acknowledged_at: since when.
        destination: where its thread is.
        notice: its latest news as sent, which the next is based on.
        repeat: how many seconds until it is told again.
        repeated_at: when it was told last.
        escalate_after: how many seconds until somebody else is paged; 0: nobody is.
        escalate_to: the PagerDuty service that is paged then.
        escalated: whether that has happened since it became worse.
        called: whether it has happened in this episode at all, so that they hear of the end.
        raised_at: when it began to fire, or became worse.
        waiting: lines about alerts that joined, not told yet.
        flush: when to tell them.
        unsent: notices that are decided, and perhaps not sent yet.
        due: when to look at it again.
        dismissed: who (their identities) called this episode not actionable.
        told: how many notices this episode has had.
        first: the fingerprint of its first alert.
        source: that of its first alert.
        name: likewise.
        service: likewise.
        account: likewise.
        region: likewise.
        resource: likewise.
        tags: likewise.
        rev: counts its writes.
    """

    id: str
    key: str
    episode: int
    status: Firing
    opened: float
    at: float
    severity: Severity
    title: str
    firing: int = 0
    total: int = 0
    acknowledged: str = ""
    acknowledged_at: float = 0.0
    destination: Destination | None = None
    notice: Notice | None = None
    repeat: float = 0.0
    repeated_at: float = 0.0
    escalate_after: float = 0.0
    escalate_to: str = ""
    escalated: bool = False
    called: bool = False
    raised_at: float = 0.0
    waiting: tuple[str, ...] = ()
    flush: float | None = None
    unsent: tuple[Notice, ...] = ()
    due: float | None = None
    dismissed: tuple[str, ...] = ()
    told: int = 0
    first: str = ""
    source: str = ""
    name: str = ""
    service: str = ""
    account: str = ""
    region: str = ""
    resource: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    rev: int = 0

    @property
    def thread(self) -> str:
        """The name of the thread that this episode is told in."""
        return f"{self.id}:{self.episode}"

    def led_by(self, alerts: Sequence[Alert]) -> Group:
        """Return it as people are shown it: once its first alert is over, as the worst of those that still fire."""
        firing = [one for one in alerts if one.status == "firing" and one.told]
        if not firing or any(one.fingerprint == self.first for one in firing):
            return self
        worst = min(firing, key=lambda one: (SEVERITIES.index(one.severity), one.since))
        return replace(
            self, title=worst.title, source=worst.source, name=worst.name, service=worst.service,
            account=worst.account, region=worst.region, resource=worst.resource, tags=worst.tags,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Silence:
    """What is not told until a time; its recoveries are. `by` is the identity of who wants it (`Asker.by`)."""

    id: str
    matcher: Matcher
    until: float
    who: str
    why: str
    at: float
    by: str = ""


@dataclass(frozen=True, slots=True)
class Noise:
    """How often people have called an alert not actionable within a week."""

    fingerprint: str
    name: str
    title: str
    source: str
    service: str
    objective: str
    dismissed: int
    fired: int
