"""Each dangerous change over the wire with the real `aws` CLI: put right, recorded, told, and taken back."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib import registry
from tests.e2e.conftest import ROOT, Terminal, clean_environment, eventually, free_ports

pytestmark = pytest.mark.xdist_group("local account")
ALL = "http://acs.amazonaws.com/groups/global/AllUsers"
PUBLIC = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "World", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
             "Resource": "arn:aws:s3:::demo-photos/*"},
        ],
    }
)  # fmt: skip

BUDGET = json.dumps({
    "BudgetName": "all", "BudgetLimit": {"Amount": "100", "Unit": "USD"}, "TimeUnit": "MONTHLY", "BudgetType": "COST",
})  # fmt: skip
ALERTS = json.dumps([
    {
        "Notification": {"NotificationType": kind, "ComparisonOperator": "GREATER_THAN", "Threshold": threshold},
        "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "finance@example.com"}],
    }
    for kind, threshold in (("ACTUAL", 80), ("FORECASTED", 100))
])  # fmt: skip


@dataclass(frozen=True)
class Change:
    """A dangerous change, how to see the state, and what becomes of it."""

    guardrail: str
    command: str
    see: str
    status: str = "fixed"
    before: str = ""
    after: str = ""


CHANGES = [
    Change(
        "ec2_security_group_open",
        "aws ec2 authorize-security-group-ingress --group-id $SG --protocol tcp --port 22 --cidr 0.0.0.0/0",
        "aws ec2 describe-security-groups --group-ids $SG --query SecurityGroups[].IpPermissions",
    ),
    Change(
        "ec2_network_acl_open",
        "aws ec2 create-network-acl-entry --network-acl-id $NACL --ingress --rule-number 110 --protocol tcp "
        "--port-range From=22,To=22 --cidr-block 0.0.0.0/0 --rule-action allow",
        "aws ec2 describe-network-acls --network-acl-ids $NACL --query NetworkAcls[].Entries[?RuleNumber==`110`]",
    ),
    Change(
        "ec2_snapshot_public",
        "aws ec2 modify-snapshot-attribute --snapshot-id $SNAPSHOT --create-volume-permission Add=[{Group=all}]",
        "aws ec2 describe-snapshot-attribute --snapshot-id $SNAPSHOT --attribute createVolumePermission",
    ),
    Change(
        "ec2_image_public",
        "aws ec2 modify-image-attribute --image-id $AMI --launch-permission Add=[{Group=all}]",
        "aws ec2 describe-image-attribute --image-id $AMI --attribute launchPermission",
    ),
    Change(
        "ec2_ebs_encryption_off",
        "aws ec2 disable-ebs-encryption-by-default",
        "aws ec2 get-ebs-encryption-by-default",
    ),
    Change(
        "ec2_imdsv1_allowed",
        "aws ec2 modify-instance-metadata-options --instance-id $INSTANCE --http-tokens optional",
        "aws ec2 describe-instances --instance-ids $INSTANCE --query Reservations[].Instances[].MetadataOptions",
    ),
    Change(
        "s3_bucket_unblocked",
        "aws s3api delete-public-access-block --bucket $BUCKET",
        "aws s3api get-public-access-block --bucket $BUCKET",
    ),
    Change(
        "s3_account_unblocked",
        "aws s3control delete-public-access-block --account-id 123456789012",
        "aws s3control get-public-access-block --account-id 123456789012",
    ),
    Change(
        "s3_bucket_policy_public",
        f"aws s3api put-bucket-policy --bucket $BUCKET --policy '{PUBLIC}'",
        "aws s3api get-bucket-policy --bucket $BUCKET",
    ),
    Change(
        "s3_bucket_acl_public",
        "aws s3api put-bucket-acl --bucket $BUCKET --acl public-read",
        "aws s3api get-bucket-acl --bucket $BUCKET --query Grants",
    ),
    Change(
        "cloudtrail_logging_stopped",
        "aws cloudtrail stop-logging --name $TRAIL",
        "aws cloudtrail get-trail-status --name $TRAIL --query IsLogging",
        # Without a trail that records, nothing that follows would reach anybody.
        after="aws cloudtrail start-logging --name $TRAIL",
    ),
    Change(
        "kms_key_deletion_scheduled",
        "aws kms schedule-key-deletion --key-id $KEY --pending-window-in-days 7",
        "aws kms describe-key --key-id $KEY --query KeyMetadata.KeyState",
    ),
    Change(
        "kms_key_disabled",
        "aws kms disable-key --key-id $KEY",
        "aws kms describe-key --key-id $KEY --query KeyMetadata.KeyState",
        before="aws kms cancel-key-deletion --key-id $KEY;aws kms enable-key --key-id $KEY",
    ),
    Change(
        "rds_instance_public",
        "aws rds modify-db-instance --db-instance-identifier $DB --publicly-accessible --apply-immediately",
        "aws rds describe-db-instances --query DBInstances[].PubliclyAccessible",
    ),
    Change(
        "rds_snapshot_public",
        "aws rds modify-db-snapshot-attribute --db-snapshot-identifier $DB_SNAPSHOT --attribute-name restore "
        "--values-to-add all",
        "aws rds describe-db-snapshot-attributes --db-snapshot-identifier $DB_SNAPSHOT",
    ),
    Change(
        "iam_admin_policy_attached",
        "aws iam attach-user-policy --user-name bob --policy-arn arn:aws:iam::aws:policy/AdministratorAccess",
        "aws iam list-attached-user-policies --user-name bob",
        status="asked",
    ),
    Change(
        "iam_access_key_for_other",
        "aws iam create-access-key --user-name bob",
        "aws iam list-access-keys --user-name bob --query AccessKeyMetadata[].Status",
        status="asked",
    ),
    Change(
        "iam_password_policy_weak",
        # What a call does not name is reset, so that a person who weakens one thing names the rest.
        "aws iam update-account-password-policy --minimum-password-length 6 --require-symbols --require-numbers "
        "--require-uppercase-characters --require-lowercase-characters --allow-users-to-change-password "
        "--max-password-age 90",
        "aws iam get-account-password-policy",
    ),
    Change(
        "budgets_account_unbudgeted",
        "aws budgets delete-budget --account-id 123456789012 --budget-name all",
        "aws budgets describe-budgets --account-id 123456789012",
        status="observed",
        before=f"aws budgets create-budget --account-id 123456789012 --budget '{BUDGET}' "
        f"--notifications-with-subscribers '{ALERTS}'",
    ),
]


def see(terminal: Terminal, change: Change) -> Any:
    done = terminal.run(change.see, check=False)
    return done.stdout or done.stderr


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.guardrail)
def test_dangerous_change(terminal: Terminal, change: Change) -> None:
    for line in filter(None, change.before.split(";")):
        terminal.run(line)
    innocent = see(terminal, change)
    terminal.run(change.command)

    def settled() -> Any:
        found = terminal.journal(change.guardrail)
        return found and found[0]["status"] == change.status and found[0]

    finding = eventually(settled)
    assert (finding["actor"]["who"], finding["actor"]["ip"]) == ("alice", "198.51.100.7")
    assert finding["actor"]["tool"].startswith("aws-cli/")
    eventually(lambda: finding["id"] in terminal.inbox())
    assert finding["id"] in terminal.lines()
    if change.status in ("asked", "observed"):
        assert see(terminal, change) != innocent
        return
    assert see(terminal, change) == innocent, "only what was wrong has changed"
    undone = terminal.json(f"./parapet undo {finding['id'][:5]} --for 30m --why 'a test' --json")
    assert undone["status"] == "done"
    assert see(terminal, change) != innocent
    shown = terminal.json(f"./parapet show {finding['id']} --json")
    assert [step["status"] for step in shown["history"]] == ["fixing", "fixed", "undoing", "undone"]
    assert shown["history"][-1]["by"] == "alice"
    for line in filter(None, change.after.split(";")):
        terminal.run(line)


def test_every_guardrail_is_met_over_the_wire() -> None:
    met = {change.guardrail for change in CHANGES} | {"signin_root_used", "signin_without_mfa"}
    # A budget is spent by nobody here.
    met.add("ec2_nonproduction_running")
    assert met == {rail.name for rail in registry.load() if rail.called}


def test_sign_in_without_mfa_and_as_root(terminal: Terminal) -> None:
    terminal.post("sign-in", user="alice", mfa=False)
    [finding] = eventually(lambda: terminal.journal("signin_without_mfa"))
    assert (finding["status"], finding["actor"]["who"]) == ("noted", "alice")
    root = {**terminal.environment, "AWS_ACCESS_KEY_ID": "AKIALOCALROOT0000000"}
    terminal_as_root = Terminal(terminal.process, root, terminal.inbox_port, terminal.log)
    terminal_as_root.run("aws iam create-user --user-name eve")
    terminal_as_root.run("aws iam delete-user --user-name eve")
    [finding] = eventually(lambda: terminal.journal("signin_root_used"))
    assert (finding["status"], finding["actor"]["who"], finding["actor"]["ip"]) == ("noted", "root", "198.51.100.9")


def test_failed_calls_and_our_own_are_not_findings(terminal: Terminal) -> None:
    count = len(terminal.journal("ec2_security_group_open"))
    failed = terminal.run(
        "aws ec2 authorize-security-group-ingress --group-id sg-0aaaaaaaaaaaaaaaa --protocol tcp --port 22 "
        "--cidr 0.0.0.0/0",
        check=False,
    )
    assert failed.returncode
    # A later change that is seen proves that the earlier one was not.
    terminal.run("aws ec2 authorize-security-group-ingress --group-id $SG --protocol tcp --port 1433 --cidr 0.0.0.0/0")
    eventually(lambda: len(terminal.journal("ec2_security_group_open")) > count)
    assert len(terminal.journal("ec2_security_group_open")) == count + 1


def test_pause_holds_and_resume_fixes(terminal: Terminal) -> None:
    group = terminal.json("aws ec2 create-security-group --group-name paused --description x")["GroupId"]
    terminal.run("./parapet pause 10m --why 'an incident'")
    try:
        terminal.run(
            f"aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port 22 --cidr 0.0.0.0/0"
        )
        [finding] = eventually(lambda: terminal.findings(f"--resource {group}"))
        assert finding["status"] == "held"
    finally:
        terminal.run("./parapet resume")
    eventually(lambda: terminal.findings(f"--resource {group}")[0]["status"] == "fixed")


def test_the_evidence_is_whole_at_once(terminal: Terminal) -> None:
    def exported() -> bool:
        return bool(terminal.json("./parapet verify --json")["days"])

    assert eventually(exported)
    assert terminal.run("./parapet verify").stdout.startswith("Whole: 1 day ")


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = clean_environment(**{**free_ports(), "PARAPET_PORT": str(port)})
        done = subprocess.run(
            [sys.executable, "-m", "local"], env=environment, capture_output=True, text=True, cwd=ROOT, timeout=60,
            check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_settings_file_with_a_typo_stops_make_up(tmp_path: Any) -> None:
    file = tmp_path / "parapet.toml"
    file.write_text("[guardrails.ec2_securty_group_open]\nmode = 'observe'\n", "utf-8")
    environment = clean_environment(**free_ports(), PARAPET_SETTINGS=str(file))
    done = subprocess.run(
        [sys.executable, "-m", "local"], env=environment, capture_output=True, text=True, cwd=ROOT, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "did you mean 'ec2_security_group_open'" in done.stderr


def test_what_cannot_be_handled_is_retried_told_and_kept(terminal: Terminal) -> None:
    detail = json.dumps(json.dumps({"service": "ec2", "command": "deadbeef"}))
    entry = f'[{{"Source": "parapet", "DetailType": "Parapet Command", "Detail": {detail}}}]'
    terminal.run(f"aws events put-events --entries '{entry}'")
    eventually(lambda: "there is no command deadbeef" in terminal.inbox())
    assert "guard_ec2 gave up" in terminal.lines()
    queue = "$AWS_ENDPOINT_URL/123456789012/parapet-local-dead-letters"
    kept = terminal.json(f"aws sqs receive-message --queue-url {queue}")
    record = json.loads(kept["Messages"][0]["Body"])
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"]["detail"]["command"] == "deadbeef"
