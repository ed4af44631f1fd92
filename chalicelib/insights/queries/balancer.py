"""Access logs of an Application Load Balancer, shipped into a log group line by line.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
"""

from __future__ import annotations

from chalicelib.insights.model import Column, Query
from chalicelib.insights.parameters import Choice, Whole

LINE = (
    r"/^\S+ \S+ (?<lb_balancer>\S+) (?<lb_client>\S+) (?<lb_target>\S+) (?<lb_waited>\S+) (?<lb_worked>\S+) "
    r'(?<lb_sent>\S+) (?<lb_status>\S+) (?<lb_target_status>\S+) \S+ \S+ "(?<lb_method>\S+) (?<lb_url>\S+) /'
)
PATH = r"/^[a-z]+:\/\/[^\/]+(?<lb_path>\/[^?]*)/"

QUERIES = (
    Query(
        "alb-latency",
        "Response times of the load balancer",
        "Average and 95th percentile from the whole request to the whole response, and how many there were.",
        ("alb",),
        f"""
parse @message {LINE}
| filter lb_waited >= 0 and lb_worked >= 0 and lb_sent >= 0
| fields lb_waited + lb_worked + lb_sent as lb_seconds
| stats avg(lb_seconds) as average_s, pct(lb_seconds, 95) as p95_s, max(lb_seconds) as longest_s,
    count(*) as requests_answered by bin(${{every}}) as span_start
| sort span_start asc
""",
        (Choice("every", "of which length each span is", "5m", ("1m", "5m", "15m", "1h")),),
        (
            Column("span_start", "time", "time"),
            Column("average_s", "average", "number", "s"),
            Column("p95_s", "p95", "number", "s"),
            Column("longest_s", "longest", "number", "s"),
            Column("requests_answered", "requests", "number"),
        ),
        "medium",
    ),
    Query(
        "alb-failing",
        "Failing routes and targets",
        "Answers with a status from 500 on: which route, which target, and whether the target or the balancer made it.",
        ("alb",),
        f"""
parse @message {LINE}
| filter lb_status >= 500
| parse lb_url {PATH}
| stats count(*) as times_seen, latest(@timestamp) as last_seen
    by lb_method, lb_path, lb_target, lb_status, lb_target_status
| sort times_seen desc
| limit ${{top}}
""",
        (Whole("top", "how many at most", "25", 1, 1000),),
        (
            Column("lb_method", "method"),
            Column("lb_path", "path"),
            Column("lb_target", "target"),
            Column("lb_status", "status"),
            Column("lb_target_status", "of the target"),
            Column("times_seen", "times", "number"),
            Column("last_seen", "last", "time"),
        ),
        "medium",
    ),
)
