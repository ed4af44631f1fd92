"""What is known about a moment that somebody asks about, before anybody is suspected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.explain.kept import Past
from chalicelib.explain.onset import Onset
from chalicelib.ledger.model import Change

SuspectKind = Literal["change", "dependency", "edge", "errors", "traffic", "alarm", "remediation", "region"]
Sign = Literal["errors", "latency", "traffic", "silence", "alarm"]


@dataclass(frozen=True, slots=True)
class Symptom:
    """One sign that something is wrong, since when, and how it is said.

    Args:
        sign: of what kind.
        label: as people call it: `errors`, `p95 latency`, the alarm's metric.
        unit: `share` (of 1), `seconds`, `count`, or CloudWatch's own.
        onset: since when, and what it looks like.
        who: how many requests suffered, where that can be counted.
    """

    sign: Sign
    label: str
    unit: str
    onset: Onset
    who: float | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """What is full, or down, of what a service stands on.

    Args:
        of: what, as people call it: `database shop-db`.
        kind: of `services.kinds`.
        gauge: its name there.
        label: as people read it.
        at: since when it is bad.
        said: how bad: `200 of 200`.
        before: how it was before, in the same words; empty where nothing was measured.
        sharing: other services that stand on it too, and whether each is well.
    """

    of: str
    kind: str
    gauge: str
    label: str
    at: float
    said: str
    before: str = ""
    sharing: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hop:
    """One edge of the service map, while it hurts and before.

    Args:
        caller: who calls.
        callee: whom.
        type: X-Ray's of whom: `Database::SQL`, `remote` …
        calls: how many are known of it.
        failing: which share fails, and `failed` which did.
        seconds: how long it takes on average, and `took` how long it took.
        own: whether the callee is code of the service itself.
        well: others that call the same one, and are well.
        traces: ids of a few that show it.
        said: where the first of them failed, and with what words.
        sampled: whether its calls are a sample; else they were counted.
    """

    caller: str
    callee: str
    type: str
    calls: int
    failing: float
    failed: float
    seconds: float | None
    took: float | None
    own: bool = False
    well: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    said: str = ""
    sampled: bool = True


@dataclass(frozen=True, slots=True)
class Pattern:
    """Error lines that are alike: how many since the onset, in as long before, where, since when (0: unknown)."""

    text: str
    count: int
    before: int
    group: str
    first: float

    @property
    def new(self) -> bool:
        """Whether there are so many more than before that they are news."""
        return self.count >= 3 and self.count >= 4 * max(1, self.before)


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another alarm that went off around the same time; `service` is empty where nobody knows whose it is."""

    name: str
    at: float
    service: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What Parapet itself put right: which finding, on what, why, when, and whether that still is so."""

    finding: str
    guardrail: str
    resource: str
    why: str
    at: float
    standing: bool = True
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is known of a moment.

    Args:
        service: whose moment it is; empty where only an alarm is known.
        account: where.
        region: where.
        symptom: the sign that began it; None where nothing is wrong.
        names: what the service is made of, by the names that calls and ARNs know it by.
        traffic: how many come, where that changed.
        changes: of the account, as far back as the ledger was asked, in any order; refused ones too.
        filled: what is full or down.
        hops: the edges of the service map.
        patterns: error lines.
        siblings: alarms.
        ours: what Parapet put right.
        entry: of which kind of `services.kinds` its entry is; empty where only an alarm is known.
        unseen: sections that are not there, or not whole: nothing follows from what they do not show.
        past: what was explained before.
    """

    service: str
    account: str
    region: str
    symptom: Symptom | None
    names: frozenset[str] = frozenset()
    traffic: Onset | None = None
    changes: tuple[Change, ...] = ()
    filled: tuple[Filled, ...] = ()
    hops: tuple[Hop, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    siblings: tuple[Sibling, ...] = ()
    ours: tuple[Fixed, ...] = ()
    entry: str = ""
    unseen: frozenset[str] = frozenset()
    past: tuple[Past, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspect:
    """What may have brought it.

    Args:
        kind: of which kind.
        title: what it is, in a line that can stand in a sentence.
        at: when it was, or began.
        score: from 0 to 1.
        evidence: what speaks for it.
        against: what speaks against it.
        change: the id of the change, where it is one.
        same: the same whenever the same happens again: by this, past explanations are found.
        shows: whether it says what happens, and not why.
    """

    kind: SuspectKind
    title: str
    at: float
    score: float
    evidence: tuple[str, ...]
    against: tuple[str, ...] = ()
    change: str = ""
    same: str = ""
    shows: bool = False
