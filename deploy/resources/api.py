"""The HTTP API's own settings: how much it lets through, what it says itself, the log of who asked for what."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.api import problems
from chalicelib.settings import Settings
from deploy.intrinsics import allow, arn, document, named, ref, resource, sub

# A person or a script asks a few times a second; an API that anybody can wear out wears out our functions.
RATE, BURST = 20, 40
LINE = {
    "at": "$context.requestTime",
    "request": "$context.requestId",
    "caller": "$context.identity.userArn",
    "bearer": "$context.authorizer.by",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.message",
    "ms": "$context.responseLatency",
}
# What API Gateway says itself, by its own name for it: the status, and what to do about it.
SAID = {
    "UNAUTHORIZED": (
        401,
        "no valid token came with this (Authorization: Bearer TOKEN): ./parapet token gives one, in Slack /parapet "
        "login, and POST /v1/token to whoever signs with AWS credentials",
    ),
    "ACCESS_DENIED": (
        403,
        "this token, or whoever signed, may not: to ask for something it takes a token of scope operate, "
        "and for a token the right execute-api:Invoke",
    ),
    # It says the same to a path that is not there as to what is not signed; the former is what happens to people.
    "MISSING_AUTHENTICATION_TOKEN": (
        404,
        "nothing is at this path and method (docs/api.md has what there is); of POST /v1/token: it is not signed with "
        "AWS credentials",
    ),
    "THROTTLED": (429, "too many requests at once: ask again in a second"),
}
MORE = {"UNAUTHORIZED": {"WWW-Authenticate": "Bearer"}, "THROTTLED": {"Retry-After": "1"}}


def responses(origins: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what API Gateway says itself, in the shape that all our errors have.

    Args:
        origins: the pages of other sites that may call the API. Its answers cannot depend on who asks: where there is
            one it may read them, where there are more none may.
    """
    shared = {"Access-Control-Allow-Origin": origins[0], "Vary": "Origin"} if len(origins) == 1 else {}
    shared |= {"Access-Control-Expose-Headers": "Retry-After"} if shared else {}
    found = {}
    for name, (status, detail) in SAID.items():
        document = problems.problem(status, detail, "$context.requestId")
        found[name] = {
            "statusCode": str(status),
            **_response(json.dumps(document), {**MORE.get(name, {}), **shared}),
        }
    # Of the rest its own words will do; their status is not told to a template.
    number = json.dumps(problems.instance("$context.requestId"))
    rest = f'{{"type": "about:blank", "detail": $context.error.messageString, "instance": {number}}}'
    return {**found, "DEFAULT_4XX": _response(rest, shared), "DEFAULT_5XX": _response(rest, shared)}


def _response(template: str, headers: dict[str, str]) -> dict[str, Any]:
    every = {"Content-Type": problems.TYPE, "Cache-Control": "no-store", **headers}
    return {
        "responseTemplates": {"application/json": template},
        "responseParameters": {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in every.items()},
    }


def key() -> dict[str, Any]:
    """Return the secret that tokens are signed with: made with the stack, and read by two functions alone."""
    made = {"PasswordLength": 64, "ExcludePunctuation": True}
    about = "What Parapet's API signs its tokens with; a new value makes tokens of the one before the last invalid"
    given = {"Name": named("token-key"), "Description": about, "GenerateSecretString": made}
    return {"TokenKey": resource("AWS::SecretsManager::Secret", **given)}


def resources(settings: Settings) -> dict[str, Any]:
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
        "DefinitionBody": {"x-amazon-apigateway-gateway-responses": responses(settings.api.origins)},
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
