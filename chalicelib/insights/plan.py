"""Before a query is started: its text, its log groups, its window, and whether the budget lets it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.insights import groups, price, queries
from chalicelib.insights.chosen import Insights
from chalicelib.insights.groups import NoGroups
from chalicelib.insights.logs import LOGS, SHARED, Logs
from chalicelib.insights.model import Column, Query
from chalicelib.insights.price import Group, Price
from chalicelib.model import Aws, ParapetError
from chalicelib.section import meant
from chalicelib.services.model import Service

HOUR = 3600.0
# What reads as long a time before, too; and what reads other log groups than are named, also beneath a `join`.
_DIFF = re.compile(r"(?:^|\|)\s*diff\b", re.IGNORECASE)
_SOURCE = re.compile(r"\bsource(?:\s|#[^\n]*\n|/\*.*?\*/)+[a-z]\w*\s*\(", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Where:
    """Whose logs: log groups by name (`prefix*` for several), those of a tag or service; all services' without any."""

    groups: tuple[str, ...] = ()
    tag: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run: `columns` are those that the query declares, none for one that somebody typed."""

    text: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    start: float
    end: float
    price: Price

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of its log groups."""
        return tuple(one.name for one in self.groups)


def of(
    aws: Aws,
    asked: Query | str,
    given: Mapping[str, str],
    where: Where,
    now: float,
    services: Sequence[Service],
    settings: Insights,
    *,
    start: float | None = None,
    end: float | None = None,
    force: bool = False,
) -> Plan:
    """Return what is to be run.

    Args:
        aws: the account and region whose logs are read.
        asked: a named query, or the text of one that somebody typed.
        given: its parameters.
        where: whose logs.
        now: what time it is.
        services: those of the settings.
        settings: how much one query may read.
        start: not before; None: as far before the end as the query looks back.
        end: not after; None: now.
        force: whether to insist on what the budget would not let.

    Raises:
        Dear: when it would read more than the budget lets it, or the limit of those who insist.
        NoGroups: when there is no log group to read.
        ParapetError: naming what to mend.
        AwsError: when AWS does not answer.
    """
    named = asked if isinstance(asked, Query) else None
    text = queries.text(named, given) if named else _typed(str(asked), given)
    until = now if end is None else end
    since = until - (named.window if named else HOUR) if start is None else start
    _check(named, since, until)
    found = chosen(aws, named.logs if named else LOGS, where, services, settings)
    # What is compared with a span before reads that one too.
    twice = named.twice if named else _DIFF.search(text) is not None
    first = since - (until - since) if twice else since
    arrived = groups.incoming(aws, found, first, until)
    about = price.estimate(found, first, until, now, aws.region, arrived)
    price.check(about, settings.budget_gb, settings.force_gb, force=force)
    return Plan(text, named.columns if named else (), found, since, until, about)


def chosen(
    aws: Aws, wanted: Sequence[Logs], where: Where, services: Sequence[Service], settings: Insights
) -> tuple[Group, ...]:
    """Return the log groups that somebody means; raises NoGroups, ParapetError, AwsError."""
    if sum(map(bool, (where.groups, where.tag, where.service))) > 1:
        raise ParapetError("give one of: log groups, a tag, a service")
    if where.groups:
        return groups.named(aws, where.groups)
    if where.tag:
        return groups.tagged(aws, where.tag)
    shared = [kind for kind in wanted if kind in SHARED]
    if len(shared) == len(wanted):
        if where.service:
            raise ParapetError(f"{' and '.join(shared)} logs are the account's, not a service's: leave service away")
        return tuple(one for kind in shared for one in groups.of_account(aws, kind, settings.logs))
    own = [kind for kind in wanted if kind not in SHARED]
    some = [one for one in services if where.service in ("", one.name)]
    if not some:
        raise NoGroups(
            f"there is no service {where.service!r} in parapet.toml ([[services]])"
            + (meant(where.service, [one.name for one in services]) if services else "")
            if where.service
            else "parapet.toml has no [[services]] whose logs could be read: give log groups, or a tag"
        )
    return groups.of_services(aws, some, own)


def _typed(text: str, given: Mapping[str, str]) -> str:
    if given:
        raise ParapetError(f"{', '.join(given)}: only a named query takes parameters")
    if not text.strip():
        raise ParapetError("the query is empty")
    if _SOURCE.search(text):
        raise ParapetError("SOURCE reads log groups whose price nobody knows before: leave it out, and give log groups")
    return text.strip()


def _check(named: Query | None, since: float, until: float) -> None:
    if since >= until:
        raise ParapetError("the window ends before it begins")
    if named and until - since > named.longest:
        raise ParapetError(
            f"{named.id} looks back {named.longest / HOUR:g} hours at the most: ask for a shorter window"
        )
