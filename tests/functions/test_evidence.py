"""The journal's export under its derived role: each day once, whatever dies when; nothing into an unlocked bucket."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from chalice import Chalice

from chalicelib import evidence, export, wiring
from chalicelib.archive import Archive
from chalicelib.evidence import Manifest
from chalicelib.functions import evidence as module
from chalicelib.model import AwsError, Finding, ParapetError
from cli import verify
from tests.account import TABLE, TestAccount
from tests.functions.test_guards import TICK, Context
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT, REGION
from tests.wire import FAULTS, Crash, Fault, Made

DAY = 86400.0
BUCKET = evidence.bucket("test", ACCOUNT)
PREFIX = f"parapet/{ACCOUNT}/test/journal/"
# The account's clock stands at 11:06 of the first of these.
FIRST, SECOND, THIRD = "2026-11-18", "2026-11-19", "2026-11-20"


def store(account: TestAccount, name: str = BUCKET, days: int = 365) -> None:
    """A bucket as the stack makes it."""
    s3 = account.client("s3")
    where = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=where)
    if days:
        lock(account, name, days)


def lock(account: TestAccount, name: str = BUCKET, days: int = 365) -> None:
    """Give a bucket its default retention."""
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": days}}
    account.client("s3").put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": retention}
    )


def archive(account: TestAccount, bucket: str = BUCKET) -> Archive:
    return Archive(account.aws("evidence"), bucket, ACCOUNT, "test", ACCOUNT)


def run(account: TestAccount, bucket: str = BUCKET) -> list[Manifest]:
    """Export what is owed at this hour; returns the manifests that were written."""
    aws = account.aws("evidence")
    return list(export.catch_up(aws, TABLE, archive(account, bucket), account.clock(), lambda: True))


def plant(account: TestAccount, name: str) -> None:
    """A finding of this moment, of which evidence needs no more than this."""
    step = {"M": {"status": {"S": "fixed"}, "at": {"N": str(account.clock())}}}
    item = {"pk": {"S": f"FINDING#{name}"}, "sk": {"S": "FINDING"}, "history": {"L": [step]}}
    account.client("dynamodb").put_item(TableName=TABLE, Item=item)


def next_day(account: TestAccount) -> None:
    """Half past midnight of the day that comes."""
    account.clock.at += DAY - account.clock.at % DAY + 1800


def breach(account: TestAccount) -> Finding:
    known = {one.id for one in account.findings()}
    name = f"group-{len(known)}"
    group = account.client("ec2").create_security_group(GroupName=name, Description="x")["GroupId"]
    event = SCENARIO.breach(account, group)
    [new] = [one for one in account.deliver(event) if one.id not in known]
    return new


def held(account: TestAccount, bucket: str = BUCKET) -> dict[str, bytes]:
    """Every object of the bucket, each of which must be there once."""
    s3 = account.client("s3")
    versions = s3.list_object_versions(Bucket=bucket)
    keys = [one["Key"] for one in versions.get("Versions", [])]
    assert len(keys) == len(set(keys)), "something was written twice"
    assert not versions.get("DeleteMarkers")
    return {key.removeprefix(PREFIX): s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def newest(account: TestAccount) -> str:
    """The key of the newest manifest."""
    keys = [one["Key"] for one in account.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    return str(max(key for key in keys if key.endswith("manifest.json")))


def lines(account: TestAccount, day: str) -> dict[str, Any]:
    """A day's entries by their ids."""
    content = held(account)[evidence.entries_file(day)].splitlines()
    return {one["id"]: one["item"] for one in map(json.loads, content)}


def said(account: TestAccount, day: str) -> Any:
    return json.loads(held(account)[evidence.manifest_file(day)])


@pytest.fixture
def kept(account: TestAccount) -> TestAccount:
    """An account with a store and one finding, fixed on the first day."""
    account.enforce()
    store(account)
    return account


class TestADay:
    def test_has_what_moved_on_it_and_what_was_asked(self, kept: TestAccount) -> None:
        finding = breach(kept)
        command = kept.undo(finding)
        next_day(kept)
        [manifest] = run(kept)
        found = lines(kept, FIRST)
        assert set(found) == {f"FINDING#{finding.id}", f"COMMAND#{command.id}"}
        told = found[f"FINDING#{finding.id}"]
        assert [step["status"] for step in told["history"]] == ["fixing", "fixed", "undoing", "undone"]
        assert (told["status"], told["actor"]["who"], told["resource"]) == (
            "undone", "alice", finding.violation.resource,
        )  # fmt: skip
        asked = found[f"COMMAND#{command.id}"]
        assert (asked["kind"], asked["who"], asked["status"], asked["answer"]) == ("undo", "bob", "done", "undone")
        assert said(kept, FIRST) == {
            "version": 1,
            "stage": "test",
            "account": ACCOUNT,
            "day": FIRST,
            "made": "2026-11-19T00:30:00Z",
            "entries": [
                {"id": name, "sha256": evidence.sha256(evidence.line(name, found[name]))} for name in sorted(found)
            ],
            "entries_sha256": evidence.sha256(held(kept)[evidence.entries_file(FIRST)]),
            "previous": None,
            "sha256": manifest.link.sha256,
        }

    def test_has_pauses_and_waivers_as_they_stand(self, kept: TestAccount) -> None:
        kept.client("dynamodb").put_item(
            TableName=TABLE, Item={"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}, "pause": {"S": "now"}}
        )
        next_day(kept)
        run(kept)
        assert lines(kept, FIRST) == {"CONTROL": {"pause": "now"}}

    def test_says_nothing_of_where_slack_wants_an_answer_nor_of_heads_and_threads(self, kept: TestAccount) -> None:
        finding = breach(kept)
        kept.obey(kept.ask("undo", finding, reply_to="https://hooks.slack.com/commands/T0/1/secret"))
        kept.client("dynamodb").put_item(
            TableName=TABLE, Item={"pk": {"S": f"THREAD#slack#{finding.id}"}, "sk": {"S": "THREAD"}}
        )
        next_day(kept)
        run(kept)
        text = held(kept)[evidence.entries_file(FIRST)].decode()
        assert "hooks.slack.com" not in text
        assert {name.split("#")[0] for name in lines(kept, FIRST)} == {"FINDING", "COMMAND"}

    def test_on_which_nothing_happened_is_a_link_too(self, kept: TestAccount) -> None:
        next_day(kept)
        [manifest] = run(kept)
        assert (manifest.day, manifest.entries) == (FIRST, ())
        assert held(kept)[evidence.entries_file(FIRST)] == b""

    def test_ends_where_the_next_begins(self, kept: TestAccount) -> None:
        finding = breach(kept)
        kept.clock.at += DAY - kept.clock.at % DAY + 60
        kept.undo(finding)
        kept.clock.at += 1800
        run(kept)
        [told] = lines(kept, FIRST).values()
        assert ([step["status"] for step in told["history"]], told["status"]) == (["fixing", "fixed"], "fixed")
        next_day(kept)
        run(kept)
        told = lines(kept, SECOND)[f"FINDING#{finding.id}"]
        assert ([step["status"] for step in told["history"]][-1], told["status"]) == ("undone", "undone")

    def test_is_locked(self, kept: TestAccount) -> None:
        next_day(kept)
        run(kept)
        for name in (evidence.entries_file(FIRST), evidence.manifest_file(FIRST)):
            found = kept.client("s3").head_object(Bucket=BUCKET, Key=PREFIX + name)
            assert found["ObjectLockMode"] == "GOVERNANCE"
            assert 364 <= (found["ObjectLockRetainUntilDate"] - found["LastModified"]).days <= 365


class TestTheChain:
    def test_has_a_day_once_and_each_names_the_one_before(self, kept: TestAccount) -> None:
        assert [one.day for one in run(kept)] == ["2026-11-17"], "the first run begins with yesterday"
        assert run(kept) == []
        next_day(kept)
        [second] = run(kept)
        assert said(kept, FIRST)["previous"] == {"day": "2026-11-17", "sha256": said(kept, "2026-11-17")["sha256"]}
        kept.clock.forward(3600)
        assert run(kept) == []
        assert second.day == FIRST

    def test_catches_up_in_order(self, kept: TestAccount) -> None:
        finding = breach(kept)
        next_day(kept)
        run(kept)
        next_day(kept)
        kept.undo(finding)
        next_day(kept)
        next_day(kept)
        assert [one.day for one in run(kept)] == [SECOND, THIRD, "2026-11-21"]
        assert [len(lines(kept, day)) for day in (FIRST, SECOND, THIRD, "2026-11-21")] == [1, 0, 2, 0]

    def test_waits_until_nothing_can_be_added_to_a_day(self, kept: TestAccount) -> None:
        kept.clock.at += DAY - kept.clock.at % DAY + 899
        assert [one.day for one in run(kept)] == ["2026-11-17"]
        kept.clock.forward(1)
        assert [one.day for one in run(kept)] == [FIRST]

    def test_goes_on_later_when_there_is_no_time_for_more(self, kept: TestAccount) -> None:
        run(kept)
        for _ in range(3):
            next_day(kept)
        time = iter([True, True, False])
        done = export.catch_up(kept.aws("evidence"), TABLE, archive(kept), kept.clock(), lambda: next(time))
        assert [one.day for one in done] == [FIRST, SECOND]
        assert [one.day for one in run(kept)] == [THIRD]

    def test_reads_a_big_journal_page_by_page(self, kept: TestAccount, monkeypatch: pytest.MonkeyPatch) -> None:
        from moto.dynamodb.models import table as moto_table

        finding = breach(kept)
        raw = kept.client("dynamodb").get_item(
            TableName=TABLE, Key={"pk": {"S": f"FINDING#{finding.id}"}, "sk": {"S": "FINDING"}}
        )["Item"]
        for number in range(40):
            name = f"{number:08d}"
            kept.client("dynamodb").put_item(
                TableName=TABLE, Item={**raw, "pk": {"S": f"FINDING#{name}"}, "id": {"S": name}}
            )
        monkeypatch.setattr(moto_table, "RESULT_SIZE_LIMIT", 5000)
        next_day(kept)
        kept.wire.reset()
        [manifest] = run(kept)
        assert len(manifest.entries) == 41
        assert sum(made.operation == "Scan" for made in kept.wire.calls) > 5


class TestWhenItDies:
    """At every call, in every way: the next run ends in the chain that an undisturbed one would have made."""

    def test_the_next_run_makes_the_same_chain(self, accounts: Any) -> None:
        def played(account: TestAccount) -> None:
            store(account)
            plant(account, "1")
            next_day(account)
            run(account)
            plant(account, "2")
            next_day(account)

        with accounts() as account:
            played(account)
            account.wire.reset()
            run(account)
            calls = [made.operation for made in account.wire.calls]
            wanted = held(account)
        assert calls == [
            "GetObjectLockConfiguration", "ListObjectsV2", "GetObject", "Scan", "PutObject", "PutObject",
        ]  # fmt: skip
        for number in range(len(calls)):
            for fault in FAULTS:
                with accounts() as account:
                    played(account)
                    died(account, number, fault)
                    account.clock.forward(3600)
                    run(account)
                    assert same(held(account)) == same(wanted), (number, fault)

    def test_entries_without_a_manifest_are_the_days_entries(self, kept: TestAccount) -> None:
        """A pause was lifted since: what was written first counts."""
        kept.client("dynamodb").put_item(
            TableName=TABLE, Item={"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}, "pause": {"S": "now"}}
        )
        next_day(kept)
        kept.wire.fail(lambda _number, made: "crash after" if made.operation == "PutObject" else None)
        with pytest.raises(Crash):
            run(kept)
        kept.wire.calm()
        first = held(kept)
        assert set(first) == {evidence.entries_file(FIRST)}
        kept.client("dynamodb").delete_item(TableName=TABLE, Key={"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}})
        [manifest] = run(kept)
        assert held(kept)[evidence.entries_file(FIRST)] == first[evidence.entries_file(FIRST)]
        assert [name for name, _ in manifest.entries] == ["CONTROL"]

    @pytest.mark.parametrize(
        "planted",
        [b"nonsense", b'{"id": "CONTROL", "item": {}}\n', b'{"id":"B","item":{}}\n{"id":"A","item":{}}\n', b"[]\n"],
    )
    def test_entries_that_parapet_did_not_write_are_refused(self, kept: TestAccount, planted: bytes) -> None:
        kept.client("s3").put_object(Bucket=BUCKET, Key=PREFIX + evidence.entries_file(FIRST), Body=planted)
        next_day(kept)
        with pytest.raises(ParapetError, match=r"2026/11/18/entries\.jsonl is not what Parapet writes"):
            run(kept)
        assert set(held(kept)) == {evidence.entries_file(FIRST)}

    def test_two_runs_at_once_make_one_chain(self, kept: TestAccount) -> None:
        breach(kept)
        next_day(kept)
        ours = archive(kept)
        done: list[bool] = []
        real = ours.put

        def put(name: str, body: Any, sha256: str) -> bool:
            if not done:
                done.append(True)
                run(kept)
            return real(name, body, sha256)

        ours.put = put  # type: ignore[method-assign]
        [manifest] = export.catch_up(kept.aws("evidence"), TABLE, ours, kept.clock(), lambda: True)
        assert said(kept, FIRST)["sha256"] == manifest.link.sha256
        assert len(held(kept)) == 2


def died(account: TestAccount, number: int, fault: Fault) -> None:
    """Run with one call that fails, as often as botocore makes it again."""
    account.wire.reset()
    account.wire.fail(lambda now, _made: fault if now == number else None)
    with contextlib.suppress(Crash, ParapetError):
        run(account)
    account.wire.calm()


def same(files: dict[str, bytes]) -> dict[str, Any]:
    """What was written but for when, and what follows from when."""
    found: dict[str, Any] = {}
    before: Manifest | None = None
    for name, content in sorted(files.items()):
        if name.endswith("manifest.json"):
            day = str(evidence.day_of_file(name))
            manifest = evidence.manifest(content, day, "test", ACCOUNT)
            evidence.linked(manifest, before)
            assert list(evidence.entries(manifest, files[evidence.entries_file(day)].splitlines(keepends=True)))
            found[name], before = [one.split("#")[0] for one, _ in manifest.entries], manifest
        else:
            found[name] = [json.loads(line)["id"].split("#")[0] for line in content.splitlines()]
    return found


class TestTheBucket:
    def test_without_object_lock_gets_nothing(self, account: TestAccount) -> None:
        account.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        with pytest.raises(ParapetError, match=f"{BUCKET} has no Object Lock with a default retention"):
            run(account)
        assert held(account) == {}

    def test_with_object_lock_but_no_retention_gets_nothing(self, account: TestAccount) -> None:
        store(account, days=0)
        with pytest.raises(ParapetError, match="no Object Lock with a default retention"):
            run(account)

    def test_that_is_not_there_is_named(self, account: TestAccount) -> None:
        with pytest.raises(AwsError, match=f"NoSuchBucket.*{BUCKET} is not there: the parameter EvidenceBucket"):
            run(account)

    def test_that_denies_is_named(self, kept: TestAccount) -> None:
        kept.wire.fail(lambda _number, made: "deny" if made.operation == "PutObject" else None)
        with pytest.raises(AwsError, match=r"s3:PutObject answered AccessDenied.*EvidenceAccount") as caught:
            run(kept)
        assert caught.value.denied

    def test_of_another_name_is_out_of_reach(self, kept: TestAccount) -> None:
        store(kept, "somebody-elses")
        with pytest.raises(AwsError, match="not authorized to perform: s3:GetBucketObjectLockConfiguration"):
            run(kept, "somebody-elses")

    def test_with_a_manifest_of_a_day_that_is_not_over_is_not_trusted(self, kept: TestAccount) -> None:
        run(kept)
        content = held(kept)[evidence.manifest_file("2026-11-17")]
        kept.client("s3").put_object(Bucket=BUCKET, Key=PREFIX + evidence.manifest_file("2099-01-01"), Body=content)
        with pytest.raises(ParapetError, match="a manifest of 2099-01-01, a day that is not over"):
            run(kept)

    def test_whose_last_manifest_was_changed_is_not_gone_on_with(self, kept: TestAccount) -> None:
        run(kept)
        kept.client("s3").put_object(Bucket=BUCKET, Key=PREFIX + evidence.manifest_file("2026-11-17"), Body=b"{}")
        next_day(kept)
        with pytest.raises(evidence.Broken, match="2026-11-17: its manifest cannot be read"):
            run(kept)

    @pytest.mark.parametrize("operation", ["delete_object", "put_object"])
    def test_takes_no_deletion_and_no_overwriting_of_the_functions(self, kept: TestAccount, operation: str) -> None:
        run(kept)
        key = PREFIX + evidence.manifest_file("2026-11-17")
        calm = kept.functions("s3", REGION)
        if operation == "put_object":
            with kept.acting("evidence"), pytest.raises(Exception, match="not authorized to perform: s3:PutObject"):
                calm.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
        else:
            assert not hasattr(calm, operation), "the artefact knows no such call"


@dataclass
class Pages:
    """An S3 that lists one object, version or marker a page."""

    listed: dict[str, list[dict[str, Any]]]
    account = ACCOUNT
    region = REGION

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        assert (service, params["Prefix"], params["ExpectedBucketOwner"]) == ("s3", PREFIX, ACCOUNT)
        pages = [(kind, one) for kind, some in self.listed.items() for one in some]
        number = int(params.get("ContinuationToken", params.get("KeyMarker", 0)))
        kind, one = pages[number]
        more = {"NextContinuationToken": str(number + 1), "NextKeyMarker": str(number + 1), "NextVersionIdMarker": "v"}
        return {kind: [one], "IsTruncated": number + 1 < len(pages), **(more if number + 1 < len(pages) else {})}

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        raise AssertionError("nothing is read so")


class TestALongChain:
    NAMES = tuple(
        named(day) for day in (FIRST, SECOND, THIRD) for named in (evidence.entries_file, evidence.manifest_file)
    )

    def test_is_listed_page_by_page(self) -> None:
        aws = Pages({"Contents": [{"Key": PREFIX + name} for name in (*self.NAMES, "notes.txt")]})
        found = Archive(aws, BUCKET, ACCOUNT, "test", ACCOUNT).days()
        assert list(found) == [FIRST, SECOND, THIRD]
        assert {name for names in found.values() for name in names} == set(self.NAMES)

    def test_is_verified_page_by_page(self) -> None:
        def one(name: str, **more: Any) -> dict[str, Any]:
            return {"Key": PREFIX + name, "VersionId": "v", "LastModified": datetime(2026, 11, 21, tzinfo=UTC), **more}

        versions = [one(name, Size=1) for name in self.NAMES]
        aws = Pages({"Versions": versions, "DeleteMarkers": [one(self.NAMES[0])]})
        found = verify._found(Archive(aws, BUCKET, ACCOUNT, "test", ACCOUNT), THIRD)
        assert found.exported() == [FIRST, SECOND, THIRD]
        assert found.odd == {
            FIRST: "2026/11/18/entries.jsonl is hidden: somebody put a delete marker on it at 2026-11-21T00:00:00Z"
        }


class TestAnOddItem:
    @pytest.mark.parametrize(
        "item",
        [
            {"history": {"S": "x"}},
            {"history": {"L": [{"M": {"at": {"S": "never"}}}]}},
            {},
            {"history": {"L": [{"M": {"at": {"N": "1e300"}}}]}},
            {"history": {"B": b"x"}},
        ],
    )
    def test_is_named_and_told_and_nothing_is_kept_quiet(self, kept: TestAccount, item: dict[str, Any]) -> None:
        key = {"pk": {"S": "FINDING#planted0"}, "sk": {"S": "FINDING"}}
        kept.client("dynamodb").put_item(TableName=TABLE, Item={**key, **item})
        next_day(kept)
        with pytest.raises(ParapetError, match="the journal's item FINDING#planted0 is not as Parapet writes it"):
            run(kept)
        assert held(kept) == {}


@pytest.fixture
def handler(kept: TestAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The function as deployed, under its role."""
    for name, value in {
        "AWS_REGION": REGION,
        "PARAPET_STAGE": "test",
        "PARAPET_TABLE": TABLE,
        "PARAPET_EVIDENCE_BUCKET": "",
        "PARAPET_EVIDENCE_ACCOUNT": "",
    }.items():
        monkeypatch.setenv(name, value)
    before = list(wiring._given)
    wiring.use(kept.functions)
    Chalice(app_name="parapet").register_blueprint(module.blueprint)
    yield lambda: kept.running("evidence", module.evidence)(json.loads(json.dumps(TICK)), Context())
    wiring._given[:] = before
    wiring.pipeline.cache_clear()


class TestTheFunction:
    def test_exports_yesterday(self, kept: TestAccount, handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
        handler()
        [day] = {evidence.day_of_file(name) for name in held(kept)}
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(one["message"], one.get("day")) for one in told] == [("exported", day), ("done", None)]
        handler()
        assert len(held(kept)) == 2

    def test_tells_of_what_fails(self, kept: TestAccount, handler: Any) -> None:
        def deny(_number: int, made: Made) -> Fault | None:
            return "deny" if made.operation == "ListObjectsV2" else None

        kept.wire.fail(deny)
        with pytest.raises(AwsError, match="s3:ListObjectsV2 answered AccessDenied"):
            handler()
