"""The roles of our functions as they would be deployed: each with its derived policy, all within the boundary."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from chalicelib.settings import Settings
from deploy import rights
from local.iam import requests
from local.iam.enforcer import Role
from local.iam.intrinsics import Known
from local.iam.policy import Policy
from local.iam.requests import World


class Roles:
    """Every function's role under some settings, each parsed when it is first asked for."""

    def __init__(self, settings: Settings, account: str, known: Known) -> None:
        """Derive the policies.

        Args:
            settings: whose modes decide which rights there are.
            account: the account of the roles.
            known: what the policies' references mean, see `intrinsics.stack`.
        """
        self.documents = rights.policies(settings)
        self._settings, self._account, self._known = settings, account, known
        self.boundary = Policy("the boundary", rights.boundary(self.documents.values()), known)
        self.role = functools.cache(self._role)

    def _role(self, function: str) -> Role:
        """Return the role of a function; raises CannotEvaluate."""
        return self.holding(function, self.documents[function])

    def holding(self, function: str, document: rights.Policy) -> Role:
        """Return the role of a function with another policy than its own; raises CannotEvaluate."""
        policy = Policy(f"the policy of {function}", document, self._known)
        # Lambda names a role's session after its function, which is named as its role is.
        name = self._settings.role_name(function)
        return Role(name, self._account, name, policy, self.boundary)


def world(template: Mapping[str, Any], known: Known, account: str) -> World:
    """Return what calls in an account without organisation do not tell by themselves; raises CannotEvaluate."""
    return World(
        partition=known["AWS::Partition"],
        tables=requests.tables(template, known),
        organisations={account: None},
        encrypted=requests.encrypted(template, known),
        attached=requests.attached(template, known),
    )
