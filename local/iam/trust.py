"""Who may assume a role: its trust policy, which names principals where other policies name resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.iam import CannotEvaluate
from local.iam.conditions import Context
from local.iam.intrinsics import Known, resolve
from local.iam.policy import Policy


@dataclass(frozen=True)
class Caller:
    """Whoever asks to assume a role, by the ARN of the role it has itself."""

    arn: str

    def among(self, principals: Mapping[str, Any], where: str) -> bool:
        """Whether this caller is one of a statement's principals; raises CannotEvaluate for kinds it cannot be told."""
        for kind in principals:
            if kind not in ("AWS", "Service"):
                raise CannotEvaluate(f"{where}: principals of the kind {kind} are not known")
        account = self.arn.split(":")[4]
        given = principals.get("AWS", [])
        for one in given if isinstance(given, list) else [given]:
            if one in ("*", account, self.arn) or (one.startswith("arn:") and one.endswith(f"::{account}:root")):
                return True
            if "*" in one or "?" in one:
                raise CannotEvaluate(f"{where}: IAM takes no wildcard within a principal: {one}")
        return False


class Trust:
    """A trust policy, ready to be asked."""

    def __init__(self, name: str, document: Mapping[str, Any], known: Known) -> None:
        """Parse a document; raises CannotEvaluate for anything that this evaluator does not know."""
        self._parts: list[tuple[str, Mapping[str, Any], Policy]] = []
        listed = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        for number, raw in enumerate(listed):
            where = f"{name}, statement {number}"
            if "Resource" in raw or "NotResource" in raw or not isinstance(raw.get("Principal"), Mapping):
                raise CannotEvaluate(f"{where} must name its principals by kind, and no resource")
            rest = {key: value for key, value in raw.items() if key != "Principal"}
            single = {**document, "Statement": [{**rest, "Resource": "*"}]}
            self._parts.append((where, resolve(raw["Principal"], known), Policy(where, single, known)))

    def admits(self, caller: Caller, role: str, context: Context) -> bool:
        """Whether a caller may assume the role of this ARN; raises CannotEvaluate."""
        verdicts = {
            policy.verdict("sts:AssumeRole", role, context)
            for where, principals, policy in self._parts
            if caller.among(principals, where)
        }
        return "allowed" in verdicts and "denied" not in verdicts
