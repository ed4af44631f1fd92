"""Explains thoroughly, for whoever reads it later: keeps what is known as it arrives, and tells it in a thread."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from chalicelib import reverting, telemetry, wiring
from chalicelib.alerts import compose
from chalicelib.alerts.book import Book
from chalicelib.explain import asked, explained, gathering, told
from chalicelib.explain.asked import Asked, Unknown
from chalicelib.explain.explained import Explained
from chalicelib.explain.kept import Kept
from chalicelib.explain.subject import Desk
from chalicelib.ledger.book import Book as Ledger
from chalicelib.services.watch import Watch

# What is known is kept anew after so many seconds; and told first when somebody is suspected.
AGAIN = 1.0
# So long an alarm is looked up (seconds).
SOUGHT = 3.0


def carry_out(wanted: Asked, account: str, now: float, clock: Callable[[], float] = time.monotonic) -> Explained | None:
    """Explain what a message asks for, keep it and tell it; None where there is no such thing; raises ParapetError."""
    settings, environment = wiring.configured(reverting.rails(), account), wiring.environment()
    reach = functools.partial(wiring.accounts(account), account)
    desk = Desk(
        reach,
        environment.stage,
        environment.table,
        lambda: Ledger(reach(""), environment.ledger),
        tuple(settings.services),
        watch(account),
        reverting.terms(settings),
    )
    ours, kept, send = reach(""), Kept(reach(""), environment.table), wiring.outbox(reach(""), settings).send
    written, first = float("-inf"), False

    def say(lines: tuple[str, ...], key: str) -> None:
        group = Book(ours, environment.table).group(wanted.alert) if wanted.alert else None
        if group and (notice := compose.explained(group, lines, now, key)):
            send(notice)

    begun = time.monotonic()
    try:
        subject = gathering.within(SOUGHT, lambda: asked.subject(desk, wanted, now))
    except Unknown as error:
        # It may have been deleted since: no retry brings it back.
        say((f"Not explained: {error}",), "unknown")
        return None

    def heard(so_far: Explained) -> None:
        nonlocal written, first
        if clock() - written >= AGAIN:
            kept.put(subject.id, explained.document(so_far), now)
            written = clock()
        if not first and so_far.suspects and _seen(so_far):
            first = True
            say(told.lines(so_far), f"{subject.id}:first")

    found = explained.explain(desk, subject, "full", heard, begun=begun)
    kept.put(subject.id, explained.document(found), now)
    if past := told.past(found):
        kept.remember(subject.about, past)
    say(told.lines(found), f"{subject.id}:whole")
    return found


def _seen(so_far: Explained) -> bool:
    """Whether what could be the cause at once has been looked at."""
    return {"changes", "remediations"} <= {one.id for one in so_far.fates}


@functools.cache
def watch(account: str) -> Watch:
    """Return what looks limits up, kept for as long as its environment lives."""
    defect = functools.partial(telemetry.defect, "a limit is not known: a defect of Parapet's")
    return Watch(functools.partial(wiring.accounts(account), account), defect)
