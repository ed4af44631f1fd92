"""What brings alerts over EventBridge to their queue: rules for AWS's services, the team's own, what people ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from chalicelib.alerts import custom, watched
from chalicelib.alerts.custom import Custom
from chalicelib.section import SettingsError
from chalicelib.settings import Settings
from chalicelib.slo.alarms import TELLING
from deploy.intrinsics import arn, named, resource, sub
from deploy.resources.functions import RETRY

ROOT = Path(__file__).parent.parent.parent
# The longest description that EventBridge takes.
DESCRIPTION = 512
# Whichever sources are chosen, alarms tell the topic; one that is gone says OK no more.
DELETED = {
    "source": ["aws.cloudwatch"],
    "detail-type": ["CloudWatch Alarm Configuration Change"],
    "detail": {"operation": ["delete"]},
}
# So many names of up to 120 characters in a pattern, which has room for 2,048.
NAMES = 12
COMMANDS = {"source": ["parapet"], "detail-type": ["Parapet Command"], "detail": {"service": ["alert"]}}


def resources(settings: Settings, root: Path = ROOT) -> dict[str, Any]:
    """Return the rules; raises SettingsError where one of the team's does not fit its samples."""
    found = {
        "AlertCommandsRule": _rule("alert-commands", "Takes what people ask for about alerts", COMMANDS),
        "AlertDeletedRule": _rule("alert-deleted", "Takes what tells that an alarm was deleted", DELETED),
    }
    far = [one.id for service in settings.services if service.entry.region for one in service.objectives]
    told = [f"{id_}-{end}" for id_ in far for end in TELLING]
    for number, start in enumerate(range(0, len(told), NAMES), 1):
        about = "Takes what alarms of objectives tell that are in other regions"
        pattern = _elsewhere(told[start : start + NAMES])
        found[f"AlertElsewhere{number}Rule"] = _rule(f"alert-elsewhere-{number}", about, pattern)
    for number, (names, pattern) in enumerate(watched.grouped(watched.chosen(settings.sources)), 1):
        about = f"Takes what is told as an alert by {', '.join(names)}"
        found[f"AlertSources{number}Rule"] = _rule(f"alert-sources-{number}", about, pattern)
    for rule in settings.events:
        custom.load(rule, _samples(rule, root))
        name = "".join(part.capitalize() for part in rule.name.split("-"))
        about = f"Takes events for the team's own rule {rule.name}"
        found[f"Event{name}Rule"] = _rule(f"event-{rule.name}", about, rule.pattern)
        if rule.resolves is not None:
            ends = f"Takes the events that end those of the team's own rule {rule.name}"
            found[f"Event{name}OverRule"] = _rule(f"event-{rule.name}-over", ends, rule.resolves)
    return found


def _elsewhere(names: Iterable[str]) -> dict[str, Any]:
    """Return what the stacks of objectives in other regions forward; those of our own region tell the topic."""
    return {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "region": [{"anything-but": [sub("${AWS::Region}")]}],
        # By their names: what the stage `prod` is called by, those of `prod-eu` begin with.
        "detail": {"alarmName": [named(name) for name in names]},
    }


def _rule(name: str, about: str, pattern: Mapping[str, Any]) -> dict[str, Any]:
    return filling("AlertQueue", name, about, pattern)


def filling(queue: str, name: str, about: str, pattern: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule that puts events into one of our queues.

    Args:
        queue: its logical id.
        name: the rule's, behind the stage.
        about: its description.
        pattern: which events.
    """
    target = {
        "Id": "queue",
        "Arn": arn(queue),
        "RetryPolicy": RETRY["rule"],
        "DeadLetterConfig": {"Arn": arn("RuleDeadLetters")},
    }
    return resource(
        "AWS::Events::Rule",
        Name=named(name),
        Description=about[:DESCRIPTION],
        EventPattern=pattern,
        State="ENABLED",
        Targets=[target],
    )


def _samples(rule: Custom, root: Path) -> dict[str, str]:
    try:
        return {name: (root / name).read_text("utf-8") for name in rule.samples}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{rule.where}: a sample cannot be read, from {root.name}/ on: {error}") from None
