"""Access logs of API Gateway, in JSON (docs/logging.md has the format to set)."""

from __future__ import annotations

from chalicelib.insights.model import Column, Query
from chalicelib.insights.parameters import Whole

QUERIES = (
    Query(
        "apigw-routes",
        "API Gateway by route",
        "Requests, errors (from 500 on), throttled ones (429) and 95th percentiles by route, the most errors first.",
        ("apigw",),
        # Each is 1 where it is so, else 0: a comparison cannot be summed up.
        """
fields coalesce(routeKey, concat(httpMethod, " ", coalesce(resourcePath, path))) as route_name,
    floor(status / 500) as is_bad, 1 - least(abs(status - 429), 1) as is_refused
| filter ispresent(status)
| stats count(*) as requests_made, sum(is_bad) as requests_bad, sum(is_bad) * 100 / count(*) as bad_percent,
    sum(is_refused) as requests_throttled, pct(responseLatency, 95) as p95_ms,
    pct(integrationLatency, 95) as p95_behind_ms by route_name
| sort requests_bad desc, requests_made desc
| limit ${top}
""",
        (Whole("top", "how many routes at most", "25", 1, 1000),),
        (
            Column("route_name", "route"),
            Column("requests_made", "requests", "number"),
            Column("requests_bad", "errors", "number"),
            Column("bad_percent", "share", "number", "%"),
            Column("requests_throttled", "throttled", "number"),
            Column("p95_ms", "p95", "number", "ms"),
            Column("p95_behind_ms", "p95 behind it", "number", "ms"),
        ),
        "medium",
    ),
)
