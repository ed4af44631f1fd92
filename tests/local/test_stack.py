"""Parapet's own resources in the local account: all that are declared are made, or the reason is known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from local.deployment import Deployment, DeploymentError, load
from local.stack import BY_HAND, NOT_MADE, create, environment
from tests.account import TestAccount
from tests.samples import ACCOUNT, REGION

DEPLOYMENT = load("test")


def with_resource(name: str, one: Any) -> Deployment:
    found = {**DEPLOYMENT.template["Resources"], name: one}
    return replace(DEPLOYMENT, template={**DEPLOYMENT.template, "Resources": found})


class TestCreate:
    def test_makes_what_is_declared(self, account: TestAccount) -> None:
        made = create(account.client, DEPLOYMENT, "parapet-test")
        declared = {name: one["Type"] for name, one in DEPLOYMENT.template["Resources"].items()}
        left = {name for name, kind in declared.items() if kind not in (*BY_HAND, *NOT_MADE)}
        # It is on the bus that is not made.
        assert set(made) == left - {"LedgerElsewhereRule"}
        assert set(NOT_MADE) <= set(declared.values())

    def test_makes_by_hand_what_moto_leaves_out(self, account: TestAccount) -> None:
        made = create(account.client, DEPLOYMENT, "parapet-test")
        sns, sqs = account.client("sns"), account.client("sqs")
        [subscription] = sns.list_subscriptions_by_topic(TopicArn=made["FailuresTopic"])["Subscriptions"]
        assert subscription["Endpoint"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:parapet-test-dead-letters"
        topic = sns.get_topic_attributes(TopicArn=made["AlertTopic"])["Attributes"]
        assert [one["Sid"] for one in json.loads(topic["Policy"])["Statement"]] == [
            "Alarms",
            "Budgets",
            "CostAnomalies",
        ]
        for logical in ("DeadLetters", "RuleDeadLetters", "HeartbeatQueue"):
            answer = sqs.get_queue_attributes(QueueUrl=made[logical], AttributeNames=["Policy", "QueueArn"])
            [statement] = json.loads(answer["Attributes"]["Policy"])["Statement"]
            assert statement["Resource"] == answer["Attributes"]["QueueArn"]
            [source] = [value for keys in statement["Condition"].values() for value in keys.values()]
            assert ":parapet-test-" in source or "/parapet-test-" in source

    def test_locks_the_evidence(self, account: TestAccount) -> None:
        made, s3 = create(account.client, DEPLOYMENT, "parapet-test"), account.client("s3")
        bucket = made["EvidenceStore"]
        lock = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        # In years moto counts as well.
        assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": 365, "Years": 0}
        statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
        assert "NobodyUnlocks" in {one["Sid"] for one in statements}

    def test_makes_a_key_that_a_sweep_can_look_at(self, account: TestAccount) -> None:
        made = create(account.client, DEPLOYMENT, "parapet-test")
        described = account.client("kms").describe_key(KeyId=made["AlertKey"])["KeyMetadata"]
        assert described["KeyState"] == "Enabled"

    def test_refuses_what_moto_does_not_make(self, account: TestAccount) -> None:
        unknown = {"Type": "AWS::Wisdom::Assistant", "Properties": {"Name": "a", "Type": "AGENT"}}
        with pytest.raises(DeploymentError, match="moto did not create Unknown of the local stack"):
            create(account.client, with_resource("Unknown", unknown), "parapet-test")


class TestEnvironment:
    def test_names_what_was_made(self, account: TestAccount) -> None:
        made = create(account.client, DEPLOYMENT, "parapet-test")
        found = environment(DEPLOYMENT, made)
        assert found == {
            "PARAPET_STAGE": "test",
            "PARAPET_TABLE": "parapet-test-journal",
            "PARAPET_SLACK_QUEUE": made["SlackQueue"],
            "PARAPET_PAGERDUTY_QUEUE": made["PagerDutyQueue"],
            "PARAPET_EMAIL_QUEUE": made["EmailQueue"],
            "PARAPET_ALERT_QUEUE": made["AlertQueue"],
            "PARAPET_ENRICH_QUEUE": made["EnrichQueue"],
            "PARAPET_LEDGER": "parapet-test-ledger",
            "PARAPET_EMAIL_TOPIC": made["EmailTopic"],
            "PARAPET_PAGERDUTY_KEY": "",
            "PARAPET_TOKEN_KEY": made["TokenKey"],
            "PARAPET_SLACK_TOKEN": "/parapet/slack-token",
            "PARAPET_SLACK_SIGNING_SECRET": "/parapet/slack-signing-secret",
            "PARAPET_EXTERNAL_ID": "",
            "PARAPET_EVIDENCE_BUCKET": "",
            "PARAPET_EVIDENCE_ACCOUNT": "",
        }

    def test_takes_a_text_as_it_is(self) -> None:
        observing = replace(DEPLOYMENT, variables={"PARAPET_OBSERVED": "ec2_image_public"})
        assert environment(observing, {}) == {"PARAPET_OBSERVED": "ec2_image_public"}

    def test_refuses_what_is_not_there(self) -> None:
        with pytest.raises(DeploymentError, match="PARAPET_X refers to"):
            environment(replace(DEPLOYMENT, variables={"PARAPET_X": {"Ref": "Nothing"}}), {})
