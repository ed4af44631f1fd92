"""Services whose limits all have to be looked up, standing in an account, and all that the API asks about them."""

from __future__ import annotations

import functools
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from chalicelib import registry, settings, wiring
from chalicelib.api import services as module
from chalicelib.services import golden, watch
from chalicelib.services.model import Service
from local import seams
from local.cloudwatch import api as cloudwatch
from local.cloudwatch import keeping
from local.cloudwatch.clock import Clock
from local.cloudwatch.store import Metric
from tests.account import TABLE, TestAccount
from tests.api.client import Api
from tests.guardrails import test_lambda_alias_failing as functions
from tests.samples import ACCOUNT, REGION

# Of every kind whose limits AWS is asked for, one.
SERVICES = """
[[services]]
name = "shop"
entry = { kind = "lambda_function", function = "checkout" }
dependencies = [
    { kind = "rds", instance = "shop" },
    { kind = "aurora", cluster = "orders" },
    { kind = "dynamodb", table = "carts", operations = ["GetItem"] },
    { kind = "autoscaling", group = "web" },
]
"""


@functools.cache
def services() -> tuple[Service, ...]:
    """They, as the settings have them."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "parapet.toml"
        file.write_text(SERVICES, "utf-8")
        return settings.load({"PARAPET_SETTINGS": str(file)}, registry.names(), ()).services


def stand(account: TestAccount) -> None:
    """Make what they are made of: parameter groups of their own, so that there is something to look up."""
    seams.account_settings()
    functions.build(account)
    rds, family = account.client("rds"), "aurora-postgresql16"
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres16", Description="x")
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="ours", DBParameterGroupFamily=family, Description="x"
    )
    rds.create_db_instance(
        DBInstanceIdentifier="shop", Engine="postgres", DBInstanceClass="db.t3.medium", AllocatedStorage=20,
        DBParameterGroupName="own", MasterUsername="shop", MasterUserPassword="synthetic-password-1",
    )  # fmt: skip
    rds.create_db_cluster(
        DBClusterIdentifier="orders", Engine="aurora-postgresql", DBClusterParameterGroupName="ours",
        MasterUsername="orders", MasterUserPassword="synthetic-password-1",
    )  # fmt: skip
    rds.create_db_instance(
        DBInstanceIdentifier="orders-1", DBClusterIdentifier="orders", Engine="aurora-postgresql",
        DBInstanceClass="db.r5.large",
    )  # fmt: skip
    account.client("dynamodb").create_table(
        TableName="carts", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    launch = account.client("autoscaling")
    launch.create_launch_configuration(LaunchConfigurationName="web", ImageId="ami-12345678", InstanceType="t3.small")
    launch.create_auto_scaling_group(
        AutoScalingGroupName="web", LaunchConfigurationName="web", MinSize=0, MaxSize=4, DesiredCapacity=0,
        AvailabilityZones=[f"{REGION}a"],
    )  # fmt: skip
    for _, gauge in golden.gauges(services()[0]):
        kept = Metric.of(gauge.metric.namespace, gauge.metric.name, dict(gauge.metric.dimensions))
        cloudwatch.store(ACCOUNT, REGION).put(kept, account.clock() - 400, (1.0,))
    account.client("cloudwatch").put_metric_alarm(
        AlarmName="disk-full", Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1.0, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip


def play(account: TestAccount) -> dict[str, float]:
    """Ask all that there is to ask; returns what is full, as it was found, by what it is of."""
    account.set(services=services())
    before = list(wiring._given)
    with (
        pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder, keeping.plugged(),
        cloudwatch.plugged(Clock(wall=account.clock)),
    ):  # fmt: skip
        file = Path(folder) / "parapet.toml"
        file.write_text(SERVICES, "utf-8")
        for name, value in {
            "AWS_REGION": REGION, "PARAPET_TABLE": TABLE, "PARAPET_STAGE": "test", "PARAPET_SETTINGS": str(file),
        }.items():  # fmt: skip
            patch.setenv(name, value)
        patient(patch)
        wiring.use(account.functions)
        forget()
        stand(account)
        api = Api(account)
        found = api.get("/v1/services/shop/golden")
        for path in ("/v1/services", "/v1/slos", "/v1/alarms", "/v1/alarms/disk-full/history", "/v1/remediations"):
            api.get(path)
        forget()
    wiring._given[:] = before
    gauges = found["saturation"]["gauges"]
    return {f"{one['of']}: {one['label']}": one["full"] for one in gauges if one["full"] is not None}


def patient(patch: pytest.MonkeyPatch) -> None:
    """Wait for limits however slow the machine is."""
    patch.setattr(watch, "PATIENCE", 60.0)


def forget() -> None:
    """Have the API look at an account for the first time."""
    module.watch.cache_clear()
    module.alarms.cache_clear()
