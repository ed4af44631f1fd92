"""Every kind with a worked example: what AWS publishes in five minutes, and the numbers by hand."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chalicelib.services import kinds, sli
from chalicelib.services.kinds import Field
from chalicelib.services.limits import Limit
from chalicelib.services.model import Metric, Percent, Target
from chalicelib.services.sli import Counted
from local.systems import SYSTEMS
from tests.services.playing import FIVE, Put, counted, evaluated, gauges, stored

ROOT = Path(__file__).parents[2]
GIB = 2**30
EVERY = sorted({*kinds.ENTRIES, *kinds.DEPENDENCIES})
ALB, GROUP = "app/shop/50dc6c495c0c9188", "targetgroup/web/943f017f100becff"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:intake"
CHECK = "8f3b0a1c-0000-4000-8000-0123456789ab"
LOAD_BALANCER = {"LoadBalancer": ALB}
TARGETS = {**LOAD_BALANCER, "TargetGroup": GROUP}


@dataclass(frozen=True)
class Worked:
    """One example of an entry.

    Args:
        given: what the settings say.
        puts: what AWS publishes: namespace, name, dimensions, values, counts.
        counted: bad ones of all, by hand; None where it counts none.
        math: what CloudWatch is asked: the bad ones, and all.
        under: a bound in seconds, and the slow ones of all, by hand.
    """

    kind: str
    given: Mapping[str, Any]
    puts: tuple[Put, ...]
    counted: Counted | None = None
    math: tuple[str, str] = ("", "")
    under: tuple[float, Counted] | None = None
    metrics: Mapping[str, str] = field(default_factory=dict)


def put(namespace: str, dimensions: Mapping[str, str], **metrics: tuple[Any, ...]) -> tuple[Put, ...]:
    return tuple(
        Put(namespace, name.replace("__", ""), dimensions, values, counts[0] if counts else None)
        for name, (values, *counts) in metrics.items()
    )


def alb(dimensions: Mapping[str, str], **metrics: tuple[Any, ...]) -> tuple[Put, ...]:
    return put("AWS/ApplicationELB", dimensions, **metrics)


WORKED = {
    # 1,000 requests arrive at targets, 3 fail there; 2 the load balancer answers itself with 503, in no RequestCount.
    # 900 of 1,000 take 0.2 s, 100 take 0.4 s.
    "alb": Worked(
        "alb",
        {"load_balancer": ALB},
        alb(
            LOAD_BALANCER,
            RequestCount=((1000,),),
            HTTPCode_Target_5XX_Count=((3,),),
            HTTPCode_ELB_5XX_Count=((2,),),
            TargetResponseTime=((0.2, 0.4), (900, 100)),
        ),
        Counted(5, 1000),
        (
            "FILL(b1, 0) + FILL(b2, 0)",
            "IF(FILL(t1, 0) > FILL(b1, 0) + FILL(b2, 0), FILL(t1, 0), FILL(b1, 0) + FILL(b2, 0))",
        ),
        (0.3, Counted(100, 1000)),
        {"b1": "HTTPCode_Target_5XX_Count Sum", "b2": "HTTPCode_ELB_5XX_Count Sum", "t1": "RequestCount Sum"},
    ),
    # The 503 of the load balancer are not told by target group.
    "alb, one target group": Worked(
        "alb",
        {"load_balancer": ALB, "target_group": GROUP},
        (
            *alb(TARGETS, RequestCount=((600,),), HTTPCode_Target_5XX_Count=((3,),)),
            *alb(LOAD_BALANCER, RequestCount=((1000,),), HTTPCode_ELB_5XX_Count=((2,),)),
        ),
        Counted(3, 600),
        ("FILL(b1, 0)", "IF(FILL(t1, 0) > FILL(b1, 0), FILL(t1, 0), FILL(b1, 0))"),
    ),
    # Each request is a point of Count: 500 of them, 5 of which are errors; milliseconds.
    "api_rest": Worked(
        "api_rest",
        {"api": "images", "stage": "prod"},
        put(
            "AWS/ApiGateway",
            {"ApiName": "images", "Stage": "prod"},
            Count=((1,), (500,)),
            __5XXError=((0, 1), (495, 5)),
            Latency=((120, 800), (480, 20)),
        ),
        Counted(5, 500),
        ("FILL(b1, 0)", "IF(FILL(t1, 0) > FILL(b1, 0), FILL(t1, 0), FILL(b1, 0))"),
        (0.5, Counted(20, 500)),
        {"b1": "5XXError Sum", "t1": "Count SampleCount"},
    ),
    "api_http": Worked(
        "api_http",
        {"api": "a1b2c3d4e5", "stage": "$default"},
        put(
            "AWS/ApiGateway",
            {"ApiId": "a1b2c3d4e5", "Stage": "$default"},
            Count=((1,), (400,)),
            __5xx=((0, 1), (398, 2)),
            Latency=((90, 700), (390, 10)),
        ),
        Counted(2, 400),
        under=(0.4, Counted(10, 400)),
        metrics={"b1": "5xx Sum", "t1": "Count SampleCount"},
    ),
    # 0.5 % of 2,000 requests.
    "cloudfront": Worked(
        "cloudfront",
        {"distribution": "E2EXAMPLE1", "additional_metrics": True},
        put(
            "AWS/CloudFront",
            {"DistributionId": "E2EXAMPLE1", "Region": "Global"},
            Requests=((2000,),),
            __5xxErrorRate=((0.5,),),
            OriginLatency=((50, 2000), (1990, 10)),
        ),
        Counted(10, 2000),
        ("FILL(p, 0) / 100 * FILL(t, 0)", "FILL(t, 0)"),
        (1.0, Counted(10, 2000)),
    ),
    # Of 50 attempts 48 got tokens.
    "cognito": Worked(
        "cognito",
        {"pool": "eu-west-1_AbCdEfGhI", "client": "4example23"},
        put(
            "AWS/Cognito",
            {"UserPool": "eu-west-1_AbCdEfGhI", "UserPoolClient": "4example23"},
            SignInSuccesses=((0, 1), (2, 48)),
        ),
        Counted(2, 50),
        ("IF(FILL(t, 0) > FILL(g, 0), FILL(t, 0) - FILL(g, 0), 0)", "FILL(t, 0)"),
        metrics={"g": "SignInSuccesses Sum", "t": "SignInSuccesses SampleCount"},
    ),
    "custom, bad of all": Worked(
        "custom",
        {
            "namespace": "Shop",
            "dimensions": {"service": "checkout"},
            "total": "Requests",
            "bad": "Requests",
            "apart": {"status": "5xx"},
            "latency": "Took",
            "latency_unit": "us",
        },
        (
            *put("Shop", {"service": "checkout"}, Requests=((40, 60),), Took=((2000, 900_000), (95, 5))),
            *put("Shop", {"service": "checkout", "status": "5xx"}, Requests=((4,),)),
        ),
        Counted(4, 100),
        under=(0.25, Counted(5, 100)),
    ),
    "custom, good of all": Worked(
        "custom",
        {"namespace": "Shop", "total": "Requests", "good": "Answered"},
        put("Shop", {}, Requests=((200,),), Answered=((197,),)),
        Counted(3, 200),
    ),
    "ecs, behind a load balancer": Worked(
        "ecs",
        {"cluster": "platform", "service": "web", "load_balancer": ALB, "target_group": GROUP},
        alb(
            TARGETS,
            RequestCount=((900,),),
            HTTPCode_Target_5XX_Count=((9,),),
            TargetResponseTime=((0.1, 0.6), (891, 9)),
        ),
        Counted(9, 900),
        under=(0.5, Counted(9, 900)),
    ),
    # Service Connect: what is answered by the discovery name as a target, in milliseconds.
    "ecs, by Service Connect": Worked(
        "ecs",
        {"cluster": "platform", "service": "web", "discovery_name": "web"},
        (
            *put("AWS/ECS", {"DiscoveryName": "web"}, RequestCount=((300,),)),
            *put(
                "AWS/ECS",
                {"TargetDiscoveryName": "web"},
                HTTPCode_Target_5XX_Count=((6,),),
                TargetResponseTime=((40, 900), (270, 30)),
            ),
        ),
        Counted(6, 300),
        under=(0.5, Counted(30, 300)),
    ),
    # A point a minute: one minute of five was bad.
    "health_check": Worked(
        "health_check",
        {"health_check": CHECK},
        put("AWS/Route53", {"HealthCheckId": CHECK}, HealthCheckStatus=((0, 1), (1, 4))),
        Counted(1, 5),
    ),
    # 190 invocations, 3 of them errors; 10 more were throttled, which is neither.
    "lambda_function": Worked(
        "lambda_function",
        {"function": "checkout"},
        put(
            "AWS/Lambda",
            {"FunctionName": "checkout"},
            Invocations=((1,), (190,)),
            Errors=((0, 1), (187, 3)),
            Throttles=((1,), (10,)),
            Duration=((80, 2500), (171, 19)),
        ),
        Counted(13, 200),
        (
            "FILL(b1, 0) + FILL(b2, 0)",
            "IF(FILL(t1, 0) + FILL(b2, 0) > FILL(b1, 0) + FILL(b2, 0), "
            "FILL(t1, 0) + FILL(b2, 0), FILL(b1, 0) + FILL(b2, 0))",
        ),
        (1.0, Counted(19, 190)),
    ),
    # Nobody waits: what was throttled is tried again.
    "lambda_function, asynchronous": Worked(
        "lambda_function",
        {"function": "parse", "asynchronous": True},
        put(
            "AWS/Lambda",
            {"FunctionName": "parse"},
            Invocations=((1,), (190,)),
            Errors=((0, 1), (187, 3)),
            Throttles=((1,), (10,)),
        ),
        Counted(3, 190),
    ),
    "lambda_function, an alias": Worked(
        "lambda_function",
        {"function": "checkout", "alias": "live"},
        put(
            "AWS/Lambda",
            {"FunctionName": "checkout", "Resource": "checkout:live"},
            Invocations=((1,), (20,)),
            Errors=((0, 1), (19, 1)),
        ),
        Counted(1, 20),
    ),
    # The oldest message was younger than a minute in four minutes of five.
    "sqs": Worked(
        "sqs",
        {"queue": "jobs", "function": "worker"},
        (
            *put("AWS/SQS", {"QueueName": "jobs"}, ApproximateAgeOfOldestMessage=((5, 90), (4, 1))),
            *put("AWS/Lambda", {"FunctionName": "worker"}, Invocations=((1,), (80,)), Errors=((0, 1), (78, 2))),
        ),
        Counted(2, 80),
        under=(60, Counted(1, 5)),
    ),
    # Of those that ended 95 went well, 3 failed, 2 took too long; what somebody stopped is neither, and hours long.
    "step_functions": Worked(
        "step_functions",
        {"state_machine": MACHINE},
        put(
            "AWS/States",
            {"StateMachineArn": MACHINE},
            ExecutionsStarted=((140,),),
            ExecutionsSucceeded=((95,),),
            ExecutionsFailed=((3,),),
            ExecutionsTimedOut=((2,),),
            ExecutionsAborted=((7,),),
            ExecutionTime=((2000, 7_200_000), (90, 10)),
        ),
        Counted(5, 100),
        under=(3600, Counted(10, 100)),
    ),
    # By operation; successes are the samples of their latency.
    "dynamodb": Worked(
        "dynamodb",
        {"table": "orders", "operations": ("GetItem", "PutItem")},
        (
            *put(
                "AWS/DynamoDB",
                {"TableName": "orders", "Operation": "GetItem"},
                SuccessfulRequestLatency=((3, 4), (500, 290)),
                SystemErrors=((10,),),
            ),
            *put(
                "AWS/DynamoDB",
                {"TableName": "orders", "Operation": "PutItem"},
                SuccessfulRequestLatency=((5,), (200,)),
            ),
        ),
        Counted(10, 1000),
    ),
    "sns": Worked(
        "sns",
        {"topic": "done"},
        put(
            "AWS/SNS",
            {"TopicName": "done"},
            NumberOfNotificationsDelivered=((97,),),
            NumberOfNotificationsFailed=((3,),),
        ),
        Counted(3, 100),
    ),
}


@pytest.mark.parametrize("name", WORKED)
def test_the_numbers_by_hand(name: str) -> None:
    case = WORKED[name]
    measures, store = kinds.measures(Target(case.kind, case.given)), stored(case.puts)
    assert measures.availability is not None
    assert counted(store, measures.availability) == {0: case.counted}
    assert evaluated(store, measures.availability) == {0: case.counted}
    said = sli.expressed(measures.availability)
    if case.math[0]:
        assert (said.bad, said.total) == case.math
    for id_, metric in case.metrics.items():
        assert f"{said.metrics[id_].name} {said.metrics[id_].stat}" == metric
    if case.under:
        assert measures.latency is not None
        within = sli.within(measures.latency, case.under[0])
        for found in (counted(store, within)[0], evaluated(store, within)[0]):
            assert found.bad == pytest.approx(case.under[1].bad)
            assert found.total == case.under[1].total


def test_every_entry_has_a_worked_example() -> None:
    assert {case.kind for case in WORKED.values()} >= set(kinds.ENTRIES)


# Given, what AWS publishes, the limits; then of each gauge its value, the share of what is full, whether it is red.
FULL: dict[str, tuple[str, Mapping[str, Any], tuple[Put, ...], Mapping[str, float], Mapping[str, tuple[Any, ...]]]] = {
    "rds": (
        "rds",
        {"instance": "shop-db", "postgres": True},
        put(
            "AWS/RDS",
            {"DBInstanceIdentifier": "shop-db"},
            CPUUtilization=((70, 96),),
            DatabaseConnections=((190, 150),),
            FreeableMemory=((0.5 * GIB, 1 * GIB),),
            FreeStorageSpace=((5 * GIB,),),
            ReadLatency=((0.004,),),
            WriteLatency=((0.03,),),
            MaximumUsedTransactionIDs=((2**30,),),
        ),
        {"max_connections": 200, "memory": 4 * GIB, "storage": 100 * GIB},
        {
            "cpu": (83, 0.83, False),
            "connections": (190, 0.95, True),
            "memory": (0.5 * GIB, 0.125, False),
            "storage": (5 * GIB, 0.05, True),
            "reads": (0.004, None, False),
            "writes": (0.03, None, True),
            "transactions": (2**30, 0.5, True),
        },
    ),
    "aurora": (
        "aurora",
        {"cluster": "saas-db", "role": "READER", "serverless": True},
        put(
            "AWS/RDS",
            {"DBClusterIdentifier": "saas-db", "Role": "READER"},
            CPUUtilization=((95,),),
            DatabaseConnections=((90,),),
            FreeableMemory=((0.1 * GIB,),),
            EngineUptime=((0,),),
            CommitLatency=((120,),),
            AuroraReplicaLag=((1500,),),
            ACUUtilization=((45,),),
        ),
        {"max_connections": 1000, "memory": 16 * GIB},
        {
            "cpu": (95, 0.95, True),
            "connections": (90, 0.09, False),
            "memory": (0.1 * GIB, 0.00625, True),
            "up": (0, None, True),
            "commits": (0.12, None, True),
            "lag": (1.5, None, True),
            "capacity": (45, 0.45, False),
        },
    ),
    # 30,000 units in 300 s are 100 a second.
    "dynamodb": (
        "dynamodb",
        {"table": "orders"},
        put(
            "AWS/DynamoDB",
            {"TableName": "orders"},
            ConsumedReadCapacityUnits=((10_000, 20_000),),
            ConsumedWriteCapacityUnits=((1500,),),
            ReadThrottleEvents=((2,),),
        ),
        {"read_capacity": 110, "write_capacity": 50},
        {
            "read_capacity": (100, 0.909, True),
            "write_capacity": (5, 0.1, False),
            "read_throttles": (2, None, True),
            "write_throttles": (0, None, False),
        },
    ),
    "elasticache": (
        "elasticache",
        {"node": "images-001", "replica": True},
        put(
            "AWS/ElastiCache",
            {"CacheClusterId": "images-001"},
            EngineCPUUtilization=((92,),),
            CPUUtilization=((12,),),
            DatabaseMemoryUsagePercentage=((60,),),
            CurrConnections=((6500,),),
            Evictions=((0,),),
            ReplicationLag=((20,),),
        ),
        {"max_connections": 65_000},
        {
            "cpu": (92, 0.92, True),
            "memory": (60, 0.6, False),
            "connections": (6500, 0.1, False),
            "evictions": (0, None, False),
            "lag": (20, None, True),
        },
    ),
    "sqs": (
        "sqs",
        {"queue": "jobs", "oldest": 120, "backlog": 500},
        put(
            "AWS/SQS",
            {"QueueName": "jobs"},
            ApproximateAgeOfOldestMessage=((30, 130),),
            ApproximateNumberOfMessagesNotVisible=((60_000,),),
            ApproximateNumberOfMessagesVisible=((499,),),
        ),
        {},
        {"age": (130, None, True), "in_flight": (60_000, 0.5, False), "backlog": (499, 0.998, True)},
    ),
    "dead_letters": (
        "dead_letters",
        {"queue": "jobs-dead"},
        put("AWS/SQS", {"QueueName": "jobs-dead"}, ApproximateNumberOfMessagesVisible=((0, 1),)),
        {},
        {"letters": (1, None, True)},
    ),
    "autoscaling": (
        "autoscaling",
        {"group": "web", "disk": {"AutoScalingGroupName": "web", "path": "/"}},
        (
            *put(
                "AWS/EC2",
                {"AutoScalingGroupName": "web"},
                CPUUtilization=((50, 90),),
                StatusCheckFailed=((0, 0, 1),),
            ),
            *put("CWAgent", {"AutoScalingGroupName": "web"}, mem_used_percent=((95,),)),
            *put("CWAgent", {"AutoScalingGroupName": "web", "path": "/"}, disk_used_percent=((40, 90),)),
            *put("AWS/AutoScaling", {"AutoScalingGroupName": "web"}, GroupInServiceInstances=((6,),)),
        ),
        {"size": 6},
        {
            "cpu": (70, 0.7, False),
            "memory": (95, 0.95, True),
            "impaired": (1, None, True),
            "disk": (90, 0.9, True),
            "size": (6, 1.0, True),
        },
    ),
    "ec2": (
        "ec2",
        {"instance": "i-0123456789abcdef0", "agent": {"InstanceId": "i-0123456789abcdef0", "InstanceType": "t3.small"}},
        (
            *put("AWS/EC2", {"InstanceId": "i-0123456789abcdef0"}, CPUUtilization=((81,),), StatusCheckFailed=((0,),)),
            *put(
                "CWAgent", {"InstanceType": "t3.small", "InstanceId": "i-0123456789abcdef0"}, mem_used_percent=((41,),)
            ),
        ),
        {},
        {"cpu": (81, 0.81, True), "memory": (41, 0.41, False), "impaired": (0, None, False)},
    ),
    "nat_gateway": (
        "nat_gateway",
        {"gateway": "nat-0123456789abcdef0"},
        put(
            "AWS/NATGateway",
            {"NatGatewayId": "nat-0123456789abcdef0"},
            ErrorPortAllocation=((0, 3),),
            PacketsDropCount=((4,),),
        ),
        {},
        {"ports": (3, None, True), "dropped": (4, None, False)},
    ),
    "eks": (
        "eks",
        {"cluster": "platform", "namespace": "orders", "service": "orders"},
        (
            *put(
                "ContainerInsights",
                {"ClusterName": "platform"},
                node_cpu_utilization=((30, 85),),
                node_memory_utilization=((50,),),
                node_filesystem_utilization=((20,),),
                cluster_failed_node_count=((0, 1),),
            ),
            *put(
                "ContainerInsights",
                {"ClusterName": "platform", "Namespace": "orders", "Service": "orders"},
                pod_cpu_utilization_over_pod_limit=((10,),),
                pod_memory_utilization_over_pod_limit=((88,),),
                service_number_of_running_pods=((6, 0),),
            ),
        ),
        {},
        {
            "cpu": (85, 0.85, True),
            "memory": (50, 0.5, False),
            "disk": (20, 0.2, False),
            "nodes": (1, None, True),
            "pod_cpu": (10, 0.1, False),
            "pod_memory": (88, 0.88, True),
            "pods": (0, None, True),
        },
    ),
    "sns": (
        "sns",
        {"topic": "done"},
        put("AWS/SNS", {"TopicName": "done"}, NumberOfNotificationsFailed=((3,),)),
        {},
        {"failed": (3, None, True), "redriven": (0, None, False)},
    ),
    "lambda_function": (
        "lambda_function",
        {"function": "checkout", "asynchronous": True},
        put(
            "AWS/Lambda",
            {"FunctionName": "checkout"},
            ConcurrentExecutions=((40, 45),),
            Duration=((100, 9500),),
            AsyncEventsDropped=((1,),),
        ),
        {"concurrency": 50, "timeout": 10},
        {
            "concurrency": (45, 0.9, True),
            "duration": (9.5, 0.95, True),
            "throttled": (0, None, False),
            "dropped": (1, None, True),
            "unsaved": (0, None, False),
        },
    ),
    # 60,000 requests in 300 s are 200 a second.
    "api_rest": (
        "api_rest",
        {"api": "images", "stage": "prod"},
        put("AWS/ApiGateway", {"ApiName": "images", "Stage": "prod"}, Count=((1,), (60_000,))),
        {"requests": 10_000},
        {"requests": (200, 0.02, False)},
    ),
    "api_http": (
        "api_http",
        {"api": "a1b2c3d4e5", "stage": "$default"},
        put("AWS/ApiGateway", {"ApiId": "a1b2c3d4e5", "Stage": "$default"}, Count=((1,), (600_000,))),
        {"requests": 2000},
        {"requests": (2000, 1.0, True)},
    ),
    "alb": (
        "alb",
        {"load_balancer": ALB},
        alb(LOAD_BALANCER, RejectedConnectionCount=((2,),), TargetConnectionErrorCount=((3,),)),
        {},
        {"rejected": (2, None, True), "unreached": (3, None, False)},
    ),
    "alb, one target group": (
        "alb",
        {"load_balancer": ALB, "target_group": GROUP},
        alb(TARGETS, UnHealthyHostCount=((3, 1),), HealthyHostCount=((0, 2),)),
        {},
        {"unreached": (0, None, False), "unhealthy": (1, None, True), "healthy": (0, None, True)},
    ),
    "ecs": (
        "ecs",
        {"cluster": "platform", "service": "web"},
        (
            *put(
                "AWS/ECS",
                {"ClusterName": "platform", "ServiceName": "web"},
                CPUUtilization=((120,),),
                MemoryUtilization=((40,),),
            ),
            *put(
                "ECS/ContainerInsights",
                {"ClusterName": "platform", "ServiceName": "web"},
                RunningTaskCount=((4, 3),),
                DesiredTaskCount=((4,),),
            ),
        ),
        {},
        {"cpu": (120, 1.2, True), "memory": (40, 0.4, False), "tasks": (3, 0.75, True)},
    ),
    "cloudfront": (
        "cloudfront",
        {"distribution": "E2EXAMPLE1", "additional_metrics": True},
        put("AWS/CloudFront", {"DistributionId": "E2EXAMPLE1", "Region": "Global"}, CacheHitRate=((30,),)),
        {},
        {"hits": (30, 0.3, True)},
    ),
    "cognito": (
        "cognito",
        {"pool": "eu-west-1_AbCdEfGhI", "client": "4example23"},
        put(
            "AWS/Cognito",
            {"UserPool": "eu-west-1_AbCdEfGhI", "UserPoolClient": "4example23"},
            SignInThrottles=((1,),),
        ),
        {},
        {"throttled": (1, None, True)},
    ),
    "step_functions": (
        "step_functions",
        {"state_machine": MACHINE},
        put("AWS/States", {"StateMachineArn": MACHINE}, ExecutionThrottled=((0,),)),
        {},
        {"throttled": (0, None, False)},
    ),
}


@pytest.mark.parametrize("name", FULL)
def test_how_full_by_hand(name: str) -> None:
    kind, given, puts, limits, expected = FULL[name]
    found = gauges(Target(kind, given), puts, {what: Limit(value, "by hand") for what, value in limits.items()})
    assert found.keys() == expected.keys()
    for gauge, (value, share, red) in expected.items():
        one = found[gauge]
        assert one.state == "ok", gauge
        assert one.value == pytest.approx(value), gauge
        assert one.share == (None if share is None else pytest.approx(share, abs=0.001)), gauge
        assert one.red is red, gauge


def test_every_dependency_has_a_worked_example() -> None:
    assert {kind for kind, *_ in FULL.values()} >= set(kinds.DEPENDENCIES)


class TestTraps:
    """Section 2 of the metric catalogue, as far as what is measured of a kind decides it."""

    def test_2_1_all_targets_down_is_all_bad_and_not_silence(self) -> None:
        # Nobody was passed on, so that RequestCount has no point at all.
        store = stored(alb(LOAD_BALANCER, HTTPCode_ELB_5XX_Count=((800,),)))
        availability = kinds.measures(Target("alb", {"load_balancer": ALB})).availability
        assert availability is not None
        assert counted(store, availability) == evaluated(store, availability) == {0: Counted(800, 800)}

    def test_2_1_a_partial_outage_is_overstated_a_little_and_never_missed(self) -> None:
        store = stored(alb(LOAD_BALANCER, RequestCount=((900,),), HTTPCode_ELB_5XX_Count=((100,),)))
        availability = kinds.measures(Target("alb", {"load_balancer": ALB})).availability
        assert availability is not None
        [found] = counted(store, availability).values()
        # 10 % of the users, by requests 11.1 %.
        assert found.bad / found.total == pytest.approx(0.1111, abs=0.0001)

    def test_2_2_no_error_counter_is_no_error_and_nothing_at_all_is_nothing(self) -> None:
        availability = kinds.measures(Target("alb", {"load_balancer": ALB})).availability
        assert availability is not None
        assert counted(stored(alb(LOAD_BALANCER, RequestCount=((50,),))), availability) == {0: Counted(0, 50)}
        assert counted(stored(()), availability) == {}
        # FILL makes zeroes of it: none of none, at which no alarm may go on.
        assert evaluated(stored(()), availability) == {0: Counted(0, 0)}

    def test_2_6_the_load_balancer_s_errors_and_the_targets_are_shown_apart(self) -> None:
        parts = kinds.measures(Target("alb", {"load_balancer": ALB})).parts
        assert {part.name: [one.name for one in part.metrics] for part in parts} == {
            "target": ["HTTPCode_Target_5XX_Count"], "load balancer": ["HTTPCode_ELB_5XX_Count"],
        }  # fmt: skip

    def test_2_7_what_reached_no_target_is_not_slow_but_unavailable(self) -> None:
        # 50 wait for a target until the load balancer gives up (504): none of them is among the response times.
        store = stored(
            alb(
                LOAD_BALANCER,
                RequestCount=((100,),),
                HTTPCode_ELB_5XX_Count=((50,),),
                TargetResponseTime=((0.1,), (50,)),
            )
        )
        measures = kinds.measures(Target("alb", {"load_balancer": ALB}))
        assert measures.availability is not None
        assert measures.latency is not None
        assert counted(store, measures.availability) == {0: Counted(50, 100)}
        assert counted(store, sli.within(measures.latency, 0.3)) == {0: Counted(0, 50)}

    def test_2_8_percentiles_are_of_all_and_never_averages_of_parts(self) -> None:
        # One series for the whole load balancer, without zones or targets.
        latency = kinds.measures(Target("alb", {"load_balancer": ALB})).latency
        assert latency is not None
        assert latency.metric.dimensions == (("LoadBalancer", ALB),)

    @pytest.mark.parametrize("kind", ["alb", "api_rest", "api_http", "lambda_function", "ecs"])
    def test_2_11_4xx_are_not_availability(self, kind: str) -> None:
        given = next(case.given for case in WORKED.values() if case.kind == kind)
        availability = kinds.measures(Target(kind, given)).availability
        assert availability is not None
        assert not [one.name for one in sli.metrics(availability) if "4" in one.name]

    def test_cloudfront_s_rate_is_weighed_by_each_minute_s_requests(self) -> None:
        # A busy minute without errors, a quiet one in which half fail: 5 of 1,010, and not 25 %.
        own = {"DistributionId": "E2EXAMPLE1", "Region": "Global"}
        store = stored(
            (
                Put("AWS/CloudFront", "Requests", own, (1000,)),
                Put("AWS/CloudFront", "5xxErrorRate", own, (0,)),
                Put("AWS/CloudFront", "Requests", own, (10,), period=1),
                Put("AWS/CloudFront", "5xxErrorRate", own, (50,), period=1),
            ),
            60,
        )
        availability = kinds.measures(Target("cloudfront", {"distribution": "E2EXAMPLE1"})).availability
        assert isinstance(availability, Percent)
        found = counted(store, availability, 2, 60)
        assert sum(found.values(), Counted(0, 0)) == Counted(5, 1010)
        # Read as one period it is what CloudWatch's average makes of it: that is why we read minutes.
        assert counted(store, availability, 1, 120) == {0: Counted(252.5, 1010)}

    def test_a_missing_agent_is_told(self) -> None:
        cpu = put("AWS/EC2", {"AutoScalingGroupName": "web"}, CPUUtilization=((20,),))
        found = gauges(Target("autoscaling", {"group": "web"}), cpu)
        assert (found["cpu"].state, found["memory"].state) == ("ok", "agent_missing")
        assert found["memory"].value is None
        assert not found["memory"].red

    def test_an_agent_with_other_dimensions_is_missing_too(self) -> None:
        appended = {"AutoScalingGroupName": "web", "InstanceId": "i-0123456789abcdef0"}
        target = Target("autoscaling", {"group": "web"})
        assert gauges(target, put("CWAgent", appended, mem_used_percent=((50,),)))["memory"].state == "agent_missing"
        told = Target("autoscaling", {"group": "web", "agent": appended})
        assert gauges(told, put("CWAgent", appended, mem_used_percent=((50,),)))["memory"].value == 50

    def test_without_container_insights_nothing_is_called_healthy(self) -> None:
        assert {one.state for one in gauges(Target("eks", {"cluster": "platform"}), ()).values()} == {"agent_missing"}

    def test_an_idle_queue_is_no_traffic(self) -> None:
        assert {one.state for one in gauges(Target("sqs", {"queue": "jobs"}), ()).values()} == {"no_traffic"}
        assert gauges(Target("dead_letters", {"queue": "dead"}), ())["letters"].state == "no_traffic"

    def test_dead_letters_are_counted_where_they_lie_and_not_as_they_are_sent(self) -> None:
        [gauge] = kinds.measures(Target("dead_letters", {"queue": "dead"})).gauges
        assert (gauge.metric.name, gauge.metric.stat) == ("ApproximateNumberOfMessagesVisible", "Maximum")

    def test_throttled_requests_are_bad_ones_that_were_no_invocations(self) -> None:
        store = stored(put("AWS/Lambda", {"FunctionName": "checkout"}, Throttles=((1,), (30,))))
        availability = kinds.measures(Target("lambda_function", {"function": "checkout"})).availability
        assert availability is not None
        assert counted(store, availability) == evaluated(store, availability) == {0: Counted(30, 30)}

    def test_rds_counts_its_lag_in_seconds_and_aurora_in_milliseconds(self) -> None:
        rds = gauges(
            Target("rds", {"instance": "shop", "replica": True}),
            put("AWS/RDS", {"DBInstanceIdentifier": "shop"}, ReplicaLag=((61,),)),
        )["lag"]
        aurora = gauges(
            Target("aurora", {"cluster": "shop", "role": "READER"}),
            put("AWS/RDS", {"DBClusterIdentifier": "shop", "Role": "READER"}, AuroraReplicaLag=((61,),)),
        )["lag"]
        assert (rds.value, rds.red) == (61, True)
        assert aurora.value == pytest.approx(0.061)
        assert not aurora.red

    def test_redis_is_judged_by_its_one_thread(self) -> None:
        # One of 16 cores is at its end.
        own = {"CacheClusterId": "images-001"}
        found = gauges(
            Target("elasticache", {"node": "images-001"}),
            put("AWS/ElastiCache", own, CPUUtilization=((6.5,),), EngineCPUUtilization=((99,),)),
        )
        assert (found["cpu"].value, found["cpu"].red) == (99, True)

    def test_dynamodb_has_no_percentiles(self) -> None:
        assert not kinds.measures(Target("dynamodb", {"table": "orders"})).percentiles

    def test_capacity_is_used_by_the_second(self) -> None:
        gauge = next(one for one in kinds.measures(Target("dynamodb", {"table": "orders"})).gauges if one.rate)
        assert gauge.read(30_000, FIVE) == 100
        assert gauge.read(360_000, 3600) == 100

    def test_executions_are_counted_as_they_end(self) -> None:
        availability = kinds.measures(Target("step_functions", {"state_machine": MACHINE})).availability
        assert availability is not None
        assert "ExecutionsStarted" not in {one.name for one in sli.metrics(availability)}

    @pytest.mark.parametrize("kind", ["cloudfront", "health_check"])
    def test_global_services_keep_their_metrics_in_us_east_1(self, kind: str) -> None:
        assert kinds.find(kind).region == "us-east-1"


class TestKinds:
    @pytest.mark.parametrize("name", EVERY)
    def test_is_described_in_full(self, name: str) -> None:
        kind = kinds.find(name)
        assert kind.name == name
        assert isinstance(kind.fields[kind.title], Field)
        assert kind.fields[kind.title].needed
        assert all(one.what for one in kind.fields.values())

    @pytest.mark.parametrize("name", [*WORKED, *FULL])
    def test_gauges_are_told_apart_and_an_alarm_can_hold_the_rest(self, name: str) -> None:
        case = WORKED.get(name)
        target = Target(case.kind, case.given) if case else Target(FULL[name][0], FULL[name][1])
        measures = kinds.measures(target)
        names = [one.name for one in measures.gauges]
        assert len(names) == len(set(names))
        if measures.availability is not None:
            # What CloudWatch takes in one alarm.
            assert len(sli.expressed(measures.availability).metrics) <= 10

    def test_where_a_target_is_its_metrics_are(self) -> None:
        target = Target("rds", {"instance": "shop"}, "us-west-2", "210987654321")
        for gauge in kinds.measures(target).gauges:
            assert (gauge.metric.region, gauge.metric.account) == ("us-west-2", "210987654321")

    def test_limits_of_different_things_are_different(self) -> None:
        places = [
            Target("rds", {"instance": "shop"}), Target("rds", {"instance": "shop"}, "us-west-2"),
            Target("rds", {"instance": "other"}), Target("aurora", {"cluster": "shop"}),
        ]  # fmt: skip
        assert len({kinds.sought(one, "max_connections") for one in places}) == 4

    @pytest.mark.parametrize(
        ("target", "title"),
        [
            (Target("alb", {"load_balancer": ALB}), "load balancer shop"),
            (Target("step_functions", {"state_machine": MACHINE}), "state machine intake"),
            (Target("rds", {"instance": "shop-db"}), "database shop-db"),
            (Target("custom", {"namespace": "a/b", "total": "shop/requests"}), "metric requests"),
        ],
    )
    def test_are_called_as_people_call_them(self, target: Target, title: str) -> None:
        assert kinds.titled(target) == title


class TestTheSampleSystems:
    """What the local account writes is what is measured: two people read AWS's documentation apart."""

    services = tomllib.loads((ROOT / "local" / "systems" / "services.toml").read_text("utf-8"))["services"]
    # Of a database of a week's age it would be next to nothing.
    NOT_WRITTEN = frozenset({"MaximumUsedTransactionIDs"})

    @pytest.mark.parametrize("service", services, ids=lambda one: one["name"])
    def test_write_every_series_that_is_measured(self, service: Mapping[str, Any]) -> None:
        system = SYSTEMS[service["name"]]
        written = {(one.namespace, one.name, frozenset(one.dimensions)) for one in system.series}
        for place in (service["entry"], *service["dependencies"]):
            given = {key: tuple(one) if isinstance(one, list) else one for key, one in place.items() if key != "kind"}
            for metric in _measured(Target(place["kind"], given)):
                assert (metric.namespace, metric.name, frozenset(metric.dimensions)) in written, metric


def _measured(target: Target) -> Iterator[Metric]:
    """What is read of a target, but for what is published only when it goes wrong."""
    measures = kinds.measures(target)
    rare = {one for part in measures.parts for one in part.metrics}
    for metric in (
        *(gauge.metric for gauge in measures.gauges if gauge.silent != "zero"),
        *(sli.metrics(measures.availability) if measures.availability else ()),
        *((measures.latency.metric,) if measures.latency else ()),
    ):
        if metric not in rare and metric.name not in TestTheSampleSystems.NOT_WRITTEN:
            yield metric
