"""Logs Insights of the local account, asked with the real `aws` CLI."""

from __future__ import annotations

import time

import pytest

from tests.e2e.conftest import Terminal

pytestmark = pytest.mark.xdist_group("local account")


def test_queries_are_answered_by_the_strict_engine(terminal: Terminal) -> None:
    at = int(time.time())
    start = f"aws logs start-query --start-time {at - 60} --end-time {at} --query-string"
    query = terminal.json(f"""{start} 'SOURCE logGroups(namePrefix: ["/aws/lambda/"]) | stats count(*)'""")["queryId"]
    answer = terminal.json(f"aws logs get-query-results --query-id {query}")
    assert (answer["status"], answer["queryLanguage"]) == ("Complete", "CWLI")
    assert answer["statistics"]["logGroupsScanned"] > 10
    refused = terminal.run(f"{start} 'SOURCE logGroups() | parse @message'", check=False)
    assert "MalformedQueryException" in refused.stderr
    assert "unexpected end of the query" in refused.stderr
