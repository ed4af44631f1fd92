"""How a request comes in and an answer goes out, for every route alike: known, checked, its errors named."""

from __future__ import annotations

import json
import math
import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from chalice import Blueprint, IAMAuthorizer, Response
from chalice.app import Authorizer

from chalicelib import registry, secrets, settings, telemetry, wiring
from chalicelib.admission import Refused
from chalicelib.alerts.book import Book
from chalicelib.api import declared, problems
from chalicelib.api.asked import Asked, Declined, asked
from chalicelib.api.declared import Declared, Door, Param, Schema
from chalicelib.journal import Conflict, Journal
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.registry import Guardrail
from chalicelib.settings import Settings
from chalicelib.telemetry import Invocation

blueprint = Blueprint(__name__)
HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# When it was asked, and what that took, does not make an answer another one.
PASSING = ("as_of", "cost")
# What is read may be kept by whoever asked, who asks whether it still is so.
KEPT = {"Cache-Control": "private, no-cache"}
# What a page of another site may send and see, and for how long a browser remembers that (seconds).
ALLOWED = "Authorization, Content-Type, Idempotency-Key, If-None-Match"
EXPOSED = "ETag, Link, Location, Retry-After"
REMEMBERED = 600


class ByToken(Authorizer):  # type: ignore[misc]
    """The function `authorizer`, by its name alone: the API need not load it."""

    name = "authorizer"
    # What does not look like a token is declined without asking the function.
    LIKE = r"^[Bb]earer +[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+ *$"

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def to_swagger(self) -> dict[str, Any]:
        """Return it as API Gateway has it."""
        uri = (
            "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31"
            "/functions/${Authorizer.Arn}/invocations"
        )
        return {
            "in": "header",
            "type": "apiKey",
            "name": "Authorization",
            "x-amazon-apigateway-authtype": "custom",
            "x-amazon-apigateway-authorizer": {
                "type": "token",
                "authorizerUri": {"Fn::Sub": uri},
                "authorizerResultTtlInSeconds": declared.TTL,
                "identityValidationExpression": self.LIKE,
            },
        }


DOORS: Mapping[Door, Authorizer | None] = {"token": ByToken(), "signed": IAMAuthorizer(), "slack": None, "open": None}


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON document with its HTTP status, what the log shall say about it, and where what was begun can be read."""

    document: Mapping[str, Any]
    status: int = 200
    about: Mapping[str, str] = field(default_factory=dict)
    location: str = ""


View = Callable[[Asked], Answer]


def route(
    method: str,
    path: str,
    *takes: Param,
    answers: Schema,
    status: int = 200,
    also: Mapping[int, Schema] | None = None,
    door: Door = "token",
) -> Callable[[View], View]:
    """Declare what answers a method and path, what it takes (from the body for POST, else the query), and answers.

    GET wants a token of scope `read`, everything else one of scope `operate`, unless another door is named.
    A path names at most one item: `/findings/{id}`.
    """

    def declare(view: View) -> View:
        about = " ".join((view.__doc__ or "").split())
        one = Declared(method, f"/v1{path}", takes, about, answers, status, also or {}, door=door)
        declared.ROUTES.append(one)

        def answered(**names: str) -> Response:
            with telemetry.invocation("api_handler", blueprint.lambda_context) as seen:
                return _answered(view, one, next(iter(names.values()), ""), seen)

        answered.__doc__ = view.__doc__
        name = f"{view.__module__.rsplit('.', 1)[-1]}_{view.__name__}"
        blueprint.route(one.path, methods=[method], authorizer=DOORS[door], name=name)(answered)
        _preflight(one.path)
        return view

    return declare


_asked_first: set[str] = set()


def _preflight(path: str) -> None:
    """Answer what a browser asks first, when a page of another site would call a path."""
    if path in _asked_first:
        return
    _asked_first.add(path)

    def allowed(**_names: str) -> Response:
        """Tell a browser which pages of other sites may call this."""
        methods = ", ".join(one.method for one in declared.ROUTES if one.path == path)
        shared = _shared()
        if not shared:
            return _problem(403, "no page of another site may call this: [api] origins in parapet.toml names who may")
        how = {"Allow-Methods": methods, "Allow-Headers": ALLOWED, "Max-Age": str(REMEMBERED)}
        return Response("", {**shared, **{f"Access-Control-{name}": value for name, value in how.items()}}, 204)

    name = f"preflight_{len(_asked_first)}"
    blueprint.route(path, methods=["OPTIONS"], content_types=["*/*"], name=name)(allowed)


def _shared() -> dict[str, str]:
    """Return the headers that let the page of another site see an answer, none for a page that may not."""
    origin = blueprint.current_request.headers.get("origin")
    if origin is None:
        return {}
    try:
        known = chosen().api.origins
    except ParapetError:
        known = ()
    if origin not in known:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED, "Vary": "Origin"}


def ours(region: str = "") -> Aws:
    """Return calls to Parapet's own account, in its own region unless another is named."""
    account = blueprint.lambda_context.invoked_function_arn.split(":")[4]
    return wiring.accounts(account)(account, region)


def journal() -> Journal:
    """Return the journal."""
    return Journal(ours(), table())


def book() -> Book:
    """Return what is known of alerts."""
    return Book(ours(), table())


def chosen(rails: Iterable[Guardrail] = ()) -> Settings:
    """Return the settings in force, of guardrails' own those of some; raises SettingsError."""
    return settings.load(os.environ, registry.names(), rails)


def table() -> str:
    """Return the journal's table."""
    return wiring.environment().table


def address() -> str:
    """Return where this API is, as whoever asks has reached it, with a slash at its end."""
    request = blueprint.current_request
    base = request.context["path"].removesuffix(request.context["resourcePath"]).rstrip("/")
    return f"{request.headers.get('x-forwarded-proto', 'https')}://{request.context['domainName']}{base}/"


def explained(error: ParapetError) -> str:
    """Return a declared error as one sentence that says what to mend."""
    if not isinstance(error, AwsError):
        return str(error)
    if error.denied:
        return f"AWS denies {error.action} to the API's role: {error.message}"
    if error.code == "ResourceNotFoundException" and error.action.startswith("dynamodb:"):
        return f"the journal's table {table()} does not exist in {wiring.home()}: is Parapet deployed there?"
    if error.transient:
        return f"{error.action} does not answer at the moment ({error.code}): ask again in a moment"
    return str(error)


def mute(regions: Mapping[str, AwsError]) -> list[dict[str, str]]:
    """Return regions whose alarms nobody knows as they are told; an empty one is the one we run in."""
    told = {one or wiring.home(): explained(error) for one, error in regions.items()}
    return [{"region": region, "why": why} for region, why in told.items()]


def _answered(view: View, one: Declared, item: str, seen: Invocation) -> Response:
    request = blueprint.current_request
    context = request.context
    about = {"route": f"{context['httpMethod']} {context['resourcePath']}", "api_request_id": context["requestId"]}
    again = 0.0
    query = request.to_original_event()["multiValueQueryStringParameters"] or {}
    try:
        body = _body(request) if request.method == "POST" else None
        question = asked(context, item, one, query, body, request.headers.get("idempotency-key"))
        about["who"] = question.who
        answer = view(question)
        seen.because(**about, **answer.about, status=answer.status)
        return _told(answer, query)
    except Declined as error:
        status, text, again = error.status, str(error), error.again
    except (Refused, Conflict) as error:
        status, text = 409, str(error)
    except ParapetError as error:
        status, text = 503, explained(error)
    except Exception as error:
        seen.line("ERROR", "a defect of Parapet's", error=type(error).__name__, trace=traceback.format_exc())
        number = blueprint.lambda_context.aws_request_id
        status, text = 500, f"this is a defect of Parapet's; the function's log tells more under {number}"
    response = _problem(status, text)
    if again:
        response.headers["Retry-After"] = str(math.ceil(again))
    seen.because(**about, error=response.body["detail"], status=status)
    return response


def _told(answer: Answer, query: Mapping[str, list[str]]) -> Response:
    """Return an answer as a response: what was read with its mark, or only with that to whoever has it already."""
    body = json.dumps(dict(answer.document), separators=(",", ":"), allow_nan=False)
    request = blueprint.current_request
    headers = {**HEADERS, **_shared()}
    if request.method == "GET" and answer.status == 200:
        same = json.dumps({key: value for key, value in answer.document.items() if key not in PASSING})
        mark = problems.mark(same)
        headers |= {**KEPT, "ETag": mark}
        if after := answer.document.get("after"):
            pairs = [(name, value) for name, some in query.items() for value in some if name != "after"]
            headers["Link"] = f'<?{urlencode([*pairs, ("after", after)])}>; rel="next"'
        if problems.held(request.headers.get("if-none-match", ""), mark):
            del headers["Content-Type"]
            return Response("", headers, 304)
    if answer.location:
        # Behind the name of the stage, where whoever asks has one in their address.
        headers["Location"] = request.context["path"].partition("/v1/")[0] + answer.location
    return Response(body, headers, answer.status)


def _body(request: Any) -> bytes:
    try:
        body: bytes = request.raw_body
    except ValueError as error:
        raise Declined(400, f"the body cannot be read: {error}") from error
    return body


def _problem(status: int, text: str) -> Response:
    shown = secrets.redacted(" ".join(text.split()))
    number = blueprint.current_request.context["requestId"]
    headers = {**HEADERS, **_shared(), "Content-Type": problems.TYPE}
    return Response(dict(problems.problem(status, shown, number)), headers, status)


def _in_our_words(asked: Any, respond: Callable[[Any], Response]) -> Response:
    """Give what Chalice itself declines, before a route is asked, the shape that all our errors have."""
    response = respond(asked)
    if isinstance(response.body, dict) and set(response.body) == {"Code", "Message"}:
        text = response.body["Message"]
        if response.status_code == 415:
            text = "the body must be JSON: send it with the header Content-Type: application/json"
        found = _problem(response.status_code, text)
        return Response(found.body, {**response.headers, **found.headers}, response.status_code)
    return response


blueprint.register_middleware(_in_our_words, "http")
