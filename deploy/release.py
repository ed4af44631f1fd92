"""What a release is, as its template tells, and how two of them differ: guardrails, modes, rights. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from chalicelib.model import ORIGINS, Mode, Origin, ParapetError
from chalicelib.registry import Guardrail
from chalicelib.section import meant
from chalicelib.settings import Settings

KEY = "Parapet"
EVERYTHING = "all"
# Pauses and exemptions of a scope: a release that does not say so fixes what they keep.
SCOPED = "scopes"
# What Lambda leaves for all variables of a function is 4 KB.
OBSERVED_LENGTH = 3_000
Template = Mapping[str, Any]
Modes = Mapping[str, Mapping[Origin, Mode]]


class NotOurs(ParapetError):
    """A template without what `make deploy` writes into each."""


@dataclass(frozen=True)
class Release:
    """One deployment, as the metadata of its template tells it.

    Args:
        number: counts the deployments of a stage.
        previous: where the record of the release is that `make rollback` returns to; empty for the first.
        commit: what it was built from.
        version: Parapet's.
        modes: the modes of every guardrail in it, by origin.
        observed: the guardrails that an upgrade brought and nobody has promoted.
        heeds: what of people's doing it heeds that earlier versions overlook: `SCOPED`.
    """

    number: int
    previous: str
    commit: str
    version: str
    modes: Modes
    observed: tuple[str, ...] = ()
    heeds: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the release as people know it."""
        return f"release {self.number} (version {self.version}, commit {self.commit[:12] or 'unknown'})"


def marked(
    template: Template, number: int, previous: str, commit: str, objectives: Iterable[str] = ()
) -> dict[str, Any]:
    """Return a template with what `deploy.template` does not know of its release in its metadata."""
    return beside(_telling(template, release=number, previous=previous, commit=commit), objectives)


def beside(template: Template, objectives: Iterable[str]) -> dict[str, Any]:
    """Return a template that tells where the stacks beside it are, those that the settings no longer name too."""
    return _telling(template, objectives=list(objectives))


def _telling(template: Template, **told: Any) -> dict[str, Any]:
    return {**template, "Metadata": {**template["Metadata"], KEY: {**template["Metadata"][KEY], **told}}}


def unmarked(template: Template) -> dict[str, Any]:
    """Return what of a template counts when two are compared: all but which release it is, and what is beside it."""
    told = {
        name: value
        for name, value in template["Metadata"][KEY].items()
        if name not in ("release", "previous", "commit", "objectives")
    }
    return {**template, "Metadata": {**template["Metadata"], KEY: told}}


def of(template: object) -> Release:
    """Return the release that a template's metadata tells; raises NotOurs."""
    try:
        raw = template["Metadata"][KEY]  # type: ignore[index]
        return Release(
            raw["release"], raw["previous"], raw["commit"], raw["version"], raw["modes"], tuple(raw["observed"]),
            tuple(raw.get("heeds", ())),
        )  # fmt: skip
    except (KeyError, TypeError):
        raise NotOurs("this stack's template was not written by `make deploy` of Parapet") from None


def pinned(template: Template, stage: str, account: str) -> dict[str, Any]:
    """Return a template in which what outlives the stack has its name in full.

    Only so does CloudFormation take it up again, when a stack that was removed is deployed anew.
    """

    def named(resource: Mapping[str, Any]) -> Mapping[str, Any]:
        if resource.get("DeletionPolicy", "Delete") == "Delete":
            return resource
        own = {name: _full(value, stage, account) for name, value in resource.get("Properties", {}).items()}
        return {**resource, "Properties": own}

    return {**template, "Resources": {name: named(one) for name, one in template["Resources"].items()}}


def _full(value: Any, stage: str, account: str) -> Any:
    text = value.get("Fn::Sub") if isinstance(value, Mapping) else None
    whole = text.replace("${Stage}", stage).replace("${AWS::AccountId}", account) if isinstance(text, str) else "${"
    return value if "${" in whole else whole


# Guardrails and modes


def observed(
    rails: Iterable[Guardrail], settings: Settings, deployed: Release | None, promote: Collection[str]
) -> tuple[str, ...]:
    """Return the guardrails that change nothing until somebody promotes them: those that upgrades brought.

    Args:
        rails: the guardrails of the new release.
        settings: a guardrail with modes of its own there is promoted by them.
        deployed: what it replaces; a first installation brings nothing new.
        promote: names that are promoted from now on, or `all`.

    Raises:
        ParapetError: for a name that is no guardrail, or when there are too many of them.
    """
    there = {rail.name: rail for rail in rails}
    for name in promote:
        if name not in there and name != EVERYTHING:
            raise ParapetError(f"PROMOTE: {name!r} is not a guardrail{meant(name, there)}")
    if deployed is None or EVERYTHING in promote:
        return ()
    promoted = {*deployed.modes, *promote} - ({*deployed.observed} - {*promote})
    found = tuple(sorted(name for name in there if name not in promoted and _may_act(there[name], settings)))
    if len(",".join(found)) > OBSERVED_LENGTH:
        raise ParapetError(
            f"{len(found)} guardrails are new, more than a function's environment can name: promote some with "
            "PROMOTE=name,name, or give them modes in chalicelib/parapet.toml"
        )
    return found


def _may_act(rail: Guardrail, settings: Settings) -> bool:
    """Whether a guardrail would change something once promoted, where its own settings do not say."""
    own = settings.guardrails.get(rail.name, {}).get("mode", {})
    # One that alarms wake is off until the team binds it, one that takes changes back until the team sets it.
    return rail.can_fix and rail.called and any(origin not in own for origin in ORIGINS)


# Rights


@dataclass(frozen=True, order=True)
class Grant:
    """One action that a statement allows or denies, on what, under which condition; as text that stays the same."""

    action: str
    resource: str
    condition: str = ""
    denied: bool = False

    def __str__(self) -> str:
        """Return the grant as one line."""
        condition = f" if {self.condition}" if self.condition else ""
        return f"{'never ' if self.denied else ''}{self.action} on {self.resource}{condition}"


Rights = Mapping[str, frozenset[Grant]]


def grants(policy: Mapping[str, Any]) -> frozenset[Grant]:
    """Return every grant of a policy document."""
    found = set()
    for one in policy["Statement"]:
        condition = " and ".join(
            f"{operator} {key} = {words(value)}"
            for operator, keys in sorted(one.get("Condition", {}).items())
            for key, value in sorted(keys.items())
        )
        who = one.get("Principal", {})
        by = f" by {words([*who.values()] if isinstance(who, Mapping) else who)}" if who else ""
        # A trust policy names no resource: it is about the role that it belongs to.
        on = [words(resource) for resource in _several(one.get("Resource", "itself"))]
        if "NotResource" in one:
            on = [f"anything but {words(one['NotResource'])}"]
        actions = _several(one.get("Action", []))
        if "NotAction" in one:
            actions = [f"anything but {words(one['NotAction'])}"]
        if one["Effect"] == "Deny":
            found.add(Grant(f"{words(actions)}{by}", words(on), condition, denied=True))
        else:
            found |= {Grant(f"{action}{by}", resource, condition) for action in actions for resource in on}
    return frozenset(found)


def rights(template: Template) -> dict[str, frozenset[Grant]]:
    """Return the grants of every role and managed policy in a template, by name; a boundary only denies."""
    found: dict[str, frozenset[Grant]] = {}
    roles = [(logical, one) for logical, one in template["Resources"].items() if one["Type"] == "AWS::IAM::Role"]
    for logical, role in roles:
        own = role["Properties"]
        documents = [own["AssumeRolePolicyDocument"], *(one["PolicyDocument"] for one in own.get("Policies", []))]
        held = [grant for document in documents for grant in grants(document)]
        held += [Grant(f"everything in {words(arn)}", "*") for arn in own.get("ManagedPolicyArns", [])]
        held += [] if "PermissionsBoundary" in own else [Grant("no boundary", "*")]
        found[words(own.get("RoleName", logical))] = frozenset(held)
    bounds = {words(one["Properties"].get("PermissionsBoundary", "")) for _, one in roles}
    for logical, policy in template["Resources"].items():
        if policy["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"):
            own = policy["Properties"]
            name = words(own.get("ManagedPolicyName", own.get("PolicyName", logical)))
            bound = f"${{{logical}}}" in bounds
            found[name] = frozenset(one for one in grants(own["PolicyDocument"]) if one.denied or not bound)
    return found


def words(value: Any) -> str:
    """Return a value of a template as text: what an intrinsic function refers to stays a reference."""
    if isinstance(value, list):
        return ", ".join(sorted(words(one) for one in value))
    if not isinstance(value, Mapping):
        return str(value)
    [(name, inner)] = value.items() if len(value) == 1 else [("", value)]
    if name == "Fn::Sub" and isinstance(inner, str):
        return inner
    if name == "Ref":
        return f"${{{inner}}}"
    if name == "Fn::If":
        return f"{words(inner[1])}, or {words(inner[2])}"
    if name == "Fn::GetAtt":
        return f"${{{inner if isinstance(inner, str) else '.'.join(inner)}}}"
    return json.dumps(value, sort_keys=True)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# The difference


@dataclass(frozen=True)
class ModeChange:
    """A guardrail whose mode for one origin is another than before."""

    guardrail: str
    origin: Origin
    old: Mode
    new: Mode


@dataclass(frozen=True)
class Difference:
    """What one release does that the one before did not, and what it no longer does."""

    arrived: Modes = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    promoted: tuple[str, ...] = ()
    modes: tuple[ModeChange, ...] = ()
    gained: Rights = field(default_factory=dict)
    lost: Rights = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return any(getattr(self, one.name) for one in fields(self))


def difference(old: Template, new: Template) -> Difference:
    """Return how the release of one template differs from that of another; raises NotOurs."""
    before, after = of(old), of(new)
    had, has = rights(old), rights(new)
    return Difference(
        arrived={name: after.modes[name] for name in sorted(after.modes) if name not in before.modes},
        gone=tuple(sorted({*before.modes} - {*after.modes})),
        observed=after.observed,
        promoted=tuple(sorted(({*before.observed} - {*after.observed}) & {*after.modes})),
        modes=tuple(
            ModeChange(name, origin, before.modes[name][origin], mode)
            for name in sorted(after.modes)
            if name in before.modes
            for origin, mode in after.modes[name].items()
            if mode != before.modes[name][origin]
        ),
        gained=_more(has, had),
        lost=_more(had, has),
    )


def _more(one: Rights, other: Rights) -> dict[str, frozenset[Grant]]:
    """Return what one holds and the other does not; a denial that is gone is a gain, and the other way round."""
    found = {
        name: frozenset(
            {grant for grant in one.get(name, frozenset()) - other.get(name, frozenset()) if not grant.denied}
            | {grant for grant in other.get(name, frozenset()) - one.get(name, frozenset()) if grant.denied}
        )
        for name in {*one, *other}
    }
    return {name: held for name, held in sorted(found.items()) if held}
