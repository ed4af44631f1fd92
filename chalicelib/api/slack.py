"""What Slack calls: buttons and modals at `/v1/slack/actions`, `/parapet` at `/v1/slack/command`.

API Gateway lets everybody through to these two routes; whoever does not sign as Slack does gets no further. Slack waits
for three seconds: what takes longer is done by the function that owns the service, or later.
"""

from __future__ import annotations

import functools
import os
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from chalice import Response

from chalicelib import registry, settings, telemetry, wiring
from chalicelib.api import declared, problems, slack_answers, slack_asking, slack_payload, slack_signature, slack_typing
from chalicelib.api.declared import ANYTHING, Declared
from chalicelib.api.route import HEADERS, blueprint, explained, journal, ours
from chalicelib.api.slack_asking import Unfilled
from chalicelib.api.slack_desk import Denied, Desk, Groups
from chalicelib.api.slack_payload import Malformed, Pressed, Submitted, User
from chalicelib.api.slack_signature import Forged, Unfitting
from chalicelib.model import ParapetError
from chalicelib.notices import slack_reply
from chalicelib.notices.slack_api import SlackApi
from chalicelib.notices.slack_modals import WHY
from chalicelib.secrets import Kept, redacted
from chalicelib.section import SettingsError
from chalicelib.settings import Settings
from chalicelib.telemetry import Invocation

FORM = "application/x-www-form-urlencoded"
# Of Slack's three seconds: the rest is for the way there and back, and for a cold start.
BUDGET, CALL, SPARE, WHISPER = 2.2, 1.0, 0.1, 0.3
# How often at most anybody without the secret can make us read it anew (seconds).
READ_ANEW = 60.0

Answer = Mapping[str, Any] | None
# What sentences of our own begin with.
OURS = frozenset(
    ("a", "an", "exemptions", "it", "its", "nobody", "only", "say", "somebody", "that", "the", "there", "this",
     "waiver", "what", "who", "you")
)  # fmt: skip


class Line:
    """The way to Slack and what its calls are known by, kept for as long as this environment lives."""

    def __init__(self, chosen: Settings, clock: Callable[[], float] = time.monotonic, problem: str = "") -> None:
        """Raise ParapetError where the settings name no secret of Slack's."""
        if not chosen.slack_signing_secret or not chosen.slack_token:
            raise ParapetError(
                "PARAPET_SLACK_SIGNING_SECRET and PARAPET_SLACK_TOKEN must be set: they name where Slack's signing "
                "secret and bot token are kept (docs/slack.md)"
            )
        self.settings, self.problem = chosen, problem
        self._signing = _kept(chosen.slack_signing_secret, "Slack's signing secret")
        self._clock = clock
        self._anew = float("-inf")
        token = _kept(chosen.slack_token, "Slack's bot token")
        self.slack = SlackApi(token, url=chosen.slack_url, timeout=CALL, spare=SPARE)
        self.groups = Groups(self.slack, clock)

    def verify(self, headers: Mapping[str, str], body: bytes, now: float) -> None:
        """Make sure that a request is Slack's; raises Forged, and ParapetError when the secret cannot be read."""
        timestamp, signature = slack_signature.fresh(headers, now)
        try:
            slack_signature.verify(self._signing().reveal(), timestamp, signature, body)
        except Unfitting:
            # The secret may have been rotated.
            if self._clock() - self._anew < READ_ANEW:
                raise
            self._anew = self._clock()
            slack_signature.verify(self._signing(anew=True).reveal(), timestamp, signature, body)


def _kept(reference: str, what: str) -> Kept:
    return Kept(lambda store: wiring.connect()(store, wiring.home()), reference, what)


@functools.cache
def line() -> Line:
    """Return the way to Slack, made once; raises ParapetError."""
    return Line(settings.load(os.environ, registry.names(), ()))


@functools.cache
def mute(problem: str) -> Line:
    """Return the way to Slack without the settings: enough to tell that nothing can be done on it."""
    told = wiring.environment()
    known = Settings(
        slack_token=told.slack_token, slack_signing_secret=told.slack_signing_secret, slack_url=told.slack_url
    )
    return Line(known, problem=problem)


def _way() -> Line:
    try:
        return line()
    except SettingsError as error:
        return mute(str(error))


def actions() -> Response:
    """Take a button pressed, or a modal submitted."""
    return _heard(_acted)


def command() -> Response:
    """Take a slash command."""
    return _heard(_answered)


# Any type of body, since what Chalice itself declines would be neither counted nor answered like other forgeries.
for _path, _view in (("actions", actions), ("command", command)):
    declared.ROUTES.append(Declared("POST", f"/v1/slack/{_path}", (), _view.__doc__ or "", ANYTHING, door="slack"))
    blueprint.route(f"/v1/slack/{_path}", methods=["POST"], content_types=["*/*"], name=f"slack_{_path}")(_view)


def _heard(do: Callable[[Desk, bytes], Answer]) -> Response:
    started = time.monotonic()
    with telemetry.invocation("api_handler", blueprint.lambda_context) as seen:
        context = blueprint.current_request.context
        seen.because(route=f"POST {context['resourcePath']}", api_request_id=context["requestId"])
        status, document = _judged(do, seen, lambda: BUDGET - (time.monotonic() - started))
        seen.because(status=status)
    kind = "text/plain" if not document else HEADERS["Content-Type"] if status == 200 else problems.TYPE
    return Response("" if document is None else dict(document), {**HEADERS, "Content-Type": kind}, status)


def _judged(
    do: Callable[[Desk, bytes], Answer], seen: Invocation, remaining: Callable[[], float]
) -> tuple[int, Answer]:
    request = blueprint.current_request
    now = request.context["requestTimeEpoch"] / 1000
    try:
        body, way = _body(request), _way()
        way.verify(request.headers, body, now)
        if retry := request.headers.get("x-slack-retry-num"):
            seen.because(slack_retry=str(retry)[:10])
        desk = Desk(way.settings, journal(), ours(), way.slack, way.groups, now, remaining, seen, way.problem)
        return 200, do(desk, body)
    except (Forged, Malformed) as error:
        seen.count("Forgeries")
        seen.line("WARNING", f"not a call of Slack's: {error}", address=request.context["identity"]["sourceIp"])
        return _problem(401, "this is not a call of Slack's")
    except ParapetError as error:
        text = explained(error)
        seen.line("ERROR", f"calls of Slack's cannot be judged: {text}")
        return _problem(503, "Parapet cannot take calls of Slack's at the moment; its log says what to mend")
    except Exception as error:
        seen.line("ERROR", "a defect of Parapet's", error=type(error).__name__, trace=traceback.format_exc())
        return _problem(500, f"this is a defect of Parapet's; its log tells more under {_number()}")


def _problem(status: int, text: str) -> tuple[int, Answer]:
    return status, problems.problem(status, text, blueprint.current_request.context["requestId"])


def _number() -> str:
    return str(blueprint.lambda_context.aws_request_id)


def _body(request: Any) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Malformed("its body is not said to be a form")
    try:
        body: bytes = request.raw_body
    except ValueError:
        raise Malformed("its body cannot be read") from None
    return body


def _acted(desk: Desk, body: bytes) -> Answer:
    told = slack_payload.interaction(body)
    if isinstance(told, Pressed):
        text = _tried(desk, told.user, lambda: slack_asking.pressed(desk, told))
        if text:
            _whisper(desk, told.reply_to, text)
    elif isinstance(told, Submitted):
        return _submitted(desk, told)
    else:
        desk.seen.line("INFO", "Slack told of something that nobody asked it for")
    return None


def _submitted(desk: Desk, modal: Submitted) -> Answer:
    where = WHY

    def submit() -> None:
        nonlocal where
        try:
            slack_asking.submitted(desk, modal)
        except Unfilled as error:
            where = error.block
            raise

    text = _tried(desk, modal.user, submit)
    return {"response_action": "errors", "errors": {where: text}} if text else None


def _answered(desk: Desk, body: bytes) -> Answer:
    told = slack_payload.typed(body)
    found: list[Mapping[str, Any]] = []
    text = _tried(desk, told.user, lambda: found.append(slack_typing.answered(desk, told)))
    return slack_answers.said(text) if text else found[0]


def _tried(desk: Desk, user: User, do: Callable[[], None]) -> str:
    """Do what somebody asks for; returns what keeps us from it, for them to read, or an empty text."""
    desk.seen.because(who=desk.asker(user).who, by=user.id)
    try:
        do()
    except Denied as error:
        desk.seen.count("Denials")
        return _declined(desk, "denied", str(error))
    except ParapetError as error:
        return _declined(desk, type(error).__name__, explained(error))
    except Exception as error:
        desk.seen.line("ERROR", "a defect of Parapet's", error=type(error).__name__, trace=traceback.format_exc())
        return f"This is a defect of Parapet's; its log tells more under {_number()}."
    return ""


def _declined(desk: Desk, kind: str, text: str) -> str:
    desk.seen.line("INFO", f"not done: {text}", declined=kind)
    text = redacted(text)
    # A name or an id is written as it is, also where a sentence begins.
    begins = text[:1].upper() if text.partition(" ")[0] in OURS else text[:1]
    return f"{begins}{text[1:]}{'' if text.endswith(('.', '`')) else '.'}"


def _whisper(desk: Desk, url: str, text: str) -> None:
    left = max(WHISPER, min(CALL, desk.remaining()))
    try:
        slack_reply.whisper(url, text, desk.settings.slack_url, left)
    except ParapetError as error:
        desk.seen.line("WARNING", f"whoever pressed was not told: {error}")
