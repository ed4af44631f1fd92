"""The error lines of a service's log groups around an onset: the same ones counted together, the most frequent first.

They are read by `FilterLogEvents`: unlike a query of Logs Insights it costs nothing and answers at once, and how much
is read is bounded here: the newest lines first.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable

from chalicelib.alerts.signal import Signal
from chalicelib.enrich import watched
from chalicelib.enrich.gather import Found
from chalicelib.insights import groups
from chalicelib.insights.lines import pages
from chalicelib.model import Aws, AwsError, ParapetError
from chalicelib.notices.compose import clip
from chalicelib.secrets import HIDDEN, redacted

BEFORE = 900.0
SECONDS, PAGES, GROUPS, SHOWN = 8.0, 5, 5, 5
LENGTH = 220
# Any of these words; CloudWatch Logs tells their case apart.
PATTERN = "?ERROR ?Error ?error ?FATAL ?Fatal ?CRITICAL ?Exception ?exception ?Traceback ?panic ?timed"
ERROR = re.compile(r"error|exception|fatal|critical|traceback|panic|time(?:d |-)?out", re.IGNORECASE)
# `errors: 0`, `"error": null`: their absence.
NO_ERROR = re.compile(r"""["']?\w*errors?\w*["']?\s*[:=]\s*["']?(?:0\b|null|none|false|""|'')""", re.IGNORECASE)
# Where a JSON line has its text.
TEXTS = ("message", "msg", "errorMessage", "error", "exception", "exception_name", "errorType", "log")
SAME = (
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b"), "(e-mail)"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*"), ""),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "…"),
    (re.compile(r"\b(?=[0-9a-z]*\d)[0-9a-z]{16,}\b", re.IGNORECASE), "…"),
    (re.compile(r"\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "…"),
    (re.compile(r"\d+(?:[.:]\d+)*"), "#"),
    (re.compile(r"\s+"), " "),
)
SECRETS = (
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)(://[^\s/:@]+):[^\s/@]+@"), rf"\1:{HIDDEN}@"),
    (
        re.compile(
            r"""(?i)(["']?[\w-]*(?:password|passwd|secret|token|api[_-]?key|authorization)[\w-]*["']?\s*[:=]\s*)"""
            r"""(?:"[^"]*"|'[^']*'|[^\s,;&}]+)"""
        ),
        rf"\1{HIDDEN}",
    ),
)  # fmt: skip


def look(aws: Aws, signal: Signal, now: float, clock: Callable[[], float] = time.monotonic) -> Found:
    """Return the most frequent error lines; raises AwsError, and ParapetError where no group could be read."""
    found = log_groups(aws, signal)
    if not found:
        return Found()
    start, until = min(signal.since, now) - BEFORE, clock() + SECONDS
    counted: Counter[tuple[str, str]] = Counter()
    cut, lacking = False, []
    for group in found[:GROUPS]:
        try:
            for page, more in pages(aws, group, PATTERN, start, now, PAGES, newest=True):
                counted.update((group, same(raw["message"])) for raw in page if is_error(raw["message"]))
                if cut := more and clock() > until:
                    break
            else:
                cut |= more
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            lacking.append(group)
    if len(lacking) == len(found[:GROUPS]):
        raise ParapetError(f"there is no log group {' or '.join(lacking)}; the tag log-group on the alarm can name it")
    lines = [clip(f"{times} × {text} ({group})") for (group, text), times in counted.most_common(SHOWN)]
    if not lines:
        return Found(lines=(f"No error lines in {', '.join(found[:GROUPS])} around then.",))
    rest = f"{sum(counted.values())} error lines of {len(counted)} kinds" if len(counted) > SHOWN else ""
    note = "; ".join(filter(None, [rest, "older ones not read: there are too many" if cut else ""]))
    return Found(lines=(*lines, *((f"In all {note}.",) if note else ())))


def log_groups(aws: Aws, signal: Signal) -> list[str]:
    """Return where a signal's service logs, as far as the report, tags or dimensions tell; raises AwsError."""
    alarm, dimensions = signal.alarm, watched.dimensions(signal)
    told = [*signal.log_groups, *(alarm.log_groups if alarm else ())]
    found = told or watched.tags(aws, signal).get("log-group", "").split()
    if not found and (function := dimensions.get("FunctionName")):
        found.append(f"/aws/lambda/{function.split(':')[0]}")
    if not found and "ServiceName" in dimensions and "ClusterName" in dimensions:
        found += groups.of_task(aws, dimensions["ClusterName"], dimensions["ServiceName"])
    # A log alarm may name them by their ARN.
    return list(dict.fromkeys(map(groups.of_arn, found)))


def is_error(message: str) -> bool:
    """Whether a line tells of an error, and not of none."""
    return ERROR.search(NO_ERROR.sub("", message)) is not None


def same(message: str) -> str:
    """Return what a line has in common with others of its kind: no numbers, ids or secrets, cut to be read."""
    text = _text(message).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    # Python's own begin with the least telling of their lines.
    text = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    text = concealed(text[: 10 * LENGTH])
    for pattern, instead in SAME:
        text = pattern.sub(instead, text)
    text = text.strip()
    return text if len(text) <= LENGTH else text[: LENGTH - 1] + "…"


def concealed(text: str) -> str:
    """Return a text without what looks like a secret."""
    text = redacted(text)
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def _text(message: str) -> str:
    """Return the text of a line that may be JSON."""
    if not message.lstrip().startswith("{"):
        return message
    try:
        raw = json.loads(message)
    except ValueError:
        return message
    texts = [value for name in TEXTS if isinstance(value := raw.get(name), str) and value]
    telling = [text for text in texts if is_error(text)]
    return (telling or texts or [message])[0]
