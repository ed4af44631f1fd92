"""Declared errors as one clear line on stderr and an exit code."""

from __future__ import annotations

from typing import IO, Any

import click

from chalicelib.journal import Conflict
from chalicelib.model import AwsError, ParapetError
from cli.deployment import Outside
from cli.output import printable

CONNECTING = (
    "EndpointConnection", "ConnectTimeout", "ConnectionClosed", "ReadTimeout", "HTTPClient", "ProxyConnection",
)  # fmt: skip
NOT_ACCEPTED = (
    "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure",
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidSignatureException",
)  # fmt: skip
CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for the local account run `. local/env`"


class Failure(click.ClickException):
    """An error as a person reads it: one line, and an exit code for each kind."""

    def __init__(self, text: str) -> None:
        super().__init__(printable(" ".join(text.split())))

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the line to stderr."""
        click.echo(f"parapet: {self.message}", file=file, err=file is None)


class Refused(Failure):
    """A command that will not be carried out."""

    exit_code = 1


class Misused(Failure):
    """What was asked for, or the settings, cannot be understood."""

    exit_code = 2


class NoAnswer(Failure):
    """A command that was not answered in time."""

    exit_code = 3


class AwsFailure(Failure):
    """AWS that cannot be reached, or does not do what is needed."""

    exit_code = 4


def usage(error: click.UsageError) -> Failure:
    """Return a wrong use of the command line as a failure."""
    path = error.ctx.command_path if error.ctx else "./parapet"
    return Misused(f"{error.format_message()} ({path} --help)")


def explained(error: ParapetError, outside: Outside) -> Failure:
    """Return a declared error as a failure that says what to mend."""
    if isinstance(error, AwsError):
        return AwsFailure(_aws(error, outside))
    return AwsFailure(str(error)) if isinstance(error, Conflict) else Misused(str(error))


def _aws(error: AwsError, outside: Outside) -> str:
    where = outside.deployment
    if error.code == "ResourceNotFoundException" and error.action.startswith("dynamodb:"):
        return (
            f"table {where.table} does not exist in {where.region}: is Parapet deployed there? "
            "Set PARAPET_TABLE and AWS_REGION, or run `. local/env`"
        )
    if error.denied:
        return f"AWS denies {error.action} to you: {error.message}"
    if error.code == "NoCredentials":
        return f"there are no AWS credentials: {CREDENTIALS}"
    if error.code in NOT_ACCEPTED:
        return f"AWS does not accept these credentials ({error.code}): {CREDENTIALS}"
    if error.code in CONNECTING:
        endpoint = outside.environment.get("AWS_ENDPOINT_URL")
        if endpoint:
            return f"cannot connect to {endpoint} (AWS_ENDPOINT_URL): is `make up` running?"
        return f"cannot connect to AWS in {where.region}: {error.message}"
    return str(error)
