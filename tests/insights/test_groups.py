from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.insights import groups
from chalicelib.insights.groups import NoGroups
from chalicelib.insights.price import Group
from chalicelib.model import AwsError, ParapetError
from chalicelib.services.model import Service, Target
from tests.insights.logs import Logs, group
from tests.insights.logs import groups as empty
from tests.samples import ACCOUNT, REGION

ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"


def names(found: tuple[Group, ...]) -> list[str]:
    return [one.name for one in found]


class TestByName:
    def test_are_exactly_these(self) -> None:
        logs = Logs(groups=[*empty(["/ecs/shop-web", "/ecs/other"]), group("/ecs/shop", 4096, 100.5, 30)])
        assert groups.named(logs, ["/ecs/shop"]) == (Group("/ecs/shop", 4096.0, 100.5, 30),)

    def test_may_begin_alike(self) -> None:
        logs = Logs(groups=empty(["/ecs/shop", "/ecs/shop-web", "/aws/lambda/a"]))
        assert names(groups.named(logs, ["/ecs/*", "/ecs/shop"])) == ["/ecs/shop", "/ecs/shop-web"]

    def test_may_be_all(self) -> None:
        assert names(groups.named(Logs(groups=empty(["/ecs/shop", "/a"])), ["*"])) == ["/ecs/shop", "/a"]

    @pytest.mark.parametrize("name", ["/nowhere", "/nowhere*"])
    def test_must_be_there(self, name: str) -> None:
        with pytest.raises(NoGroups, match=rf"there is no log group {name.replace('*', '.')} in eu-west-1"):
            groups.named(Logs(), [name])

    def test_are_fifty_at_most(self) -> None:
        logs = Logs(groups=empty(f"/ecs/{number:02}" for number in range(51)))
        with pytest.raises(ParapetError, match="these are 51 log groups, and a query reads 50"):
            groups.named(logs, ["/ecs/*"])
        assert len(groups.named(Logs(groups=logs.groups[:50]), ["/ecs/*"])) == 50


class TestByTag:
    FOUND: Mapping[str, Any] = {
        "ResourceTagMappingList": [{"ResourceARN": f"{ARN}/ecs/b"}, {"ResourceARN": f"{ARN}/ecs/a:*"}]
    }

    @pytest.mark.parametrize(
        ("tag", "asked"),
        [("team=payments", {"Key": "team", "Values": ["payments"]}), ("team", {"Key": "team"})],
    )
    def test_are_asked_for(self, tag: str, asked: object) -> None:
        logs = Logs(groups=empty(["/ecs/a", "/ecs/b"]), answers={"resourcegroupstaggingapi:get_resources": self.FOUND})
        assert names(groups.tagged(logs, tag)) == ["/ecs/a", "/ecs/b"]
        [params] = logs.made("resourcegroupstaggingapi:get_resources")
        assert params == {"ResourceTypeFilters": ["logs:log-group"], "TagFilters": [asked]}

    def test_must_be_some(self) -> None:
        logs = Logs(answers={"resourcegroupstaggingapi:get_resources": {"ResourceTagMappingList": []}})
        with pytest.raises(NoGroups, match="no log group in eu-west-1 has the tag team=payments"):
            groups.tagged(logs, "team=payments")


class TestOfAService:
    FUNCTION = Target("lambda_function", {"function": "cart"})
    QUEUE = Target("sqs", {"queue": "jobs", "function": "worker"})
    TASK = Target("ecs", {"cluster": "main", "service": "web"})

    def test_are_those_of_its_functions(self) -> None:
        logs = Logs(
            groups=empty(["/aws/lambda/cart", "/aws/lambda/worker"]),
            answers={"lambda:get_function_configuration": {}},
        )
        service = Service("cart", self.FUNCTION, (self.QUEUE, Target("sqs", {"queue": "other"})))
        for kind in ("app", "lambda"):
            assert names(groups.of_service(logs, service, [kind])) == ["/aws/lambda/cart", "/aws/lambda/worker"]

    def test_are_where_a_function_says(self) -> None:
        told = {"LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/shop/functions"}}
        logs = Logs(groups=empty(["/shop/functions"]), answers={"lambda:get_function_configuration": told})
        assert names(groups.of_service(logs, Service("cart", self.FUNCTION), ["lambda"])) == ["/shop/functions"]

    def test_of_a_function_that_is_gone_are_still_read(self) -> None:
        gone = AwsError("lambda:GetFunctionConfiguration", "ResourceNotFoundException", "Function not found")
        logs = Logs(groups=empty(["/aws/lambda/cart"]), answers={"lambda:get_function_configuration": gone})
        assert names(groups.of_service(logs, Service("cart", self.FUNCTION), ["lambda"])) == ["/aws/lambda/cart"]

    def test_that_aws_denies_to_look_up_are_an_error(self) -> None:
        denied = AwsError("lambda:GetFunctionConfiguration", "AccessDeniedException", "no")
        with pytest.raises(AwsError):
            groups.of_service(
                Logs(answers={"lambda:get_function_configuration": denied}), Service("c", self.FUNCTION), ["lambda"]
            )

    def test_are_those_of_its_containers(self) -> None:
        containers = [
            {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web"}}},
            {"logConfiguration": {"logDriver": "awsfirelens", "options": {}}},
            {},
        ]
        logs = Logs(
            groups=empty(["/ecs/web"]),
            answers={
                "ecs:describe_services": {"services": [{"taskDefinition": "web:7"}]},
                "ecs:describe_task_definition": {"taskDefinition": {"containerDefinitions": containers}},
            },
        )
        assert names(groups.of_service(logs, Service("web", self.TASK), ["app"])) == ["/ecs/web"]
        assert logs.made("ecs:describe_services") == [{"cluster": "main", "services": ["web"]}]

    def test_are_what_the_settings_say_first_of_all(self) -> None:
        logs = Logs(groups=empty(["/elsewhere", "/alb/shop"]))
        service = Service("cart", self.FUNCTION, logs={"app": ("/elsewhere",), "alb": ("/alb/*",)})
        assert names(groups.of_service(logs, service, ["app", "alb"])) == ["/elsewhere", "/alb/shop"]
        assert not logs.made("lambda:get_function_configuration")

    def test_elsewhere_are_left_out(self) -> None:
        there = [Target("lambda_function", {"function": "far"}, region="us-east-1")]
        there.append(Target("lambda_function", {"function": "other"}, account="210987654321"))
        logs = Logs()
        with pytest.raises(NoGroups, match="nobody knows where far has its logs"):
            groups.of_service(logs, Service("far", there[0], (there[1],)), ["app"])
        assert logs.calls == []

    def test_that_nobody_knows_are_an_error_that_says_how_to_name_them(self) -> None:
        with pytest.raises(NoGroups, match=r'logs = \{ alb = \["/a/log-group"\] \}'):
            groups.of_service(Logs(), Service("shop", Target("alb", {"load_balancer": "app/shop/50dc"})), ["alb"])

    def test_that_never_ran_are_left_out(self) -> None:
        logs = Logs(groups=empty(["/aws/lambda/worker"]), answers={"lambda:get_function_configuration": {}})
        service = Service("cart", self.FUNCTION, (self.QUEUE,))
        assert names(groups.of_service(logs, service, ["lambda"])) == ["/aws/lambda/worker"]

    def test_of_which_none_ever_ran_are_named(self) -> None:
        logs = Logs(answers={"lambda:get_function_configuration": {}})
        with pytest.raises(NoGroups, match="there is no log group /aws/lambda/cart in eu-west-1: nothing has run"):
            groups.of_service(logs, Service("cart", self.FUNCTION), ["lambda"])

    def test_that_the_settings_name_must_be_there(self) -> None:
        logs = Logs(groups=empty(["/elsewhere"]))
        with pytest.raises(NoGroups, match="there is no log group /elsewher in"):
            groups.of_service(logs, Service("cart", self.FUNCTION, logs={"app": ("/elsewhere", "/elsewher")}), ["app"])


class TestOfTheAccount:
    TRAIL = f"{ARN}trail:*"

    def test_are_where_flow_logs_go(self) -> None:
        flows = {"FlowLogs": [{"LogGroupName": "/vpc"}, {"LogDestinationType": "s3"}, {"LogGroupName": "/vpc"}]}
        logs = Logs(groups=empty(["/vpc"]), answers={"ec2:describe_flow_logs": flows})
        assert names(groups.of_account(logs, "vpc", {})) == ["/vpc"]

    @pytest.mark.parametrize("account", [ACCOUNT, ""])
    def test_are_where_a_trail_goes(self, account: str) -> None:
        trails = [
            {"CloudWatchLogsLogGroupArn": self.TRAIL},
            {"CloudWatchLogsLogGroupArn": self.TRAIL.replace(REGION, "us-east-1")},
            {"Name": "to S3 alone"},
        ]
        logs = Logs(
            account=account, groups=empty(["trail"]), answers={"cloudtrail:describe_trails": {"trailList": trails}}
        )
        assert names(groups.of_account(logs, "cloudtrail", {})) == ["trail"]

    def test_of_another_account_cannot_be_read(self) -> None:
        trails = [{"CloudWatchLogsLogGroupArn": self.TRAIL.replace(ACCOUNT, "210987654321")}]
        logs = Logs(answers={"cloudtrail:describe_trails": {"trailList": trails}})
        with pytest.raises(NoGroups, match=r"no trail of CloudTrail.*logs = \{ cloudtrail ="):
            groups.of_account(logs, "cloudtrail", {})

    def test_are_what_the_settings_say_first_of_all(self) -> None:
        logs = Logs(groups=empty(["/flows/a", "/flows/b"]))
        assert names(groups.of_account(logs, "vpc", {"vpc": ("/flows/*",)})) == ["/flows/a", "/flows/b"]
        assert [name for name, _ in logs.calls] == ["logs:describe_log_groups"]


def test_what_arrived_is_asked_of_cloudwatch() -> None:
    logs = Logs(incoming={"/a": 500.0})
    found = groups.incoming(logs, [Group("/a"), Group("/b")], 1000.0, 4000.0)
    assert found == {"/a": 500.0}
    [params] = logs.made("cloudwatch:get_metric_data")
    assert (params["StartTime"], params["EndTime"]) == (900.0, 4000.0)
    stat = params["MetricDataQueries"][1]["MetricStat"]
    assert stat == {
        "Metric": {
            "Namespace": "AWS/Logs", "MetricName": "IncomingBytes",
            "Dimensions": [{"Name": "LogGroupName", "Value": "/b"}],
        },
        "Period": 300,
        "Stat": "Sum",
    }  # fmt: skip


def test_over_more_than_a_day_it_is_asked_by_the_hour() -> None:
    logs = Logs()
    groups.incoming(logs, [Group("/a")], 0.0, 90_000.0)
    assert logs.made("cloudwatch:get_metric_data")[0]["MetricDataQueries"][0]["MetricStat"]["Period"] == 3600
