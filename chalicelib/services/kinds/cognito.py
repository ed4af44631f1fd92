"""Signing in at a Cognito user pool, through one of its clients.

Each attempt is a point of SignInSuccesses, 1 when tokens were issued and 0 otherwise: a throttled one is not good, and
neither is one that the user failed.

https://docs.aws.amazon.com/cognito/latest/developerguide/metrics-for-cognito-user-pools.html
"""

from __future__ import annotations

from chalicelib.services.kinds import Field, Kind, mishap, naming
from chalicelib.services.model import Measures, Shortfall, Target


def measures(target: Target) -> Measures:
    """Return what is measured of signing in."""
    given = target.given
    metric = naming(target, "AWS/Cognito", ("UserPool", str(given["pool"])), ("UserPoolClient", str(given["client"])))
    return Measures(
        Shortfall(metric("SignInSuccesses"), metric("SignInSuccesses", "SampleCount")),
        gauges=(mishap("throttled", "throttled sign-ins", metric("SignInThrottles")),),
    )


KIND = Kind(
    "cognito",
    "user pool",
    {
        "pool": Field("the id of the user pool, such as eu-west-1_AbCdEfGhI", r"[a-z0-9-]+_[A-Za-z0-9]+"),
        "client": Field("the id of one of its clients", r"[A-Za-z0-9]{1,128}"),
    },
    measures,
    "pool",
)
