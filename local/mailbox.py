"""The mailbox of the local account: what its SNS topics send to e-mail addresses, which moto keeps to itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

# What SNS writes where the publisher gives no subject.
UNTITLED = "AWS Notification Message"
# How many are kept.
KEPT = 500
# How long delivery to several people may take (seconds).
TOGETHER = 5.0


@dataclass(frozen=True)
class Mail:
    """One mail as it arrives: when (epoch seconds), to whom, from which topic, what it says."""

    id: int
    at: float
    to: str
    topic: str
    subject: str
    text: str


class Mailbox:
    """Every mail that has come, newest last, for whoever looks."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.mails: list[Mail] = []
        self.version = 0
        self.lock = threading.RLock()
        self._now = now

    def deliver(self, to: str, topic: str, subject: str, text: str) -> None:
        """Take one mail of a topic, by its name."""
        with self.lock:
            self.version += 1
            mail = Mail(self.version, self._now(), to, topic, subject or UNTITLED, text)
            self.mails = [*self.mails, mail][-KEPT:]

    def shown(self) -> list[dict[str, Any]]:
        """Return what a page needs to show them: one for all who got the same, oldest first."""
        found: list[dict[str, Any]] = []
        for mail in self.mails:
            same = next((one for one in reversed(found) if _same(one, mail)), None)
            if same:
                same["to"].append(mail.to)
            else:
                found.append({**asdict(mail), "to": [mail.to]})
        return found


def _same(shown: Mapping[str, Any], mail: Mail) -> bool:
    """Whether a mail is one that somebody else got at about the same time."""
    said = all(shown[name] == getattr(mail, name) for name in ("topic", "subject", "text"))
    return said and mail.at - shown["at"] < TOGETHER and mail.to not in shown["to"]
