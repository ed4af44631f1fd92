"""`./parapet verify`: what is whole, and each way in which somebody could have had a hand in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from chalicelib import evidence
from chalicelib.aws import Connect
from chalicelib.evidence import Manifest
from tests.account import TABLE
from tests.cli.terminal import Terminal
from tests.functions.test_evidence import BUCKET, DAY, FIRST, PREFIX, SECOND, THIRD, archive, next_day, run, store
from tests.samples import ACCOUNT, REGION


@pytest.fixture
def kept(terminal: Terminal) -> Terminal:
    """Three days of evidence, with a finding on the first that is undone on the second; it is three hours later."""
    account = terminal.account
    store(account)
    finding = terminal.breach()
    next_day(account)
    run(account)
    account.undo(finding)
    next_day(account)
    run(account)
    next_day(account)
    run(account)
    account.clock.forward(3 * 3600)
    return terminal


def broken(terminal: Terminal, *arguments: str) -> str:
    """What is said to be broken; the exit code must be 1."""
    result = terminal.run("verify", *arguments)
    assert (result.exit_code, result.stderr) == (1, ""), result.output
    first, *_ = result.stdout.splitlines()
    assert first.startswith(f"BROKEN in s3://{BUCKET}: ")
    return first.removeprefix(f"BROKEN in s3://{BUCKET}: ")


def s3(terminal: Terminal) -> Any:
    return terminal.account.client("s3")


def version(terminal: Terminal, name: str) -> str:
    """The version of an object, which a person with the right to bypass governance can take away."""
    found = s3(terminal).list_object_versions(Bucket=BUCKET, Prefix=PREFIX + name)["Versions"]
    return str(found[-1]["VersionId"])


def destroy(terminal: Terminal, name: str) -> None:
    s3(terminal).delete_object(
        Bucket=BUCKET, Key=PREFIX + name, VersionId=version(terminal, name), BypassGovernanceRetention=True
    )


def replace(terminal: Terminal, name: str, content: bytes) -> None:
    """Put other content in the place of an object, as if it had always been there."""
    destroy(terminal, name)
    s3(terminal).put_object(Bucket=BUCKET, Key=PREFIX + name, Body=content, ChecksumAlgorithm="SHA256")


def read(terminal: Terminal, name: str) -> bytes:
    content: bytes = s3(terminal).get_object(Bucket=BUCKET, Key=PREFIX + name)["Body"].read()
    return content


def update(terminal: Terminal, key: str, expression: str, **values: Any) -> None:
    terminal.account.client("dynamodb").update_item(
        TableName=TABLE,
        Key={"pk": {"S": key}, "sk": {"S": key.split("#")[0]}},
        UpdateExpression=expression,
        ExpressionAttributeNames={"#h": "history", "#by": "by"} if "#h" in expression else {"#who": "who"},
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )


@dataclass
class Unlocked:
    """Clients that say of an object without a lock what S3 says; moto has no answer."""

    clients: Connect

    def __call__(self, service: str, region: str) -> Any:
        return _Client(self.clients(service, region)) if service == "s3" else self.clients(service, region)


class _Client:
    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_object_retention(self, **_: Any) -> Any:
        told = "The specified object does not have a ObjectLock configuration"
        raise ClientError({"Error": {"Code": "NoSuchObjectLockConfiguration", "Message": told}}, "GetObjectRetention")


class TestWhole:
    def test_is_said(self, kept: Terminal) -> None:
        first, second, third = kept.out("verify").splitlines()
        assert first == f"Whole: 3 days from {FIRST} to {THIRD} with 3 entries, and the journal says the same."
        assert second.startswith(f"Kept in s3://{BUCKET}, locked (GOVERNANCE) until 20")
        newest = json.loads(read(kept, evidence.manifest_file(THIRD)))["sha256"]
        assert third.startswith(f"The newest manifest is {newest}: ")

    def test_is_said_to_programs(self, kept: Terminal) -> None:
        found = kept.json("verify")
        assert found.pop("locked_until").endswith("Z")
        newest = json.loads(read(kept, evidence.manifest_file(THIRD)))["sha256"]
        assert found == {
            "whole": True,
            "bucket": BUCKET,
            "since": FIRST,
            "until": THIRD,
            "days": 3,
            "entries": 3,
            "newest": {"day": THIRD, "sha256": newest},
            "locked": ["GOVERNANCE"],
            "broken": None,
        }

    def test_of_a_span(self, kept: Terminal) -> None:
        assert kept.out("verify", "--since", SECOND).startswith(f"Whole: 2 days from {SECOND} to {THIRD}")
        assert kept.out("verify", "--until", SECOND).startswith(f"Whole: 2 days from {FIRST} to {SECOND}")
        assert kept.out("verify", "--since", SECOND, "--until", SECOND).startswith(f"Whole: 1 day from {SECOND}")

    def test_while_a_day_is_being_exported(self, kept: Terminal) -> None:
        next_day(kept.account)
        body = b""
        done = archive(kept.account).put(evidence.entries_file("2026-11-21"), body, evidence.sha256(body))
        assert done
        assert kept.out("verify").startswith("Whole: 3 days")

    def test_in_a_bucket_that_the_environment_names(self, kept: Terminal) -> None:
        kept.environment |= {"PARAPET_EVIDENCE_BUCKET": "nobodys"}
        assert "NoSuchBucket" in kept.fails(4, "verify")
        kept.environment |= {"PARAPET_EVIDENCE_BUCKET": BUCKET, "PARAPET_EVIDENCE_ACCOUNT": ACCOUNT}
        assert kept.out("verify").startswith("Whole: 3 days")

    def test_in_the_bucket_of_the_stack(self, kept: Terminal) -> None:
        template = {
            "Parameters": {"EvidenceBucket": {"Type": "String"}, "EvidenceAccount": {"Type": "String", "Default": ""}},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        }
        kept.account.client("cloudformation").create_stack(
            StackName="parapet-test",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": "EvidenceBucket", "ParameterValue": BUCKET}],
        )
        assert kept.json("verify")["bucket"] == BUCKET


class TestTheBucket:
    def test_with_an_entry_changed(self, kept: Terminal) -> None:
        name = evidence.entries_file(FIRST)
        [line] = read(kept, name).splitlines()
        changed = line.replace(b"alice", b"mallo")
        replace(kept, name, changed + b"\n")
        finding = json.loads(line)["id"]
        assert broken(kept) == (
            f"{FIRST}: entry {finding}: expected sha256 {evidence.sha256(line)}, found {evidence.sha256(changed)}"
        )

    def test_with_a_day_made_anew_in_full(self, kept: Terminal) -> None:
        """Entries and manifest agree with each other; neither the next manifest nor the journal does."""
        old = evidence.manifest(read(kept, evidence.manifest_file(FIRST)), FIRST, "test", ACCOUNT)
        empty = Manifest("test", ACCOUNT, FIRST, old.made, (), evidence.sha256(b""), None)
        replace(kept, evidence.entries_file(FIRST), b"")
        replace(kept, evidence.manifest_file(FIRST), empty.content())
        assert broken(kept).endswith("the journal has it on that day, and the export of it has not")
        kept.account.client("dynamodb").delete_item(
            TableName=TABLE, Key={"pk": {"S": old.entries[0][0]}, "sk": {"S": "FINDING"}}
        )
        assert broken(kept) == (
            f"{SECOND}: the manifest of {FIRST} is not the one that it follows: "
            f"expected {old.link.sha256}, found {empty.link.sha256}"
        )

    @pytest.mark.parametrize("day", [FIRST, SECOND, THIRD])
    def test_without_a_manifest(self, kept: Terminal, day: str) -> None:
        destroy(kept, evidence.manifest_file(day))
        wanted = f"{SECOND}: its manifest follows that of {FIRST}, which is not there" if day == FIRST else day
        assert broken(kept).startswith(wanted)

    def test_without_its_newest_days(self, kept: Terminal) -> None:
        for day in (SECOND, THIRD):
            destroy(kept, evidence.manifest_file(day))
            destroy(kept, evidence.entries_file(day))
        assert broken(kept) == f"{SECOND}: its manifest is missing"

    def test_without_a_days_entries(self, kept: Terminal) -> None:
        destroy(kept, evidence.entries_file(SECOND))
        assert broken(kept) == f"{SECOND}: its entries are missing"

    def test_without_anything(self, kept: Terminal) -> None:
        for day in (FIRST, SECOND, THIRD):
            destroy(kept, evidence.manifest_file(day))
            destroy(kept, evidence.entries_file(day))
        assert broken(kept).startswith(f"{THIRD}: its manifest is missing, and so is every one before it")

    def test_with_a_delete_marker(self, kept: Terminal) -> None:
        s3(kept).delete_object(Bucket=BUCKET, Key=PREFIX + evidence.manifest_file(SECOND))
        assert f"{SECOND}: 2026/11/19/manifest.json is hidden: somebody put a delete marker on it" in broken(kept)

    def test_with_something_written_over(self, kept: Terminal) -> None:
        name = evidence.entries_file(SECOND)
        s3(kept).put_object(Bucket=BUCKET, Key=PREFIX + name, Body=read(kept, name), ChecksumAlgorithm="SHA256")
        assert f"{SECOND}: 2026/11/19/entries.jsonl has several versions: somebody wrote over it" in broken(kept)

    def test_that_does_not_lock(self, kept: Terminal) -> None:
        name = evidence.manifest_file(SECOND)
        content = read(kept, name)
        destroy(kept, name)
        kept.connect = Unlocked(kept.connect)
        s3_backends[ACCOUNT]["aws"].get_bucket(BUCKET).default_lock_mode = None
        s3(kept).put_object(Bucket=BUCKET, Key=PREFIX + name, Body=content, ChecksumAlgorithm="SHA256")
        assert (
            broken(kept) == f"{SECOND}: 2026/11/19/manifest.json is not locked: whoever may delete there can delete it"
        )

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("notes.txt", "no day: parapet/123456789012/test/journal/notes.txt is none of Parapet's files"),
            ("2026/11/10/entries.jsonl", "2026-11-10: it has entries and no manifest, outside of the chain"),
            ("2026/11/23/entries.jsonl", "2026-11-23: 2026/11/23/entries.jsonl is of a day that is not over"),
            ("2099/01/01/manifest.json", "2099-01-01: 2099/01/01/manifest.json is of a day that is not over"),
        ],
    )
    def test_with_something_more(self, kept: Terminal, name: str, text: str) -> None:
        s3(kept).put_object(Bucket=BUCKET, Key=PREFIX + name, Body=b"", ChecksumAlgorithm="SHA256")
        assert broken(kept) == text

    def test_names_the_first_break_and_what_is_whole_before(self, kept: Terminal) -> None:
        destroy(kept, evidence.entries_file(SECOND))
        destroy(kept, evidence.manifest_file(THIRD))
        said = kept.run("verify").stdout.splitlines()
        assert said[1] == f"1 day from {FIRST} to {FIRST} before it are whole."
        found = json.loads(kept.run("verify", "--json").stdout)
        assert (found["whole"], found["days"], found["broken"]) == (
            False, 1, {"day": SECOND, "what": "its entries are missing"},
        )  # fmt: skip


class TestTheJournal:
    def test_with_a_step_changed(self, kept: Terminal) -> None:
        [finding] = kept.account.findings()
        update(kept, f"FINDING#{finding.id}", "SET #h[1].#by = :who", who={"S": "mallory"})
        said = broken(kept)
        assert said.startswith(f"{FIRST}: entry FINDING#{finding.id}: expected step 2 ")
        assert '"by":"mallory"' in said

    def test_with_a_finding_less(self, kept: Terminal) -> None:
        [finding] = kept.account.findings()
        kept.account.client("dynamodb").delete_item(
            TableName=TABLE, Key={"pk": {"S": f"FINDING#{finding.id}"}, "sk": {"S": "FINDING"}}
        )
        assert broken(kept) == f"{FIRST}: entry FINDING#{finding.id}: the journal has it no longer"

    def test_with_a_command_changed(self, kept: Terminal) -> None:
        items = kept.account.client("dynamodb").scan(TableName=TABLE)["Items"]
        [command] = [one["pk"]["S"] for one in items if one["sk"]["S"] == "COMMAND"]
        update(kept, command, "SET #who = :who", who={"S": "mallory"})
        assert broken(kept) == f'{SECOND}: entry {command}: expected who "bob", the journal has "mallory"'

    def test_with_an_item_that_parapet_cannot_have_written(self, kept: Terminal) -> None:
        kept.account.client("dynamodb").put_item(
            TableName=TABLE, Item={"pk": {"S": "FINDING#planted0"}, "sk": {"S": "FINDING"}}
        )
        assert broken(kept).startswith("today: the journal's item FINDING#planted0 is not as Parapet writes it")

    def test_that_went_on_is_whole(self, kept: Terminal) -> None:
        kept.breach()
        [finding, _] = kept.account.findings()
        kept.account.ask("acknowledge", finding)
        assert kept.out("verify").startswith("Whole: 3 days")


class TestWrongUse:
    @pytest.mark.parametrize(
        ("arguments", "line"),
        [
            (("--since", "yesterday"), "--since: 'yesterday' is not a day such as 2026-11-20"),
            (("--until", "2026-13-01"), "--until: '2026-13-01' is not a day such as 2026-11-20"),
            (("--until", "2026-11-21"), "--until: 2026-11-21 is not over"),
            (("--since", SECOND, "--until", FIRST), f"--since: {SECOND} is later than {FIRST}"),
            (("--since", "2026-12-01"), f"--since: 2026-12-01 is later than {THIRD}"),
        ],
    )
    def test_is_told(self, kept: Terminal, arguments: tuple[str, ...], line: str) -> None:
        assert kept.fails(2, "verify", *arguments).startswith(line)

    def test_of_who_may_not_read(self, kept: Terminal) -> None:
        kept.account.wire.fail(lambda _number, made: "deny" if made.operation == "ListObjectVersions" else None)
        assert kept.fails(4, "verify").startswith("AWS denies s3:ListObjectVersions to you")


def test_a_day_may_be_late_for_three_hours(kept: Terminal) -> None:
    account = kept.account
    account.clock.at += DAY - account.clock.at % DAY + 3 * 3600
    assert kept.out("verify").startswith("Whole: 3 days")
    account.clock.forward(900)
    assert broken(kept) == "2026-11-21: its manifest is missing"
    assert account.client("s3").meta.region_name == REGION
