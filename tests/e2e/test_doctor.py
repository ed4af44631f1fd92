"""`./parapet doctor` in the local account, whose heartbeat goes its whole way: function, CloudTrail, rule, queue."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Terminal

pytestmark = pytest.mark.xdist_group("local account")


def test_finds_a_healthy_account(terminal: Terminal) -> None:
    document = terminal.json("./parapet doctor --wait --json")
    states = {one["check"]: one["state"] for one in document["checks"]}
    assert {name for name, state in states.items() if state not in ("ok", "not here")} == set()
    looked = {"credentials", "settings", "stack", "trail", "heartbeat", "dead letters", "paused", "slack"}
    assert {name for name in looked if states[name] != "ok"} == set()


def test_the_heartbeat_is_what_the_function_has_put(terminal: Terminal) -> None:
    queue = terminal.json("aws sqs get-queue-url --queue-name parapet-local-heartbeat")["QueueUrl"]
    received = terminal.json(f"aws sqs receive-message --queue-url {queue} --visibility-timeout 0")
    assert '"eventName": "PutParameter"' in received["Messages"][0]["Body"]
    assert '"name": "/parapet/local/heartbeat"' in received["Messages"][0]["Body"]
    parameter = terminal.json("aws ssm get-parameter --name /parapet/local/heartbeat")["Parameter"]
    assert parameter["Type"] == "String"
