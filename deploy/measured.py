"""What `docs/services.md` says of each kind, read off the kinds themselves: pure."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from chalicelib.services import kinds, sli
from chalicelib.services.kinds import Field, Kind
from chalicelib.services.model import Gauge, Target


def text() -> str:
    """Return the kinds in Markdown: a table of all, then a section for each from its own file."""
    every = [kinds.find(name) for name in sorted({*kinds.ENTRIES, *kinds.DEPENDENCIES})]
    rows = [
        "| kind | what it is | entry | dependency | is named by |",
        "| --- | --- | --- | --- | --- |",
        *(f"| [`{one.name}`](#{one.name}) | {one.label} | {_where(one)} | {_needed(one)} |" for one in every),
    ]
    return "\n\n".join(["\n".join(rows), *map(_section, every)])


def _where(kind: Kind) -> str:
    return " | ".join("yes" if kind.name in known else "" for known in (kinds.ENTRIES, kinds.DEPENDENCIES))


def _needed(kind: Kind) -> str:
    return ", ".join(f"`{key}`" for key, field in kind.fields.items() if field.needed)


def _section(kind: Kind) -> str:
    said = importlib.import_module(f"{kinds.__name__}.{kind.name}").__doc__ or ""
    paragraphs = [" ".join(one.split()) for one in said.strip().split("\n\n")]
    links = [one for one in paragraphs if one.startswith("https://")]
    body = "\n\n".join(one for one in paragraphs if one not in links)
    keys = "\n".join(
        f"- `{key}`{'' if field.needed else ' (optional)'}: {field.what}" for key, field in kind.fields.items()
    )
    more = f" [AWS on its metrics]({links[0]})." if links else ""
    region = f" Its metrics are in {kind.region} alone." if kind.region else ""
    return f"### {kind.name}\n\n{body}{region}{more}\n\n{keys}\n\n{_measured(kind)}"


def _measured(kind: Kind) -> str:
    """Return what is measured of one: what always is, and then what more that can be said of it brings."""
    if kind.name == "custom":
        return "Measured: those metrics."
    needed = {key: _any(field) for key, field in kind.fields.items() if field.needed}
    plain = kind.measures(Target(kind.name, needed))
    more = kind.measures(Target(kind.name, {key: _any(field) for key, field in kind.fields.items()}))
    lines = []
    if availability := plain.availability or more.availability:
        series = dict.fromkeys(f"`{one.name}` {one.stat}" for one in sli.metrics(availability))
        lines.append(f"- availability: {', '.join(series)}")
    if latency := plain.latency or more.latency:
        lines.append(f"- latency: `{latency.metric.name}`{'' if more.percentiles else ', averages only'}")
    for one in {one.name: one for one in (*plain.gauges, *more.gauges)}.values():
        lines.append(f"- {one.label}: `{one.metric.name}` {one.metric.stat}, {_red(one)}")
    return "\n".join(["Measured:", "", *lines])


def _any(field: Field) -> str | int | tuple[str, ...] | Mapping[str, str]:
    """Return something that a key could be given; of several words the last, which brings most with it."""
    if field.shape == "flag":
        return True
    if field.shape == "list":
        return ("GetItem",)
    if field.shape == "table":
        return {"Name": "value"}
    return field.pattern.rsplit("|", 1)[-1] if field.pattern else 1


def _red(gauge: Gauge) -> str:
    if gauge.full is not None:
        bound = f"{100 * gauge.red:g} %"
    elif gauge.name in ("age", "backlog"):
        bound = "what the settings say"
    else:
        bound = f"{gauge.red:g}{' s' if gauge.unit == 'seconds' else ''}"
    return f"red {'below' if gauge.falls else 'from'} {bound}"
