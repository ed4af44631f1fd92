"""What is full: where each number is from, and what there is instead where nobody tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from chalicelib.model import AwsError
from chalicelib.services import kinds, limits
from chalicelib.services.limits import ABOUT, ACTIONS, FINDERS, GIB, Limit
from chalicelib.services.model import Service, Sought, Target
from chalicelib.settings import Settings
from deploy import actions, rights

TYPES = {
    "t3.medium": 4096,
    "t4g.medium": 4096,
    "m6g.large": 8192,
    "t2.small": 2048,
    "r4.large": 15616,
    "m5.xlarge": 16384,
}


class Account:
    """An account that answers from a table, by operation, and remembers what it was asked."""

    account, region = "123456789012", "eu-west-1"

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, service: str, operation: str, /, *, absent: Sequence[str] = (), **params: Any) -> dict[str, Any]:
        self.asked.append(operation)
        if operation == "describe_instance_types":
            [name] = params["InstanceTypes"]
            found = [{"InstanceType": name, "MemoryInfo": {"SizeInMiB": TYPES[name]}}] if name in TYPES else []
            return {"InstanceTypes": found}
        answer = self.answers[operation]
        if isinstance(answer, AwsError):
            if answer.code in absent:
                return {}
            raise answer
        return dict(answer(**params) if callable(answer) else answer)

    def all(self, service: str, operation: str, key: str, /, **params: Any) -> list[Any]:
        return list(self(service, operation, **params)[key])


def find(aws: Account, kind: str, what: str, **given: Any) -> Limit:
    target = Target(kind, given)
    return limits.find(aws, target, kinds.sought(target, what))


def instance(engine: str, class_: str, group: str = "default.any", name: str = "shop") -> Mapping[str, Any]:
    return {
        "DBInstanceIdentifier": name, "Engine": engine, "DBInstanceClass": f"db.{class_}", "AllocatedStorage": 100,
        "DBParameterGroups": [{"DBParameterGroupName": group}],
    }  # fmt: skip


def database(engine: str, class_: str, group: str = "default.any", set_: str = "") -> Account:
    said = [{"ParameterName": "max_connections", "ParameterValue": set_}] if set_ else []
    return Account(
        describe_db_instances={"DBInstances": [instance(engine, class_, group)]},
        describe_db_parameters={"Parameters": [{"ParameterName": "autovacuum", "ParameterValue": "1"}, *said]},
    )


class TestDatabaseConnections:
    def test_the_settings_go_first_and_ask_nobody(self) -> None:
        aws = Account()
        assert find(aws, "rds", "max_connections", instance="shop", max_connections=413) == Limit(413, "parapet.toml")
        assert aws.asked == []

    def test_a_number_in_the_parameter_group(self) -> None:
        aws = database("postgres", "t3.medium", "shop-pg15", "300")
        assert find(aws, "rds", "max_connections", instance="shop") == Limit(300, "parameter group shop-pg15")

    # PostgreSQL's `show max_connections` on instances of these classes.
    @pytest.mark.parametrize(
        ("class_", "measured"), [("t2.small", 198), ("t3.medium", 413), ("m6g.large", 856), ("r4.large", 1660)]
    )
    def test_the_formula_is_near_what_was_measured(self, class_: str, measured: int) -> None:
        found = find(database("postgres", class_), "rds", "max_connections", instance="shop")
        assert found.value == pytest.approx(measured, rel=0.01)
        assert found.source == f"formula of postgres for db.{class_}, about ±5 %"
        assert found.uncertainty == ABOUT

    def test_mysql_has_another_formula(self) -> None:
        # AWS's documentation: about 1,300 with 16 GiB.
        found = find(database("mysql", "m5.xlarge"), "rds", "max_connections", instance="shop")
        assert found.value == pytest.approx(1300, rel=ABOUT)

    def test_the_default_group_is_not_read_for_it_cannot_be_changed(self) -> None:
        aws = database("postgres", "t3.medium", "default.postgres16")
        find(aws, "rds", "max_connections", instance="shop")
        assert "describe_db_parameters" not in aws.asked

    def test_a_group_that_leaves_it_alone(self) -> None:
        found = find(database("postgres", "t3.medium", "shop-pg15"), "rds", "max_connections", instance="shop")
        assert found.source.startswith("formula of postgres")

    def test_a_formula_of_somebody_s_own(self) -> None:
        aws = database("postgres", "t3.medium", "shop-pg15", "LEAST({DBInstanceClassMemory/19062784}, 5000)")
        found = find(aws, "rds", "max_connections", instance="shop")
        assert found.value == pytest.approx(413 / 2, abs=1)
        assert found.source == "parameter group shop-pg15, its formula for db.t3.medium, about ±5 %"

    def test_a_formula_that_nobody_can_work_out(self) -> None:
        formula = "GREATEST({log(DBInstanceClassMemory/805306368)*45},100)"
        found = find(database("mysql", "t3.medium", "mine", formula), "rds", "max_connections", instance="shop")
        assert found == Limit(None, f"parameter group mine has {formula}: say what that is as max_connections")

    def test_a_class_that_ec2_does_not_have(self) -> None:
        found = find(database("postgres", "z9.huge"), "rds", "max_connections", instance="shop")
        assert found == Limit(None, "the memory of db.z9.huge is not known: say max_connections")

    def test_an_engine_without_a_formula(self) -> None:
        found = find(database("oracle-ee", "t3.medium"), "rds", "max_connections", instance="shop")
        assert found == Limit(None, "nothing tells it of oracle-ee: say it as max_connections")

    def test_no_such_instance(self) -> None:
        aws = Account(describe_db_instances=AwsError("rds:DescribeDBInstances", "DBInstanceNotFound", "no"))
        for what in ("max_connections", "memory", "storage"):
            assert find(aws, "rds", what, instance="gone") == Limit(None, "there is no database instance gone")


def test_memory_and_storage_are_bytes() -> None:
    aws = database("postgres", "t3.medium")
    assert find(aws, "rds", "memory", instance="shop") == Limit(4 * GIB, "memory of db.t3.medium")
    assert find(aws, "rds", "storage", instance="shop") == Limit(100 * GIB, "100 GiB allocated")
    assert find(aws, "rds", "memory", instance="shop", memory=8) == Limit(8 * GIB, "parapet.toml")


def cluster(engine: str, classes: Mapping[str, tuple[str, bool]], most: float = 0, set_: str = "") -> Account:
    """An Aurora cluster: the class of each instance, and whether it writes."""
    named = {name: instance(engine, class_, name=name) for name, (class_, _) in classes.items()}
    scaling = {"ServerlessV2ScalingConfiguration": {"MaxCapacity": most}} if most else {}
    members = [{"DBInstanceIdentifier": name, "IsClusterWriter": writes} for name, (_, writes) in classes.items()]
    said = [{"ParameterName": "max_connections", "ParameterValue": set_}] if set_ else []
    return Account(
        describe_db_clusters={
            "DBClusters": [{"DBClusterMembers": members, "DBClusterParameterGroup": "saas-cluster", **scaling}]
        },
        describe_db_cluster_parameters={"Parameters": said},
        describe_db_instances=lambda **asked: {"DBInstances": [named[asked["DBInstanceIdentifier"]]]},
    )


class TestAuroraConnections:
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Managing.Performance.html
    @pytest.mark.parametrize(
        ("class_", "most"),
        [("t3.small", 45), ("t4g.large", 135), ("r6g.large", 1000), ("r5.2xlarge", 3000), ("r5.24xlarge", 7000)],
    )
    def test_mysql_has_a_table(self, class_: str, most: int) -> None:
        found = find(cluster("aurora-mysql", {"a": (class_, True)}), "aurora", "max_connections", cluster="saas")
        assert found == Limit(most, f"Aurora's table for db.{class_}")

    def test_a_class_that_is_not_in_it(self) -> None:
        aws = cluster("aurora-mysql", {"a": ("t9.small", True)})
        assert find(aws, "aurora", "max_connections", cluster="saas").value is None

    def test_postgres_has_the_formula(self) -> None:
        aws = cluster("aurora-postgresql", {"a": ("t3.medium", True)})
        assert find(aws, "aurora", "max_connections", cluster="saas").value == pytest.approx(413, rel=0.01)

    def test_the_cluster_s_group_counts_where_the_instance_s_says_nothing(self) -> None:
        aws = cluster("aurora-postgresql", {"a": ("t3.medium", True)}, set_="700")
        found = find(aws, "aurora", "max_connections", cluster="saas")
        assert found == Limit(700, "parameter group saas-cluster")

    def test_the_smallest_of_the_role_counts(self) -> None:
        aws = cluster("aurora-mysql", {"w": ("r5.large", True), "a": ("r5.xlarge", False), "b": ("t3.small", False)})
        assert find(aws, "aurora", "max_connections", cluster="saas").value == 1000
        assert find(aws, "aurora", "max_connections", cluster="saas", role="READER").value == 45

    def test_nobody_in_the_role(self) -> None:
        aws = cluster("aurora-mysql", {"w": ("r5.large", True)})
        found = find(aws, "aurora", "max_connections", cluster="saas", role="READER")
        assert found == Limit(None, "no instance in the cluster has that role")

    def test_serverless_follows_its_largest_capacity(self) -> None:
        mysql = cluster("aurora-mysql", {"w": ("serverless", True)}, most=16)
        postgres = cluster("aurora-postgresql", {"w": ("serverless", True)}, most=16)
        found = find(mysql, "aurora", "max_connections", cluster="saas")
        assert found == Limit(2000, "Aurora's table for 16 ACU")
        assert find(mysql, "aurora", "memory", cluster="saas") == Limit(32 * GIB, "16 ACU at most")
        # AWS's table has 3,360.
        assert find(postgres, "aurora", "max_connections", cluster="saas").value == pytest.approx(3360, rel=ABOUT)

    def test_no_such_cluster(self) -> None:
        aws = Account(describe_db_clusters=AwsError("rds:DescribeDBClusters", "DBClusterNotFoundFault", "no"))
        found = find(aws, "aurora", "memory", cluster="gone")
        assert found == Limit(None, "there is no cluster gone")


class TestLambda:
    def test_what_is_reserved(self) -> None:
        aws = Account(get_function_concurrency={"ReservedConcurrentExecutions": 50})
        assert find(aws, "lambda_function", "concurrency", function="checkout") == Limit(50, "reserved for it")

    def test_what_all_others_share(self) -> None:
        aws = Account(
            get_function_concurrency={},
            get_account_settings={
                "AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}
            },
        )
        found = find(aws, "lambda_function", "concurrency", function="checkout")
        assert found == Limit(900, "what all functions without a reservation share")

    def test_its_timeout(self) -> None:
        aws = Account(get_function_configuration=lambda **asked: {"Timeout": 10 if asked.get("Qualifier") else 3})
        assert find(aws, "lambda_function", "timeout", function="checkout").value == 3
        assert find(aws, "lambda_function", "timeout", function="checkout", alias="live") == Limit(10, "its timeout")


class TestDynamoDb:
    def test_what_is_provisioned(self) -> None:
        table = {"ProvisionedThroughput": {"ReadCapacityUnits": 110, "WriteCapacityUnits": 5}}
        aws = Account(describe_table={"Table": table})
        assert find(aws, "dynamodb", "read_capacity", table="orders") == Limit(110, "provisioned, a second")
        assert find(aws, "dynamodb", "write_capacity", table="orders").value == 5

    def test_on_demand_as_much_as_the_account_allows(self) -> None:
        table = {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}
        every = {"TableMaxReadCapacityUnits": 40_000, "TableMaxWriteCapacityUnits": 40_000}
        aws = Account(describe_table={"Table": table}, describe_limits=every)
        found = find(aws, "dynamodb", "read_capacity", table="orders")
        assert found == Limit(40_000, "the account's limit for a table, a second")

    def test_on_demand_up_to_somebody_s_own_bound(self) -> None:
        bound = {"MaxReadRequestUnits": 500, "MaxWriteRequestUnits": -1}
        table = {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}, "OnDemandThroughput": bound}
        aws = Account(describe_table={"Table": table})
        assert find(aws, "dynamodb", "read_capacity", table="orders").value == 500


def test_a_group_s_largest_size() -> None:
    aws = Account(describe_auto_scaling_groups={"AutoScalingGroups": [{"MinSize": 2, "MaxSize": 6}]})
    assert find(aws, "autoscaling", "size", group="web") == Limit(6, "its largest size")
    aws = Account(describe_auto_scaling_groups={"AutoScalingGroups": [{"MinSize": 6, "MaxSize": 6}]})
    assert find(aws, "autoscaling", "size", group="web") == Limit(None, "its size is fixed", unbounded=True)
    aws = Account(describe_auto_scaling_groups={"AutoScalingGroups": []})
    assert find(aws, "autoscaling", "size", group="web") == Limit(None, "there is no group web")


def test_what_aws_fixes_itself() -> None:
    assert find(Account(), "elasticache", "max_connections", node="a").value == 65_000
    assert find(Account(), "api_rest", "requests", api="a", stage="b").value == 10_000
    assert find(Account(), "api_http", "requests", api="a", stage="b", requests=2000).value == 2000


def test_what_aws_denies_is_told_with_its_action() -> None:
    denied = AwsError("rds:DescribeDBInstances", "AccessDenied", "not you")
    found = find(Account(describe_db_instances=denied), "rds", "max_connections", instance="shop")
    assert found == Limit(None, denied="AWS denies rds:DescribeDBInstances")


def test_what_aws_does_not_answer_is_told_too() -> None:
    slow = AwsError("rds:DescribeDBInstances", "Throttling", "Rate exceeded")
    found = find(Account(describe_db_instances=slow), "rds", "storage", instance="shop")
    assert found == Limit(None, "AWS answered rds:DescribeDBInstances with Throttling")


def test_an_answer_of_a_shape_that_nobody_thought_of_is_a_defect_of_ours_and_fails_nothing_else() -> None:
    odd = Account(describe_db_instances={"DBInstances": [{"DBInstanceClass": "db.t3.small"}]})
    found = find(odd, "rds", "storage", instance="shop")
    assert (found.value, found.source) == (None, "a defect of Parapet's (KeyError): please report it")
    assert "in database_storage" in found.defect
    assert find(Account(), "sqs", "depth", queue="orders").source == found.source


def test_of_another_account_nothing_is_asked() -> None:
    aws = Account()
    target = Target("rds", {"instance": "shop"}, account="210987654321")
    found = limits.find(aws, target, kinds.sought(target, "memory"))
    assert found == Limit(None, "of account 210987654321 only metrics can be read")
    assert aws.asked == []


def test_every_limit_that_a_kind_seeks_can_be_found() -> None:
    from tests.services.test_kinds import FULL

    sought = {
        (kind, gauge.full.what)
        for kind, given, *_ in FULL.values()
        for gauge in kinds.measures(Target(kind, given)).gauges
        if isinstance(gauge.full, Sought)
    }
    assert sought == set(FINDERS)


def test_the_rights_are_to_look_only() -> None:
    assert {kind for kind, _ in FINDERS} - {"elasticache", "api_rest", "api_http"} == set(ACTIONS)
    every = {action for some in ACTIONS.values() for action in some}
    assert {actions.level(action) for action in every} == {"List", "Read"}
    assert not every & set(actions.DATA)


def test_the_api_may_look_up_what_its_services_have_and_nothing_else() -> None:
    def granted(*kinds_: str) -> set[str]:
        services = (Service("shop", Target("alb"), tuple(map(Target, kinds_))),)
        policy = rights.policies(Settings(services=services))["api_handler"]
        return {action for one in policy["Statement"] if one["Sid"].startswith("Limits") for action in one["Action"]}

    assert granted() == set()
    assert granted("rds") == set(ACTIONS["rds"])
    assert granted("dynamodb", "autoscaling", "sns") == {*ACTIONS["dynamodb"], *ACTIONS["autoscaling"]}
