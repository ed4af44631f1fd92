"""What the alert engine asks of `enrich`, as a message: evidence for a signal, told after a notice; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from chalicelib.alerts import records
from chalicelib.alerts.signal import Signal
from chalicelib.model import Notice, ParapetError
from chalicelib.notices import outbox


@dataclass(frozen=True, slots=True)
class Asked:
    """A signal that evidence is wanted for, and the notice that told of it."""

    notice: Notice
    signal: Signal


def dump(asked: Asked) -> str:
    """Return it as the body of a message."""
    notice = json.loads(outbox.dump(asked.notice))
    return json.dumps({"notice": notice, "signal": records.signal_record(asked.signal)})


def load(body: str) -> Asked:
    """Return what a message asks for; raises ParapetError for anything else."""
    try:
        raw = json.loads(body)
        return Asked(outbox.load(json.dumps(raw["notice"])), records.signal(raw["signal"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ParapetError(f"this message asks for no evidence: {type(error).__name__}: {error}") from None
