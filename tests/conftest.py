"""One moto account per test on one shared botocore session, which is what takes time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_EC2_METADATA_DISABLED="true",
    MOTO_EC2_LOAD_DEFAULT_AMIS="false",
)

import botocore.session
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID

from chalicelib.aws import Clients
from chalicelib.settings import Settings
from tests.account import TABLE, Clock, TestAccount
from tests.samples import ACCOUNT, REGION
from tests.wire import Wire

assert DEFAULT_ACCOUNT_ID == ACCOUNT
RESOURCES = Path(__file__).parent.parent / ".chalice" / "resources.json"


@pytest.fixture(scope="session")
def shared() -> tuple[Clients, Wire]:
    """The one session of the whole run, and what sees its calls."""
    session = botocore.session.Session()
    wire = Wire(session)
    return Clients(session), wire


@pytest.fixture
def account(shared: tuple[Clients, Wire]) -> Iterator[TestAccount]:
    """An empty account with Parapet's own table and queue in it."""
    clients, wire = shared
    with mock_aws(config={"core": {"reset_boto3_session": False, "mock_credentials": False}}):
        template = json.loads(RESOURCES.read_text("utf-8"))["Resources"]
        table = template["Journal"]["Properties"]
        clients("dynamodb", REGION).create_table(
            TableName=TABLE,
            **{
                name: table[name]
                for name in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
            },
        )
        queue = clients("sqs", REGION).create_queue(
            QueueName="parapet-slack.fifo", Attributes={"FifoQueue": "true"}
        )["QueueUrl"]
        wire.reset()
        yield TestAccount(
            clients,
            wire,
            queue,
            Clock(),
            Settings(stage="test", accounts=(ACCOUNT,), regions=(REGION, "us-east-1")),
        )
        wire.reset()
