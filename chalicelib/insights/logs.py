"""Whose lines a log group holds."""

from __future__ import annotations

from typing import Literal

# An application's, Lambda's own reports, access logs of a load balancer and of API Gateway, flow logs, CloudTrail's.
Logs = Literal["app", "lambda", "alb", "apigw", "vpc", "cloudtrail"]
LOGS: tuple[Logs, ...] = ("app", "lambda", "alb", "apigw", "vpc", "cloudtrail")
# What an account has once, and no service of its own.
SHARED: tuple[Logs, ...] = ("vpc", "cloudtrail")
