"""The log groups of trails: CloudTrail writes its records there too, at once here, and on AWS within minutes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moto.backends import get_backend

# The latest of them: readers' calls are many, and an account runs for days.
KEPT = 5000


def write(account: str, record: Mapping[str, Any]) -> None:
    """Write a record to the log group of each trail that logs and has one."""
    for trails in list(get_backend("cloudtrail")[account].values()):
        for trail in list(trails.trails.values()):
            if trail.cw_log_group_arn and trail.status.is_logging:
                _put(trail.cw_log_group_arn, record)


def _put(arn: str, record: Mapping[str, Any]) -> None:
    _, _, _, region, account, _, name, *_ = arn.split(":")
    group = get_backend("logs")[account][region].groups.get(name)
    if group is None:
        # As on AWS, where it was deleted.
        return
    # One for each region whose calls a trail sees.
    stream = f"{account}_CloudTrail_{record['awsRegion']}"
    if stream not in group.streams:
        group.create_log_stream(stream)
    at = int(datetime.fromisoformat(record["eventTime"]).timestamp() * 1000)
    group.put_log_events(stream, [{"timestamp": at, "message": json.dumps(record)}])
    del group.streams[stream].events[:-KEPT]
