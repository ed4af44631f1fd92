"""Arbitrary mutations of real event shapes: only our declared errors, and never a fix on an innocent resource."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import registry
from chalicelib.events import parse
from chalicelib.model import ParapetError
from chalicelib.registry import Guardrail
from tests.account import TestAccount
from tests.scenarios import SCENARIOS

pytestmark = pytest.mark.usefixtures("in_memory")
EVENTS = Path(__file__).parent / "events"
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    if at:
        yield at
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in children:
        yield from paths(inner, (*at, key))


def mutate(document: Any, draw: Any) -> Any:
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 4))):
        places = list(paths(document))
        if not places:
            return document
        *parents, last = draw(st.sampled_from(places))
        node = document
        for key in parents:
            node = node[key]
        if draw(st.booleans()):
            node[last] = draw(JUNK)
        else:
            del node[last]
    return document


def sample(rail: Guardrail) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{rail.name}.json").read_text("utf-8"))
    return loaded


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.guardrail)
def test_innocent_resources_stay_as_they_are(account: TestAccount, scenario: Any) -> None:
    account.enforce()
    rail = registry.get(scenario.guardrail)
    resource = scenario.build(account)
    innocent = scenario.state(account, resource)
    real = json.dumps(sample(rail)).replace("RESOURCE", resource)

    @given(st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def mutations(data: Any) -> None:
        raw = mutate(json.loads(real), data.draw)
        account.wire.reset()
        try:
            account.pipeline(rail.service).handle(parse(raw), "r")
        except ParapetError as error:
            assert str(error)
        changed = [made for made in account.wire.calls if made.service not in ("dynamodb", "sqs") and _writes(made)]
        assert changed == []

    mutations()
    assert scenario.state(account, resource) == innocent


def _writes(made: Any) -> bool:
    return not made.operation.startswith(("Describe", "Get", "List", "Head"))


@pytest.mark.parametrize("size", [262_144])
def test_the_largest_event_that_eventbridge_carries(account: TestAccount, size: int) -> None:
    rail = registry.get("ec2_security_group_open")
    raw = sample(rail)
    items = raw["detail"]["requestParameters"].setdefault("ipPermissions", {}).setdefault("items", [])
    while len(json.dumps(raw)) < size:
        items.append({"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": [{"cidrIp": "::/0"}]}})
    assert account.deliver(raw) == []
