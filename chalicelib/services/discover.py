"""What could be watched, proposed as `[[services]]` for people to judge; from tags, and what stands on what; pure.

Whoever shares a tag is one service. Of these the one where users come in is its entry; what stands behind it, and what
that reaches, are its dependencies, tagged or not. Entries without a tag become services of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chalicelib.services import kinds
from chalicelib.services.model import Given, Service, Target

# Where users come in, first what tells most of it.
ENTRANCES = ("alb", "api_rest", "api_http", "cloudfront", "step_functions", "sqs", "lambda_function", "ecs", "cognito")
# Of these nobody says so without a tag.
OUTER = ("alb", "api_rest", "api_http", "cloudfront")
OURS = "parapet-"
GROUP = "target_group"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that can be watched.

    Args:
        id: its ARN, or another name that nothing else has; ID#PART is a part of it.
        name: as people call it.
        kind: of `services.kinds`.
        given: what identifies it there.
        tags: its tags.
        said: by what others name it: its address, its URL, its name.
        notes: what else people should know.
    """

    id: str
    name: str
    kind: str
    given: Given
    tags: Mapping[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """That one thing stands on another, and how that is known."""

    of: str
    to: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in an account: what can be watched, what stands on what, and what could not be read."""

    things: tuple[Thing, ...]
    edges: tuple[Edge, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A service that could be watched.

    Args:
        name: as its tag or its entry has it.
        entry: where users come in, and why that is known.
        dependencies: what it stands on, each with why.
        watched: which of these a service watches already, by their ids: they are told, and not proposed again.
    """

    name: str
    entry: tuple[Thing, str]
    dependencies: tuple[tuple[Thing, str], ...] = ()
    watched: Mapping[str, str] = field(default_factory=dict)


def named(values: Mapping[str, str], things: Iterable[Thing], of: Thing, how: str) -> Iterator[Edge]:
    """Yield what a thing's environment variables name: a table, a queue's URL, an address."""
    known = [(word, one) for one in things if one.id != of.id for word in one.said if len(word) > 2]
    for variable, value in sorted(values.items()):
        for word, one in known:
            # A short name may be in any text; an address, a URL or an ARN is no coincidence.
            if value == word or (re.search(r"[./:]", word) and word in value):
                yield Edge(of.id, one.id, f"{how} {of.name} names it in {variable}")


def proposals(standing: Standing, tag: str, known: Iterable[Service] = (), region: str = "") -> tuple[Proposal, ...]:
    """Return the services that could be watched.

    Args:
        standing: what stands in the account.
        tag: the tag whose value is the service's name.
        known: those that are watched already; no entry or dependency of theirs is proposed again.
        region: where all that stands.
    """
    things = {one.id: one for one in standing.things if not one.name.startswith(OURS)}
    watched = {_identity(one.kind, one.given): service.name for service in known for one in service.targets
               if one.region in ("", region, kinds.find(one.kind).region)}  # fmt: skip
    groups: dict[str, list[Thing]] = {}
    for one in things.values():
        if name := one.tags.get(tag):
            groups.setdefault(_slug(name), []).append(one)
    found: list[Proposal] = []
    taken: set[str] = set()
    for name, members in sorted(groups.items()):
        if not (entrances := [one for one in members if one.kind in ENTRANCES]):
            continue
        entry = min(entrances, key=lambda one: (ENTRANCES.index(one.kind), one.name))
        whys = {one.id: f"tag {tag}={one.tags[tag]}" for one in members}
        found.append(_proposal(name, entry, whys, things, standing.edges))
        taken |= {entry.id, *(one.id for one, _ in found[-1].dependencies)}
    # What another one stands on is not where users come in.
    beneath = {edge.to for edge in standing.edges}
    alone = [one for one in things.values() if one.kind in OUTER and "#" not in one.id and not one.tags.get(tag)]
    for entry in sorted(alone, key=lambda one: (OUTER.index(one.kind), one.id in beneath, one.name)):
        if entry.id not in taken:
            name = _free(_slug(entry.name), [one.name for one in found])
            whys = {entry.id: f"a {kinds.find(entry.kind).label} without the tag {tag}"}
            found.append(_proposal(name, entry, whys, things, standing.edges))
            taken |= {entry.id, *(one.id for one, _ in found[-1].dependencies)}
            # Whoever passes requests on to it is part of the same service.
            taken |= {edge.of for edge in standing.edges if edge.to == entry.id}
    new = (one for one in found if not _watching(one.entry[0], watched))
    return tuple(replace(one, watched=_together(one, watched)) for one in new)


def _identity(kind: str, given: Given) -> tuple[str, ...]:
    """Return what makes two of a kind the same: a target group is part of what it is of, all else is only added."""
    needed = [key for key, one in kinds.find(kind).fields.items() if one.needed or (kind, key) == ("alb", GROUP)]
    return (kind, *(str(given.get(key, "")) for key in needed))


def _watching(thing: Thing, watched: Mapping[tuple[str, ...], str]) -> str:
    """Return which service watches something already, none with an empty text."""
    return watched.get(_identity(thing.kind, thing.given), "")


def _together(proposal: Proposal, watched: Mapping[tuple[str, ...], str]) -> dict[str, str]:
    return {one.id: name for one, _ in proposal.dependencies if (name := _watching(one, watched))}


def _proposal(
    name: str, entry: Thing, whys: Mapping[str, str], things: Mapping[str, Thing], edges: Sequence[Edge]
) -> Proposal:
    """Return a service with all that is reached from its members, each once, for the first reason."""
    reached = dict(whys)
    waiting = [*reached]
    while waiting:
        at = waiting.pop(0)
        for edge in edges:
            if edge.of == at and edge.to not in reached and _inside(things.get(edge.to), entry):
                reached[edge.to] = edge.why
                waiting.append(edge.to)
    for edge in edges:
        if edge.to in reached and edge.of in things and things[edge.of].kind == "cloudfront":
            reached.setdefault(edge.of, f"in front: {edge.why}")
    order = [*kinds.DEPENDENCIES]
    rest = [things[id_] for id_ in reached if id_ in things and id_ != entry.id]
    # A container service tells of its target group itself.
    told = {one.given.get(GROUP) for one in rest if one.kind == "ecs"}
    rest = [one for one in rest if one.kind != "alb" or one.given.get(GROUP) not in told]
    dependencies = sorted(
        ((one, reached[one.id]) for one in rest if one.kind in order), key=lambda pair: order.index(pair[0].kind)
    )
    return Proposal(name, (entry, reached[entry.id]), tuple(dependencies))


def _inside(thing: Thing | None, entry: Thing) -> bool:
    """Whether something is part of a service: what has an entrance of its own is one of its own, but by its tag."""
    return thing is None or thing.kind not in OUTER or thing.id.startswith(f"{entry.id}#")


def toml(proposals: Iterable[Proposal], unread: Sequence[str] = ()) -> str:
    """Return proposals as the settings have them, with comments; what could not be read stands at the end."""
    blocks = [_block(one) for one in proposals]
    if unread:
        blocks.append("\n".join(["# Could not be read, so that more may be there:", *(f"# - {one}" for one in unread)]))
    return "\n\n".join(blocks) + ("\n" if blocks else "")


def _block(proposal: Proposal) -> str:
    entry, why = proposal.entry
    lines = ["[[services]]", f"name = {json.dumps(proposal.name)}", *_comments("", entry, why)]
    lines.append(f"entry = {_inline(entry)}")
    if proposal.dependencies:
        lines.append("dependencies = [")
        for one, reason in proposal.dependencies:
            if service := proposal.watched.get(one.id):
                # Given whole, for what is shared may be wanted here as well.
                lines += [*_comments("    ", one, f"{reason}; {service} watches it"), f"    # {_inline(one)},"]
            else:
                lines += [*_comments("    ", one, reason), f"    {_inline(one)},"]
        lines.append("]")
    measured = kinds.measures(Target(entry.kind, entry.given))
    if measured.availability is not None:
        lines.append("objectives = [{ availability = 99.9 }]")
    elif measured.latency is not None and measured.percentiles:
        lines.append('objectives = [{ latency = 99, under = "60s" }]')
    if measured.availability is not None and measured.latency is not None and measured.percentiles:
        lines.append('# Latency can be promised too: { latency = 95, under = "300ms" }, with a bound of your own')
    return "\n".join(lines)


def _comments(indent: str, one: Thing, why: str) -> list[str]:
    return [f"{indent}# {_plain(text)}" for text in (f"{one.name}: {why}", *one.notes)]


def _inline(one: Thing) -> str:
    keys = "".join(f", {key} = {_value(value)}" for key, value in one.given.items())
    return f"{{ kind = {json.dumps(one.kind)}{keys} }}"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_value(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    # TOML's texts are JSON's, but for two things: it knows no halves of letters, and no DEL as such.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _slug(name: str) -> str:
    """Return a name as services have them: lower case, digits and dashes, a letter first."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].rstrip("-")
    return plain if re.match("[a-z]", plain) else f"service-{plain}"[:40].rstrip("-")


def _free(name: str, taken: Sequence[str]) -> str:
    if name not in taken:
        return name
    return next(one for number in range(2, 999) if (one := f"{name[:36]}-{number}") not in taken)
