"""The named queries, in one place; `find` returns one, `EVERY` has all."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.insights import parameters
from chalicelib.insights.model import Query
from chalicelib.insights.queries import application, balancer, functions, gateway, network, trail
from chalicelib.model import ParapetError
from chalicelib.section import meant

EVERY: Mapping[str, Query] = {
    one.id: one
    for one in (
        *application.QUERIES, *functions.QUERIES, *balancer.QUERIES, *gateway.QUERIES, *network.QUERIES, *trail.QUERIES,
    )
}  # fmt: skip


def find(name: str) -> Query:
    """Return a query by its id; raises ParapetError with the one that was meant."""
    if name not in EVERY:
        raise ParapetError(f"there is no query {name!r}{meant(name, EVERY)}")
    return EVERY[name]


def text(query: Query, given: Mapping[str, str]) -> str:
    """Return what Logs Insights runs for a query and the values of its parameters; raises ParapetError."""
    return parameters.render(query.text, query.takes, given)
