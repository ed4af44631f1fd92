"""The HTTP API's own settings: how much it lets through, and the log of who asked for what."""

from __future__ import annotations

import json
from typing import Any

from deploy.intrinsics import allow, arn, document, named, ref, resource, sub

# A person or a script asks a few times a second; an API that anybody can wear out wears out our functions.
RATE, BURST = 20, 40
LINE = {
    "at": "$context.requestTime",
    "request": "$context.requestId",
    "caller": "$context.identity.userArn",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.message",
    "ms": "$context.responseLatency",
}


def resources() -> dict[str, Any]:
    """Return what is laid over Chalice's API, and its log.

    API Gateway writes logs under a role that is set once for an account's region, for the APIs of everybody in it. So
    it is made only where the parameter `CreateApiGatewayRole` says that there is none, and stays when the stack goes.
    """
    every_method = {
        "ResourcePath": "/*",
        "HttpMethod": "*",
        "ThrottlingRateLimit": RATE,
        "ThrottlingBurstLimit": BURST,
    }
    api = {
        "Name": named("api"),
        # Says so, and so waits for it: a stage cannot log before the role is known.
        "Description": {
            "Fn::If": [
                "CreatesApiGatewayRole",
                sub("Parapet; API Gateway logs as ${ApiGatewayAccount} says"),
                "Parapet",
            ]
        },
        # Chalice says a word where SAM wants a type.
        "EndpointConfiguration": {"Type": "REGIONAL"},
        # Without it, SAM makes another stage beside ours.
        "OpenApiVersion": "2.0",
        "TracingEnabled": True,
        "AccessLogSetting": {"DestinationArn": arn("ApiLog"), "Format": json.dumps(LINE)},
        "MethodSettings": [every_method],
    }
    trust = allow(
        "ApiGateway",
        "apigateway.amazonaws.com",
        "sts:AssumeRole",
        None,
        StringEquals={"aws:SourceAccount": ref("AWS::AccountId")},
    )
    push = "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    return {
        "RestAPI": {"Properties": api},
        "ApiLog": resource(
            "AWS::Logs::LogGroup",
            LogGroupName=sub("/aws/apigateway/parapet-${Stage}"),
            RetentionInDays=ref("LogRetentionDays"),
        ),
        "ApiGatewayRole": _once(
            "AWS::IAM::Role", AssumeRolePolicyDocument=document(trust), ManagedPolicyArns=[sub(push)]
        ),
        "ApiGatewayAccount": _once("AWS::ApiGateway::Account", CloudWatchRoleArn=arn("ApiGatewayRole")),
    }


def _once(kind: str, **properties: Any) -> dict[str, Any]:
    made = resource(kind, "CreatesApiGatewayRole", **properties)
    return {**made, "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
