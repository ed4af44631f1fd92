"""What telling by any channel comes to: an outcome, or an error that says to try again, or what to mend; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chalicelib.model import ParapetError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a notice: sent now, found sent by an earlier try, known to be told already, or for nobody."""

    kind: Literal["sent", "found", "known", "nobody"]
    note: str = ""


class RateLimited(ParapetError):
    """The channel asks to wait for longer than this invocation can; a later try may well succeed."""


class Unreachable(ParapetError):
    """The channel did not answer, or not properly; whether it took a notice is seen to by the next try."""


class Refused(ParapetError):
    """The channel says no and will say no again until somebody mends what the text names."""

    def __init__(self, code: str, text: str) -> None:
        """Keep the channel's own error code."""
        super().__init__(text)
        self.code = code
