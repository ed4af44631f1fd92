"""The matrix: every guardrail × every promise that it makes by being one."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path

import pytest

from chalicelib import registry
from chalicelib.events import parse, subjects
from chalicelib.model import MODES, ORIGINS, SEVERITIES, ParapetError
from chalicelib.registry import PATTERN_LENGTH, Guardrail
from deploy.rights import writes
from local.patterns import matches
from tests import alarmed
from tests.scenarios import REVERTS, SCENARIOS

TESTS = Path(__file__).parent
RAILS = registry.load()
every = pytest.mark.parametrize("rail", RAILS, ids=lambda rail: rail.name)
# Of those that alarms wake, tests/test_alarmed.py has the like.
called = pytest.mark.parametrize("rail", [rail for rail in RAILS if rail.called], ids=lambda rail: rail.name)


@every
def test_is_documented(rail: Guardrail) -> None:
    promise = rail.documentation.promise
    assert promise.endswith(".")
    assert " must" in promise
    for label in ("Why", "Fix", "Undo", "Mode", "Controls"):
        assert len(rail.documentation[label]) > 3, label


@every
def test_has_a_scenario_and_a_test_file(rail: Guardrail) -> None:
    names = [one.guardrail for one in (*SCENARIOS, *REVERTS)] + [one.guardrail for one in alarmed.every()]
    assert names.count(rail.name) == 1
    text = (TESTS / "guardrails" / f"test_{rail.name}.py").read_text("utf-8")
    functions = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert {name for name in functions if name.startswith("test_leaves_alone")}, "several near misses"
    assert {name for name in functions if name.startswith(("test_remedies", "test_tells"))}, "only the offending part"


@called
def test_has_a_sample_event_that_wakes_it_and_its_function(rail: Guardrail) -> None:
    sample = json.loads((TESTS / "events" / f"{rail.name}.json").read_text("utf-8"))
    event = parse(sample)
    paths = [path for woken, path in registry.woken([rail], event)]
    assert paths, "the sample does not wake its guardrail"
    assert subjects(event, paths[0]), "the sample does not name the resource"
    assert matches(registry.pattern(rail.service), sample)
    failed = {**sample, "detail": {**sample["detail"], "errorCode": "AccessDenied"}}
    assert not matches(registry.pattern(rail.service), failed)


@called
def test_the_sample_is_synthetic(rail: Guardrail) -> None:
    sample = json.loads((TESTS / "events" / f"{rail.name}.json").read_text("utf-8"))
    assert sample["account"] == "123456789012"
    assert sample["detail"]["sourceIPAddress"].startswith("198.51.100.")


@every
def test_modes_are_sensible(rail: Guardrail) -> None:
    assert rail.severity in SEVERITIES
    assert set(rail.default) == set(ORIGINS)
    for origin in ORIGINS:
        assert rail.default[origin] in MODES
        if not rail.can_fix:
            assert rail.default[origin] in ("off", "observe")
    order = MODES.index
    assert order(rail.default["sweep"]) <= order(rail.default["event"]), "a sweep never dares more than an event"


@every
def test_rights_fit_what_it_does(rail: Guardrail) -> None:
    assert all(":" in action and "*" not in action for action in rail.needs)
    if rail.can_fix:
        assert {action for action in rail.needs if writes(action)}
        assert rail.read is not None
    else:
        assert not {action for action in rail.needs if writes(action)}
    if rail.swept and not rail.event_born:
        assert rail.subjects is not None, "the sweep must be able to find what no event told"


@every
def test_is_small(rail: Guardrail) -> None:
    lines = inspect.getsource(inspect.getmodule(rail.check)).splitlines()  # type: ignore[arg-type]
    assert len(lines) <= 130, "a guardrail is one small file"


@pytest.mark.parametrize("service", registry.services())
def test_pattern_fits_eventbridge(service: str) -> None:
    assert len(json.dumps(registry.pattern(service))) <= PATTERN_LENGTH


def test_names_and_lookup() -> None:
    assert [rail.name for rail in RAILS] == list(registry.names())
    assert all(rail.service in registry.services() for rail in RAILS)
    with pytest.raises(ParapetError, match="there is no guardrail 'ec2_nonsense'"):
        registry.get("ec2_nonsense")


def test_a_function_imports_only_its_own_guardrails() -> None:
    import subprocess
    import sys

    code = (
        "import sys, chalicelib.functions.guard_kms; "
        "print([m for m in sys.modules if m.startswith('chalicelib.guardrails.')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=TESTS.parent)
    loaded = ast.literal_eval(found.stdout)
    assert loaded
    assert all(name.startswith("chalicelib.guardrails.kms_") for name in loaded)
