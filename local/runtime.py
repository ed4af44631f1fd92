"""Lambda on the laptop: the deployed handlers, invoked as Lambda invokes them, each under its own role."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

import botocore.session
from botocore.credentials import CredentialProvider, Credentials

from chalicelib import telemetry
from local.deployment import Function

# Lambda waits one minute, then two; a person at a terminal should not.
RETRY_AFTER = (1.0, 2.0)

_role: ContextVar[str] = ContextVar("role", default="")


class RoleCredentials(Credentials):
    """The credentials of whichever function runs in this thread."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__("unused", "unused", None)
        self._keys = keys

    def get_frozen_credentials(self) -> Any:
        """Return the keys of the function at work; a call outside any function has none and is refused."""
        role = _role.get()
        if role not in self._keys:
            raise RuntimeError("an AWS call of ours was made outside any function")
        return Credentials(self._keys[role], "local", "local").get_frozen_credentials()


class _Provider(CredentialProvider):
    METHOD = "parapet-local"

    def __init__(self, credentials: RoleCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> RoleCredentials:
        return self._credentials


def session(keys: Mapping[str, str]) -> botocore.session.Session:
    """Return a session whose calls are signed by the role of the function that makes them.

    Args:
        keys: access key by function name.
    """
    made: Any = botocore.session.Session()
    resolver = made.get_component("credential_provider")
    resolver.insert_before("env", _Provider(RoleCredentials(keys)))
    made.register("before-send.s3-control", without_account)
    done: botocore.session.Session = made
    return done


def without_account(request: Any, **_: Any) -> None:
    """Take the account out of an S3 Control call's host name, which no laptop can resolve; the header has it too."""
    scheme, _, rest = request.url.partition("://")
    label, _, remainder = rest.partition(".")
    if label.isdigit() and len(label) == 12:
        request.url = f"{scheme}://{remainder}"


@dataclass(frozen=True)
class Context:
    """What Lambda hands to a handler beside the event."""

    function_name: str
    invoked_function_arn: str
    aws_request_id: str
    deadline: float
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = "512"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before Lambda would end the invocation."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


Destination = Callable[[Function, dict[str, Any]], None]


class Lambdas:
    """Invokes functions: at once with an answer, or asynchronously with Lambda's retries and failure destination."""

    def __init__(
        self,
        account: str,
        region: str,
        retries: int,
        failed: Destination,
        complain: Callable[[str], None],
        retry_after: tuple[float, ...] = RETRY_AFTER,
        log: TextIO | None = None,
    ) -> None:
        self._account, self._region, self._retries = account, region, retries
        self._failed, self._complain, self._retry_after, self._log = failed, complain, retry_after, log
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="lambda")
        self._stopping = threading.Event()
        self._closing = threading.Lock()

    def invoke(self, function: Function, event: Any, request: str = "") -> Any:
        """Run a function and return its answer; raises whatever it raises."""
        token, stream = _role.set(function.name), telemetry.stream.set(self._log)
        try:
            context = Context(
                function.name,
                f"arn:aws:lambda:{self._region}:{self._account}:function:{function.name}",
                request or str(uuid.uuid4()),
                time.monotonic() + function.timeout,
            )
            # A copy through JSON: what Lambda hands over is never shared with the sender.
            return function.handler(json.loads(json.dumps(event)), context)
        finally:
            telemetry.stream.reset(stream)
            _role.reset(token)

    def send(self, function: Function, event: Any) -> None:
        """Invoke a function asynchronously."""
        self._submit(function, event, str(uuid.uuid4()), 0)

    def stop(self) -> None:
        """Let what runs come to its end, and start nothing more."""
        with self._closing:
            self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, function: Function, event: Any, request: str, attempt: int) -> None:
        with self._closing:
            if not self._stopping.is_set():
                self._pool.submit(self._attempt, function, event, request, attempt)

    def _attempt(self, function: Function, event: Any, request: str, attempt: int) -> None:
        try:
            self.invoke(function, event, request)
        except Exception as error:  # Lambda, too, catches everything, and tries again
            if self._stopping.is_set():
                return
            if attempt < self._retries:
                wait = self._retry_after[min(attempt, len(self._retry_after) - 1)]
                self._complain(f"{function.name}: {type(error).__name__}: {error} (again in {wait:.0f} s)")
                timer = threading.Timer(wait, self._submit, (function, event, request, attempt + 1))
                timer.daemon = True
                timer.start()
            else:
                self._complain(f"{function.name} gave up: {type(error).__name__}: {error}")
                self._give_up(function, event, request, attempt, error)

    def _give_up(self, function: Function, event: Any, request: str, attempt: int, error: Exception) -> None:
        record = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": request,
                "functionArn": f"arn:aws:lambda:{self._region}:{self._account}:function:{function.name}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempt + 1,
            },
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": str(error), "errorType": type(error).__name__},
        }
        token = _role.set(function.name)
        try:
            self._failed(function, record)
        except Exception as problem:  # the last resort is the terminal
            self._complain(f"{function.name}: its failure could not be sent on: {problem}; it was: {record}")
        finally:
            _role.reset(token)
