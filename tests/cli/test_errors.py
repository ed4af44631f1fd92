from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import NoCredentialsError, ProfileNotFound

from cli.errors import Misused
from tests.cli.terminal import Terminal
from tests.rights import JOURNAL
from tests.samples import REGION
from tests.wire import Fault, Made


class Failing:
    """A client factory whose clients fail in one way, before anything goes over the wire."""

    def __init__(self, error: Exception, **options: Any) -> None:
        self.error, self.options = error, options
        self.session = botocore.session.Session()
        self.session.register("before-call.*.*", self._fail)

    def _fail(self, **_: Any) -> None:
        raise self.error

    def __call__(self, service: str, region: str) -> Any:
        return self.session.create_client(service, region_name=region, **self.options)


def test_a_table_that_is_not_there(terminal: Terminal) -> None:
    terminal.environment["PARAPET_TABLE"] = "parapet-nowhere"
    for command in (("journal",), ("status",), ("show", "abcd"), ("undo", "abcd")):
        assert terminal.fails(4, *command) == (
            "table parapet-nowhere does not exist in eu-west-1: is Parapet deployed there? "
            "Set PARAPET_TABLE and AWS_REGION, or run `. local/env`"
        )


def test_json_keeps_errors_off_stdout(terminal: Terminal) -> None:
    terminal.environment["PARAPET_TABLE"] = "parapet-nowhere"
    assert terminal.fails(4, "journal", "--json").startswith("table parapet-nowhere does not exist")


def test_without_a_table_the_stack_is_asked(terminal: Terminal) -> None:
    del terminal.environment["PARAPET_TABLE"]
    assert terminal.fails(2, "journal") == (
        "PARAPET_TABLE is not set, and in eu-west-1 there is no stack parapet-test with a Journal: "
        "set PARAPET_STAGE and AWS_REGION to where Parapet is deployed, or run `. local/env`"
    )
    journal = {"Type": "AWS::DynamoDB::Table", "Properties": JOURNAL}
    terminal.account.client("cloudformation").create_stack(
        StackName="parapet-test", TemplateBody=json.dumps({"Resources": {"Journal": journal}})
    )
    assert terminal.json("journal") == {"findings": [], "total": 0}
    assert terminal.json("status")["table"].startswith("parapet-test-Journal-")


def test_no_region(terminal: Terminal) -> None:
    del terminal.environment["AWS_REGION"]
    assert terminal.fails(2, "journal") == (
        "there is no AWS region: set AWS_REGION, or for the local account run `. local/env`"
    )
    assert terminal.run("journal", region=lambda: REGION).exit_code == 0
    terminal.environment["AWS_DEFAULT_REGION"] = REGION
    assert terminal.run("journal").exit_code == 0


def test_a_profile_that_does_not_exist(terminal: Terminal) -> None:
    def connect(service: str, region: str) -> Any:
        raise ProfileNotFound(profile="prod")

    terminal.connect = connect
    assert terminal.fails(2, "journal") == (
        "the AWS settings cannot be used: The config profile (prod) could not be found"
    )


@pytest.mark.parametrize("command", ["journal", "undo"])
def test_no_credentials(terminal: Terminal, command: str) -> None:
    terminal.connect = Failing(NoCredentialsError())
    assert terminal.fails(4, *((command,) if command == "journal" else (command, "abcd"))) == (
        "there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
        "for the local account run `. local/env`"
    )


def test_nobody_at_the_endpoint(terminal: Terminal) -> None:
    session = botocore.session.Session()

    def connect(service: str, region: str) -> Any:
        return session.create_client(
            service,
            region_name=region,
            endpoint_url="http://127.0.0.1:9",
            config=Config(connect_timeout=1, retries={"total_max_attempts": 1}),
        )

    terminal.connect = connect
    terminal.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    assert terminal.fails(4, "journal") == (
        "cannot connect to http://127.0.0.1:9 (AWS_ENDPOINT_URL): is `make up` running?"
    )
    del terminal.environment["AWS_ENDPOINT_URL"]
    assert terminal.fails(4, "journal") == (
        'cannot connect to AWS in eu-west-1: Could not connect to the endpoint URL: "http://127.0.0.1:9/"'
    )


@pytest.mark.parametrize(
    ("command", "operation", "action"),
    [
        (("journal",), "Query", "dynamodb:Query"),
        (("status",), "GetItem", "dynamodb:GetItem"),
        (("pause", "--why", "x"), "GetCallerIdentity", "sts:GetCallerIdentity"),
        (("pause", "--why", "x"), "TransactWriteItems", "dynamodb:TransactWriteItems"),
        (("resume",), "Query", "dynamodb:Query"),
    ],
)
def test_a_right_that_is_missing_is_named(
    terminal: Terminal, command: tuple[str, ...], operation: str, action: str
) -> None:
    def deny(_number: int, made: Made) -> Fault | None:
        return "deny" if made.operation == operation else None

    terminal.account.wire.fail(deny)
    assert terminal.fails(4, *command) == f"AWS denies {action} to you: not authorized"


def test_credentials_that_aws_does_not_accept(terminal: Terminal) -> None:
    from botocore.exceptions import ClientError

    answer: Any = {"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}
    terminal.connect = Failing(ClientError(answer, "Query"))
    assert terminal.fails(4, "journal").startswith(
        "AWS does not accept these credentials (ExpiredTokenException): set "
    )


def test_anything_else_is_told_in_the_words_of_aws(terminal: Terminal) -> None:
    terminal.account.wire.fail(lambda _number, made: "throttle" if made.service == "dynamodb" else None)
    assert terminal.fails(4, "status") == "dynamodb:GetItem answered ThrottlingException: slow down"


def test_a_command_that_does_not_exist(terminal: Terminal) -> None:
    assert terminal.fails(2, "jurnal").startswith("No such command 'jurnal'.")


def test_an_error_is_one_printable_line() -> None:
    assert Misused("a\nb \x1b[2J").message == "a b \ufffd[2J"
