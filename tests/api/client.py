"""A client of the HTTP API: its requests reach the deployed handler as API Gateway hands them over."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app import app
from chalicelib import items, records
from chalicelib.model import Finding
from tests.account import TABLE, TestAccount
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT, ALICE, REGION

GUARDRAIL = SCENARIO.guardrail
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
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A request as API Gateway's REST proxy integration hands it over, signed by somebody."""
    resource, names = _resource(method, path)
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


class Api:
    """The API in an account of its own; every answer is checked for what holds for all of them."""

    def __init__(self, account: TestAccount) -> None:
        self.account = account
        self._numbers = itertools.count(1)
        self._bus = self._listen()

    def call(self, method: str, path: str, query: Any = None, body: Any = None, **more: Any) -> tuple[int, Any]:
        """Make a request; returns the status and the document."""
        several = {name: value if isinstance(value, list) else [value] for name, value in (query or {}).items()}
        sent = body if body is None or isinstance(body, str) else json.dumps(body)
        return self.send(event(method, path, several, sent, at=self.account.clock(), **more))

    def send(self, raw: Mapping[str, Any]) -> tuple[int, Any]:
        """Hand an event to the handler."""
        answer = self.account.running("api_handler", app)(json.loads(json.dumps(raw)), Context())
        assert answer["headers"]["Content-Type"] == "application/json"
        assert answer["headers"]["Cache-Control"] == "no-store"
        assert "Traceback" not in answer["body"]
        document = json.loads(answer["body"])
        assert isinstance(document, dict)
        if answer["statusCode"] >= 400 and "reasons" not in document:
            assert list(document) == ["error"]
            assert "\n" not in document["error"]
        return answer["statusCode"], document

    def get(self, path: str, **query: Any) -> Any:
        """Read something that must be there."""
        status, document = self.call("GET", path, query)
        assert status == 200, document
        return document

    def error(self, status: int, method: str, path: str, query: Any = None, body: Any = None, **more: Any) -> str:
        """Make a request that must be declined; returns what it says."""
        got, document = self.call(method, path, query, body, **more)
        assert got == status, document
        return str(document["error"])

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
