"""A client that needs no wire asks the application exactly what it would have sent."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from werkzeug import Request, Response

from local.inside import clients

WHO = """<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><UserId>u</UserId>
<Arn>arn:aws:iam::123456789012:root</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"""


def of(seen: list[Request], status: int, body: str) -> Any:
    @Request.application
    def app(request: Request) -> Response:
        request.get_data()
        seen.append(request)
        return Response(body, status, content_type="text/xml")

    return clients(app, boto3.Session("AKIALOCALINSTALL0000", "local", region_name="eu-west-1"))


def test_what_is_asked_arrives_whole_and_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    seen: list[Request] = []
    client = of(seen, 200, WHO)
    assert client("sts").get_caller_identity()["Account"] == "123456789012"
    assert client("sts") is client("sts")
    [asked] = seen
    assert asked.form["Action"] == "GetCallerIdentity"
    assert "/eu-west-1/sts/aws4_request" in asked.headers["Authorization"]
    client("s3").put_object(Bucket="demo", Key="a b/ü?.txt", Body=b"text")
    assert (seen[-1].method, seen[-1].path) == ("PUT", "/a b/ü?.txt")
    # With its checksum behind it, as botocore sends it.
    assert b"text" in seen[-1].get_data()
    assert seen[-1].host.startswith("demo.s3.")


def test_an_error_is_the_callers() -> None:
    error = "<ErrorResponse><Error><Code>Throttled</Code><Message>slowly</Message></Error></ErrorResponse>"
    with pytest.raises(ClientError, match="slowly"):
        of([], 400, error)("sts").get_caller_identity()
