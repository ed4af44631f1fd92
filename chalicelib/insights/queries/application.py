"""What applications log: errors, and one request through all of them. The fields that these read: docs/logging.md."""

from __future__ import annotations

from chalicelib.insights.model import Column, Query
from chalicelib.insights.parameters import Choice, Text, Whole, Word

# Of JSON lines their level says it; of others, a word before any brace.
ERRORS = (
    r'/"(?:level|severity|levelname)":\s*"?(?:ERROR|Error|error|CRITICAL|critical|FATAL|fatal|50|60)\b'
    r'|"errorType":\s*"|^[^{]*\b(?:ERROR|CRITICAL|FATAL|Traceback|Task timed out)\b/'
)
# Where loggers of different languages have the same.
MESSAGE = "coalesce(message, msg, errorMessage, bare_text, @message)"
# Of Lambda's own plain lines, what is not of one request alone.
BARE = r"/^(?:\[\w+\]\s)?\S+Z\s[0-9a-f-]{36}\s(?:(?:ERROR|FATAL|CRITICAL)\s)?(?<bare_text>[^\n]{1,500})/"
# Lambda's own lines name their request in the text.
TRACE = "coalesce(xray_trace_id, trace_id, traceId, requestId, function_request_id, @requestId)"

QUERIES = (
    Query(
        "errors-top",
        "Top error messages",
        "The most frequent error messages, when each was first and last seen, and in how many requests, as far as the "
        "lines name theirs.",
        ("app",),
        # Where no line names its request, nobody knows how many there were: 0 / 0 is no number.
        f"""
filter @message like {ERRORS}
| parse @message {BARE}
| fields {MESSAGE} as error_text, {TRACE} as any_request
| filter @message like ${{holds}}
| stats count(*) as times_seen,
    count_distinct(any_request) * count(any_request) / count(any_request) as requests_hit,
    earliest(@timestamp) as first_seen, latest(@timestamp) as last_seen,
    count(*) - count(any_request) as lines_unnamed by error_text
| sort times_seen desc
| limit ${{top}}
""",
        (
            Whole("top", "how many at most", "5", 1, 1000),
            Text("holds", "only lines that hold this text"),
        ),
        (
            Column("error_text", "error"),
            Column("times_seen", "times", "number"),
            Column("requests_hit", "requests", "number"),
            Column("first_seen", "first", "time"),
            Column("last_seen", "last", "time"),
            Column("lines_unnamed", "without an id", "number"),
        ),
    ),
    Query(
        "errors-rate",
        "Error rate by minute",
        "How many lines there were in each minute, and how many of them were errors.",
        ("app",),
        f"""
parse @message {ERRORS.replace("/", "/(?<error_mark>", 1).removesuffix("/")})/
| stats count(error_mark) as error_lines, count(*) as all_lines, count(error_mark) * 100 / count(*) as error_percent
    by bin(${{every}}) as span_start
| sort span_start asc
""",
        (Choice("every", "of which length each span is", "1m", ("1m", "5m", "15m", "1h")),),
        (
            Column("span_start", "time", "time"),
            Column("error_lines", "errors", "number"),
            Column("all_lines", "lines", "number"),
            Column("error_percent", "share", "number", "%"),
        ),
    ),
    Query(
        "errors-new",
        "New error patterns",
        "Patterns of error lines against the span of the same length before: which are new, more, fewer, gone.",
        ("app",),
        f"""
filter @message like {ERRORS}
| pattern @message
| diff
| limit ${{top}}
""",
        (Whole("top", "how many at most", "50", 1, 1000),),
        (
            Column("@pattern", "pattern"),
            Column("@differenceDescription", "what changed"),
            Column("@sampleCount", "lines", "number"),
            Column("@diffEventCount", "before", "number"),
            Column("@severityLabel", "level"),
        ),
        "medium",
        longest=86400.0,
        twice=True,
    ),
    Query(
        "trace",
        "One request through all services",
        "Every line that names one request, trace or correlation id, in the order in which they were written.",
        ("app", "lambda", "apigw", "alb"),
        """
fields @timestamp, @log, level, service, coalesce(message, msg, @message) as line_text
| filter @message like ${request}
| display @timestamp, @log, level, service, line_text
| sort @timestamp asc
| limit ${top}
""",
        (
            Word(
                "request",
                "a request's, trace's or correlation id, of 8 to 128 letters, digits and -_.:=",
                r"[A-Za-z0-9][A-Za-z0-9_.:=-]{7,127}",
                needed=True,
            ),
            Whole("top", "how many lines at most", "200", 1, 10_000),
        ),
        (
            Column("@timestamp", "time", "time"),
            Column("@log", "log group"),
            Column("level", "level"),
            Column("service", "service"),
            Column("line_text", "line"),
        ),
        "medium",
    ),
)
