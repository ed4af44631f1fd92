"""Money and days as people read them; pure."""

from __future__ import annotations

from chalicelib.costs.days import Span, each, end_of_month
from chalicelib.costs.spending import Comparison, Service


def money(amount: float, unit: str = "USD") -> str:
    """Return an amount: with cents where it is small, whole where it is not."""
    text = f"{abs(amount):,.2f}" if abs(amount) < 100 else f"{abs(amount):,.0f}"
    sign = "-" if amount < 0 and text.strip("0.,") else ""
    return f"{sign}${text}" if unit == "USD" else f"{sign}{text} {unit}"


def signed(amount: float, unit: str = "USD") -> str:
    """Return a difference, with its sign."""
    return f"{'+' if amount >= 0 else ''}{money(amount, unit)}"


def percent(now: float, before: float) -> str:
    """Return by how much something is more than it was; empty where that says nothing."""
    if before < 0.01:
        return ""
    share = round(100 * (now - before) / before)
    return f"{share:+d} %" if abs(share) < 1000 else ""


def span(days: Span) -> str:
    """Return a span of days: `1–19 November`, `28 October – 3 November`, or a whole month's name."""
    first, last = days
    if first.day == 1 and last == end_of_month(first):
        return f"{first:%B}"
    if first == last:
        return f"{first.day} {first:%B}"
    if first.month == last.month:
        return f"{first.day}–{last.day} {last:%B}"
    return f"{first.day} {first:%B} – {last.day} {last:%B}"


def service(one: Service, unit: str = "USD", *, new: bool = False) -> str:
    """Return what became of one service: `Amazon EC2 +$120 ($300, was $180)`."""
    was = "new" if new else f"{money(one.now, unit)}, was {money(one.before, unit)}"
    return f"{one.name} {signed(one.more, unit)} ({was})"


def compared(one: Comparison, unit: str = "USD") -> str:
    """Return a comparison's totals in one line, which says where the days that are compared are not as many."""
    grown = percent(one.now, one.before)
    text = f"{span(one.span)}: {money(one.now, unit)}, {span(one.against)}: {money(one.before, unit)}"
    few = len(list(each(one.span))) - len(list(each(one.against)))
    fewer = f"; that month has {few} {'day' if few == 1 else 'days'} less" if few > 0 else ""
    return f"{text} ({grown}){fewer}" if grown else f"{text}{fewer}"
