"""How a request comes in and an answer goes out, for every route alike: signed, checked, its errors named."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalice import Blueprint, IAMAuthorizer, Response

from chalicelib import registry, secrets, settings, telemetry, wiring
from chalicelib.admission import Refused
from chalicelib.alerts.book import Book
from chalicelib.api.asked import Asked, Declined, asked
from chalicelib.journal import Conflict, Journal
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.settings import Settings
from chalicelib.telemetry import Invocation

blueprint = Blueprint(__name__)
SIGNED = IAMAuthorizer()
HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON document with its HTTP status, and what the log shall say about it."""

    document: Mapping[str, Any]
    status: int = 200
    about: Mapping[str, str] = field(default_factory=dict)


View = Callable[[Asked], Answer]


def route(method: str, path: str, *takes: str) -> Callable[[View], View]:
    """Declare what answers a method and path, and the parameters it takes: from the body for POST, else the query.

    Every route asks for a signature (AWS_IAM). A path names at most one item: `/findings/{id}`.
    """

    def declare(view: View) -> View:
        def answered(**names: str) -> Response:
            with telemetry.invocation("api_handler", blueprint.lambda_context) as seen:
                return _answered(view, takes, next(iter(names.values()), ""), seen)

        answered.__doc__ = view.__doc__
        name = f"{view.__module__.rsplit('.', 1)[-1]}_{view.__name__}"
        blueprint.route(f"/v1{path}", methods=[method], authorizer=SIGNED, name=name)(answered)
        return view

    return declare


def ours() -> Aws:
    """Return calls to Parapet's own account and region."""
    account = blueprint.lambda_context.invoked_function_arn.split(":")[4]
    return wiring.accounts(account)(account, "")


def journal() -> Journal:
    """Return the journal."""
    return Journal(ours(), table())


def book() -> Book:
    """Return what is known of alerts."""
    return Book(ours(), table())


def chosen() -> Settings:
    """Return the settings in force, guardrails' own aside; raises SettingsError."""
    return settings.load(os.environ, registry.names(), ())


def table() -> str:
    """Return the journal's table."""
    return wiring.environment().table


def explained(error: ParapetError) -> str:
    """Return a declared error as one sentence that says what to mend."""
    if not isinstance(error, AwsError):
        return str(error)
    if error.denied:
        return f"AWS denies {error.action} to the API's role: {error.message}"
    if error.code == "ResourceNotFoundException":
        return f"the journal's table {table()} does not exist in {wiring.home()}: is Parapet deployed there?"
    if error.transient:
        return f"{error.action} does not answer at the moment ({error.code}): ask again in a moment"
    return str(error)


def _answered(view: View, takes: tuple[str, ...], item: str, seen: Invocation) -> Response:
    request = blueprint.current_request
    context = request.context
    about = {"route": f"{context['httpMethod']} {context['resourcePath']}", "api_request_id": context["requestId"]}
    try:
        body = _body(request) if request.method == "POST" else None
        query = request.to_original_event()["multiValueQueryStringParameters"]
        question = asked(context, item, takes, query, body, request.headers.get("idempotency-key"))
        about["who"] = question.who
        answer = view(question)
    except Declined as error:
        answer = _error(error.status, str(error))
    except (Refused, Conflict) as error:
        answer = _error(409, str(error))
    except ParapetError as error:
        answer = _error(503, explained(error))
    except Exception as error:
        seen.line("ERROR", "a defect of Parapet's", error=type(error).__name__, trace=traceback.format_exc())
        number = blueprint.lambda_context.aws_request_id
        answer = _error(500, f"this is a defect of Parapet's; the function's log tells more under {number}")
    seen.because(**about, **answer.about, status=answer.status)
    return Response(dict(answer.document), dict(HEADERS), answer.status)


def _body(request: Any) -> bytes:
    try:
        body: bytes = request.raw_body
    except ValueError as error:
        raise Declined(400, f"the body cannot be read: {error}") from error
    return body


def _error(status: int, text: str) -> Answer:
    shown = secrets.redacted(" ".join(text.split()))
    return Answer({"error": shown}, status, {"error": shown})


def _in_our_words(asked: Any, respond: Callable[[Any], Response]) -> Response:
    """Give what Chalice itself declines, before a route is asked, the shape that all our errors have."""
    response = respond(asked)
    if isinstance(response.body, dict) and set(response.body) == {"Code", "Message"}:
        text = response.body["Message"]
        if response.status_code == 415:
            text = "the body must be JSON: send it with the header Content-Type: application/json"
        return Response({"error": text}, {**response.headers, **HEADERS}, response.status_code)
    return response


blueprint.register_middleware(_in_our_words, "http")
