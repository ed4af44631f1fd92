"""Who of the workspace an ARN means: told directly is only whoever Slack knows as a member, and no guest.

It takes the scopes `users:read` and `users:read.email` (find them) and `im:write` (write to them).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from chalicelib.notices.channel import Refused
from chalicelib.notices.slack_api import Remaining, SlackApi, of_shape
from chalicelib.people import Person, address

USER_ID, ROOM_ID = re.compile(r"[UW][A-Z0-9]{6,}"), re.compile(r"D[A-Z0-9]{7,}")
NOBODY = frozenset({"user_not_found", "users_not_found", "user_not_visible", "user_disabled"})
LEFT_OUT = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
# Seconds until Slack is asked anew: people leave.
REMEMBERED = 3600.0


class Members:
    """The direct conversations with people, by their ARNs."""

    def __init__(self, api: SlackApi, people: Sequence[Person], now: Callable[[], float] = time.time) -> None:
        """Keep how to ask Slack, and who is who; nothing is asked yet."""
        self._api = api
        self._people = people
        self._now = now
        self._known: dict[str, tuple[float, str, str]] = {}

    def room(self, arn: str, remaining: Remaining) -> tuple[str, str]:
        """Return the id of the direct conversation with whom an ARN means, or why there is nobody to tell.

        Raises as `SlackApi.call` does, and Refused too when the app may not do this.
        """
        where, now = address(self._people, arn), self._now()
        if not where:
            return "", f"{arn} is nobody's under [people], and not named after an address"
        asked, room, why = self._known.get(where, (0.0, "", ""))
        if now - asked > REMEMBERED:
            room, why = self._asked(where, arn, remaining)
            self._known[where] = now, room, why
        return room, why

    def _asked(self, where: str, arn: str, remaining: Remaining) -> tuple[str, str]:
        method, given = ("users_lookupByEmail", {"email": where}) if "@" in where else ("users_info", {"user": where})
        try:
            user = self._api.call(method, remaining, **given).get("user") or {}
            if left_out := [name for name in LEFT_OUT if user.get(name)]:
                return "", f"{arn} is no member of the workspace who is told: {', '.join(left_out)}"
            answer = self._api.call("conversations_open", remaining, users=of_shape(user.get("id"), USER_ID))
        except Refused as refusal:
            if refusal.code in NOBODY:
                return "", f"{arn} is nobody in Slack: {refusal.code}"
            if refusal.code == "missing_scope":
                text = f"{refusal}; or tell nobody directly: tell_person = false under [slack] in parapet.toml"
                raise Refused(refusal.code, text) from None
            raise
        return of_shape((answer.get("channel") or {}).get("id"), ROOM_ID), ""
