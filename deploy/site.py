"""One stage in an account and region, as whoever deploys finds it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from chalicelib.aws import CONFIG, AccountAws, Connect
from chalicelib.model import Aws, ParapetError
from chalicelib.settings import PREFIX, Settings
from cli import output
from cli.deployment import Caller, Outside
from deploy import package, template, wheels
from deploy.artefact import ROOT
from deploy.canary import Answer, Clock, Send
from deploy.release import Template
from deploy.stack import Happening, Stack, State
from deploy.store import Store, usual

# A person waits for these calls, and uploads take longer than what a function does.
UNHURRIED = CONFIG.merge(
    Config(read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5}, parameter_validation=True)
)
PINS = ROOT / "requirements-dev.txt"


def _clients() -> Connect:
    session = botocore.session.get_session()
    made: dict[tuple[str, str], Any] = {}

    def connect(service: str, region: str) -> Any:
        if (service, region) not in made:
            made[service, region] = session.create_client(service, region_name=region, config=UNHURRIED)
        return made[service, region]

    return connect


def _credentials() -> Credentials:
    found = botocore.session.get_session().get_credentials()
    if found is None:
        raise ParapetError("there are no AWS credentials to sign the API's request with")
    return found


def _send(request: AWSPreparedRequest) -> Answer:
    return URLLib3Session(timeout=35).send(request)


@dataclass
class Desk(Outside):
    """What deploying gets from outside, beside what the command line gets."""

    clients: Callable[[], Connect] = _clients
    credentials: Callable[[], Credentials] = _credentials
    send: Send = _send
    build: Callable[[], Path] = package.build
    render: Callable[[Settings], Template] = template.render
    installed: Callable[[str], str] = importlib.metadata.version


class Site:
    """One stage where it is, or will be, deployed; each fact looked up when it is first needed."""

    def __init__(self, desk: Desk, stage: str) -> None:
        """Take what comes from outside, and the stage's name; raises ParapetError for the local account."""
        if desk.environment.get("AWS_ENDPOINT_URL"):
            raise ParapetError(
                "AWS_ENDPOINT_URL is set: Parapet runs in the local account without being deployed there"
            )
        self.desk, self.stage = desk, stage
        self.clock = Clock(desk.now, desk.sleep)

    @cached_property
    def caller(self) -> Caller:
        """Who deploys; raises AwsError."""
        return self.desk.deployment.caller

    @cached_property
    def region(self) -> str:
        """Where; raises ParapetError when nothing names it."""
        return self.desk.deployment.region

    @cached_property
    def aws(self) -> Aws:
        """Calls to the account and region."""
        return self.at(self.region)

    def at(self, region: str) -> Aws:
        """Return calls to another region of the account."""
        return AccountAws(self.desk.deployment.connect, self.caller.account, region)

    @cached_property
    def stack(self) -> Stack:
        """The stage's stack; its events are printed as they come."""
        return self.beside(self.region, f"{PREFIX}-{self.stage}")

    def beside(self, region: str, name: str) -> Stack:
        """Return another stack of the account."""
        return Stack(self.at(region), name, self.desk.now, self.desk.sleep, _told)

    @cached_property
    def state(self) -> State | None:
        """The stack as it was found; raises AwsError."""
        return self.stack.state()

    def store(self, bucket: str) -> Store:
        """Return the store in a bucket: the named one, else the stack's, else the usual one."""
        deployed = self.state.parameters.get("ArtefactBucket", "") if self.state else ""
        account = self.caller.account
        return Store(self.aws, bucket or deployed or usual(account, self.region), account, self.stage)

    def tools(self) -> None:
        """Check that what makes the template is what it was tested with; raises ParapetError."""
        [pin] = [pin for pin in wheels.pins(PINS) if pin.name == "chalice"]
        if (there := self.desk.installed("chalice")) != pin.version:
            raise ParapetError(
                f"Chalice is {there}, and Parapet is tested with {pin.version}: rm -rf .venv, make test installs it"
            )


def _told(one: Happening) -> None:
    output.say(f"  {one.status:<28}{one.logical}{f': {one.reason}' if one.failed else ''}")
