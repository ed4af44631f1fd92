"""AWS Budgets, which writes plain text to SNS.

A budget says once a period that a threshold is passed, and never that it is well again: told. Severity: `high` once
more than the budget itself is spent, otherwise `medium`, and so is a forecast. Labels are read whatever their case and
spacing, and amounts in whatever currency; what has no budget's name is told as it came.

https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html
"""

from __future__ import annotations

import re

from chalicelib.alerts.console import CONSOLES
from chalicelib.alerts.report import Report, Unreadable
from chalicelib.alerts.signal import Signal

LABEL = re.compile(r"^[ \t]*([A-Za-z][A-Za-z \t]{2,40}?)[ \t]*[::][ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
SUBJECT = re.compile(r"AWS Budgets:\s*(.+?)\s+has exceeded", re.IGNORECASE)
ACCOUNT = re.compile(r"\bAccount\b\D{0,20}(\d{12})\b", re.IGNORECASE)
NUMBER = re.compile(r"\d[\d.,]*")
KINDS = {"ACTUAL": "has spent", "FORECASTED": "is forecast to spend"}


def passed(report: Report) -> Signal:
    """Return what a notification of AWS Budgets says; raises Unreadable."""
    # Odd spaces come with mail gateways and translations.
    text = report.text.replace("\u00a0", " ").replace("\u202f", " ").replace("\r", "")
    said = {" ".join(match[1].split()).lower(): match[2] for match in LABEL.finditer(text[:20_000])}
    subject = SUBJECT.search(report.subject)
    name = said.get("budget name") or (subject[1] if subject else "")
    if not name:
        raise Unreadable("Budget Name is missing")
    kind = said.get("alert type", "").upper()
    if kind not in KINDS:
        raise Unreadable(
            "Alert Type is missing" if not kind else f"Alert Type {kind!r} is neither ACTUAL nor FORECASTED"
        )
    spent, budgeted = said.get(f"{kind.lower()} amount", ""), said.get("budgeted amount", "")
    threshold = said.get("alert threshold", "")
    over = (amount(spent) or 0.0) > (amount(budgeted) or float("inf"))
    whose = ACCOUNT.search(text[:2000])
    return report.signal(
        "budget",
        (name, kind, threshold),
        state="told",
        severity="high" if over and kind == "ACTUAL" else "medium",
        name=name,
        title=f"Budget {name} {KINDS[kind]} {spent or 'more than its threshold'}"
        + (f" of {budgeted}" if budgeted else ""),
        lines=(_sentence(text),),
        facts=(
            ("Spent" if kind == "ACTUAL" else "Forecast", spent),
            ("Budget", budgeted),
            ("Threshold", threshold),
            ("Kind", said.get("budget type", "")),
        ),
        account=whose[1] if whose else "",
        resource=name,
        links=(("Budgets", CONSOLES["aws"].replace("{region}.", "") + "/costmanagement/home#/budgets"),),
    )


def amount(text: str) -> float | None:
    """Return the number in an amount such as `$1,234.56` or `1.234,56 €`, None where there is none."""
    match = NUMBER.search(text)
    if not match:
        return None
    digits = match[0].rstrip(".,")
    mark = max(digits.rfind("."), digits.rfind(","))
    # Three digits behind a single mark are thousands.
    cents = mark >= 0 and (len(digits) - mark != 4 or len(set(digits) & {".", ","}) == 2)
    whole = re.sub(r"[.,]", "", digits[:mark] if cents else digits)
    return float(f"{whole or 0}.{digits[mark + 1 :] if cents else 0}")


def _sentence(text: str) -> str:
    match = re.search(r"You requested that we alert you.{0,600}?(?=You can find|\n\s*\n|$)", text, re.DOTALL)
    return " ".join(match[0].split()) if match else ""
