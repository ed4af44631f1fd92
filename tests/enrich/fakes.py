"""An account that answers what a test says, and alarms that fire in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.alerts.signal import Alarm, Signal
from chalicelib.model import AwsError, Destination, Notice
from tests.samples import ACCOUNT, REGION

NOW = 1_795_000_200.0
SINCE = NOW - 600
NAME = "checkout-errors"
ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{NAME}"
Answer = Any | Callable[[Mapping[str, Any]], Any] | Exception


@dataclass
class FakeAws:
    """Answers calls by their names: with a value, with what a function makes of the parameters, or with an error."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    account: str = ACCOUNT
    region: str = REGION
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        name = f"{service}:{operation}"
        self.calls.append((name, params))
        answer = self.answers[name]
        found = answer(params) if callable(answer) else answer
        if isinstance(found, Exception):
            raise found
        return dict(found)

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self(service, operation, **params)[key])

    def made(self, name: str) -> list[Mapping[str, Any]]:
        """The parameters of all calls of a name."""
        return [params for called, params in self.calls if called == name]


def denied(action: str) -> AwsError:
    return AwsError(action, "AccessDenied", f"User: arn:aws:sts::{ACCOUNT}:assumed-role/x is not authorized")


def query(name: str = "m1", metric: str = "Errors", stat: str = "Sum", **more: Any) -> dict[str, Any]:
    """One metric as `GetMetricData` takes it."""
    dimensions = [{"Name": "FunctionName", "Value": "checkout"}]
    of = {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": of, "Period": 60, "Stat": stat}, **more}


ALARM = Alarm(
    ARN, "metric", (query(),), 5.0, "GreaterThanThreshold", 60, {"FunctionName": "checkout"}, (), "Threshold Crossed"
)
SIGNAL = Signal(
    "signal-1", "alarm", f"alarm:{ARN}", "firing", "high", NAME, "checkout fails", ("Threshold Crossed",),
    (("Threshold", "5"),), NOW, SINCE, ACCOUNT, REGION, ARN, "checkout", {"team": "shop"}, (), ALARM,
)  # fmt: skip


def signal(**changes: Any) -> Signal:
    """The signal of an alarm, with some changes to its alarm, and others to itself."""
    alarm = {name: changes.pop(name) for name in list(changes) if name in Alarm.__slots__ and name != "log_groups"}
    return replace(SIGNAL, alarm=replace(ALARM, **alarm), **changes)


def notice(**changes: Any) -> Notice:
    """The notice that told of the signal."""
    made = Notice(
        "a-1234abcd:1:firing", "a-1234abcd:1", "alert", "high", "firing", SIGNAL.title, SIGNAL.lines, SIGNAL.facts,
        NOW, alert="a-1234abcd", question=1, source="alarm", name=NAME, account=ACCOUNT, region=REGION,
        resource=ARN, since=SINCE, page="trigger", destination=Destination("#oncall", "default", ("a@example.com",)),
        fingerprint="a-1234abcd:1", actions=("acknowledge",), loud=True,
    )  # fmt: skip
    return replace(made, **changes)
