"""Pictures for Slack: uploaded as files of the bot's, which nobody sees but in the messages that show them.

It takes the scope `files:write`. A notice is told all the same where its picture cannot be shown.
"""

from __future__ import annotations

import base64
import binascii
import re
from http.client import HTTPException
from urllib.parse import urlsplit

from chalicelib.notices.channel import RateLimited, Refused, Unreachable
from chalicelib.notices.slack_api import TIMEOUT, Remaining, SlackApi, of_shape
from chalicelib.notices.slack_reply import post
from chalicelib.notices.slack_text import cut, one_line

FILE_ID = re.compile(r"F[A-Z0-9]{8,}")
NAME, KIND = "parapet.png", "image/png"
# What a person reads who cannot see it.
ALT_TEXT = 1000
# Longer than any picture that comes through the outbox.
LARGEST = 256 * 1024
NOT_SHOWN = "The picture is not shown"


class Pictures:
    """Uploads pictures; `url` is where Slack is, if not where it is for everybody."""

    def __init__(self, api: SlackApi, url: str = "", timeout: float = TIMEOUT) -> None:
        self._api = api
        self._url = url
        self._timeout = timeout

    def upload(self, picture: str, title: str, remaining: Remaining) -> tuple[str, str]:
        """Upload a PNG in base64; returns the id that Slack gives it, or an empty text and why there is none.

        Raises ParapetError only when the token cannot be read.
        """
        try:
            content = base64.b64decode(picture, validate=True)
        except (binascii.Error, ValueError):
            return "", f"{NOT_SHOWN}: it came broken. This is a defect of Parapet's: please report it."
        if not content.startswith(b"\x89PNG") or len(content) > LARGEST:
            return "", f"{NOT_SHOWN}: it is no PNG, or larger than {LARGEST // 1024} KB."
        try:
            return self._uploaded(content, cut(one_line(title), ALT_TEXT) or NAME, remaining), ""
        except (Refused, RateLimited, Unreachable) as problem:
            return "", f"{NOT_SHOWN}: {problem}."

    def _uploaded(self, content: bytes, title: str, remaining: Remaining) -> str:
        about = {"filename": NAME, "length": len(content), "alt_txt": title}
        answer = self._api.call("files_getUploadURLExternal", remaining, **about)
        file, address = of_shape(answer.get("file_id"), FILE_ID), str(answer.get("upload_url"))
        self._put(address, content, remaining)
        self._api.call("files_completeUploadExternal", remaining, files=[{"id": file, "title": title}])
        return file

    def _put(self, address: str, content: bytes, remaining: Remaining) -> None:
        self._api.enough(remaining)
        try:
            here, home = urlsplit(address), urlsplit(self._url)
            if here.scheme != "https" and (here.scheme, here.netloc) != (home.scheme, home.netloc):
                raise Unreachable("Slack gave no address to upload to that is https://")
            post(address, content, KIND, self._timeout)
        # OSError covers urllib's own errors and timeouts. `from None`: the request holds the address.
        except (OSError, HTTPException, ValueError) as error:
            code = getattr(error, "code", None)
            raise Unreachable(f"Slack did not take it: {f'HTTP {code}' if code else type(error).__name__}") from None
