"""Which metrics each kind of part writes, and what they are in a minute: AWS's names, dimensions and units; pure.

A counter of what went wrong is published when it is not zero, as AWS does; a load balancer without requests publishes
nothing of them; how full something is is measured every minute, whether somebody comes or not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from local.systems.model import Measured, Series
from local.systems.traffic import Flow

Number = Callable[[Flow], float]
Dimensions = tuple[tuple[str, str], ...]
# Alarms, widgets and cost of CloudFront's metrics are in this region.
GLOBAL = "us-east-1"
GIB = 2**30


def counted(number: Number) -> Callable[[Flow], Measured | None]:
    """Publish a number of things as one value a minute, or nothing where there are none."""

    def measured(flow: Flow) -> Measured | None:
        total = number(flow)
        return ((total / flow.minutes,), (flow.minutes,)) if total else None

    return measured


def each(number: Number) -> Callable[[Flow], Measured | None]:
    """Publish a 1 for each of a number of things, or nothing where there are none."""

    def measured(flow: Flow) -> Measured | None:
        total = int(number(flow))
        return ((1.0,), (total,)) if total else None

    return measured


def of_all(number: Number, every: Number) -> Callable[[Flow], Measured | None]:
    """Publish a 1 or a 0 for each of all things, by whether it is one of those that are counted."""

    def measured(flow: Flow) -> Measured | None:
        total, ones = int(every(flow)), int(number(flow))
        return ((0.0, 1.0), (total - ones, ones)) if total else None

    return measured


def level(number: Number) -> Callable[[Flow], Measured | None]:
    """Publish one value a minute, always."""
    return lambda flow: ((number(flow),), (flow.minutes,))


def lasting(share: float = 1.0, count: Number | None = None) -> Callable[[Flow], Measured | None]:
    """Publish how long each answer took, a share of its milliseconds; nothing where there was none."""

    def measured(flow: Flow) -> Measured | None:
        total = int(count(flow)) if count else flow.served
        return flow.lasted(total, share) if total else None

    return measured


def _offered(flow: Flow) -> float:
    return flow.offered


def _served(flow: Flow) -> float:
    return flow.served


def _bad(flow: Flow) -> float:
    return flow.failed + flow.refused


def _failed(flow: Flow) -> float:
    return flow.failed


def _rejected(flow: Flow) -> float:
    return flow.rejected


def _timed_out(flow: Flow) -> float:
    """Requests for which the load balancer stopped waiting: what fails when everything is merely slow."""
    return flow.failed if flow.fault == "latency" else 0


def _target_failed(flow: Flow) -> float:
    return flow.failed - _timed_out(flow)


def _pressed(flow: Flow) -> float:
    """How much of a pool that is held while an answer takes is in use."""
    return min(1.0, flow.busy * math.sqrt(flow.slower))


def series(
    namespace: str, dimensions: Dimensions, /, **metrics: tuple[str, Callable[[Flow], Measured | None]]
) -> tuple[Series, ...]:
    """Return the metrics of one namespace under the same dimensions, by name, each with its unit."""
    region = GLOBAL if namespace == "AWS/CloudFront" else ""
    return tuple(Series(namespace, name, dimensions, unit, how, region) for name, (unit, how) in metrics.items())


def load_balancer(balancer: str, group: str, hosts: int, kilobytes: float = 14.0) -> tuple[Series, ...]:
    """An Application Load Balancer with one target group of so many targets."""
    whole: Dimensions = (("LoadBalancer", balancer),)
    both: Dimensions = (("TargetGroup", group), ("LoadBalancer", balancer))
    target = {
        "RequestCount": ("Count", counted(_served)),
        "HTTPCode_Target_2XX_Count": ("Count", counted(lambda f: f.served - f.failed - f.rejected)),
        "HTTPCode_Target_4XX_Count": ("Count", counted(_rejected)),
        "HTTPCode_Target_5XX_Count": ("Count", counted(_target_failed)),
        "TargetResponseTime": ("Seconds", lasting(0.001, lambda f: f.served - _timed_out(f))),
    }
    return (
        *series("AWS/ApplicationELB", whole, **target),
        *series(
            "AWS/ApplicationELB", whole,
            HTTPCode_ELB_5XX_Count=("Count", counted(lambda f: f.refused + _timed_out(f))),
            HTTPCode_ELB_503_Count=("Count", counted(lambda f: f.refused)),
            HTTPCode_ELB_504_Count=("Count", counted(_timed_out)),
            ActiveConnectionCount=("Count", counted(lambda f: round(f.offered * 0.4 * f.slower**0.5))),
            NewConnectionCount=("Count", counted(lambda f: round(f.offered * 0.3))),
            ProcessedBytes=("Bytes", counted(lambda f: f.served * kilobytes * 1000)),
            ConsumedLCUs=("Count", counted(lambda f: f.minutes * f.rate * kilobytes / 1e6 * 60)),
        ),
        *series("AWS/ApplicationELB", both, **target),
        *series(
            "AWS/ApplicationELB", both,
            RequestCountPerTarget=("Count", counted(lambda f: f.served / hosts)),
            HealthyHostCount=("Count", level(lambda f: 0 if f.down else hosts)),
            UnHealthyHostCount=("Count", level(lambda f: hosts if f.down else 0)),
        ),
    )  # fmt: skip


def instances(group: str, each_one: tuple[str, ...], kind: str, image: str) -> tuple[Series, ...]:
    """An Auto Scaling group whose instances run the CloudWatch agent."""
    whole: Dimensions = (("AutoScalingGroupName", group),)
    hosts = len(each_one)
    cpu = level(lambda f: 6 + 72 * f.busy)
    failing = level(lambda f: 1 if f.down else 0)
    memory = level(lambda f: 41 + 22 * _pressed(f))
    found = [
        *series("AWS/EC2", whole, CPUUtilization=("Percent", cpu), StatusCheckFailed=("Count", failing)),
        *series(
            "AWS/AutoScaling", whole,
            GroupDesiredCapacity=("None", level(lambda f: hosts)),
            GroupInServiceInstances=("None", level(lambda f: 0 if f.down else hosts)),
            GroupMaxSize=("None", level(lambda f: 2 * hosts)),
        ),
        *series(
            "CWAgent", whole,
            mem_used_percent=("Percent", memory),
            disk_used_percent=("Percent", level(lambda f: 47.5)),
        ),
    ]  # fmt: skip
    for instance in each_one:
        own: Dimensions = (("InstanceId", instance),)
        found += series(
            "AWS/EC2", own,
            CPUUtilization=("Percent", cpu),
            StatusCheckFailed=("Count", failing),
        )  # fmt: skip
        agent = (("InstanceId", instance), ("ImageId", image), ("InstanceType", kind), *whole)
        found += series("CWAgent", agent, mem_used_percent=("Percent", memory))
    return tuple(found)


def _connections(most: int) -> Number:
    return lambda f: most if f.exhausted else round(8 + 0.55 * most * _pressed(f))


def database(instance: str, most: int, memory: float, storage: float, postgres: bool = False) -> tuple[Series, ...]:
    """An RDS instance with so many connections at most, so many GiB of memory and of storage."""
    own: Dimensions = (("DBInstanceIdentifier", instance),)
    # A vacuum every few days keeps it low.
    used = series("AWS/RDS", own, MaximumUsedTransactionIDs=("Count", level(lambda f: 1.4e8 + f.at % 259_200 * 80)))
    return (used if postgres else ()) + series(
        "AWS/RDS", own,
        CPUUtilization=("Percent", level(lambda f: 97.0 if f.exhausted else 7 + 58 * f.busy)),
        DatabaseConnections=("Count", level(_connections(most))),
        FreeableMemory=("Bytes", level(lambda f: memory * GIB * (0.12 if f.exhausted else 0.46 - 0.2 * f.busy))),
        FreeStorageSpace=("Bytes", level(lambda f: storage * GIB * 0.61)),
        ReadLatency=("Seconds", level(lambda f: 0.0009 * f.slower)),
        WriteLatency=("Seconds", level(lambda f: 0.0021 * f.slower)),
        DBLoad=("None", level(lambda f: 0.2 + 1.6 * _pressed(f) + (6 if f.exhausted else 0))),
    )  # fmt: skip


def cluster(name: str, writer: str, most: int, memory: float) -> tuple[Series, ...]:
    """An Aurora cluster with one writer: its metrics are there by instance and by role."""
    metrics = {
        "CPUUtilization": ("Percent", level(lambda f: 96.0 if f.exhausted else 9 + 54 * f.busy)),
        "DatabaseConnections": ("Count", level(_connections(most))),
        "FreeableMemory": ("Bytes", level(lambda f: memory * GIB * (0.09 if f.exhausted else 0.38 - 0.1 * f.busy))),
        "FreeLocalStorage": ("Bytes", level(lambda f: 28.0 * GIB)),
        "CommitLatency": ("Milliseconds", level(lambda f: 3.4 * f.slower)),
        "SelectLatency": ("Milliseconds", level(lambda f: 1.1 * f.slower)),
        "EngineUptime": ("Seconds", level(lambda f: float(f.at % 31_536_000 + 86_400))),
    }
    by_role: Dimensions = (("DBClusterIdentifier", name), ("Role", "WRITER"))
    return (
        *series("AWS/RDS", (("DBInstanceIdentifier", writer),), **metrics),
        *series("AWS/RDS", by_role, **metrics),
    )


def table(name: str, reads: int, writes: int) -> tuple[Series, ...]:
    """A DynamoDB table on demand, with so many reads and writes a request."""
    own: Dimensions = (("TableName", name),)
    found = [
        *series(
            "AWS/DynamoDB", own,
            ConsumedReadCapacityUnits=("Count", counted(lambda f: f.served * reads * 0.5)),
            ConsumedWriteCapacityUnits=("Count", counted(lambda f: f.served * writes)),
        )
    ]  # fmt: skip
    for operation, times, milliseconds in (("GetItem", reads, 2.6), ("PutItem", writes, 4.8)):
        if times:
            found += series(
                "AWS/DynamoDB", (*own, ("Operation", operation)),
                SuccessfulRequestLatency=("Milliseconds", _steady(milliseconds, times)),
            )  # fmt: skip
    return tuple(found)


def _steady(milliseconds: float, times: int) -> Callable[[Flow], Measured | None]:
    """Publish how long something took that does not slow down with its caller, some times a request."""
    spread = tuple(round(milliseconds * one, 3) for one in (0.7, 0.9, 1.0, 1.2, 1.9))

    def measured(flow: Flow) -> Measured | None:
        total = flow.served * times
        some = total // 5
        return (spread, (some, some, total - 4 * some, some, some)) if total else None

    return measured


def function(name: str, share: float = 1.0) -> tuple[Series, ...]:
    """A Lambda function that takes a share of the time of an answer; what is throttled is no invocation."""
    return series(
        "AWS/Lambda", (("FunctionName", name),),
        Invocations=("Count", each(_served)),
        Errors=("Count", of_all(_failed, _served)),
        Throttles=("Count", of_all(lambda f: f.refused, _offered)),
        Duration=("Milliseconds", lasting(share)),
        ConcurrentExecutions=("Count", counted(lambda f: f.minutes * _at_once(f))),
    )  # fmt: skip


def _at_once(flow: Flow) -> int:
    """Executions that run at the same time, by Little's law."""
    return max(1, round(flow.rate / 60 * flow.traffic.median / 1000 * flow.slower)) if flow.served else 0


def rest_api(name: str, stage: str) -> tuple[Series, ...]:
    """A REST API: each request is a point of 1 or 0 among its errors."""
    return series("AWS/ApiGateway", (("ApiName", name), ("Stage", stage)), **_api("5XXError", "4XXError"))


def http_api(api: str, stage: str) -> tuple[Series, ...]:
    """An HTTP API: the same numbers as of a REST API, under other names."""
    return series("AWS/ApiGateway", (("ApiId", api), ("Stage", stage)), **_api("5xx", "4xx"))


def _api(bad: str, rejected: str) -> dict[str, tuple[str, Callable[[Flow], Measured | None]]]:
    return {
        "Count": ("Count", each(_offered)),
        bad: ("Count", of_all(_bad, _offered)),
        rejected: ("Count", of_all(_rejected, _offered)),
        "Latency": ("Milliseconds", lasting(1.0)),
        "IntegrationLatency": ("Milliseconds", lasting(0.92)),
    }


def _waiting(flow: Flow) -> float:
    """Messages that wait: what a minute brings that nothing takes, and what slow consumers leave."""
    return flow.refused / flow.minutes * 6 + (flow.slower - 1) * flow.rate * 0.4


def _dead(flow: Flow) -> float:
    """Messages that were tried too often: none on a good day, for what fails once succeeds when it comes again."""
    return round(flow.failed / flow.minutes) if flow.fault else 0


def queue(name: str, dead: str) -> tuple[Series, ...]:
    """A queue with one message a request, and its dead-letter queue."""
    return (
        *series(
            "AWS/SQS", (("QueueName", name),),
            NumberOfMessagesSent=("Count", counted(_offered)),
            NumberOfMessagesReceived=("Count", counted(_served)),
            NumberOfMessagesDeleted=("Count", counted(lambda f: f.served - f.failed)),
            ApproximateNumberOfMessagesVisible=("Count", level(lambda f: round(_waiting(f)))),
            ApproximateNumberOfMessagesNotVisible=("Count", level(lambda f: round(f.rate / 20))),
            ApproximateAgeOfOldestMessage=("Seconds", level(lambda f: 900.0 if f.down else round(2 * f.slower, 1))),
        ),
        *series(
            "AWS/SQS", (("QueueName", dead),),
            ApproximateNumberOfMessagesVisible=("Count", level(_dead)),
            NumberOfMessagesSent=("Count", level(lambda f: 0)),
        ),
    )  # fmt: skip


def machine(arn: str) -> tuple[Series, ...]:
    """A state machine that is started once a request."""
    return series(
        "AWS/States", (("StateMachineArn", arn),),
        ExecutionsStarted=("Count", each(_served)),
        ExecutionsSucceeded=("Count", each(lambda f: f.served - f.failed)),
        ExecutionsFailed=("Count", of_all(_target_failed, _served)),
        ExecutionsTimedOut=("Count", of_all(_timed_out, _served)),
        ExecutionsAborted=("Count", of_all(lambda f: 0, _served)),
        ExecutionThrottled=("Count", of_all(lambda f: 0, _served)),
        ExecutionTime=("Milliseconds", lasting(1.0)),
    )  # fmt: skip


def topic(name: str) -> tuple[Series, ...]:
    """A topic that is told of every success."""
    told = counted(lambda f: f.served - f.failed)
    return series(
        "AWS/SNS", (("TopicName", name),),
        NumberOfMessagesPublished=("Count", told),
        NumberOfNotificationsDelivered=("Count", told),
    )  # fmt: skip


def bucket(name: str) -> tuple[Series, ...]:
    """A bucket whose request metrics are switched on, for all of it."""
    return series(
        "AWS/S3", (("BucketName", name), ("FilterId", "EntireBucket")),
        AllRequests=("Count", counted(_offered)),
        PutRequests=("Count", counted(_offered)),
        FirstByteLatency=("Milliseconds", _steady(18.0, 1)),
    )  # fmt: skip


def distribution(id_: str, cached: int) -> tuple[Series, ...]:
    """A CloudFront distribution that passes one request of so many on; its metrics are in us-east-1."""

    def share(number: Number) -> Callable[[Flow], Measured | None]:
        return lambda f: ((number(f) / (f.offered * cached) * 100,), (f.minutes,)) if f.offered else None

    return series(
        "AWS/CloudFront", (("DistributionId", id_), ("Region", "Global")),
        **{
            "Requests": ("None", counted(lambda f: f.offered * cached)),
            "BytesDownloaded": ("None", counted(lambda f: f.served * cached * 21_000.0)),
            "5xxErrorRate": ("Percent", share(_bad)),
            "4xxErrorRate": ("Percent", share(_rejected)),
            "TotalErrorRate": ("Percent", share(lambda f: _bad(f) + f.rejected)),
            "CacheHitRate": ("Percent", share(lambda f: f.offered * (cached - 1))),
            "OriginLatency": ("Milliseconds", lasting(1.08)),
        },
    )  # fmt: skip


def tasks(cluster_name: str, service: str, desired: int) -> tuple[Series, ...]:
    """An ECS service on Fargate, with Container Insights."""
    own: Dimensions = (("ClusterName", cluster_name), ("ServiceName", service))
    return (
        *series(
            "AWS/ECS", own,
            CPUUtilization=("Percent", level(lambda f: 5 + 70 * f.busy)),
            MemoryUtilization=("Percent", level(lambda f: 38 + 24 * _pressed(f))),
        ),
        *series(
            "ECS/ContainerInsights", own,
            DesiredTaskCount=("Count", level(lambda f: desired)),
            RunningTaskCount=("Count", level(lambda f: 0 if f.down else desired)),
            PendingTaskCount=("Count", level(lambda f: desired if f.down else 0)),
        ),
    )  # fmt: skip


def kubernetes(name: str, nodes: int, namespace: str, service: str, pods: int) -> tuple[Series, ...]:
    """An EKS cluster with Container Insights, and one service in it."""
    whole: Dimensions = (("ClusterName", name),)
    within: Dimensions = (*whole, ("Namespace", namespace), ("Service", service))
    return (
        *series(
            "ContainerInsights", whole,
            cluster_node_count=("Count", level(lambda f: nodes)),
            cluster_failed_node_count=("Count", level(lambda f: 0)),
            node_cpu_utilization=("Percent", level(lambda f: 14 + 49 * f.busy)),
            node_memory_utilization=("Percent", level(lambda f: 44 + 18 * f.busy)),
            node_filesystem_utilization=("Percent", level(lambda f: 36.0)),
            pod_status_pending=("Count", level(lambda f: pods if f.down else 0)),
            apiserver_request_total_5xx=("Count", level(lambda f: 0)),
        ),
        *series(
            "ContainerInsights", within,
            service_number_of_running_pods=("Count", level(lambda f: 0 if f.down else pods)),
            pod_cpu_utilization_over_pod_limit=("Percent", level(lambda f: 9 + 64 * f.busy)),
            pod_memory_utilization_over_pod_limit=("Percent", level(lambda f: 47 + 21 * _pressed(f))),
            pod_number_of_container_restarts=("Count", level(lambda f: 3 * f.minutes if f.down else 0)),
        ),
    )  # fmt: skip


def cache(name: str) -> tuple[Series, ...]:
    """An ElastiCache node with Redis, whose metrics are there by cluster and by node."""
    metrics = {
        "CPUUtilization": ("Percent", level(lambda f: 3 + 12 * f.busy)),
        "EngineCPUUtilization": ("Percent", level(lambda f: 4 + 34 * f.busy)),
        "CurrConnections": ("Count", level(lambda f: round(24 + 160 * _pressed(f)))),
        "DatabaseMemoryUsagePercentage": ("Percent", level(lambda f: 52 + 9 * f.busy)),
        "Evictions": ("Count", level(lambda f: 0)),
        "CacheHits": ("Count", counted(lambda f: f.served * 9)),
        "CacheMisses": ("Count", counted(_served)),
        "SuccessfulReadRequestLatency": ("Microseconds", _steady(210.0, 9)),
        "SuccessfulWriteRequestLatency": ("Microseconds", _steady(240.0, 1)),
    }
    own: Dimensions = (("CacheClusterId", name),)
    return (
        *series("AWS/ElastiCache", own, **metrics),
        *series("AWS/ElastiCache", (*own, ("CacheNodeId", "0001")), **metrics),
    )


def gateway(id_: str) -> tuple[Series, ...]:
    """A NAT gateway."""
    return series(
        "AWS/NATGateway", (("NatGatewayId", id_),),
        ActiveConnectionCount=("Count", level(lambda f: round(40 + 600 * _pressed(f)))),
        ErrorPortAllocation=("Count", level(lambda f: 0)),
        PacketsDropCount=("Count", level(lambda f: 0)),
        BytesOutToDestination=("Bytes", level(lambda f: f.rate * 2100)),
    )  # fmt: skip


def sign_in(pool: str, client: str, one_in: int) -> tuple[Series, ...]:
    """A Cognito user pool: one request of so many is a sign-in; a success is a 1, what fails a 0."""

    def tried(flow: Flow) -> float:
        return flow.offered // one_in

    def good(flow: Flow) -> float:
        return round(tried(flow) * (1 - _bad(flow) / flow.offered)) if flow.offered else 0

    own: Dimensions = (("UserPool", pool), ("UserPoolClient", client))
    return series(
        "AWS/Cognito", own,
        SignInSuccesses=("Count", of_all(good, tried)),
        TokenRefreshSuccesses=("Count", of_all(good, tried)),
    )  # fmt: skip
