"""The systems' resources are there: the settings load with their ids, they are tagged, and tell their limits."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from string import Template
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from chalicelib.section import Section
from chalicelib.services import chosen, kinds
from chalicelib.services.model import Measures, Metric
from local.account import SERVICES
from local.inside import clients
from local.systems import SYSTEMS, deploying, resources
from local.systems.writing import metric_of

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Callable[[str], Any], dict[str, str]]]:
    with mock_aws():
        session = boto3.Session("AKIALOCALINSTALL0000", "local", region_name="eu-west-1")
        client = clients(DomainDispatcherApplication(create_backend_app), session)
        yield client, resources.create(client, ACCOUNT)


def declared(ids: dict[str, str]) -> Any:
    text = Template(SERVICES.read_text("utf-8")).substitute(ids)
    sections = [Section("services.toml", f"services[{one['name']}]", one) for one in tomllib.loads(text)["services"]]
    return chosen.read(sections)


def test_every_system_is_declared_and_can_be_measured(made: Any) -> None:
    """Whatever a kind measures is written by the systems, or is one of the counters that well systems do not have."""
    _, ids = made
    services = declared(ids)
    assert [one.name for one in services] == list(SYSTEMS)
    lacking = set()
    for service in services:
        written = {metric_of(one, ids) for one in SYSTEMS[service.name].series}
        names = {(one.namespace, one.name, one.dimensions) for one in written}
        for target in service.targets:
            for metric in _metrics(kinds.measures(target)):
                if (metric.namespace, metric.name, tuple(sorted(metric.dimensions))) not in names:
                    lacking.add((metric.namespace, metric.name))
    assert lacking == {
        # Published only when it happens, and it never does here.
        ("AWS/ApplicationELB", "RejectedConnectionCount"), ("AWS/ApplicationELB", "TargetConnectionErrorCount"),
        ("AWS/DynamoDB", "SystemErrors"), ("AWS/DynamoDB", "ReadThrottleEvents"),
        ("AWS/DynamoDB", "WriteThrottleEvents"), ("AWS/Lambda", "AsyncEventsDropped"),
        ("AWS/Lambda", "DeadLetterErrors"), ("AWS/Cognito", "SignInThrottles"),
        ("AWS/SNS", "NumberOfNotificationsFailed"), ("AWS/SNS", "NumberOfNotificationsRedrivenToDlq"),
    }  # fmt: skip


def _metrics(measures: Measures) -> Iterator[Metric]:
    if measures.availability:
        for name in measures.availability.__dataclass_fields__:
            found = getattr(measures.availability, name)
            yield from found if isinstance(found, tuple) else (found,)
    if measures.latency:
        yield measures.latency.metric
    for gauge in measures.gauges:
        yield gauge.metric
        if isinstance(gauge.full, Metric):
            yield gauge.full


def test_every_series_has_its_resource(made: Any) -> None:
    _, ids = made
    for system in SYSTEMS.values():
        for series in system.series:
            assert all(value and "$" not in value.replace("$default", "") for _, value in series.resolved(ids))


def test_resources_carry_the_name_of_their_system(made: Any) -> None:
    client, ids = made
    tags = client("elbv2").describe_tags(ResourceArns=[ids["shop_alb_arn"]])["TagDescriptions"][0]["Tags"]
    assert tags == [{"Key": "service", "Value": "shop"}]
    listed = client("rds").describe_db_instances()["DBInstances"]
    assert {one["DBInstanceIdentifier"]: one["TagList"][0]["Value"] for one in listed} == {
        "shop-db": "shop", "images-db": "images", "saas-db-1": "saas",
    }  # fmt: skip
    assert client("lambda").list_tags(Resource=f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:images-resize")[
        "Tags"
    ] == {"service": "images"}


def test_limits_can_be_asked_for(made: Any) -> None:
    client, ids = made
    found = client("rds").describe_db_parameters(DBParameterGroupName="shop-db")["Parameters"]
    assert [one["ParameterValue"] for one in found if one["ParameterName"] == "max_connections"] == ["200"]
    group = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["shop-web"])
    instances = [one["InstanceId"] for one in group["AutoScalingGroups"][0]["Instances"]]
    assert instances == [ids[f"shop_i{number}"] for number in (1, 2, 3)]
    described = client("ec2").describe_instances(InstanceIds=instances)["Reservations"]
    assert {one["MetadataOptions"]["HttpTokens"] for each in described for one in each["Instances"]} == {"required"}
    assert client("lambda").get_function_configuration(FunctionName="saas-api")["Timeout"] == 10
    assert ids["shop_cdn"].startswith("E")
    assert client("cloudfront").get_distribution(Id=ids["shop_cdn"])["Distribution"]["Id"] == ids["shop_cdn"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_deployed_is_what_runs(made: Any, system: str) -> None:
    client, _ = made
    before = deploying.deployed(client, system)
    deploying.deploy(client, system, "42")
    after = deploying.deployed(client, system)
    assert "" not in (before, after)
    assert before != after


def test_what_was_deleted_runs_nothing(made: Any) -> None:
    client, _ = made
    client("lambda").delete_function(FunctionName="images-resize")
    assert deploying.deployed(client, "images") == ""
