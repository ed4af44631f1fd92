"""One moto account per test on one shared botocore session, which is what takes time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

for _name in [name for name in os.environ if name.startswith(("AWS_", "PARAPET_"))]:
    # Whoever runs the tests may have sourced local/env, or have a real account at hand.
    del os.environ[_name]
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


@contextmanager
def fresh(clients: Clients, wire: Wire) -> Iterator[TestAccount]:
    """An empty account with Parapet's own table and queue in it."""
    with mock_aws(config={"core": {"reset_boto3_session": False, "mock_credentials": False}}):
        template = json.loads(RESOURCES.read_text("utf-8"))["Resources"]
        table = template["Journal"]["Properties"]
        wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        clients("dynamodb", REGION).create_table(TableName=TABLE, **{name: table[name] for name in wanted})
        sqs = clients("sqs", REGION)
        queue = sqs.create_queue(QueueName="parapet-slack.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        wire.reset()
        settings = Settings(stage="test", accounts=(ACCOUNT,), regions=(REGION, "us-east-1"))
        yield TestAccount(clients, wire, queue, Clock(), settings)
        wire.reset()


@pytest.fixture
def account(shared: tuple[Clients, Wire]) -> Iterator[TestAccount]:
    """An empty account with Parapet's own table and queue in it."""
    with fresh(*shared) as one:
        yield one


@pytest.fixture
def accounts(shared: tuple[Clients, Wire]) -> Callable[[], AbstractContextManager[TestAccount]]:
    """As many empty accounts as a test asks for, one after another."""
    return lambda: fresh(*shared)
