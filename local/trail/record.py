"""The CloudTrail record of one call, and the EventBridge envelope around it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.trail import casing, catalog, ec2, s3
from local.trail.identities import Identity
from local.trail.wire import Answer, Call, error_of

Event = dict[str, Any]

EVENT_VERSION = "1.11"
DETAIL_TYPE = "AWS API Call via CloudTrail"
# Reads by CloudTrail's mark, which still show what they gave out.
_GIVES_CREDENTIALS = frozenset({
    "AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken", "GetSessionToken",
})  # fmt: skip
_REQUEST_ID_HEADERS = ("x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id")


@dataclass(frozen=True)
class Asked:
    """A call with everything that its record is made of, but for the answer."""

    call: Call
    parameters: Mapping[str, Any]
    content: bytes
    environ: Mapping[str, Any]
    place: str  # for complaints


def make_record(
    asked: Asked, answer: Answer, parsed: Mapping[str, Any], caller: Identity, account: str, now: datetime
) -> Event:
    """Write down a call and its outcome as CloudTrail does."""
    call, environ = asked.call, asked.environ
    model = call.operation.service_model
    request_id = _request_id(answer, parsed)
    requested = casing.without_secrets(call.service, call.name, _request_parameters(asked))
    error: Event = {}
    elements = None
    if answer.failed:
        code, message = error_of(call, parsed)
        error = {"errorCode": code, "errorMessage": message}
    elif has_elements(call) and parsed:
        elements = _response_elements(call, parsed, request_id)
    return {
        "eventVersion": EVENT_VERSION,
        "userIdentity": dict(caller.user_identity),
        "eventTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": catalog.event_source(call.service, model.endpoint_prefix, model.signing_name),
        "eventName": catalog.event_name(call.service, call.name),
        "awsRegion": catalog.event_region(call.service, call.region),
        "sourceIPAddress": caller.source_ip or environ.get("REMOTE_ADDR", ""),
        "userAgent": environ.get("HTTP_USER_AGENT", ""),
        **error,
        "requestParameters": requested or None,
        "responseElements": casing.without_secrets(call.service, call.name, elements) or None,
        "requestID": request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": catalog.is_read(call.service, call.name),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }


def wrap(event: Event, detail_type: str, source: str, event_id: str) -> Event:
    """Put a record into the envelope in which EventBridge delivers it."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": detail_type,
        "source": source,
        "account": event["recipientAccountId"],
        "time": event["eventTime"],
        "region": event["awsRegion"],
        "resources": [],
        "detail": event,
    }


def breakdown(call: Call, error: Exception) -> dict[str, Any]:
    """Describe a call on which moto broke as the AWS error that the caller sees."""
    code = "InternalError" if call.protocol == "ec2" else "InternalFailure"
    message = f"{type(error).__name__}: {error}"[:1000]
    return {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 500}}


def has_elements(call: Call) -> bool:
    """Tell whether CloudTrail shows the answer of this call."""
    if call.service == "sts":
        return call.name in _GIVES_CREDENTIALS
    return call.service != "s3" and not catalog.is_read(call.service, call.name)


def _request_parameters(asked: Asked) -> dict[str, Any]:
    call, parameters = asked.call, asked.parameters
    if call.service in {"s3", "s3control"}:
        query = call.request.args.items()
        return s3.parameters(call.uri, query, call.request.headers, asked.content)
    if call.protocol == "ec2":
        return ec2.parameters(call.operation, parameters)
    spell = casing.api_gateway_parameters if call.service == "apigateway" else casing.parameters
    return spell(call.operation, parameters, casing.moment_for(call.protocol))


def _response_elements(call: Call, parsed: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    if call.protocol == "ec2":
        return ec2.elements(call.operation, parsed, request_id)
    return casing.elements(call.service, call.operation, parsed, casing.moment_for(call.protocol))


def _request_id(answer: Answer, parsed: Mapping[str, Any]) -> str:
    given = next((answer.headers[name] for name in _REQUEST_ID_HEADERS if name in answer.headers), None)
    found = given or parsed.get("ResponseMetadata", {}).get("RequestId")
    # Moto answers every EC2 call and some others with the same constant.
    return str(found) if found and found != "request-id" else str(uuid.uuid4())
