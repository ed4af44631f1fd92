"""What follows from the guardrails as files: IAM policies, the documentation page.

`python -m chalicelib.derive` writes the files, `--check` fails when they are not what it would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from chalicelib import dashboard, registry
from chalicelib.model import ORIGINS
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings

ROOT = Path(__file__).parent.parent
READS = ("Describe", "Get", "List", "Head")


def writes(action: str) -> bool:
    """Whether an IAM action changes something."""
    return not action.split(":")[1].startswith(READS)


def granted(rail: Guardrail, settings: Settings) -> list[str]:
    """Return the actions that a guardrail brings into its function's role under the modes in force."""
    modes = {settings.mode(rail, origin) for origin in ORIGINS}
    if modes == {"off"}:
        return []
    acts = bool(modes & {"approve", "enforce"})
    return sorted(action for action in rail.needs if acts or not writes(action))


def _allow(sid: str, actions: Iterable[str], resources: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def _keys(*patterns: str) -> dict[str, Any]:
    """Return the condition that only items under some partition keys are reached."""
    return {"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": sorted(patterns)}}}


TABLE = {"Fn::GetAtt": ["Journal", "Arn"]}
INDEXES = {"Fn::Sub": "${Journal.Arn}/index/*"}
JOURNAL_WRITES = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
LOGS = _allow(
    "Logs",
    ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
    {
        "Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}"
        ":log-group:/aws/lambda/${AWS::StackName}-*:*"
    },
)
BUS = {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"}
EMIT = {
    **_allow("Emit", ("events:PutEvents",), BUS),
    "Condition": {"StringEquals": {"events:source": "parapet"}},
}
OUTBOX = _allow("Outbox", ("sqs:SendMessage",), {"Fn::GetAtt": ["SlackQueue", "Arn"]})
QUERY = _allow("Journal", ("dynamodb:Query",), INDEXES)
GIVEN_UP = _allow("GivenUp", ("sns:Publish",), {"Ref": "FailuresTopic"})


def policies(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the policy of every function, by function name."""
    found = {f"guard_{service}": _guard(service, settings) for service in registry.services()}
    found["notify"] = _policy(
        LOGS,
        {**_allow("Threads", ("dynamodb:GetItem", "dynamodb:UpdateItem"), TABLE), **_keys("THREAD#*")},
        GIVEN_UP,
        _allow(
            "Queue",
            ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            {"Fn::GetAtt": ["SlackQueue", "Arn"]},
        ),
        _allow(
            "Token",
            ("ssm:GetParameter",),
            {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter${SlackToken}"},
        ),
    )
    found["sweep"] = _policy(LOGS, EMIT, GIVEN_UP)
    found["timer"] = _policy(LOGS, EMIT, QUERY, GIVEN_UP)
    found["failures"] = _policy(
        LOGS, OUTBOX, _allow("GivenUp", ("sqs:SendMessage",), {"Fn::GetAtt": ["DeadLetters", "Arn"]})
    )
    return found


def _policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _guard(service: str, settings: Settings) -> dict[str, Any]:
    rails = [statement for rail in registry.of(service) for statement in _granted(rail, settings)]
    return _policy(*rails, _allow("Findings", JOURNAL_WRITES, TABLE), QUERY, OUTBOX, GIVEN_UP, LOGS)


def _granted(rail: Guardrail, settings: Settings) -> list[dict[str, Any]]:
    actions = granted(rail, settings)
    if not rail.condition:
        return [_allow(_sid(rail.name), actions, "*")] if actions else []
    changing = [action for action in actions if writes(action)]
    reading = [action for action in actions if not writes(action)]
    found = [_allow(_sid(rail.name), reading, "*")] if reading else []
    if changing:
        found.append({**_allow(f"{_sid(rail.name)}Changes", changing, "*"), "Condition": dict(rail.condition)})
    return found


def _sid(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def page(settings: Settings) -> str:
    """Return the documentation page of all guardrails, in Markdown."""
    rails = registry.load()
    lines = [
        "# Guardrails",
        "",
        "Derived from the guardrails' own files by `python -m chalicelib.derive`; edit those.",
        "",
        "| guardrail | promise | severity | event | sweep |",
        "| --- | --- | --- | --- | --- |",
    ]
    for rail in rails:
        modes = [settings.mode(rail, origin) for origin in ORIGINS]
        promise = rail.documentation.promise
        lines.append(f"| [`{rail.name}`](#{rail.name}) | {promise} | {rail.severity} | {modes[0]} | {modes[1]} |")
    for rail in rails:
        lines += ["", f"## {rail.name}", "", rail.documentation.promise, ""]
        for section in rail.documentation.sections:
            lines.append(f"- **{section.label}.** {section.text}")
        triggers = sorted({trigger.name or f"anything by {trigger.user}" for trigger in rail.on})
        lines.append(f"- **Woken by.** {', '.join(triggers)}")
        if rail.needs:
            lines.append(f"- **Needs.** {', '.join(f'`{action}`' for action in sorted(rail.needs))}")
        for option, default in rail.options.items():
            shown = list(default) if isinstance(default, tuple) else default
            lines.append(f"- **Setting.** `{option}`, by default `{json.dumps(shown)}`")
    return "\n".join(lines) + "\n"


def files(settings: Settings, root: Path = ROOT) -> dict[Path, str]:
    """Return every derived file with its content."""
    found = {
        root / ".chalice" / "policies" / f"{name}.json": json.dumps(policy, indent=2) + "\n"
        for name, policy in policies(settings).items()
    }
    found[root / "docs" / "guardrails.md"] = page(settings)
    found[root / "dashboards" / "parapet.json"] = dashboard.body()
    return found


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write the derived files, or with `--check` return 1 when one of them differs."""
    from chalicelib.settings import load

    wanted = files(load({}, registry.names(), registry.load()), root)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    extra = [path for path in (root / ".chalice" / "policies").glob("*.json") if path not in wanted]
    if "--check" in arguments:
        for path in (*stale, *extra):
            sys.stderr.write(f"{path.relative_to(root)} is not what the guardrails say: make derive\n")
        return 1 if stale or extra else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], "utf-8")
    for path in extra:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
