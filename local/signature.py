"""Who signed a request: Signature Version 4 checked against the secret keys that the account has given out."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_to_bytes, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

SKEW = timedelta(minutes=5)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request, *"
    r"SignedHeaders=([a-z0-9;_-]+), *Signature=([0-9a-f]{64})"
)
Secret = Callable[[str], Credentials | None]


class NotSigned(Exception):
    """A request without a signature that counts; `kind` and text are AWS's own."""

    def __init__(self, kind: str, text: str) -> None:
        """Keep the kind of error, as AWS answers it in `x-amzn-ErrorType`."""
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True)
class Request:
    """What was signed: everything as it came over the wire; header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def signer(request: Request, service: str, region: str, secret: Secret, now: datetime) -> str:
    """Return the access key that a request is signed with; raises NotSigned."""
    given = request.headers.get("authorization")
    if not given:
        raise NotSigned("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(given.strip())
    if not match:
        raise NotSigned("IncompleteSignatureException", "Authorization header is not one of Signature Version 4")
    key, day, signed_region, signed_service, names, signature = match.groups()
    if (signed_region, signed_service) != (region, service):
        raise NotSigned(
            "InvalidSignatureException",
            f"Credential should be scoped to a valid region, not '{signed_region}', and to the service: '{service}'.",
        )
    at = _time(request.headers.get("x-amz-date", ""), day)
    if abs(now - at) > SKEW:
        raise NotSigned("InvalidSignatureException", f"Signature expired: {at:{SIGV4_TIMESTAMP}} is not now")
    held = secret(key)
    if held is None or (held.token or None) != request.headers.get("x-amz-security-token"):
        raise NotSigned("UnrecognizedClientException", "The security token included in the request is invalid.")
    signed = {name: request.headers[name] for name in names.split(";") if name in request.headers}
    if not {"host", "x-amz-date"} <= set(signed) or not hmac.compare_digest(
        signature, _Recalculated(held, service, region, signed).of(request, at)
    ):
        raise NotSigned(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )
    return key


class _Recalculated(SigV4Auth):
    """The signature as it should be, over the headers that the request says it signs."""

    def __init__(self, credentials: Credentials, service: str, region: str, signed: Mapping[str, str]) -> None:
        super().__init__(credentials, service, region)
        self._signed = signed

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name, value in self._signed.items():
            headers[name] = value
        return headers

    def canonical_query_string(self, request: AWSRequest) -> str:
        # AWS decodes the query and encodes it anew, so that a client has to sign it encoded and in order.
        pairs = [pair.partition("=") for pair in urlsplit(str(request.url)).query.split("&") if pair]
        encoded = [[quote(unquote_to_bytes(text), safe="-_.~") for text in (name, value)] for name, _, value in pairs]
        return "&".join(f"{name}={value}" for name, value in sorted(encoded))

    def of(self, request: Request, at: datetime) -> str:
        """Return the signature that a request should have."""
        url = f"http://local{request.path}{f'?{request.query}' if request.query else ''}"
        aws = AWSRequest(method=request.method, url=url, data=request.body)
        aws.context["timestamp"] = at.strftime(SIGV4_TIMESTAMP)
        return str(self.signature(self.string_to_sign(aws, self.canonical_request(aws)), aws))


def _time(text: str, day: str) -> datetime:
    try:
        at = datetime.strptime(text, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        raise NotSigned("IncompleteSignatureException", "Authorization header requires a 'X-Amz-Date' header") from None
    if text[:8] != day:
        raise NotSigned("InvalidSignatureException", f"Date in Credential scope does not match {text}")
    return at


def given_out(account: str, also: Mapping[str, str]) -> Secret:
    """Return how to look up the secret of an access key: those that moto's IAM and STS gave out, and some others."""

    def secret(key: str) -> Credentials | None:
        if key in also:
            return Credentials(key, also[key])
        for user in list(iam_backends[account]["aws"].users.values()):
            for one in user.access_keys:
                if one.access_key_id == key and one.status == "Active":
                    return Credentials(key, one.secret_access_key)
        for role in list(sts_backends[account]["aws"].assumed_roles):
            if role.access_key_id == key:
                return Credentials(key, role.secret_access_key, role.session_token)
        return None

    return secret
