"""Answers at the address that Slack gives with a press or a slash command (`response_url`), without any token.

Whoever has such an address can speak there as we do: it is written to no log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from chalicelib.model import Notice, ParapetError
from chalicelib.notices import slack_blocks
from chalicelib.notices.slack_blocks import TEXT
from chalicelib.notices.slack_text import clip

HOME = "https://hooks.slack.com"
TIMEOUT = 3.0
# It takes five answers within half an hour.
OVER = (404, 410)
LONGEST = 1000


class NotAnswered(ParapetError):
    """Slack did not take an answer."""


def told(url: str, notice: Notice, slack: str = "", timeout: float = TIMEOUT) -> str:
    """Tell somebody what became of what they asked for; returns why they were not told, or an empty text."""
    text, blocks = slack_blocks.reply(notice)
    try:
        answer(url, {"replace_original": True, "text": text, "blocks": blocks}, slack, timeout)
    except NotAnswered as error:
        # It stands in the finding's thread: nobody has to mend anything.
        return str(error)
    return ""


def whisper(url: str, text: str, slack: str = "", timeout: float = TIMEOUT) -> None:
    """Tell one person something beside the message that they pressed a button of; raises NotAnswered."""
    said = {"response_type": "ephemeral", "replace_original": False, "text": clip(text, TEXT)}
    answer(url, said, slack, timeout)


def answer(url: str, message: Mapping[str, Any], slack: str = "", timeout: float = TIMEOUT) -> None:
    """Post a message to such an address.

    Args:
        url: the address.
        message: what to say.
        slack: where Slack's API is, if not where it is for everybody.
        timeout: seconds that it may take.

    Raises:
        NotAnswered: also when the address is not Slack's, or is no longer good.
    """
    if not trusted(url, slack):
        raise NotAnswered("the address to answer at is not Slack's")
    try:
        post(url, json.dumps(message).encode(), "application/json; charset=utf-8", timeout)
    # OSError covers urllib's own errors and timeouts. `from None`: the request holds the address.
    except (OSError, HTTPException) as error:
        code = getattr(error, "code", None)
        why = (
            "it is too old, or was used too often" if code in OVER else f"HTTP {code}" if code else type(error).__name__
        )
        raise NotAnswered(f"Slack did not take the answer: {why}") from None


def post(url: str, body: bytes, kind: str, timeout: float) -> None:
    """Post a body of a content type to an address, and follow no redirection; raises OSError, HTTPException."""
    # Lazily: most of what imports this answers nobody.
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NotElsewhere(HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    with build_opener(NotElsewhere).open(Request(url, body, {"Content-Type": kind}), timeout=timeout):
        pass


def trusted(url: str, slack: str = "") -> bool:
    """Whether an address is Slack's, as whoever gets our answer must be."""
    if len(url) > LONGEST or not (url.isascii() and url.isprintable()) or any(letter in url for letter in " \\#@"):
        return False
    try:
        here, home = urlsplit(url), urlsplit(slack or HOME)
    except ValueError:
        return False
    return bool(here.path) and (here.scheme, here.netloc) == (home.scheme, home.netloc)
