"""What the other accounts of an organisation need, and our own account's other regions: rules that forward, and roles.

One CloudFormation template for all of them. Each region has the rules; the roles, IAM knowing no regions, are made in
one region of each account but our own, whose functions have their own. In the region that Parapet runs in, nothing is
forwarded from our own account.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib import __version__, registry
from chalicelib.ledger import asked
from chalicelib.settings import GLOBAL_REGION, Settings
from deploy import rights
from deploy.intrinsics import document, ref, resource

Template = dict[str, Any]

BUS = {"Fn::Sub": "arn:${AWS::Partition}:events:${HubRegion}:${HubAccount}:event-bus/default"}
# Of its own, so that what wakes a guard function does not wake it twice.
CHANGES = {"Fn::Sub": "arn:${AWS::Partition}:events:${HubRegion}:${HubAccount}:event-bus/parapet-${Stage}-changes"}
# What is older was looked at by a sweep since, or settled; the attempts are as many as EventBridge makes.
RETRY = {"MaximumEventAgeInSeconds": 6 * 3600, "MaximumRetryAttempts": 185}
FOURTEEN_DAYS = 14 * 86400
ORGANISATION = "(o-[a-z0-9]{10,32})?"
EXTERNAL_ID = "([A-Za-z0-9+=,.@:/_-]{8,1224})?"


def template(settings: Settings) -> Template:
    """Return the template of a member account, or another region of ours, under the modes in force."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Parapet {__version__}: forwards events to the account that Parapet runs in, and lets it act",
        "Parameters": _parameters(settings),
        "Conditions": {
            "Ours": {"Fn::Equals": [{"Ref": "AWS::AccountId"}, {"Ref": "HubAccount"}]},
            "Home": {"Fn::Equals": [{"Ref": "AWS::Region"}, {"Ref": "HubRegion"}]},
            "RolesHere": {"Fn::Equals": [{"Ref": "AWS::Region"}, {"Ref": "RolesRegion"}]},
            "Forwards": {"Fn::Not": [{"Fn::And": [{"Condition": "Ours"}, {"Condition": "Home"}]}]},
            "Serves": {"Fn::And": [{"Condition": "RolesHere"}, {"Fn::Not": [{"Condition": "Ours"}]}]},
        },
        "Resources": _resources(settings),
    }


def hub() -> Template:
    """Return what the account that Parapet runs in needs for that: its bus takes what the organisation forwards."""
    allowed = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "events:PutEvents",
        "Resource": {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"},
        "Condition": {
            "StringEquals": {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}},
            # Events of Parapet's own are nobody else's to send; the functions refuse them too.
            "StringNotEquals": {"events:source": "parapet"},
        },
    }
    policy = {
        "Type": "AWS::Events::EventBusPolicy",
        "Condition": "HasMembers",
        "Properties": {"StatementId": {"Fn::Sub": "parapet-${Stage}-members"}, "Statement": allowed},
    }
    return {
        "Conditions": {"HasMembers": {"Fn::Not": [{"Fn::Equals": [{"Ref": "OrganizationId"}, ""]}]}},
        "Resources": {"MembersBusPolicy": policy},
    }


def _parameters(settings: Settings) -> dict[str, Any]:
    return {
        "Stage": _text("The stage of the Parapet that is meant", "[a-z][a-z0-9-]{0,19}", Default=settings.stage),
        "HubAccount": _text("The account that Parapet runs in", r"\d{12}"),
        "HubRegion": _text("The region that Parapet runs in", r"[a-z]{2}(-[a-z]+)+-\d"),
        "RolesRegion": _text(
            "The one region in which the roles are made, among those of the StackSet",
            r"[a-z]{2}(-[a-z]+)+-\d",
            Default=GLOBAL_REGION,
        ),
        "OrganizationId": _text(
            "The organisation (o-...); without it no role can be assumed, which our own other regions need not",
            ORGANISATION,
            Default="",
        ),
        "ExternalId": _text(
            "The same as Parapet's own parameter of that name; without it no role can be assumed",
            EXTERNAL_ID,
            Default="",
            NoEcho=True,
        ),
    }


def _text(description: str, pattern: str, **more: Any) -> dict[str, Any]:
    return {"Type": "String", "Description": description, "AllowedPattern": pattern, **more}


def _resources(settings: Settings) -> dict[str, Any]:
    policies = rights.members(settings, ref("HubRegion"))
    buses = [BUS, CHANGES]
    forward = document({"Sid": "Forward", "Effect": "Allow", "Action": ["events:PutEvents"], "Resource": buses})
    found = {
        "Boundary": resource(
            "AWS::IAM::ManagedPolicy",
            # Named after the region as well: each region's stack has its own, so that no order must be kept.
            ManagedPolicyName={"Fn::Sub": "parapet-${Stage}-member-boundary-${AWS::Region}"},
            Description="The most that any role of Parapet's can do in this account",
            PolicyDocument=rights.boundary([*policies.values(), forward]),
        ),
        "ForwardRole": _role(
            "member-forward-${AWS::Region}",
            "Forwards",
            {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"},
            forward,
        ),
        "DeadLetters": resource(
            "AWS::SQS::Queue",
            "Forwards",
            QueueName={"Fn::Sub": "parapet-${Stage}-member-dead-letters"},
            MessageRetentionPeriod=FOURTEEN_DAYS,
            SqsManagedSseEnabled=True,
        ),
        "DeadLettersPolicy": _dead_letters_policy(),
    }
    for service in registry.services():
        name = service.capitalize()
        if pattern := registry.calls(service):
            about = f"Forwards what Parapet's guardrails of {service} are about"
            found[f"Forward{name}"] = _rule(service, about, pattern)
        found[f"{name}Role"] = _role(f"member-{service}", "Serves", _trust(service), policies[service])
    ours = {"Fn::Sub": asked.OURS.format(stage="${Stage}")}
    for kind, about, changes in asked.patterns(ours):
        found[f"ForwardLedger{kind.capitalize()}"] = _rule(f"ledger-{kind}", f"Forwards {about}", changes, CHANGES)
    return found


def _role(name: str, condition: str, trust: dict[str, Any], policy: rights.Policy) -> dict[str, Any]:
    # A service that only looks at events has nothing to do here; its role shows that the account is a member.
    inline = {"Policies": [{"PolicyName": "parapet", "PolicyDocument": policy}]} if policy["Statement"] else {}
    return resource(
        "AWS::IAM::Role",
        condition,
        RoleName={"Fn::Sub": "parapet-${Stage}-" + name},
        AssumeRolePolicyDocument=document(trust),
        PermissionsBoundary={"Ref": "Boundary"},
        **inline,
    )


def _trust(service: str) -> dict[str, Any]:
    guard = f"arn:${{AWS::Partition}}:iam::${{HubAccount}}:role/parapet-${{Stage}}-guard-{service}"
    return {
        "Effect": "Allow",
        # The account, and below the role by its name: a role as principal is lost when it is made anew.
        "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${HubAccount}:root"}},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {
                "sts:ExternalId": {"Ref": "ExternalId"},
                "aws:PrincipalOrgID": {"Ref": "OrganizationId"},
            },
            "ArnEquals": {"aws:PrincipalArn": {"Fn::Sub": guard}},
        },
    }


def _rule(name: str, about: str, pattern: Mapping[str, Any], bus: dict[str, Any] = BUS) -> dict[str, Any]:
    target = {
        "Id": "hub",
        "Arn": bus,
        "RoleArn": {"Fn::GetAtt": ["ForwardRole", "Arn"]},
        "RetryPolicy": RETRY,
        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
    }
    return resource(
        "AWS::Events::Rule",
        "Forwards",
        Name={"Fn::Sub": f"parapet-${{Stage}}-forward-{name}"},
        Description=about,
        EventPattern=pattern,
        State="ENABLED",
        Targets=[target],
    )


def _dead_letters_policy() -> dict[str, Any]:
    rules = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/parapet-${Stage}-forward-*"
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": ["DeadLetters", "Arn"]},
        "Condition": {"ArnLike": {"aws:SourceArn": {"Fn::Sub": rules}}},
    }
    return resource(
        "AWS::SQS::QueuePolicy",
        "Forwards",
        Queues=[{"Ref": "DeadLetters"}],
        PolicyDocument=document(allowed),
    )
