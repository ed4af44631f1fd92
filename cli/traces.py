"""`map` and `traces`: who calls whom and where it hurts, and single requests as X-Ray has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from chalicelib import times
from chalicelib.model import Aws, ParapetError
from chalicelib.section import meant
from cli import output
from cli.deployment import Outside

if TYPE_CHECKING:
    from rich.text import Text

    from chalicelib.services.model import Service
    from chalicelib.tracing.graph import Map

STYLES = {"red": "bold red", "amber": "yellow", "grey": "dim", "green": "green"}
WORDS = {"red": "hurts", "amber": "look", "grey": "–", "green": "well"}
MET = {"fault": "red", "throttle": "amber", "error": "amber", "ok": "green"}


def _time(command: Any) -> Any:
    command = click.option("--region", metavar="REGION", help="Without it: the one that Parapet runs in.")(command)
    until = click.option(
        "--until", metavar="30m", help="Until when: as long ago as this, or a time, UTC; now without it."
    )
    since = click.option("--since", metavar="1h", help="From when on, likewise; 15 minutes before --until without it.")
    return since(until(command))


@click.command
@_time
@click.option("--service", metavar="NAME", help="Only one service, with who calls it and what it calls.")
@output.json_option
@click.pass_obj
def map(  # noqa: A001 - as it is typed
    outside: Outside, since: str | None, until: str | None, service: str | None, region: str | None, as_json: bool
) -> None:
    """Who calls whom, how often, how fast, and where it hurts more than in the hour before: the worst first.

    X-Ray counts sampled traces: shares are estimates. CloudWatch's metrics count every request.
    """
    from chalicelib.tracing import shown
    from chalicelib.tracing.maps import Maps

    start, end = _span(outside, since, until)
    services = _services(outside, service)
    both = Maps(lambda at: _reach(outside, at)).look(region or "", start, end, services)
    now = both.now
    document = shown.document(now, both.before, service or "")
    if as_json:
        output.emit(document)
        return
    output.say(document["answer"])
    if document["edges"]:
        output.say()
        _calls(document, now)
        output.say()
        output.say(f"From {times.absolute(now.start)} to {times.absolute(now.end)}, {document['estimate']}.")


def _calls(document: Mapping[str, Any], now: Map) -> None:
    names = {one.id: one.name for one in now.nodes}
    labels = {one["id"]: one["label"] for one in document["nodes"]}
    services = {one["id"]: ", ".join(one["services"]) or "–" for one in document["nodes"]}
    output.table(
        ("", "caller", "callee", "what", "service", "calls", "fails", "before", "p50", "p95", "p95 before"),
        [
            (
                _styled(WORDS[one["status"]], one["status"]), names[one["caller"]], names[one["callee"]],
                labels[one["callee"]], services[one["callee"]], f"{one['requests']:,}", _percent(one["fault_share"]),
                _percent((one["before"] or {}).get("fault_share")), _lasting(one["p50"]), _lasting(one["p95"]),
                _lasting((one["before"] or {}).get("p95")),
            )
            for one in document["edges"]
        ],
        whole=("", "calls", "fails", "before", "p50", "p95", "p95 before"),
    )  # fmt: skip


@click.command
@click.argument("trace", metavar="[ID]", required=False)
@_time
@click.option("--service", metavar="NAME", help="Only of one service.")
@click.option("--node", metavar="NAME", help="Only through a node of the map (./parapet map).")
@click.option("--caller", metavar="NAME", help="Only calls of --node from there.")
@click.option("--kind", type=click.Choice(["fault", "error", "throttle", "ok"]), help="What the call met.")
@click.option("--slower", metavar="500ms", help="Only calls that took longer.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100), help="How many at most.")
@output.json_option
@click.pass_obj
def traces(
    outside: Outside,
    trace: str | None,
    since: str | None,
    until: str | None,
    service: str | None,
    node: str | None,
    caller: str | None,
    kind: Any,
    slower: str | None,
    region: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Sample traces, the latest first; with ID one of them: its steps, where it failed, and its log lines.

    ID is X-Ray's (1-5759e988-bd862e3fe1be46a994272793) or OpenTelemetry's (32 digits).
    """
    from chalicelib.tracing import followed, following, graph, samples
    from chalicelib.tracing.samples import Named, Wanted

    aws = _reach(outside, region or "")
    if trace:
        found = following.follow(
            aws, following.trace_id(trace), outside.now(), outside.settings().services, sleep=outside.sleep
        )
        if found.state in ("no_data", "failed", "denied"):
            raise ParapetError(f"nothing is known of {found.id}: {found.why}")
        document = followed.trace(found, aws.region)
        if as_json:
            output.emit(document)
        else:
            _show(document)
        return
    if caller and not node:
        raise ParapetError("--caller wants --node: who is called")
    start, end = _span(outside, since, until)
    bound = samples.slower(slower, "--slower") if slower else 0.0
    nodes: tuple[Named, ...] = (Named(node),) if node else ()
    if service:
        if node:
            raise ParapetError("--service and --node are both given: one of them will do")
        services = _services(outside, service)
        if not (nodes := samples.of(service, graph.graph(aws, start, end, services))):
            raise ParapetError(f"no node of the map is {service}'s, as far as the settings tell (./parapet map)")
    wanted = Wanted(nodes, Named(caller) if caller else None, kind or "", bound)
    listed = followed.samples(samples.find(aws, wanted, start, end, limit), aws.region)
    if as_json:
        output.emit(listed)
        return
    if not listed["traces"]:
        output.say(f"Nothing found: {listed['why']}.")
        return
    output.table(
        ("id", "at", "", "status", "took", "asked", "failed in", "with"),
        [
            (
                one["id"], one["at"], _styled(one["met"], MET[one["met"]]), str(one["http_status"] or "–"),
                _lasting(one["seconds"]), " ".join(filter(None, (one["method"], one["url"]))) or one["entry"],
                (one["failing"] or {}).get("name", "–"), _thrown(one["failing"]),
            )
            for one in listed["traces"]
        ],
        whole=("id", "at", "", "status", "took"),
    )  # fmt: skip
    if listed["more"]:
        output.say(f"{listed['why'] or 'There are more: --limit, --node, --kind or a shorter time show others'}.")


def _show(document: Mapping[str, Any]) -> None:
    output.say(document["answer"])
    output.say()
    output.table(
        ("", "step", "what", "after", "took", "status", "asked", "with"),
        [
            (
                _styled(one["met"], MET[one["met"]]), f"{'  ' * one['depth']}{one['name']}", one["label"] or "call",
                _lasting(one["after"]), _lasting(one["seconds"]), str(one["http_status"] or "–"),
                one["asked"] or " ".join(filter(None, (one["aws"].get("operation"), one["aws"].get("table")))) or "–",
                _thrown(one),
            )
            for one in document["steps"]
        ],
        whole=("", "step", "after", "took", "status"),
    )  # fmt: skip
    lines = document["lines"]
    output.say()
    if lines["why"]:
        output.say(f"Log lines: {lines['why']}.")
    if lines["lines"]:
        rows = [(one["at"], one["group"], one["text"]) for one in lines["lines"]]
        output.table(("at", "log group", "line"), rows, whole=("at",))
    if document["console"]:
        output.say()
        output.say(document["console"])


def _reach(outside: Outside, region: str) -> Aws:
    return outside.deployment.at(region) if region else outside.deployment.aws


def _services(outside: Outside, wanted: str | None) -> Sequence[Service]:
    services = outside.settings().services
    names = [one.name for one in services]
    if wanted and wanted not in names:
        raise ParapetError(f"there is no service {wanted!r} in parapet.toml{meant(wanted, names) if names else ''}")
    return services


def _span(outside: Outside, since: str | None, until: str | None) -> tuple[float, float]:
    from chalicelib.tracing.graph import LONGEST

    now = outside.now()
    end = times.since(until, "--until", now) if until else now
    start = times.since(since, "--since", now) if since else end - 900.0
    if not 0 < end - start <= LONGEST + 1:
        raise ParapetError("--since must be before --until, and 6 hours before it at most: X-Ray tells no more at once")
    return start, end


def _thrown(one: Mapping[str, Any] | None) -> str:
    return ": ".join(filter(None, (one.get("exception"), one.get("message")))) if one else "–"


def _styled(word: str, colour: str) -> Text:
    from rich.text import Text

    return Text(word, STYLES[colour])


def _percent(share: float | None) -> str:
    from chalicelib.tracing.shown import percent

    return "–" if share is None else percent(share)


def _lasting(seconds: float | None) -> str:
    from chalicelib.tracing.shown import lasting

    return lasting(seconds)
