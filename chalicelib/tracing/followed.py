"""What programs and the page get of single traces, as JSON; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.times import iso
from chalicelib.tracing.following import Followed, Lines, console
from chalicelib.tracing.samples import Found, Sample
from chalicelib.tracing.scrubbed import address, scrubbed
from chalicelib.tracing.segments import Step
from chalicelib.tracing.shown import NOTHING, word


def samples(found: Found, region: str) -> dict[str, Any]:
    """Return sample traces."""
    return {
        "status": "ok" if found.samples else "no_data",
        "why": _why(found),
        "filter": found.expression,
        "traces": [sample(one, region) for one in found.samples],
        "scanned": found.scanned,
        "more": found.more,
    }


def _why(found: Found) -> str | None:
    if found.cut:
        looked = f"X-Ray has looked at what began since {iso(found.whole)}{'' if found.samples else ', and none fits'}"
        return f"{looked}: a time that ends there shows what was before"
    if found.samples:
        return None
    return "no trace of this time fits" if found.scanned else NOTHING


def sample(one: Sample, region: str) -> dict[str, Any]:
    """Return one trace in a few words."""
    return {
        "id": one.id,
        "at": iso(one.at),
        "seconds": round(one.seconds, 4),
        "answered": round(one.answered, 4),
        "method": one.method or None,
        "url": one.url or None,
        "http_status": one.status,
        "met": _met(one),
        "partial": one.partial,
        "entry": one.entry.name,
        "failing": {
            "name": one.failing.name, "label": word(one.failing.type), "exception": one.failing.exception or None,
            "message": one.failing.message or None,
        } if one.failing else None,
        "console": console(region, one.id),
    }  # fmt: skip


def trace(found: Followed, region: str) -> dict[str, Any]:
    """Return one trace with its steps and log lines."""
    start = min((one.at for one in found.steps), default=0.0)
    return {
        "id": found.id,
        "region": region,
        "status": found.state,
        "why": found.why or None,
        "answer": sentence(found),
        "source": found.source or None,
        "at": iso(start) if found.steps else None,
        "seconds": round(max((one.at + (one.seconds or 0.0) for one in found.steps), default=0.0) - start, 4),
        "steps": [_step(one, start) for one in found.steps],
        "failing": _step(found.failing, start) if found.failing else None,
        "lines": _lines(found.lines),
        "console": console(region, found.id),
    }


def sentence(found: Followed) -> str:
    """Return in a sentence where a trace failed, or that it did not."""
    if found.state != "ok":
        return f"Nothing is known of it: {found.why}."
    one = found.failing
    if one is None:
        return f"Nothing failed: {'1 step' if len(found.steps) == 1 else f'{len(found.steps)} steps'}."
    how = "failed" if one.fault else "was throttled" if one.throttle else "was refused"
    thrown = scrubbed(": ".join(filter(None, (one.exception, one.message))), 300)
    status = f" with {one.status}" if one.status else ""
    return f"{one.name} {how}{status}{f': {thrown}' if thrown else ''}{f' ({one.where})' if one.where else ''}"


def _met(one: Sample | Step) -> str:
    return "fault" if one.fault else "throttle" if one.throttle else "error" if one.error else "ok"


def _step(one: Step, start: float) -> dict[str, Any]:
    method, _, url = one.asked.partition(" ") if " " in one.asked else ("", "", one.asked)
    return {
        "id": one.id,
        "parent": one.parent or None,
        "depth": one.depth,
        "name": one.name,
        "label": word(one.type) if one.type else None,
        "after": round(one.at - start, 4),
        "seconds": None if one.seconds is None else round(one.seconds, 4),
        "met": _met(one),
        "http_status": one.status,
        "asked": " ".join(filter(None, (method, address(url)))) or None,
        "exception": one.exception or None,
        "message": scrubbed(one.message) or None,
        "where": one.where or None,
        "aws": dict(one.aws),
    }


def _lines(found: Lines) -> Mapping[str, Any]:
    return {
        "status": found.state,
        "why": found.why or None,
        "groups": list(found.groups),
        "lines": [{"at": iso(one.at), "group": one.group, "text": one.text} for one in found.lines],
    }
