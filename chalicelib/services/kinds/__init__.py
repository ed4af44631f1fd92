"""What can be measured, a module for each kind; each tells what it takes and how it is measured.

A module has `KIND`; `find` imports it by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from chalicelib.services.model import Gauge, Measures, Metric, Sought, State, Target

# Which kinds there are: what one imports, one pays for at each cold start.
ENTRIES = (
    "alb", "api_rest", "api_http", "cloudfront", "cognito", "custom", "ecs", "health_check", "lambda_function",
    "sqs", "step_functions",
)  # fmt: skip
DEPENDENCIES = (
    "alb", "api_rest", "api_http", "aurora", "autoscaling", "cloudfront", "cognito", "dead_letters", "dynamodb", "ec2",
    "ecs", "eks", "elasticache", "lambda_function", "nat_gateway", "rds", "sns", "sqs", "step_functions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a target in the settings.

    Args:
        what: how errors describe it: "the load balancer as CloudWatch calls it, app/NAME/ID".
        pattern: what its text, or each text of a list or table, must match; empty: a number above 0.
        needed: whether there must be one.
        shape: `one`, a `list` of texts, a `table` of texts by name, or a `flag`, true or false.
    """

    what: str
    pattern: str = ""
    needed: bool = True
    shape: Literal["one", "list", "table", "flag"] = "one"


@dataclass(frozen=True)
class Kind:
    """A kind of entry or dependency.

    Args:
        name: as the settings have it.
        label: as people call it.
        fields: what identifies one, by key.
        measures: what is measured of one.
        title: which key is what people call one by.
        region: the only region that has its metrics, where there is one.
        checks: what is wrong about keys that do not go together, or an empty text.
    """

    name: str
    label: str
    fields: Mapping[str, Field]
    measures: Callable[[Target], Measures]
    title: str
    region: str = ""
    checks: Callable[[Mapping[str, object]], str] = field(default=lambda given: "")


class Naming(Protocol):
    """Whatever makes a metric of one namespace and the same dimensions."""

    def __call__(self, name: str, stat: str = "Sum") -> Metric:
        """Return a metric by its name."""
        ...


def find(name: str) -> Kind:
    """Return a kind by its name, which must be one of `ENTRIES` or `DEPENDENCIES`."""
    kind: Kind = importlib.import_module(f"{__name__}.{name}").KIND
    return kind


def measures(target: Target) -> Measures:
    """Return what is measured of a target."""
    return find(target.kind).measures(target)


def titled(target: Target) -> str:
    """Return what people call a target: the name of the resource."""
    kind = find(target.kind)
    # Of an ARN the name, of app/NAME/ID too.
    name = str(target.given[kind.title]).rsplit(":", 1)[-1].split("/")
    return f"{kind.label} {name[1] if len(name) == 3 else name[-1]}"


def naming(target: Target, namespace: str, *dimensions: tuple[str, str]) -> Naming:
    """Return what makes metrics of one namespace and the same dimensions, kept where a target is."""

    def metric(name: str, stat: str = "Sum") -> Metric:
        return Metric(namespace, name, dimensions, stat, target.region, target.account)

    return metric


def sought(target: Target, what: str) -> Sought:
    """Return a limit of a target that `services.limits` has to find."""
    where = (target.account, target.region, target.kind, str(target.given[find(target.kind).title]))
    return Sought(what, "/".join(filter(None, where)))


def share(name: str, label: str, metric: Metric, red: float, silent: State = "no_data") -> Gauge:
    """Return a gauge of something that is published in percent, bad from a share of 100 on."""
    return Gauge(name, label, metric, "percent", full=100.0, red=red, silent=silent)


def mishap(name: str, label: str, metric: Metric, red: float = 1) -> Gauge:
    """Return a gauge of something that is published only when it goes wrong, bad from so many in five minutes on."""
    return Gauge(name, label, metric, "count", red=red, silent="zero")
