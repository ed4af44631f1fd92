"""Who is who: one person's identities in AWS, Slack and mail, and whose change something is; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.model import Actor
from chalicelib.scope import is_principal

SLACK = "slack:"
MAIL = re.compile(r"[^@\s/]+@[^@\s/]+\.[^@\s/]+")


@dataclass(frozen=True, slots=True)
class Person:
    """One person as the settings name them: a Slack user id, an e-mail address, ARNs (with `*`)."""

    name: str
    slack: str = ""
    email: str = ""
    aws: tuple[str, ...] = ()

    def has(self, identity: str) -> bool:
        """Whether an identity (an ARN, or `slack:U…`) is this person's."""
        if identity.startswith(SLACK):
            return bool(self.slack) and identity == SLACK + self.slack
        named = bool(self.email) and mail(identity).lower() == self.email.lower()
        return named or any(is_principal(identity, one) for one in self.aws)


def mail(identity: str) -> str:
    """Return the address that a session of single sign-on is named after, or an empty text.

    Of no other role: whoever may assume one names the session as he likes.
    """
    _, sso, session = identity.partition(":assumed-role/AWSReservedSSO_")
    address = session.rpartition("/")[2] if sso else ""
    return address if MAIL.fullmatch(address) else ""


def of(people: Iterable[Person], identity: str) -> Person | None:
    """Return whose an identity is; None when it is nobody's that the settings name, or more than one person's."""
    found = [one for one in people if identity and one.has(identity)]
    return found[0] if len(found) == 1 else None


def address(people: Iterable[Person], identity: str) -> str:
    """Return where somebody is told directly, a Slack user id or an e-mail address; empty where neither is known."""
    person = of(people, identity)
    return (person.slack or person.email if person else "") or mail(identity)


def own_change(people: Sequence[Person], by: str, actor: Actor | None) -> str:
    """Return why a finding counts as the change of whoever asks, or an empty text; what nobody made is nobody's."""
    if actor is None:
        return ""
    if by == actor.arn:
        return "it is their own change"
    asks, made = of(people, by), of(people, actor.arn)
    for person, identity in ((asks, by), (made, actor.arn)):
        if person is None:
            return f"{identity or 'who asks'} is nobody's under [people], and so counts as one's own"
    return "it is their own change" if asks == made else ""
