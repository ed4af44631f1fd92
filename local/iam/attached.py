"""The policy that is attached to a resource, such as a table's: ours only deny, and whoever it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.iam import CannotEvaluate
from local.iam.conditions import Context
from local.iam.intrinsics import Known, resolve
from local.iam.policy import Policy


class Attached:
    """A resource's policy, ready to be asked."""

    def __init__(self, arn: str, raw: Mapping[str, Any], known: Known) -> None:
        """Parse a policy as a template has it; raises CannotEvaluate for anything that this evaluator does not know.

        Args:
            arn: the resource's; what a statement says of any other would have no effect.
            raw: the policy's document, under `PolicyDocument`.
            known: what its references mean.
        """
        document = resolve(raw["PolicyDocument"], known)
        rest = []
        for number, one in enumerate(document["Statement"]):
            where = f"the policy of {arn}, statement {number}"
            if one.get("Principal") != "*" or one.get("Effect") != "Deny":
                raise CannotEvaluate(f"{where}: it can be told only who is denied something, and of everybody")
            if one.get("Resource") != arn:
                raise CannotEvaluate(f"{where} is about {one.get('Resource')}, which it is not attached to")
            rest.append({name: value for name, value in one.items() if name != "Principal"})
        self._policy = Policy(f"the policy of {arn}", {**document, "Statement": rest}, known)

    def denies(self, action: str, resource: str, context: Context) -> bool:
        """Whether it denies an action; raises CannotEvaluate."""
        return self._policy.verdict(action, resource, context) == "denied"
