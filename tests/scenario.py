"""What every guardrail's tests bring: an innocent resource, the dangerous change, and how the state is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.account import TestAccount


@dataclass(frozen=True)
class Scenario:
    """One guardrail's dangerous change on moto.

    Args:
        guardrail: its name.
        build: makes an innocent resource and returns its id, as findings name it.
        breach: makes the dangerous change with boto3 and returns the event that CloudTrail makes of it.
        state: what people see of the resource, without what AWS assigns anew.
        also: the same promise broken in another way, each in an account of its own.
    """

    guardrail: str
    build: Callable[[TestAccount], str]
    breach: Callable[[TestAccount, str], dict[str, Any]]
    state: Callable[[TestAccount, str], Any]
    also: tuple[Scenario, ...] = ()
