"""What goes over botocore's wire in a test: every call is seen, and one of them can be made to fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import botocore.session
from botocore.exceptions import ClientError, ReadTimeoutError

Fault = Literal[
    "crash before", "crash after", "throttle", "timeout before", "timeout after", "deny", "not yet", "stopping"
]
FAULTS: tuple[Fault, ...] = (
    "crash before", "crash after", "throttle", "timeout before", "timeout after", "deny",
)  # fmt: skip


class Crash(BaseException):
    """The function was killed: nothing catches this."""


@dataclass
class Made:
    """One call that was made, and where; `done` once AWS has answered that it took effect."""

    service: str
    operation: str
    region: str
    done: bool = False

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"


class Wire:
    """Registered once with the shared sessions; a test arms it."""

    def __init__(self, *sessions: botocore.session.Session) -> None:
        self.calls: list[Made] = []
        self._start = 0
        self._fault: Callable[[int, Made], Fault | None] = lambda _number, _made: None
        self.armed = False
        for session in sessions:
            hooks: Any = session
            hooks.register("before-call.*.*", self._before)
            hooks.register("after-call.*.*", self._after)

    def reset(self) -> None:
        self.calls, self.armed = [], False
        self._fault = lambda _number, _made: None

    def fail(self, when: Callable[[int, Made], Fault | None]) -> None:
        """From now on, calls fail as `when` says; it gets the number of the call (from 0) and the call."""
        self._start, self._fault, self.armed = len(self.calls), when, True

    def calm(self) -> None:
        self.armed = False

    def _before(self, model: Any, context: Any, **_: Any) -> None:
        made = Made(model.service_model.service_name, model.name, context["client_region"])
        self.calls.append(made)
        fault = self._fault(len(self.calls) - 1 - self._start, made) if self.armed else None
        if fault == "crash before":
            raise Crash(made.name)
        if fault == "throttle":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, model.name)
        if fault == "not yet":
            raise ClientError({"Error": {"Code": "InvalidDBInstanceState", "Message": "creating"}}, model.name)
        if fault == "stopping":
            raise ClientError({"Error": {"Code": "IncorrectInstanceState", "Message": "stopping"}}, model.name)
        if fault == "deny":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, model.name)
        if fault == "timeout before":
            raise ReadTimeoutError(endpoint_url=f"https://{made.service}.test")

    def _after(self, http_response: Any, **_: Any) -> None:
        number, made = len(self.calls) - 1, self.calls[-1]
        made.done = http_response.status_code < 300
        fault = self._fault(number - self._start, made) if self.armed else None
        if fault == "crash after":
            raise Crash(made.name)
        if fault == "timeout after":
            raise ReadTimeoutError(endpoint_url=f"https://{made.service}.test")
