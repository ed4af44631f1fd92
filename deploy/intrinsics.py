"""CloudFormation's words for what is only known when a stack is made."""

from __future__ import annotations

from typing import Any

NOTHING = {"Ref": "AWS::NoValue"}


def ref(name: str) -> dict[str, str]:
    """Return a reference to a parameter, or to a resource by its own kind of id."""
    return {"Ref": name}


def arn(name: str) -> dict[str, list[str]]:
    """Return a reference to a resource's ARN."""
    return {"Fn::GetAtt": [name, "Arn"]}


def sub(text: str) -> dict[str, str]:
    """Return a text with `${…}` filled in."""
    return {"Fn::Sub": text}


def named(name: str) -> dict[str, str]:
    """Return the name of a resource of ours: the stage is part of all, so that stages do not collide."""
    return sub(f"parapet-${{Stage}}-{name}")


def resource(kind: str, condition: str = "", /, **properties: Any) -> dict[str, Any]:
    """Return a resource, made under a condition where one is given."""
    return {"Type": kind, **({"Condition": condition} if condition else {}), "Properties": properties}


def allow(sid: str, service: str, action: str | list[str], on: Any, **condition: Any) -> dict[str, Any]:
    """Return the statement that lets an AWS service do something under a condition; a trust policy has no `on`."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": action,
        **({"Resource": on} if on else {}),
        "Condition": condition,
    }


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
