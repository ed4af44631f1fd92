"""Slack's Web API: calls under our bot token, read anew once Slack refuses it, and errors that say what to mend."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from chalicelib.notices.channel import RateLimited, Refused, Unreachable
from chalicelib.secrets import Kept, Secret, redacted

if TYPE_CHECKING:
    from slack_sdk import WebClient

TIMEOUT = 10.0
SPARE = 2.0
PATIENCE = 5.0
# So many messages more than one a second Slack takes "for a short time".
BURST = 3.0
PAGE = 200
STRANGER = "what answered in its place does not speak as Slack does; look for a proxy in between"
CODE = re.compile(r"\w{1,100}")

AUTH = frozenset({
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type",
    "org_login_required", "ekm_access_denied", "no_permission",
})  # fmt: skip
TRANSIENT = frozenset({
    "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org",
})  # fmt: skip
NO_UPLOADS = frozenset({
    "file_uploads_disabled", "file_uploads_except_images_disabled", "file_type_not_allowed",
    "file_upload_size_restricted", "storage_limit_reached",
})  # fmt: skip
RATE = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})

Remaining = Callable[[], float]


class Pace:
    """One message a second in each channel, as Slack has it, after a short burst."""

    def __init__(self, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._now = now
        self._sleep = sleep
        self._next: dict[str, float] = {}

    def keep(self, channel: str, spare: float) -> None:
        """Wait until another message may go to a channel; raises RateLimited when that takes more than `spare`."""
        now = self._now()
        turn = max(now, self._next.get(channel, now))
        wait = turn - now - BURST
        if wait > max(0.0, spare):
            raise RateLimited(f"Slack takes one message a second in {channel}, and {wait:.0f} s are wanting")
        if wait > 0:
            self._sleep(wait)
        self._next[channel] = turn + 1.0


class SlackApi:
    """Calls methods of Slack's Web API, by slack_sdk's names for them: `chat_postMessage`."""

    def __init__(
        self,
        token: Kept,
        *,
        url: str = "",
        timeout: float = TIMEOUT,
        spare: float = SPARE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep how to call; nothing is read or connected yet.

        Args:
            token: our bot token.
            url: where Slack is, if not where it is for everybody.
            timeout: seconds that one call may take.
            spare: seconds that must be left of the invocation when a call has taken as long as it may.
            sleep: waits when Slack asks for a moment.
        """
        self._token = token
        self._url = url
        self._timeout = timeout
        self._spare = spare
        self._sleep = sleep
        self._connected: tuple[Secret, WebClient] | None = None

    def call(self, method: str, remaining: Remaining, **params: Any) -> dict[str, Any]:
        """Return Slack's answer to one call.

        Args:
            method: as slack_sdk names it.
            remaining: tells how many seconds this invocation still has.
            params: those of the method.

        Raises:
            RateLimited, Unreachable: when a later try may well succeed.
            Refused: when somebody has to mend something first.
            ParapetError: when the token cannot be read.
        """
        from slack_sdk.errors import SlackApiError, SlackClientError

        token = self._token()
        while True:
            self.enough(remaining)
            try:
                answer = getattr(self._client(token), method)(**params)
                return dict(answer.data)
            except SlackApiError as error:
                status, headers = error.response.status_code, error.response.headers
                data = error.response.data if isinstance(error.response.data, dict) else {}
            except (SlackClientError, OSError, HTTPException) as error:
                # OSError covers urllib's own errors and timeouts. `from None`: the request holds the token.
                text = redacted(f"{type(error).__name__}: {error}")
                raise Unreachable(f"Slack did not answer {_name(method)}: {text}") from None
            code = redacted(str(data.get("error") or status))
            if status == 429 or code in RATE:
                self._wait(_name(method), headers, remaining)
                continue
            if not CODE.fullmatch(code):
                # Not shown: it may repeat what we sent, and be cut in the middle of the token.
                raise Unreachable(f"Slack did not answer {_name(method)}: {STRANGER}")
            if status >= 500 or code in TRANSIENT:
                raise Unreachable(f"Slack answered {_name(method)} with {status} {code}; it is tried again")
            if code in AUTH or code == "missing_scope":
                was, token = token, self._token(anew=True)
                if token != was:
                    continue
            raise Refused(code, redacted(self._mend(_name(method), code, data, str(params.get("channel", "")))))

    def pages(self, method: str, remaining: Remaining, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield the answers of all pages of a method; raises as `call` does."""
        cursor = ""
        while True:
            answer = self.call(method, remaining, limit=PAGE, **params, **({"cursor": cursor} if cursor else {}))
            yield answer
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def enough(self, remaining: Remaining) -> None:
        """Raise RateLimited when this invocation has too little time left for a call."""
        if self.spare(remaining) < 0:
            raise RateLimited("this invocation has too little time left to call Slack")

    def spare(self, remaining: Remaining) -> float:
        """Return how many seconds this invocation can wait and still make a call."""
        return remaining() - self._timeout - self._spare

    def _wait(self, method: str, headers: Any, remaining: Remaining) -> None:
        given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "1")
        seconds = float(given) if str(given).replace(".", "", 1).isdigit() else 1.0
        if seconds > PATIENCE or self.spare(remaining) < seconds:
            raise RateLimited(f"Slack limits {method} and asks to wait {seconds:g} s")
        self._sleep(seconds)

    def _client(self, token: Secret) -> WebClient:
        if self._connected and self._connected[0] == token:
            return self._connected[1]
        from slack_sdk import WebClient

        # No retry handlers: slack_sdk's own would send again after a connection that broke in the middle.
        client = WebClient(
            token=token.reveal(),
            base_url=self._url or WebClient.BASE_URL,
            timeout=self._timeout,  # type: ignore[arg-type]  # urllib takes parts of seconds
            retry_handlers=[],
        )
        # slack_sdk takes HTTPS_PROXY without looking at NO_PROXY; urllib looks at both.
        client.proxy = None
        self._connected = token, client
        return client

    def _mend(self, method: str, code: str, data: dict[str, Any], channel: str) -> str:
        where = f"Slack refused {method}: {code}. "
        if code in AUTH:
            return where + (
                f"The Slack token in {self._token.where} is not valid: put the app's current bot token "
                "(xoxb-…) there; the next try reads it anew"
            )
        if code == "missing_scope":
            return where + (
                f"Give the Slack app the scope {data.get('needed') or 'it lacks'}, install it again, and put its "
                f"token into {self._token.where}"
            )
        if code == "channel_not_found":
            return where + (
                f"There is no channel {channel} that the bot can see: make it, or set slack.channel in "
                "parapet.toml, or slack of its route; into a private channel invite the bot with /invite @parapet"
            )
        if code == "not_in_channel":
            return where + f"Invite the bot to {channel} with /invite @parapet"
        if code == "is_archived":
            return where + f"{channel} is archived: unarchive it, or set slack.channel in parapet.toml"
        if code == "messages_tab_disabled":
            return where + "Switch the Messages Tab on in the Slack app's settings, under App Home"
        if code in NO_UPLOADS:
            return where + "The workspace takes no such file: its owners can allow uploads, or make room"
        if code.startswith("restricted_action"):
            return where + f"The workspace's settings forbid the bot to post in {channel}"
        messages = (data.get("response_metadata") or {}).get("messages", [])
        # Not cut before it is looked through: half a secret would be told.
        details = redacted("; ".join(str(text) for text in messages))[:500]
        return where + f"{details or 'Slack gives no details'}. This is a defect of Parapet's: please report it"


def of_shape(value: Any, shape: re.Pattern[str]) -> str:
    """Return an id or `ts` that Slack gave; raises Unreachable when it is none of Slack's."""
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise Unreachable(STRANGER)
    return value


def _name(method: str) -> str:
    return method.replace("_", ".", 1)
