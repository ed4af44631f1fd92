"""AdministratorAccess must not be attached to users, roles or groups beside those that are meant to have it.

Why: attaching it is the shortest way from a stolen key to the whole account, and the commonest way to grant more
than a job needs.
Fix: detaches AdministratorAccess; every other policy stays. Roles that AWS itself owns (service-linked ones, and
those of IAM Identity Center) are left alone, and so is what the option `allowed` lists, as `role/deploy`.
Undo: attaches AdministratorAccess again.
Mode: whoever it is taken from may be a person at work, a pipeline, or the last administrator, so it is always asked.
Controls: FSBP IAM.1; CIS 3.0 1.16
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

KINDS = ("user", "role", "group")
ADMIN = "arn:*:iam::aws:policy/AdministratorAccess"
# People cannot make roles under these paths, whereas a role's name alone could be made up.
OWNED = ("/aws-service-role/", "/aws-reserved/")

Entity = Mapping[str, Any]


def read(aws: Aws, subject: str) -> Entity:
    """Return the policies attached to a user, role or group, and whether AWS owns it; raises AwsError."""
    kind, _, name = subject.partition("/")
    named = {f"{kind.capitalize()}Name": name}
    policies = aws.all("iam", f"list_attached_{kind}_policies", "AttachedPolicies", **named)
    role = aws("iam", "get_role", **named)["Role"] if kind == "role" else {}
    return {
        "subject": subject,
        "owned": role.get("Path", "/").startswith(OWNED),
        "tags": role.get("Tags", ()),
        "policies": [one["PolicyArn"] for one in policies],
    }


def subjects(aws: Aws) -> Iterable[str]:
    """Return whatever AdministratorAccess is attached to, in any partition of AWS."""
    attached = aws.all("iam", "list_policies", "Policies", Scope="AWS", OnlyAttached=True)
    return [
        f"{kind}/{entity[f'{kind.capitalize()}Name']}"
        for policy in attached
        if admin(policy["Arn"])
        for kind in KINDS
        for entity in aws.all(
            "iam",
            "list_entities_for_policy",
            f"Policy{kind.capitalize()}s",
            PolicyArn=policy["Arn"],
            EntityFilter=kind.capitalize(),
            PolicyUsageFilter="PermissionsPolicy",
        )
    ]


def tags_of(aws: Aws, _subject: str, entity: Entity) -> Mapping[str, str]:
    """Return the tags of a user or role; a group has none. Raises AwsError."""
    kind, _, name = entity["subject"].partition("/")
    return tags.of_user(aws, name, entity) if kind == "user" else tags.told(entity["tags"])


def admin(arn: str) -> bool:
    """Whether a policy is AWS's own AdministratorAccess."""
    return arn.endswith(":iam::aws:policy/AdministratorAccess")


@guardrail(
    severity="high",
    default="approve",
    on={
        api_call("iam:AttachUserPolicy"): "user/{requestParameters.userName}",
        api_call("iam:AttachRolePolicy"): "role/{requestParameters.roleName}",
        api_call("iam:AttachGroupPolicy"): "group/{requestParameters.groupName}",
    },
    needs={
        "iam:ListAttachedUserPolicies", "iam:ListAttachedRolePolicies", "iam:ListAttachedGroupPolicies", "iam:GetRole",
        "iam:ListPolicies", "iam:ListEntitiesForPolicy", "iam:ListUserTags",
        "iam:DetachUserPolicy", "iam:DetachRolePolicy", "iam:DetachGroupPolicy",
        "iam:AttachUserPolicy", "iam:AttachRolePolicy", "iam:AttachGroupPolicy",
    },
    # Undo must attach: this one policy, lest the role could grant itself anything else.
    conditions={
        f"iam:{verb}{kind.capitalize()}Policy": {"ArnLike": {"iam:PolicyARN": ADMIN}}
        for verb in ("Attach", "Detach") for kind in KINDS
    },
    read=read,
    subjects=subjects,
    current=lambda entity, part: part in entity["policies"],
    tags=tags_of,
    gone={"NoSuchEntity"},
    options={"allowed": ()},
    everywhere=True,
)  # fmt: skip
def check(entity: Entity, event: Event | None, options: Mapping[str, Any]) -> Iterable[Remedy]:
    """Yield a remedy when AdministratorAccess is attached to what may not have it."""
    subject = entity["subject"]
    if entity["owned"] or subject in options["allowed"]:
        return
    kind, _, name = subject.partition("/")
    for arn in filter(admin, entity["policies"]):
        params = {f"{kind.capitalize()}Name": name, "PolicyArn": arn}
        yield Remedy(
            why=f"{kind} {name} has AdministratorAccess",
            part=arn,
            fix=(call("iam", f"detach_{kind}_policy", **params),),
            undo=(call("iam", f"attach_{kind}_policy", **params),),
            before=True,
            after=False,
            brought=event is None or event.request.get("policyArn") == arn,
        )
