"""What is said about alerts, as notices: pure, with no idea of the channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.alerts.model import Alert, Group, Noise, Silence
from chalicelib.alerts.signal import Signal
from chalicelib.model import CommandKind, Destination, Notice, Page
from chalicelib.notices.compose import clip, duration, moment

# What a person may ask for in answer.
OPEN: tuple[CommandKind, ...] = ("acknowledge", "silence", "dismiss")
ACKNOWLEDGED: tuple[CommandKind, ...] = ("silence", "dismiss")
OVER: tuple[CommandKind, ...] = ("dismiss",)
RAW_LENGTH = 1500


def firing(group: Group, signal: Signal, *, again: bool = False) -> Notice:
    """Return the news that an alert fires, which opens its group's thread, or opens it again.

    Args:
        group: as it is from now on.
        signal: what reports it.
        again: whether the thread was there, so that a reply in it must be loud.
    """
    fires = signal.state == "firing"
    status = "firing" if fires else "told"
    # What nobody foresaw is not to be hidden behind a guess.
    raw = (f"As it came: {signal.raw[:RAW_LENGTH]}",) if signal.source == "unknown" and signal.raw else ()
    return Notice(
        key=_key(group, status),
        thread=group.thread,
        kind="alert",
        severity=signal.severity,
        status=status,
        title=clip(signal.title),
        lines=(*(clip(line) for line in signal.lines), *raw),
        facts=signal.facts,
        at=signal.at,
        event_id=signal.id,
        actions=OPEN if fires else OVER,
        question=group.episode,
        loud=again,
        alert=group.id,
        source=signal.source,
        name=signal.name,
        service=signal.service,
        account=signal.account,
        region=signal.region,
        resource=signal.resource,
        tags=tuple(sorted(signal.tags.items())),
        since=signal.since,
        links=signal.links,
        fingerprint=group.thread,
        # Without data nobody knows: that wakes nobody.
        page="" if signal.state == "unsure" else "trigger",
        destination=group.destination,
    )


def joined(group: Group, lines: Sequence[str], at: float) -> Notice:
    """Return the news of what else has begun to fire or has come to its end in an open thread."""
    # Somebody is on it still; and what has no end does not fire.
    notice = _after(group, "acknowledged" if group.acknowledged else "joined" if group.firing else "also", at)
    counted = f"{group.firing} of {group.total} firing" if group.firing else f"{group.total} in all"
    others = f" (and others: {counted})" if group.total > 1 else ""
    return replace(notice, title=clip(f"{group.title}{others}"), lines=tuple(map(clip, lines)))


def resolved(group: Group, alert: Alert, at: float, waiting: Sequence[str]) -> Notice:
    """Return the news that the last alert of a group has come to its end."""
    lasted = duration(max(0.0, at - group.opened))
    number = f"All {group.total} alerts are over" if group.total > 1 else "It is over"
    seen = f"{group.acknowledged} was on it." if group.acknowledged else ""
    lines = (f"{number}, {lasted} after it began.", seen, *map(clip, waiting))
    # As its end has it: the words of the trouble would read as if that went on.
    others = "" if alert.fingerprint == group.first else f" (and others: {group.total} in all)"
    title = f"Resolved: {clip(f'{alert.title}{others}')}"
    return replace(_after(group, "resolved", at, page="resolve"), title=title, lines=tuple(filter(None, lines)))


def acknowledged(group: Group, who: str, why: str, at: float) -> Notice:
    """Return the news that somebody is on it."""
    notice = _after(group, "acknowledged", at, page="acknowledge")
    return replace(notice, lines=(f"{who} is on it{_because(why)}. Nobody is asked again until it is over.",))


def silenced(group: Group, silence: Silence, at: float) -> Notice:
    """Return the news that a thread is silent until a time."""
    return replace(
        _after(group, "silenced", at),
        lines=(
            f"{silence.who} has silenced it until {moment(silence.until)}{_because(silence.why)}.",
            "Its end is told all the same. To end the silence: " + ending(silence) + ".",
        ),
    )


def dismissed(group: Group, who: str, why: str, at: float) -> Notice:
    """Return the news that somebody could do nothing about it."""
    line = f"{who} calls it not actionable{_because(why)}. It is counted; Parapet proposes on Mondays what to change."
    if group.status == "firing":
        return replace(_after(group, "acknowledged", at, page="acknowledge"), lines=(line,))
    return replace(_after(group, _status(group), at), lines=(line,))


def explained(group: Group, lines: Sequence[str], at: float, key: str) -> Notice | None:
    """Return what was found out about an alert, for its thread in Slack alone; None where it has none.

    Args:
        group: whose thread.
        lines: the answer, and what it is made of.
        at: when.
        key: of the explanation, and how far it is.
    """
    if group.notice is None or group.destination is None or not group.destination.slack:
        return None
    notice = _after(group, _status(group), at)
    # Nobody is called by name for it.
    where = Destination(slack=group.destination.slack)
    return replace(notice, key=f"{group.thread}:explained:{key}", lines=tuple(lines), destination=where, reply_to="")


def refused(group: Group, asked: str, why: str, at: float) -> Notice:
    """Return the news that what somebody asked for cannot be."""
    return replace(_after(group, _status(group), at), lines=(asked, why))


def repeated(group: Group, at: float) -> Notice:
    """Return the news that nothing has changed, and nobody has answered."""
    line = f"It has fired for {duration(at - group.opened)}, and nobody has said that they are on it."
    counted = (f"{group.firing} alerts fire.",) if group.firing > 1 else ()
    return replace(_after(group, "repeated", at), lines=(line, *counted), loud=True)


def escalated(group: Group, at: float) -> Notice:
    """Return the news in the thread that somebody else is paged."""
    waited = duration(group.escalate_after)
    line = f"Nobody has acknowledged it within {waited}: {group.escalate_to} is paged by PagerDuty."
    return replace(_after(group, "escalated", at), lines=(line,), loud=True)


def page(group: Group, what: Page, at: float, about: Notice | None = None) -> Notice:
    """Return the notice for the PagerDuty service alone that a group was escalated to."""
    notice = about or _after(group, "escalated", at)
    destination = Destination(pagerduty=group.escalate_to)
    key = f"{notice.key}:{group.escalate_to}"
    return replace(notice, key=key, page=what, destination=destination, loud=False, reply_to="")


def of_silence(silence: Silence, covers: int) -> tuple[str, ...]:
    """Return the lines that tell of a silence by what it is about."""
    now = "Nothing fires now that it covers"
    if covers:
        now = "It covers 1 alert that fires now" if covers == 1 else f"It covers {covers} alerts that fire now"
    return (
        f"Until {moment(silence.until)}, by {silence.who}{_because(silence.why)}. Recoveries are told all the same.",
        f"{now}. To end it: {ending(silence)}.",
    )


def ending(silence: Silence) -> str:
    """Return what to type to end a silence."""
    return f"/parapet unsilence {silence.id}, or ./parapet silence --end {silence.id}"


def proposal(noise: Sequence[Noise], week: str, at: float) -> Notice:
    """Return the weekly proposal about what people called not actionable, the worst first."""
    ordered = sorted(noise, key=lambda one: (-one.dismissed, one.name))
    lines = [clip(f"{one.name or one.title}: {_counted(one)}. {_mend(one)}") for one in ordered]
    return Notice(
        key=f"noise:{week}",
        thread=f"noise:{week}",
        kind="digest",
        severity="low",
        status="digest",
        title=f"{len(ordered)} alert{'s' * (len(ordered) > 1)} that called people for nothing in week {week}",
        lines=tuple(lines),
        facts=(("Week", week), ("Not actionable", str(sum(one.dismissed for one in ordered)))),
        at=at,
        source="parapet",
        name="noise",
    )


def _counted(one: Noise) -> str:
    objective = f" (objective {one.objective})" if one.objective else ""
    fired = _times(max(one.fired, one.dismissed))
    return f"not actionable {_times(one.dismissed)}; it has fired {fired}{objective}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _mend(one: Noise) -> str:
    often = one.dismissed * 2 >= max(one.fired, one.dismissed)
    if one.source != "alarm":
        return (
            "Leave its source out under [alerts] in parapet.toml, or send it where nobody is woken."
            if often
            else ("Give what mostly needs no answer a route of its own, or silence that one.")
        )
    if often:
        return "Raise its threshold or ask for more datapoints before it fires; if nobody would miss it, delete it."
    return "Ask for more datapoints before it fires (`--datapoints-to-alarm`), so that short spikes wake nobody."


def joining(signal: Signal, alert: Alert) -> str:
    """Return the line that a thread has for what joins it; what nobody foresaw is shown with its content."""
    if signal.state == "told" and signal.source != "unknown":
        return line(alert).replace("Fires: ", "Also: ", 1)
    if signal.source != "unknown":
        return line(alert)
    return clip(f"{alert.title}: {' '.join(signal.raw.split())}")


def line(alert: Alert) -> str:
    """Return the line that a thread has for an alert beside its first."""
    where = ", ".join(part for part in (alert.account, alert.region) if part)
    mark = "Resolved" if alert.status == "resolved" and alert.fired else "Fires"
    return clip(f"{mark}: {alert.title}{f' ({where})' if where else ''}")


def _status(group: Group) -> str:
    return group.notice.status if group.notice else group.status


def _after(group: Group, status: str, at: float, *, page: Page | None = None) -> Notice:
    """Return a notice like the thread's latest but with another status."""
    if group.notice is None:
        raise ValueError(f"group {group.id} has told nothing yet")
    if status == "resolved":
        actions = OVER
    elif status in ("acknowledged", "silenced") or group.acknowledged:
        actions = ACKNOWLEDGED
    else:
        actions = group.notice.actions
    return replace(
        group.notice,
        key=_key(group, status),
        status=status,
        at=at,
        severity=group.severity,
        actions=actions,
        page=page or "",
        loud=False,
        picture="",
        destination=group.destination,
    )


def _key(group: Group, status: str) -> str:
    return f"{group.thread}:{group.told + 1}:{status}"


def _because(why: str) -> str:
    return f": {clip(why)}" if why else ""
