"""Any call that somebody makes with the real `aws` CLI is in the ledger within seconds."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Terminal, eventually

pytestmark = pytest.mark.xdist_group("local account")
NAME = "change-ledger-queue"


def test_a_call_is_seen_and_who_made_it(terminal: Terminal) -> None:
    terminal.run(f"aws sqs create-queue --queue-name {NAME}")
    [change] = eventually(lambda: terminal.json(f"./parapet changes --resource {NAME} --json")["changes"], 5)
    assert (change["action"], change["actor"], change["tool"], change["ip"]) == (
        "CreateQueue", "alice", "aws-cli", "198.51.100.7",
    )  # fmt: skip
    said = terminal.run(f"./parapet who CreateQueue {NAME}").stdout
    assert said.startswith(f"alice called CreateQueue on {NAME} from 198.51.100.7 with aws-cli at ")


def test_what_our_functions_do_is_not(terminal: Terminal) -> None:
    terminal.run("aws ec2 authorize-security-group-ingress --group-id $SG --protocol tcp --port 22 --cidr 0.0.0.0/0")
    eventually(lambda: terminal.journal("ec2_security_group_open")[:1])
    wanted = "./parapet changes -q SecurityGroupIngress --json"
    found = eventually(lambda: terminal.json(wanted)["changes"], 5)
    assert {(one["action"], one["actor"]) for one in found} == {("AuthorizeSecurityGroupIngress", "alice")}


def test_the_history_is_looked_up_by_name(terminal: Terminal) -> None:
    one = "aws cloudtrail lookup-events --max-items 1 --lookup-attributes"
    [event] = terminal.json(f"{one} AttributeKey=Username,AttributeValue=alice")["Events"]
    assert event["Username"] == "alice"
    refused = terminal.run(f"{one} AttributeKey=ResourceType,AttributeValue=x", check=False)
    assert "InvalidLookupAttributesException" in refused.stderr
