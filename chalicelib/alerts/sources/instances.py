"""EC2 and its Auto Scaling: groups that cannot launch or replace instances, instances that stop.

Severity: a failed launch or instance refresh `high`, a failed termination `medium`; each fires until the next one goes
well. An instance that stops fires as `low` until it runs again, and one that is terminated is told; nobody hears of
either unless the settings ask for `ec2`.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.alerts.console import page, quoted
from chalicelib.alerts.report import Report
from chalicelib.alerts.signal import Signal, State

# By what an event's type says: what it is about, and whether that goes well.
ENDINGS: Mapping[str, tuple[str, State]] = {
    "EC2 Instance Launch Unsuccessful": ("launch", "firing"),
    "EC2 Instance Launch Successful": ("launch", "resolved"),
    "EC2 Instance Terminate Unsuccessful": ("terminate", "firing"),
    "EC2 Instance Terminate Successful": ("terminate", "resolved"),
    "EC2 Auto Scaling Instance Refresh Failed": ("refresh", "firing"),
    "EC2 Auto Scaling Instance Refresh Succeeded": ("refresh", "resolved"),
}
FAILED = {
    "launch": "cannot launch an instance",
    "terminate": "cannot terminate an instance",
    "refresh": "could not replace its instances",
}
WELL = {
    "launch": "launches instances again",
    "terminate": "terminates instances again",
    "refresh": "has replaced its instances",
}


def group(report: Report) -> Signal:
    """Return what an Auto Scaling group says; raises Unreadable."""
    name, kind = report.said("detail.AutoScalingGroupName"), report.said("detail-type")
    about, state = ENDINGS.get(kind, ("launch", "told"))
    said = {"firing": FAILED, "resolved": WELL}.get(state, {}).get(about, kind)
    return report.signal(
        "autoscaling",
        (about, name),
        state=state,
        severity="medium" if about == "terminate" else "high",
        name=name,
        title=f"{name} {said}",
        lines=(report.maybe("detail.StatusMessage"), report.maybe("detail.Cause")),
        facts=(
            ("Instance", report.maybe("detail.EC2InstanceId")),
            ("Zone", report.maybe("detail.Details.Availability Zone")),
            ("Activity", report.maybe("detail.ActivityId", "detail.InstanceRefreshId")),
        ),
        resource=report.resource or name,
        links=(
            (
                "Auto Scaling group",
                page(
                    report.region,
                    f"/ec2/home?region={{region}}#AutoScalingGroupDetails:id={quoted(name)};view=activity",
                ),
            ),
        ),
    )


def instance(report: Report) -> Signal:
    """Return what state an instance has come to; raises Unreadable."""
    id_, word = report.said("detail.instance-id"), report.said("detail.state")
    states: Mapping[str, State] = {"stopped": "firing", "stopping": "firing", "running": "resolved"}
    return report.signal(
        "ec2",
        (id_,),
        state=states.get(word, "told"),
        severity="low",
        name=id_,
        title=f"Instance {id_} is {word}",
        resource=report.resource or id_,
        links=(("Instance", page(report.region, f"/ec2/home?region={{region}}#InstanceDetails:instanceId={id_}")),),
    )
