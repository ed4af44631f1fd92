"""A trail must record.

Why: stopping the trail is what an intruder does before everything else; and without a trail that records, EventBridge
tells Parapet nothing either, so that the sweep looks at the trails first.
Fix: starts the trail again, in its home region; what happened in between is in no log file of this trail.
Undo: stops it.
Mode: recording changes nothing that it records, so that a stopped trail is started whenever it is found. Copies of
a trail in other regions and an organisation's trail in a member account are left to where they can be started.
Controls: FSBP CloudTrail.1; CIS 3.0 3.1
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib import tags
from chalicelib.model import Aws, Event, Remedy, call
from chalicelib.registry import api_call, guardrail

Trail = Mapping[str, Any]


def read(aws: Aws, trail: str) -> Trail:
    """Return the trail, by name or ARN, whether it records, and whether it is at home here; raises AwsError."""
    arn = aws("cloudtrail", "get_trail", Name=trail)["Trail"]["TrailARN"]
    _, _, _, region, account, _ = arn.split(":", 5)
    status = aws("cloudtrail", "get_trail_status", Name=arn)
    home = (region, account) == (aws.region, aws.account)
    return {"TrailARN": arn, "IsLogging": status["IsLogging"], "home": home}


def subjects(aws: Aws) -> Iterable[str]:
    """Return the trails whose home is this region and account."""
    trails = aws("cloudtrail", "describe_trails", includeShadowTrails=False)["trailList"]
    return [trail["TrailARN"] for trail in trails]


def resource(trail: Trail) -> str:
    """Return the ARN, which names the trail wherever an event had only its name."""
    return str(trail["TrailARN"])


def tags_of(aws: Aws, _subject: str, trail: Trail) -> Mapping[str, str]:
    """Return the trail's tags; raises AwsError."""
    answer = aws("cloudtrail", "list_tags", ResourceIdList=[trail["TrailARN"]])
    return tags.within(answer["ResourceTagList"], "TagsList")


def current(trail: Trail, _part: str) -> dict[str, bool]:
    """Return whether the trail records."""
    return {"IsLogging": trail["IsLogging"]}


@guardrail(
    severity="critical",
    default="enforce",
    on={api_call("cloudtrail:StopLogging"): "requestParameters.name"},
    needs={
        "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:DescribeTrails", "cloudtrail:ListTags",
        "cloudtrail:StartLogging", "cloudtrail:StopLogging",
    },
    read=read,
    subjects=subjects,
    resource=resource,
    current=current,
    tags=tags_of,
    gone={"TrailNotFoundException"},
)  # fmt: skip
def check(trail: Trail, _event: Event | None) -> Iterable[Remedy]:
    """Yield a remedy when a trail that is at home here does not record."""
    if trail["home"] and not trail["IsLogging"]:
        yield Remedy(
            why=f"trail {trail['TrailARN'].rsplit('/', 1)[-1]} does not record any more",
            part="logging",
            fix=(call("cloudtrail", "start_logging", Name=trail["TrailARN"]),),
            undo=(call("cloudtrail", "stop_logging", Name=trail["TrailARN"]),),
            before={"IsLogging": False},
            after={"IsLogging": True},
        )
