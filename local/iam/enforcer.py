"""Has botocore ask, before a call of one of our functions is sent, whether AWS would allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.exceptions import ClientError

from local.iam import CannotEvaluate, requests
from local.iam.conditions import Context
from local.iam.policy import Need, Policy
from local.iam.requests import GLOBAL, GLOBAL_REGION, Call, World
from local.iam.resources import Place
from local.iam.trust import Caller, Trust

_PARAMS = "parapet.params"


@dataclass(frozen=True)
class Role:
    """A role at work.

    Args:
        name: the role's.
        account: the account it belongs to.
        session: the name of its session, as Lambda names it after the function.
        policy: what it may do.
        boundary: what it may do at most, whatever else is attached.
        trust: who may assume it; None for a role that only AWS itself assumes.
    """

    name: str
    account: str
    session: str
    policy: Policy
    boundary: Policy | None = None
    trust: Trust | None = None

    def arn(self, partition: str) -> str:
        """Return the role's ARN."""
        return f"arn:{partition}:iam::{self.account}:role/{self.name}"

    def user(self, partition: str) -> str:
        """Return the ARN of its session, as AWS names it in errors."""
        return f"arn:{partition}:sts::{self.account}:assumed-role/{self.name}/{self.session}"


_acting: ContextVar[Role | None] = ContextVar("acting", default=None)


@contextmanager
def acting(role: Role) -> Iterator[None]:
    """Have the calls that are made meanwhile through an enforced session be this role's."""
    token = _acting.set(role)
    try:
        yield
    finally:
        _acting.reset(token)


def denial(role: Role, need: Need, where: Place, world: World) -> str:
    """Return AWS's reason to deny a role one of the things that a call needs, or nothing; raises CannotEvaluate."""
    context = {**requests.common(role.account, role.arn(world.partition), where, world), **need.context}
    for resource in need.resources:
        whole = {**context, **requests.about(resource, role.account, world)}
        attached = world.attached.get(resource)
        if attached and attached.denies(need.action, resource, whole):
            reason = "with an explicit deny in a resource-based policy"
        else:
            reason = _denial(role, need.action, resource, whole)
        if reason:
            user = role.user(world.partition)
            return f"User: {user} is not authorized to perform: {need.action} on resource: {resource} {reason}"
    return ""


def _denial(role: Role, action: str, resource: str, context: Context) -> str:
    own = role.policy.verdict(action, resource, context)
    most = role.boundary.verdict(action, resource, context) if role.boundary else "allowed"
    if own == "denied":
        return "with an explicit deny in an identity-based policy"
    if most == "denied":
        return "with an explicit deny in a permissions boundary"
    if own == "not allowed":
        return f"because no identity-based policy allows the {action} action"
    return f"because no permissions boundary allows the {action} action" if most == "not allowed" else ""


class Enforcer:
    """Hooks into a session that only functions use, so that a call outside any function is refused as well.

    Calls under the credentials that `sts:AssumeRole` gave are judged as the assumed role's.
    """

    def __init__(self, session: botocore.session.Session) -> None:
        """Hook into a session before its clients are made."""
        self.reset()
        hooks: Any = session.get_component("event_emitter")
        # botocore calls those of a longer name earlier: this one sees what all the others have made of the parameters.
        hooks.register_last("before-parameter-build", self._remember)
        hooks.register_first("before-call.*.*", self._judge)
        hooks.register("after-call.sts.AssumeRole", self._assumed)

    def reset(self) -> None:
        """Forget everything that was said, seen and assumed."""
        self.world = World()
        # The roles that our functions can assume, by ARN; no other exists.
        self.assumable: Mapping[str, Role] = {}
        # What could not be evaluated, in case somebody catches it.
        self.refused: list[str] = []
        # Whoever wants to know what was asked for sets this.
        self.told: Callable[[Role, Call, list[Need]], None] = lambda _role, _call, _needs: None
        self._sessions: dict[str, Role] = {}

    def know(self, key: str, role: Role) -> None:
        """Have calls under an access key be a role's, whoever else is acting."""
        self._sessions[key] = role

    def _remember(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context[_PARAMS] = params

    def _judge(self, model: Any, request_signer: Any, context: dict[str, Any], **_: Any) -> None:
        try:
            service = model.service_model.service_name
            role = self._role(request_signer, f"{service}:{model.name}")
            region = GLOBAL_REGION if service in GLOBAL else context["client_region"]
            place = Place(self.world.partition, region, role.account)
            call = Call(service, model.name, context[_PARAMS], place)
            needs = requests.needs(call, self.world)
            self.told(role, call, needs)
            for need in needs:
                reason = denial(role, need, place, self.world) or self._distrust(role, need, place)
                if reason:
                    raise denied(model, reason)
        except CannotEvaluate as problem:
            self.refused.append(str(problem))
            raise

    def _role(self, signer: Any, name: str) -> Role:
        key = signer._credentials.get_frozen_credentials().access_key
        role = self._sessions.get(key) or _acting.get()
        if role is None:
            raise CannotEvaluate(f"{name} was called through the functions' clients outside any function")
        return role

    def _distrust(self, role: Role, need: Need, place: Place) -> str:
        """Return AWS's reason not to let a role be assumed that its trust policy does not open, or nothing."""
        if need.action != "sts:AssumeRole":
            return ""
        (arn,) = need.resources
        own, partition = self.assumable.get(arn), self.world.partition
        context = {**requests.common(role.account, role.arn(partition), place, self.world), **need.context}
        if own and own.trust and own.trust.admits(Caller(role.arn(partition)), arn, context):
            return ""
        # AWS says the same of a role that is not there.
        return f"User: {role.user(partition)} is not authorized to perform: sts:AssumeRole on resource: {arn}"

    def _assumed(self, parsed: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        if "Credentials" in parsed:
            self.know(parsed["Credentials"]["AccessKeyId"], self.assumable[context[_PARAMS]["RoleArn"]])


def denied(model: Any, reason: str) -> ClientError:
    """Return the error that AWS answers a call with which it does not authorize, in the service's own words."""
    service = model.service_model
    code = "AccessDeniedException" if service.protocol in ("json", "rest-json") else "AccessDenied"
    if service.protocol == "ec2":
        code, reason = "UnauthorizedOperation", f"You are not authorized to perform this operation. {reason}"
    elif service.service_name == "sns":
        code = "AuthorizationError"
    elif service.service_name == "sqs":
        code = "AccessDenied"
    answer: Any = {"Error": {"Code": code, "Message": reason}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    return ClientError(answer, model.name)
