"""What a person sees before saying yes: resources, modes and rights that would be others than now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from chalicelib.model import MODES, ORIGINS
from cli import output
from deploy.objectives import Objectives, promises
from deploy.plan import Plan
from deploy.release import Difference, Grant, difference, rights
from deploy.stack import Change, Proposal

WORDS = {"Add": "new", "Modify": "changed", "Remove": "removed", "Import": "taken over", "Dynamic": "perhaps changed"}


def plan(wanted: Plan, proposal: Proposal) -> None:
    """Print what a plan would change."""
    changes(proposal.changes, wanted.site.stack.name)
    if wanted.deployed is None:
        first(wanted)
    else:
        differences(difference(wanted.deployed, wanted.template), wanted.site.stage)
    objectives(wanted.objectives)


def changes(found: Iterable[Change], stack: str) -> None:
    """Print what becomes of each resource; those that are new or go first."""
    rows = sorted(found, key=lambda one: (not one.loses, list(WORDS).index(one.action), one.kind, one.logical))
    counts = Counter(WORDS[one.action] for one in rows)
    said = ", ".join(f"{number} {word}" for word, number in counts.items()) or "none"
    _heading(f"Resources of {stack}: {said}")
    output.table(
        ("", "resource", "type", ""),
        [(WORDS[one.action], one.logical, one.kind.removeprefix("AWS::"), _note(one)) for one in rows],
        whole=("", "resource", "type"),
    )


def _heading(text: str) -> None:
    output.say()
    output.say(text)


def _note(one: Change) -> str:
    notes = {"True": "REPLACED", "Conditional": "may be replaced"}.get(one.replaced, "")
    if one.loses:
        return f"{notes or 'REMOVED'}: WHAT IT HOLDS IS LOST"
    if one.action == "Remove" and one.kept:
        return "stays in the account"
    return notes or ", ".join(one.properties)


def first(wanted: Plan) -> None:
    """Print what a first installation does."""
    modes = wanted.release.modes.values()
    _heading(f"The first installation here, with {len(wanted.release.modes)} guardrails:")
    for origin in ORIGINS:
        counts = Counter(mode[origin] for mode in modes)
        output.say(f"  {origin}: " + ", ".join(f"{counts[mode]} {mode}" for mode in MODES if counts[mode]))
    output.say(f"  {len(rights(wanted.template))} roles and policies: ./parapet permissions tells what each may do")


def differences(found: Difference, stage: str) -> None:
    """Print what guardrails and roles do that they did not, and what they no longer do."""
    if not found:
        _heading("Modes and rights stay as they are.")
        return
    if found.arrived:
        _heading("New guardrails:")
        output.table(
            ("guardrail", *ORIGINS, ""),
            [
                (name, *(output.styled(modes[origin]) for origin in ORIGINS), _waits(name, found, stage))
                for name, modes in found.arrived.items()
            ],
            whole=("guardrail", *ORIGINS),
        )
    waiting = [name for name in found.observed if name not in found.arrived]
    for text, names in (
        ("No longer there", found.gone),
        ("Promoted", found.promoted),
        ("From earlier upgrades, and still changing nothing until promoted", waiting),
    ):
        if names:
            _heading(f"{text}: {', '.join(names)}")
    if found.modes:
        _heading("Modes:")
        output.table(
            ("guardrail", "origin", "now", "then"),
            [(one.guardrail, one.origin, output.styled(one.old), output.styled(one.new)) for one in found.modes],
            whole=("guardrail", "origin", "now", "then"),
        )
    for text, roles in (("Rights gained", found.gained), ("Rights lost", found.lost)):
        if roles:
            _heading(f"{text}:")
            output.table(
                ("role", ""),
                [
                    (role.replace("${Stage}", stage), output.lines(map(_granted, sorted(grants))))
                    for role, grants in roles.items()
                ],
                whole=("role",),
            )


def objectives(found: Objectives) -> None:
    """Print which objectives begin to page, page otherwise, or no longer do, and what all of them cost."""
    then, now = promises(found.wanted), promises(found.there)
    words = {
        id_: "new" if id_ not in now else "removed" if id_ not in then else "changed"
        for id_ in sorted({*then, *now})
        if then.get(id_) != now.get(id_)
    }
    if not words:
        return
    total = sum(one.cost for one in then.values())
    _heading(f"Objectives, whose alarms are about ${total:.2f} a month:")
    rows = [(word, id_, (then.get(id_) or now[id_]).says) for id_, word in words.items()]
    output.table(("", "objective", "promise"), rows, whole=("", "objective"))


def _waits(name: str, found: Difference, stage: str) -> str:
    return f"changes nothing until: make deploy STAGE={stage} PROMOTE={name}" if name in found.observed else ""


def _granted(grant: Grant) -> str:
    # A denial that goes is a right that comes.
    return f"the end of: {grant}" if grant.denied else str(grant)
