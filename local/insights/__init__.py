"""CloudWatch Logs Insights, strictly: reads its query language, and runs queries over log events.

What it does not know it refuses, with position and reason, and never guesses. Nothing here knows AWS's API, moto or
Parapet.

    query = parse('filter level = "ERROR" | stats count(*) as n by bin(5m)')
    results = run(query, events, start, end)
"""

from local.insights.checking import redefined
from local.insights.evaluation import before, run
from local.insights.malformed import Elsewhere, Malformed
from local.insights.reading import parse
from local.insights.results import Event, Results, Statistics
from local.insights.tree import Query
from local.insights.writing import quoted, write

__all__ = [
    "Elsewhere",
    "Event",
    "Malformed",
    "Query",
    "Results",
    "Statistics",
    "before",
    "parse",
    "quoted",
    "redefined",
    "run",
    "write",
]
