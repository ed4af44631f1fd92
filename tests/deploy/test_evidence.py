"""The bucket of the evidence, as the template makes it, and what its function's role may do there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chalicelib import evidence, settings
from deploy import actions, rights
from deploy.resources import storage
from local.iam import intrinsics
from local.iam.enforcer import denial
from local.iam.policy import Need
from local.iam.resources import Place
from local.roles import Roles
from tests.deploy.deployed import CFN, GIVEN, POLICIES, PSEUDO, RESOURCES, SHIPPED, said
from tests.rights import WORLD
from tests.samples import ACCOUNT, REGION

BUCKET = RESOURCES["EvidenceStore"]
HERE = Place("aws", REGION, ACCOUNT)
OWN = f"arn:aws:s3:::{evidence.bucket('test', ACCOUNT)}"
PREFIX = evidence.prefix("test", ACCOUNT)
ELSEWHERE = {"EvidenceBucket": "log-archive", "EvidenceAccount": "210987654321"}


def known(**given: str) -> dict[str, str]:
    return intrinsics.stack(CFN, {**PSEUDO, **GIVEN, "AlertKey": "key", **given})


def refused(need: Need, **given: str) -> str:
    return denial(Roles(SHIPPED, ACCOUNT, known(**given)).role("evidence"), need, HERE, WORLD)


def put(arn: str, once: str | None = "*") -> Need:
    return Need("s3:PutObject", (arn,), {"s3:if-none-match": once})


class TestTheBucket:
    def test_locks_what_is_put_into_it(self) -> None:
        properties = BUCKET["Properties"]
        assert properties["ObjectLockEnabled"] is True
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert said(properties["ObjectLockConfiguration"]) == {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": "365"}},
        }

    def test_is_encrypted_nobody_elses_and_outlives_the_stack(self) -> None:
        properties = BUCKET["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert (BUCKET["DeletionPolicy"], BUCKET["UpdateReplacePolicy"]) == ("Retain", "Retain")

    @pytest.mark.parametrize("stage", ["a", "prod", "twenty-letters-long1"])
    def test_has_a_name_that_s3_takes_and_the_function_knows(self, stage: str) -> None:
        name = known(Stage=stage)["EvidenceStore"]
        assert name == evidence.bucket(stage, ACCOUNT)
        assert re.fullmatch("[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name)

    def test_is_not_made_where_another_is_named(self) -> None:
        for name in ("EvidenceStore", "EvidenceStorePolicy"):
            assert RESOURCES[name]["Condition"] == "MakesEvidenceStore"
        assert known()["Conditions.MakesEvidenceStore"] == "true"
        assert known(**ELSEWHERE)["Conditions.MakesEvidenceStore"] == "false"
        assert intrinsics.resolve(CFN["Outputs"]["EvidenceKeptIn"]["Value"], known(**ELSEWHERE)) == "log-archive"

    def test_is_written_to_by_the_function_alone_once_and_unlocked_by_nobody(self) -> None:
        denied = {
            one["Sid"]: one
            for one in said(RESOURCES["EvidenceStorePolicy"]["Properties"]["PolicyDocument"])["Statement"]
        }
        assert {(one["Effect"], one["Principal"]) for one in denied.values()} == {("Deny", "*")}
        assert denied["EncryptedOnTheWay"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        writer = f"arn:aws:iam::{ACCOUNT}:role/{settings.role_name('test', 'evidence')}"
        assert denied["OnlyTheFunctionWrites"]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": writer}}
        assert denied["NothingOverWhatIsThere"]["Condition"] == {"Null": {"s3:if-none-match": "true"}}
        assert "Condition" not in denied["NobodyUnlocks"]
        assert {name: one["Action"] for name, one in denied.items()} == {
            "EncryptedOnTheWay": "s3:*",
            "OnlyTheFunctionWrites": "s3:PutObject",
            "NothingOverWhatIsThere": "s3:PutObject",
            "NobodyUnlocks": "s3:BypassGovernanceRetention",
        }

    @pytest.mark.parametrize("name", ["", "log-archive", "a.b-c1", "x" * 63])
    def test_of_another_takes_names_that_s3_has(self, name: str) -> None:
        assert re.fullmatch(CFN["Parameters"]["EvidenceBucket"]["AllowedPattern"], name)

    @pytest.mark.parametrize("name", ["a", "Log", "-a-", "x" * 64, "s3://bucket"])
    def test_of_another_takes_no_other_names(self, name: str) -> None:
        assert not re.fullmatch(CFN["Parameters"]["EvidenceBucket"]["AllowedPattern"], name)


class TestTheRole:
    def test_reads_the_journal_and_neither_writes_it_nor_deletes_anything(self) -> None:
        granted = {action for one in POLICIES["evidence"]["Statement"] for action in one["Action"]}
        own = {one for one in granted if one.split(":")[0] in ("s3", "dynamodb")}
        assert own == {
            "dynamodb:Scan", "s3:GetBucketObjectLockConfiguration", "s3:GetObject", "s3:ListBucket", "s3:PutObject",
        }  # fmt: skip
        assert not granted & actions.DELETES.keys()
        boundary = json.dumps(rights.boundary(rights.policies(SHIPPED).values()))
        for action in ("s3:DeleteObject", "s3:PutObjectRetention", "s3:BypassGovernanceRetention", "s3:*"):
            assert f'"{action}"' not in boundary

    @pytest.mark.parametrize(("given", "bucket"), [({}, OWN), (ELSEWHERE, "arn:aws:s3:::log-archive")])
    def test_reaches_its_own_part_of_the_one_bucket(self, given: Any, bucket: str) -> None:
        assert refused(put(f"{bucket}/{PREFIX}2026/11/20/manifest.json"), **given) == ""
        assert refused(Need("s3:GetObject", (f"{bucket}/{PREFIX}2026/11/20/manifest.json",), {}), **given) == ""
        assert refused(Need("s3:ListBucket", (bucket,), {"s3:prefix": PREFIX}), **given) == ""
        for arn in (
            f"{bucket}/other",
            f"{bucket}/{evidence.prefix('prod', ACCOUNT)}x",
            f"arn:aws:s3:::photos/{PREFIX}x",
        ):
            assert refused(put(arn), **given)
            assert refused(Need("s3:GetObject", (arn,), {}), **given)
        for prefix in ("", None, "parapet/"):
            assert refused(Need("s3:ListBucket", (bucket,), {"s3:prefix": prefix}), **given)

    def test_does_not_reach_the_stacks_own_where_another_is_named(self) -> None:
        assert refused(put(f"{OWN}/{PREFIX}x"), **ELSEWHERE)
        assert refused(put(f"arn:aws:s3:::log-archive/{PREFIX}x"))

    def test_writes_over_nothing(self) -> None:
        assert refused(put(f"{OWN}/{PREFIX}x", once=None))

    def test_is_not_held_by_any_other_function(self) -> None:
        for name, policy in POLICIES.items():
            named = {action for one in policy["Statement"] for action in one["Action"]}
            assert name == "evidence" or not {"dynamodb:Scan", "s3:GetObject", "s3:PutObject"} & named


class TestOperators:
    PATTERN = CFN["Parameters"]["Operators"]["AllowedPattern"]

    @pytest.mark.parametrize(
        "given",
        ["*", f"arn:aws:iam::{ACCOUNT}:role/oncall", f"arn:aws:iam::{ACCOUNT}:role/a,arn:aws:iam::{ACCOUNT}:user/b*"],
    )
    def test_are_arns_or_everybody(self, given: str) -> None:
        assert re.fullmatch(self.PATTERN, given)

    @pytest.mark.parametrize("given", ["", "oncall", "arn:aws:iam::1:role/a, arn:aws:iam::1:role/b", "*,*"])
    def test_are_nothing_else(self, given: str) -> None:
        assert not re.fullmatch(self.PATTERN, given)

    def test_and_our_own_roles_are_all_who_write(self) -> None:
        properties = RESOURCES["Journal"]["Properties"]
        document = intrinsics.resolve(properties["ResourcePolicy"]["PolicyDocument"], {**known(), "Operators": "a,b"})
        [one] = document["Statement"]
        assert one == {
            "Sid": "OnlyParapetAndOperatorsWrite",
            "Effect": "Deny",
            "Principal": "*",
            "Action": list(storage.WRITES),
            "Resource": known()["Journal.Arn"],
            "Condition": {
                "ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/parapet-test-*"},
                "StringNotLike": {"aws:PrincipalArn": ["a", "b"]},
            },
        }
        # What a table's policy may have, white space counted.
        assert len(json.dumps(document)) < 20_000

    def test_stay_out_of_what_only_administers(self) -> None:
        """A policy that kept its own author from changing it would be refused by DynamoDB, or stay for good."""
        assert not [one for one in storage.WRITES if "ResourcePolicy" in one or "Table" in one]
