"""What the local account reads from Chalice and `.chalice/`, and what must be declared there."""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chalice import Chalice, CognitoUserPoolAuthorizer, IAMAuthorizer
from chalice.utils import to_cfn_resource_name

from app import app
from chalicelib import registry, settings
from chalicelib.api import declared
from chalicelib.functions import guard_ec2, timer
from deploy.rights import policies
from local.deployment import API, CHALICE, Deployment, DeploymentError, Schedule, camel, load, rate, schedule

TEMPLATE: dict[str, Any] = json.loads((CHALICE / "resources.json").read_text("utf-8"))
CONFIG: dict[str, Any] = json.loads((CHALICE / "config.json").read_text("utf-8"))
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
HANDLERS = sorted([*(one.name for one in (*app.event_sources, *app.builtin_auth_handlers)), API])
CONSUMING = ("alert", "enrich", "ledger", "notify", "notify_pagerduty", "notify_email")
ASYNCHRONOUS = [name for name in HANDLERS if name not in ("authorizer", *CONSUMING, API)]
every = pytest.mark.parametrize("name", HANDLERS)
Edit = Callable[[dict[str, Any], dict[str, Any]], object]


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    return load("test")


class TestOurs:
    def test_every_function_of_the_app_is_there_and_nothing_else_is_configured(self, deployment: Deployment) -> None:
        guards = {f"guard_{service}" for service in registry.services()}
        others = {"sweep", "timer", "heartbeat", "evidence", "reminders", "digest", "reports", "failures", "authorizer"}
        others |= {API, *CONSUMING}
        assert {function.name for function in deployment.functions} == {*guards, *others}
        assert sorted(function.name for function in deployment.functions) == HANDLERS
        assert sorted(CONFIG["lambda_functions"]) == HANDLERS
        assert CONFIG["autogen_policy"] is False

    @every
    def test_its_policy_is_the_derived_one(self, name: str) -> None:
        file = CHALICE / CONFIG["lambda_functions"][name]["iam_policy_file"]
        shipped = settings.load({}, registry.names(), registry.load())
        assert json.loads(file.read_text("utf-8")) == policies(shipped)[name]

    def test_no_two_share_a_policy(self) -> None:
        files = [own["iam_policy_file"] for own in CONFIG["lambda_functions"].values()]
        assert len(set(files)) == len(files)

    @every
    def test_its_role_is_the_one_that_marks_our_own_calls(self, name: str, deployment: Deployment) -> None:
        [function] = [function for function in deployment.functions if function.name == name]
        assert function.role == settings.role_name("test", name)
        declared = RESOURCES[f"{to_cfn_resource_name(name)}Role"]["Properties"]["RoleName"]
        assert declared == {"Fn::Sub": settings.role_name("${Stage}", name)}
        assert len(settings.role_name("production-eu", name)) <= 64, "IAM takes no longer name"

    @every
    def test_its_logical_id_is_chalices(self, name: str) -> None:
        assert camel(name) == to_cfn_resource_name(name)

    def test_overrides_are_of_functions_that_exist(self) -> None:
        logical = {camel(name) for name in HANDLERS}
        known = logical | {f"{one}Role" for one in logical} | {"APIHandler", "RestAPI"}
        assert {name for name, one in RESOURCES.items() if "Type" not in one} <= known

    @every
    def test_its_handler_is_what_lambda_would_call(self, name: str, deployment: Deployment) -> None:
        [function] = [function for function in deployment.functions if function.name == name]
        called = app if name == API else getattr(importlib.import_module(f"chalicelib.functions.{name}"), name)
        assert function.handler is called
        own = CONFIG["lambda_functions"][name]
        assert function.timeout == own.get("lambda_timeout", CONFIG["lambda_timeout"])

    def test_what_invokes_it(self, deployment: Deployment) -> None:
        rules = {rule.function.name: rule.pattern for rule in deployment.rules}
        assert rules == {f"guard_{service}": registry.pattern(service) for service in registry.services()}
        assert {one.function.name: one.seconds for one in deployment.schedules} == {
            "sweep": 3600.0, "timer": 60.0, "heartbeat": 300.0, "evidence": 3600.0,
            "reminders": 86400.0,
            "digest": 86400.0,
            "reports": 60.0,
        }  # fmt: skip
        assert [(one.function.name, one.resource, one.batch) for one in deployment.queues] == [
            ("alert", "AlertQueue", 10), ("enrich", "EnrichQueue", 1), ("ledger", "LedgerQueue", 10),
            ("notify", "SlackQueue", 10),
            ("notify_pagerduty", "PagerDutyQueue", 10), ("notify_email", "EmailQueue", 10),
        ]  # fmt: skip
        assert [(one.function.name, one.resource) for one in deployment.topics] == [("failures", "FailuresTopic")]
        assert {(one.function.name, one.method, one.path) for one in deployment.routes} == {
            (API, method, path) for path, methods in app.routes.items() for method in methods
        }
        served = [route for route in deployment.routes if route.method != "OPTIONS"]
        anybody = {route.path for route in served if not route.signed and route.authorizer is None}
        page = {one.path for one in declared.ROUTES if one.door == "open"}
        assert anybody == {"/v1/slack/actions", "/v1/slack/command", *page}
        assert {route.path for route in served if route.signed} == {"/v1/token", "/v1/token/operate"}
        assert {route.authorizer.function.name for route in served if route.authorizer} == {"authorizer"}
        assert {"UNAUTHORIZED", "THROTTLED", "DEFAULT_5XX"} <= set(deployment.responses)

    def test_the_template_holds_whole_resources_under_the_stage(self, deployment: Deployment) -> None:
        assert all("Type" in one for one in deployment.template["Resources"].values())
        assert deployment.template["Parameters"]["Stage"]["Default"] == "test"
        assert (deployment.retries, deployment.failures) == (2, "FailuresTopic")
        assert deployment.variables["PARAPET_TABLE"] == {"Ref": "Journal"}


class TestOptions:
    def test_are_given(self, deployment: Deployment) -> None:
        found = load("test", given={"PageEmail": "oncall@example.com"})
        assert set(found.template["Resources"]) - set(deployment.template["Resources"]) == {"PageMail"}
        with pytest.raises(DeploymentError, match="there is no parameter PageMail that could be given"):
            load("test", given={"PageMail": "oncall@example.com"})

    @pytest.mark.parametrize(
        ("parameter", "value", "resources"),
        [
            ("PageEmail", "oncall@example.com", {"PageMail"}),
            ("PagerDutyUrl", "https://events.pagerduty.com/integration/0123/enqueue", {"PagePagerDuty"}),
            ("MonthlyBudget", "1000", {"MonthlyCosts"}),
            ("CreateTrail", "true", {"Trail", "TrailBucket", "TrailBucketPolicy"}),
            ("OrganizationId", "o-ab12cd34ef", {"MembersBusPolicy", "ChangesBusPolicy"}),
            ("CreateApiGatewayRole", "true", {"ApiGatewayRole", "ApiGatewayAccount"}),
        ],
    )
    def test_are_made_where_a_parameter_asks_for_them(
        self, loaded: Callable[..., Deployment], deployment: Deployment, parameter: str, value: str, resources: set[str]
    ) -> None:
        assert not resources & set(deployment.template["Resources"])
        found = loaded(lambda _, merged: merged["Parameters"][parameter].update(Default=value))
        assert set(found.template["Resources"]) - set(deployment.template["Resources"]) == resources


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[..., Deployment]:
    """Load the deployment of a small app from a copy of `.chalice/` that has been edited."""

    def load_copy(edit: Edit = lambda _config, _merged: None, chalice: Chalice | None = None) -> Deployment:
        folder = tmp_path / ".chalice"
        shutil.copytree(CHALICE, folder)
        config, merged = json.loads(json.dumps(CONFIG)), json.loads(json.dumps(TEMPLATE))
        edit(config, merged)
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
        (folder / "resources.json").write_text(json.dumps(merged), "utf-8")
        return load("test", chalice or app, folder)

    return load_copy


class TestRefusal:
    def test_a_copy_without_edits_is_loaded(self, loaded: Callable[..., Deployment], deployment: Deployment) -> None:
        assert loaded() == deployment

    @pytest.mark.parametrize(
        ("edit", "text"),
        [
            (lambda config, _: config["lambda_functions"].pop("guard_kms"), "guard_kms has no entry in"),
            (lambda config, _: config["lambda_functions"]["timer"].pop("iam_policy_file"), "timer has no policy"),
            (
                lambda config, _: config["lambda_functions"]["timer"].update(iam_policy_file="policies/tmer.json"),
                "timer has no policy",
            ),
            (lambda _, merged: merged["Resources"].pop("SweepRole"), "sweep has no role name"),
            (lambda _, merged: merged["Resources"].pop("Notify"), "notify: .* does not say which queue"),
            (
                lambda _, merged: merged["Resources"]["Failures"]["Properties"].pop("Events"),
                "failures: .* does not say which topic",
            ),
            (lambda _, merged: merged["Resources"].pop("SlackQueue"), r"notify consumes .*SlackQueue\.Arn"),
        ],
    )
    def test_a_function_that_is_not_declared_in_full(
        self, loaded: Callable[..., Deployment], edit: Edit, text: str
    ) -> None:
        with pytest.raises(DeploymentError, match=text):
            loaded(edit)

    @pytest.mark.parametrize(
        "condition",
        [
            {"Fn::Or": [{"Condition": "HasPageEmail"}, {"Condition": "HasMembers"}]},
            {"Condition": "Unheard"},
            {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
        ],
    )
    def test_a_condition_that_cannot_be_evaluated_here(
        self, loaded: Callable[..., Deployment], condition: dict[str, Any]
    ) -> None:
        with pytest.raises(DeploymentError, match="cannot evaluate the condition"):
            loaded(lambda _, merged: merged["Conditions"].update(Sometimes=condition))

    def test_functions_that_give_up_in_different_ways(self, loaded: Callable[..., Deployment]) -> None:
        def patient(_: Any, merged: Any) -> None:
            merged["Resources"]["Timer"]["Properties"]["EventInvokeConfig"]["MaximumRetryAttempts"] = 1

        with pytest.raises(DeploymentError, match="knows one way to give up on an event"):
            loaded(patient)

    def test_what_the_local_account_does_not_deliver(self, loaded: Callable[..., Deployment]) -> None:
        other = Chalice(app_name="other")
        other.on_kinesis_record(stream="numbers", name="timer")(timer.timer.func)
        with pytest.raises(DeploymentError, match="timer: the local account does not deliver Kinesis"):
            loaded(chalice=other)

    @pytest.mark.parametrize(
        "more",
        [
            {"authorizer": CognitoUserPoolAuthorizer("people", provider_arns=["arn"])},
            {"authorizer": None, "api_key_required": True},
            {"api_key_required": True},
            {"cors": True},
        ],
    )
    def test_a_route_that_asks_for_something_else_than_a_signature(
        self, loaded: Callable[..., Deployment], more: dict[str, Any]
    ) -> None:
        other = Chalice(app_name="other")
        other.route("/v1/open", **{"authorizer": IAMAuthorizer(), **more})(dict)
        with pytest.raises(DeploymentError, match="GET /v1/open: the local account admits who signs"):
            loaded(chalice=other)

    def test_only_what_the_app_registers_is_loaded(self, loaded: Callable[..., Deployment]) -> None:
        small = Chalice(app_name="small")
        small.register_blueprint(guard_ec2.blueprint)
        found = loaded(chalice=small)
        assert [function.name for function in found.functions] == ["guard_ec2"]
        assert (found.schedules, found.queues, found.topics, found.routes) == ((), (), (), ())
        assert found.functions[0].handler is guard_ec2.guard_ec2


class TestRate:
    @pytest.mark.parametrize(
        ("expression", "seconds"),
        [
            ("rate(1 minute)", 60.0),
            ("rate(5 minutes)", 300.0),
            ("rate(1 hour)", 3600.0),
            ("rate(12 hours)", 43200.0),
            ("rate(1 day)", 86400.0),
        ],
    )
    def test_in_seconds(self, expression: str, seconds: float) -> None:
        assert rate(expression) == seconds

    @pytest.mark.parametrize(
        "expression",
        [
            "cron(0 10 * * ? *)",
            "rate(1 hours)",
            "rate(5 hour)",
            "rate(0 minutes)",
            "rate(-1 minutes)",
            "rate(1.5 hours)",
            "rate(x minutes)",
            "rate(5 weeks)",
            "rate(5 minutes",
            "5 minutes",
            "",
        ],
    )
    def test_refuses_what_eventbridge_refuses_and_cron(self, expression: str) -> None:
        with pytest.raises(DeploymentError, match="does not run the schedule"):
            rate(expression)


class TestSchedule:
    @pytest.mark.parametrize(
        ("expression", "seconds", "daily"),
        [
            ("rate(1 hour)", 3600.0, None),
            ("cron(0 7 * * ? *)", 86400.0, 25200.0),
            ("cron(59 23 * * ? *)", 86400.0, 86340.0),
        ],
    )
    def test_at_a_rate_or_once_a_day(self, expression: str, seconds: float, daily: float | None) -> None:
        function: Any = object()
        assert schedule(function, expression) == Schedule(function, seconds, daily)

    @pytest.mark.parametrize(
        "expression",
        ["cron(0 7 * * 2 *)", "cron(0 7 ? * MON *)", "cron(0/5 * * * ? *)", "cron(60 7 * * ? *)", "cron(0 24 * * ? *)"],
    )
    def test_refuses_any_other_cron(self, expression: str) -> None:
        with pytest.raises(DeploymentError, match="does not run the schedule"):
            schedule(object(), expression)  # type: ignore[arg-type]


QUEUES = {name: one["Properties"] for name, one in RESOURCES.items() if one.get("Type") == "AWS::SQS::Queue"}
EMPTIED = {
    "AlertQueue": "alert", "EnrichQueue": "enrich", "LedgerQueue": "ledger", "SlackQueue": "notify",
    "PagerDutyQueue": "notify_pagerduty", "EmailQueue": "notify_email",
}  # fmt: skip
FUNCTION = TEMPLATE["Globals"]["Function"]


class TestResources:
    def test_the_journal_outlives_the_stack_and_can_be_restored(self) -> None:
        journal = RESOURCES["Journal"]
        assert (journal["DeletionPolicy"], journal["UpdateReplacePolicy"]) == ("Retain", "Retain")
        properties = journal["Properties"]
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["DeletionProtectionEnabled"] is True

    @pytest.mark.parametrize("name", QUEUES)
    def test_every_queue_is_encrypted(self, name: str) -> None:
        assert QUEUES[name].get("SqsManagedSseEnabled") is True or QUEUES[name].get("KmsMasterKeyId")

    def test_the_outbox_keeps_order_and_what_cannot_be_told(self) -> None:
        outbox = QUEUES["SlackQueue"]
        assert outbox["FifoQueue"] is True
        assert outbox["QueueName"]["Fn::Sub"].endswith(".fifo")
        redrive = outbox["RedrivePolicy"]
        assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": ["SlackDeadLetters", "Arn"]}
        assert 3 <= redrive["maxReceiveCount"] <= 1000
        dead = QUEUES["SlackDeadLetters"]
        assert dead["FifoQueue"] is True, "the dead letters of a FIFO queue are FIFO"
        assert dead["MessageRetentionPeriod"] > outbox["MessageRetentionPeriod"], "their clock does not start anew"

    @pytest.mark.parametrize(("name", "function"), EMPTIED.items())
    def test_a_message_in_hand_is_not_handed_out_again(self, name: str, function: str) -> None:
        timeout = CONFIG["lambda_functions"][function].get("lambda_timeout", CONFIG["lambda_timeout"])
        assert QUEUES[name]["VisibilityTimeout"] >= 2 * timeout

    @pytest.mark.parametrize("name", ["SlackQueue", "PagerDutyQueue", "EmailQueue"])
    def test_a_page_waits_a_minute_for_the_next_try_and_outlasts_an_hour_without_the_channel(self, name: str) -> None:
        assert QUEUES[name]["VisibilityTimeout"] == 60
        assert QUEUES[name]["RedrivePolicy"]["maxReceiveCount"] * 60 > 1.5 * 3600

    def test_notify_may_fail_for_some_of_a_batch(self) -> None:
        [source] = RESOURCES["Notify"]["Properties"]["Events"].values()
        assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

    @pytest.mark.parametrize("name", [name for name in ASYNCHRONOUS if name != "failures"])
    def test_what_a_function_gives_up_on_is_told(self, name: str) -> None:
        assert RESOURCES[camel(name)]["Properties"]["EventInvokeConfig"] == {
            "MaximumEventAgeInSeconds": 21600,
            "MaximumRetryAttempts": 2,
            "DestinationConfig": {"OnFailure": {"Type": "SNS", "Destination": {"Ref": "FailuresTopic"}}},
        }
        assert ("sns:Publish", {"Ref": "FailuresTopic"}) in _granted(name)

    def test_what_failures_gives_up_on_does_not_come_back_to_it(self) -> None:
        own = RESOURCES["Failures"]["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
        dead_letters = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
        assert own == {"Type": "SQS", "Destination": dead_letters}
        assert ("sqs:SendMessage", dead_letters) in _granted("failures")
        assert not any(action == "sns:Publish" for action, _ in _granted("failures"))

    def test_every_failed_event_is_kept(self) -> None:
        subscription = RESOURCES["DeadLettersSubscription"]["Properties"]
        assert subscription["TopicArn"] == {"Ref": "FailuresTopic"}
        assert subscription["Endpoint"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}
        assert subscription["RawMessageDelivery"] is True
        assert QUEUES["DeadLetters"]["MessageRetentionPeriod"] == 14 * 86400
        policy = RESOURCES["DeadLettersPolicy"]["Properties"]
        [statement] = policy["PolicyDocument"]["Statement"]
        assert policy["Queues"] == [{"Ref": "DeadLetters"}]
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "FailuresTopic"}}}

    def test_every_variable_is_something_that_is_there(self) -> None:
        for value in FUNCTION["Environment"]["Variables"].values():
            assert value["Ref"] in {*TEMPLATE["Parameters"], *RESOURCES}


def _granted(name: str) -> list[tuple[str, Any]]:
    statements = json.loads((CHALICE / "policies" / f"{name}.json").read_text("utf-8"))["Statement"]
    return [(action, statement["Resource"]) for statement in statements for action in statement["Action"]]
