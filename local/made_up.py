"""Secrets whose value AWS makes up, in moto's CloudFormation, which knows none."""

from __future__ import annotations

import json
from typing import Any

from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel
from moto.secretsmanager.models import secretsmanager_backends


class MadeUp(CloudFormationModel):  # type: ignore[misc]
    """A secret with `GenerateSecretString`; moto finds it by its type after `plug_in`."""

    def __init__(self, arn: str) -> None:
        self.physical_resource_id = arn
        self.type = self.cloudformation_type()

    @staticmethod
    def cloudformation_name_type() -> str:
        """Return which property names it."""
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        """Return the type it is."""
        return "AWS::SecretsManager::Secret"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Whether there is such an attribute: none that we ask for."""
        return attr == "Id"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> MadeUp:
        """Make the secret."""
        given, backend = cloudformation_json["Properties"], secretsmanager_backends[account_id][region_name]
        rules = {"PasswordLength": 32, **given["GenerateSecretString"]}
        value = backend.get_random_password(
            password_length=int(rules["PasswordLength"]),
            exclude_characters=rules.get("ExcludeCharacters", ""),
            exclude_numbers=_true(rules.get("ExcludeNumbers")),
            exclude_punctuation=_true(rules.get("ExcludePunctuation")),
            exclude_uppercase=_true(rules.get("ExcludeUppercase")),
            exclude_lowercase=_true(rules.get("ExcludeLowercase")),
            include_space=_true(rules.get("IncludeSpace")),
            require_each_included_type=_true(rules.get("RequireEachIncludedType", True)),
        )
        made = backend.create_secret(
            name=given["Name"], secret_string=json.loads(value)["RandomPassword"], secret_binary=None,
            description=given.get("Description"), tags=[], kms_key_id=None, client_request_token=None,
            replica_regions=[], force_overwrite=False,
        )  # fmt: skip
        return cls(str(json.loads(made)["ARN"]))


def plug_in() -> None:
    """Have moto's CloudFormation look through its models anew: it may have done so before this one was there."""
    for known in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        known.cache_clear()


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
