"""The only place that makes AWS clients: one botocore session, one client per service, region and credentials.

botocore is used directly, because importing boto3 on top of it costs a cold start 30 ms and gives nothing
that is needed here (docs/performance.md).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import botocore
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import parse_timestamp

from chalicelib.model import Aws, AwsError

# An event is retried as a whole, so that a call gives up before its function's time is over.
CONFIG = Config(
    connect_timeout=2,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 2},
    # Tests cover what we send, and AWS checks it anyway.
    parameter_validation=False,
    # What CloudTrail shows of our calls; botocore would put its own together anew for every call.
    user_agent=f"parapet botocore/{botocore.__version__}",
)

Connect = Callable[[str, str], Any]
# One of EC2's takes 1.3 MB, and 6 ms to be made once its model is loaded.
KEPT = 64


@dataclass(frozen=True)
class Keys:
    """Credentials of a role that we have assumed, in botocore's words."""

    aws_access_key_id: str
    aws_secret_access_key: str = field(repr=False)
    aws_session_token: str = field(repr=False)


class ConnectAs(Protocol):
    """Whatever returns the client of a service in a region, with other credentials than our own if they are given."""

    def __call__(self, service: str, region: str, keys: Keys | None = None) -> Any:
        """Return a client."""
        ...


class Clients:
    """botocore clients by service, region and credentials, made when first used; the latest used are kept."""

    def __init__(self, session: botocore.session.Session) -> None:
        session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment)
        self._session = session
        self._clients: dict[tuple[str, str, Keys | None], Any] = {}
        # A session makes one client at a time.
        self._lock = threading.Lock()

    def __call__(self, service: str, region: str, keys: Keys | None = None) -> Any:
        """Return the client of a service in a region, with the environment's credentials or other ones."""
        key = (service, region, keys)
        with self._lock:
            client = self._clients.pop(key, None)
            if client is None:
                given = asdict(keys) if keys else {}
                client = self._session.create_client(service, region_name=region, config=CONFIG, **given)
            self._clients[key] = client
            if len(self._clients) > KEPT:
                del self._clients[next(iter(self._clients))]
            return client


def moment(value: Any) -> datetime:
    """Return a timestamp of an answer, in UTC: seconds, or ISO 8601; botocore takes 30 times as long for one.

    A month of fifty services' metrics has a hundred thousand of them.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return parse_timestamp(value)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return datetime.fromtimestamp(value, UTC)


class AccountAws:
    """AWS calls in one account and region, with errors as `AwsError`."""

    def __init__(self, connect: Connect, account: str, region: str) -> None:
        self._connect = connect
        self.account = account
        self.region = region

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        """Return the answer of one call; an error code in `absent` answers `{}`; raises AwsError otherwise."""
        client = self._connect(service, self.region)
        try:
            answer: dict[str, Any] = getattr(client, operation)(**params)
        except (ClientError, BotoCoreError) as error:
            problem = self.problem(client, service, operation, error)
            if problem.code in absent:
                return {}
            raise problem from error
        answer.pop("ResponseMetadata", None)
        return answer

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        """Return the items under `key` from every page; raises AwsError."""
        client = self._connect(service, self.region)
        if not client.can_paginate(operation):
            return list(self(service, operation, **params).get(key) or [])
        try:
            pages = client.get_paginator(operation).paginate(**params)
            return [item for page in pages for item in page.get(key) or []]
        except (ClientError, BotoCoreError) as error:
            raise self.problem(client, service, operation, error) from error

    def problem(self, client: Any, service: str, operation: str, error: Exception) -> AwsError:
        """Return what a call answered, or botocore raised, as an error."""
        action = f"{service}:{client.meta.method_to_api_mapping[operation]}"
        if isinstance(error, ClientError):
            answer = error.response.get("Error", {})
            return AwsError(action, str(answer.get("Code", "Unknown")), str(answer.get("Message", "")))
        return AwsError(action, type(error).__name__.removesuffix("Error"), str(error))


class Remembering:
    """Reads within one event, each made once: guardrails that look at the same thing share the answer."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._answers: dict[str, Any] = {}
        self.account = aws.account
        self.region = aws.region

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        """Return the answer of a read, from memory when it was made before; raises AwsError."""
        key = json.dumps(["", service, operation, list(absent), params], sort_keys=True)
        if key not in self._answers:
            self._answers[key] = self._aws(service, operation, absent=absent, **params)
        return dict(self._answers[key])

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        """Return every page's items, from memory when they were read before; raises AwsError."""
        name = json.dumps([key, service, operation, params], sort_keys=True)
        if name not in self._answers:
            self._answers[name] = self._aws.all(service, operation, key, **params)
        return list(self._answers[name])
