"""Findings and troubles into notices: pure, with no idea of the channel."""

from __future__ import annotations

from datetime import UTC, datetime

from chalicelib.model import Finding, Notice

HEADLINE = {
    "fixed": "Fixed",
    "failed": "Could not fix",
    "asked": "Needs a decision",
    "observed": "Found",
    "noted": "Seen",
    "held": "Not fixed",
    "gone": "Gone by itself",
    "undone": "Undone",
    "exempted": "Exempted",
    "undoing": "Undoing",
    "fixing": "Fixing",
}
WHY_LENGTH = 600


def of_finding(finding: Finding, note: str = "", about: str = "") -> Notice:
    """Return the news about a finding: the status it has, or, with `note`, that what a person asked for is refused.

    The key names the status, so that the same news is told once however often it is sent or comes about; `about`
    names the command or event that it answers, so that each gets its answer.
    """
    step = finding.history[-1]
    text = note or step.note
    return Notice(
        key=f"{finding.id}:{finding.status}" + (f":{about}" if about else ""),
        thread=finding.id,
        kind="finding",
        severity=finding.severity,
        status=finding.status,
        title=f"{HEADLINE[finding.status]}: {clip(finding.why)}",
        lines=tuple(line for line in (_done(finding), clip(text)) if line),
        facts=_facts(finding),
        at=step.at,
        finding=finding.id,
        guardrail=finding.violation.guardrail,
        event_id=finding.event_id,
        undoable=finding.status == "fixed" and bool(finding.undo),
    )


def of_trouble(key: str, title: str, lines: tuple[str, ...], facts: tuple[tuple[str, str], ...], at: float) -> Notice:
    """Return the news that Parapet itself could not do something, with what to mend."""
    return Notice(
        key=key, thread=key, kind="trouble", severity="high", status="trouble", title=clip(title),
        lines=tuple(clip(line) for line in lines), facts=facts, at=at,
    )  # fmt: skip


def clip(text: str) -> str:
    """Return a text short enough to be read at a glance."""
    return text if len(text) <= WHY_LENGTH else text[: WHY_LENGTH - 1] + "…"


def moment(at: float) -> str:
    """Return a time as people read it, in UTC and to the minute."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: float) -> str:
    """Return a span of time as people say it: `0.2 s`, `42 s`, `5 min`, `3 h`, `2 d`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit, size, upto in (
        ("s", 1, 120),
        ("min", 60, 7200),
        ("h", 3600, 172800),
        ("d", 86400, float("inf")),
    ):
        if seconds < upto:
            return f"{seconds / size:.0f} {unit}"
    raise AssertionError("a duration is a number")


def _done(finding: Finding) -> str:
    took = finding.remediation_seconds
    calls = ", ".join(f"{c.service}:{c.operation}" for c in finding.fix)
    if finding.status == "fixed":
        after = f" {duration(took)} after the call" if took is not None and finding.event_time else ""
        return f"Put right{after} with {calls}."
    if finding.status == "asked":
        return f"Nothing was changed. The fix would be {calls}."
    if finding.status in ("observed", "noted"):
        return "Nothing was changed: this guardrail only tells."
    if finding.status in ("undone", "exempted"):
        until = f" until {moment(finding.due)}" if finding.due else ""
        return f"By {finding.history[-1].by}{until}."
    if finding.status == "held":
        return f"Nothing was changed. The fix will be {calls}."
    return ""


def _facts(finding: Finding) -> tuple[tuple[str, str], ...]:
    violation, actor = finding.violation, finding.actor
    facts = [("Resource", violation.resource), ("Account", f"{violation.account}, {violation.region}")]
    if actor:
        facts += [("Who", f"{actor.who} ({actor.kind})"), ("From", actor.ip), ("With", clip(actor.tool.split(" ")[0]))]
        facts.append(("Call", finding.event_name))
    else:
        facts.append(("Who", "not known: found standing"))
    facts.append(("Guardrail", violation.guardrail))
    return tuple(facts)
