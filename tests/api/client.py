"""A client of the HTTP API: its requests reach the deployed handler as API Gateway hands them over."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from app import app
from chalicelib import items, records
from chalicelib.api import declared, problems
from chalicelib.events import name_of
from chalicelib.model import Finding
from tests.account import TABLE, TestAccount
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT, ALICE, REGION

GUARDRAIL = SCENARIO.guardrail
KEY = "parapet-test-token-key"
STAGE_ARN = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abc123def4/api"
REQUEST = "00000000-0000-4000-8000-000000000002"


@dataclass
class Context:
    """What Lambda tells about an invocation."""

    function_name: str = "parapet-test-api-handler"
    memory_limit_in_mb: int = 512
    aws_request_id: str = REQUEST
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:parapet-test-api-handler"


def event(
    method: str,
    path: str,
    query: Mapping[str, list[str]] | None = None,
    body: str | None = None,
    *,
    at: float,
    arn: str | None = ALICE["arn"],
    scope: str = "read operate",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as API Gateway's REST proxy integration hands it over, with somebody's token, or signed by them."""
    resource, names = _resource(method, path)
    brought = {"principalId": name_of(arn), "by": arn, "scope": scope, "integrationLatency": 0} if arn else None
    if any(one.path == resource and one.door == "signed" for one in declared.ROUTES):
        brought = None
    else:
        arn = None
    sent = {
        "Accept": "*/*",
        "Host": "abc123def4.execute-api.eu-west-1.amazonaws.com",
        "User-Agent": "curl/8.14.1",
        "X-Amz-Date": "20261118T110641Z",
        "X-Amzn-Trace-Id": "Root=1-00000000-000000000000000000000000",
        "X-Forwarded-For": "198.51.100.7",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        **({"Content-Type": "application/json"} if body is not None else {}),
        **(headers or {}),
    }
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: values[-1] for name, values in (query or {}).items()} or None,
        "multiValueQueryStringParameters": dict(query or {}) or None,
        "pathParameters": names or None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "a1b2c3",
            "resourcePath": resource,
            "httpMethod": method,
            "extendedRequestId": "AAAAAAAAAAAAAAA=",
            "requestTime": "18/Nov/2026:11:06:41 +0000",
            "path": f"/api{path}",
            "accountId": ACCOUNT,
            "protocol": "HTTP/1.1",
            "stage": "api",
            "domainPrefix": "abc123def4",
            "requestTimeEpoch": int(at * 1000),
            "requestId": "00000000-0000-4000-8000-000000000001",
            "identity": {
                "cognitoIdentityPoolId": None,
                "accountId": ACCOUNT if arn else None,
                "cognitoIdentityId": None,
                "caller": "AIDAEXAMPLEALICE" if arn else None,
                "sourceIp": "198.51.100.7",
                "principalOrgId": None,
                "accessKey": "AKIAEXAMPLEALICE0000" if arn else None,
                "cognitoAuthenticationType": None,
                "cognitoAuthenticationProvider": None,
                "userArn": arn,
                "userAgent": "curl/8.14.1",
                "user": "AIDAEXAMPLEALICE" if arn else None,
            },
            "domainName": "abc123def4.execute-api.eu-west-1.amazonaws.com",
            "apiId": "abc123def4",
            **({"authorizer": brought} if brought else {}),
        },
        "body": body,
        "isBase64Encoded": False,
    }


def _resource(method: str, path: str) -> tuple[str, dict[str, str]]:
    for resource, methods in app.routes.items():
        match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", resource), path)
        if match and method in methods:
            return resource, match.groupdict()
    raise AssertionError(f"API Gateway would not pass on {method} {path}")


def token_key(account: TestAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the key of tokens, as the stack does."""
    account.client("secretsmanager").create_secret(Name=KEY, SecretString="0123456789abcdef" * 4)
    monkeypatch.setenv("PARAPET_TOKEN_KEY", KEY)


@functools.cache
def validator(schema: str) -> Any:
    """What judges answers by a schema, which may refer to those that have a name."""
    whole = {**json.loads(schema), "components": {"schemas": declared.SCHEMAS}}
    return OAS31Validator(whole, format_checker=oas31_format_checker)


class Api:
    """The API in an account of its own; every answer is checked for what holds for all of them."""

    def __init__(self, account: TestAccount) -> None:
        self.account = account
        self._numbers = itertools.count(1)
        self._bus = self._listen()

    def call(self, method: str, path: str, query: Any = None, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Make a request; returns the status and the document."""
        more = {"at": self.account.clock(), **more}
        several = {name: value if isinstance(value, list) else [value] for name, value in (query or {}).items()}
        sent = body if body is None or isinstance(body, str) else json.dumps(body)
        return self.send(event(method, path, several, sent, **more))

    def respond(self, raw: Mapping[str, Any]) -> Any:
        """Hand an event to the handler; returns its response as it is."""
        return self.account.running("api_handler", app)(json.loads(json.dumps(raw)), Context())

    def send(self, raw: Mapping[str, Any]) -> tuple[int, Any]:
        """Hand an event to the handler."""
        answer, context = self.respond(raw), raw["requestContext"]
        status, headers = answer["statusCode"], answer["headers"]
        reads = status == 200 and context["httpMethod"] == "GET"
        assert headers["Cache-Control"] == ("private, no-cache" if reads else "no-store")
        assert ("ETag" in headers) == reads
        assert "Traceback (most recent" not in answer["body"]
        document = json.loads(answer["body"])
        assert isinstance(document, dict)
        wanted = context["httpMethod"], context["resourcePath"]
        route = next((one for one in declared.ROUTES if (one.method, one.path) == wanted), None)
        if route and status in {route.status, *route.also}:
            assert headers["Content-Type"] == "application/json"
            validator(json.dumps(route.answers if status == route.status else route.also[status])).validate(document)
        else:
            assert headers["Content-Type"] == problems.TYPE
            assert list(document) == ["type", "title", "status", "detail", "instance"]
            assert (document["status"], document["instance"]) == (status, f"urn:uuid:{context['requestId']}")
            assert "\n" not in document["detail"]
        return status, document

    def get(self, path: str, **query: Any) -> Any:
        """Read something that must be there."""
        status, document = self.call("GET", path, query)
        assert status == 200, document
        return document

    def error(self, status: int, method: str, path: str, query: Any = None, body: Any = None, **more: Any) -> str:
        """Make a request that must be declined; returns what it says."""
        got, document = self.call(method, path, query, body, **more)
        assert got == status, document
        return str(document["detail"])

    def _listen(self) -> str:
        sqs, events = self.account.client("sqs"), self.account.client("events")
        queue = str(sqs.create_queue(QueueName="bus")["QueueUrl"])
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="ours", EventPattern=json.dumps({"source": ["parapet"]}))
        events.put_targets(Rule="ours", Targets=[{"Id": "bus", "Arn": arn}])
        return queue

    def events(self) -> list[tuple[str, Any]]:
        """Take what was put on the bus: detail-type and detail of each."""
        sqs, found = self.account.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self._bus, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                one = json.loads(message["Body"])
                found.append((one["detail-type"], one["detail"]))
                sqs.delete_message(QueueUrl=self._bus, ReceiptHandle=message["ReceiptHandle"])
        return found

    def group(self) -> str:
        """An innocent security group."""
        name = f"group-{next(self._numbers)}"
        return str(self.account.client("ec2").create_security_group(GroupName=name, Description="x")["GroupId"])

    def breach(self, group: str = "") -> Finding:
        """Have alice open port 22 of a security group to the world; returns the finding it leads to."""
        known = {finding.id for finding in self.account.findings()}
        raw = SCENARIO.breach(self.account, group or self.group())
        [new] = [finding for finding in self.account.deliver(raw) if finding.id not in known]
        return new

    def plant(self, *findings: Finding) -> None:
        """Put findings into the journal as they are."""
        for finding in findings:
            raw = items.item(records.finding_record(finding))
            self.account.client("dynamodb").put_item(TableName=TABLE, Item=raw)
