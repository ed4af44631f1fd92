"""Where moto is bent: the few places in which it is slower or poorer than an account, each with its reason."""

from __future__ import annotations

import copy
import functools
import json
import threading
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import botocore.loaders
import botocore.session
from moto.awslambda import urls
from moto.awslambda.responses import LambdaResponse
from moto.backends import get_backend
from moto.core.responses import ActionResult
from moto.dynamodb import models as dynamodb
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.ec2.models import instances
from moto.events.models import EventsBackend, Rule
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.rds.models import DBInstance
from moto.s3.models import FakeBucket
from moto.sns.models import Subscription

# moto's parameter -> the attribute that holds it.
OPTIONS = {
    "http_tokens": "http_tokens",
    "hop_limit": "http_put_response_hop_limit",
    "http_endpoint": "http_endpoint",
    "http_protocol": "http_protocol_ipv6",
    "metadata_tags": "instance_metadata_tags",
}

# What Lambda gives an account that has asked for no more.
EXECUTIONS, CODE, ZIPPED, UNZIPPED = 1000, 80_530_636_800, 52_428_800, 262_144_000

_named = threading.local()


def shared_models() -> None:
    """Have botocore's sessions read each service's description once: there are many, and EC2's alone has 30 MB."""
    if botocore.session.create_loader is botocore.loaders.create_loader:
        botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)


def cheap_transactions() -> None:
    """Have DynamoDB transactions back up the items they name, not a deep copy of the whole table each time."""
    if hasattr(dynamodb.copy, "of_transactions"):
        return
    original = dynamodb.DynamoDBBackend.transact_write_items

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        _named.operations = [next(iter(item.values())) for item in transact_items]
        try:
            original(self, transact_items)
        finally:
            _named.operations = []

    dynamodb.DynamoDBBackend.transact_write_items = transact_write_items
    dynamodb.copy = SimpleNamespace(
        deepcopy=_deepcopy, copy=copy.copy, of_transactions=True, replace=getattr(copy, "replace", None)
    )


def kept_metadata_options() -> None:
    """Have ModifyInstanceMetadataOptions change what it names and keep the rest, as EC2 does."""
    backend = instances.InstanceBackend
    original = backend.modify_instance_metadata_options
    if getattr(original, "keeps_the_rest", False):
        return

    def modify_instance_metadata_options(self: Any, instance_id: str, **given: Any) -> Any:
        now = self.get_instance(instance_id).metadata_options
        kept = {name: getattr(now, attribute, None) for name, attribute in OPTIONS.items()}
        return original(self, instance_id, **{name: given.get(name) or value for name, value in kept.items()})

    modify_instance_metadata_options.keeps_the_rest = True  # type: ignore[attr-defined]
    backend.modify_instance_metadata_options = modify_instance_metadata_options


def told_access() -> None:
    """Have every DB instance say whether it is public, as RDS does: moto says nothing of one that was not asked to be.

    What RDS chooses where nobody says depends on the subnet group and its VPC; here such an instance is private.
    """
    original = DBInstance.__init__
    if getattr(original, "tells", False):
        return

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807
        original(self, *given, **named)
        self.publicly_accessible = bool(self.publicly_accessible)

    __init__.tells = True  # type: ignore[attr-defined]
    DBInstance.__init__ = __init__


def unread_conditions() -> None:
    """Have bucket policies judge by what has no condition: moto reads none, and would deny what is allowed.

    What our functions may is judged by `local/iam`, conditions included.
    """

    def get_permission(self: Any, action: str, resource: str) -> PermissionResult:
        statements = json.loads(self.policy)["Statement"] if self.policy else []
        every = statements if isinstance(statements, list) else [statements]
        plain = [one for one in every if not one.get("Condition")]
        policy = IAMPolicy(json.dumps({"Version": "2012-10-17", "Statement": plain}))
        return policy.is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission


def account_settings() -> None:
    """Have Lambda tell of its account's limits (GetAccountSettings), which moto does not: AWS's defaults."""

    def get_account_settings(self: Any) -> ActionResult:
        functions = list(self.backend.list_functions())
        reserved = sum(int(one.reserved_concurrency or 0) for one in functions)
        limit = {
            "TotalCodeSize": CODE, "CodeSizeUnzipped": UNZIPPED, "CodeSizeZipped": ZIPPED,
            "ConcurrentExecutions": EXECUTIONS, "UnreservedConcurrentExecutions": EXECUTIONS - reserved,
        }  # fmt: skip
        size = sum(one.code_size for one in functions)
        return ActionResult(
            {"AccountLimit": limit, "AccountUsage": {"TotalCodeSize": size, "FunctionCount": len(functions)}}
        )

    LambdaResponse.get_account_settings = get_account_settings
    urls.url_paths[r"{0}/(?P<api_version>[^/]+)/account-settings/?$"] = LambdaResponse.dispatch


def delivered_mail(deliver: Callable[[str, str, str, str], object]) -> None:
    """Have SNS deliver to e-mail addresses (to whom, topic's name, subject, text), which moto does not.

    Every address counts as confirmed: nobody here could press the link.
    """
    original = getattr(Subscription.publish, "original", Subscription.publish)

    def publish(self: Any, message: str, message_id: str, subject: str | None = None, **given: Any) -> None:
        if self.protocol != "email":
            original(self, message, message_id, subject=subject, **given)
            return
        matcher = self._filter_policy_matcher
        if matcher is None or matcher.matches(given.get("message_attributes") or {}, message):
            deliver(self.endpoint, self.topic.name, subject or "", message)

    publish.original = original  # type: ignore[attr-defined]
    Subscription.publish = publish


def put_events_once(queues: frozenset[str]) -> None:
    """Have PutEvents put nothing into some queues, by name: moto would, and the local bus fills them already."""
    put = getattr(EventsBackend.put_events, "original", EventsBackend.put_events)
    send = getattr(Rule._send_to_sqs_queue, "original", Rule._send_to_sqs_queue)

    def put_events(self: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        _named.putting = True
        try:
            return list(put(self, events))
        finally:
            _named.putting = False

    def send_to_sqs_queue(self: Any, resource_id: str, *given: Any, **named: Any) -> None:
        if not (getattr(_named, "putting", False) and resource_id in queues):
            send(self, resource_id, *given, **named)

    put_events.original = put  # type: ignore[attr-defined]
    send_to_sqs_queue.original = send  # type: ignore[attr-defined]
    EventsBackend.put_events, Rule._send_to_sqs_queue = put_events, send_to_sqs_queue


def arrived(region: str, url: str, seconds: float = 0.25) -> bool:
    """Wait a moment for a queue to have something: asking moto over the wire all the time would heat the laptop."""
    account, name = url.rsplit("/", 2)[-2:]
    queue = get_backend("sqs")[account][region].get_queue(name)
    queue.wait_for_messages(seconds)
    return bool(queue.messages)


def _deepcopy(value: Any) -> Any:
    operations = [one for one in getattr(_named, "operations", []) if isinstance(one, dict)]
    if not isinstance(value, Table) or not operations:
        return copy.deepcopy(value)
    keys = [one.get("Key") or one.get("Item") or {} for one in operations if one.get("TableName") == value.name]
    if not all(value.hash_key_attr in key for key in keys):
        return copy.deepcopy(value)
    named = {DynamoType(key[value.hash_key_attr]) for key in keys}
    backup = copy.copy(value)
    backup.items = type(value.items)(value.items.default_factory)
    for partition, content in value.items.items():
        backup.items[partition] = copy.deepcopy(content) if partition in named else content
    return backup


class OneAtATime:
    """A WSGI application whose requests run one after another: moto's own state takes no locks."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app
        self.lock = threading.RLock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        with self.lock:
            return list(self._app(environ, start_response))
