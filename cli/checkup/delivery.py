"""Do events reach us? The rules, the global region's, and a heartbeat that has gone all the way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib import heartbeat as heart
from chalicelib import times
from chalicelib.settings import GLOBAL_REGION
from cli.checkup.patient import Patient
from cli.checkup.verdict import NOT_HERE, Verdict, cannot_tell, ok, wrong
from local.patterns import PatternError, matches

QUEUE = "HeartbeatQueue"
FRESH, PATIENCE, PAUSE = 900.0, 120.0, 2.0
LOOKS = 3
CALL, SIGN_IN = "AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail"
# What arrives in the global region only; the least that a rule may ask for.
GLOBAL_EVENTS: Mapping[str, Mapping[str, Any]] = {
    "IAM calls": {
        "source": "aws.iam",
        "detail-type": CALL,
        "detail": {"eventSource": "iam.amazonaws.com", "eventName": "AttachUserPolicy"},
    },
    "sign-ins": {
        "source": "aws.signin",
        "detail-type": SIGN_IN,
        "detail": {
            "eventSource": "signin.amazonaws.com",
            "eventName": "ConsoleLogin",
            "userIdentity": {"type": "IAMUser"},
            "additionalEventData": {"MFAUsed": "No"},
            "responseElements": {"ConsoleLogin": "Success"},
        },
    },
}


def rules(patient: Patient) -> Verdict:
    """Is every rule of ours enabled, with a target?"""
    if patient.local:
        return NOT_HERE
    states: dict[str, tuple[str, int]] = {}
    for logical, name in patient.stack.of("AWS::Events::Rule").items():
        # The physical id of a rule on another bus is `bus|rule`.
        bus, _, rule = name.rpartition("|")
        where = {"EventBusName": bus} if bus else {}
        state = patient.aws("events", "describe_rule", absent=("ResourceNotFoundException",), Name=rule, **where)
        targets = patient.aws.all("events", "list_targets_by_rule", "Targets", Rule=rule, **where) if state else []
        states[f"{logical} ({rule})"] = (state.get("State", "MISSING"), len(targets))
    return judge_rules(states, patient.deploy)


def judge_rules(states: Mapping[str, tuple[str, int]], deploy: str) -> Verdict:
    """Judge rules by their state and their number of targets."""
    problems = [
        f"{name} is {state}" if not state.startswith("ENABLED") else f"{name} has no target"
        for name, (state, targets) in sorted(states.items())
        if not state.startswith("ENABLED") or not targets
    ]
    if not states:
        return wrong("the stack has no rules", deploy)
    if problems:
        todo = f"aws events enable-rule --name NAME, or {deploy} where a rule or target is gone"
        return wrong(
            "; ".join(problems), f"{todo}; CloudTrail knows who did it (DisableRule, RemoveTargets, DeleteRule)"
        )
    return ok(f"all {len(states)} enabled, each with a target")


def global_events(patient: Patient) -> Verdict:
    """Do IAM calls and sign-ins, which arrive in the global region, reach Parapet's own?"""
    if patient.local:
        return NOT_HERE
    if patient.region == GLOBAL_REGION:
        return ok(f"Parapet runs in {GLOBAL_REGION}, where they arrive")
    bus = f"arn:{patient.stack.partition}:events:{patient.region}:{patient.caller.account}:event-bus/default"
    aws = patient.where.at(GLOBAL_REGION)
    names = aws.all("events", "list_rule_names_by_target", "RuleNames", TargetArn=bus)
    found = [aws("events", "describe_rule", Name=name) for name in names]
    return judge_global(found, bus)


def judge_global(found: Sequence[Mapping[str, Any]], bus: str) -> Verdict:
    """Judge the global region's rules that have our bus as target, as DescribeRule shows them."""
    enabled = [one for one in found if one["State"].startswith("ENABLED")]
    try:
        missing = [
            what
            for what, event in GLOBAL_EVENTS.items()
            if not any(matches(json.loads(one["EventPattern"]), event) for one in enabled if one.get("EventPattern"))
        ]
    except PatternError as error:
        return cannot_tell(f"a rule in {GLOBAL_REGION} has a pattern that cannot be judged here: {error}")
    if not missing:
        return ok(f"{', '.join(one['Name'] for one in enabled)} in {GLOBAL_REGION} forwards them")
    disabled = [one["Name"] for one in found if one not in enabled]
    if disabled:
        evidence = f"{', '.join(disabled)} in {GLOBAL_REGION} is disabled: {' and '.join(missing)} do not arrive"
        return wrong(evidence, f"aws events enable-rule --region {GLOBAL_REGION} --name {disabled[0]}")
    return wrong(
        f"no rule in {GLOBAL_REGION} forwards {' and '.join(missing)} to {bus}",
        f"deploy what `./parapet member-template` prints in {GLOBAL_REGION} of this account too",
    )


def heartbeat(patient: Patient) -> Verdict:
    """Has a call of ours come back through CloudTrail and EventBridge lately?"""
    queue = patient.stack.resources.get(QUEUE, ("", ""))[1]
    if not queue:
        return cannot_tell(f"the stack has no {QUEUE}", f"{patient.deploy}: this version has one")
    now = patient.outside.now()
    seen = _messages(patient, queue, now - FRESH)
    newest = max(seen.values(), default=0.0)
    if now - newest <= FRESH or not patient.wait:
        return judge_heartbeat(now, newest, patient.stack.changed)
    return _send_one(patient, queue, seen)


def judge_heartbeat(now: float, newest: float, changed: float) -> Verdict:
    """Judge by the times of the newest heartbeat (0: there is none) and of the last change of the stack."""
    if now - newest <= FRESH:
        return ok(f"the last one came back {times.ago(newest, now)}")
    evidence = f"the last one came back {times.ago(newest, now)}" if newest else "none has come back"
    if now - changed <= FRESH:
        return cannot_tell(
            f"{evidence} yet: the stack was deployed {times.ago(changed, now)}", "`./parapet doctor --wait` sends one"
        )
    return wrong(
        evidence,
        "events do not arrive: mend what is wrong with the trail and the rules; `./parapet doctor --wait` tries again",
    )


def _send_one(patient: Patient, queue: str, seen: Mapping[str, float]) -> Verdict:
    clock = patient.outside
    started, newest = clock.now(), max(seen.values(), default=0.0)
    heart.beat(patient.aws, patient.stage, f"doctor {patient.caller.who}", started)
    while clock.now() - started < PATIENCE:
        clock.sleep(PAUSE)
        # By the queue's own clock, which is the one of what it held before.
        found = _messages(patient, queue, newest + 0.001)
        if any(at > newest and one not in seen for one, at in found.items()):
            return ok(f"one came back within {clock.now() - started:.0f} s")
    return wrong(
        f"none came back within {PATIENCE:.0f} s of the call",
        "events do not arrive: mend what is wrong with the trail and the rules",
    )


def _messages(patient: Patient, queue: str, since: float) -> dict[str, float]:
    """Return when messages were sent, all that are seen until one is as young as asked for.

    They stay in the queue, in sight of whoever looks at the same time; so a queue answers with some of them only, and
    the same ones again.
    """
    found: dict[str, float] = {}
    nothing_new = 0
    while nothing_new < LOOKS:
        answer = patient.aws(
            "sqs", "receive_message", QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=0,
            MessageSystemAttributeNames=["SentTimestamp"],
        )  # fmt: skip
        seen = {
            one["MessageId"]: int(one["Attributes"]["SentTimestamp"]) / 1000 for one in answer.get("Messages") or []
        }
        nothing_new = 0 if set(seen) - set(found) else nothing_new + 1
        found |= seen
        if not seen or max(seen.values()) >= since:
            break
    return found
