"""`permissions`: what every role of Parapet's may change, read and delete, derived as its policies are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import click

from chalicelib import registry
from chalicelib.settings import Settings
from cli import output
from cli.deployment import Outside
from deploy import actions, rights

_REFERENCE = re.compile(r"\$\{(?!AWS::)")


@dataclass(frozen=True)
class Grant:
    """One action that a role may use: where, at which access level, for which guardrails.

    `reach`: `guarded` is what guardrails look after, `own` is what Parapet's template makes, `else` all other.
    """

    action: str
    level: actions.Level
    resource: str
    reach: Literal["guarded", "own", "else"]
    reads: str
    deletes: str
    guardrails: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether the action changes something, by AWS's own access level."""
        return self.level not in ("List", "Read")


@dataclass(frozen=True)
class Role:
    """One function's role and everything that it is granted."""

    function: str
    name: str
    grants: tuple[Grant, ...]

    @property
    def changes(self) -> list[str]:
        """The actions that can change what guardrails look after."""
        return sorted({grant.action for grant in self.grants if grant.changes and grant.reach == "guarded"})

    @property
    def writes(self) -> list[str]:
        """The resources beside these, Parapet's own or others, that the role writes to."""
        return sorted({grant.resource for grant in self.grants if grant.changes and grant.reach != "guarded"})

    @property
    def deletes(self) -> list[str]:
        """The actions that can delete something that is not Parapet's own."""
        return sorted({grant.action for grant in self.grants if grant.deletes and grant.reach != "own"})

    @property
    def reads(self) -> list[str]:
        """The resources whose contents the role can read."""
        return sorted({grant.resource for grant in self.grants if grant.reads})


@click.command
@output.json_option
@click.pass_obj
def permissions(outside: Outside, as_json: bool) -> None:
    """What every role of Parapet's may change, read and delete under the modes in force, without asking AWS.

    These are the policies as they are derived from the guardrails (`make derive`); Parapet's own table,
    queue, topic and log groups are told apart from everything else in the account.
    """
    settings = outside.settings(registry.load())
    found = roles(settings)
    if as_json:
        output.emit({"summary": summary(found), "stage": settings.stage, "roles": [record(role) for role in found]})
        return
    output.table(
        ("role", "can change", "can read contents of", "also writes to"),
        [
            (
                role.name,
                output.lines(f"{action} (deletes)" if action in role.deletes else action for action in role.changes),
                output.lines(role.reads),
                output.lines(role.writes),
            )
            for role in found
        ],
        whole=("role", "can change"),
    )
    output.say()
    output.say(summary(found))


def roles(settings: Settings) -> list[Role]:
    """Return every role with its grants under the modes in force, those in other accounts too where there are any.

    Raises:
        ParapetError: for an action that nobody has classified.
    """
    policies = rights.policies(settings)
    if settings.accounts.others:
        policies |= {f"member_{service}": policy for service, policy in rights.members(settings).items()}
    return [
        Role(function, settings.role_name(function), tuple(_grants(function, policy["Statement"], settings)))
        for function, policy in sorted(policies.items())
    ]


def summary(found: list[Role]) -> str:
    """Return in one line what all roles together can change, read and delete."""
    grants = [grant for role in found for grant in role.grants]
    count = sum(1 for role in found if role.changes)
    changes = f"{count} {'role' if count == 1 else 'roles'} can change guarded resources"
    if not count:
        changes = "no role holds a right to change anything but Parapet's own journal, queues, events and logs"
    own = ", ".join(sorted({grant.resource for grant in grants if grant.reads and grant.reach == "own"}))
    foreign = ", ".join(sorted({grant.action for grant in grants if grant.reads and grant.reach != "own"}))
    reads = f"data can be read by {foreign}" if foreign else "none can read data"
    deleting = {grant.action: ", ".join(grant.guardrails) for grant in grants if grant.deletes and grant.reach != "own"}
    deletes = ", ".join(f"{action} ({rails})" for action, rails in sorted(deleting.items())) or "nothing"
    return f"{changes}; {reads} besides Parapet's own ({own}); deletes: {deletes}"


def record(role: Role) -> dict[str, Any]:
    """Return a role as `permissions --json` prints it."""
    return {
        "role": role.name,
        "function": role.function,
        "changes": role.changes,
        "deletes": role.deletes,
        "reads": role.reads,
        "writes": role.writes,
        "grants": [asdict(grant) for grant in role.grants],
    }


def _grants(function: str, statements: Iterable[dict[str, Any]], settings: Settings) -> Iterable[Grant]:
    kind, _, service = function.partition("_")
    service = service if kind in ("guard", "member") else ""
    rails = registry.of(service)
    guarded = rights.of_service(service, settings)
    for statement in statements:
        resource = statement["Resource"]
        for action in statement["Action"]:
            yield Grant(
                action=action,
                level=actions.level(action),
                resource=shown(resource),
                reach="guarded" if statement in guarded else "own" if _ours(resource) else "else",
                reads=actions.DATA.get(action, ""),
                deletes=actions.DELETES.get(action, ""),
                guardrails=tuple(rail.name for rail in rails if action in rights.granted(rail, settings)),
            )


def shown(resource: Any) -> str:
    """Return a policy's resource in short: the name of one in our template, or an ARN without partition and account."""
    if isinstance(resource, str):
        return resource
    if isinstance(resource, list):
        return ", ".join(map(shown, resource))
    ((function, value),) = resource.items()
    if function == "Fn::GetAtt":
        return str(value[0])
    if function == "Ref":
        return str(value)
    if function == "Fn::If":
        return " or ".join(shown(one) for one in value[1:])
    text = re.sub(r"\$\{(\w+)\.Arn\}", r"\1", str(value))
    return text.rsplit("${AWS::AccountId}:", 1)[-1].removeprefix("arn:${AWS::Partition}:")


def _ours(resource: Any) -> bool:
    if isinstance(resource, list):
        return all(map(_ours, resource))
    # What `Fn::GetAtt`, `Ref` or `${…}` names is in our template, unless it is one of AWS's own `AWS::…`.
    return not isinstance(resource, str) and ("Fn::Sub" not in resource or bool(_REFERENCE.search(resource["Fn::Sub"])))
