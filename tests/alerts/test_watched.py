"""Which of AWS's events are asked for: what the corpus has of a source, and nobody else's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.alerts import watched
from chalicelib.alerts.parse import EVENTS, reader
from chalicelib.alerts.watched import LONGEST_PATTERN, NAMES, WATCHED
from chalicelib.section import SettingsError
from deploy.resources import rules
from local.patterns import matches
from tests.alerts import corpus
from tests.alerts.corpus import signal

# An alarm that is gone is asked for whatever the sources.
DELETED = {"alarm-event-deleted", "alarm-event-deleted-composite"}
# What the corpus shows, and no rule asks for: noise.
UNASKED = {
    *DELETED, "broken-alarm-changed",
    "access-analyzer-unused", "unknown-event", "unknown-custom-source", "broken-ecs",
    # Only a passed one is asked for whatever its severity.
    *(name for name in corpus.EVENTS if name.startswith("unasked-")),
}  # fmt: skip


def load(text: str, tmp_path: Path) -> settings.Settings:
    file = tmp_path / "parapet.toml"
    file.write_text(text, "utf-8")
    return settings.load({}, [], [], file)


@pytest.mark.parametrize("name", corpus.EVENTS)
def test_an_event_is_asked_for_by_its_own_source_and_no_other(name: str) -> None:
    asking = [source.name for source in WATCHED if matches(source.pattern, corpus.EVENTS[name])]
    assert asking == ([] if name in UNASKED else [signal(name).source])


@pytest.mark.parametrize("source", WATCHED, ids=NAMES)
def test_every_source_has_what_begins_and_what_ends(source: watched.Source) -> None:
    mine = [name for name, one in corpus.EVENTS.items() if matches(source.pattern, one)]
    states = {signal(name).state for name in mine}
    assert states & {"firing", "told"}
    # GuardDuty says so only of what somebody has archived.
    assert ("resolved" in states) is bool(source.resolves) or source.name == "guardduty"


def test_an_alarm_that_was_deleted_is_asked_for_whatever_the_sources(tmp_path: Path) -> None:
    made = rules.resources(load("[alerts]\nsources = []", tmp_path))
    pattern = made["AlertDeletedRule"]["Properties"]["EventPattern"]
    assert {name for name, one in corpus.EVENTS.items() if matches(pattern, one)} == DELETED
    assert {EVENTS[kind][0] for kind in kinds(pattern)} == {"alarm"}


def kinds(pattern: Any) -> list[tuple[str, str]]:
    parts = pattern.get("$or", [pattern])
    return [(source, kind) for part in parts for source in part["source"] for kind in part["detail-type"]]


def test_whatever_is_asked_for_is_understood() -> None:
    for source in WATCHED:
        for kind in kinds(source.pattern):
            assert EVENTS[kind][0] == source.name
    assert all(callable(reader(name)) for _, name in EVENTS.values())


def test_noise_is_not_watched_by_default() -> None:
    assert {one.name for one in WATCHED if not one.default} == {"alarm", "config", "codebuild", "ec2", "inspector"}


def test_a_few_rules_hold_all_of_them() -> None:
    for sources in (watched.chosen(None), WATCHED, WATCHED[::-1], WATCHED[3:9]):
        groups = list(watched.grouped(sources))
        assert [name for names, _ in groups for name in names] == [one.name for one in sources]
        assert all(watched.length(pattern) <= LONGEST_PATTERN for _, pattern in groups)
        assert len(groups) <= 3
        for event in corpus.EVENTS.values():
            alone = any(matches(one.pattern, event) for one in sources)
            assert any(matches(pattern, event) for _, pattern in groups) is alone
    assert list(watched.grouped([])) == []


class TestSettings:
    def test_by_default_the_defaults(self, tmp_path: Path) -> None:
        found = load("", tmp_path)
        assert (found.sources, found.severities, found.events) == (None, {}, ())
        assert [one.name for one in watched.chosen(found.sources)] == [one.name for one in WATCHED if one.default]

    def test_choose(self, tmp_path: Path) -> None:
        only = load('[alerts]\nsources = ["ec2", "health"]', tmp_path)
        assert [one.name for one in watched.chosen(only.sources)] == ["health", "ec2"]
        more = load('[alerts]\nsources = ["default", "ec2"]', tmp_path)
        assert {one.name for one in watched.chosen(more.sources)} - {"ec2"} == {
            one.name for one in WATCHED if one.default
        }
        assert watched.chosen(load("[alerts]\nsources = []", tmp_path).sources) == ()

    def test_say_how_bad_it_is(self, tmp_path: Path) -> None:
        found = load('[alerts]\nseverity = { guardduty = "critical", budget = "low", unknown = "high" }', tmp_path)
        assert found.severities == {"guardduty": "critical", "budget": "low", "unknown": "high"}

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ('sources = ["guardduti"]', "alerts.sources: 'guardduti' is not a source; did you mean 'guardduty'?"),
            ('sources = "health"', "alerts.sources must be a list of texts"),
            ("sources = [1]", "alerts.sources: 1 is not a text"),
            ('severity = "high"', "alerts.severity must be a table"),
            ('severity = { budgets = "low" }', "alerts.severity.budgets is not a source; did you mean 'budget'?"),
            ('severity = { health = "bad" }', "alerts.severity.health: 'bad' is not a severity: critical, high"),
            ('source = ["health"]', "alerts.source is not a setting; did you mean 'sources'?"),
        ],
    )
    def test_errors_name_what_to_mend(self, text: str, error: str, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as caught:
            load(f"[alerts]\n{text}", tmp_path)
        assert error in str(caught.value)


def test_the_documentation_has_the_table() -> None:
    page = (corpus.FOLDER.parent.parent.parent / "docs" / "sources.md").read_text("utf-8")
    for one in WATCHED:
        watching = "yes" if one.default else "when asked"
        assert f"| `{one.name}` | {watching} | {one.fires} | {one.resolves or '–'} | {one.severity} |" in page


@pytest.mark.parametrize("file", ["chalicelib/parapet.toml", "docs/sources.md"])
def test_the_examples_work(file: str, tmp_path: Path) -> None:
    lines = (corpus.FOLDER.parent.parent.parent / file).read_text("utf-8").splitlines()
    lines = [line.removeprefix("# ") for line in lines]
    for table in ("[alerts]", "[[events]]"):
        start = lines.index(table)
        end = next(number for number, line in enumerate(lines) if number > start and line in ("", "```"))
        # Between the settings there are words about them.
        keys = [line for line in lines[start + 1 : end] if re.match(r"[a-z_]+ = ", line)]
        assert keys
        assert rules.resources(load("\n".join([table, *keys]), tmp_path))
