"""Secrets: kept in SSM or Secrets Manager, read when first needed, and shown to nobody."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import quote

from chalicelib.model import ParapetError

AGE = 300
SHORTEST = 8
HIDDEN = "(secret)"
STORES = {"ssm": "SSM parameter", "secretsmanager": "Secrets Manager secret"}
ACTIONS = {"ssm": "ssm:GetParameter", "secretsmanager": "secretsmanager:GetSecretValue"}
# botocore's debug log has whole answers, of which this one is the secret; Slack's client logs what it raises anyway,
# and what answers in Slack's place may repeat what was sent.
QUIETER = {"botocore": logging.INFO, "slack_sdk": logging.CRITICAL}
# Slack's own shape, for what another function has let slip and this one cannot know.
SLACK = re.compile(r"\bx(?:oxe\.xox[a-z]|ox[a-z]|app)-[\w.-]{8,}")

_values: set[str] = set()


class Secret:
    """A value that neither `str`, `repr`, `json`, `pickle` nor a dataclass's fields show; `reveal` does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        _values.update((value, json.dumps(value)[1:-1], quote(value), quote(value, safe="")))

    def reveal(self) -> str:
        """Return the value, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("a secret is neither copied nor pickled")


def redacted(text: str) -> str:
    """Return a text with every secret that this process has read taken out."""
    if _values:
        # The longest first: one secret may begin like another.
        for value in sorted(_values, key=len, reverse=True):
            text = text.replace(value, HIDDEN)
    return SLACK.sub(HIDDEN, text) if "xox" in text or "xapp" in text else text


def quieten() -> None:
    """Have libraries that would log whole answers log less."""
    for name, level in QUIETER.items():
        logging.getLogger(name).setLevel(level)


def place(reference: str) -> tuple[str, str]:
    """Return the store and the name that a reference means; raises ParapetError for another store.

    `ssm:/parapet/slack-token`, the same without `ssm:`, or `secretsmanager:parapet/slack-token`.
    """
    store, colon, name = reference.partition(":")
    if not colon:
        store, name = "ssm", reference
    if store not in STORES or not name:
        raise ParapetError(f"{reference!r} names no secret: ssm:/a/parameter or secretsmanager:a-secret would")
    return store, name


class Kept:
    """One secret in its store, kept for five minutes by Powertools Parameters."""

    def __init__(self, connect: Callable[[str], Any], reference: str, what: str) -> None:
        """Name where the secret is and what it is, for errors; nothing is read yet, nor connected by `connect`."""
        self._store, self._name = place(reference)
        self._connect, self._what = connect, what
        self._provider: Any = None

    @property
    def where(self) -> str:
        """Where the secret is kept, as people name it."""
        return f"{STORES[self._store]} {self._name}"

    def __call__(self, *, anew: bool = False) -> Secret:
        """Return the secret, read `anew` if so asked; raises ParapetError naming its place and what to mend."""
        from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

        self._provider = self._provider or self._made()
        options = {"decrypt": True} if self._store == "ssm" else {}
        try:
            value = self._provider.get(self._name, max_age=AGE, force_fetch=anew, **options)
        except GetParameterError as error:
            raise ParapetError(
                f"{self._what} cannot be read from {self.where}: {error}. Put it there, and let this function's role "
                f"call {ACTIONS[self._store]} on it (under a key of your own: kms:Decrypt too)"
            ) from None
        text = value.strip() if isinstance(value, str) else ""
        # Whatever uses it would complain about such a value, and show it.
        if not re.fullmatch(r"[!-~]+", text) or len(text) < SHORTEST or text[0] in "{[":
            self._provider.clear_cache()
            raise ParapetError(
                f"{self.where} does not hold {self._what}: what is there is empty, short, JSON, or has spaces in it"
            )
        return Secret(text)

    def _made(self) -> Any:
        quieten()
        # Lazily: they import boto3, which nothing else needs.
        if self._store == "ssm":
            from aws_lambda_powertools.utilities.parameters.ssm import SSMProvider

            return SSMProvider(boto3_client=self._connect("ssm"))
        from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider

        return SecretsProvider(boto3_client=self._connect("secretsmanager"))
