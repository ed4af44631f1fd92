"""The template that is deployed: judged by cfn-lint, created in moto as far as moto goes, the rest read from it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chalice import Chalice

from app import app
from chalicelib import __version__, registry, settings
from chalicelib.model import ORIGINS, ParapetError
from cli.checkup import alerts
from deploy import resources
from deploy.resources import functions, topics
from deploy.template import ROOT, check, cloudformation, render
from tests.deploy.deployed import CFN, FUNCTIONS, KEY, KNOWN, POLICIES, RESOURCES, SAM, SHIPPED, of, said
from tests.samples import ACCOUNT, REGION

CONFIG = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
every = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)


def statements() -> Iterator[tuple[str, Any]]:
    """Every statement of every policy in the template that says who may do something."""

    def documents(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            for one in value:
                yield from documents(one)
        elif isinstance(value, Mapping):
            if "Effect" in value:
                yield value
            for one in value.values():
                yield from documents(one)

    for name, one in RESOURCES.items():
        for statement in documents(one.get("Properties", {})):
            if "Principal" in statement:
                yield name, statement


def lint(*paths: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("cfn-lint")
    command = [str(program), "--format", "json", "--regions", "eu-west-1", "us-east-1", "--template", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


# IAM's actions that cfn-lint has not heard of yet.
NEWER = ("'describealarmcontributors' is not one of",)


class TestLint:
    def test_has_nothing_to_say_about_either_template(self, tmp_path: Path) -> None:
        for name, template in (("sam.json", SAM), ("cloudformation.json", CFN)):
            (tmp_path / name).write_text(json.dumps(template), "utf-8")
        done = lint(tmp_path / "sam.json", tmp_path / "cloudformation.json")
        said = [one["Message"] for one in json.loads(done.stdout)]
        assert done.stderr == ""
        assert [text for text in said if not text.startswith(NEWER)] == []
        assert said, "its list of actions has caught up: take NEWER away"

    def test_would_say_it(self, tmp_path: Path) -> None:
        wrong = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueNam": "x"}}}}
        (tmp_path / "wrong.json").write_text(json.dumps(wrong), "utf-8")
        done = lint(tmp_path / "wrong.json")
        assert done.returncode != 0
        assert "QueueNam" in done.stdout


class TestTranslation:
    def test_leaves_nothing_of_sam(self) -> None:
        assert "Transform" not in CFN
        assert not [name for name, one in RESOURCES.items() if one["Type"].startswith("AWS::Serverless::")]

    def test_is_the_same_in_every_region_and_for_every_stage(self) -> None:
        assert cloudformation(SAM, "us-east-1") == CFN
        texts = json.dumps(RESOURCES)
        assert REGION not in texts
        assert ACCOUNT not in texts
        assert "parapet-prod" not in texts, "the default of the parameter Stage has been put in"
        assert '"prod"' not in texts

    def test_changes_nothing_of_what_is_translated(self) -> None:
        before = json.dumps(SAM)
        cloudformation(SAM, REGION)
        assert json.dumps(SAM) == before

    def test_says_what_sam_refuses(self) -> None:
        broken = json.loads(json.dumps(SAM))
        broken["Resources"]["Timer"]["Properties"]["Events"]["TimerEvent"]["Type"] = "Clock"
        with pytest.raises(ParapetError, match=r"SAM refuses the template: .*Timer"):
            cloudformation(broken, REGION)


def extended() -> Chalice:
    """Our app with a function that nobody has completed."""
    other = Chalice(app_name="parapet")
    other.event_sources.extend(app.event_sources)
    other.routes.update(app.routes)
    other.builtin_auth_handlers.extend(app.builtin_auth_handlers)
    other.schedule("rate(1 day)", name="clean_up")(lambda event: None)
    return other


class TestAgreement:
    def test_of_registrations_config_and_policies(self) -> None:
        check(app, CONFIG, POLICIES)
        assert {one.name for one in FUNCTIONS} == set(POLICIES) == set(CONFIG["lambda_functions"])

    def test_a_function_without_a_policy_is_refused(self) -> None:
        with pytest.raises(ParapetError, match=r"clean_up has no policy: deploy/rights\.py must say"):
            render(SHIPPED, extended())

    def test_a_function_that_is_not_configured_is_refused(self) -> None:
        policies = {**POLICIES, "clean_up": POLICIES["timer"]}
        with pytest.raises(ParapetError, match=r"clean_up: .*must name policies/clean_up\.json"):
            check(extended(), CONFIG, policies)

    def test_a_function_with_anothers_policy_is_refused(self) -> None:
        own = {**CONFIG["lambda_functions"], "timer": {"iam_policy_file": "policies/guard_ec2.json"}}
        with pytest.raises(ParapetError, match=r"timer: .*must name policies/timer\.json"):
            check(app, {**CONFIG, "lambda_functions": own}, POLICIES)

    def test_a_policy_of_no_function_is_refused(self) -> None:
        with pytest.raises(ParapetError, match=r"gone is configured or has a policy, but app\.py registers no such"):
            check(app, CONFIG, {**POLICIES, "gone": POLICIES["timer"]})

    def test_a_new_function_gets_its_names_log_bounds_and_alarms_by_itself(self) -> None:
        found = resources.merged(extended(), SHIPPED)["Resources"]
        assert found["CleanUp"]["Properties"]["FunctionName"] == {"Fn::Sub": "parapet-${Stage}-clean-up"}
        assert found["CleanUpRole"]["Properties"]["PermissionsBoundary"] == {"Ref": "Boundary"}
        assert found["CleanUpLog"]["Type"] == "AWS::Logs::LogGroup"
        assert {"CleanUpFailingAlarm", "CleanUpLostAlarm"} <= set(found)

    def test_what_is_invoked_in_another_way_is_refused(self) -> None:
        other = Chalice(app_name="other")
        other.on_kinesis_record(stream="numbers", name="count")(lambda event: None)
        with pytest.raises(ParapetError, match=r"count: .*does not know KinesisEventConfig"):
            resources.merged(other, SHIPPED)

    def test_a_queue_that_nobody_makes_is_refused(self) -> None:
        other = Chalice(app_name="other")
        other.on_sqs_message(queue="parapet-pagers", name="page")(lambda event: None)
        with pytest.raises(ParapetError, match="page consumes parapet-pagers, but nothing"):
            resources.merged(other, SHIPPED)


def emptied(mapping: Mapping[str, Any]) -> str:
    """The queue that an event source mapping empties, by its logical id."""
    return str(mapping["EventSourceArn"]["Fn::Sub"][2:].removesuffix(".Arn}"))


class TestFunctions:
    @every
    def test_is_chalices_and_named_by_its_stage(self, function: functions.Function) -> None:
        own = RESOURCES[function.logical]["Properties"]
        assert own["FunctionName"] == {"Fn::Sub": f"parapet-${{Stage}}-{function.dashed}"}
        module = "app.app" if function.kind == "api" else f"chalicelib.functions.{function.name}.{function.name}"
        assert own["Handler"] == module
        assert own["Runtime"] == f"python{sys.version_info.major}.{sys.version_info.minor}"
        assert own["Code"] == {"S3Bucket": {"Ref": "ArtefactBucket"}, "S3Key": {"Ref": "ArtefactKey"}}
        assert own["TracingConfig"] == {"Mode": "Active"}

    @every
    def test_has_a_role_of_its_own_with_its_policy_alone_and_within_bounds(self, function: functions.Function) -> None:
        assert RESOURCES[function.logical]["Properties"]["Role"] == {"Fn::GetAtt": [function.role, "Arn"]}
        role = RESOURCES[function.role]["Properties"]
        assert role["RoleName"] == {"Fn::Sub": settings.role_name("${Stage}", function.name)}
        assert role["PermissionsBoundary"] == {"Ref": "Boundary"}
        assert [one["PolicyDocument"] for one in role["Policies"]] == [POLICIES[function.name]]
        assert "ManagedPolicyArns" not in role

    @every
    def test_writes_a_log_that_is_there_and_not_kept_for_ever(self, function: functions.Function) -> None:
        own = RESOURCES[function.logical]["Properties"]
        assert own["LoggingConfig"] == {"LogGroup": {"Ref": function.log}, "LogFormat": "Text"}
        log = of("AWS::Logs::LogGroup")[function.log]
        assert said(log["LogGroupName"]) == f"/aws/lambda/{said(own['FunctionName'])}"
        assert log["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        [granted] = [one["Resource"] for one in POLICIES[function.name]["Statement"] if one["Sid"] == "Log"]
        assert said(granted) == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{said(log['LogGroupName'])}:*"

    @every
    def test_reserves_concurrency_only_where_that_is_wanted(self, function: functions.Function) -> None:
        reserved = RESOURCES[function.logical]["Properties"]["ReservedConcurrentExecutions"]
        assert reserved == {"Fn::If": ["ReservesConcurrency", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}

    @pytest.mark.parametrize(("value", "fits"), [("0", True), ("2", True), ("40", True), ("1", False), ("x", False)])
    def test_a_queue_is_never_given_more_than_what_is_reserved(self, value: str, fits: bool) -> None:
        pattern = CFN["Parameters"]["ReservedConcurrency"]["AllowedPattern"]
        assert bool(re.fullmatch(pattern, value)) is fits
        for mapping in of("AWS::Lambda::EventSourceMapping").values():
            most = mapping["ScalingConfig"]["MaximumConcurrency"]
            assert most in (2, {"Fn::If": ["ReservesConcurrency", 2, 4]})
            # A channel takes one message a second; alerts come in storms.
            assert (most == 2) == (".fifo" in str(of("AWS::SQS::Queue")[emptied(mapping)]["QueueName"]))

    @every
    def test_has_no_secret_in_its_environment(self, function: functions.Function) -> None:
        variables = RESOURCES[function.logical]["Properties"]["Environment"]["Variables"]
        assert variables == {
            "PARAPET_STAGE": {"Ref": "Stage"},
            "PARAPET_TABLE": {"Ref": "Journal"},
            "PARAPET_SLACK_QUEUE": {"Ref": "SlackQueue"},
            "PARAPET_PAGERDUTY_QUEUE": {"Ref": "PagerDutyQueue"},
            "PARAPET_EMAIL_QUEUE": {"Ref": "EmailQueue"},
            "PARAPET_ALERT_QUEUE": {"Ref": "AlertQueue"},
            "PARAPET_ENRICH_QUEUE": {"Ref": "EnrichQueue"},
            "PARAPET_LEDGER": {"Ref": "ChangeLedger"},
            "PARAPET_EMAIL_TOPIC": {"Ref": "EmailTopic"},
            # Where the token and the key are, not what they are.
            "PARAPET_SLACK_TOKEN": {"Ref": "SlackToken"},
            "PARAPET_SLACK_SIGNING_SECRET": {"Ref": "SlackSigningSecret"},
            "PARAPET_TOKEN_KEY": {"Ref": "TokenKey"},
            "PARAPET_PAGERDUTY_KEY": {"Ref": "PagerDutyKey"},
            "PARAPET_EXTERNAL_ID": {"Ref": "ExternalId"},
            "PARAPET_EVIDENCE_BUCKET": {"Ref": "EvidenceBucket"},
            "PARAPET_EVIDENCE_ACCOUNT": {"Ref": "EvidenceAccount"},
        }

    @every
    def test_is_given_up_on_only_where_lambda_holds_its_events(self, function: functions.Function) -> None:
        found = [
            one
            for one in of("AWS::Lambda::EventInvokeConfig").values()
            if one["FunctionName"]["Ref"] == function.logical
        ]
        goal = {"Fn::GetAtt": ["DeadLetters", "Arn"]} if function.kind == "topic" else {"Ref": "FailuresTopic"}
        assert [one["DestinationConfig"]["OnFailure"]["Destination"] for one in found] == (
            [goal] if function.asynchronous else []
        )


class TestRules:
    RULES = of("AWS::Events::Rule")

    @pytest.mark.parametrize("name", RULES)
    def test_try_again_and_keep_what_cannot_be_delivered(self, name: str) -> None:
        rule = self.RULES[name]
        assert said(rule["Name"]).startswith("parapet-test-")
        [target] = rule["Targets"]
        assert 60 <= target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 86400
        assert 1 <= target["RetryPolicy"]["MaximumRetryAttempts"] <= 185
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["RuleDeadLetters", "Arn"]}}
        source = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{said(rule['Name'])}"
        assert admitted("RuleDeadLettersPolicy", "events.amazonaws.com", "RuleDeadLetters", source)

    def test_of_nobody_else_fill_our_queues(self) -> None:
        theirs = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/parapet-other-timer"
        assert not admitted("RuleDeadLettersPolicy", "events.amazonaws.com", "RuleDeadLetters", theirs)
        assert not admitted("HeartbeatQueuePolicy", "events.amazonaws.com", "HeartbeatQueue", theirs)
        timer = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/parapet-test-timer"
        assert not admitted("HeartbeatQueuePolicy", "events.amazonaws.com", "HeartbeatQueue", timer)

    @pytest.mark.parametrize("function", [one for one in FUNCTIONS if one.ruled], ids=lambda one: one.name)
    def test_invoke_their_function_and_may(self, function: functions.Function) -> None:
        name = f"{function.logical}{function.event}"
        assert self.RULES[name]["Targets"][0]["Arn"] == {"Fn::GetAtt": [function.logical, "Arn"]}
        permission = RESOURCES[f"{name}Permission"]["Properties"]
        assert permission["Principal"] == "events.amazonaws.com"
        assert permission["SourceArn"] == {"Fn::GetAtt": [name, "Arn"]}
        if function.kind == "rule":
            assert self.RULES[name]["EventPattern"] == registry.pattern(function.name.removeprefix("guard_"))

    def test_there_is_one_for_each_function_one_for_the_heartbeat_and_those_of_queues(self) -> None:
        theirs, filling = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/parapet-other-alert-commands", 0
        for queue in ("AlertQueue", "LedgerQueue"):
            rules = [one for one in self.RULES.values() if one["Targets"][0]["Arn"] == {"Fn::GetAtt": [queue, "Arn"]}]
            assert len(rules) >= 2
            filling += len(rules)
            for rule in rules:
                source = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{said(rule['Name'])}"
                assert admitted(f"{queue}Policy", "events.amazonaws.com", queue, source)
            assert not admitted(f"{queue}Policy", "events.amazonaws.com", queue, theirs)
        assert len(self.RULES) == len([one for one in FUNCTIONS if one.ruled]) + 1 + filling
        heartbeat = self.RULES["HeartbeatRule"]
        source = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{said(heartbeat['Name'])}"
        assert heartbeat["Targets"][0]["Arn"] == {"Fn::GetAtt": ["HeartbeatQueue", "Arn"]}
        assert admitted("HeartbeatQueuePolicy", "events.amazonaws.com", "HeartbeatQueue", source)
        [beat] = [one for one in POLICIES["heartbeat"]["Statement"] if one["Sid"] == "Beat"]
        [name] = said(heartbeat["EventPattern"])["detail"]["requestParameters"]["name"]
        assert said(beat["Resource"]).endswith(f":parameter{name}")


def admitted(policy: str, service: str, queue: str, source: str) -> bool:
    """Whether a queue's policy lets a service send to it in the name of a source."""
    document = said(RESOURCES[policy]["Properties"]["PolicyDocument"])
    context = {"aws:sourcearn": source, "aws:sourceaccount": source.split(":")[4]}
    return alerts.admits(document, service, "sqs:SendMessage", KNOWN[f"{queue}.Arn"], context)


class TestState:
    def test_the_journal_costs_what_it_is_used_and_can_be_restored(self) -> None:
        table = of("AWS::DynamoDB::Table")["Journal"]
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        # Encrypted with AWS's own key: one of KMS would have to be admitted by every role, and by the boundary.
        assert "SSESpecification" not in table
        assert table["DeletionProtectionEnabled"] is True
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}

    def test_the_ledger_empties_itself_and_nobody_else_writes_to_it(self) -> None:
        table = of("AWS::DynamoDB::Table")["ChangeLedger"]
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        # As the journal is.
        assert "SSESpecification" not in table
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
        [statement] = said(table["ResourcePolicy"]["PolicyDocument"])["Statement"]
        writer = f"arn:aws:iam::{ACCOUNT}:role/parapet-test-ledger"
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert statement["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": writer}}
        assert {"dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:UpdateItem"} <= set(statement["Action"])

    def test_what_holds_any_outlives_the_stack(self) -> None:
        retained = {name for name, one in RESOURCES.items() if one.get("DeletionPolicy") == "Retain"}
        # What the ledger holds CloudTrail keeps for as long.
        holding = {*of("AWS::DynamoDB::Table"), *of("AWS::S3::Bucket")} - {"ChangeLedger"}
        # What API Gateway writes everybody's logs under must not go with us either.
        assert retained == {*holding, "ApiGatewayRole", "ApiGatewayAccount"}
        assert all(RESOURCES[name]["UpdateReplacePolicy"] == "Retain" for name in retained)

    @pytest.mark.parametrize("name", of("AWS::SQS::Queue"))
    def test_every_queue_is_encrypted(self, name: str) -> None:
        assert of("AWS::SQS::Queue")[name]["SqsManagedSseEnabled"] is True

    def test_every_queue_that_a_function_empties_has_dead_letters_of_its_own_kind(self) -> None:
        for mapping in of("AWS::Lambda::EventSourceMapping").values():
            queue = of("AWS::SQS::Queue")[emptied(mapping)]
            dead = of("AWS::SQS::Queue")[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
            assert queue.get("FifoQueue") == dead.get("FifoQueue")
            assert dead["MessageRetentionPeriod"] == 14 * 86400

    @pytest.mark.parametrize("name", of("AWS::SNS::Topic"))
    def test_every_topic_is_encrypted_by_a_key_that_publishers_may_use(self, name: str) -> None:
        assert of("AWS::SNS::Topic")[name]["KmsMasterKeyId"] == {"Fn::GetAtt": ["AlertKey", "Arn"]}


class TestWhoMay:
    def test_do_anything_is_never_everybody_without_a_condition(self) -> None:
        seen = 0
        for name, statement in statements():
            principal = statement["Principal"]
            everybody = principal == "*" or (isinstance(principal, Mapping) and principal.get("AWS") == "*")
            if everybody and statement["Effect"] == "Allow":
                seen += 1
                assert name in ("MembersBusPolicy", "ChangesBusPolicy")
                assert statement["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": {"Ref": "OrganizationId"}}
                assert RESOURCES[name]["Condition"] == "HasMembers"
        assert seen == 2

    def test_do_something_as_an_aws_service_only_in_this_accounts_name(self) -> None:
        seen = Counter[str]()
        for name, statement in statements():
            principal = statement["Principal"]
            service = principal.get("Service") if isinstance(principal, Mapping) else None
            if service is None or (service == "lambda.amazonaws.com" and statement["Action"] == "sts:AssumeRole"):
                # Which function has which role is for those to say who may pass it.
                continue
            seen[service] += 1
            sources = {key for keys in statement["Condition"].values() for key in keys}
            assert sources & {"aws:SourceAccount", "aws:SourceArn"}, name
        assert set(seen) >= {service for _, service, _ in topics.PUBLISHERS} | {"events.amazonaws.com"}

    def test_publish_alerts_is_what_the_doctor_wants(self) -> None:
        policy = said(RESOURCES["AlertTopicPolicy"]["Properties"]["PolicyDocument"])
        key = said(RESOURCES["AlertKey"]["Properties"]["KeyPolicy"])
        verdict = alerts.judge_topic(KNOWN["AlertTopic"], policy, KEY, key, "deploy")
        assert verdict.evidence.endswith("may publish to parapet-test-alerts")
        for _, service, source in topics.PUBLISHERS:
            theirs = said({"Fn::Sub": f"arn:aws:{source}"}).replace(ACCOUNT, "210987654321")
            context = {"aws:sourcearn": theirs, "aws:sourceaccount": "210987654321"}
            assert not alerts.admits(policy, service, "sns:Publish", KNOWN["AlertTopic"], context)
            assert not alerts.admits(key, service, "kms:GenerateDataKey", "*", context)

    def test_call_the_api_function_is_the_api_alone(self) -> None:
        permission = RESOURCES["APIHandlerInvokePermission"]["Properties"]
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["SourceArn"]["Fn::Sub"][1] == {"RestAPIId": {"Ref": "RestAPI"}}


# By type, the property that names a resource; those without are named by CloudFormation, or belong to another.
NAMES = {
    "AWS::ApiGateway::RestApi": "Name",
    "AWS::CloudTrail::Trail": "TrailName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::EventBusPolicy": "StatementId",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}
UNNAMED = {
    "AWS::ApiGateway::Account", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage",
    # Its name stands deeper: tests/deploy/test_budget.py.
    "AWS::Budgets::Budget", "AWS::KMS::Key",
    "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission", "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy",
}  # fmt: skip


class TestNames:
    def test_have_the_stage_in_them(self) -> None:
        found = Counter[tuple[str, str]]()
        for logical, one in RESOURCES.items():
            assert one["Type"] in NAMES or one["Type"] in UNNAMED, f"say how a {one['Type']} is named"
            if one["Type"] in NAMES and logical != "ApiGatewayRole":
                name = one["Properties"][NAMES[one["Type"]]]["Fn::Sub"]
                assert re.fullmatch(r"(alias/|/aws/lambda/|/aws/apigateway/)?parapet-\$\{Stage\}(-.+)?", name), logical
                found[one["Type"], name] += 1
        assert found.most_common(1)[0][1] == 1, "two resources have one name"
        assert {kind for kind, _ in found} == set(NAMES)

    @pytest.mark.parametrize("stage", ["prod", "a", "eu-2", "twenty-letters-long1"])
    def test_fit_for_every_stage_that_is_taken(self, stage: str) -> None:
        assert re.fullmatch(CFN["Parameters"]["Stage"]["AllowedPattern"], stage)
        for kind, most in (("AWS::Lambda::Function", 64), ("AWS::IAM::Role", 64), ("AWS::SQS::Queue", 80)):
            for own in of(kind).values():
                name = own.get(NAMES[kind], {"Fn::Sub": ""})["Fn::Sub"].replace("${Stage}", stage)
                assert len(name) <= most

    @pytest.mark.parametrize("stage", ["", "Prod", "2nd", "a_b", "twenty-one-letters-xx"])
    def test_are_not_made_of_others(self, stage: str) -> None:
        assert not re.fullmatch(CFN["Parameters"]["Stage"]["AllowedPattern"], stage)


def compact(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")))


class TestLimits:
    def test_of_cloudformation(self) -> None:
        # Beyond 51,200 characters a template must come from a bucket; there, a megabyte is the end.
        assert compact(CFN) <= 500_000
        assert len(RESOURCES) <= 350, "of 500: some are kept for the services to come"
        assert len(CFN["Parameters"]) <= 200
        assert len(CFN["Outputs"]) <= 200
        assert len(CFN["Description"]) <= 1024

    def test_of_iam(self) -> None:
        for role in of("AWS::IAM::Role").values():
            assert sum(compact(said(one["PolicyDocument"])) for one in role.get("Policies", [])) <= 10_240
        [boundary] = of("AWS::IAM::ManagedPolicy").values()
        assert compact(said(boundary["PolicyDocument"])) <= 6_144

    def test_of_lambda_and_eventbridge(self) -> None:
        for own in of("AWS::Lambda::Function").values():
            assert compact(said(own["Environment"]["Variables"])) <= 4096
        for rule in of("AWS::Events::Rule").values():
            assert compact(said(rule.get("EventPattern", {}))) <= registry.PATTERN_LENGTH


class TestApi:
    [STAGE] = of("AWS::ApiGateway::Stage").values()

    def test_lets_only_so_much_through(self) -> None:
        [all_methods] = self.STAGE["MethodSettings"]
        assert (all_methods["ResourcePath"], all_methods["HttpMethod"]) == ("/*", "*")
        assert 1 <= all_methods["ThrottlingRateLimit"] <= 100
        assert all_methods["ThrottlingRateLimit"] <= all_methods["ThrottlingBurstLimit"] <= 200

    def test_logs_who_asked_for_what_and_nothing_of_the_request_itself(self) -> None:
        logs = self.STAGE["AccessLogSetting"]
        assert logs["DestinationArn"] == {"Fn::GetAtt": ["ApiLog", "Arn"]}
        line = json.loads(logs["Format"])
        assert {"$context.requestId", "$context.identity.userArn", "$context.identity.sourceIp"} <= set(line.values())
        assert not [value for value in line.values() if "request.header" in value or "accessKey" in value]
        assert of("AWS::Logs::LogGroup")["ApiLog"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}

    def test_gives_api_gateway_a_role_only_where_it_has_none(self) -> None:
        for name in ("ApiGatewayRole", "ApiGatewayAccount"):
            assert RESOURCES[name]["Condition"] == "CreatesApiGatewayRole"
        assert CFN["Conditions"]["CreatesApiGatewayRole"] == {"Fn::Equals": [{"Ref": "CreateApiGatewayRole"}, "true"]}
        assert CFN["Parameters"]["CreateApiGatewayRole"]["Default"] == "false"
        # The stage, which refers to the API, is made after it.
        assert "${ApiGatewayAccount}" in json.dumps(RESOURCES["RestAPI"]["Properties"]["Description"])
        assert self.STAGE["RestApiId"] == {"Ref": "RestAPI"}

    def test_is_traced_and_has_one_stage(self) -> None:
        assert self.STAGE["TracingEnabled"] is True
        [deployment] = of("AWS::ApiGateway::Deployment").values()
        assert "StageName" not in deployment, "SAM makes a stage named Stage beside ours"
        url = said({"Fn::Sub": CFN["Outputs"]["ApiUrl"]["Value"]["Fn::Sub"].replace("${RestAPI}", "abc123")})
        assert url == f"https://abc123.execute-api.{REGION}.amazonaws.com/{self.STAGE['StageName']}"


class TestMetadata:
    def test_says_what_is_in_it(self) -> None:
        told = CFN["Metadata"]["Parapet"]
        assert told["version"] == CFN["Outputs"]["Version"]["Value"] == __version__
        assert told["guardrails"] == list(registry.names())
        assert told["modes"] == {
            rail.name: {origin: SHIPPED.mode(rail, origin) for origin in ORIGINS} for rail in registry.load()
        }
        assert told["observed"] == []
        assert told["heeds"] == ["scopes"]

    def test_observes_what_an_upgrade_brought(self) -> None:
        rail = next(rail for rail in registry.load() if SHIPPED.acts(rail))
        found = render(replace(SHIPPED, observed=(rail.name,)))
        assert found["Metadata"]["Parapet"]["observed"] == [rail.name]
        assert found["Metadata"]["Parapet"]["modes"][rail.name] == dict.fromkeys(ORIGINS, "observe")
        variables = found["Globals"]["Function"]["Environment"]["Variables"]
        assert variables["PARAPET_OBSERVED"] == rail.name
        assert "PARAPET_OBSERVED" not in SAM["Globals"]["Function"]["Environment"]["Variables"]
        assert (
            found["Resources"][f"Guard{rail.service.capitalize()}Role"]
            != SAM["Resources"][f"Guard{rail.service.capitalize()}Role"]
        )
