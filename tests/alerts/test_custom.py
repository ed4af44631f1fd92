"""A team's own rules: what they make of events, and what is said of rules that cannot work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib.alerts import custom
from chalicelib.alerts.custom import Custom
from chalicelib.alerts.parse import parse
from chalicelib.section import SettingsError
from chalicelib.settings import Settings
from deploy.resources import rules
from local.deployment import forwards
from local.patterns import matches
from tests.alerts.corpus import EVENTS, RECEIVED
from tests.alerts.test_watched import load

STOPPED = EVENTS["ec2-stopped"]
# As `parapet.toml` and docs/sources.md have it: the course's "instance stopped → tell Slack".
COURSE = """
[[events]]
name = "instance-stopped"
pattern = { source = ["aws.ec2"], detail-type = ["EC2 Instance State-change Notification"], detail.state = ["stopped"] }
resolves = { source = ["aws.ec2"], detail-type = ["EC2 Instance State-change Notification"], detail.state = ["running"] }
severity = "low"
title = "Instance {detail.instance-id} was stopped"
lines = ["In {region} of {account}, at {time}."]
resource = "{detail.instance-id}"
samples = ["tests/alerts/corpus/ec2-stopped.json"]
"""  # noqa: E501


def rule(tmp_path: Path, **changes: object) -> Custom:
    """The course's rule with some keys changed, None for without."""
    keys: dict[str, object] = {
        "name": "stopped",
        "pattern": {"source": ["aws.ec2"], "detail": {"state": ["stopped"]}},
        "title": "Instance {detail.instance-id} was stopped",
        **changes,
    }
    lines = [f"{key} = {toml(value)}" for key, value in keys.items() if value is not None]
    return load("[[events]]\n" + "\n".join(lines), tmp_path).events[0]


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(one) for one in value) + "]"
    return json.dumps(value)


class TestSignals:
    def test_the_course_s_rule(self, tmp_path: Path) -> None:
        events = load(COURSE, tmp_path).events
        found = parse(json.dumps(STOPPED), RECEIVED, events)
        assert (found.source, found.name, found.state, found.severity) == (
            "instance-stopped", "instance-stopped", "firing", "low"
        )  # fmt: skip
        assert found.title == "Instance i-0123456789abcdef0 was stopped"
        assert found.lines == ("In eu-west-1 of 123456789012, at 2026-11-20T10:00:00Z.",)
        assert (found.resource, found.id) == ("i-0123456789abcdef0", STOPPED["id"])
        over = parse(json.dumps(EVENTS["ec2-running"]), RECEIVED, events)
        assert (over.state, over.fingerprint) == ("resolved", found.fingerprint)
        # What the rule is not for is what it was.
        assert parse(json.dumps(EVENTS["ec2-terminated"]), RECEIVED, events).source == "ec2"

    def test_without_an_end_it_is_told(self, tmp_path: Path) -> None:
        found = parse(json.dumps(STOPPED), RECEIVED, [rule(tmp_path)])
        assert (found.state, found.severity, found.resource) == ("told", "medium", STOPPED["resources"][0])

    def test_the_first_rule_that_fits_counts(self, tmp_path: Path) -> None:
        two = [rule(tmp_path, name="first"), rule(tmp_path, name="second", pattern={"source": ["aws.ec2"]})]
        assert parse(json.dumps(STOPPED), RECEIVED, two).source == "first"
        assert parse(json.dumps(STOPPED), RECEIVED, two[::-1]).source == "second"

    def test_words_that_the_event_lacks_are_dashes(self, tmp_path: Path) -> None:
        made = rule(tmp_path, title="{detail.owner}: {detail.instance-id}", lines=["{detail}"], service="{detail.app}")
        found = parse(json.dumps(STOPPED), RECEIVED, [made])
        assert found.title == "–: i-0123456789abcdef0"
        assert found.lines == ('{"instance-id": "i-0123456789abcdef0", "state": "stopped"}',)
        assert found.service == ""

    def test_a_pattern_may_be_json(self, tmp_path: Path) -> None:
        made = rule(tmp_path, pattern='{"source": ["aws.ec2"], "detail": {"state": [{"prefix": "stop"}]}}')
        assert matches(made.pattern, STOPPED)


class TestErrors:
    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"name": None}, "parapet.toml: events[1].name: '' is not a name"),
            ({"name": "Stopped"}, "'Stopped' is not a name of up to 24 lower-case letters"),
            ({"name": "a" * 25}, "is not a name"),
            ({"name": "a--b"}, "is not a name"),
            ({"name": "guardduty"}, "'guardduty' is what Parapet calls a source of its own"),
            ({"name": "unknown"}, "'unknown' is what Parapet calls"),
            ({"severity": "bad"}, "events[1].severity: 'bad' is not a severity: critical, high, medium, low"),
            ({"severity": ["low"]}, "is not a severity"),
            ({"title": None}, "events[1].title is missing"),
            ({"title": "{}"}, "events[1].title: {} is not a path such as {detail.instance-id}"),
            ({"title": "{detail..id}"}, "{detail..id} is not a path"),
            ({"title": "a } b"}, "events[1].title: a brace stands alone"),
            ({"lines": "x"}, "events[1].lines must be a list"),
            ({"lines": ["{!}"]}, "events[1].lines: {!} is not a path"),
            ({"resource": "{a b"}, "events[1].resource: a brace stands alone"),
            ({"pattern": None}, "events[1].pattern is missing"),
            ({"pattern": {}}, "events[1].pattern must be a table, or JSON of an object, that is not empty"),
            ({"pattern": "{"}, "events[1].pattern: this is not JSON"),
            ({"pattern": "[]"}, "events[1].pattern must be a table"),
            ({"pattern": ["x"]}, "events[1].pattern must be a table"),
            ({"pattern": {"source": "aws.ec2"}}, "source: a pattern holds objects and lists"),
            ({"pattern": {"source": [{"cidr": "x"}]}}, "the operator 'cidr'"),
            ({"pattern": {"detail": {"state": ["stopped"]}}}, "events[1].pattern needs a source"),
            ({"pattern": {"source": ["parapet"]}}, "Parapet's own events are not for rules"),
            (
                {"pattern": {"source": ["aws.ec2"], "detail": {"id": ["x" * 2100]}}},
                "events[1].pattern has 2,143 characters; EventBridge takes 2,048",
            ),
            ({"resolves": {"detail": {"state": ["running"]}}}, "events[1].resolves needs a source"),
            ({"samples": "x.json"}, "events[1].samples must be a list"),
            ({"samples": [7]}, "events[1].samples must be a list"),
            ({"samples": ['{"a"']}, "events[1].samples: this is not JSON"),
            (
                {"samples": [{"source": "aws.rds"}]},
                "parapet.toml: events[1]: sample 1 does not match the pattern, so that EventBridge would not deliver",
            ),
            (
                {"samples": [STOPPED], "title": "{detail.instance_id} stopped"},
                "no sample has {detail.instance_id}; did you mean 'detail.instance-id'?",
            ),
            ({"samples": [STOPPED], "lines": ["{nowhere}"]}, "no sample has {nowhere}"),
            (
                {"samples": [{"source": "aws.ec2", "detail": {}}], "resolves": {"source": ["aws.ec2"]}},
                "no sample matches the pattern, only `resolves`",
            ),
            ({"sample": ["x"]}, "events[1].sample is not a setting; did you mean 'samples'?"),
        ],
    )  # fmt: skip
    def test_name_what_to_mend(self, changes: dict[str, object], error: str, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as caught:
            rule(tmp_path, **changes)
        assert error in str(caught.value)

    def test_two_rules_of_one_name(self, tmp_path: Path) -> None:
        for other in ("instance-stopped", "instancestopped"):
            with pytest.raises(SettingsError, match=r"events\[2\].name: .* is too much like the rule"):
                load(COURSE + COURSE.replace('"instance-stopped"', f'"{other}"'), tmp_path)

    def test_good_samples_are_fine(self, tmp_path: Path) -> None:
        made = rule(tmp_path, samples=[STOPPED, json.dumps(STOPPED)])
        assert len(made.shown) == 2
        assert made.samples == ()


class TestRules:
    def test_the_queue_gets_what_is_watched_and_what_people_ask_for(self) -> None:
        found = rules.resources(Settings())
        assert list(found) == ["AlertCommandsRule", "AlertDeletedRule", "AlertSources1Rule", "AlertSources2Rule"]
        commands = found["AlertCommandsRule"]["Properties"]
        assert commands["Name"] == {"Fn::Sub": "parapet-${Stage}-alert-commands"}
        assert matches(
            commands["EventPattern"],
            {"source": "parapet", "detail-type": "Parapet Command", "detail": {"service": "alert", "command": "c1"}},
        )
        for one in found.values():
            (target,) = one["Properties"]["Targets"]
            assert target["Arn"] == {"Fn::GetAtt": ["AlertQueue", "Arn"]}
            assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["RuleDeadLetters", "Arn"]}}
            assert target["RetryPolicy"]["MaximumRetryAttempts"] == 185

    def test_a_rule_for_each_of_the_team_s_own(self, tmp_path: Path) -> None:
        found = rules.resources(load(COURSE + "[alerts]\nsources = []", tmp_path))
        assert list(found) == [
            "AlertCommandsRule", "AlertDeletedRule", "EventInstanceStoppedRule", "EventInstanceStoppedOverRule",
        ]  # fmt: skip
        assert matches(found["EventInstanceStoppedRule"]["Properties"]["EventPattern"], STOPPED)
        assert matches(found["EventInstanceStoppedOverRule"]["Properties"]["EventPattern"], EVENTS["ec2-running"])

    def test_names_fit_the_longest_stage(self, tmp_path: Path) -> None:
        long = load(COURSE.replace("instance-stopped", "a" * 24), tmp_path)
        for one in rules.resources(long).values():
            assert len(one["Properties"]["Name"]["Fn::Sub"].replace("${Stage}", "s" * 20)) <= 64

    def test_the_local_account_runs_them(self, tmp_path: Path) -> None:
        queue = {"AlertQueue": {"Type": "AWS::SQS::Queue", "Properties": {}}}
        there = list(forwards({**queue, **rules.resources(load(COURSE, tmp_path))}, "local"))
        assert [one.queue for one in there] == ["AlertQueue"] * 6
        assert sum(matches(one.pattern, STOPPED) for one in there) == 1

    @pytest.mark.parametrize(
        ("content", "error"),
        [
            (None, "a sample cannot be read"),
            ("{", "tests/stopped.json: this is not JSON"),
            ("[1]", "tests/stopped.json must be a table, or JSON of an object"),
            (json.dumps(EVENTS["guardduty-high"]), "tests/stopped.json does not match the pattern"),
            (json.dumps({**STOPPED, "detail": {"state": "stopped"}}), "no sample has {detail.instance-id}"),
        ],
    )
    def test_samples_in_files_are_proven_when_it_is_packed(
        self, content: str | None, error: str, tmp_path: Path
    ) -> None:
        made = load(COURSE.replace("tests/alerts/corpus/ec2-stopped.json", "tests/stopped.json"), tmp_path)
        if content is not None:
            (tmp_path / "tests").mkdir()
            (tmp_path / "tests" / "stopped.json").write_text(content, "utf-8")
        with pytest.raises(SettingsError) as caught:
            rules.resources(made, tmp_path)
        assert error in str(caught.value)

    def test_load_takes_inline_samples_too(self, tmp_path: Path) -> None:
        made = rule(tmp_path, samples=["a.json", {**STOPPED, "source": "aws.rds"}])
        with pytest.raises(SettingsError, match="sample 1 does not match"):
            custom.load(made, {"a.json": json.dumps(STOPPED)})
