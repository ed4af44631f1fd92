"""Deploying, returning, removing: from what a person types to what the account then holds, on moto."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto.cloudformation.models import cloudformation_backends

from chalicelib import registry, settings
from chalicelib.aws import AccountAws, Connect
from chalicelib.journal import Journal
from chalicelib.model import Pause, Scope, Waiver
from deploy import plan, release, site
from tests.account import TestAccount
from tests.deploy.cloudformation import CloudFormation
from tests.deploy.deployed import FUNCTIONS
from tests.deploy.office import Office, bend
from tests.samples import ACCOUNT, REGION

BUCKET = f"parapet-{ACCOUNT}-{REGION}-artefacts"
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")


@pytest.fixture(scope="module")
def connect() -> Connect:
    """Clients as deploying makes them, once."""
    return site._clients()


@pytest.fixture
def office(account: TestAccount, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    bend(monkeypatch)
    return Office(account, connect, tmp_path)


def kept(office: Office) -> Journal:
    """The journal of a stage."""
    return Journal(AccountAws(office.connect, ACCOUNT, REGION), office.output("prod", "Table"))


def code(content: bytes) -> str:
    return b64encode(hashlib.sha256(content).digest()).decode()


class TestTheFirstDeployment:
    def test_makes_bucket_stack_and_record(self, office: Office) -> None:
        said = office.out("deploy")
        assert office.stages() == ["prod"]
        assert f"The first installation here, with {len(registry.names())} guardrails" in said
        assert f"All {len(FUNCTIONS)} functions run the artefact." in said
        assert "The API answers: version 0.1.0, stage prod." in said
        assert office.asked == ["/api/v1/token", "/api/v1/health"]
        sha256 = hashlib.sha256(office._zip.read_bytes()).hexdigest()
        assert office.parameter("ArtefactKey") == f"parapet/prod/{sha256}.zip"
        assert office.codes() == {code(office._zip.read_bytes())}
        record = json.loads(
            office.client("s3").get_object(Bucket=BUCKET, Key="parapet/prod/releases/00001.json")["Body"].read()
        )
        assert (record["number"], record["commit"], record["artefact"]) == (1, "a" * 40, f"parapet/prod/{sha256}.zip")
        assert record["parameters"]["Stage"] == "prod"
        assert record["template"] in office.held()
        assert office.template()["Metadata"]["Parapet"]["previous"] == ""

    def test_makes_a_bucket_that_is_nobody_elses_to_read(self, office: Office) -> None:
        office.out("deploy")
        s3 = office.client("s3")
        assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}
        [rule] = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
        assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == REGION

    def test_asks_before_the_bucket_and_before_the_change(self, office: Office) -> None:
        said = office.out("deploy", typed="y\nn\ny\n")
        assert said.index("Make the bucket") < said.index("Make one for all regions") < said.index("Do this?")
        assert office.stages() == ["prod"]

    def test_without_a_yes_makes_nothing(self, office: Office) -> None:
        assert office.run("deploy", typed="n\n").exit_code == 1
        assert office.client("s3").list_buckets()["Buckets"] == []
        assert office.run("deploy", typed="y\nn\nn\n").exit_code == 1
        assert office.stages() == []
        assert [key for key in office.held() if not key.endswith(".json")] == []
        assert not [key for key in office.held() if "/releases/" in key]

    def test_with_nobody_there_to_answer_makes_nothing(self, office: Office) -> None:
        result = office.run("deploy")
        assert result.exit_code == 1
        assert "Aborted" in result.stderr
        assert office.client("s3").list_buckets()["Buckets"] == []

    def test_offers_a_trail_where_none_logs(self, office: Office) -> None:
        said = office.out("deploy", typed="y\ny\ny\n")
        assert "No trail logs what is changed in eu-west-1, us-east-1" in said
        assert office.parameter("CreateTrail") == "true"

    def test_without_questions_makes_no_trail_but_says_how(self, office: Office) -> None:
        assert "PARAMETERS='CreateTrail=true' makes one" in office.out("deploy")
        assert office.parameter("CreateTrail") == "false"

    def test_gives_api_gateway_the_role_that_the_region_lacks(self, office: Office) -> None:
        office.out("deploy")
        assert office.parameter("CreateApiGatewayRole") == "true"

    def test_says_that_a_tree_has_changes(self, office: Office) -> None:
        office.commit("b" * 40, changed=True)
        assert "changes that are not committed" in office.out("deploy")

    def test_takes_parameters(self, office: Office) -> None:
        office.out("deploy", PARAMETERS="LogRetentionDays=30 SlackToken=/mine")
        assert (office.parameter("LogRetentionDays"), office.parameter("SlackToken")) == ("30", "/mine")
        office.commit("b" * 40)
        office.out("deploy")
        assert (office.parameter("LogRetentionDays"), office.parameter("SlackToken")) == ("30", "/mine")


class TestAnUpgrade:
    def test_shows_what_changes_and_keeps_the_release_before(self, office: Office) -> None:
        office.out("deploy")
        first = office.codes()
        office.commit("b" * 40)
        said = office.out("deploy")
        assert "To be deployed: release 2 (version 0.1.0, commit bbbbbbbbbbbb)" in said
        assert "Modes and rights stay as they are." in said
        assert office.codes() == {code(office._zip.read_bytes())} != first
        assert [key for key in office.held() if "/releases/" in key] == [
            "parapet/prod/releases/00001.json", "parapet/prod/releases/00002.json",
        ]  # fmt: skip
        assert office.template()["Metadata"]["Parapet"]["previous"] == f"s3://{BUCKET}/parapet/prod/releases/00001.json"

    def test_that_changes_nothing_says_so(self, office: Office) -> None:
        office.out("deploy")
        before = office.held()
        said = office.out("deploy")
        assert "parapet-prod is that already: nothing to do." in said
        assert f"All {len(FUNCTIONS)} functions run the artefact." in said, "repeated, it is checked again"
        assert office.held() == before

    def test_brings_new_guardrails_as_observing_until_promoted(self, office: Office) -> None:
        office.unknown = {"ec2_image_public"}
        office.out("deploy")
        office.unknown = set()
        said = office.out("deploy")
        assert (
            "ec2_image_public  observe  observe  changes nothing until: make deploy STAGE=prod PROMOTE=ec2_image"
            in said
        )
        assert office.template()["Metadata"]["Parapet"]["observed"] == ["ec2_image_public"]
        assert "ec2:ModifyImageAttribute" not in self.granted(office)
        environment = office.client("lambda").get_function(FunctionName="parapet-prod-guard-ec2")["Configuration"]
        assert environment["Environment"]["Variables"]["PARAPET_OBSERVED"] == "ec2_image_public"
        assert "nothing to do" in office.out("deploy")
        said = office.out("deploy", PROMOTE="ec2_image_public")
        assert "Promoted: ec2_image_public" in said
        assert "ec2_image_public  event   observe  enforce" in said
        gained = said.partition("Rights gained:")[2]
        assert (
            "parapet-prod-guard-ec2  ec2:ModifyImageAttribute on arn:${AWS::Partition}:ec2:*::image/* if String"
            in gained
        )
        assert "ec2:ModifyImageAttribute" in self.granted(office)
        assert "nothing to do" in office.out("deploy")

    def granted(self, office: Office) -> set[str]:
        """What the guard function's role may do; moto does not update a role's policies."""
        return {grant.action for grant in release.rights(office.template())["parapet-${Stage}-guard-ec2"]}

    def test_without_a_yes_changes_nothing_and_leaves_no_change_set(self, office: Office) -> None:
        office.out("deploy")
        before, codes = office.held(), office.codes()
        office.commit("b" * 40)
        result = office.run("deploy", typed="n\nn\n")
        assert result.exit_code == 1
        assert "Nothing was changed." in result.stdout
        assert office.codes() == codes
        assert [key for key in office.held() if key not in before and not key.endswith(".json")] == []
        assert [key for key in office.held() if "/releases/" in key] == ["parapet/prod/releases/00001.json"]
        assert office.client("cloudformation").list_change_sets(StackName="parapet-prod")["Summaries"][1:] == []

    def test_of_a_name_that_is_no_guardrail_is_refused(self, office: Office) -> None:
        assert "PROMOTE: 'nonsense' is not a guardrail" in office.fails(2, "deploy", PROMOTE="nonsense")

    def test_over_a_foreign_stack_is_refused(self, office: Office) -> None:
        body = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})
        office.client("cloudformation").create_stack(StackName="parapet-prod", TemplateBody=body)
        assert "was not written by `make deploy`" in office.fails(2, "deploy")


class TestChanges:
    def test_are_shown_and_nothing_is_left_of_them(self, office: Office) -> None:
        office.unknown = {"ec2_image_public"}
        office.out("deploy")
        before, office.unknown = office.template(), set()
        said = office.out("changes")
        assert "Resources of parapet-prod: " in said
        assert re.search(r"^changed +GuardEc2Role +IAM::Role", said, re.MULTILINE)
        assert "ec2_image_public  observe  observe  changes nothing until" in said
        assert office.template() == before
        assert not [key for key in office.held() if key.endswith("00002.json")]

    def test_of_a_first_deployment_leave_no_stack(self, office: Office) -> None:
        office.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        assert "The first installation here" in office.out("changes")
        assert office.stages() == []

    def test_of_a_report_whose_query_is_none_are_refused(
        self, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        office.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        text, file = settings.FILE.read_text("utf-8"), tmp_path / "parapet.toml"
        monkeypatch.setattr(settings, "FILE", file)
        monkeypatch.setattr(plan, "shipped", lambda: settings.load({}, registry.names(), registry.load(), file))
        report = '[[reports]]\nname = "odd"\ngroups = ["/ecs/*"]\nschedule = "rate(1 hour)"\ntext = """{}"""\n'
        file.write_text(text + report.format("fields @message\n| frob"), "utf-8")
        assert office.fails(2, "changes") == (
            "parapet.toml: text of report odd is no query of Logs Insights: there is no command frob "
            "(line 2, position 3)"
        )
        file.write_text(text + report.format("fields @message | anomaly"), "utf-8")
        assert (
            "Not checked: the text of report odd; the command anomaly is not evaluated here (line 1, position 19)."
            in office.out("changes")
        )
        over = report.format("fields @message").replace("rate(1 hour)", "cron(0 8 1 1 ? 2026)")
        file.write_text(text + over, "utf-8")
        assert (
            "Report odd never comes again, cron(0 8 1 1 ? 2026) is over: mend its schedule, or take it out."
            in office.out("changes")
        )

    def test_need_a_bucket(self, office: Office) -> None:
        assert f"there is no bucket {BUCKET}: make deploy STAGE=prod makes one" in office.fails(1, "changes")


class TestARollback:
    def test_returns_to_the_very_template_and_code(self, office: Office) -> None:
        office.out("deploy", PARAMETERS="LogRetentionDays=30")
        first, codes, key = office.template(), office.codes(), office.parameter("ArtefactKey")
        office.commit("b" * 40)
        office.out("deploy", PARAMETERS="LogRetentionDays=60")
        assert office.codes() != codes
        said = office.out("rollback")
        assert "To be deployed: release 1 (version 0.1.0, commit aaaaaaaaaaaa)" in said
        assert f"All {len(FUNCTIONS)} functions run the artefact." in said
        assert office.template() == first
        assert office.codes() == codes
        assert (office.parameter("ArtefactKey"), office.parameter("LogRetentionDays")) == (key, "30")

    def test_from_the_first_release_is_refused(self, office: Office) -> None:
        office.out("deploy")
        assert "runs release 1 (version 0.1.0, commit aaaaaaaaaaaa), its first" in office.fails(2, "rollback")

    def test_goes_back_as_far_as_there_are_releases(self, office: Office) -> None:
        office.out("deploy")
        first = office.template()
        for commit in "bc":
            office.commit(commit * 40)
            office.out("deploy")
        office.out("rollback")
        assert office.template()["Metadata"]["Parapet"]["release"] == 2
        office.out("rollback")
        assert office.template() == first
        assert "its first" in office.fails(2, "rollback")

    def test_is_followed_by_a_release_of_its_own_number(self, office: Office) -> None:
        office.out("deploy")
        office.commit("b" * 40)
        office.out("deploy")
        office.out("rollback")
        office.commit("c" * 40)
        assert "To be deployed: release 3" in office.out("deploy")
        assert office.template()["Metadata"]["Parapet"]["previous"].endswith("/00001.json")
        office.out("rollback")
        assert office.template()["Metadata"]["Parapet"]["release"] == 1

    def test_finds_what_is_in_another_bucket(self, office: Office) -> None:
        office.out("deploy")
        first = office.template()
        office.client("s3").create_bucket(Bucket="another", CreateBucketConfiguration={"LocationConstraint": REGION})
        office.commit("b" * 40)
        office.out("deploy", BUCKET="another")
        office.out("rollback")
        assert office.template() == first
        assert office.parameter("ArtefactBucket") == BUCKET

    def test_to_what_is_no_longer_kept_is_refused(self, office: Office) -> None:
        office.out("deploy")
        key = office.parameter("ArtefactKey")
        office.commit("b" * 40)
        office.out("deploy")
        office.client("s3").delete_object(Bucket=BUCKET, Key=key)
        before = office.template()
        assert f"s3://{BUCKET}/{key} is gone" in office.fails(1, "rollback")
        assert office.template() == before

    @pytest.fixture
    def journal(self, office: Office) -> Journal:
        """The journal of a stage whose release before knows no scopes."""
        office.heeds = False
        office.out("deploy")
        office.heeds = True
        office.commit("b" * 40)
        office.out("deploy")
        return kept(office)

    def test_to_what_overlooks_pauses_and_exemptions_of_a_scope_is_refused_while_there_are_any(
        self, office: Office, journal: Journal
    ) -> None:
        now, before = office.account.clock(), office.template()
        journal.set_pause(Pause("alice", "a migration", now, None, Scope(service="ec2")))
        journal.set_pause(Pause("alice", "over by now", now - 9, now - 1, Scope(service="s3")))
        journal.waive(Waiver("0123456789abcdef", Scope(resource="sg-1"), now + 9, "alice", "a honeypot", now))
        journal.waive(Waiver("fedcba9876543210", Scope(resource="sg-2"), now - 1, "alice", "over by now", now - 9))
        assert office.fails(1, "rollback") == (
            "release 1 (version 0.1.0, commit aaaaaaaaaaaa) knows no pauses and no exemptions of a scope, and would "
            "fix what these keep: the pause of service=ec2; the exemption 0123456789abcdef of resource=sg-1. "
            "`PARAPET_STAGE=prod ./parapet pause --why …`, for no set time, keeps all of it: then go back, and "
            "`./parapet resume` when none of it is needed, or when a later release is deployed"
        )
        journal.set_pause(Pause("alice", "going back", now, now + 3600))
        office.fails(1, "rollback")
        assert office.template() == before
        journal.set_pause(Pause("alice", "going back", now))
        said = office.out("rollback")
        assert "Fixing is paused, and stays so: release 1 (version 0.1.0, commit aaaaaaaaaaaa) knows no pauses" in said
        assert office.template()["Metadata"]["Parapet"]["release"] == 1

    def test_to_what_overlooks_them_goes_where_there_are_none(self, office: Office, journal: Journal) -> None:
        now = office.account.clock()
        journal.set_pause(Pause("alice", "an hour", now, now + 3600))
        assert "Fixing is paused" not in office.out("rollback")

    def test_to_what_heeds_them_goes_whatever_there_is(self, office: Office) -> None:
        office.out("deploy")
        office.commit("b" * 40)
        office.out("deploy")
        journal = kept(office)
        journal.set_pause(Pause("alice", "a migration", office.account.clock(), None, Scope(service="ec2")))
        office.out("rollback")

    def test_of_nothing_is_refused(self, office: Office) -> None:
        assert "there is no stack parapet-prod in eu-west-1 that could go back" in office.fails(2, "rollback")


class TestStages:
    def test_live_side_by_side(self, office: Office) -> None:
        office.out("deploy")
        prod, codes = office.template(), office.codes("prod")
        office.commit("b" * 40)
        office.out("deploy", STAGE="test")
        assert office.stages() == ["prod", "test"]
        assert office.template("prod") == prod
        assert office.codes("prod") == codes != office.codes("test")
        functions = [one["FunctionName"] for one in office.client("lambda").list_functions()["Functions"]]
        assert len(functions) == len(set(functions)) == 2 * len(FUNCTIONS)
        assert {name.split("-")[1] for name in functions} == {"prod", "test"}
        tables = office.client("dynamodb").list_tables()["TableNames"]
        assert {"parapet-prod-journal", "parapet-test-journal"} <= set(tables)
        names = [role["RoleName"] for role in office.client("iam").list_roles()["Roles"]]
        ours = [name for name in names if name.startswith("parapet-") and "ApiGateway" not in name]
        assert len(ours) == 2 * len(FUNCTIONS)
        office.out("destroy", STAGE="test")
        assert office.stages() == ["prod"]
        assert office.codes("prod") == codes
        assert office.asked == ["/api/v1/token", "/api/v1/health"] * 2

    def test_have_no_name_in_common(self, office: Office) -> None:
        office.out("deploy")
        office.out("deploy", STAGE="test")
        client = office.client("cloudformation")
        found = {
            stage: {
                (one["ResourceType"], one["PhysicalResourceId"])
                for one in client.list_stack_resources(StackName=f"parapet-{stage}")["StackResourceSummaries"]
                if one["PhysicalResourceId"]
            }
            for stage in ("prod", "test")
        }
        assert found["prod"] & found["test"] == set()
        assert len(found["prod"]) > 60

    @pytest.mark.parametrize("stage", ["Prod", "1st", "a" * 21, "a_b", "prod;rm"])
    def test_have_plain_names(self, office: Office, stage: str) -> None:
        assert "is no name for a stage" in office.fails(2, "deploy", STAGE=stage)

    @pytest.mark.parametrize("command", ["deploy", "changes", "rollback", "destroy"])
    def test_must_be_named(self, office: Office, command: str) -> None:
        assert f"which installation? make {command} STAGE=prod" in office.fails(2, command, STAGE="")


class TestRemoving:
    def test_keeps_the_journal_and_the_artefacts(self, office: Office) -> None:
        office.out("deploy")
        before = office.held()
        said = office.out("destroy")
        assert office.stages() == []
        assert "parapet-prod-journal" in office.client("dynamodb").list_tables()["TableNames"]
        assert "The journal parapet-prod-journal stays" in said
        assert [line.split()[1] for line in said.splitlines() if line.startswith("stays ")] == [
            "Journal",
            "ApiGatewayRole",
            "EvidenceStore",
        ]
        assert f"The evidence in s3://parapet-prod-evidence-{ACCOUNT} stays: it is locked" in said
        assert office.held() == before

    def test_asks_first(self, office: Office) -> None:
        office.out("deploy")
        assert office.run("destroy", typed="n\n").exit_code == 1
        assert office.stages() == ["prod"]

    def test_takes_the_journal_for_whoever_types_the_stages_name(self, office: Office) -> None:
        office.out("deploy")
        said = office.out("destroy", typed="prod\n", YES="1", DELETE_JOURNAL="1")
        assert office.stages() == []
        assert "parapet-prod-journal" not in office.client("dynamodb").list_tables()["TableNames"]
        assert "parapet-prod-journal is deleted" in said

    @pytest.mark.parametrize("typed", ["y\n", "test\n", "\n"])
    def test_takes_nothing_for_another_name(self, office: Office, typed: str) -> None:
        office.out("deploy")
        assert "nothing was removed" in office.fails(1, "destroy", typed=typed, YES="1", DELETE_JOURNAL="1")
        assert office.stages() == ["prod"]
        assert "parapet-prod-journal" in office.client("dynamodb").list_tables()["TableNames"]

    def test_takes_a_journal_that_was_left(self, office: Office) -> None:
        office.out("deploy")
        office.out("destroy")
        office.out("destroy", typed="prod\n", DELETE_JOURNAL="1")
        assert "parapet-prod-journal" not in office.client("dynamodb").list_tables()["TableNames"]

    def test_of_nothing_says_so(self, office: Office) -> None:
        assert "There is no stack parapet-prod: nothing to remove." in office.out("destroy")

    def test_names_the_logs_that_a_last_invocation_made_of_this_stage_alone(self, office: Office) -> None:
        office.out("deploy")
        names = ("/aws/lambda/parapet-prod-guard-ec2", "/aws/lambda/parapet-prod-eu-guard-ec2")

        def removed(real: Any) -> Any:
            def delete(**given: Any) -> Any:
                answer = real(**given)
                for name in names:
                    office.client("logs").create_log_group(logGroupName=name)
                return answer

            return delete

        office.connect = instead(office.connect, "delete_stack", removed)
        said = office.out("destroy")
        assert f"Its log {names[0]} stays: aws logs delete-log-group --log-group-name {names[0]}" in said
        assert names[1] not in said


class TestTheSmokeCheck:
    def test_that_fails_says_how_to_go_back(self, office: Office) -> None:
        office.out("deploy")
        office.commit("b" * 40)
        office.sick = "degraded"
        said = office.fails(1, "deploy")
        assert said.startswith("it is deployed, but the smoke check failed: GET https://")
        assert "answers 503" in said
        assert said.endswith("`make rollback STAGE=prod` takes it back")
        office.sick = ""
        office.out("rollback")

    def test_must_be_chosen_before_anything_is_done(self, office: Office) -> None:
        said = office.fails(2, "deploy", NO_CANARY="")
        [vpc] = office.client("ec2").describe_vpcs()["Vpcs"]
        assert f"CANARY_VPC= takes one of {vpc['VpcId']}; NO_CANARY=1 none" in said
        assert office.client("s3").list_buckets()["Buckets"] == []

    def test_of_a_vpc_that_is_not_there_is_refused_before_anything_is_done(self, office: Office) -> None:
        assert "there is no VPC vpc-1234" in office.fails(2, "deploy", NO_CANARY="", CANARY_VPC="vpc-1234")
        assert office.client("s3").list_buckets()["Buckets"] == []

    def test_opens_a_canary_and_says_when_nobody_sees_it(self, office: Office) -> None:
        said = office.fails(1, "deploy", NO_CANARY="", CANARY_VPC="default")
        assert "Parapet has not seen it: is a trail logging?" in said
        assert "`make destroy STAGE=prod` takes it back" in said
        groups = office.client("ec2").describe_security_groups()["SecurityGroups"]
        assert [one["GroupName"] for one in groups] == ["default"]


class Uploaded(dict[str, str]):
    """Templates by the address that CloudFormation is given."""

    def __init__(self, office: Office) -> None:
        super().__init__()
        self._office = office

    def __missing__(self, url: str) -> str:
        at = urlsplit(url)
        assert at.netloc == f"{BUCKET}.s3.{REGION}.amazonaws.com"
        answer = self._office.client("s3").get_object(Bucket=BUCKET, Key=at.path.lstrip("/"))
        return str(answer["Body"].read().decode())


class TestOnAStrictCloudFormation:
    """What moto never does: fail, replace, take up what is there already."""

    @pytest.fixture
    def strict(self, office: Office) -> CloudFormation:
        found, moto = CloudFormation(), office.connect
        found.urls = Uploaded(office)
        office.connect = lambda service, region: found if service == "cloudformation" else moto(service, region)
        return found

    def test_a_failure_says_what_failed_first_and_what_to_do(self, office: Office, strict: CloudFormation) -> None:
        strict.failing["GuardEc2"] = "User: arn:aws:iam::1:user/x is not authorized to perform: lambda:CreateFunction"
        said = office.fails(1, "deploy")
        assert (
            "the change of parapet-prod failed (ROLLBACK_COMPLETE). First to fail: GuardEc2 (AWS::Lambda::Function)"
            in said
        )
        assert "give who deploys the right lambda:CreateFunction" in said
        assert said.endswith("Nothing runs: make destroy first.")
        assert "make destroy STAGE=prod, then deploy again" in office.fails(1, "deploy")
        assert strict.existing == set()
        strict.failing.clear()
        assert "the stack itself, of which nothing is left" in office.out("destroy")

    def test_what_would_lose_its_contents_needs_a_person(self, office: Office, strict: CloudFormation) -> None:
        # There are no functions behind this stack: it is there, and the smoke check says so.
        assert "it is deployed, but the smoke check failed" in office.fails(1, "deploy")
        office.commit("b" * 40)
        strict.replaced["SlackQueue"] = "Conditional"
        assert office.fails(1, "deploy").startswith("SlackQueue would lose what is in there, which needs a person")
        assert strict.change_sets == {}
        said = office.run("deploy", typed="n\nn\n").stdout
        assert re.search(
            r"^changed +SlackQueue +SQS::Queue +may be replaced: WHAT IT HOLDS IS LOST$", said, re.MULTILINE
        )
        assert strict.change_sets == {}

    def test_a_journal_that_was_kept_is_taken_up_again(self, office: Office, strict: CloudFormation) -> None:
        strict.existing.add("parapet-prod-journal")
        assert "smoke check failed" in office.fails(1, "deploy")
        strict.existing.clear()
        office.out("destroy")
        assert strict.existing == {"parapet-prod-journal"}
        said = office.out("changes")
        assert re.search(r"^taken over +Journal +DynamoDB::Table", said, re.MULTILINE)
        assert "smoke check failed" in office.fails(1, "deploy")
        assert strict.stacks["parapet-prod"].status == "CREATE_COMPLETE"

    def test_a_change_set_without_changes_is_nothing_to_do(self, office: Office, strict: CloudFormation) -> None:
        office.fails(1, "deploy")
        office.commit("b" * 40)
        strict.refusal = "No updates are to be performed."
        # There are no functions in it to be checked.
        found = office.run("deploy", YES="1")
        assert "nothing to change in parapet-prod: nothing to do." in found.stdout
        assert (found.exit_code, "smoke check failed" in found.stderr) == (1, True)
        assert strict.change_sets == {}

    def test_secrets_are_in_no_record_and_come_back_from_the_stack(
        self, office: Office, strict: CloudFormation
    ) -> None:
        plain = office.render

        def secret(chosen: Any) -> Any:
            found = plain(chosen)
            found["Parameters"]["ExternalId"]["NoEcho"] = True
            return found

        office.render = secret  # type: ignore[method-assign, assignment]
        office.fails(1, "deploy", PARAMETERS="ExternalId=canary-secret-1")
        office.commit("b" * 40)
        office.fails(1, "deploy")
        office.fails(1, "rollback")
        assert strict.stacks["parapet-prod"].parameters["ExternalId"] == "canary-secret-1"
        for key in office.held():
            body = office.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
            assert b"canary-secret-1" not in body


class TestErrors:
    def test_without_a_region(self, office: Office) -> None:
        office.environment = {}
        assert office.fails(2, "deploy") == "there is no AWS region: set AWS_REGION"
        office.out("deploy", REGION=REGION)

    def test_in_the_local_account(self, office: Office) -> None:
        office.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:4566"
        assert "Parapet runs in the local account without being deployed there" in office.fails(2, "deploy")

    def test_with_another_chalice(self, office: Office) -> None:
        office.chalice = "1.33.0"
        assert "Chalice is 1.33.0, and Parapet is tested with 1.34.0" in office.fails(2, "deploy")

    def test_with_another_python(self, office: Office) -> None:
        office.commit("b" * 40, python="3.9")
        assert "the artefact is for python3.9, and the template for python3." in office.fails(2, "deploy")

    def test_with_a_parameter_that_does_not_exist(self, office: Office) -> None:
        assert "there is no parameter Nonsense" in office.fails(1, "deploy", PARAMETERS="Nonsense=1")
        assert "'Nonsense' is not Name=value" in office.fails(2, "deploy", PARAMETERS="Nonsense")

    def test_with_a_bucket_elsewhere(self, office: Office) -> None:
        office.account.client("s3", "eu-north-1").create_bucket(
            Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"}
        )
        said = office.fails(1, "deploy", BUCKET="elsewhere")
        assert "bucket elsewhere is in eu-north-1, and Lambda in eu-west-1 takes code from its own region only" in said
        assert office.stages() == []

    @pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"])
    def test_with_credentials_that_do_not_count(self, office: Office, code: str) -> None:
        office.connect = answering(office.connect, "get_caller_identity", code)
        said = office.fails(4, "deploy")
        assert said.startswith(f"AWS does not accept these credentials ({code}): set AWS_PROFILE, or")
        assert "local account" not in said

    def test_with_no_credentials(self, office: Office) -> None:
        office.connect = answering(office.connect, "get_caller_identity", NoCredentialsError())
        assert office.fails(4, "deploy").startswith("there are no AWS credentials: set AWS_PROFILE")

    @pytest.mark.parametrize(
        ("operation", "action"),
        [
            ("describe_stacks", "cloudformation:DescribeStacks"),
            ("create_bucket", "s3:CreateBucket"),
            ("put_object", "s3:PutObject"),
            ("create_change_set", "cloudformation:CreateChangeSet"),
            ("describe_trails", "cloudtrail:DescribeTrails"),
        ],
    )
    def test_of_what_is_denied_name_the_action_and_who(self, office: Office, operation: str, action: str) -> None:
        office.connect = answering(office.connect, operation, "AccessDenied")
        assert office.fails(4, "deploy").startswith(f"AWS denies {action} to moto: no")
        assert office.stages() == []

    def test_of_what_is_denied_at_the_end_of_a_confirmed_deployment_leave_no_change_set(self, office: Office) -> None:
        office.out("deploy")
        office.commit("b" * 40)
        before = office.template()
        office.connect = answering(office.connect, "put_object", "AccessDenied", spared=1)
        office.fails(4, "deploy")
        assert office.template() == before
        assert len(office.client("cloudformation").list_change_sets(StackName="parapet-prod")["Summaries"]) == 1

    @pytest.mark.parametrize("code", ["403", "AccessDenied"])
    def test_with_a_bucket_of_somebody_else(self, office: Office, code: str) -> None:
        office.connect = answering(office.connect, "head_bucket", code)
        assert "bucket theirs belongs to another account than 123456789012" in office.fails(
            1, "deploy", BUCKET="theirs"
        )

    @pytest.mark.parametrize(
        ("status", "what"),
        [("ROLLBACK_COMPLETE", "make destroy STAGE=prod, then deploy again"), ("UPDATE_IN_PROGRESS", "wait until")],
    )
    def test_in_a_state_that_cannot_be_updated(self, office: Office, status: str, what: str) -> None:
        office.out("deploy")
        [stack] = cloudformation_backends[ACCOUNT][REGION].stacks.values()
        stack.status = status
        for command in ("deploy", "changes", "rollback"):
            assert what in office.fails(1, command)

    def test_after_a_failed_deployment_a_rollback_says_that_it_goes_further(self, office: Office) -> None:
        office.out("deploy")
        [stack] = cloudformation_backends[ACCOUNT][REGION].stacks.values()
        stack.status = "UPDATE_ROLLBACK_COMPLETE"
        assert "CloudFormation took it back already" in office.run("rollback").stdout


class Instead:
    """A client of which one operation is another."""

    def __init__(self, client: Any, operation: str, other: Callable[[Any], Any]) -> None:
        self._client, self._operation, self._other = client, operation, other
        self.meta = client.meta

    def can_paginate(self, name: str) -> bool:
        return bool(self._client.can_paginate(name))

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        return self._other(real) if name == self._operation else real


def instead(connect: Connect, operation: str, other: Callable[[Any], Any]) -> Connect:
    """Clients of which one operation is another, made of the real one."""
    return lambda service, region: Instead(connect(service, region), operation, other)


def answering(connect: Connect, operation: str, problem: str | Exception, spared: int = 0) -> Connect:
    """Clients of somebody to whom AWS answers one operation with an error, but for the first times."""
    error = (
        problem if isinstance(problem, Exception) else ClientError({"Error": {"Code": problem, "Message": "no"}}, "")
    )
    left = [spared]

    def other(real: Any) -> Any:
        def answer(**given: Any) -> Any:
            if left[0]:
                left[0] -= 1
                return real(**given)
            raise error

        return answer

    return instead(connect, operation, other)
