"""`doctor`: every check where all is well, and where something is wrong."""

from __future__ import annotations

import functools
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from moto.iam.models import iam_backends

from chalicelib import heartbeat, registry
from chalicelib.model import Pause, Scope
from chalicelib.settings import Settings, load
from cli import doctor
from cli.checkup import account, alerts, delivery, evidence, journal, members, modes, slack, stack, trails
from cli.checkup.patient import Patient
from cli.checkup.verdict import Verdict
from cli.deployment import Outside
from deploy import member, release, rights
from deploy.resources import storage, topics
from deploy.template import cloudformation, render
from local import made_up
from local.iam.intrinsics import resolve
from local.slack import SCOPES, Channel, SlackStandIn
from tests.account import TestAccount
from tests.cli.terminal import GUARDRAIL, Terminal
from tests.cli.test_errors import Failing
from tests.functions import test_evidence as keeping
from tests.notices.serving import serving
from tests.samples import ACCOUNT, REGION

OTHER = "210987654321"
SIGNING = "/parapet/slack-signing-secret"
TOKEN = "xoxb-canary-token-1"
NAME = "parapet-test"
HUB_BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
# What `doctor` looks at, as far as moto's CloudFormation makes it.
MADE = {
    "AWS::DynamoDB::Table", "AWS::Events::Rule", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role", "AWS::KMS::Key",
    "AWS::Lambda::Function", "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
}  # fmt: skip


@functools.cache
def ours() -> Settings:
    return load({"PARAPET_STAGE": "test"}, registry.names(), registry.load())


@functools.cache
def deployed() -> dict[str, Any]:
    """The template that `make deploy` deploys."""
    return release.marked(cloudformation(render(ours()), REGION), 7, "", "c0ffee")


class Hospital:
    """A healthy deployment, ways to hurt it, and the doctor."""

    def __init__(self, account: TestAccount, terminal: Terminal, slack: SlackStandIn, url: str) -> None:
        self.account, self.terminal, self.slack = account, terminal, slack
        account.clock.at = time.time()
        terminal.environment = {"PARAPET_STAGE": "test", "AWS_REGION": REGION, "PARAPET_SLACK_URL": f"{url}/api/"}
        self.build()

    def build(self) -> None:
        made_up.plug_in()
        client = self.account.client
        archive = io.BytesIO()
        with ZipFile(archive, "w") as code:
            code.writestr("x.py", "")
        for bucket in ("artefacts", "trail"):
            client("s3", "us-east-1").create_bucket(Bucket=bucket)
        client("s3").put_object(Bucket="artefacts", Key="key", Body=archive.getvalue())
        made = {
            name: one
            for name, one in deployed()["Resources"].items()
            # On another bus, moto gives a rule another physical id than AWS does.
            if one["Type"] in MADE
            and one.get("Condition") in (None, "MakesEvidenceStore")
            and "EventBusName" not in one["Properties"]
        }
        given = {"Stage": "test", "ArtefactBucket": "artefacts", "ArtefactKey": "key"}
        client("cloudformation").create_stack(
            StackName=NAME,
            # With a tab it is no YAML, which moto would try first and take a second for.
            TemplateBody="\t" + json.dumps({**deployed(), "Resources": made, "Outputs": {}}),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        )
        roles = {role.name: role for role in iam_backends[ACCOUNT]["aws"].roles.values()}
        for role in (roles[ours().role_name(function)] for function in rights.policies(ours())):
            # moto's CloudFormation resolves a role's policies but keeps what was parsed, not its text.
            role.policies = {name: json.dumps(policy) for name, policy in role.policies.items()}
        dynamodb, table = client("dynamodb"), self.physical("Journal")
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
        on = {"PointInTimeRecoveryEnabled": True}
        dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=on)
        dynamodb.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        client("cloudtrail").create_trail(
            Name="audit", S3BucketName="trail", IsMultiRegionTrail=True, IncludeGlobalServiceEvents=True
        )
        client("cloudtrail").start_logging(Name="audit")
        self.let_write()
        keeping.lock(self.account)
        keeping.run(self.account)
        self.let_publish()
        self.forward()
        client("ssm").put_parameter(Name="/parapet/slack-token", Value=TOKEN, Type="SecureString")
        client("ssm").put_parameter(Name=SIGNING, Value="0" * 32, Type="SecureString")
        client("sns").subscribe(TopicArn=self.physical("PageTopic"), Protocol="email", Endpoint="oncall@example.com")
        self.beat()

    def let_write(self, operators: str = "*") -> None:
        """The journal's own policy, and a bucket with versions: what moto's CloudFormation leaves out."""
        known = stack.references(self.patient().stack)
        policy = json.dumps(resolve(storage.policy(), {**known, "Operators": operators}))
        self.account.client("dynamodb").put_resource_policy(ResourceArn=known["Journal.Arn"], Policy=policy)
        self.account.client("s3").put_bucket_versioning(
            Bucket=self.physical("EvidenceStore"), VersioningConfiguration={"Status": "Enabled"}
        )

    def let_publish(self) -> None:
        """The alert topic's policy, as deployed."""
        topic = self.physical("AlertTopic")
        known = {"AlertTopic": topic, "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
        document = deployed()["Resources"]["AlertTopicPolicy"]["Properties"]["PolicyDocument"]
        self.policy = json.dumps(resolve(document, known))
        self.account.client("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=self.policy
        )
        # moto's CloudFormation keeps what KMS keeps as text as what it was parsed into.
        kms, key = self.account.client("kms"), self.physical("AlertKey")
        document = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(document))

    def forward(self) -> None:
        """The rules of the hub's own us-east-1, as the StackSet makes them."""
        events = self.account.client("events", "us-east-1")
        for logical, one in member.template(ours())["Resources"].items():
            if one["Type"] == "AWS::Events::Rule" and logical in ("ForwardIam", "ForwardSignin"):
                events.put_rule(Name=logical, EventPattern=json.dumps(one["Properties"]["EventPattern"]))
                events.put_targets(Rule=logical, Targets=[{"Id": "hub", "Arn": HUB_BUS}])

    def beat(self) -> None:
        """What EventBridge brings of a heartbeat."""
        self.account.client("sqs").send_message(QueueUrl=self.physical("HeartbeatQueue"), MessageBody="{}")

    def physical(self, logical: str) -> str:
        found = self.account.client("cloudformation").describe_stack_resource(StackName=NAME, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def patient(self, wait: bool = False, sleep: Callable[[float], None] | None = None) -> Patient:
        clock = self.account.clock
        outside = Outside(
            environment=self.terminal.environment,
            clients=lambda: self.terminal.connect,
            now=clock,
            sleep=sleep or clock.forward,
        )
        return Patient(outside, wait)


@pytest.fixture
def hospital(account: TestAccount, terminal: Terminal) -> Iterator[Hospital]:
    stand_in = SlackStandIn(token=TOKEN)
    with serving(stand_in) as url:
        yield Hospital(account, terminal, stand_in, url)


def wrong(verdict: Verdict, evidence: str, todo: str) -> None:
    assert verdict.state == "wrong", verdict
    assert evidence in verdict.evidence
    assert todo in verdict.todo


class TestWhole:
    def test_a_healthy_deployment(self, hospital: Hospital) -> None:
        result = hospital.terminal.run("doctor", "--json")
        document = json.loads(result.stdout)
        assert {one["check"]: one for one in document["checks"] if one["state"] != "ok"} == {}
        assert [one["check"] for one in document["checks"]] == ["credentials", "clock", *doctor.CHECKS]
        assert (document["ok"], document["stage"], document["region"]) == (True, "test", REGION)
        assert result.exit_code == 0

    def test_what_is_wrong_fails_and_says_what_to_do(self, hospital: Hospital) -> None:
        hospital.account.client("cloudtrail").stop_logging(Name="audit")
        result = hospital.terminal.run("doctor")
        assert (result.exit_code, result.stderr) == (1, "")
        lines = result.stdout.splitlines()
        [row] = [number for number, line in enumerate(lines) if line.startswith("trail ")]
        assert lines[row].split()[1] == "WRONG"
        assert lines[row + 1].strip() == "→ aws cloudtrail start-logging --region eu-west-1 --name audit"
        assert lines[-1] == f"{len(doctor.CHECKS) + 1} ok, 1 wrong"

    def test_what_the_operator_may_not_is_named_and_nothing_else_suffers(self, hospital: Hospital) -> None:
        wire = hospital.account.wire
        wire.fail(lambda _number, made: "deny" if made.operation == "GetRole" else None)
        result = hospital.terminal.run("doctor", "--json")
        [roles] = [one for one in json.loads(result.stdout)["checks"] if one["state"] != "ok"]
        assert (roles["check"], roles["state"], roles["evidence"]) == (
            "roles",
            "cannot tell",
            "you may not iam:GetRole",
        )
        assert roles["todo"] == "ask somebody who may, or for iam:GetRole"
        assert result.exit_code == 0

    def test_every_check_that_asks_aws_says_which_right_is_missing(self, hospital: Hospital) -> None:
        hospital.account.wire.fail(lambda _number, made: None if made.operation == "GetCallerIdentity" else "deny")
        found = doctor.examine(hospital.patient())
        offline = {"credentials", "clock", "settings"}
        # Of these there are none, unless the settings name some.
        offline |= {"members", "mailboxes", "pagerduty"}
        assert {name for name, one in found.items() if one.state == "ok"} == offline
        for name in found.keys() - offline:
            assert found[name].state == "cannot tell"
            assert found[name].evidence.startswith("you may not "), name

    def test_nothing_is_changed(self, hospital: Hospital) -> None:
        wire = hospital.account.wire
        wire.reset()
        doctor.examine(hospital.patient())
        reading = ("Get", "List", "Describe", "ReceiveMessage", "AssumeRole")
        assert wire.calls
        assert [made.name for made in wire.calls if not made.operation.startswith(reading)] == []

    def test_no_secret_is_shown(self, hospital: Hospital) -> None:
        for token in (TOKEN, "xoxb-canary-token-2"):
            hospital.slack.tokens = {token: frozenset()}
            for arguments in (("doctor",), ("doctor", "--json")):
                result = hospital.terminal.run(*arguments)
                assert result.exit_code == 1
                assert "canary" not in result.output

    def test_without_credentials_it_ends_there(self, hospital: Hospital) -> None:
        hospital.terminal.connect = Failing(NoCredentialsError())
        result = hospital.terminal.run("doctor", "--json")
        [first, clock] = json.loads(result.stdout)["checks"]
        assert (first["state"], first["evidence"]) == ("wrong", "there are no AWS credentials")
        assert "AWS_PROFILE" in first["todo"]
        assert clock["state"] == "cannot tell"
        assert result.exit_code == 1

    def test_credentials_that_aws_does_not_accept(self, hospital: Hospital) -> None:
        answer: Any = {"Error": {"Code": "ExpiredToken", "Message": "expired"}}
        hospital.terminal.connect = Failing(ClientError(answer, "GetCallerIdentity"))
        wrong(account.credentials(hospital.patient()), "does not accept these credentials: ExpiredToken", "AWS_PROFILE")

    def test_nobody_at_the_endpoint_is_the_commands_error(self, hospital: Hospital) -> None:
        hospital.terminal.connect = Failing(EndpointConnectionError(endpoint_url="http://127.0.0.1:9"))
        assert hospital.terminal.fails(4, "doctor").startswith("cannot connect to AWS in eu-west-1")

    def test_the_local_account_has_not_everything(self, hospital: Hospital) -> None:
        environment = hospital.terminal.environment
        environment |= {"PARAPET_STAGE": "local", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
        found = doctor.examine(hospital.patient())
        assert {name for name, one in found.items() if one.state == "not here"} == {
            "clock", "regions", "modes", "functions", "roles", "rules", "global events", "journal", "writers",
            "evidence", "topics", "subscriptions", "mailboxes",
        }  # fmt: skip


class TestSurroundings:
    @pytest.mark.parametrize(("ahead", "text"), [(3600, "s ahead of AWS's"), (-400, "s behind AWS's")])
    def test_a_clock_that_is_wrong(self, hospital: Hospital, ahead: float, text: str) -> None:
        hospital.account.clock.forward(ahead)
        wrong(account.clock(hospital.patient()), text, "set the clock")

    def test_a_clock_so_wrong_that_aws_refuses_the_call(self, hospital: Hospital) -> None:
        def refuse(parsed: dict[str, Any], http_response: Any, **_: Any) -> None:
            http_response.status_code = 403
            parsed["Error"] = {"Code": "RequestExpired", "Message": "Request has expired."}

        hospital.account.clock.forward(-3600)
        events = hospital.account.client("sts").meta.events
        events.register("after-call.sts.GetCallerIdentity", refuse, unique_id="refuse")
        try:
            wrong(account.clock(hospital.patient()), "s behind AWS's", "beyond 300 s AWS refuses every call")
        finally:
            events.unregister("after-call.sts.GetCallerIdentity", unique_id="refuse")

    def test_settings_that_cannot_be_used(self, hospital: Hospital) -> None:
        hospital.terminal.settings("[parapet]\ndefault_mode = 'observed'")
        found = doctor.examine(hospital.patient())
        wrong(found["settings"], "parapet.toml: parapet.default_mode: 'observed' is not a mode", "mend that line")
        assert found["modes"].state == found["regions"].state == "cannot tell"

    @pytest.mark.parametrize(
        ("home", "watched", "enabled", "evidence"),
        [
            ("eu-west-1", ["eu-west-1"], ["eu-west-1", "us-east-1"], "leaves us-east-1 out: IAM and sign-in events"),
            ("eu-west-1", ["us-east-1"], ["eu-west-1", "us-east-1"], "leaves eu-west-1 out: events of the region"),
            ("eu-west-1", ["eu-west-1", "us-east-1", "eu-west-9"], ["eu-west-1", "us-east-1"], "names eu-west-9"),
        ],
    )
    def test_regions_that_do_not_agree(self, home: str, watched: list[str], enabled: list[str], evidence: str) -> None:
        wrong(account.judge_regions(home, watched, enabled), evidence, "set parapet.regions in parapet.toml")

    def test_regions_that_are_not_watched_are_named(self) -> None:
        verdict = account.judge_regions("us-east-1", ["us-east-1"], ["eu-west-1", "us-east-1"])
        assert (verdict.state, verdict.evidence.split("; ")[-1]) == ("ok", "enabled but not watched: eu-west-1")
        assert account.judge_regions("us-east-1", ["us-east-1"], ["us-east-1"]).todo == ""

    def test_regions_of_the_settings(self, hospital: Hospital) -> None:
        hospital.terminal.settings("[parapet]\nregions = ['eu-west-1']")
        assert account.regions(hospital.patient()).state == "wrong"


class TestStack:
    def test_no_stack(self, hospital: Hospital) -> None:
        hospital.terminal.environment["PARAPET_STAGE"] = "prod"
        found = doctor.examine(hospital.patient())
        wrong(
            found["stack"], "there is no stack parapet-prod in eu-west-1", "`make deploy STAGE=prod`, or set PARAPET_"
        )
        assert (found["rules"].state, found["rules"].evidence) == ("cannot tell", found["stack"].evidence)

    @pytest.mark.parametrize(
        ("status", "state", "text"),
        [
            ("CREATE_COMPLETE", "ok", "CREATE_COMPLETE"),
            ("UPDATE_COMPLETE", "ok", "UPDATE_COMPLETE"),
            ("UPDATE_IN_PROGRESS", "cannot tell", "somebody deploys right now"),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "cannot tell", "somebody deploys right now"),
            ("UPDATE_ROLLBACK_COMPLETE", "wrong", "the one before runs"),
            ("UPDATE_ROLLBACK_FAILED", "wrong", "UPDATE_ROLLBACK_FAILED"),
            ("ROLLBACK_COMPLETE", "wrong", "ROLLBACK_COMPLETE"),
            ("DELETE_FAILED", "wrong", "DELETE_FAILED"),
        ],
    )
    def test_its_state(self, status: str, state: str, text: str) -> None:
        verdict = stack.judge_stack(NAME, status, 1, "`make deploy`")
        assert verdict.state == state
        assert text in verdict.evidence
        assert ("describe-stack-events" in verdict.todo) == (state == "wrong")

    def test_modes_that_are_others_than_here(self, hospital: Hospital) -> None:
        hospital.terminal.settings(f"guardrails.{GUARDRAIL}.mode = 'observe'")
        evidence = f"release 7 (version 0.1.0, commit c0ffee): {GUARDRAIL} is enforce / approve there, observe here"
        wrong(modes.modes(hospital.patient()), evidence, "`make deploy STAGE=test`, or check out what is deployed")

    def test_guardrails_that_only_one_of_them_knows(self) -> None:
        known = release.Release(1, "", "", "1", {"old": {"event": "off", "sweep": "off"}})
        verdict = modes.judge(known, {"new": {"event": "off", "sweep": "off"}}, "`make deploy`")
        wrong(verdict, "new is unknown there, off here; old is off there, unknown here", "make deploy")

    def test_what_an_upgrade_brought_is_not_a_difference(self, hospital: Hospital) -> None:
        patient = hospital.patient()
        told = deployed()["Metadata"][release.KEY]
        there = {**told["modes"], GUARDRAIL: {"event": "observe", "sweep": "observe"}}
        template = {"Metadata": {release.KEY: {**told, "observed": [GUARDRAIL], "modes": there}}}
        patient.stack = replace(patient.stack, template=template)
        verdict = modes.modes(patient)
        assert verdict.state == "ok"
        assert f"these only observe: {GUARDRAIL}" in verdict.evidence

    def test_a_stack_that_does_not_say_its_modes(self, hospital: Hospital) -> None:
        patient = hospital.patient()
        patient.stack = replace(patient.stack, template={})
        assert doctor.examine(patient)["modes"].state == "cannot tell"


def function(**changes: Any) -> dict[str, Any]:
    return {
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "CodeSha256": "abc",
        "Runtime": "python3.13",
        **changes,
    }


class TestFunctions:
    def test_one_that_is_gone(self, hospital: Hospital) -> None:
        hospital.account.client("lambda").delete_function(FunctionName=f"{NAME}-notify")
        wrong(stack.functions(hospital.patient()), "parapet-test-notify is gone", "`make deploy STAGE=test`")

    def test_one_that_is_throttled_to_nothing(self, hospital: Hospital) -> None:
        hospital.account.client("lambda").put_function_concurrency(
            FunctionName=f"{NAME}-notify", ReservedConcurrentExecutions=0
        )
        wrong(stack.functions(hospital.patient()), "parapet-test-notify is throttled", "delete-function-concurrency")

    def test_one_with_other_code(self, hospital: Hospital) -> None:
        archive = io.BytesIO()
        with ZipFile(archive, "w") as code:
            code.writestr("x.py", "def y(*_): return 1")
        hospital.account.client("lambda").update_function_code(
            FunctionName=f"{NAME}-notify", ZipFile=archive.getvalue()
        )
        wrong(stack.functions(hospital.patient()), "run different code", "make deploy")

    @pytest.mark.parametrize(
        ("one", "text"),
        [
            (function(State="Failed", StateReason="the image is gone"), "f is Failed (the image is gone)"),
            (function(State="Pending"), "f is Pending"),
            (function(LastUpdateStatus="Failed"), "f: last update Failed"),
            (function(LastUpdateStatus="InProgress"), "f: last update InProgress"),
        ],
    )
    def test_one_that_is_not_well(self, one: dict[str, Any], text: str) -> None:
        wrong(stack.judge_functions({"f": one, "g": function()}, "`make deploy`"), text, "make deploy")

    def test_one_that_sleeps_is_well(self) -> None:
        assert stack.judge_functions({"f": function(State="Inactive")}, "").state == "ok"

    def test_none_at_all(self) -> None:
        wrong(stack.judge_functions({}, "`make deploy`"), "the stack has no functions", "make deploy")


class TestRoles:
    ROLE = f"{NAME}-timer"

    def verdict(self, hospital: Hospital) -> Verdict:
        return stack.roles(hospital.patient())

    def edit(self, hospital: Hospital, role: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
        """Change the statements of a role's policy by hand."""
        iam = hospital.account.client("iam")
        [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        change(document["Statement"])
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    def test_a_right_too_many(self, hospital: Hospital) -> None:
        document = json.dumps({
            "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
        })  # fmt: skip
        hospital.account.client("iam").put_role_policy(RoleName=self.ROLE, PolicyName="mine", PolicyDocument=document)
        wrong(self.verdict(hospital), "parapet-test-timer may also s3:GetObject on *", "PutRolePolicy")

    def test_a_right_too_few(self, hospital: Hospital) -> None:
        [due] = [one for one in rights.policies(ours())["timer"]["Statement"] if one["Sid"] == "Due"]
        self.edit(hospital, self.ROLE, lambda there: there.remove(next(s for s in there if s["Sid"] == due["Sid"])))
        table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/parapet-test-journal/index/by_due"
        wrong(self.verdict(hospital), f"parapet-test-timer lacks dynamodb:Query on {table}", "make deploy STAGE=test")

    def test_another_condition_is_another_right(self, hospital: Hospital) -> None:
        self.edit(hospital, f"{NAME}-sweep", lambda there: [one.pop("Condition", None) for one in there])
        verdict = self.verdict(hospital)
        wrong(verdict, "parapet-test-sweep may also dynamodb:GetItem on", "make deploy")
        assert ", events:PutEvents on" in verdict.evidence
        assert "parapet-test-sweep lacks dynamodb:GetItem on" in verdict.evidence

    def test_a_policy_that_somebody_attached(self, hospital: Hospital) -> None:
        iam = hospital.account.client("iam")
        allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        arn = iam.create_policy(PolicyName="Everything", PolicyDocument=json.dumps(allowed))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=self.ROLE, PolicyArn=arn)
        wrong(self.verdict(hospital), "parapet-test-timer has Everything attached", "AttachRolePolicy")

    def test_a_boundary_that_somebody_took_away(self, hospital: Hospital) -> None:
        hospital.account.client("iam").delete_role_permissions_boundary(RoleName=self.ROLE)
        wrong(self.verdict(hospital), "parapet-test-timer has nothing as its boundary", "make deploy")

    def test_one_that_is_gone(self, hospital: Hospital) -> None:
        iam = hospital.account.client("iam")
        [name] = iam.list_role_policies(RoleName=self.ROLE)["PolicyNames"]
        iam.delete_role_policy(RoleName=self.ROLE, PolicyName=name)
        iam.delete_role(RoleName=self.ROLE)
        wrong(self.verdict(hospital), "parapet-test-timer does not exist", "make deploy")

    def test_what_this_checkout_needs_and_the_stack_has_not_cannot_be_judged(self, hospital: Hospital) -> None:
        patient = hospital.patient()
        there = {name: one for name, one in patient.stack.resources.items() if name != "SlackQueue"}
        patient.stack = replace(patient.stack, resources=there)
        verdict = stack.roles(patient)
        assert verdict.state == "cannot tell"
        assert "SlackQueue.Arn" in verdict.evidence


MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}
WRITES = {"Field": "readOnly", "Equals": ["false"]}
KMS = "kms.amazonaws.com"


def advanced(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"AdvancedEventSelectors": [{"FieldSelectors": list(fields)}]}


def basic(**fields: Any) -> dict[str, Any]:
    return {"EventSelectors": [fields]}


def one_trail(**changes: Any) -> trails.Trail:
    return replace(trails.Trail("audit", "eu-west-1", True, True, True, {}), **changes)


class TestTrail:
    REGIONS = ("eu-west-1", "us-east-1")

    @pytest.mark.parametrize(
        ("selectors", "excluded"),
        [
            ({}, set()),
            (basic(ReadWriteType="All", IncludeManagementEvents=True), set()),
            (basic(ReadWriteType="WriteOnly", IncludeManagementEvents=True), set()),
            (basic(ReadWriteType="ReadOnly", IncludeManagementEvents=True), None),
            (
                basic(ReadWriteType="All", IncludeManagementEvents=False, DataResources=[{"Type": "AWS::S3::Object"}]),
                None,
            ),
            (basic(ReadWriteType="All", IncludeManagementEvents=True, ExcludeManagementEventSources=[KMS]), {KMS}),
            (advanced(MANAGEMENT), set()),
            (advanced(MANAGEMENT, WRITES), set()),
            (advanced(MANAGEMENT, {"Field": "readOnly", "Equals": ["true"]}), None),
            (advanced(MANAGEMENT, {"Field": "readOnly", "NotEquals": ["false"]}), None),
            (advanced(MANAGEMENT, {"Field": "eventSource", "NotEquals": [KMS]}), {KMS}),
            (advanced(MANAGEMENT, {"Field": "eventName", "Equals": ["RunInstances"]}), {"?"}),
            (advanced(MANAGEMENT, {"Field": "eventSource", "StartsWith": ["ec2"]}), {"?"}),
            (advanced({"Field": "eventCategory", "Equals": ["Data"]}), None),
            (advanced({"Field": "eventCategory", "Equals": ["Insight"]}), None),
        ],
    )
    def test_what_a_trail_leaves_out(self, selectors: dict[str, Any], excluded: set[str] | None) -> None:
        assert trails.left_out(selectors) == excluded

    def test_what_one_selector_leaves_out_another_may_record(self) -> None:
        both = advanced(MANAGEMENT, {"Field": "eventSource", "NotEquals": [KMS]})
        both["AdvancedEventSelectors"].append({"FieldSelectors": [MANAGEMENT, WRITES]})
        assert trails.left_out(both) == set()

    def test_one_trail_for_all_regions(self) -> None:
        verdict = trails.judge([one_trail()], self.REGIONS)
        assert (verdict.state, verdict.evidence) == ("ok", "audit records changes in eu-west-1, us-east-1")

    def test_one_trail_for_each(self) -> None:
        there = [one_trail(everywhere=False), one_trail(name="global", everywhere=False, home="us-east-1")]
        assert trails.judge(there, self.REGIONS).state == "ok"

    @pytest.mark.parametrize(
        ("trail", "evidence", "todo"),
        [
            (one_trail(logging=False), "audit is stopped", "start-logging --region eu-west-1 --name audit"),
            (one_trail(everywhere=False), "in us-east-1 (audit records elsewhere)", "all regions"),
            (one_trail(global_services=False), "in us-east-1 (audit records elsewhere)", "all regions"),
            (one_trail(selectors=basic(IncludeManagementEvents=False)), "audit records no changes", "all regions"),
            (
                one_trail(selectors=basic(ExcludeManagementEventSources=[KMS])),
                "audit leaves out kms.amazonaws.com",
                "all write management events",
            ),
            (one_trail(selectors=advanced(MANAGEMENT, {"Field": "x", "Equals": ["y"]})), "only some changes", "all"),
            (one_trail(logging=False, selectors=basic(IncludeManagementEvents=False)), "audit is stopped", "all write"),
        ],
    )
    def test_one_that_will_not_do(self, trail: trails.Trail, evidence: str, todo: str) -> None:
        wrong(trails.judge([trail], self.REGIONS), evidence, todo)

    def test_none_at_all(self) -> None:
        wrong(trails.judge([], self.REGIONS), "eu-west-1, us-east-1 (there is no trail)", "`make deploy` offers it")

    def test_an_organisations_trail_whose_selectors_are_not_told(self) -> None:
        verdict = trails.judge([one_trail(selectors=None)], self.REGIONS)
        assert verdict.state == "cannot tell"
        assert "management account" in verdict.todo

    def test_as_cloudtrail_shows_it(self, hospital: Hospital) -> None:
        cloudtrail = hospital.account.client("cloudtrail")
        cloudtrail.put_event_selectors(
            TrailName="audit", EventSelectors=[{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]
        )
        wrong(trails.trail(hospital.patient()), "audit records no changes", "all write management events")
        cloudtrail.put_event_selectors(
            TrailName="audit", AdvancedEventSelectors=[{"Name": "x", "FieldSelectors": [MANAGEMENT, WRITES]}]
        )
        assert trails.trail(hospital.patient()).state == "ok"

    def test_a_region_of_its_own(self, hospital: Hospital) -> None:
        hospital.account.client("cloudtrail").delete_trail(Name="audit")
        far = hospital.account.client("cloudtrail", "us-east-1")
        far.create_trail(Name="far", S3BucketName="trail", IncludeGlobalServiceEvents=True)
        far.start_logging(Name="far")
        verdict = trails.trail(hospital.patient())
        wrong(verdict, "no trail is known to record all changes in eu-west-1 (far records elsewhere)", "all regions")


class TestRules:
    RULE = "GuardEc2GuardEc2Event"

    def rule(self, hospital: Hospital) -> str:
        return hospital.physical(self.RULE)

    def untargeted(self, hospital: Hospital) -> str:
        events, name = hospital.account.client("events"), self.rule(hospital)
        targets = events.list_targets_by_rule(Rule=name)["Targets"]
        events.remove_targets(Rule=name, Ids=[one["Id"] for one in targets])
        return name

    def test_one_that_is_disabled_is_named(self, hospital: Hospital) -> None:
        hospital.account.client("events").disable_rule(Name=self.rule(hospital))
        verdict = delivery.rules(hospital.patient())
        wrong(verdict, f"{self.RULE} (parapet-test-guard-ec2) is DISABLED", "aws events enable-rule")

    def test_one_without_a_target(self, hospital: Hospital) -> None:
        self.untargeted(hospital)
        wrong(delivery.rules(hospital.patient()), "has no target", "`make deploy STAGE=test`")

    def test_one_that_is_gone(self, hospital: Hospital) -> None:
        hospital.account.client("events").delete_rule(Name=self.untargeted(hospital))
        wrong(delivery.rules(hospital.patient()), f"{self.RULE} (parapet-test-guard-ec2) is MISSING", "DeleteRule")

    def test_read_only_events_too_is_enabled(self) -> None:
        state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
        assert delivery.judge_rules({"r": (state, 1)}, "").state == "ok"

    def test_none_at_all(self) -> None:
        wrong(delivery.judge_rules({}, "`make deploy`"), "the stack has no rules", "make deploy")


class TestGlobalEvents:
    def test_a_rule_that_is_disabled(self, hospital: Hospital) -> None:
        hospital.account.client("events", "us-east-1").disable_rule(Name="ForwardIam")
        verdict = delivery.global_events(hospital.patient())
        wrong(verdict, "ForwardIam in us-east-1 is disabled: IAM calls do not arrive", "--region us-east-1 --name Forw")

    def test_a_rule_that_goes_elsewhere(self, hospital: Hospital) -> None:
        hospital.account.client("events", "us-east-1").remove_targets(Rule="ForwardSignin", Ids=["hub"])
        verdict = delivery.global_events(hospital.patient())
        wrong(verdict, f"no rule in us-east-1 forwards sign-ins to {HUB_BUS}", "./parapet member-template")

    def test_a_rule_for_something_else(self, hospital: Hospital) -> None:
        pattern = json.dumps({"source": ["aws.ec2"]})
        for name in ("ForwardIam", "ForwardSignin"):
            hospital.account.client("events", "us-east-1").put_rule(Name=name, EventPattern=pattern)
        wrong(delivery.global_events(hospital.patient()), "IAM calls and sign-ins", "member-template")

    def test_where_they_arrive_nothing_need_be_forwarded(self, hospital: Hospital) -> None:
        hospital.terminal.environment["AWS_REGION"] = "us-east-1"
        assert delivery.global_events(hospital.patient()).state == "ok"

    def test_a_pattern_that_cannot_be_judged(self) -> None:
        pattern = json.dumps({"source": [{"cidr": "198.51.100.0/24"}]})
        verdict = delivery.judge_global([{"Name": "x", "State": "ENABLED", "EventPattern": pattern}], HUB_BUS)
        assert verdict.state == "cannot tell"


class TestHeartbeat:
    def test_one_that_is_too_old(self, hospital: Hospital) -> None:
        hospital.account.clock.forward(3600)
        verdict = delivery.heartbeat(hospital.patient())
        wrong(verdict, "the last one came back 60 min ago", "mend what is wrong with the trail and the rules")

    def test_none_yet_of_a_stack_that_is_new(self, hospital: Hospital) -> None:
        hospital.account.client("sqs").purge_queue(QueueUrl=hospital.physical("HeartbeatQueue"))
        verdict = delivery.heartbeat(hospital.patient())
        assert (verdict.state, verdict.todo) == ("cannot tell", "`./parapet doctor --wait` sends one")
        assert verdict.evidence.startswith("none has come back yet: the stack was deployed ")

    def test_none_of_a_stack_that_is_not(self, hospital: Hospital) -> None:
        hospital.account.client("sqs").purge_queue(QueueUrl=hospital.physical("HeartbeatQueue"))
        hospital.account.clock.forward(1000)
        wrong(delivery.heartbeat(hospital.patient()), "none has come back", "--wait")

    def test_one_that_was_asked_for_comes_back(self, hospital: Hospital) -> None:
        hospital.account.clock.forward(1000)
        ssm = hospital.account.client("ssm")

        def sleep(seconds: float) -> None:
            hospital.account.clock.forward(seconds)
            assert "doctor moto" in ssm.get_parameter(Name=heartbeat.parameter("test"))["Parameter"]["Value"]
            hospital.beat()

        verdict = delivery.heartbeat(hospital.patient(wait=True, sleep=sleep))
        assert (verdict.state, verdict.evidence) == ("ok", "one came back within 2 s")

    def test_one_that_was_asked_for_and_does_not_come_back(self, hospital: Hospital) -> None:
        hospital.account.clock.forward(1000)
        patient = hospital.patient(wait=True, sleep=lambda _: hospital.account.clock.forward(50))
        wrong(delivery.heartbeat(patient), "none came back within 120 s of the call", "trail and the rules")

    def test_a_fresh_one_is_enough(self, hospital: Hospital) -> None:
        result = hospital.terminal.run("doctor", "--wait", "--json")
        assert (result.exit_code, json.loads(result.stdout)["ok"]) == (0, True)
        assert hospital.account.client("ssm").describe_parameters()["Parameters"][0]["Name"] == "/parapet/slack-token"

    def test_what_it_looks_at_stays_in_the_queue(self, hospital: Hospital) -> None:
        for _ in range(2):
            delivery.heartbeat(hospital.patient())
        sqs, queue = hospital.account.client("sqs"), hospital.physical("HeartbeatQueue")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        assert sum(int(count) for count in counts.values()) == 1


class TestMembers:
    def named(self, hospital: Hospital, accounts: str, **parameters: str) -> Verdict:
        hospital.terminal.settings(f"[parapet]\naccounts = {accounts}")
        patient = hospital.patient()
        given = {"OrganizationId": "o-1234567890", "ExternalId": "external-1", **parameters}
        patient.stack = replace(patient.stack, parameters=given)
        return members.members(patient)

    def test_roles_that_can_be_assumed(self, hospital: Hospital) -> None:
        verdict = self.named(hospital, f"['{OTHER}', '{ACCOUNT}']")
        assert (verdict.state, verdict.evidence) == ("ok", f"Parapet's roles in {OTHER} can be assumed")

    def test_only_our_own(self, hospital: Hospital) -> None:
        assert self.named(hospital, f"['{ACCOUNT}']").evidence == "no other account is watched"

    @pytest.mark.parametrize("name", ["OrganizationId", "ExternalId"])
    def test_what_the_stack_must_know(self, hospital: Hospital, name: str) -> None:
        verdict = self.named(hospital, f"['{OTHER}']", **{name: ""})
        wrong(verdict, f"the stack's {name} is empty", "make deploy STAGE=test")

    def test_what_only_our_functions_may_cannot_be_told(self, hospital: Hospital) -> None:
        hospital.account.wire.fail(lambda _number, made: "deny" if made.operation == "AssumeRole" else None)
        verdict = self.named(hospital, f"['{OTHER}']")
        assert verdict.state == "cannot tell"
        assert f"in {OTHER}: only its own functions may" in verdict.evidence

    def test_the_whole_organisation(self, hospital: Hospital) -> None:
        organizations = hospital.account.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        new = organizations.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]["AccountId"]
        assert self.named(hospital, "'all'").evidence == f"Parapet's roles in {new} can be assumed"

    def test_a_unit_and_what_is_below_it(self, hospital: Hospital) -> None:
        organizations = hospital.account.client("organizations")
        organizations.create_organization(FeatureSet="ALL")
        new = organizations.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]["AccountId"]
        [root] = organizations.list_roots()["Roots"]
        unit, below = root["Id"], ""
        units = []
        for name in ("one", "two"):
            unit = organizations.create_organizational_unit(ParentId=unit, Name=name)["OrganizationalUnit"]["Id"]
            units.append(unit)
        below = units[1]
        organizations.move_account(AccountId=new, SourceParentId=root["Id"], DestinationParentId=below)
        assert self.named(hospital, f"['{units[0]}']").evidence == f"Parapet's roles in {new} can be assumed"


class TestJournal:
    @pytest.mark.parametrize(
        ("hurt", "text"),
        [
            (
                lambda db, table: db.update_table(TableName=table, DeletionProtectionEnabled=False),
                "deletion protection",
            ),
            (
                lambda db, table: db.update_continuous_backups(
                    TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
                ),
                "point-in-time recovery is off",
            ),
            (
                lambda db, table: db.update_time_to_live(
                    TableName=table, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires"}
                ),
                "items never expire",
            ),
        ],
    )
    def test_a_table_that_can_be_lost(self, hospital: Hospital, hurt: Callable[[Any, str], Any], text: str) -> None:
        hurt(hospital.account.client("dynamodb"), hospital.physical("Journal"))
        wrong(journal.journal(hospital.patient()), text, "`make deploy STAGE=test`")

    def test_a_pause_that_lasts(self, hospital: Hospital) -> None:
        patient = hospital.patient()
        patient.where.journal.set_pause(Pause("alice", "a deployment", patient.outside.now()))
        wrong(journal.paused(patient), "alice paused fixing until somebody resumes: a deployment", "./parapet resume")

    def test_pauses_of_a_part(self, hospital: Hospital) -> None:
        patient = hospital.patient()
        for service in ("ec2", "s3"):
            switch = Pause("alice", "a deployment", patient.outside.now(), None, Scope(service=service))
            patient.where.journal.set_pause(switch)
        wrong(
            journal.paused(patient),
            "alice paused fixing of service=ec2 until somebody resumes: a deployment; alice paused fixing of",
            "`./parapet resume --service ec2`, `./parapet resume --service s3`",
        )

    def test_a_pause_that_is_over(self, hospital: Hospital) -> None:
        patient = hospital.patient()
        now = patient.outside.now()
        patient.where.journal.set_pause(Pause("alice", "a deployment", now, now + 60))
        assert journal.paused(patient).state == "wrong"
        hospital.account.clock.forward(61)
        assert journal.paused(patient).state == "ok"


class TestWriters:
    def test_are_everybody_until_somebody_is_named(self, hospital: Hospital) -> None:
        verdict = evidence.writers(hospital.patient())
        assert (verdict.state, verdict.evidence) == (
            "ok", "Parapet's roles, and everybody in this account whom IAM lets",
        )  # fmt: skip
        assert "PARAMETERS='Operators=arn:…'" in verdict.todo

    def test_are_those_who_are_named(self) -> None:
        known = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "Stage": "test"}
        wanted = resolve(storage.policy(), {**known, "Operators": "arn:a,arn:b"})
        verdict = evidence.judge_writers(json.dumps(wanted), wanted, "arn:a,arn:b", "`make deploy`")
        assert (verdict.state, verdict.evidence) == ("ok", "Parapet's roles, and arn:a, arn:b")

    def test_that_a_policy_does_not_bar(self, hospital: Hospital) -> None:
        patient = hospital.patient()
        arn = stack.references(patient.stack)["Journal.Arn"]
        hospital.account.client("dynamodb").delete_resource_policy(ResourceArn=arn)
        wrong(evidence.writers(patient), "the journal's table has no policy", "`make deploy STAGE=test`")

    def test_that_another_policy_admits(self, hospital: Hospital) -> None:
        hospital.let_write(f"arn:aws:iam::{ACCOUNT}:role/mallory")
        wrong(evidence.writers(hospital.patient()), "the journal's table has another policy", "puts it back")


class TestEvidence:
    def test_that_stopped(self, hospital: Hospital) -> None:
        hospital.account.clock.forward(2 * 86400)
        wrong(evidence.evidence(hospital.patient()), "has no evidence of 20", "tries again every hour")

    def test_that_never_began(self) -> None:
        verdict = evidence.judge_days([], "2026-11-20", "s3://bucket (GOVERNANCE)")
        wrong(verdict, "s3://bucket (GOVERNANCE) has no evidence of 2026-11-20: there is none", "begins within one")

    def test_in_a_bucket_that_does_not_lock(self, hospital: Hospital) -> None:
        where = {"LocationConstraint": REGION}
        hospital.account.client("s3").create_bucket(Bucket="plain", CreateBucketConfiguration=where)
        hospital.terminal.environment |= {"PARAPET_EVIDENCE_BUCKET": "plain"}
        wrong(evidence.evidence(hospital.patient()), "plain has no Object Lock", "another EvidenceBucket")


class TestAlerts:
    def test_letters_that_are_dead(self, hospital: Hospital) -> None:
        queue = hospital.physical("DeadLetters")
        hospital.account.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
        wrong(alerts.dead_letters(hospital.patient()), "1 in parapet-test-dead-letters", "./parapet redrive")

    def test_letters_that_are_dead_in_another_region(self, hospital: Hospital) -> None:
        far = hospital.account.client("sqs", "us-east-1")
        queue = far.create_queue(QueueName="parapet-test-member-dead-letters")["QueueUrl"]
        assert alerts.dead_letters(hospital.patient()).evidence.startswith("all ")
        far.send_message(QueueUrl=queue, MessageBody="{}")
        wrong(alerts.dead_letters(hospital.patient()), "1 in parapet-test-member-dead-letters", f"--queue-url {queue}")

    def test_all_dead_letter_queues_are_looked_at(self, hospital: Hospital) -> None:
        there = [name for name in hospital.patient().stack.of("AWS::SQS::Queue") if name.endswith("DeadLetters")]
        assert {"DeadLetters", "SlackDeadLetters"} <= set(there)
        assert alerts.dead_letters(hospital.patient()).evidence == f"all {len(there)} are empty"

    @pytest.mark.parametrize("service", [service for _, service, _ in topics.PUBLISHERS])
    def test_a_publisher_whom_the_topic_does_not_admit(self, hospital: Hospital, service: str) -> None:
        document = json.loads(hospital.policy)
        document["Statement"] = [one for one in document["Statement"] if one["Principal"]["Service"] != service]
        hospital.account.client("sns").set_topic_attributes(
            TopicArn=hospital.physical("AlertTopic"), AttributeName="Policy", AttributeValue=json.dumps(document)
        )
        wrong(alerts.topics(hospital.patient()), f"its policy does not let {service} publish", "make deploy STAGE=test")

    def test_a_publisher_whom_the_key_does_not_admit(self, hospital: Hospital) -> None:
        kms, key = hospital.account.client("kms"), hospital.physical("AlertKey")
        document = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        document["Statement"] = [one for one in document["Statement"] if one["Sid"] != "Budgets"]
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(document))
        wrong(alerts.topics(hospital.patient()), "its key does not let budgets.amazonaws.com encrypt", "make deploy")

    def test_a_key_by_its_alias(self, hospital: Hospital) -> None:
        hospital.account.client("kms").create_alias(AliasName="alias/x", TargetKeyId=hospital.physical("AlertKey"))
        hospital.account.client("sns").set_topic_attributes(
            TopicArn=hospital.physical("AlertTopic"), AttributeName="KmsMasterKeyId", AttributeValue="alias/x"
        )
        assert alerts.topics(hospital.patient()).state == "ok"

    def test_a_key_that_no_service_may_use(self, hospital: Hospital) -> None:
        hospital.account.client("sns").set_topic_attributes(
            TopicArn=hospital.physical("AlertTopic"), AttributeName="KmsMasterKeyId", AttributeValue="alias/aws/sns"
        )
        wrong(alerts.topics(hospital.patient()), "alias/aws/sns, which no service may use", "put it back")

    @pytest.mark.parametrize(
        ("statement", "admitted"),
        [
            ({}, True),
            ({"Action": "sns:*"}, True),
            ({"Action": ["SNS:Publish"]}, True),
            ({"Action": "sns:Subscribe"}, False),
            ({"Resource": "arn:aws:sns:eu-west-1:123456789012:other"}, False),
            ({"Principal": {"AWS": "*"}}, False),
            ({"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}, True),
            ({"Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}}, False),
            ({"Effect": "Deny"}, False),
        ],
    )
    def test_whom_a_policy_admits(self, statement: dict[str, Any], admitted: bool) -> None:
        assert self.admits({**self.ALLOW, **statement}) is admitted

    def test_a_denial_counts_more_and_one_of_plain_http_does_not_matter(self) -> None:
        deny = {"Effect": "Deny", "Principal": "*", "Action": "sns:*", "Resource": "*"}
        assert not self.admits(self.ALLOW, deny)
        assert self.admits(self.ALLOW, {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}})

    def test_a_policy_that_cannot_be_judged(self, hospital: Hospital) -> None:
        document = json.loads(hospital.policy)
        document["Statement"][0]["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
        verdict = alerts.judge_topic(hospital.physical("AlertTopic"), document, "", {}, "`make deploy`")
        assert verdict.state == "cannot tell"
        assert "aws:PrincipalOrgID" in verdict.evidence

    TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
    ALLOW: Mapping[str, Any] = {
        "Effect": "Allow", "Principal": {"Service": "budgets.amazonaws.com"},
        "Action": "sns:Publish", "Resource": TOPIC,
    }  # fmt: skip

    def admits(self, *statements: Mapping[str, Any]) -> bool:
        context = {"aws:sourceaccount": ACCOUNT, "aws:securetransport": "true"}
        policy = {"Statement": list(statements)}
        return alerts.admits(policy, "budgets.amazonaws.com", "sns:Publish", self.TOPIC, context)

    def test_nobody_hears(self) -> None:
        verdict = alerts.judge_subscriptions([], "`make deploy`")
        wrong(verdict, "nobody hears when Parapet itself is not well", "PARAMETERS='PageEmail=oncall@example.com'")

    def test_somebody_who_has_not_confirmed(self) -> None:
        waiting = {"Endpoint": "oncall@example.com", "SubscriptionArn": "PendingConfirmation", "Protocol": "email"}
        wrong(alerts.judge_subscriptions([waiting], "x"), "oncall@example.com has not confirmed", "link")

    def test_pagerdutys_address_is_not_shown(self) -> None:
        secret = "https://events.pagerduty.com/integration/0123456789/enqueue"
        waiting = {"Endpoint": secret, "SubscriptionArn": "PendingConfirmation", "Protocol": "https"}
        verdict = alerts.judge_subscriptions([waiting], "x")
        assert (verdict.state, verdict.evidence) == ("wrong", "PagerDuty has not confirmed")

    @pytest.mark.parametrize(
        ("found", "evidence"),
        [
            ([], "a@example.com, b@example.com is not subscribed"),
            ([("a@example.com", "arn:x"), ("b@example.com", "PendingConfirmation")], "b@example.com has not confirmed"),
            ([("a@example.com", "arn:x"), ("b@example.com", "arn:y")], "2 confirmed"),
        ],
    )
    def test_whether_mail_reaches_whom_routes_name(self, found: Any, evidence: str) -> None:
        listed = [{"Endpoint": address, "SubscriptionArn": arn} for address, arn in found]
        assert alerts.judge_mailboxes(["a@example.com", "b@example.com"], listed, "x").evidence == evidence

    def test_whether_pagerduty_has_a_key(self, hospital: Hospital) -> None:
        assert alerts.pagerduty(hospital.patient()).evidence == "no route pages by PagerDuty"
        hospital.terminal.settings('[[routes]]\npagerduty = "default"\n')
        wrong(alerts.pagerduty(hospital.patient()), "the service default has no routing key", "PagerDutyKey")
        hospital.terminal.settings('[pagerduty]\ndefault = "ssm:/parapet/pager"\n[[routes]]\npagerduty = "default"\n')
        wrong(alerts.pagerduty(hospital.patient()), "there is no SSM parameter /parapet/pager", "docs/pagerduty.md")
        hospital.account.client("ssm").put_parameter(Name="/parapet/pager", Value="0" * 32, Type="SecureString")
        assert alerts.pagerduty(hospital.patient()).state == "ok"


class TestSlack:
    def verdict(self, hospital: Hospital) -> Verdict:
        return slack.slack(hospital.patient())

    def test_scopes_are_those_of_the_documentation(self) -> None:
        assert set(slack.SCOPES) == set(SCOPES)
        page = Path(__file__).parent.parent.parent / "docs" / "slack.md"
        assert all(f"`{scope}`" in page.read_text("utf-8") for scope in slack.SCOPES)

    def test_no_token(self, hospital: Hospital) -> None:
        hospital.account.client("ssm").delete_parameter(Name="/parapet/slack-token")
        wrong(self.verdict(hospital), "there is no SSM parameter /parapet/slack-token", "put the app's bot token")

    def test_a_token_in_secrets_manager(self, hospital: Hospital) -> None:
        patient = hospital.patient()
        patient.stack = replace(patient.stack, parameters={"SlackToken": "secretsmanager:parapet/slack-token"})
        wrong(slack.slack(patient), "there is no Secrets Manager secret parapet/slack-token", "put the app's bot token")
        secrets = hospital.account.client("secretsmanager")
        secrets.create_secret(Name="parapet/slack-token", SecretString=TOKEN)
        assert slack.slack(patient).state == "ok"

    def test_no_signing_secret(self, hospital: Hospital) -> None:
        hospital.account.client("ssm").delete_parameter(Name=SIGNING)
        wrong(self.verdict(hospital), f"there is no SSM parameter {SIGNING}: no button", "the app's signing secret")

    def test_no_buttons_wanted(self, hospital: Hospital) -> None:
        patient = hospital.patient()
        patient.stack = replace(patient.stack, parameters={**patient.stack.parameters, "SlackSigningSecret": ""})
        verdict = slack.slack(patient)
        assert (verdict.state, verdict.evidence.rpartition("; ")[2]) == (
            "ok", "without buttons, since SlackSigningSecret is empty",
        )  # fmt: skip

    def test_a_token_that_slack_refuses(self, hospital: Hospital) -> None:
        hospital.slack.tokens.clear()
        wrong(self.verdict(hospital), "Slack refuses the token in /parapet/slack-token: invalid_auth", "bot token")

    @pytest.mark.parametrize("scope", SCOPES)
    def test_a_scope_that_is_missing(self, hospital: Hospital, scope: str) -> None:
        hospital.slack.tokens[TOKEN] = frozenset(SCOPES) - {scope}
        wrong(self.verdict(hospital), f"the app lacks {scope} (", "give the app these scopes and install it again")

    def test_a_channel_without_the_bot(self, hospital: Hospital) -> None:
        hospital.slack.channels[0].member = False
        wrong(self.verdict(hospital), "the bot is not in #parapet", "/invite @parapet")

    def test_a_channel_that_is_archived(self, hospital: Hospital) -> None:
        hospital.slack.channels[0].archived = True
        wrong(self.verdict(hospital), "#parapet is archived", "unarchive it")

    def test_another_channel_in_the_settings(self, hospital: Hospital) -> None:
        hospital.terminal.settings("[slack]\nchannel = '#security'")
        wrong(self.verdict(hospital), "the bot is not in #security", "set slack.channel")
        hospital.terminal.settings(f"[slack]\nchannel = '{hospital.slack.channels[0].id}'")
        assert self.verdict(hospital).state == "ok"

    def test_a_route_to_a_channel_without_the_bot(self, hospital: Hospital) -> None:
        hospital.terminal.settings("[[routes]]\nseverity = ['critical']\nslack = '#pages'")
        wrong(self.verdict(hospital), "the bot is not in #pages", "set slack of its route")
        hospital.slack.channels.append(Channel("C0PAGES000", "pages"))
        assert self.verdict(hospital).evidence.count("in #parapet, #pages, with all scopes")

    def test_slack_that_does_not_answer(self, hospital: Hospital) -> None:
        hospital.slack.fail("500", method="auth.test")
        assert self.verdict(hospital).state in ("wrong", "cannot tell")
        hospital.terminal.environment["PARAPET_SLACK_URL"] = "http://127.0.0.1:9/api/"
        verdict = self.verdict(hospital)
        assert (verdict.state, verdict.evidence) == ("cannot tell", "Slack does not answer: URLError")

    def test_slack_that_does_not_say_which_scopes(self) -> None:
        assert slack.judge("team", None, [], ["#parapet"]).state == "cannot tell"
