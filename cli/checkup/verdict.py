"""What a check comes to: a state, the evidence in one line, and what to do in another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "wrong", "cannot tell", "not here"]


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check."""

    state: State
    evidence: str
    todo: str = ""


NOT_HERE = Verdict("not here", "not in the local account")


def ok(evidence: str, todo: str = "") -> Verdict:
    """Return that all is well; `todo` is what one may want nevertheless."""
    return Verdict("ok", evidence, todo)


def wrong(evidence: str, todo: str) -> Verdict:
    """Return that something must be mended."""
    return Verdict("wrong", evidence, todo)


def cannot_tell(evidence: str, todo: str = "") -> Verdict:
    """Return that it is not known, and how it could be."""
    return Verdict("cannot tell", evidence, todo)
