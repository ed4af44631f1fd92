"""One moto account per test on two shared botocore sessions, people's and functions': clients are what takes time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

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
from chalicelib.settings import Accounts, Settings
from local.iam.enforcer import Enforcer
from tests import cut, rights, thrift
from tests.account import TABLE, Clock, Shared, TestAccount
from tests.machine.table import Table
from tests.memory import Memory
from tests.samples import ACCOUNT, REGION
from tests.wire import Wire

assert DEFAULT_ACCOUNT_ID == ACCOUNT
thrift.be_thrifty()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """The sessions of the whole run, and what sees and judges their calls."""
    people, functions = botocore.session.Session(), cut.session(tmp_path_factory.mktemp("botocore"))
    # The first to see a call: what is not allowed is never sent.
    enforcer = Enforcer(functions)
    return Shared(Clients(people), Clients(functions), enforcer, Wire(people, functions), Memory(people, functions))


@contextmanager
def fresh(shared: Shared) -> Iterator[TestAccount]:
    """An empty account with Parapet's own table and queue in it."""
    with mock_aws(config={"core": {"reset_boto3_session": False, "mock_credentials": False}}):
        if not shared.memory.wanted:
            shared.people("dynamodb", REGION).create_table(TableName=TABLE, **rights.JOURNAL)
        sqs = shared.people("sqs", REGION)
        queue = sqs.create_queue(QueueName=rights.QUEUE, Attributes={"FifoQueue": "true"})["QueueUrl"]
        shared.reset()
        shared.memory.table = Table(TABLE) if shared.memory.wanted else None
        settings = Settings(stage="test", accounts=Accounts(own=ACCOUNT), regions=(REGION, "us-east-1"))
        yield TestAccount(shared, queue, Clock(), settings)
        refused = list(shared.enforcer.refused)
        shared.reset()
        assert refused == [], "what a function called could not be evaluated"


@pytest.fixture
def in_memory(shared: Shared) -> Iterator[None]:
    """Have accounts keep their journal in memory: for what is done thousands of times, and twice as fast so."""
    shared.memory.wanted = True
    yield
    shared.memory.wanted = False


@pytest.fixture
def account(shared: Shared) -> Iterator[TestAccount]:
    """An empty account with Parapet's own table and queue in it."""
    with fresh(shared) as one:
        yield one


@pytest.fixture(scope="session")
def accounts(shared: Shared) -> Callable[[], AbstractContextManager[TestAccount]]:
    """As many empty accounts as a test asks for, one after another."""
    return lambda: fresh(shared)
