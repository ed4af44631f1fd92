"""One report as it arrived: an EventBridge event, or what an SNS topic carried; read by path, made into a signal; pure.

What a source always says is asked for with `text` and `table`, and what it may say with the others, so that a damaged
report names the field that is missing instead of being told half.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chalicelib.alerts.console import partition
from chalicelib.alerts.signal import Alarm, Signal, State
from chalicelib.model import ParapetError, Severity

# How people name the workload in tags, the first that there is counting.
SERVICE_TAGS = ("service", "app", "application")
# Clocks may differ by so much; what is further ahead is a mistake (seconds).
AHEAD = 300.0
ACCOUNT, REGION = re.compile(r"\d{12}"), re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
FORMATS = ("%a, %d %b %Y %H:%M:%S GMT", "%b %d, %Y, %I:%M:%S %p")


class Unreadable(ParapetError):
    """A report lacks what its source always says; the text names it."""


def plain(value: Any) -> str:
    """Return a text, number or truth value as a text; anything else is an empty one."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, bool | int | float) else ""


def within(value: Any, path: str) -> Any:
    """Return what lies under a path such as `detail.findings.0.Id`, None where there is nothing."""
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step[:6]) < len(value):
            value = value[int(step[:6])]
        else:
            return None
    return value


def moment(value: Any) -> float | None:
    """Return a time in epoch seconds, however AWS's services write theirs; None where it is not a time."""
    found: float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        # What would be after the year 5000 in seconds is in milliseconds.
        found = float(value) / 1000 if abs(value) > 1e11 else float(value)
    elif isinstance(value, str) and value:
        text = value.strip().replace("\u202f", " ").replace("Z", "+00:00")
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            when = _spelled(text) or datetime.min
        if when.year > 1:
            found = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    return found if found is not None and math.isfinite(found) and 0 < found < 1e11 else None


def _spelled(text: str) -> datetime | None:
    for form in FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def fingerprint(source: str, *about: str) -> str:
    """Return what stands for one thing that a source reports about; for an alarm, `about` is its ARN."""
    text = "\n".join(about).encode("utf-8", "replace")
    return f"{source}:{hashlib.sha256(text).hexdigest()[:32]}"


def tags_of(value: Any) -> dict[str, str]:
    """Return tags, however they are written: by name, or as a list of `Key` and `Value`."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items() if isinstance(one, str)}
    found: dict[str, str] = {}
    for one in value if isinstance(value, list) else []:
        if isinstance(one, Mapping):
            low = {str(key).lower(): inner for key, inner in one.items()}
            # OCSF calls it a name.
            if key := plain(low.get("key")) or plain(low.get("name")):
                found[key] = plain(low.get("value"))
    return found


def service_of(tags: Mapping[str, str]) -> str:
    """Return the workload that tags name, or an empty text."""
    low = {key.lower(): value for key, value in tags.items()}
    return next((low[name] for name in SERVICE_TAGS if low.get(name)), "")


def tail(arn: str) -> str:
    """Return the last part of an ARN or path: `web` of `…:service/default/web`."""
    return re.split(r"[:/]", arn)[-1]


@dataclass(frozen=True, slots=True)
class Report:
    """One report.

    Args:
        content: the event, or the JSON that the topic carried.
        id: the same when it is delivered again.
        at: when it happened (epoch seconds).
        received: when it reached us.
        text: what the topic carried, where that is not JSON.
        account: 12 digits, where known.
        region: where known.
        subject: what SNS was told to write above it.
        topic: the ARN of the topic.
    """

    content: Mapping[str, Any]
    id: str
    at: float
    received: float
    text: str = ""
    account: str = ""
    region: str = ""
    subject: str = ""
    topic: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Any:
        """Return what lies under a path, None where there is nothing."""
        return within(self.content, path)

    def said(self, path: str) -> str:
        """Return the text under a path; raises Unreadable without one."""
        if found := plain(self.get(path)):
            return found
        raise Unreadable(f"{path} is missing" if self.get(path) is None else f"{path} is not a text")

    def maybe(self, *paths: str) -> str:
        """Return the first text that there is under some paths, or an empty one."""
        return next((found for path in paths if (found := plain(self.get(path)))), "")

    def number(self, path: str) -> float | None:
        """Return the number under a path; None where there is none."""
        value = self.get(path)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                return None
        real = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if real and abs(value) < 1e18 else None

    def table(self, path: str) -> Mapping[str, Any]:
        """Return the object under a path; raises Unreadable without one."""
        found = self.get(path)
        if isinstance(found, Mapping):
            return found
        raise Unreadable(f"{path} is missing" if found is None else f"{path} is not an object")

    def items(self, path: str) -> list[Any]:
        """Return the list under a path, an empty one where there is none."""
        found = self.get(path)
        return found if isinstance(found, list) else []

    def time(self, *paths: str) -> float | None:
        """Return the first time that there is under some paths."""
        return next((found for path in paths if (found := moment(self.get(path))) is not None), None)

    @property
    def resource(self) -> str:
        """The first resource that an event names, or an empty text."""
        return plain(within(self.content, "resources.0"))

    @property
    def partition(self) -> str:
        """The partition of the report's region, for ARNs."""
        return partition(self.region)

    def signal(
        self,
        source: str,
        about: Sequence[str],
        *,
        state: State,
        severity: Severity,
        name: str,
        title: str,
        lines: Sequence[str] = (),
        facts: Sequence[tuple[str, str]] = (),
        id: str = "",  # noqa: A002
        at: float | None = None,
        since: float | None = None,
        account: str = "",
        region: str = "",
        resource: str = "",
        service: str = "",
        tags: Mapping[str, str] | None = None,
        links: Sequence[tuple[str, str]] = (),
        alarm: Alarm | None = None,
        log_groups: Sequence[str] = (),
    ) -> Signal:
        """Return the signal that a report amounts to; what is empty is left out.

        `about` is what the report is about, the same for firing and resolved; the account and region are added.
        """
        account, region = account or self.account, region or self.region
        account = account if ACCOUNT.fullmatch(account) else ""
        # Also `global`, which is where nobody can be sent.
        region = region if REGION.fullmatch(region) else ""
        known = dict(self.tags if tags is None else tags)
        happened = at if at is not None and at <= self.received + AHEAD else self.at
        return Signal(
            id=id or self.id,
            source=source,
            fingerprint=fingerprint(source, *((*about, account, region) if source != "alarm" else about)),
            state=state,
            severity=severity,
            name=name,
            title=title,
            lines=tuple(line for line in lines if line),
            facts=tuple((label, value) for label, value in facts if value),
            at=happened,
            since=min(happened, since) if since is not None else happened,
            account=account,
            region=region,
            resource=resource,
            service=service or service_of(known),
            tags=known,
            links=tuple((label, address) for label, address in links if address),
            alarm=alarm,
            log_groups=tuple(one for one in log_groups if one),
        )
