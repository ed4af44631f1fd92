"""The heartbeat: a call of ours that CloudTrail must record and EventBridge must bring back."""

from __future__ import annotations

from chalicelib import times
from chalicelib.model import Aws
from chalicelib.settings import PREFIX


def parameter(stage: str) -> str:
    """Return the name of the SSM parameter that a stage's heartbeat writes."""
    return f"/{PREFIX}/{stage}/heartbeat"


def beat(aws: Aws, stage: str, version: str, now: float) -> None:
    """Write time and version over the last ones; raises AwsError.

    SSM keeps a hundred versions of a parameter and drops the oldest, as long as nobody labels it.
    """
    value = f"{times.iso(now)} {version}"
    aws("ssm", "put_parameter", Name=parameter(stage), Value=value, Type="String", Tier="Standard", Overwrite=True)
