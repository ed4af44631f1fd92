"""A person at a terminal, and (or not) the guard functions at the other end of the bus."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from click.testing import CliRunner, Result

from chalicelib import bus, commands, guard, obeying, registry
from chalicelib.aws import Connect
from chalicelib.model import Finding
from cli.__main__ import parapet
from cli.deployment import Outside
from tests.account import TABLE, TestAccount
from tests.alerts import office
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT, REGION

GUARDRAIL = SCENARIO.guardrail


class Terminal:
    """Runs commands in process; what they put on the bus is carried out while they wait, if `answering`."""

    def __init__(self, account: TestAccount, folder: Path) -> None:
        self.account = account
        self.folder = folder
        self.answering = True
        self.person = False
        self.environment = {"PARAPET_STAGE": "test", "PARAPET_TABLE": TABLE, "AWS_REGION": REGION}
        self.connect: Connect = account.clients
        self.credentials: Credentials | None = None
        self._numbers = itertools.count(1)
        self._bus = self._listen()

    def _listen(self) -> str:
        sqs, events = self.account.client("sqs"), self.account.client("events")
        queue = str(sqs.create_queue(QueueName="bus")["QueueUrl"])
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="ours", EventPattern=json.dumps({"source": [bus.SOURCE]}))
        events.put_targets(Rule="ours", Targets=[{"Id": "bus", "Arn": arn}])
        return queue

    def events(self) -> list[dict[str, Any]]:
        """Take what was put on the bus."""
        sqs, found = self.account.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self._bus, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self._bus, ReceiptHandle=message["ReceiptHandle"])
        return found

    def _wait(self, seconds: float) -> None:
        self.account.clock.forward(seconds)
        if self.answering:
            self.answer()

    def answer(self) -> None:
        """Have what is on the bus done by the functions that own it."""
        self.carry_out(self.events())

    def carry_out(self, events: list[dict[str, Any]]) -> None:
        """Have what events ask for done by the functions that own it."""
        for event in events:
            if event["detail"]["service"] == commands.ALERTS:
                office.dispatch(self.account).carry_out(event["detail"]["command"])
                continue
            pipeline = self.account.pipeline(event["detail"]["service"])
            if event["detail-type"] == registry.REVERT:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("PARAPET_LEDGER", self.environment["PARAPET_LEDGER"])
                    guard.revert(pipeline, ACCOUNT, event["detail"]["change"], self.account.request())
            elif event["detail-type"] == bus.COMMAND:
                obeying.carry_out(pipeline, event["detail"]["command"], self.account.request())
            else:
                pipeline.look_again(event["detail"]["finding"], self.account.request())

    def run(
        self, *arguments: str, region: Callable[[], str] = lambda: "", sleep: Any = None, typed: str = ""
    ) -> Result:
        """Run a command as it is typed; `typed` is what a person answers to it."""
        outside = Outside(
            environment=self.environment,
            clients=lambda: self.connect,
            profile_region=region,
            credentials=lambda: self.credentials,
            now=self.account.clock,
            sleep=sleep or self._wait,
            terminal=lambda: self.person,
        )
        return CliRunner().invoke(parapet, arguments, input=typed, obj=outside, prog_name="./parapet")

    def out(self, *arguments: str) -> str:
        """Run a command that must succeed and return what it prints."""
        result = self.run(*arguments)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed with `--json` and return its document."""
        return json.loads(self.out(*arguments, "--json"))

    def fails(self, code: int, *arguments: str) -> str:
        """Run a command that must fail with a code and one line on stderr, nothing on stdout; returns the line."""
        result = self.run(*arguments)
        assert result.exit_code == code, result.output
        assert result.stdout == ""
        [line] = result.stderr.splitlines()
        assert line.startswith("parapet: ")
        return line.removeprefix("parapet: ")

    def settings(self, text: str) -> None:
        """Set the settings file, for the command line and nobody else."""
        file = self.folder / "parapet.toml"
        file.write_text(text, "utf-8")
        self.environment["PARAPET_SETTINGS"] = str(file)

    def group(self) -> str:
        """An innocent security group."""
        name = f"group-{next(self._numbers)}"
        return str(self.account.client("ec2").create_security_group(GroupName=name, Description="x")["GroupId"])

    def breach(self, group: str = "") -> Finding:
        """Have alice open port 22 of a security group to the world; returns the finding it leads to."""
        known = {finding.id for finding in self.account.findings()}
        group = group or self.group()
        event = SCENARIO.breach(self.account, group)
        [new] = [finding for finding in self.account.deliver(event) if finding.id not in known]
        return new
