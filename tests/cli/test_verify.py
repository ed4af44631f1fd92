"""`./parapet verify`: what is whole, and each way in which somebody could have had a hand in it."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from chalicelib import evidence
from chalicelib.aws import Connect
from chalicelib.evidence import Manifest
from chalicelib.journal import place
from chalicelib.model import EVERYTHING, Exemption, Finding, Pause, Scope, Waiver
from cli.verify import NOT_YET
from tests.account import TABLE
from tests.cli.terminal import GUARDRAIL, Terminal
from tests.functions.test_evidence import BUCKET, DAY, FIRST, PREFIX, SECOND, THIRD, archive, next_day, run, store
from tests.guardrails.test_ec2_security_group_open import SCENARIO
from tests.samples import ACCOUNT, REGION
from tests.scenario import Scenario
from tests.scenarios import REVERTS
from tests.wire import Crash, Made


def made(at: float) -> None:
    """Have the journal's table be made at a time of the test's clock."""
    dynamodb_backends[ACCOUNT][REGION].tables[TABLE].created_at = datetime.fromtimestamp(at, UTC)


@pytest.fixture
def kept(terminal: Terminal) -> Terminal:
    """Three days of evidence, with a finding on the first that is undone on the second; it is three hours later."""
    account = terminal.account
    store(account)
    made(account.clock())
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
        ExpressionAttributeNames={
            f"#{name}": {"h": "history"}.get(name, name) for name in re.findall(r"#(\w+)", expression)
        },
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
            "notes": [],
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


class TestAFindingThatMovedOn:
    """After a legitimate step of today, what was exported of it yesterday still counts."""

    @pytest.mark.parametrize(
        "name", ["why", "severity", "before", "after", "fix", "undo", "event_id", "event_name", "origin", "guardrail"]
    )
    def test_keeps_what_it_was_opened_with(self, kept: Terminal, name: str) -> None:
        [finding] = kept.account.findings()
        assert kept.account.obey(kept.account.ask("approve", finding)).status == "done"
        assert kept.out("verify").startswith("Whole: 3 days")
        update(kept, f"FINDING#{finding.id}", f"SET #{name} = :x", x={"S": "sweep"})
        assert broken(kept).startswith(f"{FIRST}: entry FINDING#{finding.id}: expected {name} ")

    def test_keeps_who_brought_it(self, kept: Terminal) -> None:
        [finding] = kept.account.findings()
        kept.account.obey(kept.account.ask("approve", finding))
        update(kept, f"FINDING#{finding.id}", "SET #actor.#who = :x", x={"S": "mallory"})
        assert broken(kept).startswith(f"{FIRST}: entry FINDING#{finding.id}: expected actor ")

    def test_may_be_adopted_by_the_event_that_brought_it(self, kept: Terminal) -> None:
        account = kept.account
        account.mode(GUARDRAIL, sweep="observe")
        group = kept.group()
        event = SCENARIO.breach(account, group)
        [swept] = [one for one in account.sweep(GUARDRAIL) if one.violation.resource == group]
        assert (swept.origin, swept.actor) == ("sweep", None)
        next_day(account)
        run(account)
        account.clock.forward(3 * 3600)
        assert kept.out("verify").startswith("Whole: 4 days")
        [adopted] = [one for one in account.deliver(event) if one.id == swept.id]
        assert (adopted.origin, adopted.status) == ("event", "fixed")
        assert kept.out("verify").startswith("Whole: 4 days")
        update(kept, f"FINDING#{swept.id}", "SET #origin = :x", x={"S": "sweep"})
        assert broken(kept).startswith(f"2026-11-21: entry FINDING#{swept.id}: expected actor ")

    @pytest.mark.parametrize(
        ("name", "follows"), [("status", "undone"), ("month", "2026-11"), ("id", ""), ("fixed_at", "")]
    )
    def test_agrees_with_its_history(self, kept: Terminal, name: str, follows: str) -> None:
        [finding] = kept.account.findings()
        update(kept, f"FINDING#{finding.id}", f"SET #{name} = :x", x={"S": "rejected"})
        said = broken(kept)
        assert f"FINDING#{finding.id}: " in said
        assert name in said
        assert follows in said

    def test_opened_before_its_first_step_is_nothing_of_ours(self, kept: Terminal) -> None:
        finding = kept.breach()
        update(kept, f"FINDING#{finding.id}", "SET #opened = :x", x={"N": "1795000000"})
        assert broken(kept).startswith(f"today: FINDING#{finding.id}: its opened is 1795000000, and must be ")

    def test_has_no_step_of_a_time_to_come(self, kept: Terminal) -> None:
        finding = kept.breach()
        late = {"N": str(kept.account.clock() + 9 * DAY)}
        update(kept, f"FINDING#{finding.id}", "SET #h[1].#at = :x", x=late)
        assert broken(kept) == f"today: FINDING#{finding.id}: it has something of a time to come"

    def test_older_than_the_evidence_is_named_without_a_break(self, kept: Terminal) -> None:
        finding = kept.breach()
        update(
            kept, f"FINDING#{finding.id}", "SET #opened = :x, #h[0].#at = :x, #h[1].#at = :x, #fixed_at = :x",
            x={"N": "1794000000"},
        )  # fmt: skip
        *_, note = kept.out("verify").splitlines()
        assert note == f"Older than the evidence, so that nothing shows whether they were changed: FINDING#{finding.id}"


def permission(terminal: Terminal) -> Finding:
    """Exempt the finding there is, legitimately."""
    account, [finding] = terminal.account, terminal.account.findings()
    assert account.obey(account.ask("exempt", finding, 30 * DAY)).status == "done"
    return finding


class TestWhatIsPermittedNow:
    WAIVER = Waiver("0" * 16, Scope(guardrail=GUARDRAIL), 9e9, "bob", "a reason", 1_795_000_001.0)

    def waive(self, terminal: Terminal, *more: str) -> str:
        given = terminal.json("exempt", "--guardrail", GUARDRAIL, "--until", "30d", "--why", "a test", *more)
        return str(given["exemption"]["id"])

    def test_rests_on_commands(self, kept: Terminal) -> None:
        number = self.waive(kept)
        kept.out("pause", "30m", "--why", "a test", "--service", "ec2")
        kept.out("pause", "--why", "a test")
        permission(kept)
        found = kept.json("verify")
        assert (found["whole"], found["notes"]) == (True, [])
        kept.out("exempt", "--end", number, "--why", "over")
        kept.out("resume")
        assert kept.json("verify")["notes"] == []

    def test_by_a_waiver_that_nobody_asked_for_is_found(self, kept: Terminal) -> None:
        kept.account.journal.waive(self.WAIVER)
        assert broken(kept) == (
            f"today: EXEMPTIONS: waiver {'0' * 16}: no command gave it "
            f"(`./parapet exempt --end {'0' * 16} --why …` ends it)"
        )
        kept.out("exempt", "--end", "0" * 16, "--why", "nobody's")
        assert kept.out("verify").startswith("Whole")

    @pytest.mark.parametrize(
        ("change", "odd"),
        [
            ({"until": 9.9e9}, "until"),
            ({"scope": Scope(resource="*", guardrail=GUARDRAIL)}, "scope"),
            ({"who": "mallory", "by": "arn:aws:iam::123456789012:user/mallory"}, "by, who"),
        ],
    )
    def test_by_a_waiver_that_was_widened_is_found(self, kept: Terminal, change: dict[str, Any], odd: str) -> None:
        number = self.waive(kept)
        [waiver] = kept.account.journal.waivers()
        kept.account.journal.waive(dataclasses.replace(waiver, **change))
        assert broken(kept).startswith(f"today: EXEMPTIONS: waiver {number}: its command has another {odd} (")

    def test_by_a_waiver_put_back_after_its_end_is_found(self, kept: Terminal) -> None:
        number = self.waive(kept)
        [waiver] = kept.account.journal.waivers()
        kept.out("exempt", "--end", number, "--why", "over")
        kept.account.journal.waive(waiver)
        assert re.match(f"today: EXEMPTIONS: waiver {number}: command [0-9a-f]{{16}} ended it ", broken(kept))

    def test_by_the_command_of_another_kind_is_found(self, kept: Terminal) -> None:
        done = [one for one in kept.account.journal.commands(0, 9e9) if one.kind == "undo"]
        kept.account.journal.waive(dataclasses.replace(self.WAIVER, id=done[0].id))
        assert "no command gave it" in broken(kept)

    def test_by_hand_is_a_pause_without_a_command(self, kept: Terminal) -> None:
        kept.account.client("dynamodb").put_item(
            TableName=TABLE, Item={"pk": {"S": "CONTROL"}, "sk": {"S": "CONTROL"}, "pause service=ec2": {"S": "stop"}}
        )
        kept.account.journal.set_pause(Pause("mallory", "x", 1.0, None, EVERYTHING))
        found = kept.json("verify")
        assert (found["whole"], found["notes"]) == (
            True, ["pause: set by hand, by mallory", "pause service=ec2: set by hand, by somebody"],
        )  # fmt: skip
        assert kept.out("verify").splitlines()[-2:] == found["notes"]

    def test_by_hand_is_a_pause_put_back_after_it_was_lifted(self, kept: Terminal) -> None:
        kept.out("pause", "--why", "a test")
        [switch] = kept.account.journal.pauses()
        kept.account.clock.forward(1)
        kept.out("resume")
        kept.account.journal.set_pause(switch)
        assert kept.json("verify")["notes"] == [f"pause: set by hand, by {switch.who}"]

    @pytest.mark.parametrize("part", ["*", ""])
    def test_in_a_head_by_nobodys_command_is_found(self, kept: Terminal, part: str) -> None:
        [finding] = kept.account.findings()
        part = part or finding.violation.part
        kept.account.permit(place(finding.violation), Exemption(part, 9e9, "mallory", "x"))
        assert broken(kept).endswith(
            f"{finding.violation.resource}: exempt {part}: no command of mallory left this permission; "
            "remove the attribute"
        )

    def test_in_a_head_for_longer_than_was_asked_is_found(self, kept: Terminal) -> None:
        finding = permission(kept)
        there = kept.account.journal.head(place(finding.violation)).exemptions[finding.violation.part]
        kept.account.permit(place(finding.violation), dataclasses.replace(there, until=9e9))
        assert "no command of bob left this permission" in broken(kept)

    def test_in_a_head_put_back_after_an_approval_is_found(self, kept: Terminal) -> None:
        finding = permission(kept)
        there = kept.account.journal.head(place(finding.violation)).exemptions[finding.violation.part]
        assert kept.account.obey(kept.account.ask("approve", finding)).status == "done"
        assert kept.out("verify").startswith("Whole")
        kept.account.permit(place(finding.violation), there)
        assert broken(kept).startswith(
            f"today: HEAD#{GUARDRAIL}#{ACCOUNT}#{REGION}#{finding.violation.resource}: exempt "
        )

    def test_in_a_head_by_an_undo_under_way_is_whole(self, kept: Terminal) -> None:
        account, finding = kept.account, kept.breach()
        account.wire.fail(lambda _, made: "crash before" if made.operation == "AuthorizeSecurityGroupIngress" else None)
        command = account.ask("undo", finding, 9 * DAY)
        with pytest.raises(Crash):
            account.obey(command)
        account.wire.calm()
        assert account.journal.get(finding.id).status == "undoing"  # type: ignore[union-attr]
        assert kept.out("verify").startswith("Whole")
        account.clock.forward(60)
        assert account.obey(command).status == "done"
        assert kept.out("verify").startswith("Whole")

    @pytest.mark.parametrize("scenario", REVERTS, ids=lambda one: one.guardrail)
    def test_for_a_change_that_is_to_stand_after_all_is_whole_and_for_another_is_found(
        self, kept: Terminal, scenario: Scenario
    ) -> None:
        account = kept.account
        account.enforce()
        *_, fixed = account.deliver(scenario.breach(account, scenario.build(account)))
        assert (fixed.violation.guardrail, fixed.status) == (scenario.guardrail, "fixed")
        assert account.undo(fixed, 9 * DAY).answer == "undone"
        next_day(account)
        run(account)
        assert kept.out("verify").startswith("Whole: 4 days")
        there = account.journal.head(place(fixed.violation)).exemptions[fixed.violation.part]
        assert there.event == fixed.event_id
        for event in ("another", ""):
            account.permit(place(fixed.violation), dataclasses.replace(there, event=event))
            assert "no command of bob left this permission" in broken(kept)

    def test_and_was_given_while_it_was_read_is_whole(self, kept: Terminal) -> None:
        """The waiver was on a page that was read late, its command would have been on an earlier one."""
        number = self.waive(kept)
        dynamodb, scans = kept.account.client("dynamodb"), []
        key = {"pk": {"S": f"COMMAND#{number}"}, "sk": {"S": "COMMAND"}}
        command = dynamodb.get_item(TableName=TABLE, Key=key)["Item"]
        dynamodb.delete_item(TableName=TABLE, Key=key)

        def given(_number: int, made: Made) -> None:
            if made.operation != "Scan" or made.done:
                return
            scans.append(made)
            if len(scans) == 2:
                kept.account.clients("dynamodb", REGION).put_item(TableName=TABLE, Item=command)

        kept.account.wire.fail(given)
        assert kept.out("verify").startswith("Whole")
        assert len(scans) == 2

    def test_is_nothing_that_a_look_at_the_past_asks_for(self, kept: Terminal) -> None:
        kept.account.journal.waive(self.WAIVER)
        assert kept.out("verify", "--until", THIRD).startswith("Whole: 3 days")


class TestJustDeployed:
    """Before the function's first hour is over there is nothing to verify, and nothing broken."""

    @pytest.fixture
    def fresh(self, terminal: Terminal) -> Terminal:
        store(terminal.account)
        made(terminal.account.clock() - 60)
        return terminal

    def test_is_said(self, fresh: Terminal) -> None:
        fresh.breach()
        assert fresh.out("verify") == f"{NOT_YET}\n"
        found = fresh.json("verify")
        assert (found["whole"], found["days"], found["newest"], found["notes"]) == (True, 0, None, [NOT_YET])

    def test_is_no_excuse_after_three_hours(self, fresh: Terminal) -> None:
        fresh.account.clock.forward(3 * 3600)
        assert "its manifest is missing, and so is every one before it" in broken(fresh)

    def test_is_no_excuse_for_a_journal_with_a_past(self, fresh: Terminal) -> None:
        fresh.breach()
        made(fresh.account.clock() + DAY)
        assert "its manifest is missing" in broken(fresh)

    def test_is_no_excuse_for_what_lies_in_the_bucket(self, fresh: Terminal) -> None:
        s3(fresh).put_object(Bucket=BUCKET, Key=f"{PREFIX}notes.txt", Body=b"", ChecksumAlgorithm="SHA256")
        assert "its manifest is missing" in broken(fresh)

    def test_is_no_excuse_for_a_waiver_of_nobodys(self, fresh: Terminal) -> None:
        fresh.account.journal.waive(TestWhatIsPermittedNow.WAIVER)
        assert "no command gave it" in broken(fresh)

    def test_has_its_first_day_within_the_hour(self, fresh: Terminal) -> None:
        run(fresh.account)
        assert fresh.out("verify").startswith("Whole: 1 day from 2026-11-17 to 2026-11-17 with 0 entries")


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
