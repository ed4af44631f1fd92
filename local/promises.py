"""The objectives' stacks on the laptop: the alarms that a deployment would make are made, and judged as anybody's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from chalicelib.services.model import Service
from deploy import objectives
from local.iam import intrinsics

METRIC, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
# They ask whether Parapet is well, of an alarm that is not made here (`stack.SILENT`).
UNHEARD = re.compile(r"-unheard$")


def keep(client: Callable[..., Any], services: Iterable[Service], stage: str, account: str, home: str) -> list[str]:
    """Make the alarms of all objectives, and return their names; raises ParapetError for what no alarm can watch.

    Args:
        client: makes a client of a service, in a region.
        services: whose objectives.
        stage: of the Parapet here.
        account: its account.
        home: its region.
    """
    made = []
    for place, template in objectives.templates(services, stage, home, {}).items():
        known = {"AWS::Partition": "aws", "AWS::Region": place.region, "AWS::AccountId": account}
        cloudwatch = client("cloudwatch", region_name=place.region)
        # Composites come after what they are made of, a ticket after its page.
        ordered = sorted(template["Resources"].values(), key=lambda one: (one["Type"], len(one.get("DependsOn", ()))))
        for one in ordered:
            if one["Type"] not in (METRIC, COMPOSITE) or UNHEARD.search(one["Properties"]["AlarmName"]):
                continue
            put = cloudwatch.put_metric_alarm if one["Type"] == METRIC else cloudwatch.put_composite_alarm
            put(**intrinsics.resolve(one["Properties"], known))
            made.append(one["Properties"]["AlarmName"])
    return made
