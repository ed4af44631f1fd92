"""PagerDuty: sends each notice that means something for a pager, and says what to mend when it cannot.

PagerDuty itself takes the same `dedup_key` for the same incident, so that sending again after an interrupted call does
no harm. What our own record is for: a notice that comes late, after a redrive say, must not open an incident again that
is over; and whoever was paged anywhere in a thread hears there that it was acknowledged, and that it is over.
"""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

from chalicelib.model import Notice, ParapetError
from chalicelib.notices import pagerduty_events
from chalicelib.notices.channel import Outcome, RateLimited, Refused, Unreachable
from chalicelib.notices.threads import Thread, Threads, Told, mark
from chalicelib.secrets import Kept, Secret, redacted

TIMEOUT, SPARE, PATIENCE = 10.0, 2.0, 5.0
# A page does not wait for the queue because of one broken connection.
AGAIN = (0.5, 1.5)
# No answer of PagerDuty's is longer.
ANSWER = 65_536
UNKNOWN_KEY = b"invalid routing key"
LOCAL = ("http://127.0.0.1:", "http://localhost:")
STRANGER = "what answered in its place does not speak as PagerDuty does; look for a proxy in between"

Remaining = Callable[[], float]


class PagerDuty:
    """Tells PagerDuty's services."""

    def __init__(
        self,
        keys: Mapping[str, Kept],
        threads: Threads,
        url: str,
        *,
        timeout: float = TIMEOUT,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep how to call; raises ParapetError for an address that is none of https://, unless it is this machine's.

        Args:
            keys: the routing key of each service.
            threads: our records.
            url: where events go.
            timeout: seconds that one call may take.
            now: tells the time.
            sleep: waits before it is tried again.
        """
        if not url.startswith(("https://", *LOCAL)):
            raise ParapetError(f"PARAPET_PAGERDUTY_URL: {url!r} does not begin with https://")
        self._keys = keys
        self._threads = threads
        self._url = url
        self._timeout = timeout
        self._now = now
        self._sleep = sleep

    def tell(self, notice: Notice, remaining: Remaining) -> Outcome:
        """Send a notice unless it was sent before, or is over.

        Args:
            notice: the news.
            remaining: tells how many seconds this invocation still has.

        Raises:
            RateLimited, Unreachable: when a later try may well succeed.
            Refused: when somebody has to mend something first.
            ParapetError: when a routing key cannot be read, or there is none.
            Busy, AwsError: when the thread's record cannot be read or written.
        """
        service = notice.destination.pagerduty if notice.destination else ""
        if not notice.page or (notice.page == "trigger" and not service):
            return Outcome("nobody", "it means nothing for a pager")
        thread, key = self._threads.read(mark(notice.thread)), mark(notice.key)
        if thread.has(key):
            return Outcome("known")
        event = pagerduty_events.event(notice)
        incident = event["dedup_key"]
        if notice.page != "resolve" and _over(thread, incident, notice.at):
            return Outcome("known", "it comes late: what it is about is over")
        services = [service] if notice.page == "trigger" else sorted({service, *_paged(thread, incident)} - {""})
        if not services:
            return Outcome("nobody", "nobody was paged for it")
        notes = []
        for one in services:
            try:
                self._send(one, event, remaining)
            except Refused as refusal:
                # A service that was paged and is gone since must not keep the others from hearing the end.
                if one == service:
                    raise
                notes.append(str(refusal))
        # `ts` has the incident, `line` who heard of it, behind the word for it.
        told = Told(key, incident, notice.at, notice.status, f"{notice.page} {','.join(services)}")
        self._threads.sent(thread, told, thread.channel or service, thread.root or incident)
        return Outcome("sent", "; ".join(notes))

    def _send(self, service: str, event: pagerduty_events.Event, remaining: Remaining) -> None:
        kept = self._keys.get(service)
        if kept is None:
            raise Refused(
                "no_key",
                f"There is no routing key for PagerDuty's service {service}: "
                + (
                    "set the stack's parameter PagerDutyKey to the name of the SSM parameter that holds it"
                    if service == "default"
                    else f'put {service} = "ssm:/where/it/is" under [pagerduty] in parapet.toml, and deploy'
                ),
            )
        key, again = kept(), iter(AGAIN)
        while True:
            if remaining() < self._timeout + SPARE:
                raise RateLimited("this invocation has too little time left to call PagerDuty")
            try:
                status, headers, answer = self._post(key, event)
            except Unreachable as problem:
                self._wait(next(again, math.inf), remaining, problem)
                continue
            if status == 202 and answer.get("status") == "success":
                return
            asked = _asked(headers)
            if status == 429:
                seconds = asked or 1.0
                limited = RateLimited(f"PagerDuty limits events and asks to wait {seconds:g} s")
                self._wait(seconds, remaining, limited)
            elif passing := _passing(status, answer):
                self._wait(max(asked, next(again, math.inf)), remaining, Unreachable(passing))
            else:
                was, key = key, kept(anew=True)
                if key == was:
                    raise Refused(str(status), self._mend(service, kept, status, answer))

    def _post(self, key: Secret, event: pagerduty_events.Event) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        """Return status, headers and what of the answer is PagerDuty's; raises Unreachable without an answer."""
        body = pagerduty_events.encoded({"routing_key": key.reveal(), **event})
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json", "User-Agent": "Parapet"})
        try:
            with _opener().open(request, timeout=self._timeout) as response:
                return response.status, dict(response.headers), _read(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), _read(error)
        except (OSError, HTTPException, ValueError) as error:
            # OSError covers urllib's own errors and timeouts. `from None`: the request holds the key.
            text = redacted(f"{type(error).__name__}: {error}")
            raise Unreachable(f"PagerDuty did not answer: {text}") from None

    def _wait(self, seconds: float, remaining: Remaining, problem: Exception) -> None:
        """Wait before the next try; raises the problem where that takes too long, and leaves it to the queue."""
        if seconds > PATIENCE or remaining() < seconds + self._timeout + SPARE:
            raise problem
        self._sleep(seconds)

    def _mend(self, service: str, kept: Kept, status: int, answer: Mapping[str, Any]) -> str:
        errors = answer.get("errors")
        texts = [str(one) for one in errors] if isinstance(errors, list) else []
        said = redacted("; ".join([str(answer.get("message") or ""), *texts]).strip("; "))[:500]
        begin = f"PagerDuty refused the event ({status}): {said or 'it gives no details'}. "
        if "routing" in said.lower() or status in (401, 402, 403):
            return begin + (
                f"Put the integration key of an integration Events API v2 of PagerDuty's service into {kept.where}, "
                f'for {service}; the next try reads it anew. An account in Europe: [paging] pagerduty_region = "eu"'
            )
        return begin + "This is a defect of Parapet's: please report it"


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses, and follows no redirection: the key is for PagerDuty alone."""
    return urllib.request.build_opener(_Straight)


class _Straight(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _read(response: Any) -> dict[str, Any]:
    """Return what PagerDuty says; nothing, where it is not PagerDuty that says it."""
    text = response.read(ANSWER)
    # Of all that it says only this is no JSON.
    if text.strip().lower() == UNKNOWN_KEY:
        return {"status": "invalid event", "message": UNKNOWN_KEY.decode()}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("status"), str) else {}


def _asked(headers: Mapping[str, str]) -> float:
    """Return how many seconds PagerDuty asks to wait, 0 where it does not."""
    asked = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return float(asked) if asked.isdecimal() else 0.0


def _passing(status: int, answer: Mapping[str, Any]) -> str:
    """Return what is wrong where another try may do, an empty text where somebody has to mend something."""
    if status >= 500 or status in (202, 408):
        return f"PagerDuty answered {status}{'' if answer else f': {STRANGER}'}; it is tried again"
    if not (400 <= status < 500) or (status == 400 and not answer):
        return f"PagerDuty answered {status}: {STRANGER}"
    return ""


def _over(thread: Thread, incident: str, at: float) -> bool:
    """Whether an incident was resolved by what happened later than a time."""
    return any(one.ts == incident and one.at > at and one.line.startswith("resolve ") for one in thread.told)


def _paged(thread: Thread, incident: str) -> set[str]:
    """Return the services that an incident was opened in."""
    told = (one.line for one in thread.told if one.ts == incident)
    return {name for line in told if line.startswith("trigger ") for name in line.removeprefix("trigger ").split(",")}
