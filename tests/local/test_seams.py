"""Where moto is bent: the bent parts behave as moto's own do, or as AWS does."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.dynamodb import models as dynamodb
from moto.dynamodb.models.dynamo_type import Item
from moto.ec2.models import instances
from moto.events.models import EventsBackend, Rule
from moto.rds.models import DBInstance
from moto.s3.models import FakeBucket
from moto.sns.models import Subscription

from local import seams
from tests.account import TestAccount
from tests.samples import ACCOUNT, REGION

TABLE = "parapet-test"
MOTOS_OWN: Callable[..., None] = dynamodb.DynamoDBBackend.transact_write_items


@contextmanager
def cheap() -> Iterator[None]:
    """The seam, for as long as a test needs it."""
    assert not hasattr(dynamodb.copy, "of_transactions"), "another test has left the seam in place"
    module = dynamodb.copy
    seams.cheap_transactions()
    try:
        yield
    finally:
        dynamodb.copy = module
        dynamodb.DynamoDBBackend.transact_write_items = MOTOS_OWN


def backend(hash_name: str = "pk", hash_type: str = "S", range_name: str = "sk") -> Any:
    """An own DynamoDB with one table."""
    made = dynamodb.DynamoDBBackend(REGION, ACCOUNT)
    keys = [(hash_name, hash_type, "HASH"), (range_name, "S", "RANGE")]
    made.create_table(
        TABLE,
        schema=[{"AttributeName": name, "KeyType": kind} for name, _, kind in keys],
        attr=[{"AttributeName": name, "AttributeType": kind} for name, kind, _ in keys],
        throughput=None, global_indexes=None, indexes=None, streams=None, billing_mode="PAY_PER_REQUEST",
        sse_specification=None, tags=[], deletion_protection_enabled=False, warm_throughput=None,
    )  # fmt: skip
    return made


def content(made: Any) -> dict[str, Any]:
    """Every item of the table by its key, as JSON."""
    found = {}
    for partition in made.tables[TABLE].items.values():
        for item in partition.values():
            attributes = item.to_json()["Attributes"]
            key = {name: attributes[name] for name in made.tables[TABLE].table_key_attrs}
            found[json.dumps(key, sort_keys=True)] = json.loads(json.dumps(attributes, sort_keys=True))
    return found


def outcome(transact: Callable[..., None], made: Any, operations: list[dict[str, Any]]) -> str:
    try:
        transact(made, copy.deepcopy(operations))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


KEY = st.builds(
    lambda pk, sk: {"pk": {"S": pk}, "sk": {"S": sk}}, st.sampled_from(("a", "b", "c")), st.sampled_from("xy")
)
VALUE = st.one_of(
    st.builds(lambda n: {"N": str(n)}, st.integers(0, 3)),
    st.builds(lambda n: {"L": [{"N": str(n)}]}, st.integers(0, 3)),
)
CONDITION = st.sampled_from(
    ({}, {"ConditionExpression": "attribute_exists(pk)"}, {"ConditionExpression": "attribute_not_exists(pk)"})
)


def operation(kind: str, key: dict[str, Any], value: dict[str, Any], condition: dict[str, str]) -> dict[str, Any]:
    if kind == "Put":
        return {"Put": {"TableName": TABLE, "Item": {**key, "v": value}, **condition}}
    if kind == "ConditionCheck":
        return {kind: {"TableName": TABLE, "Key": key, "ConditionExpression": "attribute_exists(pk)", **condition}}
    if kind == "Delete":
        return {kind: {"TableName": TABLE, "Key": key, **condition}}
    expression = {
        "Update": "SET v = :v",
        # An update of a list that may not be there, and of a number that may be a list: errors in the middle.
        "Append": "SET v = list_append(v, :v)",
        "Add": "ADD v :v",
    }[kind]
    update = {"UpdateExpression": expression, "ExpressionAttributeValues": {":v": value}}
    return {"Update": {"TableName": TABLE, "Key": key, **update, **condition}}


OPERATION = st.builds(
    operation,
    st.sampled_from(("Put", "Put", "Update", "Append", "Add", "Delete", "ConditionCheck")),
    KEY,
    VALUE,
    CONDITION,
)
TRANSACTIONS = st.lists(st.lists(OPERATION, min_size=1, max_size=4), min_size=1, max_size=6)


class TestCheapTransactions:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(TRANSACTIONS)
    def test_end_as_motos_own_do(self, transactions: list[list[dict[str, Any]]]) -> None:
        with cheap():
            ours, motos = backend(), backend()
            for operations in transactions:
                before = content(ours)
                told = outcome(dynamodb.DynamoDBBackend.transact_write_items, ours, operations)
                assert told == outcome(MOTOS_OWN, motos, operations)
                assert content(ours) == content(motos)
                if told:
                    assert content(ours) == before

    def test_that_fail_leave_everything_as_it_was(self) -> None:
        put = [operation("Put", {"pk": {"S": pk}, "sk": {"S": "x"}}, {"L": [{"N": "1"}]}, {}) for pk in "ab"]
        grow = operation("Append", {"pk": {"S": "a"}, "sk": {"S": "x"}}, {"L": [{"N": "2"}]}, {})
        new = operation("Put", {"pk": {"S": "c"}, "sk": {"S": "x"}}, {"N": "1"}, {})
        taken = {"ConditionExpression": "attribute_not_exists(pk)"}
        fail = operation("ConditionCheck", {"pk": {"S": "b"}, "sk": {"S": "x"}}, {}, taken)
        with cheap():
            made = backend()
            made.transact_write_items(put)
            before = content(made)
            assert "ConditionalCheckFailed" in outcome(type(made).transact_write_items, made, [grow, new, fail])
            assert content(made) == before
            made.transact_write_items([grow, new])
            assert len(content(made)) == 3

    @pytest.mark.parametrize("where", ["end", "start"])
    def test_copy_the_items_they_name_and_not_the_table(self, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
        copied: list[Item] = []
        original = Item.__deepcopy__

        def counting(item: Item, memo: dict[int, Any]) -> Item:
            copied.append(item)
            return original(item, memo)

        monkeypatch.setattr(Item, "__deepcopy__", counting)
        number = 1999 if where == "end" else 0
        writes = [operation("Update", {"pk": {"S": f"p{number}"}, "sk": {"S": "x"}}, {"N": "1"}, {})]
        with cheap():
            made = backend()
            for each in range(2000):
                made.put_item(TABLE, {"pk": {"S": f"p{each}"}, "sk": {"S": "x"}})
            copied.clear()
            made.transact_write_items(writes)
            assert 1 <= len(copied) <= 5
            copied.clear()
            MOTOS_OWN(made, writes)
            assert len(copied) >= 2000, "or else the seam is needed no more"

    def test_other_copies_of_a_table_stay_whole(self) -> None:
        with cheap():
            made = backend()
            made.transact_write_items([operation("Put", {"pk": {"S": "a"}, "sk": {"S": "x"}}, {"N": "1"}, {})])
            backup = dynamodb.copy.deepcopy(made.tables[TABLE])
            made.transact_write_items([operation("Update", {"pk": {"S": "a"}, "sk": {"S": "x"}}, {"N": "2"}, {})])
            [partition] = backup.items.values()
            assert partition[next(iter(partition))].to_json()["Attributes"]["v"] == {"N": "1"}

    @pytest.mark.parametrize(
        ("hash_name", "hash_type", "item"),
        [
            ("id", "S", {"id": {"S": "a"}, "sk": {"S": "x"}, "pk": {"S": "another"}}),
            ("pk", "N", {"pk": {"N": "1"}, "sk": {"S": "x"}}),
        ],
    )
    def test_of_peoples_own_tables_roll_back_too(self, hash_name: str, hash_type: str, item: dict[str, Any]) -> None:
        there = {"ConditionExpression": f"attribute_exists({hash_name})"}
        fail = {"Put": {"TableName": TABLE, "Item": {**item, "sk": {"S": "y"}}, **there}}
        with cheap():
            made = backend(hash_name, hash_type)
            made.put_item(TABLE, item)
            before = content(made)
            change = {"Put": {"TableName": TABLE, "Item": {**item, "v": {"N": "2"}}}}
            assert "ConditionalCheckFailed" in outcome(type(made).transact_write_items, made, [change, fail])
            assert content(made) == before

    def test_are_put_in_place_once(self) -> None:
        with cheap():
            once = dynamodb.DynamoDBBackend.transact_write_items
            seams.cheap_transactions()
            assert dynamodb.DynamoDBBackend.transact_write_items is once


@pytest.fixture
def kept() -> Iterator[None]:
    backend: Any = instances.InstanceBackend
    original = backend.modify_instance_metadata_options
    seams.kept_metadata_options()
    yield
    backend.modify_instance_metadata_options = original


@pytest.fixture
def instance(account: TestAccount) -> Callable[..., dict[str, Any]]:
    """Modify the metadata options of an instance; returns them as they are then."""
    ec2 = account.client("ec2")
    image = ec2.register_image(Name="web", RootDeviceName="/dev/xvda")["ImageId"]
    options = {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "InstanceMetadataTags": "enabled"}
    launched = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, MetadataOptions=options)
    name = launched["Instances"][0]["InstanceId"]

    def modify(**changes: Any) -> dict[str, Any]:
        if changes:
            ec2.modify_instance_metadata_options(InstanceId=name, **changes)
        [reservation] = ec2.describe_instances(InstanceIds=[name])["Reservations"]
        found: dict[str, Any] = reservation["Instances"][0]["MetadataOptions"]
        return found

    return modify


class TestKeptMetadataOptions:
    @pytest.mark.usefixtures("kept")
    @pytest.mark.parametrize(
        "change",
        [
            {"HttpTokens": "optional"},
            {"HttpPutResponseHopLimit": 3},
            {"HttpEndpoint": "disabled"},
            {"HttpProtocolIpv6": "enabled"},
            {"InstanceMetadataTags": "disabled"},
            {"HttpTokens": "optional", "HttpPutResponseHopLimit": 1},
        ],
        ids=lambda change: "-".join(change),
    )
    def test_what_a_call_does_not_name_stays(
        self, instance: Callable[..., dict[str, Any]], change: dict[str, Any]
    ) -> None:
        before = instance()
        assert instance(**change) == {**before, **change}

    def test_without_the_seam_it_would_not(self, instance: Callable[..., dict[str, Any]]) -> None:
        before = instance()
        assert instance(HttpTokens="optional") != {**before, "HttpTokens": "optional"}, "the seam is needed no more"

    def test_is_put_in_place_once(self, kept: None) -> None:
        once = instances.InstanceBackend.modify_instance_metadata_options
        seams.kept_metadata_options()
        assert instances.InstanceBackend.modify_instance_metadata_options is once


@pytest.fixture
def database(account: TestAccount) -> Callable[..., list[Any]]:
    """Create a DB instance; returns what RDS says of its access, at once and when it is asked."""
    rds = account.client("rds")

    def create(**more: Any) -> list[Any]:
        wanted = {"DBInstanceIdentifier": "orders", "Engine": "postgres", "DBInstanceClass": "db.t4g.micro"}
        user = {"MasterUsername": "orders", "MasterUserPassword": "synthetic-1", "AllocatedStorage": 20}
        made = rds.create_db_instance(**wanted, **user, **more)["DBInstance"]
        found = rds.describe_db_instances(DBInstanceIdentifier="orders")["DBInstances"]
        return [one.get("PubliclyAccessible") for one in (made, *found)]

    return create


class TestToldAccess:
    @pytest.mark.parametrize(
        ("asked", "public"), [({}, False), ({"PubliclyAccessible": False}, False), ({"PubliclyAccessible": True}, True)]
    )
    def test_every_database_says_whether_it_is_public(
        self, database: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch, asked: dict[str, bool], public: bool
    ) -> None:
        # Set, so that it is taken back.
        monkeypatch.setattr(DBInstance, "__init__", DBInstance.__init__)
        seams.told_access()
        once = DBInstance.__init__
        seams.told_access()
        assert DBInstance.__init__ is once
        assert database(**asked) == [public, public]

    def test_without_the_seam_it_would_not(self, database: Callable[..., list[Any]]) -> None:
        assert database() == [None, None], "the seam is needed no more"


@dataclass
class Busy:
    """A WSGI app that notes how many requests are in it at once, while it answers and while its body is read."""

    within: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    inner: Any = None

    def _stay(self) -> None:
        with self.lock:
            self.within += 1
            self.most = max(self.most, self.within)
        time.sleep(0.01)
        with self.lock:
            self.within -= 1

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        self._stay()
        return self._body(environ)

    def _body(self, environ: dict[str, Any]) -> Iterator[bytes]:
        self._stay()
        yield environ["PATH_INFO"].encode()


def ask_at_once(app: Any, count: int = 6) -> list[bytes]:
    answers: list[bytes] = []
    ready = threading.Barrier(count)

    def ask(number: int) -> None:
        ready.wait()
        answers.append(b"".join(app({"PATH_INFO": f"/{number}"}, print)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return sorted(answers)


class TestOneAtATime:
    def test_requests_run_one_after_another(self) -> None:
        alone, together = Busy(), Busy()
        expected = [f"/{number}".encode() for number in range(6)]
        assert ask_at_once(seams.OneAtATime(alone)) == expected
        assert ask_at_once(together) == expected
        assert alone.most == 1
        assert together.most > 1, "or else this proves nothing"

    def test_a_request_that_fails_lets_the_next_one_in(self) -> None:
        def breaks(environ: dict[str, Any], _start: Any) -> list[bytes]:
            if environ["PATH_INFO"] == "/0":
                raise ZeroDivisionError
            return [b"fine"]

        app = seams.OneAtATime(breaks)
        with pytest.raises(ZeroDivisionError):
            app({"PATH_INFO": "/0"}, print)
        assert aside(lambda: app({"PATH_INFO": "/1"}, print)) == [b"fine"]

    def test_a_request_may_make_another(self) -> None:
        def nests(environ: dict[str, Any], start: Any) -> Any:
            return [b"inner"] if environ.get("inner") else app({"inner": True}, start)

        app = seams.OneAtATime(nests)
        assert aside(lambda: app({}, print)) == [b"inner"]


def aside(ask: Callable[[], Any]) -> Any:
    """What another thread is answered; a thread that waits for a lock for ever fails the test, and does not hang it."""
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(ask()), daemon=True)
    thread.start()
    thread.join(10)
    assert answers, "the lock is held still"
    return answers[0]


@pytest.fixture
def judged() -> Iterator[Callable[..., str]]:
    """What a bucket with a policy of some statements says of an action."""
    original = FakeBucket.get_permission
    seams.unread_conditions()

    def judge(action: str, *statements: dict[str, Any]) -> str:
        bucket = FakeBucket("evidence", ACCOUNT, REGION)
        deny = {"Effect": "Deny", "Principal": "*", "Resource": "arn:aws:s3:::evidence/*"}
        bucket.policy = json.dumps({"Statement": [{**deny, **one} for one in statements]}).encode()
        return str(bucket.get_permission(action, "arn:aws:s3:::evidence/a").name)

    yield judge
    FakeBucket.get_permission = original


def test_a_bucket_policy_does_not_deny_under_a_condition_that_moto_cannot_read(judged: Callable[..., str]) -> None:
    unsafe = {"Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    unlock = {"Action": "s3:DeleteObject"}
    assert judged("s3:PutObject") == "NEUTRAL"
    assert judged("s3:PutObject", unsafe) == "NEUTRAL"
    assert judged("s3:PutObject", unsafe, unlock) == "NEUTRAL"
    assert judged("s3:DeleteObject", unsafe, unlock) == "DENIED"
    assert judged("s3:PutObject", unsafe, {"Action": "s3:PutObject", "Effect": "Allow"}) == "PERMITTED"


def test_topics_deliver_to_the_addresses_that_a_message_is_for(
    account: TestAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Set, so that it is taken back.
    monkeypatch.setattr(Subscription, "publish", Subscription.publish)
    mails: list[tuple[str, ...]] = []
    for _ in range(2):
        seams.delivered_mail(lambda *mail: mails.append(mail))
    sns, sqs = account.client("sns"), account.client("sqs")
    topic = sns.create_topic(Name="email")["TopicArn"]
    for address in ("a@example.com", "b@example.com"):
        policy = {"FilterPolicy": json.dumps({"to": [address]})}
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address, Attributes=policy)
    queue = sqs.create_queue(QueueName="all")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    to = {"to": {"DataType": "String.Array", "StringValue": json.dumps(["b@example.com", "c@example.com"])}}
    sns.publish(TopicArn=topic, Subject="Down", Message="It is down.", MessageAttributes=to)
    assert mails == [("b@example.com", "email", "Down", "It is down.")]
    sns.publish(TopicArn=topic, Message="To nobody.")
    assert len(mails) == 1
    assert len(sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]) == 2


def test_a_queue_says_when_there_is_something_to_receive(account: TestAccount) -> None:
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="arrivals")["QueueUrl"]
    assert not seams.arrived(REGION, url, 0.01)
    threading.Timer(0.05, lambda: sqs.send_message(QueueUrl=url, MessageBody="{}")).start()
    began = time.monotonic()
    assert seams.arrived(REGION, url, 5.0)
    assert time.monotonic() - began < 4, "it wakes up at once"
    sqs.receive_message(QueueUrl=url)
    assert not seams.arrived(REGION, url, 0.01), "what somebody has in hand has not arrived"


def test_what_the_bus_delivers_is_not_delivered_by_moto_too(account: TestAccount) -> None:
    sqs, events = account.client("sqs"), account.client("events")
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("ours", "theirs")}
    events.put_rule(Name="rule", EventPattern=json.dumps({"source": ["shop"]}))
    targets = [{"Id": name, "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"} for name in urls]
    events.put_targets(Rule="rule", Targets=targets)
    put, send = EventsBackend.put_events, Rule._send_to_sqs_queue
    # Twice, as where two accounts are started one after the other.
    seams.put_events_once(frozenset({"others"}))
    seams.put_events_once(frozenset({"ours"}))
    try:
        answer = events.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": "{}"}])
    finally:
        EventsBackend.put_events, Rule._send_to_sqs_queue = put, send
    assert answer["FailedEntryCount"] == 0
    found = {name: len(sqs.receive_message(QueueUrl=url).get("Messages", [])) for name, url in urls.items()}
    assert found == {"ours": 0, "theirs": 1}


def test_lambda_tells_of_its_account(account: TestAccount) -> None:
    seams.account_settings()
    role = account.client("iam").create_role(RoleName="pay", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client = account.client("lambda")
    for name in ("pay", "tell"):
        client.create_function(
            FunctionName=name, Role=role, Runtime="python3.12", Code={"ZipFile": b"x"}, Handler="x.x"
        )
    client.put_function_concurrency(FunctionName="pay", ReservedConcurrentExecutions=120)
    found = client.get_account_settings()
    assert found["AccountLimit"]["ConcurrentExecutions"] == 1000
    assert found["AccountLimit"]["UnreservedConcurrentExecutions"] == 880
    assert found["AccountUsage"]["FunctionCount"] == 2
