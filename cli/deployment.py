"""Where Parapet runs, as the environment names it: settings, region, journal, and who is asking."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib import registry, settings
from chalicelib.events import name_of
from chalicelib.journal import Journal
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from chalicelib.aws import Connect
    from chalicelib.ledger.book import Book

T = TypeVar("T")


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _clients() -> Connect:
    from chalicelib import wiring  # a quarter of a second of botocore, which reading the settings does not need

    return wiring.connect()


def _profile_region() -> str:
    import botocore.session

    return str(botocore.session.get_session().get_config_variable("region") or "")


def _credentials() -> Credentials | None:
    import botocore.session

    return botocore.session.get_session().get_credentials()


@dataclass(frozen=True)
class Caller:
    """Who is asking, as STS tells: the account, the name that the journal will show, the ARN."""

    account: str
    who: str
    arn: str


@dataclass
class Outside:
    """What the command line gets from outside: the environment, clients, the clock, whether a person sits there."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clients: Callable[[], Connect] = _clients
    profile_region: Callable[[], str] = _profile_region
    credentials: Callable[[], Credentials | None] = _credentials
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    terminal: Callable[[], bool] = _terminal

    def settings(self, rails: Iterable[Guardrail] = ()) -> Settings:
        """Return the settings in force, with the sections of `rails` validated in full; raises SettingsError."""
        return settings.load(self.environment, registry.names(), rails)

    @cached_property
    def deployment(self) -> Deployment:
        """Parapet's deployment in the account and region that the environment names."""
        return Deployment(self)


class Deployment:
    """One deployment of Parapet, each fact looked up when it is first needed."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    @cached_property
    def region(self) -> str:
        """The region that Parapet runs in; raises ParapetError when nothing names it."""
        environment = self._outside.environment
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        if not region:
            region = _declared(self._outside.profile_region)
        if not region:
            raise ParapetError("there is no AWS region: set AWS_REGION, or for the local account run `. local/env`")
        return region

    @cached_property
    def connect(self) -> Connect:
        """Clients, by service and region, of whoever is asking."""
        clients, one_at_a_time = _declared(self._outside.clients), threading.Lock()

        def connect(service: str, region: str) -> Any:
            # botocore makes clients for one thread at a time, and `doctor` has several.
            with one_at_a_time:
                return _declared(lambda: clients(service, region))

        return connect

    @cached_property
    def aws(self) -> Aws:
        """Calls to Parapet's own account and region."""
        return self.at(self.region)

    def at(self, region: str) -> Aws:
        """Return calls to Parapet's own account in a region."""
        from chalicelib.aws import AccountAws

        # STS is asked by those who need the account (`caller`): reading the journal should not wait for it.
        return AccountAws(self.connect, "", region)

    @cached_property
    def table(self) -> str:
        """The journal's table: PARAPET_TABLE, or what the stage's stack calls `Journal`; raises ParapetError."""
        return self._table_of("PARAPET_TABLE", "Journal")

    @cached_property
    def ledger(self) -> Book:
        """The change ledger, in the table PARAPET_LEDGER, or what the stage's stack calls `ChangeLedger`."""
        from chalicelib.ledger.book import Book

        return Book(self.aws, self._table_of("PARAPET_LEDGER", "ChangeLedger"))

    def _table_of(self, variable: str, logical: str) -> str:
        if given := self._outside.environment.get(variable):
            return given
        try:
            found = self.aws(
                "cloudformation", "describe_stack_resource", StackName=self._stack, LogicalResourceId=logical
            )
        except AwsError as error:
            if error.code != "ValidationError":
                raise
            raise self._nowhere(variable, f"a {logical}") from error
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    @cached_property
    def api(self) -> str:
        """The HTTP API's address: PARAPET_API_URL, or what the stage's stack says; raises ParapetError."""
        given = self._outside.environment.get("PARAPET_API_URL", "")
        found = given or self._output_of("PARAPET_API_URL", "ApiUrl")
        if not found.startswith(("https://", "http://127.0.0.1:")):
            raise ParapetError("PARAPET_API_URL must be the stack's output ApiUrl (`. local/env` sets the local one)")
        return found.rstrip("/")

    def _output_of(self, variable: str, name: str) -> str:
        try:
            [found] = self.aws("cloudformation", "describe_stacks", StackName=self._stack)["Stacks"]
        except AwsError as error:
            if error.code != "ValidationError":
                raise
            found = {}
        told = {one["OutputKey"]: str(one["OutputValue"]) for one in found.get("Outputs", ())}
        if name not in told:
            raise self._nowhere(variable, f"an output {name}")
        return told[name]

    @property
    def _stack(self) -> str:
        return f"{settings.PREFIX}-{settings.environment(self._outside.environment).stage}"

    def _nowhere(self, variable: str, what: str) -> ParapetError:
        return ParapetError(
            f"{variable} is not set, and in {self.region} there is no stack {self._stack} with {what}: "
            "set PARAPET_STAGE and AWS_REGION to where Parapet is deployed, or run `. local/env`"
        )

    @cached_property
    def journal(self) -> Journal:
        """The journal."""
        return Journal(self.aws, self.table)

    @cached_property
    def caller(self) -> Caller:
        """Who is asking; raises AwsError."""
        answer = self.aws("sts", "get_caller_identity")
        arn = str(answer["Arn"])
        return Caller(str(answer["Account"]), name_of(arn), arn)


def _declared(make: Callable[[], T]) -> T:
    """Return what is made; what botocore cannot make out of profile and environment becomes a declared error."""
    from botocore.exceptions import BotoCoreError

    try:
        return make()
    except (BotoCoreError, ValueError) as error:
        raise ParapetError(f"the AWS settings cannot be used: {error}") from error
