"""CloudFormation: stacks that fail, stacks that differ from their template.

Severity: a stack that is stuck in a failed state `high`, and it fires until a change of it succeeds; a change that was
rolled back is told as `medium`, for the stack is as it was; drift fires as `low` until the stack is in sync again.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/eventbridge-events.html
"""

from __future__ import annotations

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.report import Report
from chalicelib.alerts.signal import Signal, State


def changed(report: Report) -> Signal:
    """Return what state a stack has come to; raises Unreadable."""
    arn, word = report.said("detail.stack-id"), report.said("detail.status-details.status")
    state: State = "told"
    if word.endswith("_FAILED"):
        state = "firing"
    elif word.endswith("_COMPLETE") and "ROLLBACK" not in word:
        state = "resolved"
    return report.signal(
        "cloudformation",
        ("state", name := _name(arn)),
        state=state,
        severity="high" if state == "firing" else "medium",
        name=name,
        title=f"Stack {name}: {word.replace('_', ' ').lower()}",
        lines=(report.maybe("detail.status-details.status-reason"),),
        facts=(("Status", word),),
        resource=arn,
        links=(("Stack", _page(report, arn, "events")),),
    )


def drifted(report: Report) -> Signal:
    """Return whether a stack differs from its template; raises Unreadable."""
    arn, word = report.said("detail.stack-id"), report.said("detail.status-details.stack-drift-status")
    states: dict[str, State] = {"DRIFTED": "firing", "IN_SYNC": "resolved"}
    count = report.maybe("detail.drift-detection-details.drifted-stack-resource-count")
    says = {"DRIFTED": "differs from its template", "IN_SYNC": "is as its template says"}
    return report.signal(
        "cloudformation",
        ("drift", name := _name(arn)),
        state=states.get(word, "told"),
        severity="low",
        name=name,
        title=f"Stack {name} {says.get(word, word.replace('_', ' ').lower())}",
        facts=(("Drift", word), ("Resources", count)),
        resource=arn,
        links=(("Stack", _page(report, arn, "drifts")),),
    )


def _name(arn: str) -> str:
    # What follows is another one each time a stack of that name is made.
    return arn.split(":stack/")[-1].split("/")[0]


def _page(report: Report, arn: str, tab: str) -> str:
    path = f"/cloudformation/home?region={{region}}#/stacks/{tab}?stackId={quoted(arn)}"
    return page(report.region, path)
