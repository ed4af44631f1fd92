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


def test_what_a_trail_and_flow_logs_write_can_be_asked(terminal: Terminal) -> None:
    """Without a log group being named: AWS tells where they are."""
    name = "asked-of-the-trail"
    url = terminal.json(f"aws sqs create-queue --queue-name {name}")["QueueUrl"]
    terminal.run(f"aws sqs delete-queue --queue-url {url}")
    deleted = terminal.run(f"./parapet query who-deleted resource={name}").stdout
    assert "DeleteQueue" in deleted
    assert "  alice  " in deleted
    assert "CreateQueue" in terminal.run(f"./parapet query changes resource={name}").stdout
    assert "198.51.100.66" in terminal.run("./parapet query vpc-rejects top=1").stdout
