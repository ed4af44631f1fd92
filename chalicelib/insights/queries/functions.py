"""What Lambda itself reports of each invocation, as text (`REPORT …`) and as JSON (`platform.report`)."""

from __future__ import annotations

from chalicelib.insights.model import Column, Query
from chalicelib.insights.parameters import Duration, Whole

# Lines of Lambda's own, in both of its formats.
REPORT = '@type = "REPORT" or type = "platform.report"'
DURATION = "coalesce(@duration, record.metrics.durationMs)"
TIMED_OUT = r'Task timed out after|"status":\s*"timeout"'
KILLED = (
    r"signal: killed|Runtime\.OutOfMemory|JavaScript heap out of memory|java\.lang\.OutOfMemoryError|\bMemoryError\b"
)

QUERIES = (
    Query(
        "lambda-slow",
        "Slow Lambda invocations",
        "Invocations that took longer than a bound, the slowest first.",
        ("lambda",),
        f"""
fields {DURATION} as took_ms, coalesce(@requestId, record.requestId) as lambda_request,
    coalesce(@initDuration, record.metrics.initDurationMs) as start_ms,
    coalesce(@maxMemoryUsed / 1000000, record.metrics.maxMemoryUsedMB) as used_mb,
    coalesce(@memorySize / 1000000, record.metrics.memorySizeMB) as memory_mb,
    coalesce(@xrayTraceId, record.tracing.value) as trace_header
| filter {REPORT}
| filter took_ms > ${{slower_than}}
| display @timestamp, @log, lambda_request, took_ms, start_ms, used_mb, memory_mb, trace_header
| sort took_ms desc
| limit ${{top}}
""",
        (
            Duration("slower_than", "how long is slow", "1s"),
            Whole("top", "how many at most", "25", 1, 10_000),
        ),
        (
            Column("@timestamp", "time", "time"),
            Column("@log", "log group"),
            Column("lambda_request", "request"),
            Column("took_ms", "took", "number", "ms"),
            Column("start_ms", "cold start", "number", "ms"),
            Column("used_mb", "memory", "number", "MB"),
            Column("memory_mb", "of", "number", "MB"),
            Column("trace_header", "trace"),
        ),
    ),
    Query(
        "lambda-cold",
        "Cold starts",
        "How many invocations had to wait for a cold start and how long, by function, the worst share first.",
        ("lambda",),
        f"""
fields {DURATION} as took_ms, coalesce(@initDuration, record.metrics.initDurationMs) as start_ms
| filter {REPORT}
| stats count(*) as invoked, count(start_ms) as cold_starts, count(start_ms) * 100 / count(*) as cold_percent,
    avg(start_ms) as average_ms, max(start_ms) as longest_ms, pct(took_ms, 95) as p95_ms by @log
| sort cold_percent desc
| limit ${{top}}
""",
        (Whole("top", "how many functions at most", "50", 1, 1000),),
        (
            Column("@log", "log group"),
            Column("invoked", "invocations", "number"),
            Column("cold_starts", "cold", "number"),
            Column("cold_percent", "share", "number", "%"),
            Column("average_ms", "average start", "number", "ms"),
            Column("longest_ms", "longest start", "number", "ms"),
            Column("p95_ms", "p95 without start", "number", "ms"),
        ),
        window=86400.0,
    ),
    Query(
        "lambda-broken",
        "Timeouts and out-of-memory",
        "Invocations that Lambda ended: out of time or out of memory, by function, and when it was first and last.",
        ("lambda",),
        f"""
filter @message like /{TIMED_OUT}|{KILLED}/
| parse @message /(?<timeout_mark>{TIMED_OUT})/
| parse @message /(?<killed_mark>{KILLED})/
| stats count(timeout_mark) as timeouts_seen, count(killed_mark) as killed_for_memory,
    earliest(@timestamp) as first_seen, latest(@timestamp) as last_seen by @log
| sort timeouts_seen desc, killed_for_memory desc
| limit ${{top}}
""",
        (Whole("top", "how many functions at most", "50", 1, 1000),),
        (
            Column("@log", "log group"),
            Column("timeouts_seen", "timeouts", "number"),
            Column("killed_for_memory", "out of memory", "number"),
            Column("first_seen", "first", "time"),
            Column("last_seen", "last", "time"),
        ),
        window=86400.0,
    ),
)
