"""What is said about costs, in lines and labelled values: for the digest, and beside a budget's alert; pure."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.costs import idle, prices
from chalicelib.costs.budgets import Budget
from chalicelib.costs.report import Report
from chalicelib.costs.spending import Comparison, Spending
from chalicelib.costs.words import compared, money, percent, service, span
from chalicelib.model import Notice, Severity

Facts = tuple[tuple[str, str], ...]
NAMED = 5


def standing(budget: Budget) -> str:
    """Return where a budget stands, in one line."""
    spent = money(budget.actual, budget.unit)
    text = f"Budget {budget.name}: {spent} spent"
    if budget.limit is not None:
        text += f" of {money(budget.limit, budget.unit)}"
        text += f" ({round(100 * budget.actual / budget.limit)} %)" if budget.limit else ""
        left = budget.limit - budget.actual
        text += f", {money(left, budget.unit)} left" if left >= 0 else f", {money(-left, budget.unit)} too much"
    return text + (f"; AWS expects {money(budget.forecast, budget.unit)}" if budget.forecast else "")


def growth(one: Comparison, unit: str) -> Iterator[str]:
    """Yield how a span compares, what grew most in it, and what is new."""
    yield compared(one, unit)
    if one.growers:
        yield "Grew most:"
        yield from (f"• {service(grown, unit, new=grown in one.new)}" for grown in one.growers)
    if more := [new for new in one.new if new not in one.growers]:
        named = ", ".join(f"{new.name} ({money(new.now, unit)})" for new in more[:NAMED])
        beyond = len(more) - NAMED
        yield f"New too: {named}{f' and {beyond} more' if beyond > 0 else ''}"


def unused(report: Report) -> Iterator[str]:
    """Yield what is idle: the sum, where its prices are from, and the biggest."""
    if not report.idle:
        return
    regions = tuple(dict.fromkeys(one.region for one in report.idle))
    count = f"{len(report.idle)} {'thing' if len(report.idle) == 1 else 'things'}"
    yield f"Idle: {count}, about {money(idle.monthly(report.idle))} a month ({prices.source(regions)})"
    for one in idle.biggest(report.idle, NAMED):
        costs = "its price is not on our list" if one.monthly is None else f"about {money(one.monthly)} a month"
        yield f"• {f'{one.id} ({one.name})' if one.name else one.id}, {one.region}: {one.what}, {costs}"


def facts(report: Report, budget: Budget | None) -> Iterator[tuple[str, str]]:
    """Yield the labelled values: spent, forecast, left, idle."""
    unit, spending = report.unit, report.spending
    if spending:
        yield f"Spent in {spending.today:%B}", money(spending.spent, unit)
    if report.forecast is not None:
        yield "Forecast", money(report.forecast, unit)
    if budget and budget.left is not None:
        yield "Budget left", money(budget.left, budget.unit)
    if report.idle:
        yield "Idle", f"about {money(idle.monthly(report.idle))} a month"


def evidence(report: Report, budget: Budget | None) -> tuple[tuple[str, ...], Facts]:
    """Return what stands beside the alert of a budget or an anomaly.

    Args:
        report: what the account costs.
        budget: the one that alerts, where it is known.
    """
    lines = [standing(budget)] if budget else []
    if report.spending:
        lines += growth(report.spending.month, report.unit)
    lines += [*unused(report), *report.problems]
    return tuple(lines), tuple(facts(report, budget))


def daily(report: Report, spending: Spending, budget: Budget | None, at: float) -> Notice:
    """Return the digest of a day."""
    unit, month = report.unit, f"{spending.today:%B}"
    grown = percent(spending.month.now, spending.month.before)
    than = f", {span(spending.month.span)} {grown} on the month before" if grown else ""
    title = f"Costs: {money(spending.spent, unit)} in {month} so far{than}"
    lines = [_yesterday(spending, unit), *_ahead(report, spending, budget), *growth(spending.month, unit)]
    return _digest("daily", title, (*lines, *unused(report), *report.problems), report, budget, at)


def weekly(report: Report, spending: Spending, budget: Budget | None, at: float) -> Notice:
    """Return the digest of a week."""
    unit, week = report.unit, spending.week
    grown = percent(week.now, week.before)
    than = f", {grown} on the week before" if grown else ""
    title = f"Costs of the week {span(week.span)}: {money(week.now, unit)}{than}"
    lines = [*growth(week, unit), *_ahead(report, spending, budget)]
    return _digest("weekly", title, (*lines, *unused(report), *report.problems), report, budget, at)


def not_enabled(account: str, message: str, at: float) -> Notice:
    """Return the news, once, that there can be no digest."""
    key = f"costs:{account}:not-enabled"
    return Notice(
        key=key, thread=key, kind="digest", severity="low", status="told", at=at, source="costs", name="not enabled",
        title="No cost digest: Cost Explorer is not enabled, or has no data yet",
        lines=(
            message,
            "Enable it in the console under Billing and Cost Management, Cost Explorer (in an organisation the "
            "management account does), and the digest comes by itself a day later.",
            "Or set digest = [] under [costs] in parapet.toml. This is told once.",
        ),
        facts=(("Account", account),), account=account,
    )  # fmt: skip


def _yesterday(spending: Spending, unit: str) -> str:
    day = spending.month.span[1]
    before = f"{day.day} {day:%B}: {money(spending.before, unit)}" if spending.before is not None else ""
    if spending.yesterday is None:
        return f"AWS has not counted yesterday yet{f'; {before}' if before else ''}"
    return f"Yesterday: {money(spending.yesterday, unit)} so far, AWS still counts{f'; {before}' if before else ''}"


def _ahead(report: Report, spending: Spending, budget: Budget | None) -> Iterator[str]:
    if report.forecast is not None:
        yield f"Forecast for {spending.today:%B}: {money(report.forecast, report.unit)}"
    if budget:
        yield standing(budget)


def _digest(name: str, title: str, lines: tuple[str, ...], report: Report, budget: Budget | None, at: float) -> Notice:
    key = f"costs:{report.account}:{name}:{report.spending.today if report.spending else ''}"
    return Notice(
        key=key, thread=key, kind="digest", severity=_severity(report, budget), status="digest", title=title,
        lines=lines, facts=(("Account", report.account), *facts(report, budget)), at=at, source="costs", name=name,
        account=report.account,
    )  # fmt: skip


def _severity(report: Report, budget: Budget | None) -> Severity:
    if not budget or not budget.limit:
        return "low"
    if budget.actual > budget.limit:
        return "high"
    return "medium" if max(report.forecast or 0.0, budget.forecast or 0.0) > budget.limit else "low"
